"""Decides rules/target-outside-output-range.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.evidence import speak
from outlayer_lint.facts import LossCall

LOSSES = ("squared", "absolute")


def check(call: LossCall) -> Iterator[Finding]:
    """The targets take values that the output cannot take."""
    fix = Fix("advise", "scale the targets into the output's range, or let the output be linear")
    yield from speak(call, "target-outside-output-range", fix)

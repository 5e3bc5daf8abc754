"""Decides rules/recurrent-state-as-output.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.evidence import speak
from outlayer_lint.facts import LossCall

LOSSES = ("squared", "absolute")


def check(call: LossCall) -> Iterator[Finding]:
    """The state of a recurrent layer is the prediction, with no layer after it."""
    fix = Fix("advise", "put a linear layer after the recurrent one")
    yield from speak(call, "recurrent-state-as-output", fix)

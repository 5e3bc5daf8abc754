"""Decides rules/softmax-on-regression-output.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding
from outlayer_lint.evidence import linear, speak
from outlayer_lint.facts import LossCall

LOSSES = ("squared", "absolute")


def check(call: LossCall) -> Iterator[Finding]:
    """A softmax is last before a regression loss."""
    fix = linear(call, "let the output be linear, or use cross-entropy if these are classes")
    yield from speak(call, "softmax-on-regression-output", fix)

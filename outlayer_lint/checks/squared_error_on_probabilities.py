"""Decides rules/squared-error-on-probabilities.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.evidence import speak
from outlayer_lint.facts import LossCall

LOSSES = ("squared", "absolute")


def check(call: LossCall) -> Iterator[Finding]:
    """A squashed output is compared with class labels by a squared or absolute error."""
    fix = Fix("advise", "use cross-entropy on the scores before the activation, for labels of classes")
    yield from speak(call, "squared-error-on-probabilities", fix)

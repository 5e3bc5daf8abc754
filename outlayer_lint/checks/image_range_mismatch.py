"""Decides rules/image-range-mismatch.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.evidence import speak
from outlayer_lint.facts import LossCall

LOSSES = ("squared", "absolute")


def check(call: LossCall) -> Iterator[Finding]:
    """Images are scaled to a range that the last activation cannot reach."""
    fix = Fix("advise", "use a tanh for images in [-1, 1], a sigmoid for images in [0, 1], or change the scaling")
    yield from speak(call, "image-range-mismatch", fix)

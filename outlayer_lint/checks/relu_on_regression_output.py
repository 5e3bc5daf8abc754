"""Decides rules/relu-on-regression-output.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding
from outlayer_lint.evidence import linear, speak
from outlayer_lint.facts import LossCall

LOSSES = ("squared", "absolute")


def check(call: LossCall) -> Iterator[Finding]:
    """A ReLU or one of its relatives is last before a regression loss."""
    fix = linear(call, "let the output be linear, or a softplus if it has to be positive")
    yield from speak(call, "relu-on-regression-output", fix)

"""Decides rules/classification-loss-on-regression.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.evidence import told
from outlayer_lint.facts import LossCall, places
from outlayer_lint.forms import quantities

LOSSES = ("binary", "binary-logits", "categorical", "softmax-cross-entropy")


def check(call: LossCall) -> Iterator[Finding]:
    """A cross-entropy is given quantities as targets."""
    witness = quantities(call)
    if witness is not None:
        fix = Fix("advise", "use a squared or absolute error for a quantity, or scale it into [0, 1]")
        because = places(call.prediction.ways[0]) if call.prediction.known else ()
        yield Finding(call.span, "proved", because, fix, {"targets": told(witness)}, call.target.certainty)

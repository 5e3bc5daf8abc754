"""Decides rules/probabilities-into-nll-loss.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding
from outlayer_lint.facts import LossCall, places
from outlayer_lint.lattice import Emission
from outlayer_lint.remedies import logarithm

LOSSES = ("nll",)
GIVEN = ("simplex", "unit")


def check(call: LossCall) -> Iterator[Finding]:
    """Probabilities without their logarithm meet a loss that takes log-probabilities."""
    if call.loss.family not in LOSSES or call.swapped:
        return
    value = call.prediction
    witness = value.every(Emission.SIMPLEX, Emission.UNIT)
    if witness is not None and value.units != 1:  # one unit is single-unit-softmax or single-unit-cross-entropy
        fix = logarithm(call, "apply log-softmax instead, or pass the logits to the cross-entropy loss")
        yield Finding(call.span, "proved", places(witness), fix, certainty=value.certainty)

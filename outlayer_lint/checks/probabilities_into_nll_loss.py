"""Decides rules/probabilities-into-nll-loss.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import LossCall, places
from outlayer_lint.lattice import Emission, Value


def check(call: LossCall) -> Iterator[Finding]:
    """Probabilities without their logarithm meet a loss that takes log-probabilities."""
    if call.loss.family != "nll" or call.swapped:
        return
    value = call.prediction
    witness = value.every(Emission.SIMPLEX, Emission.UNIT)
    if witness is not None and value.units != 1:  # one unit is single-unit-softmax or single-unit-cross-entropy
        fix = logarithm(value, "apply log-softmax instead, or pass the logits to the cross-entropy loss")
        yield Finding(call.span, "proved", places(witness), fix, certainty=value.certainty)


def logarithm(value: Value, message: str) -> Fix:
    """Turns the softmax into a log-softmax: an edit where one plain call made the value, else words."""
    origins = {(way.by.rpartition(".")[2], way.origin.applied, way.origin.built) for way in value}
    by, applied, built = origins.pop() if len(origins) == 1 else ("", None, None)
    if by != "softmax" or applied is None or built is not None:
        return Fix("advise", message)
    return Fix("rename", message, "unsafe", applied, text="log_softmax")

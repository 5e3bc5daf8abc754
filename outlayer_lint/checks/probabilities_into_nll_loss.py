"""Decides rules/probabilities-into-nll-loss.md."""

from collections.abc import Iterator

from outlayer_lint.checks.softmax_into_cross_entropy import made
from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import LossCall, places
from outlayer_lint.lattice import Emission


def check(call: LossCall) -> Iterator[Finding]:
    """Probabilities without their logarithm meet a loss that takes log-probabilities."""
    if call.loss.family != "nll" or call.swapped:
        return
    value = call.prediction
    witness = value.every(Emission.SIMPLEX, Emission.UNIT)
    if witness is not None and value.units != 1:  # one unit is single-unit-softmax or single-unit-cross-entropy
        fix = logarithm(call, "apply log-softmax instead, or pass the logits to the cross-entropy loss")
        yield Finding(call.span, "proved", places(witness), fix, certainty=value.certainty)


def logarithm(call: LossCall, message: str) -> Fix:
    """Turns the softmax into a log-softmax: an edit where one plain call made the prediction, else words."""
    span, safety = made(call)
    softmax = {way.by.rpartition(".")[2] for way in call.prediction} == {"softmax"}
    if span is None or not softmax:
        return Fix("advise", message)
    return Fix("rename", message, safety, span, text="log_softmax")

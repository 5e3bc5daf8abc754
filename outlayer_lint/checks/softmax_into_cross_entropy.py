"""Decides rules/softmax-into-cross-entropy.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding
from outlayer_lint.facts import LossCall, places
from outlayer_lint.forms import flagged, softmaxed
from outlayer_lint.remedies import removal

LOSSES = ("softmax-cross-entropy",)
GIVEN = ("simplex", "unit")


def check(call: LossCall) -> Iterator[Finding]:
    """Probabilities over the classes meet a loss that applies softmax itself."""
    if call.loss.family not in LOSSES or call.swapped or flagged(call.loss, call.arguments):
        return
    value = call.prediction
    witness = value.all(lambda way: softmaxed(way) and not way.scaled)
    # One unit is single-unit-softmax: without the softmax it would be as wrong as with it.
    if witness is not None and value.units != 1:
        fix = removal(call, "pass the logits to the loss, and apply softmax only where probabilities are read")
        yield Finding(call.span, "proved", places(witness), fix, certainty=value.certainty)

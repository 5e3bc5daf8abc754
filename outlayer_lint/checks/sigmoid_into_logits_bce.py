"""Decides rules/sigmoid-into-logits-bce.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding
from outlayer_lint.facts import LossCall, places
from outlayer_lint.forms import flagged, softmaxed
from outlayer_lint.lattice import Emission
from outlayer_lint.remedies import removal

LOSSES = ("binary-logits",)
GIVEN = ("unit",)


def check(call: LossCall) -> Iterator[Finding]:
    """Values in [0, 1] meet a loss that applies the sigmoid itself."""
    if call.loss.family not in LOSSES or call.swapped or flagged(call.loss, call.arguments):
        return
    value = call.prediction
    witness = value.all(lambda way: way.emission is Emission.UNIT and not softmaxed(way) and not way.scaled)
    if witness is not None:
        fix = removal(call, "pass the logits to the loss, and apply the sigmoid only where probabilities are read")
        yield Finding(call.span, "proved", places(witness), fix, certainty=value.certainty)

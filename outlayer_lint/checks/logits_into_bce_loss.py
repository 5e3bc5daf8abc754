"""Decides rules/logits-into-bce-loss.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import LossCall, places
from outlayer_lint.forms import raw
from outlayer_lint.lattice import Emission

LOSSES = ("binary",)
GIVEN = ("logit",)


def check(call: LossCall) -> Iterator[Finding]:
    """Raw scores meet a binary cross-entropy that takes probabilities."""
    if call.loss.family not in LOSSES or call.swapped or call.loss.of_keras:
        return  # Keras has a flag for it: keras-logits-without-from-logits
    value = call.prediction
    witness = value.all(lambda way: way.emission is Emission.LOGIT and raw(way))
    if witness is not None:
        fix = Fix("advise", "use the binary cross-entropy with logits, which applies the sigmoid itself")
        yield Finding(call.span, "proved", places(witness), fix, certainty=value.certainty)

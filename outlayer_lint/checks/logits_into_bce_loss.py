"""Decides rules/logits-into-bce-loss.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import LossCall, places
from outlayer_lint.forms import raw
from outlayer_lint.lattice import Emission, Tensor

LOSSES = ("binary",)
GIVEN = ("logit",)


def check(call: LossCall) -> Iterator[Finding]:
    """Raw scores meet a binary cross-entropy that takes probabilities."""
    if call.loss.family not in LOSSES or call.swapped or call.loss.of_keras:
        return  # Keras has a flag for it: keras-logits-without-from-logits
    value = call.prediction
    witness = value.all(lambda way: way.emission is Emission.LOGIT and (raw(way) or moved(way)))
    if witness is not None:
        fix = Fix("advise", "use the binary cross-entropy with logits, which applies the sigmoid itself")
        yield Finding(call.span, "proved", places(witness), fix, certainty=value.certainty)


def moved(way: Tensor) -> bool:
    """Whether raw scores were added up or subtracted: that brings nothing between 0 and 1."""
    parts = way.inner.all(lambda one: one.emission is Emission.LOGIT and raw(one))
    return way.by in ("add", "sub") and parts is not None

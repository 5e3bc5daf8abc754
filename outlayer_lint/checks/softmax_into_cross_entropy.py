"""Decides rules/softmax-into-cross-entropy.md."""

from collections.abc import Iterator

from outlayer_lint.checks.keras_activation_with_from_logits import flagged
from outlayer_lint.diagnostic import Finding, Fix, Span
from outlayer_lint.facts import LossCall, places
from outlayer_lint.lattice import Emission, Tensor


def check(call: LossCall) -> Iterator[Finding]:
    """Probabilities over the classes meet a loss that applies softmax itself."""
    if call.loss.family != "softmax-cross-entropy" or call.swapped or flagged(call.loss.name, call.arguments):
        return
    value = call.prediction
    witness = value.all(lambda way: softmaxed(way) and not way.scaled)
    # One unit is single-unit-softmax: without the softmax it would be as wrong as with it.
    if witness is not None and value.units != 1:
        fix = removal(call, "pass the logits to the loss, and apply softmax only where probabilities are read")
        yield Finding(call.span, "proved", places(witness), fix, certainty=value.certainty)


def softmaxed(way: Tensor) -> bool:
    """Whether a softmax made it; a part of its result, or a reshaped one, need not sum to one any more."""
    return way.emission is Emission.SIMPLEX or (way.emission is Emission.UNIT and way.by.endswith("softmax"))


def removal(call: LossCall, message: str) -> Fix:
    """Takes away the activation that made the prediction: an edit where one plain call made it, else words."""
    span, safety = made(call)
    return Fix("advise" if span is None else "unwrap", message, safety, span)


def made(call: LossCall) -> tuple[Span | None, str]:
    """The one plain call that made the prediction, and whether changing it is safe: inside the loss call it is.

    An activation that was built as a layer may stand inside a `Sequential`, whose call must stay.
    """
    origins = {(way.origin.applied, way.origin.built) for way in call.prediction}
    applied, built = origins.pop() if len(origins) == 1 else (None, None)
    if applied is None or built is not None:
        return None, "unsafe"
    outer = call.span
    inline = (applied.path, applied.cell) == (outer.path, outer.cell) and (
        outer[1:3] <= applied[1:3] and applied[3:5] <= outer[3:5]
    )
    return applied, "safe" if inline else "unsafe"

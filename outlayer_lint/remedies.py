"""Repairs that several checks propose: an edit where one plain call made the output, else words."""

from __future__ import annotations

from outlayer_lint.diagnostic import Fix
from outlayer_lint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from outlayer_lint.diagnostic import Span
    from outlayer_lint.facts import LossCall


def removal(call: LossCall, message: str) -> Fix:
    """Takes away the activation that made the prediction: an edit where one plain call made it, else words."""
    span, safety = made(call)
    return Fix("advise" if span is None else "unwrap", message, safety, span)


def logarithm(call: LossCall, message: str) -> Fix:
    """Turns the softmax into a log-softmax: an edit where one plain call made the prediction, else words."""
    span, safety = made(call)
    softmax = {way.by.rpartition(".")[2] for way in call.prediction} == {"softmax"}
    if span is None or not softmax:
        return Fix("advise", message)
    return Fix("rename", message, safety, span, text="log_softmax")


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

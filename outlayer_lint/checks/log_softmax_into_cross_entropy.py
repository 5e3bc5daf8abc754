"""Decides rules/log-softmax-into-cross-entropy.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding
from outlayer_lint.dims import same_axis
from outlayer_lint.facts import LossCall, places
from outlayer_lint.lattice import Emission, Tensor
from outlayer_lint.remedies import removal

LOSSES = ("softmax-cross-entropy",)
GIVEN = ("logp", "logunit")


def check(call: LossCall) -> Iterator[Finding]:
    """Log-probabilities meet a loss that takes their log-softmax; over a wrong dim it is normalised-over-wrong-dim."""
    if call.loss.family not in LOSSES or call.swapped:
        return
    value = call.prediction

    def harmless(way: Tensor) -> bool:
        astray = same_axis(way, way.axis, call.loss.class_axis) is False and way.rank != 1
        reshaped = way.emission is Emission.LOGUNIT and way.by.endswith("softmax")
        return reshaped or (way.emission is Emission.LOGP and not astray)

    witness = value.all(harmless)
    # One unit is single-unit-softmax, with or without the loss.
    if witness is not None and value.units != 1:
        fix = removal(call, "pass the logits to the loss, or keep the log-softmax and use the NLL loss")
        yield Finding(call.span, "harmless", places(witness), fix, certainty=value.certainty)

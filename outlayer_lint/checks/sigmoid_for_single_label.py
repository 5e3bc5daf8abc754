"""Decides rules/sigmoid-for-single-label.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import LossCall, places
from outlayer_lint.forms import multihot, softmaxed
from outlayer_lint.lattice import Emission, Tensor

LOSSES = ("categorical",)
GIVEN = ("unit",)


def check(call: LossCall) -> Iterator[Finding]:
    """A sigmoid for each of several classes meets a loss that normalises over them."""
    value, units = call.prediction, call.prediction.units
    if call.loss.family not in LOSSES or call.swapped or units == 1:
        return

    def sigmoids(way: Tensor) -> bool:
        return way.emission is Emission.UNIT and way.by.endswith("sigmoid") and not softmaxed(way)

    witness = value.all(sigmoids)
    if witness is not None and call.target.all(lambda way: multihot(way, units)) is None:
        fix = Fix("advise", "use a softmax, whose outputs are the probabilities that the loss computes")
        yield Finding(call.span, "renormalised", places(witness), fix, {"units": units or "the"}, value.certainty)

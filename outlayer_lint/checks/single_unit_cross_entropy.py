"""Decides rules/single-unit-cross-entropy.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.dims import aside, classes_last
from outlayer_lint.facts import LossCall, places
from outlayer_lint.lattice import Emission, Tensor

OUTPUTS = (
    Emission.LOGIT, Emission.UNIT, Emission.NONNEG, Emission.POS, Emission.SYM1, Emission.BND, Emission.LOGUNIT,
    Emission.UNORM,
)  # fmt: skip

LOSSES = ("softmax-cross-entropy", "nll", "categorical", "kl")
CHOOSING = LOSSES[:3]  # among the units, by a softmax or by what it gives


def check(call: LossCall) -> Iterator[Finding]:
    """One score is compared with class indices by a softmax loss; a softmax over one unit is another rule's."""
    if call.loss.family == "kl":
        yield from _divergence(call)
    if call.loss.family not in CHOOSING:
        return

    def single(way: Tensor) -> bool:
        return way.emission in OUTPUTS and way.units == 1 and not aside(way, call.loss.class_axis)

    witness = call.prediction.all(single)
    if witness is None or (call.loss.class_axis == 1 and classes_last(witness)):
        return
    fix = Fix("advise", "use a binary cross-entropy on the score, or one unit for each class")
    yield Finding(call.span, "proved", places(witness), fix, certainty=call.prediction.certainty)


def _divergence(call: LossCall) -> Iterator[Finding]:
    """A divergence of shares is asked of one probability: where the target is 0 it asks for nothing."""
    if Emission.UNIT not in call.loss.wants:
        return
    witness = call.prediction.all(lambda way: way.emission is Emission.UNIT and way.units == 1)
    if witness is not None:
        fix = Fix("advise", "use a binary cross-entropy, which asks of both labels")
        yield Finding(call.span, "divergence", places(witness), fix, certainty=call.prediction.certainty)

"""Decides rules/non-differentiable-output-in-loss.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import LossCall, places
from outlayer_lint.lattice import Emission, Tensor

DECIDED = (Emission.INDEX, Emission.BOOL, Emission.BINARY, Emission.ONEHOT, Emission.MULTIHOT)
# Errors in squares, absolutes or percents of decided or detached values are also how people log a metric.
DISTANCES = ("squared", "absolute", "relative")


def check(call: LossCall) -> Iterator[Finding]:
    """No gradient flows from the loss back into the model."""
    if call.mode != "train" or call.swapped or (cut := call.prediction.all(_cut)) is None:
        return
    if any(map(_trains, call.target.ways)):
        return
    decided = call.prediction.every(*DECIDED) is not None
    distance = call.loss.family in DISTANCES
    if not (decided or (call.target.known and not distance)) or call.evidence("predicted"):
        return
    grade = "decided" if decided and not distance else "cut"
    fix = Fix("advise", "give the loss the scores, and decide only where a metric is computed")
    yield Finding(call.span, grade, places(cut), fix, certainty=call.prediction.certainty)


def _cut(way: Tensor) -> bool:
    """A straight-through estimator keeps its gradient: it adds the soft value to a detached difference."""
    return bool(way.learned) and not way.gradient


def _trains(way: Tensor) -> bool:
    """A target that is trained itself: codebooks and commitment terms detach the other side on purpose."""
    return bool(way.learned) and way.gradient

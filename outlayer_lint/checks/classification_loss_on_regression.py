"""Decides rules/classification-loss-on-regression.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.evidence import IMAGE_RANK, SLACK, history, learned, reach, stem, told
from outlayer_lint.facts import LossCall, places
from outlayer_lint.lattice import Emission, Tensor

FAMILIES = ("binary", "binary-logits", "categorical", "softmax-cross-entropy")
CONTINUOUS = (Emission.LOGIT, Emission.NONNEG, Emission.POS, Emission.BND)
PICTURED = ("target-is-input", "convolution-last", "gan-label", "bootstrapped", "menu")

NOISY = 1.5  # the labels of a GAN are shaken a little beyond 1
MIXED = frozenset({"cat", "concat", "concatenate", "stack", "hstack", "columnstack", "where"})  # columns of any kind


def check(call: LossCall) -> Iterator[Finding]:
    """A cross-entropy is given quantities as targets."""
    witness = quantities(call)
    if witness is not None:
        fix = Fix("advise", "use a squared or absolute error for a quantity, or scale it into [0, 1]")
        because = places(call.prediction.ways[0]) if call.prediction.known else ()
        yield Finding(call.span, "proved", because, fix, {"targets": told(witness)}, call.target.certainty)


def quantities(call: LossCall) -> Tensor | None:
    """A witness that the targets of a cross-entropy are neither labels nor probabilities."""
    value, target = call.prediction, call.target
    if call.loss.family not in FAMILIES or call.swapped or not value.known or target.all(beyond) is None:
        return None
    witness = target.ways[0]
    if call.loss.family == "softmax-cross-entropy" and (value.rank is None or witness.rank != value.rank):
        return None  # with one dim less they stand for indices, of a dtype that is refused: class-index-dtype
    dense = max(value.rank or 0, witness.rank or 0) >= IMAGE_RANK
    return None if dense or any(map(call.evidence, PICTURED)) else witness


def beyond(target: Tensor) -> bool:
    """Whether a target is a number outside [0, 1] that no label has: -1 and 1 are labels of another convention."""
    if target.emission not in CONTINUOUS or learned(target) or target.dtype not in (None, "float", "double", "half"):
        return False
    if target.certainty != "proved" or any(stem(each) in MIXED for each in history(target)):
        return False
    low, high = reach(target)
    wide = (low is not None and low < -1 - SLACK) or (high is not None and high > NOISY)
    return wide or target.emission is Emission.LOGIT

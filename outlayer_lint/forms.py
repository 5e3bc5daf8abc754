"""What forms outputs, targets and losses come in, as several checks ask about them."""

from __future__ import annotations

from math import inf

from outlayer_lint.dims import IMAGE_RANK
from outlayer_lint.evidence import SLACK, is_soft, reach
from outlayer_lint.lattice import Emission
from outlayer_lint.lineage import history, learned, stem
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outlayer_lint.facts import LossCall
    from outlayer_lint.knowledge import Row
    from outlayer_lint.lattice import Tensor, Value

ROWS, PAIR = 2, 2
# Scores are normalised by hand as `x - logsumexp(x)`, `(x / x.sum()).log()` or `(x - min) / (max - min)`.
BY_HAND = ("add", "sub", "mul", "div", "neg", "log")
FLOATS = ("float", "double")
CROSS_ENTROPIES = ("binary", "binary-logits", "categorical", "softmax-cross-entropy")
CLASSES = ("categorical", "softmax-cross-entropy")  # losses over classes of which one is right
LABEL_ROWS = frozenset({Emission.ONEHOT, Emission.SIMPLEX})
SCALERS = "sklearn.preprocessing."
CONTINUOUS = (Emission.LOGIT, Emission.NONNEG, Emission.POS, Emission.BND)
PICTURED = ("target-is-input", "convolution-last", "gan-label", "bootstrapped", "menu")
NOISY = 1.5  # the labels of a GAN are shaken a little beyond 1
LOWEST = -0.5  # silu, gelu, mish and hardswish dip below zero, but not as far
MIXED = frozenset({"cat", "concat", "concatenate", "stack", "hstack", "columnstack", "where"})  # columns of any kind

# Outputs


def softmaxed(way: Tensor) -> bool:
    """Whether a softmax made it; a part of its result, or a reshaped one, need not sum to one any more."""
    return way.emission is Emission.SIMPLEX or (way.emission is Emission.UNIT and way.by.endswith("softmax"))


def raw(way: Tensor) -> bool:
    """Whether it comes out of a learned layer, and no arithmetic afterwards may have normalised it."""
    # A filter over probabilities may well be a fixed one: what it gives are no scores, and log-softmax is no remedy.
    blurred = way.class_axis != -1 and way.inner.all(probable) is not None
    return bool(way.learned) and way.by.rpartition(".")[2] not in BY_HAND and not blurred


def probable(way: Tensor) -> bool:
    """Whether these are probabilities that were computed; data between 0 and 1 are pictures."""
    return way.emission in (Emission.SIMPLEX, Emission.UNIT) and way.source is None


def clipped(way: Tensor) -> bool:
    """Whether a softmax or a sigmoid was applied to such scores; `x / x.sum()` of them is no fault.

    Numbers that stand in the program, or were read, are not cut: they just are not negative.
    """
    squashed = way.emission is Emission.LOGP or way.by.lower().endswith(("softmax", "sigmoid"))
    return squashed and way.inner.all(lambda scores: floor(scores) > LOWEST and scores.source is None) is not None


def pooled(way: Tensor) -> bool:
    """Whether scores are averages over the positions of a convolution."""
    return "conv" in way.learned.lower() and way.rank != way.inner.rank


def floor(way: Tensor) -> float:
    """The lowest score, of activations that cut or bend at zero (relu, softplus, gelu, silu); else minus infinity."""
    if way.emission in (Emission.NONNEG, Emission.POS) or (way.emission is Emission.BND and way.low >= 0):
        return 0.0
    return way.low if way.emission is Emission.BND and way.high == inf else -inf


# Targets


def surety(target: Value) -> str:
    """How sure it is that several labels hold: some use a `MultiLabelBinarizer` to make one-hot rows."""
    return "likely" if any(stem(way) == "multilabelbinarizer" for way in target) else target.certainty


def multihot(way: Tensor, units: int | None) -> bool:
    """Whether a row of labels may hold any number of ones: coded so, or zeros and ones drawn for each column.

    A comparison or a table of zeros and ones may as well be one-hot, and so may the parts of one.
    """
    if way.emission is Emission.MULTIHOT:
        return not is_soft(way)
    drawn = way.emission is Emission.INDEX and way.units == PAIR and way.source is not None
    return drawn and way.rank == ROWS and (units or 0) > PAIR


def divided(way: Tensor) -> bool:
    """Class numbers that went through a division or a scaler, as inputs do."""
    scaled = way.by.endswith("div") or way.by.startswith(SCALERS)
    return scaled and way.dtype in FLOATS and way.inner.every(Emission.INDEX) is not None


def measured(target: Tensor) -> bool:
    """Whether a target is known to be no row of labels: it has no bounds of 0 and 1, or a scaler gave it those."""
    return target.emission in CONTINUOUS or (
        target.emission is Emission.UNIT and target.by.startswith(SCALERS) and not divided(target)
    )


def labels_as(loss: Row, target: Value, units: int | None) -> str:
    """How labels come, as far as the loss or the labels themselves tell: `rows`, `indices` or neither."""
    if loss.family in CLASSES:
        return "indices" if LABEL_ROWS.isdisjoint(loss.target) else "rows"
    if target.every(*LABEL_ROWS) is not None:
        return "rows"
    if target.every(Emission.INDEX) is not None:
        return "" if any(multihot(way, units) for way in target.ways) else "indices"  # zeros and ones in rows
    return ""


def quantities(call: LossCall) -> Tensor | None:
    """A witness that the targets of a cross-entropy are neither labels nor probabilities."""
    value = call.prediction
    if call.loss.family not in CROSS_ENTROPIES or call.swapped or not value.known:
        return None
    target = call.target
    if target.all(beyond) is None:
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


# Losses


def flagged(row: Row, arguments: Mapping[str, Any]) -> bool:
    """Whether a Keras loss or metric applies its own activation because a flag tells it to."""
    return row.of_keras and arguments.get("from_logits") is True

"""Dims: which one an axis means, where the classes are, whether a softmax ran over the samples."""

from __future__ import annotations

from outlayer_lint.lattice import SCRAMBLED, Emission
from outlayer_lint.lineage import PRODUCTS, history, stem
from outlayer_lint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from outlayer_lint.lattice import Tensor

IMAGE_RANK = 3
SIMPLEXES = (Emission.SIMPLEX, Emission.LOGP)


def axis_of(way: Tensor, axis: int | str | None) -> int | None:
    """The dim counted from the front, `None` where that is unknown; `"implicit"` is what torch chooses by rank."""
    if axis == "implicit":
        return None if way.rank is None else int(way.rank not in (0, 1, 3))
    if not isinstance(axis, int) or axis == SCRAMBLED:
        return None
    return axis if axis >= 0 else None if way.rank is None else axis + way.rank


def same_axis(way: Tensor, left: int | str | None, right: int | str | None) -> bool | None:
    """Whether two dims of a tensor are the same one, `None` where that cannot be told without its rank."""
    if not isinstance(left, int | str) or not isinstance(right, int | str) or SCRAMBLED in (left, right):
        return None
    if left == right:
        return True
    if isinstance(left, int) and isinstance(right, int) and (left < 0) == (right < 0):
        return False
    first, second = axis_of(way, left), axis_of(way, right)
    return None if first is None or second is None else first == second


def class_axis(way: Tensor) -> int | None:
    """Where the classes are, `None` where unknown. A softmax over the layer's class dim takes it along when moved."""
    if way.class_axis is not None or not isinstance(way.axis, int):
        return way.class_axis
    return way.axis if {each.class_axis for each in way.inner} == {way.axis} else None


def over_batch(way: Tensor) -> bool:
    """Whether a softmax ran over the first dim of an output that is not a single sample."""
    if way.emission not in SIMPLEXES or axis_of(way, way.axis) != 0 or way.rank == 1:
        return False
    return not of_pairs(way)


def of_pairs(way: Tensor) -> bool:
    """Whether it holds scores of all pairs (`a @ b.T`).

    These have samples along both dims, and a contrastive loss normalises over each in turn.
    """
    return any(stem(each) in PRODUCTS for each in history(way))


def classes_last(way: Tensor) -> bool:
    """Whether a tensor of three dims or more is proved to hold its classes in the last one."""
    if not may_have_classes_last(way) or way.rank is None or way.rank < IMAGE_RANK:
        return False
    return axis_of(way, class_axis(way)) == way.rank - 1


def may_have_classes_last(way: Tensor) -> bool:
    """Whether `classes_last` has to be asked: what is known without further questions does not rule it out."""
    return class_axis(way) not in (None, 1) and (way.told_rank is None or way.told_rank >= IMAGE_RANK)


def aside(way: Tensor, wanted: int | None) -> bool:
    """Whether the class dim is proved to lie elsewhere than where the loss looks for it."""
    return same_axis(way, class_axis(way), wanted) is False

"""What the target of a watched loss call is, from its values; a claim about a prediction, against its values."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from outlayer_lint.dims import axis_of
from outlayer_lint.lattice import Emission, Tensor, Value
from outlayer_lint.tracer.child.losses.reading import DTYPES
from outlayer_lint.tracer.child.recording.numbers import DISTINCT, Numbers, class_dim

if TYPE_CHECKING:
    from outlayer_lint.knowledge import Row
    from outlayer_lint.tracer.child.recording.marks import Mark

SLACK = 1e-3
WHOLE = ("torch.int64", "torch.int32", "torch.int16", "torch.uint8")
DISAGREES = "the numbers disagree"
SEVERAL = 2
OPAQUE = "a layer that was not seen"
UNSEEN = ("third-party object", "no transfer function")
FLOATS = ("float16", "bfloat16", "float32", "float64")


def joined(found: list[Numbers]) -> Numbers:
    """What several calls at one place show together."""
    first = found[0]
    return first._replace(
        finite=all(each.finite for each in found),
        low=min(each.low for each in found), high=max(each.high for each in found),
        constant=all(each.constant and each.low == first.low for each in found),
        distinct=min(64, (max if first.whole else sum)(each.distinct for each in found)),
        whole=all(each.whole for each in found), binary=all(each.binary for each in found),
        simplex=tuple(dim for dim in first.simplex if all(dim in each.simplex for each in found)),
        logp=tuple(dim for dim in first.logp if all(dim in each.logp for each in found)),
        near=tuple(dim for dim in first.near if all(dim in each.near for each in found)),
        ones=(min(each.ones[0] for each in found), max(each.ones[1] for each in found)),
    )  # fmt: skip


# -- targets ----------------------------------------------------------------------------------------------------------


def target(
    seen: Numbers, mark: Mark, prediction: Numbers | None, row: Row | None = None, *, counted: bool = False
) -> Value:
    """What data in the target's place are, from their values alone; `prediction` tells what their shape means.

    `row` is the loss: Keras turns class numbers into floats before it hands them over. `counted` says that they were
    whole numbers before.
    """
    counts = counted and seen.whole and not seen.binary and seen.low >= 0
    if row is not None and row.of_keras and seen.whole and not seen.binary and {*row.target} == {Emission.INDEX}:
        seen = seen._replace(dtype="int64")
    emission, axis, units = _meaning(seen, prediction)
    emission = Emission.INDEX if counts and emission is Emission.BND else emission
    if emission is None:
        return Value(reason="batch data")
    dtype = DTYPES.get(mark.dtype, None)
    ranged = emission in (Emission.UNIT, Emission.BND)
    way = Tensor(
        emission, axis=axis, units=units, rank=seen.rank, dtype=dtype, source=("data", id(mark)),
        low=seen.low if ranged else None, high=seen.high if ranged else None,
        class_axis=axis if isinstance(axis, int) else None,
    )  # fmt: skip
    return Value((way,))


def _meaning(seen: Numbers, prediction: Numbers | None) -> tuple[Emission | None, int | None, int | None]:
    """Emission, axis and units."""
    if not isfinite(seen.low):
        return None, None, None
    dim = class_dim(seen.shape) if seen.shape else 0
    last = seen.shape[dim] if seen.shape else 1
    alike = prediction is not None and seen.shape == prediction.shape
    rows = seen.rank >= SEVERAL and last > 1
    if seen.binary and rows:
        if seen.ones == (1.0, 1.0):
            return (Emission.ONEHOT, dim, last) if not seen.constant else (Emission.BINARY, None, None)
        several = seen.ones[1] >= SEVERAL and not seen.constant and seen.rank == SEVERAL
        return (Emission.MULTIHOT, dim, last) if several else (Emission.BINARY, None, None)
    if seen.dtype not in FLOATS:
        if seen.dtype == "bool":
            return Emission.BOOL, None, None
        single = seen.rank == SEVERAL and last == 1
        return (Emission.INDEX if seen.low >= 0 or seen.low == -100 else Emission.BND), None, 1 if single else None
    if seen.binary:
        return Emission.BINARY, None, 1 if seen.rank == SEVERAL and last == 1 else None
    if alike and dim in seen.simplex and seen.distinct > SEVERAL:
        return Emission.SIMPLEX, dim, last
    if alike and dim in seen.logp and seen.distinct > SEVERAL:
        return Emission.LOGP, dim, last
    return (Emission.UNIT if seen.low >= 0 and seen.high <= 1 else Emission.BND), None, None


# -- predictions ------------------------------------------------------------------------------------------------------


def judged(value: Value, seen: Numbers | None, learned: str) -> Value:
    """What the operations say of a prediction, against its values.

    A claim that the values contradict is dropped. Where the operations tell nothing, rows that sum to one over enough
    different values are a distribution, whoever wrote it; other ranges may be chance and are not taken for a rule.
    """
    if seen is None or not isfinite(seen.low):
        return value
    if value.known and not all(agrees(way, seen) for way in value):
        value = Value(reason=DISAGREES)
    if value.every(Emission.SIMPLEX, Emission.LOGP) is not None and seen.distinct >= DISTINCT and not seen.constant:
        return value.map(lambda way: way.replace(certainty="proved"))  # `x / x.sum()` is a guess only where it is read
    if value.reason in UNSEEN and seen.distinct >= DISTINCT and seen.low < -SLACK and seen.high > 1 + SLACK:
        # Whatever made it, these are no probabilities, and no logarithms of any.
        classes = class_dim(seen.shape) if seen.shape else None
        units = seen.shape[classes] if classes is not None and seen.rank == SEVERAL else None
        return Value((Tensor(Emission.LOGIT, by=OPAQUE, learned=OPAQUE, units=units, rank=seen.rank, certainty="likely",
                             class_axis=classes, dtype=DTYPES.get(f"torch.{seen.dtype}")),))  # fmt: skip
    opaque = not value.known and value.reason not in ("batch data", "literal tensor", "result of a loss")
    unbounded = value.known and all(
        way.emission in (Emission.LOGIT, Emission.NONNEG, Emission.POS, Emission.BND, Emission.UNIT, Emission.LOGUNIT)
        for way in value
    )
    if (opaque or unbounded) and not seen.constant and seen.distinct >= DISTINCT:
        found = _distribution(seen, learned)
        if found is not None:
            return value.map(lambda way: _as_shown(way, found)) if unbounded else Value((found,))
    return value


def _as_shown(way: Tensor, found: Tensor) -> Tensor:
    """A way that is taken for what its values show; where it came from stays."""
    return found.replace(
        origin=way.origin, learned=way.learned, class_axis=way.class_axis, gradient=way.gradient, inner=Value((way,))
    )


def agrees(way: Tensor, seen: Numbers) -> bool:
    """Whether values are such as a way claims. A claim about a dim that is not known is not tried."""
    slack = SLACK * max(1.0, abs(seen.low), abs(seen.high))
    if seen.low < way.low - slack or seen.high > way.high + slack:
        return False
    axis = axis_of(way, way.axis)
    if axis is None or not seen.finite or axis >= seen.rank or seen.shape[axis] < SEVERAL:
        return True
    return way.emission not in (Emission.SIMPLEX, Emission.LOGP) or axis in seen.near


def _distribution(seen: Numbers, learned: str) -> Tensor | None:
    """Rows that sum to one over exactly one dim."""
    for emission, dims in ((Emission.SIMPLEX, seen.simplex), (Emission.LOGP, seen.logp)):
        if len(dims) == 1 and seen.rank >= SEVERAL:
            return Tensor(
                emission, axis=dims[0], units=seen.shape[dims[0]], rank=seen.rank, class_axis=dims[0], learned=learned,
                dtype=DTYPES.get(f"torch.{seen.dtype}"),
                by="softmax" if emission is Emission.SIMPLEX else "log_softmax",
            )  # fmt: skip
    return None

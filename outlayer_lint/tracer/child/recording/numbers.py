"""What the values of a tensor show: range, sums, whole numbers. Weak evidence alone, strong against a claim.

Sums are taken in float64: a half-precision sum comes out as exactly one for every length, and proves nothing.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

# Worst abs(sum - 1) of softmax, and abs(logsumexp) of log-softmax, over 30,000 classes and logits of scale 0.1 to 10.
SUM_SLACK = {"float16": 1.5e-3, "bfloat16": 1e-2}
LOG_SLACK = {"float16": 6e-3, "bfloat16": 4e-2}
SUM, LOG = 1e-5, 1e-4  # of float32 and wider
MAX_VALUES = 200_000  # of a tensor are looked at
DISTINCT = 32  # different values asked for before a range is taken for a rule
ROWS = 2


class Numbers(NamedTuple):
    """What the values of one tensor show.

    Attributes:
        shape, dtype: as torch has them, the dtype without `torch.`.
        finite: whether all values are; `low` and `high` are of the finite ones.
        low, high: the smallest and the largest value, `nan` for an empty tensor.
        constant: all values are the same.
        distinct: how many different values there are, counted up to 64.
        whole: all values are whole numbers; `binary`: they are 0 or 1.
        simplex: dims of two or more over which the values are not negative and sum to one.
        logp: dims of two or more over which the exponentials sum to one.
        near: dims of two or more over which they, or their exponentials, sum to one as far as half precision can tell:
            enough not to contradict a softmax that was seen, not enough to take anything for one.
        ones: the fewest and the most ones along the class dim (1, or the only one), where `binary`.
    """

    shape: tuple[int, ...]
    dtype: str
    finite: bool = True
    low: float = inf
    high: float = -inf
    constant: bool = False
    distinct: int = 0
    whole: bool = False
    binary: bool = False
    simplex: tuple[int, ...] = ()
    logp: tuple[int, ...] = ()
    near: tuple[int, ...] = ()
    ones: tuple[float, float] = (0.0, 0.0)

    @property
    def rank(self) -> int:
        """The number of dims."""
        return len(self.shape)


def look(tensor: Any) -> Numbers:
    """Look at the values of a tensor, at most 200,000 of them, without leaving a trace in any graph.

    A tensor without values (on the meta device) or of a kind that cannot be read shows its shape only.
    """
    with torch._C.DisableTorchFunction(), torch.no_grad():
        shape, dtype = tuple(tensor.shape), str(tensor.dtype).removeprefix("torch.")
        try:
            if tensor.device.type == "meta" or tensor.is_complex() or not tensor.numel():
                return Numbers(shape, dtype)
            return _look(tensor.detach(), shape, dtype)
        except (RuntimeError, NotImplementedError):  # sparse, quantised, nested
            return Numbers(shape, dtype)


def _look(tensor: Any, shape: tuple[int, ...], dtype: str) -> Numbers:
    thin = thinned(tensor, None)
    floating = thin.is_floating_point()
    values = thin.double() if floating or thin.dtype is torch.bool else thin
    good = torch.isfinite(values) if floating else None
    finite = bool(good.all()) if good is not None else True
    kept = values if finite else values[good]
    if not kept.numel():
        return Numbers(shape, dtype, finite=False)
    low, high = (float(end) for end in torch.aminmax(kept))
    constant = low == high
    few = torch.unique(kept.reshape(-1)[:4096])
    distinct = min(int(few.numel()), 64)
    whole = not floating or bool((kept == kept.round()).all())
    binary = whole and low >= 0 and high <= 1
    found = Numbers(shape, dtype, finite, low, high, constant, distinct, whole, binary)
    if not finite or not shape:
        return found
    if binary:
        single = () if constant else tuple(dim for dim, _ in _sums(tensor, shape))
        return found._replace(ones=_ones(tensor, shape), simplex=single, near=single)
    if not floating:
        return found
    sums = list(_sums(tensor, shape)) if low >= 0 and high <= 1 + SUM_SLACK["bfloat16"] else []
    logs = list(_logs(tensor, shape)) if high <= LOG_SLACK["bfloat16"] else []
    return found._replace(
        simplex=tuple(dim for dim, error in sums if error <= SUM_SLACK.get(dtype, SUM)),
        logp=tuple(dim for dim, error in logs if error <= LOG_SLACK.get(dtype, LOG)),
        near=tuple(dim for dim, _ in (*sums, *logs)),
    )


def thinned(tensor: Any, keep: int | None) -> Any:
    """At most 200,000 values of a tensor, evenly spread; the dim `keep` stays whole."""
    for dim in sorted(range(tensor.dim()), key=lambda d: -tensor.shape[d]):
        excess = -(-tensor.numel() // MAX_VALUES)
        if excess <= 1:
            break
        if dim != keep:
            step = min(excess, tensor.shape[dim])
            tensor = tensor[(slice(None),) * dim + (slice(None, None, step),)]
    return tensor


def _sums(tensor: Any, shape: tuple[int, ...]) -> Iterator[tuple[int, float]]:
    """Dims over which values sum to one, each with the largest error."""
    for dim, size in enumerate(shape):
        if size >= ROWS:
            error = float((thinned(tensor, dim).double().sum(dim) - 1).abs().max())
            if error <= SUM_SLACK["bfloat16"]:
                yield dim, error


def _logs(tensor: Any, shape: tuple[int, ...]) -> Iterator[tuple[int, float]]:
    """Dims over which exponentials sum to one, each with the largest error of the logarithm."""
    for dim, size in enumerate(shape):
        if size >= ROWS:
            error = float(thinned(tensor, dim).double().logsumexp(dim).abs().max())
            if error <= LOG_SLACK["bfloat16"]:
                yield dim, error


def _ones(tensor: Any, shape: tuple[int, ...]) -> tuple[float, float]:
    dim = class_dim(shape)
    counted = thinned(tensor, dim).double().sum(dim)
    return float(counted.min()), float(counted.max())


def class_dim(shape: tuple[int, ...]) -> int:
    """Where torch's losses look for classes: dim 1, or the only one."""
    return min(1, len(shape) - 1)

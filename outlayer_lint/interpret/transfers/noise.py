"""Noise added to data: what is fitted to them is their mean, and that lies where the data lay."""

from __future__ import annotations

from math import inf

from outlayer_lint.lattice import Emission, Tensor
from outlayer_lint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from outlayer_lint.records import Any

MAX_SCALES = 4


def spreads(thing: Any) -> bool:
    """Whether a value is drawn at random with no bound, and at most scaled since."""
    for _ in range(MAX_SCALES):
        if not isinstance(thing, Tensor) or thing.learned or not thing.low == -thing.high == -inf:
            return False
        if ".rand" in thing.by:
            return thing.source is not None
        if thing.by not in ("mul", "div") or len(thing.inner.ways) != 1:
            return False
        thing = thing.inner.ways[0]
    return False


def around(data: Any, *, mirrored: bool) -> Tensor | None:
    """Data with such noise added, or taken from it (`mirrored`); `None` where a model has a part in them."""
    if not isinstance(data, Tensor) or data.learned or data.source is None or data.emission is Emission.LOSS:
        return None
    if data.emission in (Emission.DATA, Emission.LOGIT):
        return data
    low, high = (-data.high, -data.low) if mirrored else (data.low, data.high)
    return data.replace(emission=Emission.BND, low=low, high=high, inner=None)

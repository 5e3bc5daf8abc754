"""Where a tensor comes from: what made it, and what that was made from."""

from __future__ import annotations

from outlayer_lint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.lattice import Tensor

PRODUCTS = frozenset({"matmul", "mm", "bmm", "baddbmm", "einsum"})


def stem(way: Tensor) -> str:
    """The last part of the name of what made a tensor, without case and underscores."""
    return way.by.rpartition(".")[2].replace("_", "").lower()


def history(way: Tensor) -> Iterator[Tensor]:
    """A tensor, what it was made from, and so on back to the last learned layer."""
    yield way
    if way.by != way.learned or stem(way) in PRODUCTS:
        for each in way.inner:
            yield from history(each)


def learned(way: Tensor) -> str:
    """The layer whose output a tensor is, however many activations ago; "" for data."""
    return way.learned or next((each.learned for each in history(way) if each.learned), "")


def made(way: Tensor) -> str:
    """What a message calls the maker of a tensor: its activation, also under arithmetic."""
    return next((each.by.rpartition(".")[2] for each in history(way) if "." in each.by), str(way.emission))

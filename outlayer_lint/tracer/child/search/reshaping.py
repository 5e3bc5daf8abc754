"""One argument in another size or with another number of axes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from outlayer_lint.tracer.child.search.slots import BATCH, SIDE, TIME, Slot, State, leaves, replaced, tensor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from outlayer_lint.tracer.child.search.needs import Need

MAX_SIZE = 1 << 16  # of one axis that is tried

COLOURS = (1, 3, 4)
FRAMES = 16  # of a clip, at most


def unflattened(slot: Slot, got: int, size: int) -> Iterator[Slot]:
    """Where the operand is the argument flattened: rows of that size, or the picture that has as many values."""
    rest = math.prod(slot.shape[1:])
    if got not in {rest, rest * BATCH} or len(slot.shape) < 2:
        return
    if len(slot.shape) == 4:
        for channels in (slot.shape[1], *COLOURS):
            side = math.isqrt(size // channels)
            if side > 1 and channels * side * side == size:
                yield slot._replace(shape=(BATCH, channels, side, side))
    if len(slot.shape) == 3 and size % slot.shape[2] == 0:
        yield slot._replace(shape=(BATCH, size // slot.shape[2], slot.shape[2]))
    if len(slot.shape) == 3 and size % slot.shape[1] == 0:
        yield slot._replace(shape=(BATCH, slot.shape[1], size // slot.shape[1]))
    yield tensor(BATCH, size, dtype=slot.dtype, high=slot.high)


def turned(state: State, path: str, slot: Slot, shape: tuple[int, ...], wanted: Need) -> Iterator[State]:
    """A picture whose channels come last, where its axes reach the layer in another order than they came in."""
    moved = shape != slot.shape and sorted(shape) == sorted(slot.shape)
    if moved and wanted.axis % len(shape) == 1 and wanted.whole is not None and len(wanted.whole.shape) == len(shape):
        samples, channels, *sides = wanted.whole.shape
        free = tuple(range(1, len(sides) + 1))
        yield replaced(state, path, slot._replace(shape=(samples, *sides, channels), batch=0, free=free))


def resized(slot: Slot, axis: int, size: int) -> Slot:
    """The slot with another size of one axis, which is free no more."""
    shape = list(slot.shape)
    shape[axis] = max(1, min(size, MAX_SIZE))
    batch = slot.batch
    if axis == batch:  # what counted samples has a size of its own: another axis must count them
        batch = next((other for other in range(len(shape)) if other != axis), None)
        if batch is not None:
            shape[batch] = BATCH
    free = tuple(one for one in slot.free if one not in {axis, batch})
    return slot._replace(shape=tuple(shape), batch=batch, free=free)


def lengthened(slot: Slot, axis: int, size: int) -> Slot:
    """Another size of an axis; the axis of samples counts none where its size is one that the model states."""
    if axis != slot.batch:
        return resized(slot, axis, size)
    shape = (*slot.shape[:axis], size, *slot.shape[axis + 1 :])
    return slot._replace(shape=shape, batch=None, free=tuple(one for one in slot.free if one != axis))


def of_rank(state: State, path: str, slot: Slot, rank: int, channels: int = 0) -> Iterator[State]:
    """The argument with another number of axes, as they usually are."""
    if slot.dtype != "f32" and rank in {1, 2}:
        yield replaced(state, path, slot._replace(shape=(BATCH, TIME)[:rank], batch=0, free=(1,)[: rank - 1]))
        return
    ones = [axis for axis, size in enumerate(slot.shape) if size == 1 and axis != slot.batch]
    if ones and rank == len(slot.shape) - 1:
        shape = (*slot.shape[: ones[0]], *slot.shape[ones[0] + 1 :])
        batch = slot.batch - (slot.batch > ones[0]) if slot.batch is not None else None
        free = tuple(axis - (axis > ones[0]) for axis in slot.free if axis != ones[0])
        yield replaced(state, path, slot._replace(shape=shape, batch=batch, free=free))
    width = slot.shape[-1] if slot.shape else 16
    forms: dict[int, list[Slot]] = {
        1: [tensor(BATCH)],
        2: [tensor(BATCH, 128, free=(1,)), tensor(BATCH, width)]
        if channels == 1
        else [tensor(BATCH, channels or width)],
        3: [
            tensor(BATCH, TIME, channels or width, free=(1,)),
            tensor(BATCH, SIDE, SIDE, free=(1, 2)),
            tensor(BATCH, channels or 1, 128, free=(2,)),
        ],
        4: [
            tensor(BATCH, channels or 3, SIDE, SIDE, free=(2, 3)),
            tensor(BATCH, TIME, 10, channels or width, free=(1,)),
        ],
        5: [
            tensor(BATCH, TIME, channels or 3, SIDE, SIDE, free=(3, 4)),
            tensor(BATCH, channels or 3, 16, SIDE, SIDE, free=(2, 3, 4)),
        ],
    }
    for form in forms.get(rank, ()):
        yield replaced(state, path, form._replace(dtype=slot.dtype, high=slot.high) if slot.dtype != "f32" else form)


def longer(state: State, paths: Iterable[str]) -> Iterator[State]:
    """The arguments of those paths with an axis more."""
    for path in sorted(paths):
        slot = leaves(state).get(path)
        if slot is not None:
            yield from of_rank(state, path, slot, len(slot.shape) + 1, slot.shape[-1] if len(slot.shape) > 1 else 0)


def together(state: State, paths: Iterable[str]) -> Iterator[State]:
    """The arguments of those paths with an axis more each: sequences beside each other, then samples of them."""
    tensors = leaves(state)
    kept = [path for path in sorted(paths) if path in tensors and tensors[path].dtype == "f32" and tensors[path].shape]
    if len(kept) < 2:
        return
    other = state
    for path in kept:
        slot = tensors[path]
        shape = (BATCH, *(TIME if axis == slot.batch else size for axis, size in enumerate(slot.shape)))
        other = replaced(other, path, slot._replace(shape=shape, batch=0, free=(1,)))
    yield other


def unbatched(state: State) -> Iterator[State]:
    """Ids whose samples and steps were read one behind the other: that many steps of one sample."""
    tensors = leaves(state)
    if all(slot.dtype == "i64" and slot.batch == 0 and len(slot.shape) > 1 for slot in tensors.values()):
        for path, slot in tensors.items():
            shape = (slot.shape[0] * slot.shape[1], *slot.shape[2:])
            state = replaced(state, path, slot._replace(shape=shape, batch=None, free=()))
        yield state


def scaled(slot: Slot, size: int) -> Slot:
    """Free axes with that size; the first of three (frames) is shorter."""
    shape = list(slot.shape)
    for axis in slot.free:
        shape[axis] = size
    if len(slot.free) == 3:
        shape[slot.free[0]] = FRAMES if size >= 4 * FRAMES else max(size // 4, 1)
    return slot._replace(shape=tuple(shape))

"""Two tensors that are combined value by value and do not fit: a mask beside scores, an argument beside a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outlayer_lint.tracer.child.search.reshaping import resized
from outlayer_lint.tracer.child.search.slots import BATCH, TIME, Slot, State, leaves, replaced
from outlayer_lint.tracer.child.search.watching import ELEMENTWISE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.tracer.child.search.watching import Failure, Operand

FITTED = ELEMENTWISE | frozenset("masked_fill masked_fill_ eq ne gt lt ge le __and__ __or__ logical_and".split())
TABLE = 2  # axes from which on a table says how many axes the argument has


def fitted(state: State, failure: Failure) -> Iterator[State]:
    """States in which a mask has the axes of what it covers, and an argument those of the table it is added to."""
    if failure.op not in FITTED or len(failure.operands) < 2:
        return
    first, second = failure.operands[:2]
    for one, other in ((second, first), (first, second)):
        path = next(iter(one.sources), "")
        slot = leaves(state).get(path)
        if len(one.sources) != 1 or slot is None or not slot.shape or not (one.pure or _follows(slot)):
            continue
        if slot.fill == "eye":
            yield from (replaced(state, path, square) for square in _squares(slot, other))
        elif is_mask(slot):
            yield from (replaced(state, path, shaped) for shaped in _covering(slot, one, other))
        elif not other.sources and len(other.shape) >= TABLE and one.shape == slot.shape:
            yield from _beside_table(state, path, slot, other.shape)


def is_mask(slot: Slot) -> bool:
    """Whether it says which steps count."""
    return slot.dtype == "bool" or (slot.fill == "ones" and slot.dtype in {"i64", "f32"})


def _follows(slot: Slot) -> bool:
    return is_mask(slot) or slot.fill in {"eye", "lengths"}


def _covering(slot: Slot, one: Operand, other: Operand) -> Iterator[Slot]:
    """The mask of steps, of steps for each step, and the square one without samples, that fit what is covered."""
    if len(other.shape) < TABLE:
        return
    rows, steps = other.shape[-2:]
    added = len(one.shape) - len(slot.shape)  # axes that the model gives it
    if added >= 0 and slot.shape[-1] != steps and len(slot.shape) > 1 and one.shape[-1] == slot.shape[-1]:
        yield slot._replace(shape=(*slot.shape[:-1], steps))
    if added:
        return
    ones = (1,) * (len(other.shape) - TABLE)
    if BATCH in other.shape[:1] and len(other.shape) > TABLE:
        yield slot._replace(shape=(BATCH, *ones, steps), batch=0, free=())
        yield slot._replace(shape=(BATCH, *ones[1:], rows, steps), batch=0, free=())
    if rows == steps:
        yield slot._replace(shape=(rows, steps), batch=None, free=())


def _squares(slot: Slot, other: Operand) -> Iterator[Slot]:
    """The graph of as many nodes as the scores beside it have, one for all samples or one for each."""
    if len(other.shape) < TABLE or other.shape[-1] != other.shape[-2]:
        return
    nodes = other.shape[-1]
    yield slot._replace(shape=(BATCH, nodes, nodes), batch=0, free=())
    yield slot._replace(shape=(nodes, nodes), batch=None, free=())


def _beside_table(state: State, path: str, slot: Slot, table: tuple[int, ...]) -> Iterator[State]:
    """The argument as the table is, samples for its axis of one; a table that was cut to the argument gives no size."""
    if slot.dtype != "f32":
        return
    if len(table) <= len(slot.shape):
        yield from _aligned(state, path, slot, table)
        return
    cut = set(slot.shape)
    sizes = [TIME if size in cut and axis < len(table) - 1 else size for axis, size in enumerate(table)]
    leading = [axis for axis, size in enumerate(table) if size == 1 and axis < TABLE]
    if leading and len(table) > TABLE:
        sizes[leading[0]] = BATCH
        free = tuple(axis for axis, size in enumerate(sizes) if size == TIME and axis != leading[0])
        yield replaced(state, path, slot._replace(shape=tuple(sizes), batch=leading[0], free=free))
    else:
        yield replaced(state, path, slot._replace(shape=(BATCH, *sizes), batch=0, free=()))


def _aligned(state: State, path: str, slot: Slot, table: tuple[int, ...]) -> Iterator[State]:
    """The argument with the sizes of a table that has no more axes: the last ones meet."""
    behind = len(slot.shape) - len(table)
    other = slot
    for axis, size in enumerate(table, behind):
        if size not in {1, slot.shape[axis]} and axis != slot.batch:
            other = resized(other, axis, size)
    if other != slot:
        yield replaced(state, path, other)


def following(before: State, after: State) -> State | None:
    """Masks, lengths and graphs along the steps of an argument that now has others; `None` where there are none."""
    old, new = leaves(before), leaves(after)
    changed = [path for path in old if path in new and old[path].shape != new[path].shape and not _follows(old[path])]
    if len(changed) != 1 or len(old[changed[0]].shape) < TABLE or len(new[changed[0]].shape) < TABLE:
        return None
    was, now = old[changed[0]], new[changed[0]]
    if was.dtype == "f32" and len(now.shape) > TABLE + 1:
        return None
    axis = 1 if now.batch == 0 else 0
    earlier, steps = was.shape[min(axis, len(was.shape) - 1)], now.shape[axis]
    other = after
    for path, slot in new.items():
        if path == changed[0]:
            continue
        if slot.fill == "eye" and was.dtype == "f32" and len(now.shape) > TABLE:
            other = replaced(other, path, slot._replace(shape=(*slot.shape[:-2], steps, steps)))
        if earlier == steps:
            continue
        if is_mask(slot) and slot.shape and slot.shape[-1] == earlier:
            other = replaced(other, path, slot._replace(shape=(*slot.shape[:-1], steps)))
        elif slot.fill == "lengths" and slot.high == earlier + 1:
            other = replaced(other, path, slot._replace(high=steps + 1))
    return other if other != after else None

"""Several arguments that meet before or behind a layer: their sizes and ranks must fit each other."""

from __future__ import annotations

import re
from itertools import combinations, islice
from typing import TYPE_CHECKING

from outlayer_lint.tracer.child.search import objects
from outlayer_lint.tracer.child.search.hints import stated_size
from outlayer_lint.tracer.child.search.reshaping import COLOURS, of_rank, resized
from outlayer_lint.tracer.child.search.slots import BATCH, Slot, State, leaves, replaced, tensor
from outlayer_lint.tracer.child.search.stated import sums

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from outlayer_lint.tracer.child.search.needs import Need
    from outlayer_lint.tracer.child.search.watching import Failure


def by_difference(state: State, path: str, slot: Slot, difference: int) -> Iterator[State]:
    """One argument with as much more or less of one axis as the layer misses."""
    for axis in range(len(slot.shape) - 1, -1, -1):
        if axis != slot.batch and axis not in slot.free and slot.shape[axis] + difference > 0:
            yield replaced(state, path, resized(slot, axis, slot.shape[axis] + difference))


def as_named(state: State, paths: list[str], wanted: Need, model: nn.Module) -> Iterator[State]:
    """Arguments that are joined before the layer, in the sizes that the constructor was given for them by name."""
    sizes = [stated_size(model, path) for path in paths]
    if None in sizes or sum(size for size in sizes if size) != wanted.size:
        return
    for path, size in zip(paths, sizes, strict=True):
        slot = leaves(state)[path]
        if size is not None and slot.shape and len(slot.shape) - 1 != slot.batch:
            state = replaced(state, path, resized(slot, len(slot.shape) - 1, size))
    yield state


def as_summed(state: State, paths: list[str], wanted: Need, model: nn.Module) -> Iterator[State]:
    """Arguments that are joined before the layer, in the sizes that the constructor adds up for it, in that order."""
    shape = wanted.operand.shape
    for parts in sums(model, wanted.size, len(paths)):
        other = state
        for path, size in zip(paths, parts, strict=True):
            slot = leaves(state)[path]
            axis = wanted.axis % len(shape) if len(slot.shape) == len(shape) else len(slot.shape) - 1
            if slot.shape and axis != slot.batch:
                other = replaced(other, path, resized(slot, axis, size))
        yield other


def as_added(state: State, paths: list[str], wanted: Need, model: nn.Module) -> Iterator[State]:
    """Arguments that are joined before the layer, in the sizes that add up to its own, in the constructor's order."""
    told: dict[str, int] = vars(model).get("_traced_told", {})
    numbers = [size for size in told.values() if 0 < size < wanted.size]
    for sizes in islice(combinations(numbers, len(paths)), MOST_SUMS):
        if sum(sizes) == wanted.size:
            other = state
            for path, size in zip(paths, sizes, strict=True):
                slot = leaves(state)[path]
                axis = len(slot.shape) - 1
                if slot.shape and axis != slot.batch and axis not in slot.free:
                    other = replaced(other, path, resized(slot, axis, size))
            yield other


MOST_SUMS = 5000


def shared_out(state: State, paths: list[str], wanted: Need) -> Iterator[State]:
    """Arguments that are joined before the layer: each other one gets few features, the one left the rest."""
    tensors = leaves(state)
    shape = wanted.operand.shape
    if any(path not in tensors or not tensors[path].shape for path in paths):
        return
    if wanted.size % len(paths) == 0 and len({tensors[path].shape for path in paths}) == 1:
        alike = state
        for path in paths:
            slot = tensors[path]
            axis = wanted.axis % len(shape) if len(slot.shape) == len(shape) else len(slot.shape) - 1
            if axis != slot.batch:
                alike = replaced(alike, path, resized(slot, axis, wanted.size // len(paths)))
        yield alike
    for keeper in paths:
        for few in (10, *COLOURS[::-1], 2):
            rest = wanted.size - few * (len(paths) - 1)
            if rest < 1:
                continue
            other = state
            for path in paths:
                slot = tensors[path]
                axis = wanted.axis % len(shape) if len(slot.shape) == len(shape) else len(slot.shape) - 1
                if axis != slot.batch:
                    other = replaced(other, path, resized(slot, axis, rest if path == keeper else few))
            yield other


def alike(state: State, other: State) -> State | None:
    """What one argument became, for all that were as it was (twins, triplets); `None` where there are no such."""
    before, after = dict(state), dict(other)
    changed = [name for name in before if before[name] != after.get(name)]
    if len(changed) != 1 or before.keys() != after.keys():
        return None
    name = changed[0]
    twins = [twin for twin, slot in state if twin != name and slot == before[name] and slot.fill == "normal"]
    for twin in twins:
        other = replaced(other, twin, after[name])
    return other if twins else None


def all_single(state: State) -> Iterator[State]:
    """Every sequence of ids as one id for each sample."""
    other = state
    for path, slot in leaves(state).items():
        if slot.dtype == "i64" and len(slot.shape) == 2 and slot.high:
            other = replaced(other, path, slot._replace(shape=slot.shape[:1], batch=0, free=()))
    if other != state:
        yield other


def fewer(state: State, failure: Failure) -> Iterator[State]:
    """Where tensors that are joined differ in rank or in the number of rows, an argument has axes too many."""
    if not re.search(r"same number of dimensions|Sizes of tensors must match|must match the size", failure.message):
        return
    for path in objects.sources(state, failure):
        slot = leaves(state).get(path)
        if slot is None or len(slot.shape) < 2:
            continue
        if slot.dtype != "f32":
            yield replaced(state, path, slot._replace(shape=slot.shape[:1], batch=0, free=()))
        elif len(slot.shape) > 2:
            yield replaced(state, path, tensor(BATCH, slot.shape[-1]))


MASKING = frozenset("masked_fill masked_fill_ where add add_ __add__ __iadd__ __radd__ __mul__ mul".split())


def over_scores(state: State, failure: Failure) -> Iterator[State]:
    """A mask of what each step sees of the others, in the forms that such have: of keys, of pairs, for all heads."""
    if failure.op not in MASKING or len(failure.operands) < 2:
        return
    scores = max(failure.operands, key=lambda operand: len(operand.shape))
    if len(scores.shape) < PAIRS:
        return
    samples, (rows, keys) = BATCH, scores.shape[-2:]
    for operand in failure.operands:
        for path in sorted(operand.sources if operand is not scores and len(operand.sources) == 1 else ()):
            slot = leaves(state).get(path)
            if slot is None or not (slot.dtype == "bool" or slot.fill == "ones"):
                continue
            for shape in ((keys,), (1, keys), (rows, keys), (1, 1, keys), (1, rows, keys)):
                yield replaced(state, path, slot._replace(shape=(samples, *shape), batch=0, free=()))
            yield replaced(state, path, slot._replace(shape=(rows, keys), batch=None, free=()))


PAIRS = 3  # axes from which on the last two may be steps against steps


def matched(state: State, failure: Failure) -> Iterator[State]:
    """Two operands that do not fit, each from an argument of its own: one takes sizes of the other."""
    operands = [operand for operand in failure.operands if operand.sources]
    tensors = leaves(state)
    for one in operands:
        for other in operands:
            if one is other or one.shape == other.shape:
                continue
            for path in sorted(one.sources - other.sources):
                slot = tensors.get(path)
                if slot is None or not slot.shape:
                    continue
                if one.shape == slot.shape and other.pure:
                    yield replaced(state, path, slot._replace(shape=other.shape, free=()))
                pairs = list(zip(one.shape[::-1], other.shape[::-1], strict=False)) + list(
                    zip(one.shape, other.shape, strict=False)
                )
                for mine, theirs in dict.fromkeys(pairs):
                    if mine != theirs:
                        for axis, size in enumerate(slot.shape):
                            if size == mine and axis != slot.batch:
                                yield replaced(state, path, resized(slot, axis, theirs))
                if len(one.shape) < len(other.shape) and slot.dtype == "f32" and len(slot.shape) < len(other.shape):
                    yield replaced(state, path, tensor(*other.shape[:-1], slot.shape[-1]))
                if len(one.shape) != len(other.shape) and one.pure and other.shape:
                    yield from of_rank(
                        state, path, slot, len(slot.shape) + len(other.shape) - len(one.shape), other.shape[-1]
                    )

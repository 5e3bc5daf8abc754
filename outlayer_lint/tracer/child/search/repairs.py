"""From a failure to inputs that may do better: the failing layer's wish, sizes and names in torch's message."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from outlayer_lint.tracer.child.limits import TooSlow
from outlayer_lint.tracer.child.search import objects, ranks, scales
from outlayer_lint.tracer.child.search.joined import (
    all_single,
    as_added,
    as_named,
    as_summed,
    by_difference,
    fewer,
    matched,
    over_scores,
    shared_out,
)
from outlayer_lint.tracer.child.search.needs import Need, is_satisfied, need
from outlayer_lint.tracer.child.search.reshaping import lengthened, of_rank, resized, turned, unflattened
from outlayer_lint.tracer.child.search.slots import BATCH, TIME, Slot, State, at, leaves, replaced, tensor, with_batch
from outlayer_lint.tracer.child.search.stated import numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from outlayer_lint.tracer.child.search.watching import Failure, Operand

DTYPE = re.compile(
    r"dtype|scalar type|not implemented for '|LongTensor|FloatTensor|Input type|index tensor|must be long|integer|"
    r"integral|indices must be|floating point|data type|Long|\bint64\b|to be of type"
)


class Context(NamedTuple):
    """What repairs know besides the failure."""

    model: nn.Module
    classes: int | None


def neighbours(state: State, failure: Failure, context: Context) -> Iterator[State]:
    """States to try next, the likeliest first; some may be the same or useless."""
    if isinstance(failure.error, TooSlow):
        yield from scales.smaller(state)
        return
    yield from objects.repaired(state, failure, context.model, context.classes)
    yield from over_scores(state, failure)
    yield from _behind_the_end(state, failure, context.model)
    wanted = need(failure)
    if wanted is not None and not is_satisfied(wanted):
        yield from _written(state, failure, wanted, context.model)
    yield from _squeezed(state, failure)
    yield from _hidden(state, failure)
    yield from _reshaped(state, failure)
    yield from _multiple(state, failure)
    yield from _stated(state, failure)
    if failure.op in INDEXED and DTYPE.search(failure.message):
        yield from _labels(state, failure)
    if DTYPE.search(failure.message):
        yield from _other_dtype(state, failure)
    if BETWEEN.search(failure.message):
        yield from _zero_or_one(state, failure)
    yield from ranks.told(state, failure)
    yield from matched(state, failure)
    yield from fewer(state, failure)
    yield from all_single(state)
    if scales.GROW.search(failure.message):
        yield from scales.grown(state)
    if wanted is not None and not is_satisfied(wanted) and wanted.whole is not None:
        yield from _whole(state, wanted)
    yield from scales.stated_sizes(state, failure)
    if not KIND.search(failure.message):
        yield from scales.usual(state)
    if with_batch(state, 1) != state and "more than 1" not in failure.message:
        yield with_batch(state, 1)
    if any(operand.pure for operand in operands_of(failure)):
        yield from scales.stated_axes(state, failure)
    yield from ranks.guessed(state, failure)


def _written(state: State, failure: Failure, wanted: Need, model: nn.Module) -> Iterator[State]:
    """The layer's wish, written onto the argument that feeds it."""
    operand = wanted.operand
    tensors = leaves(state)
    for path in sorted(operand.sources):
        slot = tensors.get(path)
        if slot is None or not operand.pure:
            continue
        if wanted.dtype == "i64" and operand.shape == slot.shape:
            yield replaced(state, path, _as_ids(slot, wanted.high))
        elif wanted.dtype == "i64":
            yield replaced(state, path, _as_ids(slot, min(wanted.high, slot.high or wanted.high)))
        if wanted.dtype == "f32" and slot.dtype in {"i64", "bool"}:
            yield replaced(state, path, slot._replace(dtype="f32", high=0, fill="normal"))
        if wanted.ranks and len(operand.shape) not in wanted.ranks:
            yield from _other_rank(state, path, slot, wanted)
        elif wanted.size and len(operand.sources) == 1:
            yield from turned(state, path, slot, operand.shape, wanted)
            for other in _sized(slot, operand, wanted):
                yield replaced(state, path, other)
        elif wanted.size and -len(operand.shape) <= wanted.axis < len(operand.shape):
            yield from by_difference(state, path, slot, wanted.size - operand.shape[wanted.axis])
    if operand.pure and len(operand.sources) > 1 and wanted.size:
        paths = sorted(operand.sources & tensors.keys(), key=list(tensors).index)
        yield from as_named(state, paths, wanted, model)
        yield from as_summed(state, paths, wanted, model)
        yield from as_added(state, paths, wanted, model)
        yield from shared_out(state, paths, wanted)
    if (
        not operand.pure
        and wanted.dtype == "f32"
        and wanted.size
        and -len(operand.shape) <= wanted.axis < len(operand.shape)
    ):
        for path in sorted(operand.sources):
            slot = tensors.get(path)
            if slot is None:
                continue
            for axis in range(1, len(slot.shape)):
                if slot.shape[axis] == operand.shape[wanted.axis]:
                    yield replaced(state, path, resized(slot, axis, wanted.size))
            if len(slot.shape) == len(operand.shape):
                axis = wanted.axis % len(slot.shape)
                size = slot.shape[axis] + wanted.size - operand.shape[axis]
                if size > 0 and axis != slot.batch and axis not in slot.free:
                    yield replaced(state, path, resized(slot, axis, size))
    if wanted.dtype == "i64":
        yield from _offset(state, failure, wanted)
    if not operand.pure and wanted.dtype == "i64":
        for path in sorted(operand.sources):
            if (slot := tensors.get(path)) is not None and slot.high > 1:
                yield replaced(state, path, slot._replace(high=min(wanted.high - 1, slot.high // 2) or 1))


def _offset(state: State, failure: Failure, wanted: Need) -> Iterator[State]:
    """Ids of several fields that share a table, each behind the one before: as high as the smallest field allows."""
    this = failure.frame.f_locals.get("self") if failure.frame is not None else None
    for known in vars(this).get("_buffers", {}) | vars(this) if hasattr(this, "__dict__") else ():
        thing: Any = getattr(this, known, None)
        numbers = thing.tolist() if hasattr(thing, "tolist") else thing
        if not isinstance(numbers, list) or not numbers or not all(type(number) is int for number in numbers):
            continue
        ends = [*numbers[1:], wanted.high]
        high = min(end - begin for begin, end in zip(numbers, ends, strict=True))
        for path in sorted(wanted.operand.sources) if numbers[0] == 0 and high > 0 else ():
            slot = leaves(state).get(path)
            if slot is not None and slot.shape[-1:] == (len(numbers),) and slot.high > high:
                yield replaced(state, path, slot._replace(high=high))


def _as_ids(slot: Slot, high: int) -> Slot:
    if slot.dtype == "i64" and slot.high and slot.high <= high:
        high = max(min(high, slot.high) // 2, 1)
    shape = slot.shape
    if slot.dtype != "i64" and len(shape) > 2:
        return tensor(BATCH, TIME, dtype="i64", high=high, free=(1,))
    return slot._replace(shape=shape, dtype="i64", high=high, fill="normal")


def _sized(slot: Slot, operand: Operand, wanted: Need) -> Iterator[Slot]:
    """The argument with another size of the axis that became the operand's axis."""
    shape, size = slot.shape, wanted.size
    if not -len(operand.shape) <= wanted.axis < len(operand.shape):
        return
    got = operand.shape[wanted.axis]
    if len(shape) == 1 and slot.batch == 0:  # a number for each sample: a row of them
        yield tensor(BATCH, size, dtype=slot.dtype, high=slot.high)
    if operand.shape == shape:
        yield resized(slot, wanted.axis % len(shape), size)
        return
    if len(operand.shape) == len(shape) and sorted(operand.shape) == sorted(shape):  # permuted
        for axis in range(len(shape) - 1, -1, -1):
            if shape[axis] == got and axis != slot.batch:
                yield resized(slot, axis, size)
    yield from unflattened(slot, got, size)
    for axis in range(len(shape) - 1, -1, -1):
        if shape[axis] == got and axis != slot.batch:
            yield resized(slot, axis, size)
    for axis in range(len(shape) - 1, -1, -1):
        if axis != slot.batch and got and (shape[axis] * size) % got == 0:
            yield resized(slot, axis, shape[axis] * size // got)
        if axis != slot.batch and shape[axis] + size - got > 0:
            yield resized(slot, axis, shape[axis] + size - got)
    if slot.batch is not None and got == shape[slot.batch] and shape.count(got) == 1 < len(shape):
        yield lengthened(slot, slot.batch, size)  # no axis counts samples


def _other_rank(state: State, path: str, slot: Slot, wanted: Need) -> Iterator[State]:
    added = len(wanted.operand.shape) - len(slot.shape)
    for rank in wanted.ranks:
        if wanted.whole is not None and not added:
            yield replaced(state, path, wanted.whole)
        own = rank - added
        yield from of_rank(state, path, slot, own, wanted.size)


INDEXED = frozenset("one_hot scatter scatter_ scatter_add scatter_add_ gather".split())
KIND = re.compile(r"NoneType|has no attribute|must be Tensor|unexpected keyword")  # no other size makes up for these
INVALID = re.compile(r"shape '\[([-\d, ]+)\]' is invalid for input of size (\d+)")


def _reshaped(state: State, failure: Failure) -> Iterator[State]:
    """A reshape of an argument itself, or to the shape of one, that has not as many values."""
    match = INVALID.search(failure.message)
    if match is None:
        return
    shape, numel = tuple(int(word) for word in match[1].split(",")), int(match[2])
    for path, slot in leaves(state).items():
        if slot.shape == shape:
            yield from (
                replaced(state, path, other) for other in unflattened(slot, math.prod(shape[1:]), numel // BATCH)
            )
        fed = any(path in operand.sources and operand.pure for operand in failure.operands)
        if fed and len(slot.shape) > 1:
            kept = [size for size in shape if size not in {1, -1}]
            if kept and kept[0] == BATCH and len(kept) <= len(slot.shape):
                yield replaced(state, path, slot._replace(shape=tuple(kept), free=()))
            if math.prod(kept) and -1 not in shape and shape[0] == BATCH:
                yield replaced(state, path, slot._replace(shape=shape, free=()))
            inner = [size for size in shape[1:] if size > 0]
            if shape[0] in {-1, BATCH} and inner:
                yield replaced(state, path, tensor(BATCH, *inner, dtype=slot.dtype, high=slot.high))
                if 1 in inner and len(inner) > 1:  # an axis of one that the model adds
                    inner.remove(1)
                    yield replaced(state, path, tensor(BATCH, *inner, dtype=slot.dtype, high=slot.high))


def _multiple(state: State, failure: Failure) -> Iterator[State]:
    """A reshape into rows of a fixed number: as many samples of an argument as make whole rows."""
    match = INVALID.search(failure.message)
    if match is None or "-1" not in match[1]:
        return
    rows = math.prod(int(word) for word in match[1].split(",") if int(word) > 0)
    for path in objects.sources(state, failure):
        slot = leaves(state).get(path)
        if slot is not None and slot.batch is not None and not int(match[2]) % slot.shape[slot.batch]:
            each = int(match[2]) // slot.shape[slot.batch]
            shape = list(slot.shape)
            shape[slot.batch] = rows // math.gcd(rows, each)
            yield replaced(state, path, slot._replace(shape=tuple(shape), batch=None))


def _whole(state: State, wanted: Need) -> Iterator[State]:
    """The layer's favourite input instead of the argument."""
    for path in sorted(wanted.operand.sources):
        if wanted.whole is not None and wanted.operand.pure:
            yield replaced(state, path, wanted.whole)


def _squeezed(state: State, failure: Failure) -> Iterator[State]:
    """Arguments with one of an axis that the model means to squeeze away: one step, one channel."""
    for operand, axis in failure.unsqueezed:
        for path in sorted(operand.sources):
            slot = leaves(state).get(path)
            for own, size in enumerate(slot.shape) if slot is not None else ():
                if slot is not None and size == operand.shape[axis] and own != slot.batch:
                    yield replaced(state, path, resized(slot, own, 1))


HIDDEN_SIZE = re.compile(r"[Ee]xpected hidden(?:\[(\d)\])? size \((\d+), (\d+), (\d+)\)")


def _hidden(state: State, failure: Failure) -> Iterator[State]:
    """States of recurrent layers in the size that the message states."""
    match = HIDDEN_SIZE.search(failure.message)
    if match is None:
        return
    sizes = (int(match[2]), int(match[3]), int(match[4]))
    if sizes[1] != BATCH:
        for other in _swapped(state, failure):
            for path in sorted({path for operand in failure.entering[1:] for path in operand.sources}):
                if at(other, path) is not None:
                    other = replaced(other, path, tensor(sizes[0], BATCH, sizes[2], batch=1))  # noqa: PLW2901
            yield other
    for operand in failure.entering[1:]:
        for path in sorted(operand.sources):
            slot = at(state, path)
            if slot is not None and operand.pure:
                if sizes[1] != BATCH and BATCH in slot.shape and operand.shape[-1] == sizes[-1]:
                    continue  # the state is right, steps and samples of the input are swapped
                yield replaced(state, path, tensor(*sizes, batch=1))
    yield from _swapped(state, failure)


def _swapped(state: State, failure: Failure) -> Iterator[State]:
    """Steps and samples exchanged."""
    paths = sorted({path for operand in failure.entering[:1] for path in operand.sources})
    for path in paths:
        slot = leaves(state).get(path)
        if slot is not None and len(slot.shape) > 1:
            shape = (slot.shape[1], slot.shape[0], *slot.shape[2:])
            batch = {0: 1, 1: 0}.get(slot.batch if slot.batch is not None else 2, slot.batch)
            yield replaced(state, path, slot._replace(shape=shape, batch=batch, free=(1 - (batch or 0),)))


STATED = re.compile(
    r"(?:should be|must be|[Ee]xpected(?: shape| size)?:?|expects?(?: shape)?)"
    r"(?: of shape| torch\.Size)?\s*[\[(]+([\d, None]+)[\])]"
)


def _stated(state: State, failure: Failure) -> Iterator[State]:
    """`..., but should be (12, 12)`: the message states the whole shape."""
    for match in STATED.finditer(failure.message):
        sizes = [word.strip() for word in match[1].split(",") if word.strip()]
        if not all(size.isdigit() or size == "None" for size in sizes):
            continue
        for path, slot in leaves(state).items():
            operands = (*failure.operands, *failure.entering)
            if not any(path in operand.sources and operand.shape == slot.shape for operand in operands):
                continue
            if len(sizes) == len(slot.shape):
                shape = tuple(int(size) if size != "None" else own for size, own in zip(sizes, slot.shape, strict=True))
                batch = slot.batch if slot.batch is not None and shape[slot.batch] == BATCH else None
                yield replaced(state, path, slot._replace(shape=shape, batch=batch, free=()))
            elif sizes[0] == "None":
                shape = (BATCH, *(int(size) if size != "None" else TIME for size in sizes[1:]))
                yield replaced(state, path, slot._replace(shape=shape, batch=0, free=()))


def _labels(state: State, failure: Failure) -> Iterator[State]:
    """What is made one-hot or says where others are is a number for each sample, else for each step."""
    for path in sorted({path for operand in failure.operands for path in operand.sources}):
        slot = leaves(state).get(path)
        if slot is not None and slot.dtype == "f32":
            yield replaced(state, path, tensor(BATCH, dtype="i64", high=2))
            yield replaced(state, path, tensor(BATCH, TIME, dtype="i64", high=2, free=(1,)))


def _other_dtype(state: State, failure: Failure) -> Iterator[State]:
    operands = failure.operands or failure.entering
    for path, slot in leaves(state).items():
        if operands and not any(path in operand.sources for operand in operands):
            continue
        if slot.dtype == "f32":
            if re.search(r"[Dd]ouble|float64", failure.message):
                yield replaced(state, path, slot._replace(dtype="f64"))
            yield replaced(state, path, slot._replace(dtype="i64", high=slot.high or 2))
            yield replaced(state, path, slot._replace(dtype="bool", fill="ones"))
        else:
            yield replaced(
                state, path, slot._replace(dtype="f32", high=0, fill="ones" if slot.fill == "ones" else "normal")
            )
            if slot.dtype == "bool":
                yield replaced(state, path, slot._replace(dtype="i64", high=2))


MOST_ENDS = 8  # sizes that are tried for an axis that was read behind its end


def _behind_the_end(state: State, failure: Failure, model: nn.Module) -> Iterator[State]:
    """An argument of which a part was taken where there is none (`x[:, 5:6]`): as long as the model's own numbers."""
    for operand in operands_of(failure):
        if 0 not in operand.shape or len(operand.sources) != 1:
            continue
        path = next(iter(operand.sources))
        slot = leaves(state).get(path)
        axis = operand.shape.index(0)
        if slot is None or axis >= len(slot.shape) or axis == slot.batch:
            continue
        size = slot.shape[axis]
        own = [number for number in vars(model).values() if type(number) is int]
        known = [number for number in (*own, *numbers(model).values()) if size < number <= scales.LARGEST_SIDE]
        for longer in (*list(dict.fromkeys(known))[:MOST_ENDS], 2 * size, 8 * size, 32 * size):
            yield replaced(state, path, resized(slot, axis, longer))


BETWEEN = re.compile(r"between 0 and 1|in the (?:range|interval) \[0, 1\]|within the support")


def _zero_or_one(state: State, failure: Failure) -> Iterator[State]:
    """Labels that a loss inside of the model compares probabilities with."""
    for path in sorted({path for operand in operands_of(failure) for path in operand.sources}):
        slot = leaves(state).get(path)
        if slot is not None and slot.dtype == "f32" and not slot.high:
            yield replaced(state, path, slot._replace(high=2))


def operands_of(failure: Failure) -> list[Operand]:
    """Tensors at the failure that derive from arguments."""
    return [operand for operand in (*failure.operands, *failure.entering) if operand.sources]

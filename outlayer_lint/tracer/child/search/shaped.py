"""Arguments in the shape that the author wrote of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from outlayer_lint.tracer.child.search.noted import NONE
from outlayer_lint.tracer.child.search.slots import BATCH, SIDE, TIME, Slot, State, leaves, replaced

if TYPE_CHECKING:
    from outlayer_lint.tracer.child.search.noted import Note

CHANNELS = re.compile(r"chan|^c(_?in)?$|^in_?c")
PICTURE = re.compile(r"^(h|w|height|width|img_?size|image_?size)$")
PLANES = 3  # axes from which on the second may be channels


def as_noted(state: State, known: dict[str, Note], numbers: dict[str, int]) -> State:
    """The state whose arguments have the axes that are noted; `numbers` are what words among them stand for."""
    sizes: dict[str, int] = {}
    for path, note in known.items():
        slot = leaves(state).get(path)
        if slot is not None:
            state = replaced(state, path, _noted(slot, note, numbers, sizes))
    return state


def contradicted(state: State, known: dict[str, Note]) -> int:
    """How many arguments have other axes, or count samples along another one, than what is noted of them."""
    tensors = leaves(state)
    return sum(
        (note.rank is not None and len(tensors[path].shape) != note.rank)
        or (note.batch is not None and (NONE if tensors[path].batch is None else tensors[path].batch) != note.batch)
        for path, note in known.items()
        if path in tensors
    )


def _noted(slot: Slot, note: Note, numbers: dict[str, int], sizes: dict[str, int]) -> Slot:
    rank = note.rank or max(len(slot.shape), (note.batch or 0) + 1, *(axis + 1 for axis in note.axes))
    batch = note.batch if note.batch is not None else slot.batch if len(slot.shape) == rank else 0
    batch = None if batch == NONE else batch
    if note.dtype == "i64" and slot.dtype == "f32":
        slot = slot._replace(dtype="i64", high=2)
    if len(slot.shape) == rank:
        slot = _exchanged(slot, batch)
        shape = list(slot.shape)
        for axis, word in note.axes.items():
            if word.isdigit() and axis != slot.batch:
                shape[axis] = int(word)
            elif word and batch is None:
                shape[axis] = sizes.get(word, shape[axis])
            sizes.setdefault(word, shape[axis])
        return slot._replace(shape=tuple(shape), batch=batch if batch is None else slot.batch)
    shape = [_size(slot, axis, rank, note.axes.get(axis, ""), numbers, sizes) for axis in range(rank)]
    if batch is not None and batch < rank:
        shape[batch] = BATCH
    free = tuple(axis for axis in range(rank) if axis != batch and shape[axis] == SIDE)
    free = free or tuple(axis for axis in range(rank) if axis != batch and shape[axis] == TIME)
    return slot._replace(shape=tuple(shape), batch=batch, free=free)


def _exchanged(slot: Slot, batch: int | None) -> Slot:
    """The same with samples along another axis."""
    if batch is None or slot.batch is None or batch == slot.batch:
        return slot
    shape = list(slot.shape)
    shape[batch], shape[slot.batch] = shape[slot.batch], shape[batch]
    free = tuple(slot.batch if axis == batch else axis for axis in slot.free)
    return slot._replace(shape=tuple(shape), batch=batch, free=free)


def _size(slot: Slot, axis: int, rank: int, word: str, numbers: dict[str, int], sizes: dict[str, int]) -> int:
    """Of one axis: the number itself, what its word stands for, what the first layer says, else any."""
    if (number := _sum(word, numbers)) is not None:
        return number
    if word and word in sizes:
        return sizes[word]
    if PICTURE.search(word):
        size = SIDE
    elif CHANNELS.search(word) and len(slot.shape) >= PLANES:
        size = slot.shape[1]
    elif CHANNELS.search(word) and (told := [number for name, number in numbers.items() if CHANNELS.search(name)]):
        size = told[0]
    elif axis == rank - 1 and slot.dtype == "f32" and slot.shape and rank > 1:
        size = slot.shape[-1] if len(slot.shape) - 1 not in slot.free else TIME
    else:
        size = TIME
    sizes[word] = size
    return size


def _sum(word: str, numbers: dict[str, int]) -> int | None:
    """The number that a word, or a sum of words and numbers, stands for."""
    parts = [part.strip() for part in word.split("+")]
    known = [int(part) if part.isdigit() else numbers.get(part.replace(" ", "_")) for part in parts]
    return sum(size for size in known if size) if None not in known else None

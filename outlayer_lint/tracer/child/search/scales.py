"""Inputs whose free sizes are others: larger, smaller, usual ones, those that a message states."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from outlayer_lint.tracer.child.search.reshaping import resized, scaled
from outlayer_lint.tracer.child.search.slots import BATCH, State, leaves, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.tracer.child.search.watching import Failure


GROW = re.compile(
    r"Kernel size can't be greater|Output size is too small|Calculated padded input size|Expected more than 1 "
    r"(spatial|value)|Padding size should be less|Calculated output size|kernel size .* greater|non-empty|"
    r"non-zero size|at least"
)


def smaller(state: State) -> Iterator[State]:
    """Free sizes cut down, for a forward that took too long."""
    for size in (32, 16, 8):
        other = state
        for path, slot in leaves(state).items():
            if slot.free and slot.shape[slot.free[-1]] > size:
                other = replaced(other, path, scaled(slot, size))
        yield other


LARGEST_SIDE = 1024  # of a picture that is tried
PICTURE = 3  # axes from which on an input is no signal
USUAL = (224, 256, 32, 128, 28, 512, 96, 299, 16, 384, 1024)


def usual(state: State) -> Iterator[State]:
    """Sizes that data come in."""
    for size in USUAL:
        other = state
        for path, slot in leaves(state).items():
            if slot.free:
                other = replaced(other, path, scaled(slot, size))
        yield other


LONGEST = 1 << 18  # of a signal
VOLUME, DEEPEST = 3, 128  # free axes of a volume, and how long they may all become


def grown(state: State) -> Iterator[State]:
    """Free axes twice, four times and eight times as long."""
    for factor in (2, 4, 8):
        larger = state
        for path, slot in leaves(state).items():
            most = 2 * LARGEST_SIDE if len(slot.shape) > PICTURE else LONGEST
            if slot.free and factor * slot.shape[slot.free[-1]] <= most:
                larger = replaced(larger, path, scaled(slot, factor * slot.shape[slot.free[-1]]))
        if larger != state:
            yield larger
        deeper = state  # frames as well, which `scaled` leaves few
        for path, slot in leaves(state).items():
            if len(slot.free) == VOLUME and factor * slot.shape[slot.free[-1]] <= DEEPEST:
                sizes = [factor * size if axis in slot.free else size for axis, size in enumerate(slot.shape)]
                deeper = replaced(deeper, path, slot._replace(shape=tuple(sizes)))
        if deeper not in (state, larger):
            yield deeper


def stated_sizes(state: State, failure: Failure) -> Iterator[State]:
    """Any number of the message may be the free size that is wanted."""
    for number in _numbers(failure):
        for path, slot in leaves(state).items():
            if slot.free and slot.shape[slot.free[-1]] != number and (number <= LARGEST_SIDE or len(slot.free) == 1):
                yield replaced(state, path, scaled(slot, number))


def stated_axes(state: State, failure: Failure) -> Iterator[State]:
    """Any number of the message may be the size of some axis."""
    for number in _numbers(failure):
        for path, slot in leaves(state).items():
            if len(slot.shape) > 1 and number not in slot.shape:
                yield replaced(state, path, resized(slot, len(slot.shape) - 1, number))
                yield replaced(state, path, resized(slot, 1, number))


def _numbers(failure: Failure) -> list[int]:
    found = [int(word) for word in re.findall(r"(?<![\d.\w])\d+(?![\d.]\d)", failure.message)]
    return [number for number in dict.fromkeys(found) if 1 < number <= 4096]


def indexed(state: State, paths: list[str], index: int, axis: int, size: int) -> Iterator[State]:
    """Several arguments that were joined, and read beyond the end of an axis: each gets as many as it was read."""
    short = [path for path in paths if (slot := leaves(state).get(path)) and slot.shape[axis : axis + 1] == (size,)]
    for path in short:
        slot = leaves(state)[path]
        if axis != slot.batch:
            state = replaced(state, path, resized(slot, axis, index + 1 if index >= 0 else -index))
    if len(short) > 1:
        yield state


DIVISIBLE = re.compile(r"(?:divisible by|multiple of)(.*)", re.IGNORECASE | re.DOTALL)


def divisible(state: State, failure: Failure) -> Iterator[State]:
    """Free sizes that are multiples of what the message asks for."""
    match = DIVISIBLE.search(failure.message)
    numbers = [int(word) for word in re.findall(r"\d+", match[1])] if match else []
    for number in [number for number in dict.fromkeys(numbers) if 1 < number <= LARGEST_SIDE][:2]:
        other = state
        for path, slot in leaves(state).items():
            if slot.free and slot.shape[slot.free[-1]] % number:
                other = replaced(other, path, scaled(slot, -(-slot.shape[slot.free[-1]] // number) * number))
        if other != state:
            yield other


def masked(state: State) -> Iterator[State]:
    """Masks with an axis more: of one row for each sample, of a row for each step."""
    for rows in (1, 0):
        other = state
        for path, slot in leaves(state).items():
            if slot.fill == "ones" and len(slot.shape) == 2 and slot.batch == 0:
                samples, steps = slot.shape
                other = replaced(other, path, slot._replace(shape=(samples, rows or steps, steps), free=()))
        if other != state:
            yield other


def unmixed(state: State, rows: int) -> Iterator[State]:
    """An accepted input gave `rows` rows for `BATCH` samples, so samples were cut up or joined: other free sizes."""
    for path, slot in leaves(state).items():
        if not slot.free:
            continue
        size = slot.shape[slot.free[-1]]
        for power in (1, 2, 3):
            other = round(size * (BATCH / rows) ** (1 / power))
            if other > 0 and other != size:
                yield replaced(state, path, scaled(slot, other))

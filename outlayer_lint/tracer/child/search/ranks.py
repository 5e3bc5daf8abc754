"""Arguments with another number of axes, or with samples along another one: as a message tells, or just tried."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from outlayer_lint.tracer.child.search import objects, scales
from outlayer_lint.tracer.child.search.needs import need
from outlayer_lint.tracer.child.search.reshaping import of_rank, resized
from outlayer_lint.tracer.child.search.slots import State, leaves, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.tracer.child.search.watching import Failure

GOT_RANK = re.compile(r"got (?:a )?([1-5])-?D")
PERMUTED = re.compile(r"input\.dim\(\) = (\d) is not equal to len\(dims\) = (\d)")
TARGET = re.compile(r"Target sizes: \[([-\d, ]+)\]\.\s+Tensor sizes: \[([\d, ]+)\]")
RANGE = re.compile(r"Dimension out of range \(expected to be in range of \[(-?\d+), (-?\d+)\], but got (-?\d+)\)")
INDEX = re.compile(r"index (-?\d+) is out of bounds for dimension (\d+) with size (\d+)")
RANKS = re.compile(r"(?:ndim|rank|dimensions?) (?:must be |should be )?in [(\[{]([1-6](?:, [1-6])+)[)\]}]")
SUBSCRIPTS = re.compile(
    r"subscripts in the equation \((\d)\) does not match the number of dimensions \(\d\) for operand (\d)"
)
FACTOR = re.compile(r"batch([12]) must be a (\d)D tensor")
PICTURES = 4  # axes of a batch of them
WANTED_RANK = re.compile(
    r"ndim == ([1-5])|([1-5])-?\s?[dD](?:im\w*)?\b|(?:expected|must have|requires?|be) "
    r"(?:an? )?([1-5]) dim|([1-5]) dimensions"
)


def told(state: State, failure: Failure) -> Iterator[State]:
    """Unpacked shapes, axes that are not there, and the number of axes that a message names."""
    paths = objects.sources(state, failure)
    message = failure.message
    wanted: list[int] = []
    if match := re.search(r"values to unpack \(expected (\d)", message):
        wanted.append(int(match[1]))
    if match := RANGE.search(message):
        axis = int(match[3])
        wanted.append(axis + 1 if axis >= 0 else -axis)
    if (
        "too many indices" in message
        or "tuple index out of range" in message
        or "number of dimensions in the tensor input" in message
    ):
        wanted.append(0)
    if match := RANKS.search(message):
        wanted += sorted(map(int, match[1].split(",")), key=lambda rank: rank != PICTURES)
    wanted += [int(next(filter(None, match.groups()))) for match in WANTED_RANK.finditer(message)]
    if match := GOT_RANK.search(message):
        for path in paths:
            slot = leaves(state).get(path)
            for rank in {int(word) for pair in WANTED_RANK.findall(message) for word in pair if word} - {int(match[1])}:
                if slot is not None and len(slot.shape) + rank - int(match[1]) > 0:
                    rank = len(slot.shape) + rank - int(match[1])  # noqa: PLW2901 - of the argument
                    yield from of_rank(state, path, slot, rank, _channels(failure))
    if match := SUBSCRIPTS.search(message):
        yield from _of_term(state, failure, int(match[1]), int(match[2]))
    if match := FACTOR.search(message):
        yield from _of_term(state, failure, int(match[2]), int(match[1]) - 1)
    if match := TARGET.search(message):
        added = len(match[1].split(",")) - len(match[2].split(","))
        yield _longer_together(state, paths, added)
    if match := PERMUTED.search(message):
        for path in paths:
            slot = leaves(state).get(path)
            if slot is not None:
                yield from of_rank(
                    state, path, slot, len(slot.shape) + int(match[2]) - int(match[1]), _channels(failure)
                )
    yield from _lifted(state, failure, [rank for rank in dict.fromkeys(wanted) if rank])
    for path in paths:
        slot = leaves(state).get(path)
        if slot is None:
            continue
        for rank in dict.fromkeys(wanted):
            if rank != len(slot.shape):
                others = list(of_rank(state, path, slot, rank or len(slot.shape) + 1, _channels(failure)))
                alike = [_all_alike(state, path, other) for other in others]
                yield from (*alike, *others) if list(leaves(state).values()).count(slot) > 2 else (*others, *alike)
    if match := INDEX.search(message):
        yield from scales.indexed(state, paths, *map(int, match.groups()))
        for path in paths:
            slot = leaves(state).get(path)
            if slot is None:
                continue
            for axis, size in enumerate(slot.shape):
                if size == int(match[3]) and axis != slot.batch:
                    yield replaced(
                        state, path, resized(slot, axis, int(match[1]) + 1 if int(match[1]) >= 0 else -int(match[1]))
                    )
            if slot.high:
                yield replaced(state, path, slot._replace(high=max(int(match[3]), 1)))


def _of_term(state: State, failure: Failure, rank: int, number: int) -> Iterator[State]:
    """A factor of a product with as many axes as it must have (letters of its term), as wide as what it meets."""
    others = [operand for at, operand in enumerate(failure.operands) if at != number and operand.shape]
    if number >= len(failure.operands) or not others:
        return
    for path in sorted(failure.operands[number].sources):
        slot = leaves(state).get(path)
        if slot is not None:
            if slot.dtype == "i64" and others[0].dtype.is_floating_point:
                slot = slot._replace(dtype="f32", high=0, fill="normal")
            yield from of_rank(state, path, slot, rank, others[0].shape[-1])


def _lifted(state: State, failure: Failure, wanted: list[int]) -> Iterator[State]:
    """What became of an argument on its way has too few or too many axes: the argument gets as many more or less."""
    for operand in failure.operands:
        for path in sorted(operand.sources) if len(operand.sources) == 1 else ():
            slot = leaves(state).get(path)
            added = len(operand.shape) - len(slot.shape) if slot is not None else 0
            for rank in wanted:
                if slot is not None and added and rank != len(operand.shape) and rank > added:
                    yield from of_rank(state, path, slot, rank - added, _channels(failure))


def _longer_together(state: State, paths: list[str], added: int) -> State:
    """Several arguments that were joined, each with as many axes more."""
    for path in paths if added > 0 else ():
        slot = leaves(state).get(path)
        if slot is not None and slot.dtype == "f32":
            state = next(
                of_rank(state, path, slot, len(slot.shape) + added, slot.shape[-1] if slot.shape else 0), state
            )
    return state


def _all_alike(state: State, path: str, other: State) -> State:
    """What became of one argument, for all that were as it was: queries, keys and values go together."""
    before, after = leaves(state)[path], leaves(other)[path]
    for name, slot in leaves(state).items():
        if slot == before:
            state = replaced(state, name, after)
    return state


def _channels(failure: Failure) -> int:
    wanted = need(failure)
    return wanted.size if wanted is not None else 0


MOST_SUSPECTS = 3  # arguments of one failure that are given other axes without a hint which


def guessed(state: State, failure: Failure) -> Iterator[State]:
    """Where no message helps: other axes for the arguments that have a part in it, samples along another axis."""
    turned = state
    for path, slot in leaves(state).items():
        if slot.batch == 0 and (len(slot.shape), slot.dtype == "i64") in {(2, True), (3, False)}:
            shape = (slot.shape[1], slot.shape[0], *slot.shape[2:])
            turned = replaced(turned, path, slot._replace(shape=shape, batch=1, free=(0,)))
    suspects = objects.sources(state, failure)[:MOST_SUSPECTS]
    yield from (turned, _longer_together(state, suspects, 1))
    for path in suspects:
        suspect = leaves(state).get(path)
        for rank in (1, -1, 2, -2) if suspect is not None and suspect.shape else ():
            if suspect is not None and 0 < len(suspect.shape) + rank <= PICTURES + 1:
                yield from of_rank(state, path, suspect, len(suspect.shape) + rank, suspect.shape[-1])

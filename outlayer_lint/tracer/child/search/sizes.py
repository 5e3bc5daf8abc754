"""Sizes that nothing states: what a flattening or a position table wants grows with the free size: it is bisected."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

from outlayer_lint.tracer.child.search.needs import need
from outlayer_lint.tracer.child.search.reshaping import scaled
from outlayer_lint.tracer.child.search.scales import GROW
from outlayer_lint.tracer.child.search.slots import BATCH, Slot, State, leaves, replaced
from outlayer_lint.tracer.child.search.watching import ELEMENTWISE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from outlayer_lint.tracer.child.search.watching import Failure, Outcome

LARGEST = {1: 1 << 15, 2: 1024, 3: 256}  # by the number of free axes
# Sizes that data come in, the more usual ones first.
NICE = (
    *(
        224,
        28,
        32,
        64,
        256,
        128,
        84,
        96,
        299,
        100,
        48,
        150,
        160,
        187,
        192,
        227,
        240,
        288,
        320,
        384,
        448,
        512,
        16,
        24,
        36,
    ),
    *(50, 60, 80, 112, 120, 200, 300, 572, 1000, 1024, 2048, 4096, 8000, 16000),
)


STILL = 3  # sizes after which what has not moved will not


class Gap(NamedTuple):
    """A size that came and the one that was wanted, and where: the same site is compared at several free sizes."""

    site: tuple[str, str]
    got: int
    want: int


AXES = re.compile(r"number of dimensions|same length|[Ee]xpected \d-?D|too many indices|not enough values|D\W tensor")


def gap(failure: Failure) -> Gap | None:
    """The two sizes that a failure is about, `None` where it is about something else."""
    site = (failure.op, failure.line)
    message = failure.message
    if failure.unsqueezed and AXES.search(message):
        operand, axis = failure.unsqueezed[-1]
        return Gap(site, operand.shape[axis], 1)  # it should have been squeezed away
    if match := re.search(r"shape '\[([-\d, ]+)\]' is invalid for input of size (\d+)", message):
        return _reshaped(site, [int(word) for word in match[1].split(",")], int(match[2]))
    wanted = need(failure)
    if wanted is not None and wanted.size and -len(wanted.operand.shape) <= wanted.axis < len(wanted.operand.shape):
        return Gap(site, wanted.operand.shape[wanted.axis], wanted.size)
    if match := re.search(r"tensor a \((\d+)\) must match the size of tensor b \((\d+)\)", message):
        first, second = int(match[1]), int(match[2])
        fixed = bool(failure.operands) and not failure.operands[0].sources
        return Gap(site, second, first) if fixed else Gap(site, first, second)
    if (pair := _unlike(failure)) is not None:
        return Gap(site, *pair)
    if match := re.search(r"normalized_shape=\[([\d, ]+)\].*input of size\[([\d, ]+)\]", message):
        shape, given = ([int(word) for word in group.split(",")] for group in match.groups())
        return Gap(site, math.prod(given[-len(shape) :]), math.prod(shape))
    if match := re.search(r"\((\d+)x(\d+) and (\d+)x(\d+)\)", message):
        return Gap(site, int(match[2]), int(match[3]))
    if (pair := _stated(message)) is not None:
        return Gap(site, *pair)
    if match := re.search(r"running_mean should contain (\d+) elements not (\d+)", message):
        return Gap(site, int(match[1]), int(match[2]))
    return None


def _reshaped(site: tuple[str, str], shape: list[int], numel: int) -> Gap | None:
    """`view(-1, 400)` of another number of values: what one sample has against what it should have."""
    rest = shape[1:] if shape[0] in {-1, BATCH} else shape
    want = math.prod(abs(size) for size in rest)
    if -1 in rest or not want or (shape[0] == BATCH and len(rest) > 1):
        return None  # any multiple would do, or the shape itself follows the size
    if shape[0] not in {-1, BATCH}:
        return Gap(site, numel, want)
    return Gap(site, numel // BATCH, want)


PAIRS = (  # what came, what was wanted
    re.compile(r"[Ii]nput batch size (?P<got>\d+) doesn't match hidden\d? batch size (?P<want>\d+)"),
    re.compile(r"Expected size (?P<want>\d+) but got size (?P<got>\d+)"),
    re.compile(r"expanded size of the tensor \((?P<want>\d+)\) must match the existing size \((?P<got>\d+)\)"),
    re.compile(
        r"has size (?P<want>\d+) for operand \d+ which does not broadcast with previously seen size (?P<got>\d+)"
    ),
)
LISTS = re.compile(r"(?:to be|but got):? \[([\d, ]+)\].*?(?:but got|and):? (?:at entry \d+ and )?\[([\d, ]+)\]")


def _stated(message: str) -> tuple[int, int] | None:
    """Two sizes that a message sets against each other: the one that came and the one that was wanted."""
    for pair in PAIRS:
        if match := pair.search(message):
            return int(match["got"]), int(match["want"])
    if match := LISTS.search(message):
        want, got = ([int(word) for word in group.split(",")] for group in match.groups())
        return next(((came, asked) for asked, came in zip(want, got, strict=False) if asked != came), None)
    return None


def _unlike(failure: Failure) -> tuple[int, int] | None:
    """Of an input and a table of the model that cannot be added: the size that came and the one of the table."""
    if failure.op not in ELEMENTWISE or len(failure.operands) != 2:
        return None
    first, second = failure.operands
    if bool(first.sources) == bool(second.sources):
        return None
    came, table = (first, second) if first.sources else (second, first)
    pairs = zip(came.shape[::-1], table.shape[::-1], strict=False)
    return next((pair for pair in pairs if pair[0] != pair[1] and 1 not in pair), None)


def free_paths(state: State, failure: Failure) -> list[str]:
    """Arguments with free axes, those that feed the failing operation first."""
    tensors = {path: slot for path, slot in leaves(state).items() if slot.free}
    fed = {path for operand in (*failure.operands, *failure.entering) for path in operand.sources}
    return sorted(tensors, key=lambda path: path not in fed)


def with_size(state: State, path: str, size: int) -> State:
    """The state with another free size of one argument, and of all that are of the same shape or follow its steps."""
    tensors = leaves(state)
    model = tensors[path]
    old = model.shape[model.free[-1]]
    for other, slot in tensors.items():
        if other == path or (slot.free and slot.shape == model.shape):
            state = replaced(state, other, scaled(slot, size))
        elif len(slot.shape) == 2 and slot.batch == 0 and slot.shape[1] == old and slot.dtype in {"bool", "i64"}:
            state = replaced(state, other, slot._replace(shape=(slot.shape[0], size)))
        elif slot.fill == "lengths":
            state = replaced(state, other, slot._replace(high=size + 1))
    return state


def solved(
    state: State,
    failure: Failure,
    progress: int,
    run: Callable[[State], Outcome],
    stated: tuple[Sequence[int], Sequence[tuple[int, ...]]] = ((), ()),
) -> Iterator[State]:
    """States whose free size closes the gap of a failure that came as far as `progress`, the nicest size first.

    What the program states is tried before anything is bisected: single sizes, and whole extents.
    """
    first = gap(failure)
    if first is None or first.got == first.want:
        return
    for path in free_paths(state, failure)[:1]:
        slot = leaves(state)[path]
        for other in _stated_sizes(state, path, slot, *stated):
            if _judged(run(other), first, progress) == 0:
                yield other
                return
    for path in free_paths(state, failure):
        slot = leaves(state)[path]
        found = _bisected(state, path, first, progress, run)
        if found == [] and len(slot.free) == 2 and first.site[0] in {"linear", "view", "reshape"}:
            yield from _apart(state, path, first, progress, run)
        if found:
            yield from (with_size(state, path, size) for size in found)
            return


def _stated_sizes(
    state: State, path: str, slot: Slot, sizes: Sequence[int], extents: Sequence[tuple[int, ...]]
) -> Iterator[State]:
    for size in sizes:
        if size != slot.shape[slot.free[-1]]:
            yield with_size(state, path, size)
    for extent in extents:
        if len(extent) != len(slot.free):
            continue
        shape = list(slot.shape)
        for axis, size in zip(slot.free, extent, strict=True):
            shape[axis] = size
        wide = slot._replace(shape=tuple(shape), free=())
        other = state
        for like, same in leaves(state).items():
            other = replaced(other, like, wide) if same == slot else other
        yield other


def _bisected(state: State, path: str, first: Gap, progress: int, run: Callable[[State], Outcome]) -> list[int] | None:
    """Sizes that close the gap, the nicest first; [] where it only changes sides, `None` where nothing moves it."""
    slot = leaves(state)[path]
    start = slot.shape[slot.free[-1]]
    known: dict[int, int | None] = {start: _sign(first.got - first.want)}
    came: set[int] = {first.got}

    def sign(size: int) -> int | None:
        """Whether the size is too small (-1), right (0) or too large (1); `None` where that cannot be said."""
        if size not in known:
            outcome = run(with_size(state, path, size))
            known[size] = _judged(outcome, first, progress)
            here = gap(outcome.failure) if outcome.failure is not None else None
            came.add(here.got if here is not None else 0)
        return known[size]

    low, high = start, start
    most = LARGEST.get(len(slot.free), 256)
    while known[start] == 1 and low > 1:
        low //= 2
        if sign(low) in {-1, 0, None}:
            break
    while known[start] == -1 and high < most:
        high *= 2
        if sign(high) in {1, 0, None}:
            break
        if len(known) > STILL and len(came) == 1:
            return None
    if len({known[low], known[high]}) == 1:
        return None
    right = low if known[low] == 0 else high if known[high] == 0 else None
    while right is None and high - low > 1:
        middle = (low + high) // 2
        answer = sign(middle)
        if answer == 0:
            right = middle
        elif answer == 1 or (answer is None and known[start] == -1):
            high = middle
        else:
            low = middle
    if right is None:
        return []
    return _plateau(right, sign, low if known[low] != 0 else 0, high if known[high] != 0 else most)


def _plateau(right: int, sign: Callable[[int], int | None], low: int, high: int) -> list[int]:
    """All that is known to be right around `right`, the nicest first."""
    least, beyond = right, right
    bottom, top = low, high
    while least - bottom > 1:
        middle = (least + bottom) // 2
        least, bottom = (middle, bottom) if sign(middle) == 0 else (least, middle)
    while top - beyond > 1:
        middle = (beyond + top) // 2
        beyond, top = (middle, top) if sign(middle) == 0 else (beyond, middle)
    nice = [size for size in NICE if least <= size <= beyond]
    even = [size for size in range(least, beyond + 1) if size % 2 == 0]
    return list(dict.fromkeys([*nice[:2], *even[:1], right, least]))


def _judged(outcome: Outcome, first: Gap, progress: int) -> int | None:
    if outcome.failure is None or outcome.progress > progress:
        return 0
    here = gap(outcome.failure)
    if here is None or here.site != first.site:
        return -1 if GROW.search(outcome.failure.message) else None
    if here.got == here.want:
        return 0
    return _sign(here.got - here.want)


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def _apart(state: State, path: str, first: Gap, progress: int, run: Callable[[State], Outcome]) -> Iterator[State]:
    """Height and width that differ: the width is doubled and halved, the height bisected for each."""
    slot = leaves(state)[path]
    start = slot.shape[slot.free[-1]]
    for width in (start, start * 2, start // 2, start * 4):
        shape = list(slot.shape)
        shape[slot.free[-1]] = width
        wide: Slot = slot._replace(shape=tuple(shape), free=slot.free[:1])
        other = state
        for like, same in leaves(state).items():  # pictures beside it are of the same size
            other = replaced(other, like, wide) if same == slot else other
        outcome = run(other)
        here = gap(outcome.failure) if outcome.failure is not None else None
        if width != start and outcome.failure is None:
            yield other
        elif here is not None and here.site == first.site:
            found = _bisected(other, path, here, progress, run)
            if found:
                yield from (with_size(other, path, size) for size in found)
                return

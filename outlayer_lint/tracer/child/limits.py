"""A limit on how long one step of the user's code may take; the parent's clock is for what ignores it."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class TooLong(BaseException):
    """The step ran past its limit. No `Exception`: the user's `except Exception` must not swallow it."""


class TooSlow(Exception):
    """What a forward that ran past its limit is reported as."""


# A busy machine must not make a step too long, and a step that sleeps must end as well: processor time, and more of the
# clock on the wall.
CLOCKS = ((signal.ITIMER_PROF, signal.SIGPROF, 1.0), (signal.ITIMER_REAL, signal.SIGALRM, 4.0))


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises `TooLong` inside the block after `seconds` of processor time; an outer limit that is nearer holds as well.

    Only the main thread can be interrupted; elsewhere the block runs without a limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = [(signal.signal(number, _ring), signal.setitimer(clock, 0)[0]) for clock, number, _ in CLOCKS]
    mine = []
    for (clock, _, factor), (_, left) in zip(CLOCKS, before, strict=True):
        mine.append(min(seconds * factor, left) if left else seconds * factor)
        signal.setitimer(clock, mine[-1], 0.5)
    try:
        yield
    finally:
        rests = [signal.setitimer(clock, 0)[0] for clock, _, _ in CLOCKS]
        for (clock, number, _), (handler, left), given, rest in zip(CLOCKS, before, mine, rests, strict=True):
            signal.signal(number, handler)
            if left:
                signal.setitimer(clock, max(left - (given - rest), 0.001), 0.5)


@contextmanager
def unlimited() -> Iterator[None]:
    """Stops the clocks of every limit around the block: importing a package may take long and is nobody's fault."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    lefts = [signal.setitimer(clock, 0)[0] for clock, _, _ in CLOCKS]
    try:
        yield
    finally:
        for (clock, _, _), left in zip(CLOCKS, lefts, strict=True):
            if left:
                signal.setitimer(clock, left, 0.5)


def _ring(*_: object) -> None:
    raise TooLong

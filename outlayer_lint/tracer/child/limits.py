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


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises `TooLong` inside the block after `seconds`; an outer limit that is nearer holds as well.

    Only the main thread can be interrupted; elsewhere the block runs without a limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGALRM, _ring)
    left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    mine = min(seconds, left) if left else seconds
    signal.setitimer(signal.ITIMER_REAL, mine, 0.5)
    try:
        yield
    finally:
        rest, _ = signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (mine - rest), 0.001), 0.5)


@contextmanager
def unlimited() -> Iterator[None]:
    """Stops the clock of every limit around the block: importing a package may take long and is nobody's fault."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        yield
    finally:
        if left:
            signal.setitimer(signal.ITIMER_REAL, left, 0.5)


def _ring(*_: object) -> None:
    raise TooLong

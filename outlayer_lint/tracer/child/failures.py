"""What an exception means: its word, its line in the user's code, and whether it is the tracer's own."""

from __future__ import annotations

import os
import sys

PACKAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "")
WHY = 300  # characters of a reason
OUT_OF_MEMORY = ("allocate memory", "out of memory", "std::bad_alloc", "Cannot allocate")
OUTSIDE = (
    "Network is unreachable", "Connection refused", "Name or service not known", "Temporary failure in name resolution",
    "offline mode", "No such file or directory", "Max retries exceeded", "urlopen error", "Read-only file system",
)  # fmt: skip
# What only a bug of ours raises where no line of the user's is on the way; anything else is the machine's or torch's.
BUGS = (AttributeError, TypeError, LookupError, NameError, AssertionError, NotImplementedError, RecursionError)


def word_of(error: BaseException) -> str:
    """The word for an exception of the user's code."""
    try:
        text = f"{type(error).__name__}: {error}"
    except BaseException:  # noqa: BLE001 - the user's own `__str__`
        return "crash"
    return word_of_text(text)


def word_of_text(text: str) -> str:
    """The word for an exception told as `Name: message`."""
    if "MemoryError" in text or any(word in text for word in OUT_OF_MEMORY):
        return "memory"
    if "ModuleNotFoundError" in text or any(word in text for word in OUTSIDE):
        return "environment"
    return "crash"


def said(error: BaseException) -> str:
    """An exception in a line; one whose text cannot be had is told by its name."""
    try:
        text = " ".join(str(error).split())
    except BaseException:  # noqa: BLE001 - the user's own `__str__`
        text = ""
    return f"{type(error).__name__}: {text}"[:WHY] if text else type(error).__name__


def user_line(error: BaseException) -> str:
    """The last line of the user's that it passed, as `path:line`, "" where it passed none."""
    found = ""
    step = error.__traceback__
    while step is not None:
        path = step.tb_frame.f_code.co_filename
        if os.path.isabs(path) and "site-packages" not in path and not path.startswith((PACKAGE, sys.base_prefix)):
            found = f"{path}:{step.tb_lineno}"
        step = step.tb_next
    return found


def is_ours(error: BaseException) -> bool:
    """Whether the tracer itself is wrong: not for want of memory, and nothing of the user's is on the way."""
    step = error.__traceback__
    last = ""
    while step is not None:
        last = step.tb_frame.f_code.co_filename
        step = step.tb_next
    return isinstance(error, BUGS) and last.startswith(PACKAGE) and not user_line(error)

"""What the project's own code asks for and does not find: whether it is data, and what it is called."""

from __future__ import annotations

import os
import re
import sys
import time
from typing import TYPE_CHECKING, Any

from outlayer_lint.tracer.child.losses.written import assigned
from outlayer_lint.tracer.child.recording.marks import PROJECT, here, standing

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from outlayer_lint.tracer.child.surroundings.made_up import MadeUp

# Of programs, of the system and of what a library keeps for itself: never data of the project.
OTHERS = re.compile(
    r"\.(pyc?|so|pth|egg|zip|cfg|toml|dist-info|lock|exe|dll)$|^/(proc|sys|dev|etc|usr|bin|run|var)/|/\.|"
    r"(^|/)(logs?|runs|cache)(/|$)"
)


class Lost:
    """What the project's code asks for and does not find, in one run of a script."""

    def __init__(self, replace: Callable[[Any, str, Any], None], made: MadeUp, root: str) -> None:
        """`replace` puts a function in the place of another one until the run is over; `root` is the project's."""
        self.root = os.path.join(os.path.abspath(root or os.path.dirname(made.path)), "")
        self.replace = replace
        self.made = made
        self.began = time.time()
        self.install()

    def install(self) -> None:
        """Put what stands in for something in its place."""

    def is_data(self, asked: Any) -> bool:
        """Whether the project's own code asks for this path, and it can be data."""
        if not isinstance(asked, (str, os.PathLike)):
            return False
        shown: Any = os.fspath(asked)
        if isinstance(shown, bytes):
            return False
        path = os.path.abspath(shown)
        shown = path.removeprefix(self.root)
        if OTHERS.search(shown) or path.startswith((sys.prefix, sys.base_prefix)):
            return False
        return standing(path) == PROJECT and asks()

    def told(self, asked: Any) -> str:
        """Words for what was asked for: the file's name and those of what is bound to it."""
        shown = os.fspath(asked)
        self.made.names.append(os.path.basename(shown.rstrip("/")) or shown)
        place = here(PROJECT, 3)
        stem = os.path.splitext(os.path.basename(shown))[0]
        return f"{stem} {' '.join(assigned(place)) if place is not None else ''}"


def is_there(path: Any) -> bool:
    """Whether something exists, whatever the program is told."""
    try:
        os.stat(path)
    except (OSError, ValueError, TypeError):
        return False
    return True


def asks() -> bool:
    """Whether it is the project's own code that asks, itself or through a library: not an import."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        path = frame.f_code.co_filename
        if "importlib" in path:
            return False
        if standing(path) == PROJECT:
            return True
        frame = frame.f_back
    return False

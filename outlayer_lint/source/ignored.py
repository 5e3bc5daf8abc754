"""What a `.gitignore` leaves out. `pathspec` decides, and is asked only about paths that some pattern may mean.

Importing it costs more than a small run, and most of what a repository ignores is not there when its code is checked:
caches, weights, bytecode. So each pattern gives a name, an ending or a glob that some part of a path must have, or the
path that it must begin with, for the pattern to say anything of it.
"""

from __future__ import annotations

import re
from fnmatch import translate

from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

GLOB = frozenset("*?[")
UNCERTAIN = ("\\", "[:", "[^")  # escapes and classes that `fnmatch` reads in another way


class Ignored:
    """The patterns of one `.gitignore`."""

    __slots__ = ("_endings", "_globs", "_lines", "_names", "_paths", "_spec", "_taken_back", "_unsure")

    def __init__(self, lines: Iterable[str]) -> None:
        """The lines of the file, comments and empty ones included."""
        self._lines = list(lines)
        self._spec: Any = None
        self._unsure = False
        self._names: set[str] = set()
        paths: list[str] = []
        endings: list[str] = []
        globs: list[str] = []
        for line in self._lines:
            part = _telling(line)
            if part is None:
                continue
            path = line.removeprefix("!").strip().strip("/")
            if not part or any(sign in part for sign in UNCERTAIN):
                self._unsure = True
            elif GLOB.isdisjoint(path) and "/" in line.removeprefix("!").rstrip("/ "):  # holds from the file's folder
                paths.append(f"{path}/")
            elif GLOB.isdisjoint(part):
                self._names.add(part)
            elif part[0] == "*" and GLOB.isdisjoint(part[1:]):
                endings.append(part[1:])
            else:
                globs.append(translate(part))
        taken_back = [line[1:] for line in self._lines if line.startswith("!")]
        self._taken_back = Ignored(taken_back) if taken_back else None
        self._paths = tuple(paths)
        self._endings = tuple(endings)
        self._globs = re.compile("|".join(globs)).match if globs else None

    def verdict(self, path: str) -> bool | None:
        """Whether a path below the file's folder is left out, `None` where no pattern says; folders end in `/`."""
        if not self._may_mean(path):
            return None
        named = path.endswith("/") and path.startswith(self._paths)
        if named and (self._taken_back is None or not self._taken_back._may_mean(path)):  # noqa: SLF001
            return True
        return self._decided(path)

    def _may_mean(self, path: str) -> bool:
        return self._unsure or f"{path}/".startswith(self._paths) or any(map(self._may_name, path.split("/")))

    def _may_name(self, name: str) -> bool:
        return bool(name) and (
            name in self._names
            or name.endswith(self._endings)
            or (self._globs is not None and self._globs(name) is not None)
        )

    def _decided(self, path: str) -> bool | None:
        if self._spec is None:
            self._spec = _spec(self._lines)
        verdict: bool | None = self._spec.check_file(path).include
        return verdict


def _telling(line: str) -> str | None:
    """The part of a pattern that part of a path must match: the last one that says something; `""` for none at all."""
    pattern = line.rstrip()
    if not pattern or pattern.startswith("#"):
        return None
    if pattern[0].isspace():
        return ""
    parts = [part for part in pattern.removeprefix("!").split("/") if part.strip("*")]
    return parts[-1] if parts else ""


def _spec(lines: list[str]) -> Any:
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - costs more than a small run

    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError:  # one pattern that git would skip as well
        return GitIgnoreSpec.from_lines(filter(_is_pattern, lines))


def _is_pattern(line: str) -> bool:
    from pathspec import GitIgnoreSpec  # noqa: PLC0415

    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True

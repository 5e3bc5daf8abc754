"""Folders that are not there, or hold nothing that was there before: they list files that are made up.

In a further run, should the first fail, they list folders of files.
"""

from __future__ import annotations

import ast
import glob
import os
import pathlib
import re
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from outlayer_lint.tracer.child.losses import written
from outlayer_lint.tracer.child.recording.marks import PROJECT, here, standing
from outlayer_lint.tracer.child.surroundings.files import PICTURES
from outlayer_lint.tracer.child.surroundings.lost import Lost, is_there

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES, FOLDERS = 16, 3
WEIGHTS = re.compile(
    r"check_?points?|ckpt|weights|\bbest|resume|\.(pth?|pth\.tar|bin|safetensors|model)$", re.IGNORECASE
)
EXTENSION = re.compile(
    r"^\*?(\.(?:jpe?g|png|bmp|tiff?|npy|npz|wav|flac|mp3|txt|csv|json|mat|pkl|h5|hdf5|nii|nii\.gz|xml|dcm|pt))$"
)
OPENS = re.compile(rb"Image\.open|imread|read_image|decode_image")


class Folders(Lost):
    """Listings, and questions whether something exists."""

    def install(self) -> None:
        """See the class."""
        self.made.asked = self.made.listed = 0
        self._folders()
        self._questions()

    def is_empty(self, folder: str, names: list[str]) -> bool:
        """Whether a folder that is there holds nothing, and was there before the program began."""
        if folder in self.made.created or any(
            not name.startswith(".") and "readme" not in name.lower() for name in names
        ):
            return False
        with suppress(OSError):
            return os.stat(folder).st_ctime < self.began
        return False

    def within(self, folder: str) -> list[str]:
        """What a folder that is made up holds."""
        levels = [part for part in os.path.normpath(folder).split(os.sep) if part.startswith("folder")]
        self.made.listed += 1
        self.made.names.append(os.path.basename(os.path.normpath(folder)))
        if len(levels) < self.made.deep:
            return [f"folder{index}" for index in range(FOLDERS)]
        return [f"{index}{self._extension()}" for index in range(FILES)]

    def _extension(self) -> str:
        """The kind of file that the code that lists a folder, or the script, speaks of or opens."""
        place = here(PROJECT, 3)
        for path in ([place.code.co_filename] if place is not None else []) + [self.made.path]:
            known = written.expressions(path)
            if known is None:
                continue
            found = [match[1] for match in map(EXTENSION.match, strings(known[0].tree)) if match is not None]
            opens = OPENS.search(known[0].data) is not None
            kinds = [kind for kind in found if not opens or kind in PICTURES]
            if kinds:
                return kinds[0]
        return PICTURES[0]

    def _folders(self) -> None:
        listdir, walk, scandir = os.listdir, os.walk, os.scandir
        self.listdir = listdir
        mkdir = os.mkdir

        def made(path: Any, *args: Any, **kwargs: Any) -> None:
            if path not in self.made.created:
                mkdir(path, *args, **kwargs)
            self.made.created.add(path)

        self.replace(os, "mkdir", made)
        globbed, found_below, children = glob.glob, pathlib.Path.glob, pathlib.Path.iterdir

        def listed(path: Any = ".") -> Any:
            try:
                names = listdir(path)
            except OSError:
                if not self.is_data(path):
                    raise
                return self.within(os.fspath(path))
            empty = (
                isinstance(path, (str, os.PathLike)) and self.is_data(path) and self.is_empty(os.fspath(path), names)
            )
            return self.within(os.fspath(path)) if empty else names

        def walked(top: Any, *args: Any, **kwargs: Any) -> Any:
            if not self.is_data(top) or (is_there(top) and not self.is_empty(os.fspath(top), listdir(top))):
                return walk(top, *args, **kwargs)
            return iter(list(self._walk(os.fspath(top), 0)))

        def scanned(path: Any = ".") -> Any:
            if is_there(path) or not self.is_data(path):
                return scandir(path)
            return Entries([Entry(os.fspath(path), name) for name in self.within(os.fspath(path))])

        def matching(pattern: Any, *args: Any, **kwargs: Any) -> Any:
            found = globbed(pattern, *args, **kwargs)
            return found if found or not isinstance(pattern, (str, os.PathLike)) else self._matching(os.fspath(pattern))

        def below(self_: Any, pattern: str) -> Any:
            found = list(found_below(self_, pattern))
            return found or [type(self_)(each) for each in self._matching(os.path.join(self_, pattern))]

        def entries(self_: Any) -> Any:
            return (self_ / name for name in listed(self_)) if not is_there(self_) else children(self_)

        for owner, name, value in (
            (os, "listdir", listed), (os, "walk", walked), (os, "scandir", scanned), (glob, "glob", matching),
            (pathlib.Path, "glob", below), (pathlib.Path, "iterdir", entries),
            (pathlib.Path, "rglob", lambda self_, pattern: below(self_, f"**/{pattern}")),
        ):  # fmt: skip
            self.replace(owner, name, value)

    def _walk(self, top: str, depth: int) -> Iterator[tuple[str, list[str], list[str]]]:
        names = self.within(top)
        folders = [name for name in names if "." not in name]
        yield top, folders, [name for name in names if "." in name]
        for name in folders:
            yield from self._walk(os.path.join(top, name), depth + 1)

    def _matching(self, pattern: str) -> list[str]:
        home = pattern
        while glob.has_magic(home):
            home = os.path.dirname(home)
        if not home or not self.is_data(home) or home == pattern:
            return []
        if is_there(home) and not self.is_empty(home, self.listdir(home)):
            return []
        self.made.names.append(os.path.basename(home))
        self.made.listed += 1
        if pattern.endswith(".*"):
            pattern = pattern[:-2] + self._extension()
        rest = [part for part in os.path.relpath(pattern, home).split(os.sep) if part != "**"]
        found = [home]
        for depth, part in enumerate(rest):
            last = depth == len(rest) - 1
            every = ("folder*" if self.made.deep else f"*{self._extension()}") if last and part == "*" else part
            numbers = range(FILES if last else FOLDERS) if glob.has_magic(every) else range(1)
            found = [os.path.join(each, re.sub(r"\[.*?\]|[*?]", str(n), every)) for each in found for n in numbers]
        return found

    # -- questions ----------------------------------------------------------------------------------------------------

    def _questions(self) -> None:
        """Whether something exists: at first it does not; in a further run all does that was asked for."""

        def asking(owner: Any, name: str, kind: str) -> None:
            plain = getattr(owner, name)

            def asked(path: Any, *args: Any, **kwargs: Any) -> bool:
                found = plain(path, *args, **kwargs)
                own = standing(sys._getframe(1).f_code.co_filename) == PROJECT  # libraries look for what is optional
                if found or not own or not self.is_data(path) or WEIGHTS.search(os.fspath(path)):
                    return bool(found)
                named = os.path.basename(os.path.normpath(os.fspath(path)))
                if re.match(r"folder\d+$", named) or re.match(r"\d+\.\w+$", named):  # we said so
                    return (kind != "file") if "." not in named else kind != "folder"
                self.made.asked += 1
                return self.made.exist > 0 and (kind == "any" or ("." in named) == (kind == "file"))

            self.replace(owner, name, asked)

        for owner in (os.path, pathlib.Path):
            for name, kind in (("exists", "any"), ("isfile", "file"), ("isdir", "folder")):
                called = {"isfile": "is_file", "isdir": "is_dir"}.get(name, name) if owner is pathlib.Path else name
                asking(owner, called, kind)
        plain = os.path.getsize
        self.replace(os.path, "getsize", lambda path: plain(path) if is_there(path) else 1 << 16)


class Entry:
    """What `os.scandir` tells of a file that is made up."""

    def __init__(self, folder: str, name: str) -> None:
        """Its folder and its name."""
        self.name, self.path = name, os.path.join(folder, name)

    def is_dir(self, **_: Any) -> bool:
        """By its name."""
        return "." not in self.name

    def is_file(self, **_: Any) -> bool:
        """By its name."""
        return "." in self.name

    def __fspath__(self) -> str:
        return self.path


class Entries(list[Entry]):
    """What `os.scandir` gives."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was opened."""

    close = __exit__


def strings(tree: Any) -> Iterator[str]:
    """The string constants of a program."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value

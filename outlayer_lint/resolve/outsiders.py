"""Files without a framework's word that lead into others: a `main.py` that only says `Solver(config).train()`.

In a small project they are asked like the rest (`leading`). In a big one they are not kept and not searched for words;
only when nobody else calls a function are their imports read (`Outsiders`).
"""

from __future__ import annotations

import os
import re

from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.source.document import Unreadable, contents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from outlayer_lint.resolve.project import Project
    from outlayer_lint.resolve.sourcefile import SourceFile

    Importing = dict[bytes, list[tuple[SourceFile, bytes, frozenset[bytes]]]]

MAX_BYTES = 20_000_000  # of all such files together; what comes later is not looked at
MAX_FILES = 4


class Outsiders:
    """The files of a project that name no framework, by the words of their import statements."""

    def __init__(self, project: Project) -> None:
        """Nothing is read yet."""
        self._project = project
        self._importing: Importing | None = None

    def importers(self, file: SourceFile, owner: str, name: str) -> list[SourceFile]:
        """The files that import `owner`, a function or class, from a file or its folder, and call `name`."""
        importing = self._importing
        if importing is None:
            importing = self._importing = self._read()
        found = []
        near = {part.encode() for part in file.imported_as}
        calling = re.compile(rb"\b" + name.encode() + rb"\s*\(")
        for other, data, words in importing.get(owner.encode(), ()):
            if not near.isdisjoint(words) and calling.search(data):
                found.append(other)
        return found[:MAX_FILES]

    def _read(self) -> Importing:
        known = {stem.encode() for stem in self._project.by_stem}
        found: Importing = {}
        total = 0
        for file in self._project:
            if file.has_framework or file.broken is not None or not file.path.endswith(".py"):
                continue
            try:
                data = contents(file.path)
            except Unreadable:
                continue
            total += len(data)
            if total > MAX_BYTES:
                break
            words = frozenset(_imported(data))
            for word in words if not words.isdisjoint(known) else ():
                found.setdefault(word, []).append((file, data, words))
        return found


def _imported(data: bytes) -> Iterator[bytes]:
    """The words on the lines of import statements."""
    at = data.find(b"import ")
    while at >= 0:
        start, end = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at)
        yield from re.findall(rb"\w+", data[start : end if end >= 0 else len(data)])
        at = data.find(b"import ", at + 7)


def leading(files: list[SourceFile], others: list[SourceFile]) -> list[SourceFile]:
    """Files that name no framework: one that only puts model and trainer together, a trainer that is handed both.

    One that imports them through another such file (`from src import Trainer`) is among them.
    """
    imported = {
        file: {
            part
            for match in re.finditer(rb"(?m)^[ \t]*(?:from|import)[ \t]+([\w.]+)", file.data)
            for part in match[1].decode("utf-8", "replace").split(".")
        }
        for file in others
    }
    stems = _stems(files)
    found: dict[SourceFile, None] = {file: None for file in others if b".backward(" in file.data}
    while True:
        reached = [f for f, parts in imported.items() if f not in found and not parts.isdisjoint(stems)]
        if not reached:
            return [file for file in others if file in found]
        found.update(dict.fromkeys(reached))
        stems = _stems(file for file in reached if file.path.endswith("__init__.py"))


def _stems(files: Iterable[SourceFile]) -> set[str]:
    """The words by which files are imported."""
    return {part for file in files for part in file.path.rpartition(".")[0].split(os.sep)[-2:]}

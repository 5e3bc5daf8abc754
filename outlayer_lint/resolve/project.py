"""The files that belong together: finding modules by name, finding who mentions a word."""

from __future__ import annotations

import os

from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.resolve.sourcefile import SourceFile

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence


MANY_WORDS = 2000  # looked for in every file, cost about as much as an index of all


class Project:
    """All files below one root, and the extra ones that were given by hand."""

    def __init__(
        self, root: str, paths: Iterable[str], display: dict[str, str] | None = None, starts: Sequence[str] = ()
    ) -> None:
        """`paths` are absolute; `display` names those that are shown otherwise than relative to the working folder.

        `starts` are folders that imports start from (`src` of the configuration), absolute.
        """
        self.root = root
        self.starts = tuple(starts)
        here = os.getcwd()
        self.files: dict[str, SourceFile] = {}
        for path in paths:
            shown = (display or {}).get(path) or _shown(path, here)
            self.files[path] = SourceFile(path, shown, self)
        self._by_stem: dict[str, list[str]] | None = None
        self._modules: dict[tuple[str, str], SourceFile | None] = {}
        self._mentions: dict[str, list[SourceFile]] = {}
        self._tokens: list[tuple[SourceFile, set[bytes]]] | None = None
        self._mentioned: dict[bytes, list[SourceFile]] | None = None
        self._near: dict[str, set[SourceFile]] = {}
        self._derived: dict[str, list[tuple[SourceFile, str]]] | None = None
        self.framework_files: list[SourceFile] = []
        self.sparse = False  # whether definitions are parsed one by one, when somebody looks inside
        self.whole: Container[str] = ()  # paths that are parsed as a whole nevertheless
        self.added: dict[str, bool] = {}  # name of an attribute -> whether it is written from outside, as far as asked
        self.setters: frozenset[str] | None = None  # names of methods that write to `self`; setters.py finds them

    def __iter__(self) -> Iterator[SourceFile]:
        return iter(self.files.values())

    def unfold(self) -> list[SourceFile]:
        """The modules that cells write, which are files of the project from now on."""
        holders = [file for file in self.framework_files if file.holds_modules]
        if not holders:
            return []
        from outlayer_lint.resolve.parts import unfolded  # noqa: PLC0415 - few projects have such a thing

        found = unfolded(self, holders)
        self.files.update(found)
        self._by_stem = self._tokens = self._mentioned = self._derived = None
        self._mentions.clear()
        self._modules.clear()
        self._near.clear()
        return list(found.values())

    @property
    def by_stem(self) -> dict[str, list[str]]:
        """Last part of a module's name -> paths that can be meant."""
        if self._by_stem is None:
            stems: dict[str, list[str]] = {}
            for path in self.files:
                folder, _, name = path.rpartition(os.sep)
                stem = os.path.basename(folder) if name == "__init__.py" else name.rpartition(".")[0]
                if not name.endswith(".ipynb"):
                    stems.setdefault(stem, []).append(path)
            self._by_stem = stems
        return self._by_stem

    def module(self, name: str, asked_by: SourceFile, level: int = 0) -> SourceFile | None:
        """The file of a module as `asked_by` would import it, or `None` where the project has none."""
        folder = os.path.dirname(asked_by.path)
        if level:
            for _ in range(level - 1):
                folder = os.path.dirname(folder)
            return self._at(folder, name)
        key = (folder, name)
        if key not in self._modules:
            self._modules[key] = self._absolute(name, folder)
        return self._modules[key]

    def _at(self, folder: str, name: str) -> SourceFile | None:
        stem = os.path.join(folder, *name.split(".")) if name else folder
        return self.files.get(stem + ".py") or self.files.get(os.path.join(stem, "__init__.py"))

    def _absolute(self, name: str, folder: str) -> SourceFile | None:
        candidates = self.by_stem.get(name.rpartition(".")[2])
        if not candidates:
            return None
        for place in (folder, *self.starts) if self.starts else ():
            if found := self._at(place, name):
                return found
        at = folder
        while True:  # the script's own folder first, then every folder above it
            if found := self._at(at, name):
                return found
            if at == self.root or not at.startswith(self.root) or os.path.dirname(at) == at:
                break
            at = os.path.dirname(at)
        tail = os.sep + name.replace(".", os.sep)
        fitting = [p for p in candidates if p.endswith((tail + ".py", tail + os.sep + "__init__.py"))]
        return self.files[fitting[0]] if len(fitting) == 1 else None

    def is_package(self, name: str, asked_by: SourceFile) -> bool:
        """Whether a folder of the project without `__init__` bears the name (namespace packages, scripts' folders)."""
        at, tail = os.path.dirname(asked_by.path), name.replace(".", os.sep)
        for place in self.starts:
            prefix = os.path.join(place, tail) + os.sep
            if os.path.isdir(prefix):
                return any(p.startswith(prefix) for p in self.files)
        while at.startswith(self.root):
            prefix = os.path.join(at, tail) + os.sep
            if os.path.isdir(prefix):
                return any(p.startswith(prefix) for p in self.files)
            if os.path.dirname(at) == at:
                break
            at = os.path.dirname(at)
        return False

    def importers(self, file: SourceFile, word: str) -> list[SourceFile]:
        """The file itself, and those that mention `word` and can have it from there: they name its module or folder."""
        found = self.users(file, word)
        near = self.beside(file) if found != [file] else ()
        return [other for other in found if other is file or other in near]

    def users(self, file: SourceFile, word: str) -> list[SourceFile]:
        """The files that mention `word` and may mean what `file` defines; nobody imports a notebook."""
        if file.is_notebook:
            return [file] if file.has_word(word) else []
        return self.mentions(word)

    def beside(self, *files: SourceFile) -> set[SourceFile]:
        """The files that may have something from one of these: they name its module or its folder."""
        parts = {part for file in files for part in file.imported_as}
        return set().union(*map(self._naming, parts))

    def _naming(self, part: str) -> set[SourceFile]:
        if part not in self._near:
            self._near[part] = set(self.mentions(part))
        return self._near[part]

    def derived(self, base: str) -> list[tuple[SourceFile, str]]:
        """The classes, by file and name, that have this word among their bases."""
        if self._derived is None:
            self._derived = {}
            for file in self.framework_files:
                for name, bases in file.derived():
                    for word in dict.fromkeys(bases):
                        self._derived.setdefault(word, []).append((file, name))
        return self._derived.get(base, [])

    def mentions(self, word: str) -> list[SourceFile]:
        """The files with a framework's word in them that mention `word`."""
        found = self._mentions.get(word)
        if found is None:
            if self._tokens is None:
                self._tokens = [(file, file.tokens) for file in self.framework_files]
            if len(self._mentions) < MANY_WORDS:
                spelt = word.encode()
                found = [file for file, tokens in self._tokens if spelt in tokens]
            else:
                found = self._all_mentioned(self._tokens).get(word.encode(), [])
            self._mentions[word] = found
        return found

    def _all_mentioned(self, tokens: list[tuple[SourceFile, set[bytes]]]) -> dict[bytes, list[SourceFile]]:
        """The files of every word, in order: made once so many words were looked for that it costs less."""
        if self._mentioned is None:
            self._mentioned = {}
            for file, words in tokens:
                for word in words:
                    self._mentioned.setdefault(word, []).append(file)
        return self._mentioned


def _shown(path: str, here: str) -> str:
    shown = os.path.relpath(path, here) if path.startswith(here + os.sep) else path
    return shown.replace(os.sep, "/")

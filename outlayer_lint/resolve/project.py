"""The files that belong together: reading, finding modules by name, finding who mentions a word."""

from __future__ import annotations

import ast
import os
import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from outlayer_lint.resolve.scopes import Place, Scope
from outlayer_lint.source.document import Document, Unreadable, contents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from outlayer_lint.resolve.scopes import Block

FRAMEWORKS = (b"torch", b"keras", b"tensorflow")
CALLED = re.compile(r"(\w+)\s*(?:\[[^\]\n]*\]\s*)?\(")
STAR = re.compile(rb"^\s*from\s+([.\w]+)\s+import\s+\*", re.MULTILINE)
ASSIGNED = re.compile(r"\s*([\w.]+)\s*(?::[^=]+)?=(?!=)")
KEYWORD = re.compile(r"(\w+)\s*=\s*[\w.]*$")


class SourceFile:
    """One file of the project, read and parsed when first needed."""

    __slots__ = (
        "_calls",
        "_data",
        "_document",
        "_scope",
        "_stars",
        "_walrus",
        "_words",
        "broken",
        "display",
        "path",
        "project",
    )

    def __init__(self, path: str, display: str, project: Project, data: bytes | None = None) -> None:
        """`display` is how the file is named to the user."""
        self.path = path
        self.display = display
        self.project = project
        self.broken: Unreadable | None = None
        self._data = data
        self._document: Document | None = None
        self._scope: Scope | None = None
        self._calls: dict[str, list[int]] | None = None
        self._walrus: bool | None = None
        self._stars: list[str] | None = None
        self._words: bytes | None = None

    def __repr__(self) -> str:
        return f"<{self.display}>"

    @property
    def data(self) -> bytes:
        """The bytes, empty where the file cannot be read or is absurdly large."""
        if self._data is None:
            try:
                self._data = contents(self.path)
            except Unreadable as error:
                self.broken = error
                self._data = b""
        return self._data

    @property
    def is_parsed(self) -> bool:
        """Whether something was asked of the file."""
        return self._scope is not None

    @property
    def words(self) -> bytes:
        """The bytes to search for words: the file's own, of a notebook the code alone (its pictures are long)."""
        if self._words is None:
            self._words = (
                self.text.encode("utf-8", "replace")
                if self.path.endswith(".ipynb") and self.has_framework
                else self.data
            )
        return self._words

    def forget(self) -> None:
        """Drop the bytes of a file that nothing asks about; they are read again if something does."""
        self._data = self._words = None

    def unread_needed(self) -> bool:
        """Whether the file is of a kind that a user expects to hear about when it cannot be read."""
        return self._scope is None and self.has_framework

    @property
    def has_framework(self) -> bool:
        """Whether a framework's name occurs."""
        data = self.data
        return any(word in data for word in FRAMEWORKS)

    @property
    def has_walrus(self) -> bool:
        """Whether `:=` may occur."""
        if self._walrus is None:
            self._walrus = b":=" in self.words
        return self._walrus

    @property
    def stars(self) -> list[str]:
        """The modules, dots included, of `from x import *`."""
        if self._stars is None:
            words = self.words
            found = STAR.findall(words) if b"import *" in words or b"import  *" in words else []
            self._stars = [name.decode(errors="replace") for name in found]
        return self._stars

    @property
    def document(self) -> Document:
        """The decoded file."""
        if self._document is None:
            self._document = Document(self.path, self.display, self.data)
        return self._document

    @property
    def text(self) -> str:
        """The decoded text, empty where it cannot be decoded."""
        try:
            return self.document.text
        except Unreadable as error:
            self.broken = error
            return ""

    @property
    def scope(self) -> Scope | None:
        """The module's scope, or `None` where the file does not parse (`broken` says why)."""
        if self._scope is None and self.broken is None:
            try:
                self._scope = Scope(self.document.tree, "module", self.display, None, self)
            except Unreadable as error:
                self.broken = error
        return self._scope

    @property
    def calls(self) -> dict[str, list[int]]:
        """Word before a parenthesis (or before `[...](`) -> the lines it stands on."""
        if self._calls is None:
            text = self.text
            self._calls = {}
            last, line = 0, 1
            for match in CALLED.finditer(text):
                start = match.start()
                line += text.count("\n", last, start)
                last = start
                lines = self._calls.setdefault(match[1], [])
                if not lines or lines[-1] != line:
                    lines.append(line)
        return self._calls

    def lines_calling(self, name: str) -> list[int]:
        """Lines on which `name(` or `name[...](` stands. Without the index, found by a plain search for the name."""
        if self._calls is not None:
            return self._calls.get(name, [])
        text = self.text
        lines: list[int] = []
        at, last, line, length = text.find(name), 0, 1, len(name)
        while at >= 0:
            end = at + length
            before, after = text[at - 1 : at], text[end : end + 1]
            if (after in "([ ") and after and not (before.isalnum() or before == "_") and CALLED.match(text, at):
                line += text.count("\n", last, at)
                last = at
                if not lines or lines[-1] != line:
                    lines.append(line)
            at = text.find(name, end)
        return lines

    def bound_to(self, word: str) -> list[str]:
        """Names (last parts) that a line assigns, or passes as a keyword, something written with `word`."""
        text, names = self.text, []
        at = text.find(word)
        while at >= 0:
            start = text.rfind("\n", 0, at) + 1
            before = text[start:at]
            if "=" in before and not text[at + len(word) : at + len(word) + 1].isidentifier():
                if target := ASSIGNED.match(before):
                    names.append(target[1].rpartition(".")[2])
                if keyword := KEYWORD.search(before):
                    names.append(keyword[1])
            at = text.find(word, at + len(word))
        return names

    def lines_with(self, pattern: re.Pattern[str]) -> list[int]:
        """Line numbers (of the joined text, from 1) on which the pattern matches."""
        text = self.text
        lines: list[int] = []
        last, at = 0, 0
        for match in pattern.finditer(text):
            at += text.count("\n", last, match.start())
            last = match.start()
            if not lines or lines[-1] != at + 1:
                lines.append(at + 1)
        return lines

    def locate(self, line: int) -> Place | None:
        """The innermost statement that covers a line, with its block."""
        scope = self.scope
        if scope is None:
            return None
        block, place = scope.block, None
        while True:
            index = _covering(block, line)
            if index is None:
                return place
            place = Place(block, index)
            node = block.statements[index]
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                if line < node.body[0].lineno and line <= node.lineno:
                    return place
                block = block.scope.child(node).block
                continue
            inner = next((s for s in block.subs.get(index, ()) if _covering(s, line) is not None), None)
            if inner is None:
                return place
            block = inner


def _covering(block: Block, line: int) -> int | None:
    statements = block.statements
    at = bisect_right(statements, line, key=_start) - 1
    while at >= 0:
        if (statements[at].end_lineno or 0) >= line:
            return at
        if statements[at].lineno < line:
            return None
        at -= 1
    return None


def _start(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", None)
    return min(node.lineno, decorators[0].lineno) if decorators else node.lineno


class Project:
    """All files below one root, and the extra ones that were given by hand."""

    def __init__(self, root: str, paths: Iterable[str], display: dict[str, str] | None = None) -> None:
        """`paths` are absolute; `display` names those that are shown otherwise than relative to the working folder."""
        self.root = root
        here = os.getcwd()
        self.files: dict[str, SourceFile] = {}
        for path in paths:
            shown = (display or {}).get(path) or _shown(path, here)
            self.files[path] = SourceFile(path, shown, self)
        self._by_stem: dict[str, list[str]] | None = None
        self._modules: dict[tuple[str, str], SourceFile | None] = {}
        self._mentions: dict[bytes, list[SourceFile]] = {}
        self.framework_files: list[SourceFile] = []
        self.setters: frozenset[str] | None = None  # names of methods that write to `self`; setters.py finds them

    def __iter__(self) -> Iterator[SourceFile]:
        return iter(self.files.values())

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
        parts = file.path.rpartition(".")[0].split(os.sep)
        names = (
            {part.encode() for part in parts[-3:] if part not in ("", "__init__", "src")} if len(parts) > 1 else set()
        )
        folder = os.path.dirname(file.path)
        return [
            other
            for other in self.mentions(word)
            if other is file
            or any(name in other.words for name in names)
            or (os.path.dirname(other.path) == folder and parts[-1].encode() in other.words)
        ]

    def mentions(self, word: str) -> list[SourceFile]:
        """The files with a framework's word in them that mention `word`."""
        token = word.encode()
        found = self._mentions.get(token)
        if found is None:
            found = self._mentions[token] = [f for f in self.framework_files if token in f.words]
        return found


def _shown(path: str, here: str) -> str:
    shown = os.path.relpath(path, here) if path.startswith(here + os.sep) else path
    return shown.replace(os.sep, "/")

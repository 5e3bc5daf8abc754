"""One file of a project: read and parsed by need, and searched for words before that."""

from __future__ import annotations

import ast
import os
import re
from bisect import bisect_left

from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.resolve.blocks import Place
from outlayer_lint.resolve.scopes import Scope
from outlayer_lint.resolve.searched import Searched
from outlayer_lint.source.document import Document, Unreadable, contents

if TYPE_CHECKING:
    from outlayer_lint.resolve.project import Project

FRAMEWORKS = (b"torch", b"keras", b"tensorflow")
STAR = rb"(?m)^\s*from\s+([.\w]+)\s+import\s+\*"


class SourceFile(Searched):
    """One file of the project, read and parsed when first needed."""

    __slots__ = (
        "_data",
        "_document",
        "_framework",
        "_global",
        "_scope",
        "_stars",
        "_walrus",
        "_words",
        "broken",
        "display",
        "holder",
        "part",
        "path",
        "project",
    )

    def __init__(self, path: str, display: str, project: Project, data: bytes | None = None) -> None:
        """`display` is how the file is named to the user."""
        super().__init__()
        self.path = path
        self.display = display
        self.project = project
        self.holder = self  # the file that it stands in: a cell of a notebook may write a module
        self.part = ""  # the name of such a module, as the cell has it
        self.broken: Unreadable | None = None
        self._data = data
        self._document: Document | None = None
        self._scope: Scope | None = None
        self._walrus: list[int] | None = None
        self._stars: list[str] | None = None
        self._words: bytes | None = None
        self._framework: bool | None = None
        self._global: bool | None = None

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
    def imported_as(self) -> set[str]:
        """The words by which others import it, or something from it: its module and the folders above."""
        return {*self.path.rpartition(".")[0].split(os.sep)[-3:]} - {"", "__init__", "src"}

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
                if self.part or (self.is_notebook and self.has_framework) or self.was_notebook
                else self.data
            )
        return self._words

    @property
    def is_notebook(self) -> bool:
        """Whether it is a notebook itself, and no module that a cell of one writes: nobody imports it."""
        return not self.part and self.path.endswith(".ipynb")

    @property
    def was_notebook(self) -> bool:
        """Whether a script was made of a notebook with magics."""
        return b"get_ipython()." in self.data

    @property
    def holds_modules(self) -> bool:
        """Whether its cells write modules. A notebook that names no framework is not read for it."""
        if not (self.is_notebook and self.has_framework) and not self.was_notebook:
            return False
        try:
            return bool(self.document.parts)
        except Unreadable as error:
            self.broken = error
            return False

    def forget(self) -> None:
        """Drop the bytes of a file that nothing asks about; they are read again if something does."""
        if self.part:
            return
        self._data = self._words = self._digest = self._tokens = None

    @property
    def is_kept(self) -> bool:
        """Whether the bytes are at hand and were not forgotten."""
        return self._data is not None

    @property
    def has_framework(self) -> bool:
        """Whether a framework's name occurs."""
        if self._framework is None:
            data = self.words if self.part else self.data
            self._framework = any(word in data for word in FRAMEWORKS)
        return self._framework

    @property
    def has_global(self) -> bool:
        """Whether a function may rebind a name of the module."""
        if self._global is None:
            self._global = b"global " in self.words
        return self._global

    @property
    def walrus_lines(self) -> list[int]:
        """The lines on which `:=` stands."""
        if self._walrus is None:
            self._walrus = self.lines_with(":=", (":=",)) if b":=" in self.words else []
        return self._walrus

    def has_walrus(self, node: ast.stmt) -> bool:
        """Whether `:=` may occur in a statement."""
        lines = self.walrus_lines
        at = bisect_left(lines, node.lineno) if lines else 0
        return at < len(lines) and lines[at] <= (node.end_lineno or node.lineno)

    @property
    def stars(self) -> list[str]:
        """The modules, dots included, of `from x import *`."""
        if self._stars is None:
            words = self.words
            found = re.findall(STAR, words) if b"import *" in words or b"import  *" in words else []
            self._stars = [name.decode(errors="replace") for name in found]
        return self._stars

    @property
    def document(self) -> Document:
        """The decoded file."""
        if self._document is None:
            sparse = self.project.sparse and self.path not in self.project.whole
            self._document = Document(self.path, self.display, self.data, sparse=sparse, part=self.part)
        return self._document

    def adopt(self, text: str, tree: ast.Module) -> None:
        """Take over the tree that somebody has parsed of this very text."""
        if self.text == text:
            self._document = Document(self.path, self.display, self.data, tree)

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

    def body(self, node: ast.AST) -> list[ast.stmt]:
        """The statements of a definition, parsed now where they were left for later."""
        try:
            self.document.fill(node)
        except Unreadable as error:
            self.broken = error
        return node.body  # type: ignore[attr-defined, no-any-return]

    def locate(self, line: int) -> Place | None:
        """The innermost statement that covers a line, with its block."""
        scope = self.scope
        if scope is None:
            return None
        block, place = scope.block, None
        while True:
            index = block.covering(line)
            if index is None:
                return place
            place = Place(block, index)
            node = block.statements[index]
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                if line <= node.lineno and line < self.body(node)[0].lineno:
                    return place
                block = block.scope.child(node).block
                continue
            inner = next((s for s in block.subs.get(index, ()) if s.covering(line) is not None), None)
            if inner is None:
                return place
            block = inner

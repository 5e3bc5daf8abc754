"""From our places to the editor's and back: addresses, UTF-16 columns, cells of notebooks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from lsprotocol import types
from pygls import uris

from outlayer_lint.facts import places
from outlayer_lint.knowledge import pages
from outlayer_lint.knowledge.table import rules_folder
from outlayer_lint.lattice import describe
from outlayer_lint.reporters.plain import plainly
from outlayer_lint.reporters.terminal import place
from outlayer_lint.server.written import Written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from outlayer_lint.diagnostic import Diagnostic, Related, Span
    from outlayer_lint.lattice import Value
    from outlayer_lint.server.warm import Warm

SOURCE = "outlayer-lint"
SEVERITY = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "info": types.DiagnosticSeverity.Information,
}


class At(NamedTuple):
    """A place in a file: line and column (of code points) count from 1."""

    path: str
    line: int
    column: int
    cell: int | None = None


def path_of(uri: str) -> str | None:
    """The file that an address names, `None` where it names none (an unsaved document without a name)."""
    path = uris.to_fs_path(uri)
    return None if path is None else os.path.normpath(path)


def uri_of(path: str) -> str:
    """The address of a file."""
    return uris.from_fs_path(os.path.abspath(path)) or ""


def lines_of(text: str) -> list[str]:
    """The lines as the protocol counts them; `str.splitlines` breaks at form feeds as well."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


class Rim:
    """Converts for one editor."""

    def __init__(self, workspace: Any, addresses: Mapping[str, str]) -> None:
        """`workspace` is pygls's, which knows the open documents and what the editor counts columns in.

        `addresses` are those that the editor itself uses for open files: one file may be written in several ways.
        """
        self.workspace = workspace
        self.addresses = addresses

    # -- from the editor ----------------------------------------------------------------------------------------------

    def at(self, uri: str, position: types.Position, text: str) -> At | None:
        """Where a position of a document, or of a cell, lies; `text` is the document's."""
        lines = lines_of(text)
        there = self.workspace.position_codec.position_from_client_units(lines, position)
        book = self.workspace.get_notebook_document(cell_uri=uri)
        if book is not None:
            path = path_of(book.uri)
            cells = [cell.document for cell in book.cells]
            return None if path is None else At(path, there.line + 1, there.character + 1, cells.index(uri))
        path = path_of(uri)
        if path is None:
            return None
        if path.endswith(".ipynb"):
            found = Written(text).source_of(there.line, there.character)
            return None if found is None else At(path, found[1], found[2], found[0])
        return At(path, there.line + 1, there.character + 1)

    def address(self, path: str) -> str:
        """What the editor calls a file."""
        return self.addresses.get(os.path.abspath(path)) or uri_of(path)

    # -- to the editor ------------------------------------------------------------------------------------------------

    def diagnostic(self, found: Diagnostic, warm: Warm) -> tuple[str, types.Diagnostic]:
        """A diagnostic and the document that it belongs to."""
        where = self.location(found.span, warm)
        page = next((page for page in pages().values() if page.code == found.code), None)
        advice = f"\n{found.fix.message}" if found.fix is not None else ""
        return where.uri, types.Diagnostic(
            range=where.range,
            message=found.message + advice,
            severity=SEVERITY[str(found.severity)],
            code=found.code,
            code_description=None if page is None else types.CodeDescription(href=page_uri(page.name)),
            source=SOURCE,
            related_information=[
                types.DiagnosticRelatedInformation(self.location(other.span, warm), other.message)
                for other in found.related
            ],
        )

    def location(self, span: Span, warm: Warm) -> types.Location:
        """A span as the editor has it."""
        path = os.path.abspath(span.path)
        uri = self.address(path)
        start, end = (span.line - 1, span.column - 1), (span.end_line - 1, span.end_column - 1)
        if span.cell is not None:
            book = self.workspace.get_notebook_document(notebook_uri=uri)
            if book is None:
                return types.Location(uri, self._range(lines_of(warm.text(path)), *self._in_json(span, warm)))
            uri = book.cells[min(span.cell, len(book.cells) - 1)].document
        lines = {line: warm.line_text(span._replace(line=line + 1)) for line in (start[0], end[0])}
        return types.Location(uri, self._range(lines, start, end))

    def _in_json(self, span: Span, warm: Warm) -> tuple[tuple[int, int], tuple[int, int]]:
        """A span of a notebook that is shown as the JSON it is stored in."""
        written = Written(warm.text(os.path.abspath(span.path)))
        start = written.place_of(span.cell or 0, span.line, span.column)
        return start, max(start, written.place_of(span.cell or 0, span.end_line, span.end_column))

    def _range(self, lines: Any, start: tuple[int, int], end: tuple[int, int]) -> types.Range:
        units = self.workspace.position_codec.position_to_client_units
        return types.Range(units(lines, types.Position(*start)), units(lines, types.Position(*end)))


def page_uri(rule: str) -> str:
    """Where the page of a rule lies: the one that came with this version."""
    return uri_of(os.path.join(rules_folder(), f"{rule}.md"))


def hover(text: str, value: Value, how: str) -> str:
    """What an expression emits and why, as Markdown."""
    head = f"`{text.replace('`', '')}`"
    if not value.known:
        return f"{head}: what it emits is not known ({value.reason or 'no value'})"
    return "\n\n".join((head, *(_way(way, how) for way in value.ways)))


def _way(way: Any, how: str) -> str:
    described = describe(way)
    words = plainly(described)
    lines = [f"emits **{described}**" + (f": {words}" if words != described else "")]
    lines.extend(f"- {_linked(related)}" for related in places(way))
    if way.by:
        lines.append(f"- by `{way.by}`")
    if how == "as called":
        lines.append("- as it is called in this project")
    return "\n".join(lines)


def _linked(related: Related) -> str:
    span = related.span
    return f"{related.message}: [{place(span)}]({uri_of(span.path)}#L{span.line})"


def cells_of(book: Any, workspace: Any) -> Iterator[tuple[bool, str]]:
    """The cells of an open notebook: whether it is code, and its text."""
    for cell in book.cells:
        code = cell.kind == types.NotebookCellKind.Code
        yield code, workspace.get_text_document(cell.document).source if code else ""

"""`--add-noqa`: a comment on each line with a finding; every other byte of the file stays what it is."""

from __future__ import annotations

import ast
import os
import re

from outlayer_lint.cli.writing import replace
from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.source.cells import line_in_file
from outlayer_lint.source.document import NOQA, Document, Unreadable, load

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from outlayer_lint.diagnostic import Diagnostic, Span

OURS = "OLL0"  # what is said about comments and baselines cannot be silenced by a comment


class Added:
    """What came of it: how many comments in how many files, which findings are silent now, what could not be done."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.lines = 0
        self.files = 0
        self.silenced: list[Diagnostic] = []
        self.notes: list[str] = []


def add(diagnostics: Iterable[Diagnostic], asked: Iterable[str]) -> Added:
    """Write the comments for findings in files that were asked about (absolute paths)."""
    added = Added()
    theirs = frozenset(asked)
    by_file: dict[str, list[Diagnostic]] = {}
    for diagnostic in diagnostics:
        if not diagnostic.code.startswith(OURS):
            by_file.setdefault(diagnostic.span.path, []).append(diagnostic)
    for display, found in by_file.items():
        path = os.path.abspath(display)
        if path in theirs:
            _file(path, display, found, added)
        else:
            added.notes.append(f"{display} was not asked about, so no `# noqa` was added there")
    return added


def _file(path: str, display: str, found: list[Diagnostic], added: Added) -> None:
    before = document = load(path, display)
    by_line: dict[int, list[Diagnostic]] = {}
    for diagnostic in found:
        by_line.setdefault(document.line_of(diagnostic.span), []).append(diagnostic)
    for line, here in by_line.items():
        codes = sorted({diagnostic.code for diagnostic in here})
        changed = _commented(document, here[0].span, line, codes)
        if changed is None:
            place = f"{display}:{'' if here[0].span.cell is None else f'cell{here[0].span.cell}:'}{here[0].span.line}"
            added.notes.append(f"{place}: the line has no room for a comment, so {', '.join(codes)} stays")
            continue
        document = changed
        added.lines += 1
        added.silenced.extend(here)
    if document is not before:
        replace(path, document.data)
        added.files += 1


def _commented(document: Document, span: Span, line: int, codes: list[str]) -> Document | None:
    """The document with the codes in a comment on that line, if it is the same program and the comment counts."""
    tree = _shape(document)
    for data in _attempts(document, span, codes):
        changed = Document(document.path, document.display, data)
        if tree == _shape(changed) and set(codes) <= changed.noqa.get(line, frozenset()):
            return changed
    return None


def _shape(document: Document) -> str | None:
    try:
        return ast.dump(document.tree)
    except Unreadable:
        return None


def _attempts(document: Document, span: Span, codes: list[str]) -> Iterator[bytes]:
    """The codes in the comment that is there, else in one of their own at the end of the line."""
    codec = "utf-8" if document.is_notebook else "latin-1"  # any codec that gives back the bytes it was given
    text = document.data.decode(codec)
    place = line_in_file(text, span.cell or 0, span.line) if document.is_notebook else _line(text, span.line)
    if place is None:
        return
    start, end = place
    match = re.search(NOQA, text[start:end])
    if match is not None and match["codes"]:
        missing = [code for code in codes if code not in match["codes"].upper()]
        at = start + match.end("codes")
        yield f"{text[:at]}, {', '.join(missing)}{text[at:]}".encode(codec)
    at = start + len(text[start:end].rstrip())
    yield f"{text[:at]}  # noqa: {', '.join(codes)}{text[at:]}".encode(codec)


def _line(text: str, line: int) -> tuple[int, int] | None:
    """Where a line of a Python file begins and ends, its end left out."""
    start = 0
    for match in re.finditer(r"\r\n|\r|\n", text):
        line -= 1
        if not line:
            return start, match.start()
        start = match.end()
    return (start, len(text)) if line == 1 else None

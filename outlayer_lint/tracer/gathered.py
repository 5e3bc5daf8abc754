"""What the child found, back as the linter's own: diagnostics read from JSON, and judged by what the user selected."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from outlayer_lint import suppress
from outlayer_lint.diagnostic import Diagnostic, Fix, Related, Severity, Span
from outlayer_lint.knowledge import pages
from outlayer_lint.source.discovery import shown
from outlayer_lint.source.document import Unreadable, load

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from outlayer_lint.config import Config
    from outlayer_lint.source.document import Document


def diagnostic_of(tree: Mapping[str, Any]) -> Diagnostic:
    """What `reporters.json.diagnostic` wrote, with paths as they are shown here."""
    fix = tree["fix"]
    return Diagnostic(
        tree["code"],
        tree["rule"],
        Severity(tree["severity"]),
        tree["certainty"],
        tree["message"],
        _span(tree),
        tuple(Related(_span(place), place["message"]) for place in tree["related"]),
        None if fix is None else Fix("advise", fix["message"], fix["safety"]),
    )


def span_of(parts: Sequence[Any]) -> Span:
    """A span as it crosses the channel, with the path as it is shown here."""
    path, line, column, end_line, end_column, cell = parts
    if cell is None and str(path).endswith(".ipynb"):
        cell, first = _cell(str(path), int(line))
        end_line, line = int(end_line) - int(line) + first, first
    return Span(shown(str(path)), int(line), int(column), int(end_line), int(end_column), cell)


def _span(tree: Mapping[str, Any]) -> Span:
    return span_of([tree[key] for key in ("path", "line", "column", "end_line", "end_column", "cell")])


@lru_cache(maxsize=64)
def _cell(path: str, line: int) -> tuple[int | None, int]:
    """The cell of a notebook and the line in it, of a line of its cells put together."""
    try:
        return _notebook(path).place(line)
    except (Unreadable, IndexError):
        return None, line


@lru_cache(maxsize=8)
def _notebook(path: str) -> Document:
    document = load(path, shown(path))
    _ = document.lines
    return document


def wanted(found: Iterable[Diagnostic], config: Config) -> tuple[Diagnostic, ...]:
    """Each mistake once, in order, without what the user does not want to hear."""
    rules = {name: page.code for name, page in pages().items()}
    levels = config.levels(rules)
    once = {(d.code, d.span): d for d in sorted(found, key=_order, reverse=True)}
    told = [d._replace(severity=levels.get(d.code, d.severity)) for d in once.values()]
    kept = suppress.apply(
        told,
        _documents(told),
        frozenset(rules.values()),
        config.enabled(rules),
        asked=(),
        per_file=config.per_file(rules),
        levels=levels,
        noqa=config.noqa,
    )
    return tuple(sorted(kept, key=_order))


def _order(found: Diagnostic) -> tuple[Any, ...]:
    return (found.span.path, -1 if found.span.cell is None else found.span.cell, *found.span[1:5], found.code)


def _documents(found: Iterable[Diagnostic]) -> dict[str, Document]:
    documents: dict[str, Document] = {}
    for path in dict.fromkeys(d.span.path for d in found):
        try:
            documents[path] = load(os.path.abspath(path), path)
            _ = documents[path].lines
        except Unreadable:
            documents.pop(path, None)
    return documents

"""What the user does not want to hear: `# noqa`, `# outlayer-lint: ignore-file`, per-file ignores.

A `# noqa` that lists one of our codes and silences nothing is reported itself, as OLL001.
"""

from __future__ import annotations

import re

from outlayer_lint.diagnostic import AGAIN, Diagnostic, Span
from outlayer_lint.knowledge import pages
from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.source.document import NOQA, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from outlayer_lint.diagnostic import Severity
    from outlayer_lint.source.document import Document

PREFIX = "OLL"
WRITTEN = (b"noqa", b"NOQA", b"NoQA", b"Noqa")  # as people write it
UNUSED = "OLL001"
IGNORE_FILE = r"(?im)^[ \t]*#\s*outlayer-lint\s*:\s*ignore-file\b"


def apply(  # noqa: PLR0913 - four of them are what the user decided
    diagnostics: Iterable[Diagnostic],
    documents: Mapping[str, Document],
    known_codes: Collection[str],
    selected: Collection[str],
    *,
    asked: Collection[str] | None = None,
    per_file: Iterable[tuple[Callable[[str], bool], frozenset[str]]] = (),
    levels: Mapping[str, Severity] | None = None,
    noqa: bool = True,
) -> list[Diagnostic]:
    """The diagnostics that remain, and one for each `# noqa` of ours that silences nothing.

    Args:
        diagnostics: of any rules; those that are not selected are dropped.
        documents: by display path; a file without one has no comments that count.
        known_codes: of all rules.
        selected: of the rules that are on; what a `# noqa` says of others is not judged.
        asked: display paths of the files asked about, where these are not all the documents.
        per_file: `Config.per_file`.
        levels: `Config.levels`, for OLL001.
        noqa: whether `# noqa` counts.
    """
    kept = []
    used: set[tuple[str, int, str]] = set()
    spared = tuple(per_file)
    for diagnostic in diagnostics:
        if diagnostic.code not in selected:
            continue
        document = documents.get(diagnostic.span.path)
        used.update(_again(diagnostic, documents))
        if document is not None:
            if _ignores_itself(document) or any(diagnostic.code in codes and at(document.path) for at, codes in spared):
                continue
            line = document.line_of(diagnostic.span)
            codes = document.noqa.get(line) if noqa else None
            if codes is not None:
                by = [code for code in codes if diagnostic.code.startswith(code)]
                used.update((document.display, line, code) for code in by)
                if by or not codes:
                    continue
        kept.append(diagnostic)
    if UNUSED in selected and noqa:
        for display, document in documents.items():
            judged = asked is None or display in asked
            if judged and not any(UNUSED in codes and at(document.path) for at, codes in spared):
                kept.extend(_unused(document, used, known_codes, selected, (levels or {}).get(UNUSED)))
    return kept


def _again(diagnostic: Diagnostic, documents: Mapping[str, Document]) -> Iterator[tuple[str, int, str]]:
    """Ignores at other places of the same mistake: it is reported once, so they silence nothing and are not idle."""
    for related in diagnostic.related:
        document = documents.get(related.span.path) if related.message == AGAIN else None
        if document is not None and concerns(document.data):
            line = document.line_of(related.span)
            codes = document.noqa.get(line, ())
            yield from ((document.display, line, code) for code in codes if diagnostic.code.startswith(code))


def concerns(data: bytes) -> bool:
    """A quick look at a file's bytes: whether it may hold a `# noqa` of ours, and so needs a document."""
    if b"OLL" not in data and b"oll" not in data:
        return False
    return any(word in data for word in WRITTEN)


def _ignores_itself(document: Document) -> bool:
    return b"ignore-file" in document.data.lower() and bool(re.search(IGNORE_FILE, "\n".join(document.lines)))


def _unused(
    document: Document,
    used: Collection[tuple[str, int, str]],
    known_codes: Collection[str],
    selected: Collection[str],
    level: Severity | None,
) -> Iterator[Diagnostic]:
    if not concerns(document.data):
        return
    try:
        lines = document.noqa
        if _ignores_itself(document):
            return
    except Unreadable:
        return
    page = next(page for page in pages().values() if page.code == UNUSED)
    for line, codes in lines.items():
        idle = []
        for code in sorted(codes):
            about = [known for known in known_codes if known.startswith(code)]
            # A code that is unknown cannot silence anything; one that is known is judged only where its rules ran.
            judged = not about or (UNUSED not in about and any(known in selected for known in about))
            if judged and code.startswith(PREFIX) and (document.display, line, code) not in used:
                idle.append(code)
        span = _comment(document, line) if idle else None
        if span is not None:
            grade = page.grades["unused"]
            message = grade.message.format(ignored=", ".join(idle))
            yield Diagnostic(page.code, page.name, level or grade.severity, "proved", message, span)


def _comment(document: Document, line: int) -> Span | None:
    """Where the `# noqa` of a line stands, if it is a comment and not the inside of a string."""
    text = document.lines[line - 1]
    match = re.search(NOQA, text)
    if match is None:
        return None
    import io  # noqa: PLC0415 - hardly any run has an ignore that silences nothing
    import tokenize  # noqa: PLC0415

    cell, number = document.place(line)
    first = 1 if cell is None else line - number + 1
    row = line - first + 1
    source = "\n".join(document.lines[first - 1 :]) + "\n"
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.start[0] > row:
                return None
            if token.type == tokenize.COMMENT and token.start[0] == row:
                break
    except (tokenize.TokenError, SyntaxError):  # magics and broken cells: take it for what it looks like
        pass
    return Span(document.display, number, match.start() + 1, number, match.end() + 1, cell)

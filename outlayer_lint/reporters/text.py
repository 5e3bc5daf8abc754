"""A block for each finding: the sentence, the place, the line with a caret, and the places that explain it."""

from __future__ import annotations

from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.reporters.terminal import closing, paint, place, told, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.diagnostic import Diagnostic, Report, Span
    from outlayer_lint.reporters import View

WIDTH = 120  # of a source line; longer ones are cut around the caret
BEFORE = 40  # how much stays to the left of the caret then
TAB = "    "


def render(report: Report, view: View) -> str:
    """The report for a person at a terminal."""
    shown, hidden = told(report, show_info=view.show_info)
    blocks = ["\n".join(_block(diagnostic, view)) + "\n\n" for diagnostic in shown]
    unread = [
        f"{paint('not read', 'warning', view.colour)}: {visible(e.path)}:{e.line}: {visible(e.message)}\n"
        for e in report.errors
    ]
    if unread and view.summary:
        unread.append("\n")
    return "".join((*blocks, *unread, closing(report, hidden) if view.summary else ""))


def _block(diagnostic: Diagnostic, view: View) -> Iterator[str]:
    severity = str(diagnostic.severity)
    trial = diagnostic.trace
    refuted = trial is not None and trial.verdict == "refuted"
    head = paint(f"{'refuted' if refuted else severity}[{diagnostic.code}]", severity, view.colour)
    style = "struck" if refuted else "bold"
    yield f"{head}{paint(f': {visible(diagnostic.message)}', style, view.colour)}"
    spans = (diagnostic.span, *(related.span for related in diagnostic.related))
    gutter = len(str(max(span.line for span in spans)))
    yield from _excerpt(diagnostic.span, "-->", "^", "", severity, gutter, view)
    for related in diagnostic.related:
        yield from _excerpt(related.span, ":::", "-", related.message, "frame", gutter, view)
    bar = paint(f"{' ' * gutter} =", "frame", view.colour)
    if diagnostic.fix is not None:
        yield f"{bar} fix: {visible(diagnostic.fix.message)}"
    if trial is not None:
        yield f"{bar} {trial.verdict} by trace: {visible(trial.why)}"
    yield f"{bar} {diagnostic.rule}, {diagnostic.certainty}"


def _excerpt(  # noqa: PLR0913, PLR0917 - a picture has many parts
    span: Span, arrow: str, mark: str, words: str, style: str, gutter: int, view: View
) -> Iterator[str]:
    pad = " " * gutter
    yield f"{pad}{paint(arrow, 'frame', view.colour)} {place(span)}"
    line = view.line_text(span)
    if not line.strip():
        if words:
            yield f"{pad} {paint('|', 'frame', view.colour)} {visible(words)}"
        return
    start = span.column - 1
    stop = span.end_column - 1 if span.end_line == span.line else len(line.rstrip())
    before, marked, after = _window(line, start, max(stop, start + 1))
    underline = " " * _width(before) + paint(mark * max(_width(marked), 1), style, view.colour)
    bar = paint("|", "frame", view.colour)
    yield f"{pad} {bar}"
    yield f"{paint(str(span.line).rjust(gutter), 'frame', view.colour)} {bar} {before}{marked}{after}"
    yield f"{pad} {bar} {underline}{' ' + paint(visible(words), style, view.colour) if words else ''}"


def _window(line: str, start: int, stop: int) -> tuple[str, str, str]:
    """The line in three parts, safe to print, the middle one marked; cut where it is too long."""
    left, right = 0, len(line)
    if len(line) > WIDTH:
        left = max(0, min(start - BEFORE, len(line) - WIDTH))
        right = min(len(line), left + WIDTH)
        stop = min(stop, right)
    before = ("..." if left else "") + _printed(line[left:start])
    return (
        before,
        _printed(line[start:stop]),
        _printed(line[stop:right].rstrip()) + ("..." if right < len(line) else ""),
    )


def _printed(text: str) -> str:
    return visible(text.replace("\t", TAB))


def _width(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width  # noqa: PLC0415 - rarely needed

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)

"""`explain` and `rules`: what the linter knows, read out."""

from __future__ import annotations

from outlayer_lint.cli import Outcome
from outlayer_lint.config import Refused, nearest
from outlayer_lint.knowledge import pages
from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.reporters.terminal import paint

if TYPE_CHECKING:
    from types import SimpleNamespace

    from outlayer_lint.knowledge import Page

SEVERITIES = ("error", "warning", "info")


def explain(arguments: SimpleNamespace) -> Outcome:
    """The page of one rule."""
    asked: str = arguments.rule
    book = pages()
    page = book.get(asked.lower()) or next((page for page in book.values() if page.code == asked.upper()), None)
    if page is None:
        words = (*book, *(page.code for page in book.values()))
        raise Refused(f"no rule is called `{asked}`{nearest(asked, words)}")
    colour: bool = arguments.colour
    lines = [paint(f"{page.code}  {page.name}", "bold", colour) + paint(f"  since {page.since}", "dim", colour)]
    for grade in page.grades.values():
        severity = str(grade.severity)
        lines.append(f"  {paint(severity.ljust(7), severity, colour)}  {grade.evidence}")
    fenced = False
    for line in page.prose:
        fenced ^= line.startswith("```")
        lines.append(paint(line, "dim", colour) if fenced or line.startswith("```") else _heading(line, colour=colour))
    return Outcome("".join(f"{line}\n" for line in lines))


def rules(arguments: SimpleNamespace) -> Outcome:
    """All rules, a line each."""
    book = list(pages().values())
    if arguments.format == "json":
        import json  # noqa: PLC0415

        return Outcome(json.dumps([_row(page) for page in book], indent=2) + "\n")
    width = max((len(page.name) for page in book), default=0)
    return Outcome("".join(_line(page, width, colour=arguments.colour) for page in book))


def worst(page: Page) -> str:
    """The highest severity that a rule can have."""
    return min((str(grade.severity) for grade in page.grades.values()), key=SEVERITIES.index, default="info")


def _heading(line: str, *, colour: bool) -> str:
    return paint(line, "bold", colour) if line.startswith("#") else line


def _line(page: Page, width: int, *, colour: bool) -> str:
    severity = worst(page)
    return f"{page.code}  {paint(severity.ljust(7), severity, colour)}  {page.name.ljust(width)}  {page.summary}\n"


def _row(page: Page) -> dict[str, object]:
    return {
        "code": page.code,
        "rule": page.name,
        "since": page.since,
        "summary": page.summary,
        "grades": {
            name: {"severity": str(grade.severity), "evidence": grade.evidence, "message": grade.message}
            for name, grade in page.grades.items()
        },
    }

"""Workflow commands: GitHub shows them as annotations at the lines of a pull request."""

from __future__ import annotations

from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.reporters.terminal import place, told, visible

if TYPE_CHECKING:
    from outlayer_lint.diagnostic import Diagnostic, Report
    from outlayer_lint.reporters import View

LEVEL = {"error": "error", "warning": "warning", "info": "notice"}


def render(report: Report, view: View) -> str:
    """A command a finding, and one for each file that could not be read."""
    shown, _ = told(report, show_info=view.show_info)
    lines = [_command(diagnostic, view) for diagnostic in shown]
    for error in report.errors:
        line = 1 if error.path.endswith(".ipynb") else error.line
        where = f"file={_property(visible(error.path))},line={line},title=not read"
        lines.append(f"::warning {where}::{_data(visible(error.message))}\n")
    return "".join(lines)


def _command(diagnostic: Diagnostic, view: View) -> str:
    span = diagnostic.span
    line = view.file_line(span)
    where = [f"file={_property(visible(span.path))}", f"line={line}"]
    if span.cell is None and span.line == span.end_line:  # GitHub drops columns where there are two lines
        where += [f"endLine={line}", f"col={span.column}", f"endColumn={span.end_column}"]
    elif span.cell is None:
        where.append(f"endLine={span.end_line}")
    where.append(f"title={_property(f'{diagnostic.code} {diagnostic.rule}')}")
    said = [visible(diagnostic.message)]
    if span.cell is not None:
        said[0] = f"{place(span)}: {said[0]}"
    said.extend(f"{place(related.span)}: {visible(related.message)}" for related in diagnostic.related)
    if diagnostic.fix is not None:
        said.append(f"fix: {visible(diagnostic.fix.message)}")
    words = "\n".join(said)
    return f"::{LEVEL[str(diagnostic.severity)]} {','.join(where)}::{_data(words)}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

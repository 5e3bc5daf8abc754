"""`path:line:column: CODE message`, a line each."""

from __future__ import annotations

from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.reporters.terminal import closing, paint, place, told, visible

if TYPE_CHECKING:
    from outlayer_lint.diagnostic import Diagnostic, Report
    from outlayer_lint.reporters import View


def render(report: Report, view: View) -> str:
    """The report as lines that editors and scripts split at colons."""
    shown, hidden = told(report, show_info=view.show_info)
    lines = [
        f"{paint(place(d.span), 'bold', view.colour)}: "
        f"{paint(d.code, str(d.severity), view.colour)} {visible(d.message)}{_tried(d)}\n"
        for d in shown
    ]
    lines.extend(f"{visible(e.path)}:{e.line}:1: not read: {visible(e.message)}\n" for e in report.errors)
    return "".join(lines) + (closing(report, hidden) if view.summary else "")


def _tried(diagnostic: Diagnostic) -> str:
    """The verdict of a run, where there was one."""
    trial = diagnostic.trace
    return "" if trial is None else f" [{trial.verdict} by trace: {visible(trial.why)}]"

"""GitLab's code quality report: shown at the lines of a merge request, compared with the target branch's."""

from __future__ import annotations

import json
import os

from outlayer_lint.fingerprint import numbered, relative
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.reporters.terminal import place, told

if TYPE_CHECKING:
    from outlayer_lint.diagnostic import Diagnostic, Report, Unread
    from outlayer_lint.reporters import View

LEVEL = {"error": "critical", "warning": "major", "info": "info"}


def render(report: Report, view: View) -> str:
    """A list of issues; paths are relative to the repository, wherever the job stands in it."""
    shown, _ = told(report, show_info=view.show_info)
    issues = [_issue(diagnostic, mark, view) for diagnostic, mark in numbered(shown, view.line_text)]
    issues.extend(map(_unread, report.errors))
    return json.dumps(issues, indent=2) + "\n"


def _issue(diagnostic: Diagnostic, mark: str, view: View) -> dict[str, Any]:
    span = diagnostic.span
    cell = "" if span.cell is None else f"{place(span)}: "
    first = {"line": view.file_line(span), "column": span.column}
    last = {"line": span.end_line, "column": span.end_column}
    if span.cell is not None:  # a line of JSON, in which the columns of a cell mean nothing
        first = last = {"line": first["line"], "column": 1}
    return {
        "description": f"{cell}{diagnostic.message}",
        "check_name": diagnostic.code,
        "categories": ["Bug Risk"],
        "fingerprint": mark,
        "severity": LEVEL[str(diagnostic.severity)],
        "location": {"path": _path(span.path), "positions": {"begin": first, "end": last}},
    }


def _unread(error: Unread) -> dict[str, Any]:
    line = 1 if error.path.endswith(".ipynb") else error.line
    return {
        "description": f"not read: {error.message}",
        "check_name": "not-read",
        "categories": ["Clarity"],
        "fingerprint": f"not-read:{_path(error.path)}",
        "severity": "info",
        "location": {"path": _path(error.path), "lines": {"begin": line, "end": line}},
    }


def _path(path: str) -> str:
    top = os.environ.get("CI_PROJECT_DIR")
    return relative(os.path.abspath(path), top) if top else path

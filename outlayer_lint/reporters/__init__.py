"""From a report to text: a format is a module with `render(report, view)`, called what the user calls it.

Nothing here prints.
"""

from __future__ import annotations

from outlayer_lint.diagnostic import Severity
from outlayer_lint.records import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlayer_lint.diagnostic import Report, Span

FORMATS = ("text", "concise", "json", "github", "gitlab", "sarif", "junit")


class View(NamedTuple):
    """How the reader wants it.

    Attributes:
        line_text: the source line that a span begins on, "" where it is not to be had.
        colour: whether escape sequences are welcome.
        show_info: whether findings of severity info are told one by one, not only counted.
        summary: whether the closing lines are wanted.
        file_line: the line of the file that a span begins on; in a notebook that is a line of its JSON.
        version: of the linter.
        fails: the least severity that makes a run fail.
    """

    line_text: Callable[[Span], str] = lambda _: ""
    colour: bool = False
    show_info: bool = False
    summary: bool = True
    file_line: Callable[[Span], int] = lambda span: span.line
    version: str = "0"
    fails: Severity = Severity.WARNING


def render(report: Report, form: str, view: View) -> str:
    """The report in one of `FORMATS`, ending in a line end unless it is empty."""
    from importlib import import_module  # noqa: PLC0415 - only the format asked for is loaded

    text: str = import_module(f"{__name__}.{form}").render(report, view)
    return text

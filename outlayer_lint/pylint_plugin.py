"""The pylint plugin: `load-plugins = outlayer_lint.pylint_plugin`.

OLL101 is E5101 here: pylint wants a letter for the highest severity and four digits, of which the first two name a
checker, so each of our series is a checker. Rules that know no more than info are R, as pylint is silent about I until
every one is enabled by name. The symbol is the rule's name.
"""

from __future__ import annotations

from pylint.checkers import BaseChecker
from pylint.interfaces import HIGH, INFERENCE

from outlayer_lint.guest import Guest
from outlayer_lint.knowledge import pages
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.reporters.terminal import visible

if TYPE_CHECKING:
    from astroid import nodes
    from pylint.lint import PyLinter

    from outlayer_lint.knowledge import Page

LETTERS = {"error": "E", "warning": "W", "info": "R"}
GENERAL = 60  # digits for OLL0xx: 50 is not ours to take
FIRST = 50  # OLL1xx is 51xx
REFUSED = "outlayer-refused"
OPTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "outlayer-config",
        {
            "default": "",
            "type": "string",
            "metavar": "<file>",
            "help": "Read [tool.outlayer-lint] from this file instead of the nearest pyproject.toml.",
        },
    ),
    (
        "outlayer-contracts",
        {
            "default": (),
            "type": "csv",
            "metavar": "<files>",
            "help": "TOML files with rows about losses and layers of your own, besides the configured ones.",
        },
    ),
    (
        "outlayer-show",
        {
            "default": "warning",
            "type": "choice",
            "choices": ["warning", "info"],
            "metavar": "<warning or info>",
            "help": "The least severity that is reported; info depends on targets of which nothing is known.",
        },
    ),
)


def register(linter: PyLinter) -> None:
    """Called by pylint, again in each of its processes."""
    shared = Shared(linter)
    series: dict[str, dict[str, Page]] = {}
    for page in pages().values():
        series.setdefault(page.code[3], {})[page.code] = page
    for number in sorted(series):
        linter.register_checker(OutlayerChecker(linter, shared, series[number]))


def message_id(page: Page) -> str:
    """E5101 for OLL101."""
    ranks = {str(grade.severity) for grade in page.grades.values()}
    letter = next((letter for severity, letter in LETTERS.items() if severity in ranks), "R")
    number = int(page.code[3])
    return f"{letter}{FIRST + number if number else GENERAL}{page.code[4:]}"


class Shared:
    """What the checkers of one linter have in common."""

    def __init__(self, linter: PyLinter) -> None:
        """Pylint's options are known when the first module is visited, not now."""
        self.linter = linter
        self._guest: Guest | None = None

    @property
    def guest(self) -> Guest:
        """The analysis."""
        if self._guest is None:
            options = self.linter.config
            self._guest = Guest(
                None,
                config=options.outlayer_config,
                contracts=[row for row in options.outlayer_contracts if row],
                show_info=options.outlayer_show == "info",
            )
        return self._guest


class OutlayerChecker(BaseChecker):
    """One series of rules."""

    name = "outlayer"

    def __init__(self, linter: PyLinter, shared: Shared, series: dict[str, Page]) -> None:
        """`series` are pages by code; options belong to the first of all series."""
        self.shared = shared
        self.codes = frozenset(series)
        self.msgs: dict[str, Any] = {
            message_id(page): ("%s", page.name, f"{page.summary} `outlayer-lint explain {code}` says more.")
            for code, page in series.items()
        }
        if any(number.startswith(str(GENERAL)) for number in (code[1:] for code in self.msgs)):
            self.options = OPTIONS
            self.msgs[f"F{GENERAL}00"] = ("%s", REFUSED, "The configuration of outlayer-lint cannot be meant.")
        super().__init__(linter)

    def visit_module(self, node: nodes.Module) -> None:
        """Report what the analysis of the project has found in this module."""
        path = node.file
        if not path or not str(path).endswith(".py"):
            return
        guest = self.shared.guest
        buffer = bool(getattr(self.linter.config, "from_stdin", False))
        source = node.file_bytes.decode("utf-8", "replace") if buffer and isinstance(node.file_bytes, bytes) else ""
        found = guest.about(path, source, buffer=buffer)
        refusal = guest.refusal_once()
        if refusal:
            self.add_message(REFUSED, node=node, line=1, args=(visible(refusal),))
        for diagnostic in found:
            if diagnostic.code not in self.codes:
                continue
            span = diagnostic.span
            self.add_message(
                diagnostic.rule,
                node=innermost(node, span.line),
                line=span.line,
                col_offset=span.column - 1,
                end_lineno=span.end_line,
                end_col_offset=span.end_column - 1,
                args=(visible(diagnostic.message),),
                confidence=HIGH if diagnostic.certainty == "proved" else INFERENCE,
            )


def innermost(node: nodes.NodeNG, line: int) -> nodes.NodeNG:
    """The smallest node that covers a line from its beginning: `# pylint: disable` holds in the blocks around it."""
    for child in node.get_children():
        if child.fromlineno is not None and child.fromlineno <= line <= (child.tolineno or child.fromlineno):
            return innermost(child, line) if child.fromlineno < line else child
    return node

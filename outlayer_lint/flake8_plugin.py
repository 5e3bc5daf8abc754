"""The flake8 plugin: `OLL101` and its kin among flake8's own codes, suppressed and selected as those are."""

from __future__ import annotations

import os

from outlayer_lint import __version__
from outlayer_lint.guest import Guest
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.reporters.terminal import visible

if TYPE_CHECKING:
    import ast
    from argparse import Namespace
    from collections.abc import Iterator, Sequence
    from typing import ClassVar

REFUSED = "OLL000"  # not a rule: what was configured cannot be meant


class Plugin:
    """What flake8 makes for each file; it passes what the parameters of `__init__` are named after."""

    name = "outlayer-lint"
    version = __version__
    guest: ClassVar[Guest | None] = None
    wanted: ClassVar[bool] = True  # whether flake8 would report any of our codes
    buffers: ClassVar[bool] = False  # whether flake8 reads standard input

    def __init__(self, tree: ast.Module, filename: str, lines: Sequence[str]) -> None:
        """`lines` are the source of `tree`."""
        self.tree = tree
        self.filename = filename
        self.lines = lines

    @classmethod
    def add_options(cls, manager: Any) -> None:
        """Options of the command line and of flake8's configuration files."""
        manager.add_option(
            "--outlayer-config",
            metavar="FILE",
            default="",
            normalize_paths=True,
            parse_from_config=True,
            help="Read [tool.outlayer-lint] from this file instead of the nearest pyproject.toml.",
        )
        manager.add_option(
            "--outlayer-contracts",
            metavar="FILES",
            default="",
            comma_separated_list=True,
            normalize_paths=True,
            parse_from_config=True,
            help="TOML files with rows about losses and layers of your own, besides the configured ones.",
        )
        manager.add_option(
            "--outlayer-show",
            choices=("warning", "info"),
            default="warning",
            parse_from_config=True,
            help="The least severity that is reported; info depends on targets of which nothing is known.",
        )

    @classmethod
    def parse_options(cls, manager: Any, options: Namespace, paths: Sequence[str]) -> None:  # noqa: ARG003
        """Called once in flake8's first process, and again in processes that are not forked from it."""
        cls.buffers = "-" in paths
        cls.wanted = _wanted(options)
        cls.guest = Guest(
            [] if cls.buffers else list(paths) or ["."],
            config=options.outlayer_config,
            isolated=bool(getattr(options, "isolated", False)),
            contracts=[row for row in options.outlayer_contracts or () if row],
            show_info=options.outlayer_show == "info",
            noqa=not getattr(options, "disable_noqa", False),
        )
        if cls.wanted and not cls.buffers and _will_fork(options, paths):
            cls.guest.prepare()  # the processes share what was found, instead of each finding it again

    def run(self) -> Iterator[tuple[int, int, str, type[Plugin]]]:
        """Line from 1, column from 0, code and message."""
        if not self.wanted:
            return
        guest = Plugin.guest = self.guest or Guest(None)  # a host that parses no options
        found = guest.about(self.filename, "".join(self.lines), self.tree, buffer=self.buffers)
        refusal = guest.refusal_once()
        if refusal:
            yield 1, 0, f"{REFUSED} outlayer-lint cannot judge: {visible(refusal)}", type(self)
        for diagnostic in found:
            text = f"{diagnostic.code} {visible(diagnostic.message)}"
            yield diagnostic.span.line, diagnostic.span.column - 1, text, type(self)


def _wanted(options: Namespace) -> bool:
    """Whether any of our codes can be reported; if not, nothing need be analysed."""
    try:
        from flake8.style_guide import Decision, DecisionEngine  # noqa: PLC0415 - only where flake8 runs

        from outlayer_lint.knowledge import pages  # noqa: PLC0415

        engine = DecisionEngine(options)
        codes = (REFUSED, *(page.code for page in pages().values()))
        return any(engine.make_decision(code) is Decision.Selected for code in codes)
    except Exception:  # noqa: BLE001 - another flake8 than we know
        return True


def _will_fork(options: Namespace, paths: Sequence[str]) -> bool:
    """Whether flake8 is about to fork processes that inherit what is known by then."""
    try:
        from multiprocessing import cpu_count, get_all_start_methods, get_start_method, parent_process  # noqa: PLC0415

        jobs = cpu_count() if options.jobs.is_auto else options.jobs.n_jobs
        method = get_start_method(allow_none=True) or get_all_start_methods()[0]
        several = len(paths) != 1 or os.path.isdir(paths[0])
    except Exception:  # noqa: BLE001 - another flake8 than we know
        return False
    return bool(jobs > 1 and several and method == "fork" and parent_process() is None)

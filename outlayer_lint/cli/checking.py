"""`check` and `clean`."""

from __future__ import annotations

import os
import sys

from outlayer_lint import __version__
from outlayer_lint.cli import CLEAN, FAILED, FOUND, KEPT, Outcome
from outlayer_lint.config import Layer, Refused, anchored, load
from outlayer_lint.diagnostic import Report, Severity
from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.reporters import View, render
from outlayer_lint.source.discovery import asked_about, common_parent, is_excluded, project_root, shown
from outlayer_lint.source.document import Document, Unreadable
from outlayer_lint.source.document import load as load_document

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import SimpleNamespace

    from outlayer_lint.cli.progress import Bar
    from outlayer_lint.config import Config
    from outlayer_lint.diagnostic import Span

CACHE = ".outlayer_lint_cache"


def check(arguments: SimpleNamespace) -> Outcome:
    """Lint, and say what was found."""
    stdin = _stdin(arguments)
    paths = [] if stdin else arguments.paths or ["."]
    config = settings(arguments, [stdin[0]] if stdin else paths)
    rules = rules_of(config)  # an unknown rule is refused before any work is done
    _refuse(arguments)
    if arguments.show_settings:
        from outlayer_lint.cli.telling import settings_text  # noqa: PLC0415

        return Outcome(settings_text(config, rules))
    if arguments.show_files:
        return _files([stdin[0]] if stdin else asked_about(paths, config)[0])
    traced = _is_traced(arguments, config, stdin)
    report = _lint(paths, config, stdin, arguments, claims=traced)
    ran = ""
    if traced:
        from outlayer_lint.cli.tracing import put_to_trial  # noqa: PLC0415 - only where it was asked for

        report, ran = put_to_trial(report, config, arguments, paths)
    code, notes = verdict(report, config, arguments)
    notes = (*notes, ran) if ran else notes
    if arguments.statistics:
        from outlayer_lint.cli.telling import statistics  # noqa: PLC0415

        return Outcome(statistics(report, arguments.format), code, notes)
    if arguments.add_noqa:
        return _add_noqa(report, paths, config, arguments, notes) if code != FAILED else Outcome("", code, notes)
    line_text, file_line = excerpts(stdin)
    info, closing = arguments.show == "info", not arguments.quiet
    view = View(line_text, arguments.colour, info, closing, file_line, __version__, config.fail_on)
    return Outcome(render(report, arguments.format, view), code, notes)


def clean(arguments: SimpleNamespace) -> Outcome:
    """Remove the cache of the project."""
    cache = os.path.join(project_root((arguments.paths or ["."])[0]), CACHE)
    if not os.path.isdir(cache):
        return Outcome(f"Nothing to remove: there is no {shown(cache)}.\n")
    from shutil import rmtree  # noqa: PLC0415

    try:
        rmtree(cache)
    except OSError as error:
        raise Refused(f"cannot remove {shown(cache)}: {error.strerror}") from None
    return Outcome(f"Removed {shown(cache)}.\n")


def settings(arguments: SimpleNamespace, paths: Sequence[str]) -> Config:
    """The configuration for these paths with the command line over it."""
    config = load(common_parent(paths or ["."]), config=arguments.config, isolated=arguments.isolated)
    given = vars(arguments)
    layer = Layer(
        tuple(given.get("select") or ()) or None,
        tuple(given.get("ignore") or ()),
        tuple(given.get("extend_select") or ()),
    )
    here = os.getcwd()
    return config._replace(
        layers=config.layers if layer == Layer() else (*config.layers, layer),
        exclude=(*config.exclude, *(anchored(pattern, here) for pattern in given.get("exclude") or ())),
        respect_gitignore=config.respect_gitignore and not given.get("no_respect_gitignore"),
        force_exclude=bool(given.get("force_exclude")),
        fail_on=Severity(given.get("fail_on") or config.fail_on),
        baseline=given.get("baseline") or config.baseline,
    )


def rules_of(config: Config) -> dict[str, str]:
    """Name -> code of all rules. Refuses a configuration that speaks of others."""
    from outlayer_lint.knowledge import pages  # noqa: PLC0415

    rules = {name: page.code for name, page in pages().items()}
    config.enabled(rules)
    config.levels(rules)
    config.per_file(rules)
    return rules


def _refuse(arguments: SimpleNamespace) -> None:
    """What cannot be meant together."""
    form = arguments.format
    if arguments.statistics and form not in ("text", "concise", "json"):
        raise Refused(f"--statistics can be told as text, concise or json, not as {form}")
    if arguments.add_noqa and "-" in arguments.paths:
        raise Refused("--add-noqa writes files, so it does not go with the path `-`")
    if arguments.add_noqa and arguments.statistics:
        raise Refused("--add-noqa does not go with --statistics")


def _stdin(arguments: SimpleNamespace) -> tuple[str, bytes] | None:
    """Name and bytes of standard input where it is asked about."""
    if "-" not in arguments.paths:
        if arguments.stdin_filename:
            raise Refused("--stdin-filename goes with the path `-`")
        return None
    if arguments.paths != ["-"]:
        raise Refused("`-` cannot be combined with other paths")
    return arguments.stdin_filename or "-", sys.stdin.buffer.read()


def _files(paths: Sequence[str]) -> Outcome:
    from outlayer_lint.reporters.terminal import visible  # noqa: PLC0415

    return Outcome("".join(f"{visible(shown(os.path.abspath(path)))}\n" for path in paths))


def _is_traced(arguments: SimpleNamespace, config: Config, stdin: tuple[str, bytes] | None) -> bool:
    """Whether the code behind the findings is to be run: on request, or where the configuration asks for it."""
    if arguments.trace and arguments.no_trace:
        raise Refused("--trace does not go with --no-trace")
    if arguments.trace and stdin is not None:
        raise Refused("--trace runs files, so it does not go with the path `-`")
    return arguments.trace or (dict(config.trace).get("enabled") is True and not arguments.no_trace and stdin is None)


def _lint(
    paths: Sequence[str],
    config: Config,
    stdin: tuple[str, bytes] | None,
    arguments: SimpleNamespace,
    *,
    claims: bool = False,
) -> Report:
    if stdin is not None and config.force_exclude and is_excluded(stdin[0], config):
        return Report()
    from outlayer_lint.engine import check as lint  # noqa: PLC0415 - the most expensive import, so the last

    bar = _bar(arguments)
    try:
        return lint(paths, config, stdin=stdin, keep=KEPT, progress=bar, claims=claims)
    finally:
        if bar is not None:
            bar.stop()


def _bar(arguments: SimpleNamespace) -> Bar | None:
    """A progress bar, where somebody looks."""
    if arguments.quiet or sys.stderr is None or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return None
    from outlayer_lint.cli.progress import Bar  # noqa: PLC0415 - for terminals only

    return Bar(plain=arguments.color == "never")


def _add_noqa(
    report: Report, paths: Sequence[str], config: Config, arguments: SimpleNamespace, notes: tuple[str, ...]
) -> Outcome:
    """Write the comments; what is left counts."""
    from outlayer_lint.cli.noqa import add  # noqa: PLC0415
    from outlayer_lint.reporters.terminal import count, told  # noqa: PLC0415

    wanted, _ = told(report, show_info=arguments.show == "info" or config.fail_on is Severity.INFO)
    added = add(wanted, asked_about(paths, config)[0])
    silenced = set(added.silenced)
    left = report._replace(diagnostics=tuple(d for d in report.diagnostics if d not in silenced))
    code, _ = verdict(left, config, arguments)
    text = f"Added {count(added.lines, 'ignore')} in {count(added.files, 'file')}.\n"
    return Outcome("" if arguments.quiet else text, code, (*notes, *added.notes))


def excerpts(stdin: tuple[str, bytes] | None) -> tuple[Callable[[Span], str], Callable[[Span], int]]:
    """Look up source lines for a reporter, and lines of the file; only files with a finding are read, once."""
    documents: dict[str, Document | None] = {}
    texts: dict[str, str] = {}
    if stdin is not None:
        documents[shown(stdin[0])] = Document(stdin[0], stdin[0], stdin[1])

    def document_of(span: Span) -> Document | None:
        if span.path not in documents:
            documents[span.path] = None
            documents[span.path] = load_document(span.path, span.path)
        return documents[span.path]

    def line_text(span: Span) -> str:
        try:
            document = document_of(span)
            return document.line_text(span) if document else ""
        except Unreadable:
            return ""

    def file_line(span: Span) -> int:
        if span.cell is None:
            return span.line
        from outlayer_lint.source.cells import line_in_file  # noqa: PLC0415 - for notebooks only

        try:
            document = document_of(span)
        except Unreadable:
            return 1
        if span.path not in texts:
            texts[span.path] = document.data.decode("utf-8", "replace") if document else ""
        text = texts[span.path]
        place = line_in_file(text, span.cell, span.line)
        return 1 if place is None else text.count("\n", 0, place[0]) + 1

    return line_text, file_line


def verdict(report: Report, config: Config, arguments: SimpleNamespace | None = None) -> tuple[int, tuple[str, ...]]:
    """The exit code, and what has to be said about it on standard error."""
    given = {} if arguments is None else vars(arguments)
    notes = [f"internal error: {sentence}" for sentence in report.broken]
    failed = bool(report.broken) or bool(given.get("strict") and report.errors)
    unread = {error.path for error in report.errors if not _is_part(error.path, error.message)}
    if not report.files and not config.force_exclude:
        notes.append("error: no Python file or notebook found")
        failed = True
    elif report.files and len(unread) >= report.files and not report.analysed:
        notes.append("error: nothing could be read")
        failed = True
    if failed:
        return FAILED, tuple(notes)
    standing = (d for d in report.diagnostics if d.trace is None or d.trace.verdict != "refuted")
    worst = max((d.severity.rank for d in standing), default=-1)
    found = worst >= config.fail_on.rank and not given.get("exit_zero")
    return FOUND if found else CLEAN, tuple(notes)


def _is_part(path: str, message: str) -> bool:
    """Whether only a cell of a notebook was left out."""
    return path.endswith(".ipynb") and message.startswith("cell ")

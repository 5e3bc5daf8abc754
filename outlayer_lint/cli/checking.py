"""`check` and `clean`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from outlayer_lint import lint
from outlayer_lint.cli import CLEAN, FAILED, FOUND, KEPT, Outcome
from outlayer_lint.config import Layer, Refused, anchored, load
from outlayer_lint.diagnostic import Severity
from outlayer_lint.reporters import View, render
from outlayer_lint.source.discovery import common_parent, project_root, shown, sources
from outlayer_lint.source.document import Document, Unreadable
from outlayer_lint.source.document import load as load_document

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import SimpleNamespace

    from outlayer_lint.config import Config
    from outlayer_lint.diagnostic import Report, Span

CACHE = ".outlayer_lint_cache"


def check(arguments: SimpleNamespace) -> Outcome:
    """Lint, and say what was found."""
    stdin = _stdin(arguments)
    paths = [] if stdin else arguments.paths or ["."]
    config = settings(arguments, [stdin[0]] if stdin else paths)
    rules = _rules()
    config.enabled(rules)  # an unknown rule is refused before any work is done
    if arguments.show_settings:
        return Outcome(_settings_text(config, rules))
    if arguments.show_files:
        found, _ = sources(paths, exclude=config.exclude, respect_gitignore=config.respect_gitignore)
        return Outcome("".join(f"{shown(path)}\n" for path in found))

    report = lint(paths, config, stdin=stdin, keep=KEPT)
    code, notes = _verdict(report, config, arguments)
    if arguments.statistics:
        return Outcome(_statistics(report, arguments.format), code, notes)
    view = View(_excerpts(stdin), arguments.colour, arguments.show == "info", not arguments.quiet)
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
        fail_on=Severity(given.get("fail_on") or config.fail_on),
    )


def _rules() -> dict[str, str]:
    from outlayer_lint.knowledge import pages  # noqa: PLC0415

    return {name: page.code for name, page in pages().items()}


def _stdin(arguments: SimpleNamespace) -> tuple[str, bytes] | None:
    """Name and bytes of standard input where it is asked about."""
    if "-" not in arguments.paths:
        if arguments.stdin_filename:
            raise Refused("--stdin-filename goes with the path `-`")
        return None
    if arguments.paths != ["-"]:
        raise Refused("`-` cannot be combined with other paths")
    return arguments.stdin_filename or "-", sys.stdin.buffer.read()


def _excerpts(stdin: tuple[str, bytes] | None) -> Callable[[Span], str]:
    """Looks up source lines for a reporter; every file is read once, and only those with a finding."""
    documents: dict[str, Document | None] = {}
    if stdin is not None:
        documents[shown(stdin[0])] = Document(stdin[0], stdin[0], stdin[1])

    def line_text(span: Span) -> str:
        try:
            if span.path not in documents:
                documents[span.path] = None
                documents[span.path] = load_document(span.path, span.path)
            document = documents[span.path]
            return document.line_text(span) if document else ""
        except Unreadable:
            return ""

    return line_text


def _verdict(report: Report, config: Config, arguments: SimpleNamespace) -> tuple[int, tuple[str, ...]]:
    """The exit code, and what has to be said about it on standard error."""
    notes = [f"internal error: {sentence}" for sentence in report.broken]
    failed = bool(report.broken) or (arguments.strict and bool(report.errors))
    unread = {error.path for error in report.errors if not _is_part(error.path, error.message)}
    if not report.files:
        notes.append("error: no Python file or notebook found")
        failed = True
    elif len(unread) >= report.files and not report.analysed:
        notes.append("error: nothing could be read")
        failed = True
    if failed:
        return FAILED, tuple(notes)
    worst = max((d.severity.rank for d in report.diagnostics), default=-1)
    found = worst >= config.fail_on.rank and not arguments.exit_zero
    return FOUND if found else CLEAN, tuple(notes)


def _is_part(path: str, message: str) -> bool:
    """Whether only a cell of a notebook was left out."""
    return path.endswith(".ipynb") and message.startswith("cell ")


def _statistics(report: Report, form: str) -> str:
    """How often each rule spoke, the loudest first."""
    from collections import Counter  # noqa: PLC0415

    tally = Counter((d.code, d.rule) for d in report.diagnostics)
    counts = sorted(tally.items(), key=lambda entry: (-entry[1], entry[0]))
    if form == "json":
        import json  # noqa: PLC0415

        return json.dumps([{"code": code, "rule": rule, "count": n} for (code, rule), n in counts], indent=2) + "\n"
    width = len(str(counts[0][1])) if counts else 0
    return "".join(f"{n:>{width}}  {code}  {rule}\n" for (code, rule), n in counts)


def _settings_text(config: Config, rules: dict[str, str]) -> str:
    """The settings in force, in the notation of the configuration file."""
    enabled = config.enabled(rules)
    values = {
        "select": sorted(enabled),
        "per-file-ignores": {pattern: list(selectors) for pattern, selectors in config.per_file_ignores},
        "exclude": list(config.exclude),
        "respect-gitignore": config.respect_gitignore,
        "contracts": list(config.contracts),
        "fail-on": str(config.fail_on),
        "severity": {code: str(level) for code, level in sorted(config.levels(rules).items())},
        "src": list(config.src),
        "baseline": config.baseline,
    }
    import json  # noqa: PLC0415

    lines = [f"# from {config.path}" if config.path else "# no configuration file"]
    for key, value in values.items():
        text = json.dumps(value)
        if isinstance(value, dict):
            text = "{" + ", ".join(f"{json.dumps(name)} = {json.dumps(word)}" for name, word in value.items()) + "}"
        lines.append(f"{key} = {text}")
    return "".join(f"{line}\n" for line in lines)

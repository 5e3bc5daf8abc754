"""`trace` and `run`: the commands that execute the user's code."""

from __future__ import annotations

import os
import sys

from outlayer_lint import __version__
from outlayer_lint.cli import CLEAN, FAILED, FOUND, Outcome
from outlayer_lint.cli.checking import excerpts, settings
from outlayer_lint.config import Refused
from outlayer_lint.diagnostic import Diagnostic, Report, Severity
from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.reporters import View
from outlayer_lint.source.discovery import project_root
from outlayer_lint.tracer import configured as configuration
from outlayer_lint.tracer import report, verdicts
from outlayer_lint.tracer import settings as reading
from outlayer_lint.tracer.target import Target, find, parse_args, parse_input
from outlayer_lint.tracer.tracing import Traced, hooks_in
from outlayer_lint.tracer.tracing import run as run_script
from outlayer_lint.tracer.tracing import trace as trace_targets

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import SimpleNamespace

    from outlayer_lint.config import Config
    from outlayer_lint.tracer.configured import Configured
    from outlayer_lint.tracer.settings import Settings


def trace(arguments: SimpleNamespace) -> Outcome:
    """Run models and say what comes out."""
    given = [find(word) for word in arguments.targets]
    config = settings(arguments, [target.path for target in given])
    found = ready(arguments, config, [target.path for target in given])
    targets = [_told(target, arguments) for target in given] or [*found.targets, *hooks_in(found)]
    if not targets:
        raise Refused("`outlayer-lint trace` needs TARGET: FILE.py, FILE.py:NAME, package.module:NAME or a folder")
    traced = trace_targets(targets, found, config)
    if not traced.ran:
        return Outcome("", FAILED, ("error: no model found to trace",))
    code, notes = _judged(traced, config, arguments)
    if arguments.print_config:
        return Outcome(report.configuration(traced, found.settings.root), code, notes)
    return Outcome(report.render(traced, arguments.format, view(arguments, config)), code, notes)


def run(arguments: SimpleNamespace) -> Outcome:
    """Run a script until it has computed some losses, and say what they were given."""
    path, *argv = arguments.words
    if not os.path.isfile(path):
        raise Refused(f"no such file: {path}")
    config = settings(arguments, [path])
    found = ready(arguments, config, [path])
    traced = run_script(os.path.abspath(path), argv, found, config)
    code, notes = _judged(traced, config, arguments)
    if arguments.strict and not traced.losses:
        code = FAILED
    said = tuple(f"| {line}" for line in traced.said.splitlines()) if arguments.explain else ()
    return Outcome(report.render_script(traced, arguments.format, view(arguments, config)), code, (*notes, *said))


BARE = ("github", "gitlab", "junit")  # formats that have no place for a verdict of its own


def put_to_trial(
    report: Report, config: Config, arguments: SimpleNamespace, paths: Sequence[str]
) -> tuple[Report, str]:
    """The findings with what running the code behind them says, and a sentence on how it was run."""
    found = ready(arguments, config, paths)
    if not arguments.trace:  # only the configuration asks for it, and that came with the code
        found = found._replace(settings=found.settings._replace(isolation="strict"))
    try:
        report, sandboxed = verdicts.tried(report, found, found.settings.root)
    except Refused as refusal:
        if arguments.trace:
            raise
        return report, f"not traced: {refusal}"
    if arguments.format in BARE:
        report = report._replace(diagnostics=tuple(map(_in_words, report.diagnostics)))
    return report, "" if sandboxed is None else f"traced with {sandboxed.level} isolation, torch {sandboxed.torch}"


def _in_words(finding: Diagnostic) -> Diagnostic:
    trial = finding.trace
    if trial is None:
        return finding
    severity = Severity.INFO if trial.verdict == "refuted" else finding.severity
    said = f"{finding.message} [{trial.verdict} by trace: {trial.why}]"
    return finding._replace(severity=severity, message=said)


def ready(arguments: SimpleNamespace, config: Config, paths: Sequence[str]) -> Configured:
    """What the configuration says about tracing, with the command line over it."""
    root = project_root(paths[0] if paths else os.getcwd(), paths)
    found = configuration.read(config, root)
    return found._replace(settings=_over(found.settings, arguments))


def _over(found: Settings, arguments: SimpleNamespace) -> Settings:
    given = vars(arguments)
    changes = {
        field: read(given[name], f"--{name.replace('_', '-')}")
        for name, (field, read) in TYPED.items()
        if given.get(name)
    }
    if changes.get("isolation") == "none" and not (given.get("yes") or _somebody_is_there()):
        raise Refused("--isolation none runs the code with all your rights; without a terminal it needs --yes")
    return found._replace(**changes, explain=bool(given.get("explain")))


TYPED = {
    "device": ("device", reading.device),
    "budget": ("budget", reading.seconds),
    "memory": ("memory", reading.size),
    "isolation": ("isolation", lambda text, _: text),
    "python": ("python", lambda text, _: text),
    "dtypes": ("dtypes", reading.dtypes),
    "max_tries": ("max_tries", reading.whole),
    "steps": ("losses", reading.whole),
    "allow_full_import": ("full_import", lambda given, _: given),
}


def _somebody_is_there() -> bool:
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr is not None and sys.stderr.isatty()


def _told(target: Target, arguments: SimpleNamespace) -> Target:
    """A target with what the command line says about it."""
    if arguments.args:
        target = target._replace(args=parse_args(arguments.args))
    if arguments.input:
        target = target._replace(inputs=tuple(map(parse_input, arguments.input)))
    if arguments.classes:
        target = target._replace(classes=reading.whole(arguments.classes, "--classes"))
    return target._replace(task=arguments.task) if arguments.task else target


def view(arguments: SimpleNamespace, config: Config) -> View:
    """How the report is wanted; with `--explain` the search is told."""
    line_text, file_line = excerpts(None)
    return View(line_text, arguments.colour, arguments.explain, True, file_line, __version__, config.fail_on)  # noqa: FBT003


def _judged(traced: Traced, config: Config, arguments: SimpleNamespace) -> tuple[int, tuple[str, ...]]:
    """The exit code, and what has to be said about it."""
    broken = [one.end for one in traced.ran if one.end.word == "internal"]
    notes = tuple(f"internal error: {report.kept(end)}" for end in broken)
    if broken or (arguments.strict and any(one.end.word for one in traced.ran)):
        return FAILED, notes
    worst = max((found.severity.rank for found in traced.diagnostics), default=-1)
    disappointed = any(
        claim["verdict"] == "refuted" for one in traced.ran for claim in one.end.record.get("claims", ())
    )
    return FOUND if worst >= config.fail_on.rank or disappointed else CLEAN, notes

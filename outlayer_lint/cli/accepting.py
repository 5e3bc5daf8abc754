"""`baseline`: today's findings are accepted, so that later runs fail on new ones only."""

from __future__ import annotations

import os

from outlayer_lint import baseline as accepted
from outlayer_lint.cli import CLEAN, FAILED, KEPT, Outcome
from outlayer_lint.cli.checking import excerpts, rules_of, settings, verdict
from outlayer_lint.cli.writing import replace
from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.reporters.terminal import count, visible
from outlayer_lint.source.discovery import asked_about, shown

if TYPE_CHECKING:
    from types import SimpleNamespace

    from outlayer_lint.config import Config


def baseline(arguments: SimpleNamespace) -> Outcome:
    """Write the file. What it says of files and rules that are not asked about stays."""
    paths = arguments.paths or ["."]
    config = settings(arguments, paths)
    enabled = config.enabled(rules_of(config))
    path = config.baseline or os.path.abspath(accepted.NAME)
    old = accepted.read(path) if os.path.exists(path) else []

    from outlayer_lint.engine import check as lint  # noqa: PLC0415

    report = lint(paths, config._replace(baseline=""), keep=KEPT)
    code, notes = verdict(report, config)
    if code == FAILED:
        return Outcome(code=code, notes=notes)
    folder = os.path.dirname(os.path.abspath(path))
    line_text, _ = excerpts(None)
    new = accepted.together(entry for _, entry in accepted.entries(report.diagnostics, line_text, folder))
    kept = _others(old, paths, config, folder, enabled)
    replace(path, accepted.written(accepted.together((*new, *kept))).encode())
    files = len({entry.path for entry in new})
    found = sum(entry.times for entry in new)
    lines = [f"Wrote {visible(shown(path))}: {count(found, 'finding')} in {count(files, 'file')} accepted."]
    if kept:
        lines.append(f"{count(len(kept), 'entry', 'entries')} about other files or rules kept.")
    if not config.baseline or arguments.baseline:
        lines.append(f"Use it with `--baseline {visible(shown(path))}`, or as `baseline` in [tool.outlayer-lint].")
    return Outcome("".join(f"{line}\n" for line in lines), CLEAN, notes)


def _others(
    old: list[accepted.Entry], paths: list[str], config: Config, folder: str, enabled: frozenset[str]
) -> list[accepted.Entry]:
    """Entries that this run cannot judge."""
    asked = set(asked_about(paths, config)[0])
    folders = [os.path.abspath(path) for path in paths if os.path.isdir(path)]
    return [
        entry
        for entry in old
        if entry.code not in enabled
        or not accepted.judged(os.path.normpath(os.path.join(folder, entry.path)), asked, folders)
    ]

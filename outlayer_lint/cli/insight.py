"""`reveal` and `pairs`: what was understood, and what was not and why."""

from __future__ import annotations

import os
import re
from pathlib import Path

from outlayer_lint import lint
from outlayer_lint.cli import CLEAN, FAILED, Outcome
from outlayer_lint.cli.checking import settings
from outlayer_lint.config import Refused
from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.reporters.terminal import count, paint, place, visible

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import SimpleNamespace

    from outlayer_lint.diagnostic import Pair, Report

PLACE = re.compile(r"(?P<path>.+?)(?::cell(?P<cell>\d+))?:(?P<line>\d+)(?::\d+)?")
STYLE = {"consistent": "bold", "contradicted": "error", "unresolved": "warning"}


def reveal(arguments: SimpleNamespace) -> Outcome:
    """What each expression on one line emits."""
    match = PLACE.fullmatch(arguments.place)
    if match is None:
        raise Refused(f"expected FILE:LINE or NOTEBOOK:cellN:LINE, found `{arguments.place}`")
    path = match["path"]
    if not os.path.isfile(path):
        raise Refused(f"no such file: {path}")
    config = settings(arguments, [path])

    from outlayer_lint.engine import reveal as ask  # noqa: PLC0415
    from outlayer_lint.source.document import Unreadable  # noqa: PLC0415

    cell = None if match["cell"] is None else int(match["cell"])
    try:
        found = ask(Path(path), int(match["line"]), config, cell)
    except Unreadable as error:
        raise Refused(f"{path}:{error.line}: {error.message}") from None
    if not found:
        return Outcome(f"No expression on that line is a value this linter follows ({visible(arguments.place)}).\n")
    rows = [(f"{span.line}:{span.column}", visible(text), emits, visible(how)) for span, text, emits, how in found]
    wide = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = []
    for at, text, emits, how in rows:
        shown = paint(text.ljust(wide[1]), "bold", arguments.colour)
        lines.append(f"{at:<{wide[0]}}  {shown}  {emits:<{wide[2]}}  {how}".rstrip() + "\n")
    return Outcome("".join(lines))


def pairs(arguments: SimpleNamespace) -> Outcome:
    """Every output and its consumer."""
    paths = arguments.paths or ["."]
    config = settings(arguments, paths)._replace(baseline="")

    report = lint(paths, config, uses=arguments.format == "html")
    notes = tuple(f"internal error: {sentence}" for sentence in report.broken)
    code = FAILED if report.broken or not report.files else CLEAN
    if not report.files:
        notes = (*notes, "error: no Python file or notebook found")
    if arguments.format == "json":
        from outlayer_lint.reporters.json import render_pairs  # noqa: PLC0415

        return Outcome(render_pairs(report.pairs), code, notes)
    if arguments.format == "html":
        from outlayer_lint.reporters.html import render  # noqa: PLC0415

        return Outcome(render(report), code, notes)
    return Outcome("".join(f"{line}\n" for line in _lines(report, colour=arguments.colour)), code, notes)


def _lines(report: Report, *, colour: bool) -> Iterator[str]:
    for pair in report.pairs:
        yield f"{place(pair.span)}: {paint(pair.verdict, STYLE[pair.verdict], colour)}: {_sentence(pair)}"
    reasons: dict[str, int] = {}
    for pair in report.pairs:
        if pair.reason:
            reasons[pair.reason] = reasons.get(pair.reason, 0) + 1
    verdicts = [pair.verdict for pair in report.pairs]
    told = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in STYLE)
    yield f"{count(len(verdicts), 'pair')} in {count(report.files, 'file')}: {told}."
    for reason, number in sorted(reasons.items(), key=lambda entry: (-entry[1], entry[0])):
        yield f"  {number} unresolved: {reason}"


def _sentence(pair: Pair) -> str:
    """`cross_entropy receives simplex(1) from the head at model.py:31:9 (OLL101)`."""
    if pair.verdict == "unresolved":
        return visible(f"{pair.consumer} receives something unknown: {pair.reason}")
    head = f" from the head at {place(pair.head)}" if pair.head is not None else ""
    code = f" ({pair.code})" if pair.code else ""
    return f"{visible(pair.consumer)} receives {visible(pair.emits)}{head}{code}"

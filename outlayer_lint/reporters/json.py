"""JSON, version 1: the promise to other programs. Fields are only ever added."""

from __future__ import annotations

import json
from collections import Counter

from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from outlayer_lint.diagnostic import Diagnostic, Pair, Report, Span
    from outlayer_lint.reporters import View

VERSION = 1
VERDICTS = ("consistent", "contradicted", "unresolved")


def render(report: Report, view: View) -> str:  # noqa: ARG001 - everything is told, whoever looks
    """The whole report."""
    return _dumped({
        "version": VERSION,
        "diagnostics": [diagnostic(d) for d in report.diagnostics],
        "errors": [{"path": e.path, "line": e.line, "message": e.message} for e in report.errors],
        "summary": {
            "files": report.files, "analysed": report.analysed, "accepted": report.accepted,
            "pairs": _tally(report.pairs),
        },
    })  # fmt: skip


def render_pairs(pairs: Iterable[Pair]) -> str:
    """What `outlayer-lint pairs --format json` prints."""
    return _dumped({"version": VERSION, "pairs": [pair(p) for p in pairs]})


def diagnostic(found: Diagnostic) -> dict[str, Any]:
    """One diagnostic."""
    fix = found.fix
    return {
        "code": found.code,
        "rule": found.rule,
        "severity": str(found.severity),
        "certainty": found.certainty,
        "message": found.message,
        **span(found.span),
        "trace": None if found.trace is None else found.trace._asdict(),
        "related": [{**span(related.span), "message": related.message} for related in found.related],
        "fix": None if fix is None else {"safety": fix.safety, "message": fix.message, "edits": []},
    }


def pair(found: Pair) -> dict[str, Any]:
    """One consumer call and one output that reaches it."""
    head = found.head
    return {
        "path": found.span.path,
        "cell": found.span.cell,
        "line": found.span.line,
        "consumer": found.consumer,
        "verdict": found.verdict,
        "emits": found.emits or None,
        "units": found.units,
        "head": None if head is None else {"path": head.path, "cell": head.cell, "line": head.line},
        "code": found.code or None,
        "reason": found.reason or None,
    }


def span(place: Span) -> dict[str, Any]:
    """A stretch of source."""
    return {
        "path": place.path,
        "cell": place.cell,
        "line": place.line,
        "column": place.column,
        "end_line": place.end_line,
        "end_column": place.end_column,
    }


def _tally(pairs: Iterable[Pair]) -> dict[str, Any]:
    verdicts = Counter(pair.verdict for pair in pairs)
    reasons = Counter(pair.reason for pair in pairs if pair.reason)
    return {
        **{verdict: verdicts[verdict] for verdict in VERDICTS},
        "reasons": dict(sorted(reasons.items(), key=lambda entry: (-entry[1], entry[0]))),
    }


def _dumped(tree: dict[str, Any]) -> str:
    return json.dumps(tree, indent=2) + "\n"

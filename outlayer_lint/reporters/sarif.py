"""SARIF 2.1.0: findings with the way from activation to loss, for GitHub's code scanning and other platforms.

In a notebook a region is in lines of the file, which is JSON; cell and line stand in the message and the properties.
"""

from __future__ import annotations

import json
import os
from urllib.parse import quote

from outlayer_lint.diagnostic import AGAIN
from outlayer_lint.fingerprint import VERSION, numbered
from outlayer_lint.knowledge import pages
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.reporters.terminal import place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from outlayer_lint.diagnostic import Diagnostic, Related, Report, Span, Unread
    from outlayer_lint.knowledge import Page
    from outlayer_lint.reporters import View

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVEL = {"error": "error", "warning": "warning", "info": "note"}
GITHUB = {"error": "error", "warning": "warning", "info": "recommendation"}
ORDER = ("error", "warning", "info")
ROOT = "%SRCROOT%"
CALLED = " called here"


def render(report: Report, view: View) -> str:
    """One run, everything told: platforms filter by level themselves."""
    book = {page.code: page for page in pages().values()}
    codes = sorted({diagnostic.code for diagnostic in report.diagnostics})
    driver = {
        "name": "outlayer-lint",
        "semanticVersion": view.version,
        "rules": [_rule(book[code]) for code in codes],
    }
    marked = numbered(report.diagnostics, view.line_text)
    invocation = {
        "executionSuccessful": not report.broken,
        "toolExecutionNotifications": [*map(_unread, report.errors), *map(_broken, report.broken)],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "the working directory, at best the repository's top"}}},
        "invocations": [invocation],
        "results": [_result(diagnostic, mark, codes, view) for diagnostic, mark in marked],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(page: Page) -> dict[str, Any]:
    worst = min((str(grade.severity) for grade in page.grades.values()), key=ORDER.index)
    text = "\n".join(line.replace("```python run", "```python").removesuffix("  # want") for line in page.prose).strip()
    return {
        "id": page.code,
        "name": page.name,
        "shortDescription": {"text": page.summary},
        "fullDescription": {"text": " ".join(text.partition("\n## ")[0].split())},
        "help": {"text": text, "markdown": text},
        "defaultConfiguration": {"level": LEVEL[worst]},
        "properties": {"problem.severity": GITHUB[worst], "tags": ["correctness", "machine-learning"]},
    }


def _result(diagnostic: Diagnostic, mark: str, codes: Sequence[str], view: View) -> dict[str, Any]:
    where = "" if diagnostic.span.cell is None else f"{place(diagnostic.span)}: "
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": codes.index(diagnostic.code),
        "level": LEVEL[str(diagnostic.severity)],
        "message": {"text": f"{where}{diagnostic.message}"},
        "locations": [_location(diagnostic.span, view)],
        "partialFingerprints": {VERSION: mark},
        "properties": {"certainty": diagnostic.certainty},
    }
    if diagnostic.fix is not None:
        result["properties"]["fix"] = diagnostic.fix.message
    if diagnostic.trace is not None:
        result["properties"]["trace"] = diagnostic.trace._asdict()
        if diagnostic.trace.verdict == "refuted":
            why = f"refuted by trace: {diagnostic.trace.why}"
            result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": why}]
    if diagnostic.related:
        result["relatedLocations"] = [
            {"id": number, **_location(related.span, view, related.message)}
            for number, related in enumerate(diagnostic.related, 1)
        ]
    flows = [[*flow, (diagnostic.span, diagnostic.message)] for flow in flows_of(diagnostic.related)]
    if flows:
        result["codeFlows"] = [{"threadFlows": [{"locations": [_step(*at, view) for at in flow]}]} for flow in flows]
    return result


def flows_of(related: Sequence[Related]) -> Iterator[list[tuple[Span, str]]]:
    """Each way to the consumer, in the order in which a program takes it: built, applied, the calls on the way.

    What comes to the prediction and what comes to the target are two ways; the calls belong to the first.
    """
    calls = [(r.span, r.message) for r in related if r.message.endswith(CALLED)]
    ways: list[list[tuple[Span, str]]] = []
    for place_ in related:
        if place_.message == AGAIN or place_.message.endswith(CALLED):
            continue
        if place_.message.endswith(" built here") and ways:
            ways[-1].insert(0, (place_.span, place_.message))
        else:
            ways.append([(place_.span, place_.message)])
    for number, way in enumerate(ways or ([[]] if calls else [])):
        yield [*way, *(calls if number == 0 else ())]


def _step(span: Span, message: str, view: View) -> dict[str, Any]:
    return {"location": _location(span, view, message)}


def _location(span: Span, view: View, message: str = "") -> dict[str, Any]:
    line = view.file_line(span)
    region = {"startLine": line}
    if span.cell is None:
        region |= {"startColumn": span.column, "endLine": span.end_line, "endColumn": span.end_column}
    location: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": _artifact(span.path), "region": region},
    }
    if span.cell is not None:
        location["logicalLocations"] = [{"name": f"cell{span.cell}", "fullyQualifiedName": place(span)}]
        location["properties"] = {"cell": span.cell, "line": span.line, "column": span.column}
    if message:
        location["message"] = {"text": message}
    return location


def _artifact(path: str) -> dict[str, Any]:
    """Relative to the working directory, which a platform takes for the repository's top."""
    if os.path.isabs(path):
        return {"uri": f"file://{'' if path.startswith('/') else '/'}{quote(os.fsencode(path))}"}
    return {"uri": quote(os.fsencode(path)), "uriBaseId": ROOT}


def _unread(error: Unread) -> dict[str, Any]:
    where = {"artifactLocation": _artifact(error.path), "region": {"startLine": max(error.line, 1)}}
    text = f"not read: {error.message}"
    return {"level": "warning", "message": {"text": text}, "locations": [{"physicalLocation": where}]}


def _broken(sentence: str) -> dict[str, Any]:
    return {"level": "error", "message": {"text": f"internal error: {sentence}"}}

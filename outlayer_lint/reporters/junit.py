"""JUnit's XML, which every build server can show: a suite a file, a failed test case a finding."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.reporters.terminal import place, told, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.diagnostic import Diagnostic, Report
    from outlayer_lint.reporters import View

NAME = "outlayer-lint"


def render(report: Report, view: View) -> str:
    """Findings below the failing severity are passed test cases that have something to say."""
    shown, _ = told(report, show_info=view.show_info)
    top = Element("testsuites", name=NAME)
    suites: dict[str, Element] = {}
    for diagnostic in shown:
        _case(_suite(top, suites, diagnostic.span.path), diagnostic, view)
    for error in report.errors:
        case = SubElement(_suite(top, suites, error.path), "testcase", name="not read", classname=visible(error.path))
        words = f"{visible(error.path)}:{error.line}: {visible(error.message)}"
        SubElement(case, "error", type="not-read", message=visible(error.message)).text = words
    if not suites:
        SubElement(_suite(top, suites, NAME), "testcase", name="nothing found", classname=NAME)
    for element in (*suites.values(), top):
        for what, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
            element.set(what, str(sum(1 for _ in element.iter(tag))))
    indent(top)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(top, encoding="unicode")}\n'


def _suite(top: Element, suites: dict[str, Element], path: str) -> Element:
    if path not in suites:
        suites[path] = SubElement(top, "testsuite", name=visible(path))
    return suites[path]


def _case(suite: Element, diagnostic: Diagnostic, view: View) -> None:
    span = diagnostic.span
    where = place(span)
    name = f"{diagnostic.code} {diagnostic.rule} at {where[len(visible(span.path)) + 1 :]}"
    case = SubElement(suite, "testcase", name=name, classname=visible(span.path), file=visible(span.path))
    case.set("line", str(view.file_line(span)))
    words = "\n".join(_lines(diagnostic))
    if diagnostic.severity.rank >= view.fails.rank:
        kind = f"{diagnostic.severity} {diagnostic.code}"
        SubElement(case, "failure", type=kind, message=visible(diagnostic.message)).text = words
    else:
        SubElement(case, "system-out").text = words


def _lines(diagnostic: Diagnostic) -> Iterator[str]:
    yield f"{place(diagnostic.span)}: {diagnostic.severity}: {visible(diagnostic.message)}"
    for related in diagnostic.related:
        yield f"{place(related.span)}: {visible(related.message)}"
    if diagnostic.fix is not None:
        yield f"fix: {visible(diagnostic.fix.message)}"

"""Every output of a model and who takes it, for the drawing: beyond the pairs, metrics, decisions and unused heads."""

from __future__ import annotations

import ast

from outlayer_lint.diagnostic import Use
from outlayer_lint.facts import Consumed, Decision
from outlayer_lint.interpret.questions.applications import outputs
from outlayer_lint.interpret.transfer import as_value
from outlayer_lint.lattice import describe
from outlayer_lint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from outlayer_lint.diagnostic import Span
    from outlayer_lint.interpret.questions.inquiry import Event, Inquiry
    from outlayer_lint.lattice import Tensor, Value
    from outlayer_lint.resolve.scopes import Scope
    from outlayer_lint.resolve.sourcefile import SourceFile


def uses(inquiry: Inquiry, wanted: Collection[SourceFile]) -> list[Use]:
    """The links that begin or end in the wanted files, each once, in the order of their places."""
    files = {file.display: file for file in inquiry.driver.project}
    shown = {file.display for file in wanted}
    found: dict[tuple[object, ...], Use] = {}
    for event in inquiry.events:
        if event.span.path in shown:
            for use in _of(event):
                found.setdefault((use.span, use.kind, use.consumer, use.head), use)
    taken = {use.head for use in found.values()}
    for file in wanted:
        for use in _heads(inquiry, file):
            if use.head not in taken:
                found.setdefault((use.head,), use)
    named = [
        use._replace(model=_owner(files, use.head, assigned=True), where=_owner(files, use.span) if use.kind else "")
        for use in found.values()
    ]
    return sorted(named, key=lambda use: (use.span[:2], use.span[2:5], use.consumer))


def _of(event: Event) -> Iterator[Use]:
    apart = (Consumed, Decision)  # what is wrong with a metric is not the loss's fault
    pair = event.pair(tuple(d for d, about in event.found if not isinstance(about, apart)))
    if pair is not None:
        rows = [asked.row for asked in event.asked]
        yield Use(
            pair.span, rows[0].kind, pair.consumer, pair.verdict, pair.emits, pair.units, pair.head,
            expects=tuple(map(str, rows[0].wants)), code=pair.code, reason=pair.reason,
        )  # fmt: skip
    for fact, _ in event.facts:
        codes = [d.code for d, about in event.found if about is fact]
        if isinstance(fact, Consumed):
            row = fact.consumer
            yield from _taken(fact.span, row.kind, row.shown, fact.prediction, tuple(map(str, row.wants)), codes)
        elif isinstance(fact, Decision) and not fact.method:
            name = fact.kind if fact.constant is None else f"{fact.kind} {fact.constant:g}"
            yield from _taken(fact.span, "decision", name, fact.operand, (), codes)


def _taken(  # a link has two ends
    span: Span, kind: str, name: str, value: Value, expects: tuple[str, ...], codes: list[str]
) -> Iterator[Use]:
    way = next((way for way in value.ways if way.learned), None) if value.known else None
    if way is not None:
        verdict = "contradicted" if codes else "consistent"
        yield Use(
            span, kind, name, verdict, describe(way), way.units, _built(way), expects=expects, code="".join(codes[:1])
        )


def _heads(inquiry: Inquiry, file: SourceFile) -> Iterator[Use]:
    """What the models of a file return."""
    if file not in inquiry.driver.project.framework_files or file.scope is None:
        return
    for node in file.scope.block.statements:
        if isinstance(node, ast.ClassDef):
            cls = file.scope.child(node)
            for method in cls.block.statements:
                if isinstance(method, ast.FunctionDef) and method.name == "forward":
                    yield from _returned(inquiry, cls.child(method))


def _returned(inquiry: Inquiry, scope: Scope) -> Iterator[Use]:
    for _, _, answer in outputs(inquiry.driver, scope):
        for way in as_value(answer).ways:
            head = _built(way)
            if way.learned and head is not None:
                yield Use(head, "", "", "unused", describe(way), way.units, head)


def _built(way: Tensor) -> Span | None:
    return way.origin.built or way.origin.applied


def _owner(files: dict[str, SourceFile], span: Span | None, *, assigned: bool = False) -> str:
    """The class or function that a place is in, and in a function the name it is assigned to, or ""."""
    file = None if span is None else files.get(span.path)
    if span is None or file is None or file.broken is not None:
        return ""
    place = file.locate(file.document.line_of(span))
    if place is None:
        return ""
    scope: Scope | None = place.block.scope
    function = ""
    while scope is not None and scope.kind != "module":
        if scope.kind == "class":
            return scope.name
        function = function or (f"{scope.name}()" if scope.kind == "function" else "")
        scope = scope.parent
    statement = place.block.statements[place.index]
    name = file.document.segment(statement.targets[0]) if assigned and isinstance(statement, ast.Assign) else ""
    return " in ".join(filter(None, (name, function)))

"""What the heads of a program are trained with: a decision on an output is judged by its loss."""

from __future__ import annotations

from outlayer_lint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.diagnostic import Span
    from outlayer_lint.facts import Decision, LossCall
    from outlayer_lint.knowledge import Row


def of(fact: LossCall) -> Iterator[tuple[Span, Row]]:
    """The heads that a loss trains."""
    for way in fact.prediction.ways:
        for span in way.origin.spans:
            yield span, fact.loss


def trained_with(decision: Decision, trained: dict[Span, dict[str, Row]]) -> tuple[Row, ...]:
    """The losses that every learned way of the operand is trained with."""
    common: dict[str, Row] | None = None
    for way in decision.operand.ways:
        rows: dict[str, Row] = {}
        for span in way.origin.spans:
            rows.update(trained.get(span, {}))
        common = rows if common is None else {n: r for n, r in common.items() if n in rows}
    return tuple((common or {}).values())

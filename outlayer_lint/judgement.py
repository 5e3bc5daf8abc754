"""Facts are judged by the checks that want them; what they find is dressed by the rule's page and merged."""

from __future__ import annotations

from importlib import import_module

from outlayer_lint import knowledge
from outlayer_lint.diagnostic import AGAIN, Diagnostic, Related, Severity
from outlayer_lint.facts import Applied
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from outlayer_lint.diagnostic import Finding, Span
    from outlayer_lint.facts import Fact


class Judgement:
    """Checks loaded by need, and what they said."""

    def __init__(self, *, claims: bool = False) -> None:
        """Which check wants which fact stands in the compiled table; `claims`: findings will be put to trial."""
        self.claims = claims
        self.subscriptions = knowledge.subscriptions()
        self.pages = knowledge.pages()
        self.checks: dict[str, Callable[[Any], Iterator[Finding]]] = {}

    def of(self, fact: Fact) -> Iterator[tuple[str, Finding]]:
        """The findings about one fact, with the rule's name."""
        for cls in type(fact).__mro__:
            for rule, losses, given in self.subscriptions.get(cls.__name__, ()):
                if losses and (loss := getattr(fact, "loss", None)) is not None and loss.family not in losses:
                    continue
                if given and not _emits(fact, given):
                    continue
                if rule not in self.checks:
                    self.checks[rule] = import_module(f"outlayer_lint.checks.{rule.replace('-', '_')}").check
                for finding in self.checks[rule](fact):
                    yield rule, finding

    def dress(self, rule: str, finding: Finding, fact: Fact, *, likely: bool) -> Diagnostic:
        """A finding with its rule's code, severity and message."""
        page = self.pages[rule]
        grade = page.grades[finding.grade]
        certainty = "likely" if likely or finding.certainty != "proved" else "proved"
        severity = Severity.WARNING if grade.severity is Severity.ERROR and certainty != "proved" else grade.severity
        words = {**fact.words, **finding.words}
        claim = None
        if self.claims:
            from outlayer_lint.claims import claim_of  # noqa: PLC0415 - where findings will be put to trial

            claim = claim_of(fact)
        related = tuple(dict.fromkeys((*finding.because, *fact.related)))
        related = tuple(r for r in related if r.span != finding.span)
        return Diagnostic(
            page.code,
            rule,
            severity,
            certainty,
            grade.message.format_map(_Words(words)),
            finding.span,
            related,
            finding.fix,
            claim=claim,
        )


def _emits(fact: Any, given: tuple[str, ...]) -> bool:
    """Whether a check that speaks only where every way emits one of these words may speak; the first way tells."""
    ways = (fact.operand if hasattr(fact, "operand") else fact.prediction).ways
    return bool(ways) and ways[0].emission in given


class _Words(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return f"{{{key}}}"


def merge(gathered: list[tuple[Diagnostic, Fact]]) -> list[Diagnostic]:
    """One diagnostic for each rule, place of the output, and loss; other places of the same mistake become related.

    A fact about an activation itself (`operation`) is one mistake, whatever scores it is applied to.
    """
    groups: dict[object, list[tuple[Diagnostic, Fact]]] = {}
    for diagnostic, fact in gathered:
        because = tuple(r.span for r in diagnostic.related if r.message.endswith(("applied here", "built here")))
        if isinstance(fact, Applied):
            because = ()
        key = (diagnostic.code, because or diagnostic.span, diagnostic.span.path, fact.words.get("loss", fact.span))
        groups.setdefault(key, []).append((diagnostic, fact))
    merged: list[Diagnostic] = []
    for group in groups.values():
        group.sort(
            key=lambda pair: (
                getattr(pair[1], "mode", "train") != "train",
                -pair[0].severity.rank,
                by_place(pair[0].span),
            )
        )
        first = group[0][0]
        worst = max((d.severity for d, _ in group if d.span == first.span), key=lambda s: s.rank)
        first = next(d for d, _ in group if d.span == first.span and d.severity is worst)
        others = [Related(d.span, AGAIN) for d, _ in group if d.span != first.span]
        related = tuple(dict.fromkeys((*first.related, *others)))
        merged.append(first._replace(related=related))
    return merged


def by_place(span: Span) -> tuple[object, ...]:
    """The key by which findings are sorted: path, cell, place."""
    return (span.path, -1 if span.cell is None else span.cell, *span[1:5])

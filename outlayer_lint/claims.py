"""What a finding says about the program when it runs, and what running it says of the finding."""

from __future__ import annotations

from outlayer_lint.records import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from outlayer_lint.diagnostic import Span
    from outlayer_lint.facts import Fact

FACTS = "outlayer_lint.facts"
DEEP = 8  # operations behind a value that a claim names


class Claim(NamedTuple):
    """What a finding says about the program when it runs: which value arrives at its span.

    Attributes:
        about: the fact that was judged: `LossCall`, `Decision`, `Applied`, ...
        emits: what the value emits on each way, in the words of the lattice, without axis and units.
        axis: over which dim, as written, `None` where the ways differ or there is none.
        units: of the value, `None` where unknown.
        origins: where it was applied and where what was applied was built, on all ways, and the same of what came
            before that; the nearest first.
        consumer: qualified name of what takes it, or of the operation.
    """

    about: str
    emits: tuple[str, ...] = ()
    axis: int | str | None = None
    units: int | None = None
    origins: tuple[tuple[Span | None, Span | None], ...] = ()
    consumer: str = ""

    @property
    def places(self) -> tuple[Span, ...]:
        """Every place that the value comes by."""
        return tuple(dict.fromkeys(span for origin in self.origins for span in origin if span is not None))


class Trial(NamedTuple):
    """What running the code says about a finding: `confirmed`, `refuted`, `inconclusive` or `not-run`, and why."""

    verdict: str
    why: str


def claim_of(fact: Fact) -> Claim:
    """What the fact says of the value that was judged, back to the learned layer that made it."""
    value = getattr(fact, "prediction", None) or getattr(fact, "operand", None)
    about = next(cls.__name__ for cls in type(fact).__mro__ if cls.__module__ == FACTS)
    row = getattr(fact, "loss", None) or getattr(fact, "operation", None) or getattr(fact, "consumer", None)
    consumer = "" if row is None else row.name
    uncalled: str = getattr(fact, "method", "")  # a method that is not called has no value
    if value is None or not value.known or uncalled:
        return Claim(about, consumer=consumer)
    axes = {way.axis for way in value}
    origins: dict[tuple[Span | None, Span | None], None] = {}
    level = list(value)
    for _ in range(DEEP):
        origins.update(dict.fromkeys((way.origin.applied, way.origin.built) for way in level if way.origin.spans))
        level = [before for way in level if not way.learned or way.by != way.learned for before in way.inner][:DEEP]
    return Claim(
        about,
        tuple(sorted({str(way.emission) for way in value})),
        axes.pop() if len(axes) == 1 else None,
        value.units,
        tuple(origins),
        consumer,
    )

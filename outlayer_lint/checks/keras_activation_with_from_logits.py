"""Decides rules/keras-activation-with-from-logits.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Consumed, LossCall, places
from outlayer_lint.forms import flagged
from outlayer_lint.lattice import Emission, Tensor

GIVEN = ("unit", "simplex")
PROBABILITIES = (Emission.UNIT, Emission.SIMPLEX)


def check(fact: LossCall | Consumed) -> Iterator[Finding]:
    """A softmax or sigmoid meets a Keras loss or metric that is told to expect logits."""
    if isinstance(fact, LossCall):
        row, grade, takes = fact.loss, "loss", fact.loss.wants
        if fact.swapped:
            return
    else:
        row, grade, takes = fact.consumer, "metric", fact.consumer.takes.get(fact.parameter, fact.consumer.wants)
    value = fact.prediction
    if not flagged(row, fact.arguments) or {*takes, *row.accepts} & {*PROBABILITIES}:
        return  # an area under the curve only ranks, and takes both

    def squashed(way: Tensor) -> bool:
        return way.emission in PROBABILITIES and not way.scaled

    # Over one unit a softmax is a mistake by itself: single-unit-softmax.
    if (witness := value.all(squashed)) is not None and not (value.units == 1 and value.every(Emission.SIMPLEX)):
        fix = Fix("set-keyword", "set `from_logits=False`", "safe", fact.span, "from_logits", "False")
        holds = "probabilities" if value.every(Emission.SIMPLEX) else "values in [0, 1]"
        words = {"applies": row.applies or "an activation", "emits": holds}
        yield Finding(fact.span, grade, places(witness), fix, words, value.certainty)

"""Decides rules/metric-needs-decided-values.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Consumed, places
from outlayer_lint.lattice import Emission
from outlayer_lint.lineage import stem

DECIDED = {Emission.INDEX, Emission.BINARY, Emission.BOOL, Emission.ONEHOT, Emission.MULTIHOT}
CONTINUOUS = (
    Emission.LOGIT, Emission.SIMPLEX, Emission.UNIT, Emission.LOGP, Emission.LOGUNIT, Emission.SYM1,
)  # fmt: skip
ROUNDED = frozenset({"round", "rint", "around"})  # decided, if wrongly: round-on-logits


def check(use: Consumed) -> Iterator[Finding]:
    """A metric of decided labels gets the outputs that a decision is still to be taken from."""
    consumer, value = use.consumer, use.prediction
    takes = {*consumer.takes.get(use.parameter, consumer.wants), *consumer.accepts}
    if consumer.kind != "metric" or not takes or not takes <= DECIDED:
        return
    if witness := value.all(lambda way: way.emission in CONTINUOUS and bool(way.learned) and stem(way) not in ROUNDED):
        several = (value.units or 0) > 1 or value.every(Emission.SIMPLEX, Emission.LOGP)
        message = "take the argmax first" if several else "compare with a threshold first"
        words = {"holds": "probabilities" if value.every(Emission.UNIT, Emission.SIMPLEX) else "scores"}
        yield Finding(use.span, "undecided", places(witness), Fix("advise", message), words, value.certainty)

"""Decides rules/logits-used-as-probabilities.md."""

from collections.abc import Iterator

from outlayer_lint.checks.metric_threshold_on_logits import cutting
from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Consumed, places
from outlayer_lint.lattice import Emission

GIVEN = ("logit",)
PROBABILITIES = {Emission.SIMPLEX, Emission.UNIT}


def check(use: Consumed) -> Iterator[Finding]:
    """A metric that measures probabilities gets the raw scores of a head."""
    consumer = use.consumer
    takes = {*consumer.takes.get(use.parameter, consumer.wants), *consumer.accepts}
    if consumer.kind != "metric" or not takes & PROBABILITIES or Emission.LOGIT in takes or cutting(consumer):
        return
    if witness := use.prediction.all(lambda way: way.emission is Emission.LOGIT and bool(way.learned)):
        fix = Fix("advise", "pass `softmax` of the logits, or `sigmoid` where there is one unit")
        yield Finding(use.span, "metric", places(witness), fix, certainty=use.prediction.certainty)

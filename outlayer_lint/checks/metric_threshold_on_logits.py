"""Decides rules/metric-threshold-on-logits.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Consumed, places
from outlayer_lint.knowledge import Row
from outlayer_lint.lattice import Emission

GIVEN = ("logit",)
PROBABILITIES = {Emission.SIMPLEX, Emission.UNIT}
THRESHOLDS = ("threshold", "thresholds")
INSIDE = ("binary-logits", "softmax-cross-entropy")  # losses that apply the activation themselves


def check(use: Consumed) -> Iterator[Finding]:
    """A metric that compares with 0.5 gets the raw scores of a head."""
    consumer, value = use.consumer, use.prediction
    takes = {*consumer.takes.get(use.parameter, consumer.wants), *consumer.accepts}
    name = cutting(consumer)
    if not name or not takes & PROBABILITIES or Emission.LOGIT in takes:
        return
    cut = use.arguments.get(name)
    if cut is ... or (isinstance(cut, (int, float)) and not 0 < cut < 1) or isinstance(cut, (list, tuple)):
        return
    if any(call.loss.family not in INSIDE for call in use.trained):
        return  # the loss objects to the scores itself, or they are quantities
    if witness := value.all(lambda way: way.emission is Emission.LOGIT and bool(way.learned) and not way.scaled):
        name, text = ("from_logits", "True") if "from_logits" in consumer.parameters else (name, "0.0")
        fix = Fix("set-keyword", f"set `{name}={text}`, or apply the sigmoid first", "unsafe", use.span, name, text)
        yield Finding(use.span, "logits", places(witness), fix, certainty=value.certainty)


def cutting(consumer: Row) -> str:
    """The parameter of a metric that holds its threshold, "" where it has none."""
    return next((name for name in THRESHOLDS if name in consumer.parameters), "") if consumer.kind == "metric" else ""

"""Decides rules/log-values-as-probabilities.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Consumed, Decision, LossCall, places
from outlayer_lint.lattice import Emission, Tensor, Value

GIVEN = ("logp", "logunit")
LOGARITHMS = (Emission.LOGP, Emission.LOGUNIT)
PROBABILITIES = {Emission.SIMPLEX, Emission.UNIT}
PAIR = 2  # the log-sigmoids of `-x` and `x`, side by side, are the log of a distribution


def check(fact: LossCall | Decision | Consumed) -> Iterator[Finding]:
    """Logarithms stand where probabilities are read; for distributions and samplers there are rules of their own."""
    value, grade = Value(), ""
    if isinstance(fact, LossCall) and not fact.swapped:
        value, takes = fact.prediction, {*fact.loss.wants, *fact.loss.accepts}
        if takes & PROBABILITIES and not takes & {*LOGARITHMS, Emission.LOGIT}:
            grade = "loss"
        elif fact.loss.family == "nll" and value.all(separate) and (value.units or 0) > PAIR:
            grade = "independent"
    elif isinstance(fact, Consumed) and fact.consumer.kind == "metric":
        value, consumer = fact.prediction, fact.consumer
        takes = {*consumer.takes.get(fact.parameter, consumer.wants), *consumer.accepts}
        if takes & PROBABILITIES and not takes & {*LOGARITHMS, Emission.LOGIT}:
            grade = "metric"
    elif isinstance(fact, Decision):
        # A logarithm may well be compared with a negative number; no probability is.
        value = fact.operand
        if fact.kind == "round" or (fact.kind == "threshold" and fact.constant is not None and fact.constant > 0):
            grade = fact.kind
    if grade and (witness := value.every(*LOGARITHMS)) is not None:
        fix = Fix("advise", "apply `exp()` first, or use the form that takes logarithms or logits")
        yield Finding(fact.span, grade, places(witness), fix, certainty=value.certainty)


def separate(way: Tensor) -> bool:
    """Whether it is a log-sigmoid of scores: not the logarithm of a mixture, not a log-softmax that was reshaped."""
    return (
        way.by.endswith("sigmoid") and way.emission is Emission.LOGUNIT and way.inner.every(Emission.LOGIT) is not None
    )

"""Decides rules/sampling-from-logits.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Consumed, places
from outlayer_lint.lattice import Emission, Tensor

PROBABILITIES = {Emission.SIMPLEX, Emission.UNIT}


def check(use: Consumed) -> Iterator[Finding]:
    """A sampler that reads weights gets scores or log-probabilities."""
    takes = {*use.consumer.takes.get(use.parameter, use.consumer.wants)}
    if use.consumer.kind != "sampler" or not takes & PROBABILITIES or Emission.LOGIT in takes:
        return
    if witness := use.prediction.all(_scores):
        logs = witness.emission is not Emission.LOGIT
        fix = Fix("advise", "call `.exp()` on the log-probabilities" if logs else "pass `softmax` of the logits")
        yield Finding(use.span, "scores-as-weights", places(witness), fix, certainty=use.prediction.certainty)


def _scores(way: Tensor) -> bool:
    """Any other tensor may hold non-negative weights, whatever its name."""
    return way.emission in (Emission.LOGP, Emission.LOGUNIT) or (way.emission is Emission.LOGIT and bool(way.learned))

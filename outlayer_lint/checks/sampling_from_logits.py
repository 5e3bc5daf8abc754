"""Decides rules/sampling-from-logits.md."""

from collections.abc import Iterator

from outlayer_lint.checks.distribution_parameter_mismatch import held, scores
from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Consumed, places
from outlayer_lint.lattice import Emission

PROBABILITIES = {Emission.SIMPLEX, Emission.UNIT}


def check(use: Consumed) -> Iterator[Finding]:
    """A sampler that reads weights gets scores or log-probabilities."""
    takes = {*use.consumer.takes.get(use.parameter, use.consumer.wants)}
    if use.consumer.kind != "sampler" or not takes & PROBABILITIES or Emission.LOGIT in takes:
        return
    if witness := use.prediction.all(scores):
        logs = witness.emission is not Emission.LOGIT
        fix = Fix("advise", "call `.exp()` on the log-probabilities" if logs else "pass `softmax` of the logits")
        yield Finding(
            use.span, "scores-as-weights", places(witness), fix, {"held": held(witness)}, use.prediction.certainty
        )

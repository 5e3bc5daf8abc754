"""Decides rules/sampling-from-logits.md."""

from collections.abc import Iterator

from outlayer_lint.checks.distribution_parameter_mismatch import held, scores
from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Consumed, places
from outlayer_lint.lattice import Emission

PROBABILITIES = {Emission.SIMPLEX, Emission.UNIT}


def check(use: Consumed) -> Iterator[Finding]:
    """A sampler that reads weights gets scores or log-probabilities, or one that reads scores gets probabilities."""
    takes = {*use.consumer.takes.get(use.parameter, use.consumer.wants)}
    if use.consumer.kind != "sampler" or (takes & PROBABILITIES and Emission.LOGIT in takes):
        return
    if Emission.LOGIT in takes:
        if witness := use.prediction.all(lambda way: bool(way.learned) and way.emission in PROBABILITIES):
            fix = Fix("advise", "pass the scores before the activation, or the logarithm of the probabilities")
            yield Finding(use.span, "weights-as-scores", places(witness), fix, certainty=use.prediction.certainty)
    elif takes & PROBABILITIES and (witness := use.prediction.all(scores)):
        logs = witness.emission is not Emission.LOGIT
        fix = Fix("advise", "call `.exp()` on the log-probabilities" if logs else "pass `softmax` of the logits")
        yield Finding(
            use.span, "scores-as-weights", places(witness), fix, {"held": held(witness)}, use.prediction.certainty
        )

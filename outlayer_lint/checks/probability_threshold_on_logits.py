"""Decides rules/probability-threshold-on-logits.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Decision, places
from outlayer_lint.lattice import Emission, Tensor

# Around one half a cut is meant as a probability; others may have been tuned on the scores themselves.
LOW, HIGH = 0.4, 0.6
REGRESSION = ("squared", "absolute", "poisson", "gaussian")


def check(decision: Decision) -> Iterator[Finding]:
    """A score is compared with one half although its loss applies the sigmoid."""
    if decision.kind != "threshold" or decision.constant is None or not LOW <= decision.constant <= HIGH:
        return
    if witness := logits_by_training(decision):
        fix = Fix("advise", "compare the sigmoid of the logits, or the logits with 0")
        yield Finding(decision.span, "trained-on-logits", places(witness), fix, certainty=decision.operand.certainty)


def logits_by_training(decision: Decision) -> Tensor | None:
    """A witness that the operand is a head whose only kind of training has the sigmoid in the loss.

    Without a connected loss a cut through raw scores is as often right: regression, anomaly scores, kernels.
    """
    families = {row.family for row in decision.trained_with}
    if "binary-logits" not in families or not families.isdisjoint(REGRESSION):
        return None
    return decision.operand.all(lambda way: way.emission is Emission.LOGIT and bool(way.learned) and not way.scaled)

"""Decides rules/round-on-logits.md."""

from collections.abc import Iterator

from outlayer_lint.checks.probability_threshold_on_logits import logits_by_training
from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Decision, places


def check(decision: Decision) -> Iterator[Finding]:
    """A score is rounded to a label although its loss applies the sigmoid."""
    if decision.kind == "round" and (witness := logits_by_training(decision)):
        fix = Fix("advise", "round the sigmoid of the logits, or compare the logits with 0")
        yield Finding(decision.span, "trained-on-logits", places(witness), fix, certainty=decision.operand.certainty)

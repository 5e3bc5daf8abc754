"""Decides rules/temperature-after-softmax.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Applied, places
from outlayer_lint.lattice import Emission

GIVEN = ("simplex",)


def check(applied: Applied) -> Iterator[Finding]:
    """Probabilities are divided by a temperature; attention weights, which reach no consumer, may be scaled at will."""
    if applied.operation.how != "div" or applied.form or not applied.reaches:
        return
    # Divided by something unknown before a decision: priors of classes, old probabilities. A decision hardly minds.
    if applied.reaches <= {"decision"} if applied.parameter else applied.constant in (None, 0, 1):
        return
    witness = applied.operand.all(lambda way: way.emission is Emission.SIMPLEX and not way.scaled)
    if witness is not None:
        grade = "parameter" if applied.parameter else "constant"
        fix = Fix("advise", "divide the logits by the temperature, then apply softmax")
        yield Finding(applied.span, grade, places(witness), fix, certainty=applied.operand.certainty)

"""Decides rules/argmax-without-dim.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Decision, places


def check(decision: Decision) -> Iterator[Finding]:
    """The argmax of a whole batch is one index into the flattened tensor."""
    # Without a loss in sight the operand is as often a picture, a kernel's response or a single sample.
    if decision.kind != "argmax" or decision.dim != "implicit" or decision.method or not decision.trained_with:
        return
    # One unit is a ranking over the batch: which sample scores highest.
    if witness := decision.operand.all(lambda way: bool(way.learned) and (way.rank or 0) > 1 and way.units != 1):
        fix = Fix("advise", "name the class dim: `dim=1`, or `dim=-1` where it is last")
        words = {"rank": decision.operand.rank or witness.rank}
        yield Finding(decision.span, "flattened", places(witness), fix, words, decision.operand.certainty)

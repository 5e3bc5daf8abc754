"""Decides rules/decision-method-not-called.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Decision


def check(decision: Decision) -> Iterator[Finding]:
    """A method stands where its result is meant."""
    if decision.method:
        fix = Fix("advise", f"call it: `.{decision.method}()`", "safe")
        yield Finding(decision.span, "not-called", (), fix, {"method": decision.method}, decision.operand.certainty)

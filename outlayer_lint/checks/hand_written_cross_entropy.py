"""Decides rules/hand-written-cross-entropy.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Applied, places
from outlayer_lint.lattice import Emission

MADE = {"hand-binary": ("sigmoid", Emission.UNIT), "hand-categorical": ("softmax", Emission.SIMPLEX)}
INSTEAD = {"hand-binary": "binary_cross_entropy_with_logits", "hand-categorical": "cross_entropy"}


def check(applied: Applied) -> Iterator[Finding]:
    """A cross-entropy is written out from the probabilities."""
    name, emission = MADE.get(applied.form, ("", Emission.LOSS))
    witness = applied.operand.all(
        lambda way: way.emission is emission and way.by.lower().endswith(name) and way.gradient and bool(way.learned)
    )
    if witness is not None:
        words = {"made": name, "instead": INSTEAD[applied.form]}
        fix = Fix("advise", f"use `{words['instead']}` on the scores")
        yield Finding(applied.span, applied.form, places(witness), fix, words, applied.operand.certainty)

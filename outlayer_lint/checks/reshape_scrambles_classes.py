"""Decides rules/reshape-scrambles-classes.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Decision, LossCall, places
from outlayer_lint.lattice import SCRAMBLED


def check(fact: LossCall | Decision) -> Iterator[Finding]:
    """A reshape cut through the class dim, and what came of it is consumed as rows of classes."""
    if isinstance(fact, LossCall):
        value, word = fact.prediction, "prediction"
    elif fact.kind != "argmax" or fact.trained_with:
        return
    else:
        value, word = fact.operand, "operand"
    witness = value.all(lambda way: way.class_axis == SCRAMBLED)
    if witness is None:
        return
    fix = Fix("advise", "move the classes to the end with `.movedim(1, -1)` before reshaping")
    words = {"value": fact.words.get(word, "")}
    yield Finding(fact.span, "proved", places(witness), fix, words, value.certainty)

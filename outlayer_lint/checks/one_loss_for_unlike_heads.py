"""Decides rules/one-loss-for-unlike-heads.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Compiled, places
from outlayer_lint.lattice import Emission, Value, describe

CLASSED = ("categorical", "softmax-cross-entropy")
MEASURING = ("squared", "absolute", "relative", "poisson")  # a share and a price may well be learned alike
SQUASHED = (Emission.SIMPLEX, Emission.UNIT)


def check(compiled: Compiled) -> Iterator[Finding]:
    """One loss trains outputs of different kinds."""
    heads, loss = compiled.heads, compiled.losses[0] if len(compiled.losses) == 1 else None
    if compiled.form != "one" or loss is None or not heads or not all(head.known for head in heads):
        return
    if not loss.family:
        return  # a function of the user's, which was written for these outputs
    first = heads[0]
    other = next((head for head in heads if kind(head, loss.family) != kind(first, loss.family)), None)
    if other is None:
        return
    kinds = kind(first, loss.family)[0] | kind(other, loss.family)[0]
    grade = "perhaps" if loss.family in MEASURING and Emission.SIMPLEX not in kinds else "unlike"
    words = {"loss": loss.shown, "first": describe(first.ways[0]), "other": describe(other.ways[0])}
    because = (*places(first.ways[0]), *places(other.ways[0]))
    fix = Fix("advise", "give `loss` a list or a dict with one loss for each output")
    certainty = "likely" if "likely" in (first.certainty, other.certainty) else "proved"
    yield Finding(compiled.span, grade, because, fix, words, certainty)


def kind(head: Value, family: str) -> tuple[frozenset[Emission], bool]:
    """What makes heads alike: what they emit and, for losses over classes, whether there are several units."""
    emitted = {way.emission for way in head}
    if family in MEASURING:
        emitted = {each if each in SQUASHED else Emission.LOGIT for each in emitted}
    return frozenset(emitted), family in CLASSED and head.units == 1

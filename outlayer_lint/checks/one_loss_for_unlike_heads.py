"""Decides rules/one-loss-for-unlike-heads.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Compiled, places
from outlayer_lint.lattice import Emission, Value

CLASSED = ("categorical", "softmax-cross-entropy")


def check(compiled: Compiled) -> Iterator[Finding]:
    """One loss trains outputs of different kinds."""
    heads = compiled.heads
    if compiled.form != "one" or len(heads) <= 1 or len(compiled.losses) != 1 or not all(h.known for h in heads):
        return
    family = compiled.losses[0].family if compiled.losses[0] is not None else ""
    first = heads[0]
    for other in heads[1:]:
        if kind(first, family) != kind(other, family):
            words = {"loss": compiled.losses[0].shown if compiled.losses[0] is not None else ""}
            words |= {"first": told(first), "other": told(other)}
            because = (*places(first.ways[0]), *places(other.ways[0]))
            fix = Fix("advise", "give `loss` a list or a dict with one loss for each output")
            certainty = "likely" if "likely" in (first.certainty, other.certainty) else "proved"
            yield Finding(compiled.span, "unlike", because, fix, words, certainty)
            return


def kind(head: Value, family: str) -> tuple[frozenset[Emission], bool]:
    """What makes heads alike: what they emit and, for losses over classes, whether there are several."""
    return frozenset(way.emission for way in head), family in CLASSED and head.units == 1


def told(head: Value) -> str:
    """What a message says of an output."""
    return repr(head.ways[0])

"""Decides rules/single-unit-softmax.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.dims import SIMPLEXES, class_axis, same_axis
from outlayer_lint.facts import Decision, LossCall, places
from outlayer_lint.lattice import Tensor
from outlayer_lint.lineage import made

GIVEN = ("simplex", "logp")


def check(fact: LossCall | Decision) -> Iterator[Finding]:
    """A softmax over a single unit: the output is constant."""
    if isinstance(fact, LossCall):
        value, word = fact.prediction, "prediction"
    elif fact.trained_with:
        return  # said once, at the loss
    else:
        value, word = fact.operand, "operand"
    if value.all(lambda way: way.emission in SIMPLEXES and way.units == 1) is None:
        return
    proofs = {over_classes(way) for way in value}
    if False in proofs:
        return
    witness = value.ways[0]
    constant = "1" if witness.emission == "simplex" else "0"
    fix = Fix("advise", "use a sigmoid, or the raw score with a loss that takes scores")
    words = {"value": fact.words.get(word, ""), "made": made(witness), "constant": constant}
    words["axis"] = "1" if witness.axis == "implicit" else str(witness.axis)
    grade = "likely" if None in proofs else "proved"
    yield Finding(fact.span, grade, places(witness), fix, words, value.certainty)


def over_classes(way: Tensor) -> bool | None:
    """Whether the dim of size one is the one that was normalised, `None` where the rank would have to tell."""
    if way.rank == 2 and way.axis in (1, -1, "implicit"):  # noqa: PLR2004 - rows of classes
        return True
    same = same_axis(way, way.axis, class_axis(way))
    return False if same is None and (way.rank is not None or way.axis in (0, None)) else same

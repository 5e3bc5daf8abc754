"""Decides rules/normalised-over-wrong-dim.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.dims import SIMPLEXES, class_axis, classes_last, of_pairs, over_batch, same_axis
from outlayer_lint.facts import Decision, LossCall, places
from outlayer_lint.lattice import Emission, Tensor
from outlayer_lint.lineage import made

GIVEN = ("simplex", "logp")


def check(fact: LossCall | Decision) -> Iterator[Finding]:
    """The dim that was normalised is not the one from which the loss reads the classes."""
    if isinstance(fact, LossCall):
        value, classes, wants, grade = fact.prediction, fact.loss.class_axis, fact.loss.wants, "proved"
    else:  # probabilities picked elsewhere may be attention or heat maps; their logarithms are a loss
        value, classes, wants, grade = fact.operand, picked(fact), (), "picked"
    if classes is None:
        return

    def astray(way: Tensor) -> bool:
        wanted = way.emission is Emission.LOGP or way.emission in wants
        apart = way.emission in SIMPLEXES and wanted and same_axis(way, way.axis, classes) is False
        return apart and not of_pairs(way)

    witness = value.all(astray)
    if witness is None:
        return
    elsewhere = witness.rank == 1 or classes_last(witness)
    if (classes == 1 and elsewhere) or ((classes == 1 or grade == "picked") and over_batch(witness)):
        return  # softmax-over-batch-dim and class-dim-not-second say these; one dim alone holds the classes
    span = witness.origin.built or witness.origin.applied
    safety = "safe" if same_axis(witness, class_axis(witness), classes) else "unsafe"
    fix = Fix("set-keyword", f"normalise over dim {classes}", safety, span, "dim", str(classes))
    words = {"axis": witness.axis, "classes": classes, "made": made(witness)}
    words["prediction"] = fact.words.get("prediction") or fact.words.get("operand", "")
    yield Finding(fact.span, grade, places(witness), fix, words, value.certainty)


def picked(fact: Decision) -> int | None:
    """The dim along which one class of each row is picked, `None` where it is not proved to hold the classes."""
    dim = fact.dim if fact.kind == "pick" and isinstance(fact.dim, int) else None
    return dim if fact.operand.all(lambda way: same_axis(way, class_axis(way), dim) is True) else None

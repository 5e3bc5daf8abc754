"""Decides rules/normalised-over-wrong-dim.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.evidence import SIMPLEXES, class_axis, classes_last, made, of_pairs, over_batch, same_axis
from outlayer_lint.facts import LossCall, places
from outlayer_lint.lattice import Emission, Tensor


def check(call: LossCall) -> Iterator[Finding]:
    """The dim that was normalised is not the one from which the loss reads the classes."""
    classes = call.loss.class_axis
    if classes is None:
        return

    def astray(way: Tensor) -> bool:
        wanted = way.emission is Emission.LOGP or way.emission in call.loss.wants
        apart = way.emission in SIMPLEXES and wanted and same_axis(way, way.axis, classes) is False
        return apart and not of_pairs(way)

    witness = call.prediction.all(astray)
    if witness is None:
        return
    if classes == 1 and (over_batch(witness) or witness.rank == 1 or classes_last(witness)):
        return  # softmax-over-batch-dim and class-dim-not-second say these; one dim alone holds the classes
    span = witness.origin.built or witness.origin.applied
    safety = "safe" if same_axis(witness, class_axis(witness), classes) else "unsafe"
    fix = Fix("set-keyword", f"normalise over dim {classes}", safety, span, "dim", str(classes))
    words = {"axis": witness.axis, "classes": classes, "made": made(witness)}
    yield Finding(call.span, "proved", places(witness), fix, words, call.prediction.certainty)

"""Decides rules/class-dim-not-second.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.dims import classes_last, may_have_classes_last
from outlayer_lint.facts import LossCall, places

LOSSES = ("softmax-cross-entropy", "nll")


def check(call: LossCall) -> Iterator[Finding]:
    """A loss that reads the classes from dim 1 receives them in the last of three dims or more."""
    if call.loss.family not in LOSSES or call.loss.class_axis != 1:
        return
    if call.prediction.all(may_have_classes_last) is None:
        return
    if call.target.rank == 1:  # then the prediction has two dims, or torch refuses the pair
        return
    witness = call.prediction.all(classes_last)
    if witness is None:
        return
    rank = witness.rank or 0
    fix = Fix("advise", "move the classes to dim 1 with `.movedim(-1, 1)`, or flatten all dims before them")
    words = {"rank": rank, "last": rank - 1}
    yield Finding(call.span, "proved", places(witness), fix, words, call.prediction.certainty)

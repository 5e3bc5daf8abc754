"""Decides rules/class-weight-length-mismatch.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.dims import aside, class_axis, same_axis
from outlayer_lint.facts import LossCall, places
from outlayer_lint.lattice import Tensor

LOSSES = ("softmax-cross-entropy", "nll", "binary-logits")


def check(call: LossCall) -> Iterator[Finding]:
    """The list of class weights is longer or shorter than the output is wide."""
    if call.loss.family not in LOSSES:
        return
    classes = call.loss.family != "binary-logits"
    name, length = ("weight", call.weight_length) if classes else ("pos_weight", call.pos_weight_length)
    units = None if length is None else call.prediction.units
    if length is None or units is None or length == units:
        return
    if classes:
        fits = units > 1 and call.prediction.all(lambda way: not aside(way, call.loss.class_axis)) is not None
    else:  # it broadcasts against the last dim; pos-weight-wrong-axis speaks of the others
        fits = length != 1 and call.prediction.all(rows) is not None
    if not fits:
        return
    fix = Fix("advise", f"give `{name}` {units} entries")
    words = {"name": name, "length": length, "units": units}
    yield Finding(call.span, "proved", places(call.prediction.ways[0]), fix, words, call.prediction.certainty)


def rows(way: Tensor) -> bool:
    """Whether the classes are in the last dim."""
    return way.rank == 2 or same_axis(way, class_axis(way), -1) is True  # noqa: PLR2004 - rows of classes

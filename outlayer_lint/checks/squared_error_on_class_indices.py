"""Decides rules/squared-error-on-class-indices.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.evidence import compares_indices, is_borrowed, sides
from outlayer_lint.facts import LossCall, places

LOSSES = ("squared", "absolute")


def check(call: LossCall) -> Iterator[Finding]:
    """A row of scores is compared with the number of a class."""
    if call.loss.family not in LOSSES or not compares_indices(call):
        return
    prediction, target = sides(call)
    if is_borrowed(call, target):
        return
    fix = Fix("advise", "use a cross-entropy that takes scores and class indices")
    words = {"units": prediction.units, "labels": call.words.get("prediction" if call.swapped else "target", "")}
    certainty = "likely" if "likely" in (prediction.certainty, target.certainty) else "proved"
    yield Finding(call.span, "proved", places(prediction.ways[0]), fix, words, certainty)

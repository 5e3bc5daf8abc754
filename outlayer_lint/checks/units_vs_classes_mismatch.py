"""Decides rules/units-vs-classes-mismatch.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.dims import aside
from outlayer_lint.facts import LossCall, places
from outlayer_lint.lattice import Emission
from outlayer_lint.lineage import stem

LOSSES = ("softmax-cross-entropy", "nll", "categorical", "binary", "binary-logits", "squared", "absolute")
SAMPLED = frozenset({"randint", "randintlike", "random", "randperm"})  # a smoke test need not name every class
INDEXED = LOSSES[:3]
VOCABULARY = 256  # heads above this are padded to a multiple of eight


def check(call: LossCall) -> Iterator[Finding]:
    value, family = call.prediction, call.loss.family
    if value.units is None:
        return
    target = call.target
    classes, grade = target.units, ""
    if target.every(Emission.ONEHOT, Emission.MULTIHOT):
        grade = "columns" if family in LOSSES and classes not in (None, value.units) else ""
    elif family in INDEXED:
        classes = call.classes or (classes if target.every(Emission.INDEX) else None)
        grade = compared(call, value.units, classes) if classes else ""
    if not grade or any(aside(way, call.loss.class_axis) for way in value):
        return
    if family not in INDEXED or value.units != 1:
        fix = Fix("advise", f"give the last layer {classes} units")
        words = {"units": value.units, "classes": classes}
        yield Finding(call.span, grade, places(value.ways[0]), fix, words, value.certainty)


def compared(call: LossCall, units: int, classes: int) -> str:
    """`fewer`, `more`, or "" where they agree or the difference has a known good reason."""
    if units < classes:
        return "" if "ignore_index" in call.arguments and units == classes - 1 else "fewer"
    padded = classes > VOCABULARY and units % 8 == 0 and units - classes < VOCABULARY
    return "" if units <= classes + 1 or padded or any(stem(way) in SAMPLED for way in call.target) else "more"

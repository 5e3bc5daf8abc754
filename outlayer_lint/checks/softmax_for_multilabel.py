"""Decides rules/softmax-for-multilabel.md."""

from collections.abc import Iterator
from math import inf

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.evidence import is_soft
from outlayer_lint.facts import LossCall, places
from outlayer_lint.forms import multihot, softmaxed, surety
from outlayer_lint.lattice import Emission, Tensor
from outlayer_lint.lineage import learned

LOSSES = ("binary",)
GIVEN = ("simplex",)
PAIR = 2  # two units of a softmax are a yes and a no
MADE = ("same-activation", "bootstrapped", "menu", "target-is-input", "gan-label")
DECIDED = ("argmax", "accuracy")


def check(call: LossCall) -> Iterator[Finding]:
    """A softmax over several units meets a loss that asks each unit by itself."""
    value = call.prediction
    if call.loss.family not in LOSSES or call.swapped or value.units == 1:
        return
    if (witness := value.all(lambda way: softmaxed(way) and way.emission is Emission.SIMPLEX)) is None:
        return
    target = call.target
    rows = (value.rank or PAIR) == PAIR and not call.evidence("convolution-last")
    grade = "several" if rows and (value.units or 0) > PAIR else "unknown"
    # The accuracy that Keras reports beside this loss may count units: no sign of one class.
    counts = "from_logits" in (*call.loss.parameters, *call.loss.constructor)
    keras = grade == "several" and counts
    if target.all(lambda way: multihot(way, value.units)) is not None:
        grade = "labels"
    elif call.evidence("target-is-input") and value.units != PAIR and target.all(scaled) is not None:
        grade = "several"
    elif any(map(call.evidence, MADE if keras or (counts and value.units is None) else (*MADE, *DECIDED))) or any(
        chosen(way) for way in target if not (keras and way.emission is Emission.ONEHOT)
    ):
        return
    fix = Fix("advise", "use a sigmoid for labels that may hold together, or cross-entropy for one class of many")
    sure = surety(target) if grade == "labels" and value.certainty == "proved" else value.certainty
    yield Finding(call.span, grade, places(witness), fix, certainty=sure)


def scaled(target: Tensor) -> bool:
    """Whether a target holds values of their own, such as pixels, between 0 and 1 or beyond."""
    if is_soft(target) or learned(target):
        return False
    beyond = target.emission in (Emission.DATA, Emission.BND) and target.low == 0 and 1 < target.high < inf
    return beyond or target.emission is Emission.UNIT


def chosen(target: Tensor) -> bool:
    """Whether a target is known to name one class, or to share out one whole: one-hot rows, soft labels."""
    return target.emission in (Emission.ONEHOT, Emission.SIMPLEX) or is_soft(target) or bool(learned(target))

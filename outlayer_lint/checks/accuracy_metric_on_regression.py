"""Decides rules/accuracy-metric-on-regression.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.evidence import is_label, is_soft
from outlayer_lint.facts import Consumed, LossCall, places
from outlayer_lint.forms import CONTINUOUS, measured
from outlayer_lint.lattice import Emission, Tensor

ERRORS = ("squared", "absolute", "relative", "poisson")
# What is bounded on both sides is left to squared-error-on-probabilities; an ELU is bounded below only.


def check(use: Consumed) -> Iterator[Finding]:
    """An accuracy is computed of an output that is trained as a quantity."""
    if use.consumer.kind != "metric" or "accuracy" not in use.consumer.shown.lower() or not use.trained:
        return
    value = use.prediction
    witness = value.every(*CONTINUOUS)
    if (
        witness is None
        or any(way.bounded for way in value)
        or any(call.loss.family not in ERRORS or classifies(call) for call in use.trained)
    ):
        return
    fix = Fix("advise", "report a mean absolute error, or train with a cross-entropy if these are classes")
    words = {"loss": use.trained[0].words.get("loss", use.trained[0].loss.shown)}
    told = all(call.target.known and all(map(measured, call.target)) for call in use.trained)
    grade = "quantity" if value.units == 1 else "measured" if told else "several"
    yield Finding(use.span, grade, places(witness), fix, words, value.certainty)


def classifies(call: LossCall) -> bool:
    """Whether the targets are labels, which a squared error of scores learns as well."""
    return any(map(labelled, call.target))


def labelled(target: Tensor) -> bool:
    return is_label(target) or target.emission is Emission.INDEX or is_soft(target)

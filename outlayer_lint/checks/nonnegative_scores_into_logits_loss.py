"""Decides rules/nonnegative-scores-into-logits-loss.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Applied, LossCall, places
from outlayer_lint.forms import LOWEST, clipped, floor, pooled
from outlayer_lint.lattice import Emission

LOSSES = ("softmax-cross-entropy", "binary-logits", "nll", "kl", "categorical", "binary", "squared", "absolute")
GIVEN = ("nonneg", "pos", "bnd", "unit", "simplex", "logp")
FIX = Fix("advise", "drop the activation after the last layer, so that scores can be negative")
# What these losses are rightly given, so that only the clipping before it is left to say.
PROBABLE, LOGARITHM = frozenset({Emission.UNIT, Emission.SIMPLEX}), frozenset({Emission.LOGP})
ACCEPTS = dict.fromkeys(("nll", "kl", "softmax-cross-entropy"), LOGARITHM)
ACCEPTS |= dict.fromkeys(("categorical", "binary", "squared", "absolute"), PROBABLE)


def check(call: LossCall | Applied) -> Iterator[Finding]:
    if isinstance(call, Applied):
        yield from of_logarithm(call)
        return
    value, family = call.prediction, call.loss.family
    grade = {"softmax-cross-entropy": "softmax", "binary-logits": "sigmoid"}.get(family, "")
    witness = value.all(lambda way: floor(way) > LOWEST) if grade else None
    if witness is None and family in ACCEPTS:
        witness = value.all(lambda way: way.emission in ACCEPTS[family] and clipped(way))
        grade = "inside" if witness is None or not pooled(witness.inner.ways[0]) else "averaged"
    elif grade == "sigmoid" and any(floor(way) < 0 for way in value):
        grade = "nearly"
    elif grade == "softmax" and any(map(pooled, value)):
        grade = "pooled"
    if witness is not None and not call.swapped and not (grade in ("softmax", "nearly") and call.evidence("menu")):
        scores = witness.inner.ways[0] if grade in ("inside", "averaged") else witness
        yield Finding(call.span, grade, places(scores), FIX, certainty=value.certainty)


def of_logarithm(applied: Applied) -> Iterator[Finding]:
    """A loss that is written out begins with the logarithm of a probability."""
    if applied.operation.how != "log" or applied.form or applied.parameter:
        return
    witness = applied.operand.all(lambda way: way.emission in PROBABLE and way.gradient and clipped(way))
    if witness is not None:
        scores = witness.inner.ways[0]
        yield Finding(applied.span, "logarithm", places(scores), FIX, certainty=applied.operand.certainty)

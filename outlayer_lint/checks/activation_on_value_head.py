"""Decides rules/activation-on-value-head.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding
from outlayer_lint.evidence import Head, head, inside, linear, predicted, sides, span_of
from outlayer_lint.facts import LossCall, places
from outlayer_lint.lineage import learned, made

LOSSES = ("squared", "absolute")
SQUASHED = (Head.SOFTMAX, Head.SIGMOID, Head.TANH)


def check(call: LossCall) -> Iterator[Finding]:
    """An estimate of discounted rewards goes through an activation that bounds it."""
    if call.loss.family not in LOSSES:
        return
    kind = head(predicted(call))
    if kind not in (*SQUASHED, Head.RAMP) or not call.evidence("discounted"):
        return
    value, target = sides(call)
    if target.known and all(inside(way, each) and not learned(each) for way in value for each in target):
        return
    witness = value.ways[0]
    fix = linear(call, "let the value be linear, and scale the rewards if it grows too large")
    words = {"made": made(witness), "range": span_of(witness.low, witness.high)}
    if call.swapped:
        words["prediction"] = call.words.get("target", "")
    grade = "bounded" if kind in SQUASHED else "one-sided"
    yield Finding(call.span, grade, places(witness), fix, words, value.certainty)

"""Decides rules/accuracy-string-on-multilabel.md."""

from collections.abc import Iterator

from outlayer_lint.checks.softmax_for_multilabel import chosen
from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Consumed, places
from outlayer_lint.forms import multihot
from outlayer_lint.lattice import Emission

PAIR = 2


def check(use: Consumed) -> Iterator[Finding]:
    """An accuracy that compares the largest output with the largest label measures labels that hold together."""
    consumer, value, units = use.consumer, use.prediction, use.prediction.units
    ranks = "accuracy" in consumer.shown.lower() and consumer.class_axis is not None
    if not ranks or Emission.ONEHOT not in consumer.target or units is None or units == 1 or not use.trained:
        return
    witness = value.every(Emission.UNIT, Emission.LOGIT)
    families = {call.loss.family for call in use.trained}
    if witness is None or not families <= {"binary", "binary-logits"}:
        return
    targets = [call.target for call in use.trained]
    if all(target.all(lambda way: multihot(way, units)) is not None for target in targets):
        grade = "labels"
    elif any(chosen(way) for target in targets for way in target):
        return  # one class a sample, each asked by itself: the largest output is the answer
    else:
        grade = "several" if units > PAIR else "pair"
    fix = Fix("advise", 'use `"binary_accuracy"`, which counts each label by itself', "safe")
    yield Finding(use.span, grade, places(witness), fix, {"units": units}, value.certainty)

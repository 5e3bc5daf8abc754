"""Decides rules/f1-argmax-on-single-unit.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Consumed, places

SCORES = ("F1Score", "FBetaScore")  # with no threshold the largest output counts; all other metrics take 0.5 then


def check(use: Consumed) -> Iterator[Finding]:
    """An F-score without a threshold takes the argmax over one unit."""
    consumer, value = use.consumer, use.prediction
    if consumer.shown not in SCORES or not consumer.of_keras:
        return
    if use.arguments.get("threshold") is None and value.units == 1:
        fix = Fix("set-keyword", "set `threshold=0.5`", "safe", use.span, "threshold", "0.5")
        yield Finding(use.span, "proved", places(value.ways[0]), fix, certainty=value.certainty)

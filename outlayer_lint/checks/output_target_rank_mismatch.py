"""Decides rules/output-target-rank-mismatch.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import LossCall, places

LOSSES = ("squared", "absolute", "gaussian", "poisson", "margin")


def check(call: LossCall) -> Iterator[Finding]:
    """A column meets a row: the loss broadcasts every prediction against every target."""
    loss = call.loss
    if loss.family not in LOSSES or loss.class_axis is not None or loss.of_keras:
        return
    if call.arguments.get("reduction") == "none":
        return  # all pairs may be what is wanted; somebody looks at the matrix afterwards
    if call.prediction.units not in (None, 1):
        return  # several columns, or the row of a single sample
    if call.prediction.rank not in (1, 2) and (call.prediction.rank is not None or call.prediction.units != 1):
        return
    ranks = call.ranks
    if (ranks[0] == 1 and call.prediction.units == 1) or (ranks[1] == 1 and call.target.units == 1):
        return  # a single sample
    if ranks == (2, 1) and call.prediction.units == 1:
        words = {"shape": "(N, 1)", "other": "(N,)", "repair": "`.squeeze(-1)`"}
    elif ranks == (1, 2):
        words = {"shape": "(N,)", "other": "(N, 1)", "repair": "`.unsqueeze(-1)`"}
    else:
        return
    fix = Fix("advise", f"give both the same shape with {words['repair']} on the prediction")
    certainty = "likely" if "likely" in (call.prediction.certainty, call.target.certainty) else "proved"
    yield Finding(call.span, "proved", places(call.prediction.ways[0]), fix, words, certainty)

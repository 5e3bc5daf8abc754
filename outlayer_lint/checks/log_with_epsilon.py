"""Decides rules/log-with-epsilon.md."""

from collections.abc import Iterator

from outlayer_lint.checks import log_of_sigmoid, log_of_softmax
from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Applied, places

GIVEN = ("unit", "simplex")
EPSILON = 1e-3  # more than that is smoothing


def check(applied: Applied) -> Iterator[Finding]:
    """A small number is added to a probability before its logarithm is taken."""
    if applied.operation.how != "log" or applied.form or not 0 < (applied.constant or 0) <= EPSILON:
        return
    for function, direct in (("log_softmax", log_of_softmax.direct), ("logsigmoid", log_of_sigmoid.direct)):
        if (witness := applied.operand.all(direct)) is not None:
            fix = Fix("advise", f"use `{function}` on the scores, which needs no epsilon")
            words = {"function": function}
            yield Finding(applied.span, "proved", places(witness), fix, words, applied.operand.certainty)

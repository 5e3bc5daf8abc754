"""Decides rules/log-of-sigmoid.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Applied, places
from outlayer_lint.lattice import Emission, Tensor

GIVEN = ("unit",)


def check(applied: Applied) -> Iterator[Finding]:
    """A logarithm is taken of a sigmoid or of its complement; with an epsilon in between it is log-with-epsilon."""
    if applied.operation.how != "log" or applied.constant is not None or applied.parameter:
        return
    if applied.form not in ("", "one-minus"):
        return
    witness = applied.operand.all(direct)
    if witness is not None:
        grade = "complement" if applied.form else "proved"
        fix = Fix("advise", f"use `logsigmoid({'-' if applied.form else ''}x)` of the logits `x`")
        yield Finding(applied.span, grade, places(witness), fix, certainty=applied.operand.certainty)


def direct(way: Tensor) -> bool:
    """Whether a sigmoid alone made it, unclamped, and it is trained: the mean of several has no fused form."""
    sigmoid = way.by.rpartition(".")[2].lower() in ("sigmoid", "expit")
    exact = way.certainty == "proved" and (way.low, way.high) == (0, 1)  # no clamp, no epsilon
    mixed = way.inner.every(Emission.UNIT) is not None
    return way.emission is Emission.UNIT and sigmoid and way.gradient and exact and not mixed

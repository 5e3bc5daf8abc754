"""Decides rules/argmax-on-single-unit.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.dims import same_axis
from outlayer_lint.facts import Decision, places
from outlayer_lint.lattice import Tensor


def check(decision: Decision) -> Iterator[Finding]:
    """The argmax is taken over a class dim of size one."""
    dim, operand = decision.dim, decision.operand
    if decision.kind != "argmax" or not isinstance(dim, int) or decision.method:
        return
    if witness := operand.all(lambda way: bool(way.learned) and _only_unit(way, dim)):
        fix = Fix("advise", "compare the one unit with a threshold, or give the head one unit for each class")
        yield Finding(decision.span, "single-unit", places(witness), fix, {"dim": dim}, operand.certainty)


def _only_unit(way: Tensor, dim: int) -> bool:
    """Over any other dim the argmax of a one-unit head is a ranking: of choices, of time steps, of pixels."""
    return way.units == 1 and same_axis(way, dim, way.class_axis) is True

"""Decides rules/cosine-loss-on-single-unit.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.dims import aside
from outlayer_lint.facts import LossCall, places
from outlayer_lint.lattice import Tensor
from outlayer_lint.lineage import learned

LOSSES = ("cosine", "embedding")


def check(call: LossCall) -> Iterator[Finding]:
    """The angle between two numbers is taken for a loss."""
    if "cosine" not in call.loss.shown.lower() or call.swapped:
        return
    axis = call.arguments.get("axis", -1)

    def number(way: Tensor) -> bool:
        return way.units == 1 and bool(learned(way)) and not aside(way, axis if isinstance(axis, int) else None)

    if (witness := call.prediction.all(number)) is not None:
        fix = Fix("advise", "use a squared or absolute error for one number, or compare vectors of several")
        yield Finding(call.span, "proved", places(witness), fix, certainty=call.prediction.certainty)

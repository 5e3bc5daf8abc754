"""Decides rules/hand-written-softmax.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Applied, places
from outlayer_lint.lattice import Emission, Tensor

SCORES = (Emission.LOGIT, Emission.NONNEG, Emission.POS, Emission.HID, Emission.BND)
OVERFLOW = 88  # exp(88.7) is infinite in float32


def check(applied: Applied) -> Iterator[Finding]:
    """Scores that may be of any size are exponentiated and divided by their sum.

    After `x - x.max()` they have an upper bound of zero; cosines over a constant temperature are bounded as well.
    """
    if applied.form != "hand-softmax":
        return
    witness = applied.operand.all(grows)
    if witness is not None:
        fix = Fix("advise", "use `softmax(dim=...)` on the scores")
        yield Finding(applied.span, "proved", places(witness), fix, certainty=applied.operand.certainty)


def grows(way: Tensor) -> bool:
    """Whether it comes out of a network, which may make it as large as it likes."""
    learned = bool(way.learned) or way.emission is Emission.HID
    return learned and way.emission in SCORES and not way.scaled and way.high > OVERFLOW

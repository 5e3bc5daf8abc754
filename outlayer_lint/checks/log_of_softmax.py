"""Decides rules/log-of-softmax.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Applied, places
from outlayer_lint.lattice import Emission, Tensor

GIVEN = ("simplex",)


def check(applied: Applied) -> Iterator[Finding]:
    """A logarithm is taken of what a softmax made; with an epsilon in between it is log-with-epsilon."""
    if applied.operation.how != "log" or applied.form or applied.constant is not None or applied.parameter:
        return
    witness = applied.operand.all(direct)
    if witness is not None:
        fix = Fix("advise", "use `log_softmax` on the logits, with the same dim")
        yield Finding(applied.span, "proved", places(witness), fix, certainty=applied.operand.certainty)


def direct(way: Tensor) -> bool:
    """Whether a softmax alone made it, and it is trained: mixtures have no fused form, teachers need none."""
    softmax = way.by.rpartition(".")[2].lower() in ("softmax", "softmax2d", "softmin")
    exact = way.certainty == "proved" and way.low == 0  # no clamp, no epsilon
    mixed = way.inner.every(Emission.SIMPLEX) is not None
    return way.emission is Emission.SIMPLEX and softmax and way.gradient and exact and not mixed

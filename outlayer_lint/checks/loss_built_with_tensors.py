"""Decides rules/loss-built-with-tensors.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import LossBuilt

# These do take tensors, made from a batch as well.
WEIGHTS = ("weight", "pos_weight")


def check(built: LossBuilt) -> Iterator[Finding]:
    """A loss class is constructed with the tensors that its instance should be called with."""
    if built.module_call and any(name not in WEIGHTS for name in built.tensors):
        fix = Fix("advise", "build the loss first, then call it: `loss(...)()` becomes `loss()(...)`", "safe")
        yield Finding(built.span, "built", (), fix, {"parameters": ", ".join(f"`{name}`" for name in built.tensors)})

"""Decides rules/softmax-without-dim.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.dims import axis_of
from outlayer_lint.facts import Applied


def check(applied: Applied) -> Iterator[Finding]:
    """A softmax or log-softmax is applied, and nothing says over which dim: said where it is written or built."""
    if applied.reaches or applied.axis != "implicit" or applied.operation.emits not in ("simplex", "logp"):
        return
    operand = applied.operand
    dims = {axis_of(way, "implicit") for way in operand} if operand.known else {None}
    dim = dims.pop() if len(dims) == 1 else None
    message = "name the dim that holds the classes"
    if dim == 1:
        fix = Fix("set-keyword", f"{message}, dim=1 here", "safe", applied.span, name="dim", text="1")
    else:
        fix = Fix("set-keyword", f"{message}, usually dim=-1", span=applied.span, name="dim", text="-1")
    yield Finding(applied.span, "missing" if dim is None else "chosen", fix=fix, words={"dim": dim})

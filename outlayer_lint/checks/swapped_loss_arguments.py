"""Decides rules/swapped-loss-arguments.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import LossCall, places

# Squared, absolute and soft-margin errors are the same both ways round; an embedding loss takes two of a kind.
DIRECTED = (
    "softmax-cross-entropy", "categorical", "nll", "binary", "binary-logits", "kl", "ctc", "poisson", "gaussian",
)  # fmt: skip


def check(call: LossCall) -> Iterator[Finding]:
    """The data stand where the prediction belongs, and the other way round."""
    if call.swapped and call.loss.family in DIRECTED and call.target.known:
        because = places(call.target.ways[0])
        fix = Fix("swap", "pass the prediction first, then the target", "safe", call.span)
        yield Finding(call.span, "swapped", because, fix, certainty=call.target.certainty)

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
        order = (
            ("prediction", "target")
            if call.loss.call[:1] != (call.loss.target_parameter,)
            else ("target", "prediction")
        )
        fix = Fix("swap", f"pass the {order[0]} first, then the {order[1]}", "safe", call.span)
        yield Finding(call.span, "swapped", because, fix, {"first": order[0]}, call.target.certainty)

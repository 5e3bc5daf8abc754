"""Decides rules/logits-into-nll-loss.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import LossCall, places
from outlayer_lint.lattice import Emission, Tensor

# An activation that is no log-softmax, applied to the last layer, does not make its scores log-probabilities.
SCORES = (Emission.LOGIT, Emission.NONNEG, Emission.POS, Emission.SYM1, Emission.UNORM)
# Scores are normalised by hand as `x - logsumexp(x)`, `(x / x.sum()).log()` or `(x - min) / (max - min)`.
BY_HAND = ("add", "sub", "mul", "div", "neg", "log")


def check(call: LossCall) -> Iterator[Finding]:
    """Raw scores meet a loss that takes log-probabilities and normalises nothing."""
    if call.loss.family != "nll" or call.swapped:
        return
    value = call.prediction
    witness = value.all(lambda way: way.emission in SCORES and raw(way))
    if witness is not None:
        fix = Fix("advise", "use the cross-entropy loss, which takes the logits and the same arguments")
        yield Finding(call.span, "proved", places(witness), fix, certainty=value.certainty)


def raw(way: Tensor) -> bool:
    """Whether it comes out of a learned layer, and no arithmetic afterwards may have normalised it."""
    # A filter over probabilities may well be a fixed one: what it gives are no scores, and log-softmax is no remedy.
    blurred = way.class_axis != -1 and way.inner.every(Emission.SIMPLEX, Emission.UNIT) is not None
    return bool(way.learned) and way.by.rpartition(".")[2] not in BY_HAND and not blurred

"""Decides rules/logits-into-nll-loss.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import LossCall, places
from outlayer_lint.forms import raw
from outlayer_lint.lattice import Emission

LOSSES = ("nll",)
GIVEN = ("logit", "nonneg", "pos", "sym1", "unorm")
# An activation that is no log-softmax, applied to the last layer, does not make its scores log-probabilities.
SCORES = (Emission.LOGIT, Emission.NONNEG, Emission.POS, Emission.SYM1, Emission.UNORM)


def check(call: LossCall) -> Iterator[Finding]:
    """Raw scores meet a loss that takes log-probabilities and normalises nothing."""
    if call.loss.family not in LOSSES or call.swapped:
        return
    value = call.prediction
    witness = value.all(lambda way: way.emission in SCORES and raw(way))
    if witness is not None:
        fix = Fix("advise", "use the cross-entropy loss, which takes the logits and the same arguments")
        yield Finding(call.span, "proved", places(witness), fix, certainty=value.certainty)

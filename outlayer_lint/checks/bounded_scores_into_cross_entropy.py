"""Decides rules/bounded-scores-into-cross-entropy.md."""

from collections.abc import Iterator
from math import inf

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import LossCall, places
from outlayer_lint.lattice import Emission, Tensor

LOSSES = ("softmax-cross-entropy", "binary-logits", "nll")
GIVEN = ("sym1", "unorm", "bnd", "logp")
BOUNDED = (Emission.SYM1, Emission.UNORM, Emission.BND)
REACH = 4.0  # where a sigmoid reaches 0.98
FEW = 3  # classes for which a low ceiling may be meant: one of three still gets 0.79


def check(call: LossCall) -> Iterator[Finding]:
    """Scores of both signs that cannot grow meet a softmax or a sigmoid."""
    value = call.prediction
    if call.loss.family in ("softmax-cross-entropy", "binary-logits"):
        witness = value.all(confined)
    elif call.loss.family == "nll":
        witness = value.all(lambda way: way.emission is Emission.LOGP and way.inner.all(confined) is not None)
    else:
        return
    if witness is None or call.swapped:
        return
    # A sigmoid has the same ceiling for any number of units.
    if call.loss.family != "binary-logits" and (value.units or inf) <= FEW:
        return
    scores = witness if confined(witness) else witness.inner.ways[0]
    fix = Fix("advise", "multiply by a scale (16 or more, or a parameter), or end in a linear layer")
    words = {"low": f"{scores.low:g}", "high": f"{scores.high:g}"}
    yield Finding(call.span, "proved", places(scores), fix, words, value.certainty)


def confined(way: Tensor) -> bool:
    """Whether the scores have both signs and can become large neither way."""
    return way.emission in BOUNDED and not way.scaled and -REACH < way.low < 0 < way.high < REACH

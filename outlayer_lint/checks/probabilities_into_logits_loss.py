"""Decides rules/probabilities-into-logits-loss.md."""

from collections.abc import Iterator

from outlayer_lint.checks.softmax_into_cross_entropy import removal
from outlayer_lint.diagnostic import Finding
from outlayer_lint.facts import LossCall, places
from outlayer_lint.lattice import Emission

# What must not reach the loss; the first of each is the matching kind, which has a rule of its own.
NORMALISED = {
    "softmax-cross-entropy": (Emission.SIMPLEX, Emission.UNIT, Emission.LOGUNIT),
    "binary-logits": (Emission.UNIT, Emission.SIMPLEX, Emission.LOGP, Emission.LOGUNIT),
}
HOLDS = {Emission.UNIT: "values in [0, 1]", Emission.LOGP: "log-probabilities", Emission.LOGUNIT: "log-probabilities"}


def check(call: LossCall) -> Iterator[Finding]:
    """An activation of the other kind stands before a loss that applies its own."""
    kinds = NORMALISED.get(call.loss.family, ())
    value = call.prediction
    if call.swapped or value.all(lambda way: way.emission in kinds and not way.scaled) is None:
        return
    witness = next((way for way in value if way.emission is not kinds[0]), None)
    if witness is None or (value.units == 1 and value.every(Emission.SIMPLEX)):
        return  # the second is single-unit-softmax
    # Cross-entropy does not mind scores without an upper half: measured, the log of a sigmoid costs it little.
    mild = call.loss.family == "softmax-cross-entropy" and any(way.emission is Emission.LOGUNIT for way in value)
    fix = removal(call, "pass the logits to the loss, and apply the activation only where probabilities are read")
    words = {"applies": call.loss.applies or "an activation", "holds": HOLDS.get(witness.emission, "probabilities")}
    yield Finding(call.span, "harmless" if mild else "proved", places(witness), fix, words, value.certainty)

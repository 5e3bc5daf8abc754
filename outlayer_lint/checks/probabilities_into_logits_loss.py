"""Decides rules/probabilities-into-logits-loss.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding
from outlayer_lint.facts import LossCall, places
from outlayer_lint.forms import flagged, softmaxed
from outlayer_lint.lattice import Emission, Tensor
from outlayer_lint.remedies import removal

LOSSES = ("softmax-cross-entropy", "binary-logits")
GIVEN = ("simplex", "unit", "logunit", "logp")
NORMALISED = {
    "softmax-cross-entropy": (Emission.SIMPLEX, Emission.UNIT, Emission.LOGUNIT),
    "binary-logits": (Emission.SIMPLEX, Emission.UNIT, Emission.LOGUNIT, Emission.LOGP),
}


def check(call: LossCall) -> Iterator[Finding]:
    """An activation of the other kind stands before a loss that applies its own."""
    value, softmax = call.prediction, call.loss.family == "softmax-cross-entropy"
    kinds = NORMALISED.get(call.loss.family, ())
    if call.swapped or value.all(lambda way: way.emission in kinds and not way.scaled) is None:
        return
    if flagged(call.loss, call.arguments) and value.every(Emission.SIMPLEX, Emission.UNIT):
        return

    def matching(way: Tensor) -> bool:
        """The kind that the loss applies itself has a rule of its own, and so has log-softmax before softmax."""
        if softmax:
            return softmaxed(way) or way.by.endswith("softmax")
        return way.emission is Emission.UNIT and not softmaxed(way)

    witness = next((way for way in value if not matching(way)), None)
    if witness is None or (value.units == 1 and value.every(Emission.SIMPLEX)):
        return  # the second is single-unit-softmax
    # Cross-entropy does not mind scores without an upper half: measured, the log of a sigmoid costs it little.
    mild = softmax and any(way.emission is Emission.LOGUNIT for way in value)
    fix = removal(call, "pass the logits to the loss, and apply the activation only where probabilities are read")
    logs = witness.emission in (Emission.LOGP, Emission.LOGUNIT)
    holds = "log-probabilities" if logs else "probabilities" if softmaxed(witness) else "values in [0, 1]"
    words = {"applies": call.loss.applies or "an activation", "holds": holds}
    yield Finding(call.span, "harmless" if mild else "proved", places(witness), fix, words, value.certainty)

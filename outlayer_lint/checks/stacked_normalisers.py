"""Decides rules/stacked-normalisers.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.dims import same_axis
from outlayer_lint.facts import Applied, places
from outlayer_lint.lattice import Emission, Tensor

PROBABILITIES = (Emission.SIMPLEX, Emission.UNIT)
LOGARITHMS = (Emission.LOGP, Emission.LOGUNIT)
SPOILS = {
    Emission.SIMPLEX: PROBABILITIES,
    Emission.LOGP: PROBABILITIES,
    Emission.UNIT: PROBABILITIES + LOGARITHMS,
    Emission.LOGUNIT: PROBABILITIES + LOGARITHMS,
}
REPEATS = {Emission.SIMPLEX: (Emission.LOGP,), Emission.LOGP: (Emission.LOGP,)}


def check(applied: Applied) -> Iterator[Finding]:
    """An output goes through two activations, each of which alone would make it a probability."""
    emits, value = applied.operation.emits, applied.operand
    # A loss that is handed the result of a second softmax objects to it by itself (rules 101, 106, 202, 205).
    if emits is None or not applied.reaches - ({"loss"} if emits is Emission.SIMPLEX else set()):
        return

    def apart(way: Tensor) -> bool:
        """Random numbers are no output; matrices are made doubly stochastic by normalising one dim after the other."""
        return way.source is not None or way.scaled or same_axis(way, way.axis, applied.axis) is False

    for grade, table in (("proved", SPOILS), ("redundant", REPEATS)):
        witness = value.every(*table.get(emits, ()))
        if witness is not None and not any(map(apart, value)):
            fix = Fix("advise", "keep one of the two, and give it the logits")
            yield Finding(applied.span, grade, places(witness), fix, certainty=value.certainty)

"""Decides rules/target-outside-output-range.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.evidence import speak
from outlayer_lint.facts import LossCall, places
from outlayer_lint.lattice import Emission, Tensor

LOSSES = ("squared", "absolute", "margin")
SIDES = frozenset((Emission.SYM1, Emission.BINARY))  # a hinge makes -1 and 1 of the labels 0 and 1


def check(call: LossCall) -> Iterator[Finding]:
    """The targets take values that the output cannot take."""
    if call.loss.family == "margin":
        yield from _one_sided(call)
        return
    fix = Fix("advise", "scale the targets into the output's range, or let the output be linear")
    yield from speak(call, "target-outside-output-range", fix)


def _one_sided(call: LossCall) -> Iterator[Finding]:
    """A hinge is given probabilities: no score lies on the other side of zero.

    Where it chooses among the units, the largest of several probabilities is still the largest.
    """
    each = not SIDES.isdisjoint(call.loss.target)

    def one_sided(way: Tensor) -> bool:
        if way.emission is Emission.SIMPLEX:
            return each
        return way.emission is Emission.UNIT and (each or (way.units == 1 and Emission.ONEHOT in call.loss.target))

    witness = call.prediction.all(one_sided)
    if witness is not None:
        fix = Fix("advise", "let the output be linear, or a tanh, or use a cross-entropy on the probabilities")
        yield Finding(call.span, "margin", places(witness), fix, certainty=call.prediction.certainty)

"""Decides rules/two-units-with-binary-loss.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import LossCall, places
from outlayer_lint.lattice import Emission, Tensor
from outlayer_lint.lineage import learned

LOSSES = ("binary", "binary-logits")
SINGLE = (Emission.INDEX, Emission.BINARY, Emission.BOOL, Emission.DATA)
MADE = ("gan-label", "same-activation", "bootstrapped", "target-is-input", "convolution-last", "menu")


def check(call: LossCall) -> Iterator[Finding]:
    if call.loss.family not in LOSSES or call.prediction.units != 2:  # noqa: PLR2004 - in the name
        return
    witness = call.prediction.ways[0]
    flat = call.target.known and call.target.rank == 1
    if not flat and ((call.prediction.rank or 2) > 2 or any(map(call.evidence, MADE))):  # noqa: PLR2004 - rows
        return  # images, or targets that have the output's shape
    if call.prediction.rank == 1:
        return  # two samples
    if call.target.all(single) is not None:
        grade = "single"
    else:
        grade = "unknown" if learned(witness) and not any(map(wide, call.target)) else ""
    fix = Fix("advise", "use one unit, or cross-entropy over the two scores")
    if grade:
        yield Finding(call.span, grade, places(witness), fix, certainty=call.prediction.certainty)


def single(target: Tensor) -> bool:
    """Whether there is one label a sample for certain; an index of unknown rank is one, a yes or no need not be."""
    if target.emission is Emission.INDEX:
        return target.rank in (None, 1)
    return target.emission in SINGLE and (target.rank == 1 or (target.rank in (None, 2) and target.units == 1))


def wide(target: Tensor) -> bool:
    """Whether there may well be a column for each unit: one-hot, two labels, soft labels, an array of two dims."""
    return target.emission not in SINGLE or bool(learned(target)) or (target.rank or 0) > 1

"""Decides rules/softmax-over-batch-dim.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.evidence import axis_of, learned, made, over_batch
from outlayer_lint.facts import Decision, LossCall, places
from outlayer_lint.knowledge import Row
from outlayer_lint.lattice import Emission, Tensor


def check(fact: LossCall | Decision) -> Iterator[Finding]:
    value, word = (fact.prediction, "prediction") if isinstance(fact, LossCall) else (fact.operand, "operand")
    witness = value.all(over_batch)
    if witness is None:
        return
    grade = "proved" if all((way.rank or 0) > 1 for way in value) else "likely"
    if isinstance(fact, LossCall):
        rows = grade == "proved" or (fact.loss.class_axis == 1 and learned(witness))
        speaks = rows and shows(fact.loss, witness) and fact.target.all(over_batch) is None
    else:
        grade = "proved"  # an argmax over another dim proves that there are two; without a dim it flattens
        dim = axis_of(witness, fact.dim) if fact.dim != "implicit" else None
        speaks = fact.kind == "argmax" and dim is not None and dim > 0 and bool(learned(witness))
        speaks = speaks and not any(shows(row, witness) for row in fact.trained_with)
    if speaks:
        span = witness.origin.built or witness.origin.applied
        fix = Fix("set-keyword", "normalise over the dim of the classes", span=span, name="dim", text="1")
        words = {"value": fact.words.get(word, ""), "made": made(witness)}
        yield Finding(fact.span, grade, places(witness), fix, words, value.certainty)


def shows(loss: Row, way: Tensor) -> bool:
    """Whether it is a mistake at this loss. Elementwise ones take any shape, and time may come first in CTC."""
    if loss.family in ("softmax-cross-entropy", "nll"):
        return way.emission is Emission.LOGP  # probabilities are a mistake here anyway, of other rules
    return loss.family not in ("ctc", "kl") and (way.rank == 2 or way.axis == "implicit")  # noqa: PLR2004 - rows

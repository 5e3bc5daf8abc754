"""Decides rules/softmax-over-batch-dim.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.dims import axis_of, class_axis, over_batch, same_axis
from outlayer_lint.facts import Consumed, Decision, LossCall, places
from outlayer_lint.knowledge import Row
from outlayer_lint.lattice import Emission, Tensor, Value
from outlayer_lint.lineage import learned, made

GIVEN = ("simplex", "logp")


def check(fact: LossCall | Decision | Consumed) -> Iterator[Finding]:
    value, word = (fact.operand, "operand") if isinstance(fact, Decision) else (fact.prediction, "prediction")
    witness = value.all(over_batch)
    if witness is None:
        return
    grade = "proved" if all((way.rank or 0) > 1 for way in value) else "likely"
    if isinstance(fact, LossCall):
        rows = grade == "proved" or (fact.loss.class_axis == 1 and learned(witness))
        speaks = rows and shows(fact.loss, witness) and fact.target.all(over_batch) is None
    elif isinstance(fact, Consumed):  # a categorical distribution reads the classes from the last dim
        categorical = fact.consumer.kind == "distribution" and witness.emission in fact.consumer.takes[fact.parameter]
        speaks = categorical and grade == "proved" and all(class_axis(way) == -1 for way in value)
    else:
        grade = "proved"  # a decision over another dim proves that there are two; without a dim it flattens
        speaks = by_class(fact, value) and not any(shows(row, witness) for row in fact.trained_with)
    if speaks:
        span = witness.origin.built or witness.origin.applied
        fix = Fix("set-keyword", "normalise over the dim of the classes", span=span, name="dim", text="1")
        words = {"value": fact.words.get(word, ""), "made": made(witness)}
        yield Finding(fact.span, grade, places(witness), fix, words, value.certainty)


def by_class(fact: Decision, value: Value) -> bool:
    """Whether one class of each row is chosen, or picked by an index as a loss written out does."""
    dims = {axis_of(way, fact.dim) if fact.dim != "implicit" else None for way in value}
    picks = all(class_axis(way) is not None and same_axis(way, class_axis(way), fact.dim) is not False for way in value)
    decides = fact.kind == "argmax" or (fact.kind == "pick" and picks)
    return decides and all(dim is not None and dim > 0 for dim in dims) and all(map(learned, value))


def shows(loss: Row, way: Tensor) -> bool:
    """Whether it is a mistake at this loss. Elementwise ones take any shape, and time may come first in CTC."""
    if loss.family in ("softmax-cross-entropy", "nll"):
        return way.emission is Emission.LOGP  # probabilities are a mistake here anyway, of other rules
    return loss.family not in ("ctc", "kl") and (way.rank == 2 or way.axis == "implicit")  # noqa: PLR2004 - rows

"""Decides rules/sparse-vs-one-hot-labels.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import LossCall, places
from outlayer_lint.lattice import Emission, Tensor

ROWS = (Emission.ONEHOT, Emission.SIMPLEX)
LOSSES = ("categorical", "softmax-cross-entropy")


def check(call: LossCall) -> Iterator[Finding]:
    """A Keras loss for one-hot rows gets class numbers, or the other way round."""
    loss, value = call.loss, call.prediction
    if loss.family not in LOSSES or not loss.of_keras or call.swapped or value.units == 1:
        return
    target = call.target
    if Emission.INDEX not in loss.target and {*ROWS} & {*loss.target}:
        grade, witness = "indices", target.all(lambda way: numbers(way, value.units))
        message = "use the sparse form of the loss, or `to_categorical` on the labels"
    elif Emission.INDEX in loss.target and not {*ROWS} & {*loss.target}:
        grade, witness = "rows", target.all(lambda way: way.emission in (*ROWS, Emission.MULTIHOT))
        message = "use the loss without `sparse`, or leave the labels as numbers"
    else:
        return
    if witness is not None:
        because = places(value.ways[0]) if value.known else ()
        yield Finding(call.span, grade, because, Fix("advise", message, "safe"), certainty=target.certainty)


def numbers(way: Tensor, units: int | None) -> bool:
    """Whether a target holds one class number for each sample: alone, in a column, or as a data set yields it."""
    if way.emission is Emission.BINARY:  # one of two classes; several such numbers make a row
        return units is not None and (way.rank in (0, 1) or way.units == 1)
    return way.emission is Emission.INDEX and (way.rank in (None, 0, 1) or way.units == 1)

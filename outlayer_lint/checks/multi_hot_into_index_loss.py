"""Decides rules/multi-hot-into-index-loss.md."""

from collections.abc import Iterator

from outlayer_lint.checks.cross_entropy_for_multilabel import SOFT
from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import LossCall, places
from outlayer_lint.forms import PAIR, ROWS, multihot
from outlayer_lint.lattice import Emission, Tensor

LOSSES = ("margin", "softmax-cross-entropy")
BITS = (Emission.BINARY, Emission.BOOL)


def check(call: LossCall) -> Iterator[Finding]:
    """A loss that reads class numbers gets rows of zeros and ones, or the other way round."""
    loss, value = call.loss, call.prediction
    if loss.family not in LOSSES or loss.of_keras or call.swapped:
        return
    target = call.target
    index, soft = Emission.INDEX in loss.target, bool(SOFT & {*loss.target})

    def rows(way: Tensor) -> bool:
        wide = way.emission in BITS and way.rank == ROWS and (value.units or 0) > PAIR
        return way.emission is Emission.MULTIHOT or wide or multihot(way, value.units)

    if index and not soft and (witness := target.all(rows)) is not None:
        grade, message = "rows", "use `MultiLabelSoftMarginLoss` or a binary cross-entropy, which take zeros and ones"
    elif soft and not index and (witness := target.all(lambda way: way.emission is Emission.INDEX)) is not None:
        grade, message = "indices", "use the cross-entropy that takes class numbers, or one-hot rows"
    else:
        return
    because = places(value.ways[0]) if value.known else places(witness)
    yield Finding(call.span, grade, because, Fix("advise", message), certainty=target.certainty)

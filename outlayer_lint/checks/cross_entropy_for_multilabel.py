"""Decides rules/cross-entropy-for-multilabel.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.evidence import is_soft, stem
from outlayer_lint.facts import LossCall, places
from outlayer_lint.lattice import Emission, Tensor, Value

ROWS, PAIR = 2, 2
SOFT = {Emission.SIMPLEX, Emission.ONEHOT}


def check(call: LossCall) -> Iterator[Finding]:
    """Labels of which several may hold meet a loss that lets the classes compete."""
    value, target = call.prediction, call.target
    if call.loss.family not in ("softmax-cross-entropy", "categorical") or call.swapped:
        return
    if not SOFT & {*call.loss.target} or value.units == 1:
        return  # a loss that only takes indices refuses such labels, or reads them as indices
    witness = target.all(lambda way: multihot(way, value.units) and way.dtype in (None, "float", "double", "half"))
    if witness is None or (value.known and value.rank not in (None, target.rank, ROWS)):
        return
    fix = Fix("advise", "use a binary cross-entropy, which asks each label by itself")
    yield Finding(call.span, "proved", places(value.ways[0]) if value.known else (), fix, certainty=surety(target))


def surety(target: Value) -> str:
    """How sure it is that several labels hold: some use a `MultiLabelBinarizer` to make one-hot rows."""
    return "likely" if any(stem(way) == "multilabelbinarizer" for way in target) else target.certainty


def multihot(way: Tensor, units: int | None) -> bool:
    """Whether a row of labels may hold any number of ones: coded so, or zeros and ones drawn for each column.

    A comparison or a table of zeros and ones may as well be one-hot, and so may the parts of one.
    """
    if way.emission is Emission.MULTIHOT:
        return not is_soft(way)
    drawn = way.emission is Emission.INDEX and way.units == PAIR and way.source is not None
    return drawn and way.rank == ROWS and (units or 0) > PAIR

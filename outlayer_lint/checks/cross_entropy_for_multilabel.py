"""Decides rules/cross-entropy-for-multilabel.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import LossCall, places
from outlayer_lint.forms import ROWS, multihot, surety
from outlayer_lint.lattice import Emission

LOSSES = ("softmax-cross-entropy", "categorical")
SOFT = {Emission.SIMPLEX, Emission.ONEHOT}


def check(call: LossCall) -> Iterator[Finding]:
    """Labels of which several may hold meet a loss that lets the classes compete."""
    if call.loss.family not in LOSSES or call.swapped:
        return
    value, target = call.prediction, call.target
    if not SOFT & {*call.loss.target} or value.units == 1:
        return  # a loss that only takes indices refuses such labels, or reads them as indices
    witness = target.all(lambda way: multihot(way, value.units) and way.dtype in (None, "float", "double", "half"))
    if witness is None or (value.known and value.rank not in (None, target.rank, ROWS)):
        return
    fix = Fix("advise", "use a binary cross-entropy, which asks each label by itself")
    yield Finding(call.span, "proved", places(value.ways[0]) if value.known else (), fix, certainty=surety(target))

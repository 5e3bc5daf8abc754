"""Decides rules/class-index-dtype.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import LossCall, places
from outlayer_lint.forms import FLOATS, divided, multihot
from outlayer_lint.lattice import Emission, Tensor

INDEXING = ("softmax-cross-entropy", "nll", "margin", "adaptive")  # CTC takes int32 as well
REFUSED = ("int", "bool")
ACCEPTS_BYTES = 2  # uint8 is refused for scores of more dims


def check(call: LossCall) -> Iterator[Finding]:
    """A loss over class indices gets a target of a dtype it refuses."""
    keras = call.loss.of_keras  # which casts: only what was cut to fractions is lost
    if Emission.INDEX not in call.loss.target or call.swapped or not (keras or call.loss.family in INDEXING):
        return
    if keras:
        if not (way := call.target.all(divided)):
            return
        grade, fix = "divided", Fix("advise", "scale the inputs only, and leave the class numbers whole")
    elif way := call.target.all(lambda way: _one_hot(way, call)):
        grade, fix = "one-hot", Fix("advise", "take `.argmax(1)` of the rows, or make them float")
    elif way := call.target.all(lambda way: _refused(way, call)):
        grade, fix = "dtype", Fix("advise", "call `.long()` on the target", "safe")
    else:
        return
    if not keras and call.evidence("menu"):
        return  # a choice that raises at the first batch is not the one that is made
    yield Finding(call.span, grade, places(way), fix, {"dtype": way.dtype}, call.target.certainty)


def _one_hot(way: Tensor, call: LossCall) -> bool:
    soft = Emission.SIMPLEX in call.loss.target
    return way.emission is Emission.ONEHOT and (way.dtype == "long" or (way.dtype in FLOATS and not soft))


def _refused(way: Tensor, call: LossCall) -> bool:
    """Floats of the prediction's own shape are probabilities; with one dim less they are indices."""
    if multihot(way, call.prediction.units):
        return False
    if way.dtype in FLOATS:
        return way.emission is Emission.INDEX or (way.rank is not None and call.ranks[0] == way.rank + 1)
    return way.dtype in REFUSED or (way.dtype == "uint8" and (call.prediction.rank or 0) > ACCEPTS_BYTES)

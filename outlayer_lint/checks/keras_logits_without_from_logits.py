"""Decides rules/keras-logits-without-from-logits.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.evidence import RAMPS, span_of
from outlayer_lint.facts import LossCall, places
from outlayer_lint.forms import quantities
from outlayer_lint.lattice import Emission, Tensor
from outlayer_lint.lineage import learned, made, stem

LOSSES = ("binary", "categorical")
RAW = (Emission.LOGIT, Emission.SYM1, Emission.NONNEG, Emission.POS, Emission.BND, Emission.UNORM)


def check(call: LossCall) -> Iterator[Finding]:
    """A Keras cross-entropy that expects probabilities gets scores."""
    family, value = call.loss.family, call.prediction
    if not call.loss.of_keras or family not in LOSSES or call.swapped:
        return
    witness = value.all(lambda way: leaves(way, family))
    # One unit under a categorical loss, and quantities under any of these, have rules of their own.
    if witness is None or (family == "categorical" and value.units == 1) or quantities(call) is not None:
        return
    message, safety = "set `from_logits=True`, or give the last layer its activation", "unsafe"
    if family == "categorical" and value.every(Emission.LOGIT):
        safety = "safe"  # the argmax of the scores stays what it was; a threshold of 0.5 would not
    # A string has no keywords; the loss is then to be written as a class.
    kind = "set-keyword" if str(call.words.get("loss", ""))[:1].isupper() else "advise"
    fix = Fix(kind, message, safety, call.span, "from_logits", "True")
    words = {"made": made(witness), "range": span_of(witness.low, witness.high)}
    words["activation"] = "sigmoid" if family == "binary" else "softmax"
    grade = "linear" if value.every(Emission.LOGIT) else "range"
    yield Finding(call.span, grade, places(witness), fix, words, value.certainty)


def leaves(way: Tensor, family: str) -> bool:
    """Whether an output takes values that such a loss clips.

    A categorical one divides by the sum over the classes first, so that any positive numbers will do; a ReLU may give
    none.
    """
    if way.emission not in RAW or not learned(way):
        return False
    if family == "binary":
        return way.low < 0 or way.high > 1
    return way.low < 0 or stem(way).rstrip("0123456789") in RAMPS

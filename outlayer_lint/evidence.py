"""Outputs and targets of a squared or absolute error: what several checks ask of them.

`judge` holds the ordered rule for a bounded or one-sided output under a squared or absolute error. It was measured on
133 places of public code and tried on 50 others (20 of 21 right). The first of `STEPS` that answers decides, and a
verdict names the one rule that reports it; that rule's check asks `speak` for its share.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from math import inf, isinf

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.dims import IMAGE_RANK, over_batch
from outlayer_lint.facts import places
from outlayer_lint.lattice import Emission
from outlayer_lint.lineage import PRODUCTS, history, learned, made, stem
from outlayer_lint.records import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.facts import LossCall
    from outlayer_lint.lattice import Tensor, Value

SLACK = 1e-3  # label smoothing's rounding, not a range
NOISE = 0.05  # of an output's range; targets that lie so little outside were smoothed, or got noise added

LABELS = (Emission.BINARY, Emission.BOOL, Emission.ONEHOT, Emission.MULTIHOT)

# A tensor knows the name of what made it, not its kind; see `stem`.
RECURRENT = frozenset({"lstm", "gru", "rnn", "lstmcell", "grucell", "rnncell", "simplernn"})
RAMPS = frozenset({"relu", "clamp", "clampmin", "clip", "maximum"})
SATURATING = frozenset({"tanh", "hardtanh", "softsign"})
SIMILARITIES = frozenset({"cosinesimilarity"})
ENCODERS = frozenset({"onehot", "tocategorical"})
DRAWN = ("target-is-input", "convolution-last")
BORROWED = ("same-activation", "gan-label", "bootstrapped", "menu")


class Head(StrEnum):
    """What kind of output meets the loss."""

    SOFTMAX = "softmax"
    SIGMOID = "sigmoid"
    TANH = "tanh"
    RECURRENT = "recurrent"  # the state of an LSTM, GRU or RNN, with no layer after it
    RAMP = "ramp"  # ReLU and its smooth relatives
    INTERVAL = "interval"  # any other range: somebody chose it, so it speaks only when targets lie outside


LABELLED, SUMMING, CUT, RANGE, STATE, IMAGES = (
    "squared-error-on-probabilities", "softmax-on-regression-output", "relu-on-regression-output",
    "target-outside-output-range", "recurrent-state-as-output", "image-range-mismatch",
)  # fmt: skip
CLASSED = (Head.SOFTMAX, Head.SIGMOID)
REPORTS = {  # who speaks of targets that lie outside, are labels, are unknown
    Head.SOFTMAX: (SUMMING, LABELLED, SUMMING),
    Head.SIGMOID: (RANGE, LABELLED, LABELLED),
    Head.TANH: (RANGE, LABELLED, RANGE),
    Head.RECURRENT: (STATE, STATE, STATE),
    Head.RAMP: (CUT, CUT, CUT),
    Head.INTERVAL: (RANGE, "", ""),
}


def head_of(way: Tensor) -> Head | None:
    """The kind of output one way is, `None` for an unbounded one and for what is no output."""
    emission, name = way.emission, stem(way)
    unbounded = isinf(way.low) and isinf(way.high)
    kind = None if unbounded or emission in (*LABELS, Emission.INDEX) else Head.INTERVAL
    if name in RECURRENT and way.low > -inf:
        kind = Head.RECURRENT
    elif emission is Emission.SIMPLEX:
        kind = Head.SOFTMAX
    elif emission is Emission.UNIT and name not in SIMILARITIES:
        kind = Head.SIGMOID
    elif emission is Emission.SYM1 and name in SATURATING:
        kind = Head.TANH
    elif (emission is Emission.NONNEG and name in RAMPS) or (
        emission is Emission.BND and -inf < way.low <= 0 and isinf(way.high)
    ):
        kind = Head.RAMP
    return kind


def head(value: Value) -> Head | None:
    """The kind of output a value is on every way; unlike kinds are no more than intervals."""
    kinds = {head_of(way) for way in value} if value.known else {None}
    if None in kinds or any(way.scaled and way.emission is not Emission.BND for way in value):
        return None
    return kinds.pop() if len(kinds) == 1 else Head.INTERVAL


def is_label(target: Tensor) -> bool:
    """Whether a target is a class label whose values are 0 and 1, or an index into an unknown number of classes."""
    few = target.units is None or target.units <= 2  # noqa: PLR2004 - a yes and a no
    return target.emission in LABELS or (target.emission is Emission.INDEX and few)


def is_soft(target: Tensor) -> bool:
    """Whether a target was made of classes: their probabilities, or smoothed labels."""
    return target.emission is Emission.SIMPLEX or stem(target) in ENCODERS


def reach(target: Tensor) -> tuple[float | None, float | None]:
    """The smallest and the largest value a target takes, `None` where that is not known."""
    if target.emission in (Emission.DATA, Emission.HID, Emission.LOSS):
        return None, None
    if target.emission is Emission.INDEX:
        return target.low, None if target.units is None else target.units - 1.0
    if target.emission is Emission.LOGIT:
        return target.low, target.high
    # An infinite end of a one-sided target says "no bound is known", not "every value occurs".
    return None if isinf(target.low) else target.low, None if isinf(target.high) else target.high


def inside(way: Tensor, target: Tensor) -> bool:
    """Whether every value the target takes is one the output can take."""
    low, high = reach(target)
    slack = slack_of(way)
    below = isinf(way.high) if high is None else high <= way.high + slack
    return low is not None and low >= way.low - slack and below


def outside(way: Tensor, target: Tensor) -> bool:
    """Whether the target takes values the output cannot take."""
    low, high = reach(target)
    slack = slack_of(way)
    return (low is not None and low < way.low - slack) or (high is not None and high > way.high + slack)


def slack_of(way: Tensor) -> float:
    """How far a target may lie outside of an output's range as if it lay inside."""
    return SLACK if isinf(way.low) or isinf(way.high) else max(SLACK, NOISE * (way.high - way.low))


def span_of(low: float, high: float) -> str:
    """An interval for a message: `[0, inf)`."""
    return f"{'(' if isinf(low) else '['}{low:g}, {high:g}{')' if isinf(high) else ']'}"


def told(target: Tensor) -> str:
    """What a message says of the targets' values."""
    low, high = (end if end is not None and not isinf(end) else None for end in reach(target))
    if low is None:
        return "have no bound"
    return f"start at {low:g}" if high is None else f"lie in {span_of(low, high)}"


# The ordered rule


class Verdict(NamedTuple):
    """Which step decided (0: none), and which rule reports it at which grade, empty where nothing is to be said."""

    step: int
    rule: str = ""
    grade: str = ""


class Case(NamedTuple):
    """One output under a squared or absolute error, prediction and target in their right places."""

    call: LossCall
    kind: Head
    prediction: Value
    target: Value

    def has(self, *names: str) -> bool:
        """Whether the interpreter finds any of these pieces of evidence."""
        return any(map(self.call.evidence, names))


SILENT = ("", "")
Answer = tuple[str, str] | None  # rule and grade, or nothing decided yet


def single(case: Case) -> Answer:
    """A softmax over one unit is a mistake by itself: `single-unit-softmax` reports it."""
    constant = any(way.emission is Emission.SIMPLEX and way.units == 1 for way in case.prediction)
    return SILENT if constant else None


def borrowed(case: Case) -> Answer:
    """A target that a network made, a GAN's label, a loss out of a menu: silent."""
    return SILENT if is_borrowed(case.call, case.target) else None


def ranged(case: Case) -> Answer:
    """Targets of known range: silent inside the output's range, else a warning. Labels go on."""
    if not case.target.known or compares_indices(case.call):
        return None
    pairs = [(way, each) for way in case.prediction for each in case.target]
    if all(outside(way, each) for way, each in pairs):
        pictures = case.kind is not Head.RECURRENT and compares_images(case)
        return IMAGES if pictures else REPORTS[case.kind][0], "outside"
    if any(map(is_label, case.target)) or not any(inside(way, each) for way, each in pairs):
        return None
    soft = any(is_soft(each) for way in case.target for each in history(way))
    if case.kind is Head.SOFTMAX and not soft and not compares_images(case):
        return SUMMING, "scaled"
    return SILENT


def labelled(case: Case) -> Answer:
    """Targets built as class labels: a warning, silent for 0/1 arrays of image rank."""
    if compares_indices(case.call):
        return "squared-error-on-class-indices", "proved"
    if not case.target.known or not all(map(is_label, case.target)):
        return None
    label = case.target.ways[0]
    dense = case.has("convolution-last") if label.rank is None else label.rank >= IMAGE_RANK
    # Whole numbers from 0 with no end are as likely counts as classes, and a ReLU suits counts.
    counted = case.kind is Head.RAMP and label.emission is Emission.INDEX and label.units is None
    return SILENT if dense or counted or case.kind is Head.INTERVAL else (REPORTS[case.kind][1], "labels")


def decided(case: Case) -> Answer:
    """An argmax or a threshold on the same output: a warning. A cut through a drawing makes a mask, not classes."""
    cut = case.kind in CLASSED and case.has("threshold") and not case.has(*DRAWN)
    chosen = case.kind in (*CLASSED, Head.RAMP) and case.has("argmax")
    return (REPORTS[case.kind][1], "decided") if cut or chosen else None


def drawn(case: Case) -> Answer:
    """The target is the input, or a convolution is last: silent."""
    return SILENT if case.has(*DRAWN) else None


def measured(case: Case) -> Answer:
    """An accuracy of a sigmoid or softmax: a warning."""
    return (REPORTS[case.kind][1], "accuracy") if case.kind in CLASSED and case.has("accuracy") else None


def named(case: Case) -> Answer:
    """Names of scores, or of prices and counts under a ReLU: silent."""
    return SILENT if case.has("score-name") or (case.kind is Head.RAMP and case.has("count-name")) else None


def undecided(case: Case) -> Answer:
    """Nothing is known: info."""
    if case.kind is Head.INTERVAL or not (case.kind is Head.RECURRENT or learned(case.prediction.ways[0])):
        return SILENT
    if case.kind is Head.SOFTMAX and case.call.loss.of_keras:
        # 18 of 18 such places were mistakes; in torch, where it is distillation or a Brier score, none of 5.
        return SUMMING, "compiled"
    return REPORTS[case.kind][2], "unknown"


STEPS = (single, borrowed, ranged, labelled, decided, drawn, measured, named, undecided)


@lru_cache(maxsize=1)
def judge(call: LossCall) -> Verdict:
    """Decide a bounded or one-sided output under a squared or absolute error; step 0 where it is none."""
    if call.loss.family not in ("squared", "absolute"):
        return Verdict(0)
    prediction = predicted(call)
    kind = head(prediction)
    if kind is None or any(map(over_batch, prediction)):
        return Verdict(0)
    target = sides(call)[1]
    case = Case(call, kind, prediction, target)
    answers = ((number, step(case)) for number, step in enumerate(STEPS, 1))
    return next(Verdict(number, *answer) for number, answer in answers if answer is not None)


def sides(call: LossCall) -> tuple[Value, Value]:
    """Prediction and target."""
    return predicted(call), call.prediction if call.swapped else call.target


def predicted(call: LossCall) -> Value:
    """The prediction; a squared error is the same with its arguments exchanged."""
    return call.target if call.swapped else call.prediction


def is_borrowed(call: LossCall, target: Value) -> bool:
    """Whether a network or a GAN made the target, or the loss is one of a menu."""
    # A product with a fixed matrix makes synthetic data as often as it makes an output.
    makers = {learned(way).rpartition(".")[2] for way in target} - PRODUCTS - {""}
    return bool(makers) or any(map(call.evidence, BORROWED))


def compares_indices(call: LossCall) -> bool:
    """Whether an output of several units is compared with class indices, one number for each sample."""
    prediction = predicted(call)
    decided = any(way.emission is Emission.INDEX for way in prediction)  # its units are classes, not columns
    units = None if decided else prediction.units
    if units in (None, 1):  # before the target, which is dearer to work out
        return False
    target = sides(call)[1]
    aim = target.every(Emission.INDEX)
    if aim is None:
        return False
    if aim.rank in (None, prediction.rank):
        return target.units == units  # a column of them, as likely as not
    return aim.rank == 1 or (prediction.rank is not None and aim.rank == prediction.rank - 1)


def compares_images(case: Case) -> bool:
    """Whether what is compared are images: image ranks, dense outputs, or data of an image library."""
    target, dims = case.target.ways[0], max(case.prediction.rank or 0, case.target.rank or 0)
    pixels = target.emission is not Emission.INDEX
    return dims > IMAGE_RANK or (pixels and (target.by.startswith("torchvision.") or case.has("convolution-last")))


def speak(call: LossCall, rule: str, fix: Fix) -> Iterator[Finding]:
    """What one rule has to say of a loss call, if it is the one that `judge` names."""
    verdict = judge(call)
    if verdict.rule != rule:
        return
    prediction, target = sides(call)
    witness = prediction.ways[0]
    words = {
        "made": made(witness),
        "range": span_of(witness.low, witness.high),
        "targets": told(target.ways[0]) if target.known else "are unknown",
    }
    if call.swapped:
        words |= {"prediction": call.words.get("target", ""), "target": call.words.get("prediction", "")}
    because = (*places(witness), *(places(target.ways[0]) if verdict.grade in ("outside", "scaled", "labels") else ()))
    certainty = "likely" if target.known and target.certainty == "likely" else prediction.certainty
    yield Finding(call.span, verdict.grade, because, fix, words, certainty)


def linear(call: LossCall, message: str) -> Fix:
    """The advice to drop what made the output; an edit only where it is one plain call around its operand."""
    origins = [way.origin for way in predicted(call)]
    plain = len(origins) == 1 and origins[0].built is None and origins[0].applied is not None
    return Fix("unwrap", message, span=origins[0].applied) if plain else Fix("advise", message)

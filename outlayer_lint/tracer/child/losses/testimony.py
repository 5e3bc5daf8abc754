"""What speaks for a target elsewhere in what was watched: a network made it, it is the input, a label of a GAN."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from outlayer_lint.interpret.questions import signs
from outlayer_lint.tracer.child.losses.reading import row_of
from outlayer_lint.tracer.child.recording import chains

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.facts import LossCall
    from outlayer_lint.tracer.child.losses.guard import Call
    from outlayer_lint.tracer.child.recording.marks import Mark

MAX_ANCESTORS = 400
FILLERS = frozenset(
    "ones zeros full ones_like zeros_like full_like new_ones new_zeros new_full fill zero empty new_empty".split()
)
NOISES = frozenset("rand randn rand_like randn_like uniform normal bernoulli random".split())
LOWEST_DISCOUNT = 0.8
SINGLE = 2  # dims of an output that is no image


class Evidence:
    """What speaks for a target elsewhere in what was watched; `LossCall.evidence` lists the questions."""

    def __init__(self, call: Call, fact: LossCall, events: list[Mark]) -> None:
        """`events` are the decisions that were seen. Answers are worked out when asked for."""
        self.call = call
        self.fact = fact
        self.events = events

    def __call__(self, name: str) -> bool:
        """One piece of evidence."""
        ask = getattr(self, name.replace("-", "_"), None)
        return bool(ask is not None and self.call.target is not None and ask())

    @property
    def sides(self) -> tuple[Mark | None, Mark | None]:
        """Prediction and target in their right places."""
        call = self.call
        return (call.target, call.prediction) if self.fact.swapped else (call.prediction, call.target)

    def target_is_input(self) -> bool:
        """The prediction was computed from the target itself."""
        prediction, target = self.sides
        return fed_by(prediction, target)

    def same_activation(self) -> bool:
        """Both sides went through the same activation."""
        names = {way.by for way in self.fact.prediction}
        made = self.fact.target
        return made.known and len(names) == 1 and all(way.by in names and way.source is None for way in made)

    def bootstrapped(self) -> bool:
        """A network has a part in the target."""
        target = self.sides[1]
        return target is not None and any(
            each.kind == "opaque" or chains.is_parametric(each) for each in target.ancestors(MAX_ANCESTORS)
        )

    def discounted(self) -> bool:
        """The target is a sum with something that is multiplied by a number below one."""
        target = self.sides[1]
        if target is None or not self.bootstrapped():
            return False
        sums = [each for each in target.ancestors(MAX_ANCESTORS) if each.short in ("add", "sub")]
        return any(
            any(LOWEST_DISCOUNT <= factor < 1 for part in each.parts for factor in factors(part))
            for each in sums
            if not all(factors(part) for part in each.parts)  # `0.9 * a + 0.1 * b` is an average
        )

    def gan_label(self) -> bool:
        """The target is filled with one number, or with noise around one."""
        target = self.sides[1]
        return target is not None and is_filled(target)

    def convolution_last(self) -> bool:
        """The last layer is a convolution, and its output keeps its dims."""
        prediction = self.sides[0]
        if prediction is None or len(prediction.shape) <= SINGLE:
            return False
        path, found = chains.walk_back(prediction)
        return found and path[0].short.startswith("conv")

    def argmax(self) -> bool:
        """The largest of the same outputs is picked elsewhere."""
        return self._decided("argmax")

    def threshold(self) -> bool:
        """The same output is compared with a threshold elsewhere."""
        return self._decided("round", "gt", "ge", "lt", "le")

    def score_name(self) -> bool:
        """The target's name says score, ratio, probability, rank."""
        return self._named(signs.SCORES)

    def count_name(self) -> bool:
        """The target's name says price, count, area, distance, depth, age."""
        return self._named(signs.COUNTS)

    def _decided(self, *kinds: str) -> bool:
        prediction = self.sides[0]
        if prediction is None:
            return False
        head = _head(prediction)
        marks = [each for each in self.events if each.short in kinds and each.parts]
        return head is not None and any(_head(each.parts[0]) == head for each in marks)

    def _named(self, words: frozenset[str]) -> bool:
        text = str(self.fact.words.get("prediction" if self.fact.swapped else "target", ""))
        return bool({w.lower() for w in re.findall(r"[A-Za-z][a-z]*|[A-Z]+(?![a-z])", text)} & words)


def _head(mark: Mark) -> object:
    """What tells two outputs of one head: the place of the last layer and its module."""
    path, found = chains.walk_back(mark)
    place = path[0].place
    return (place.code, place.instruction, id(path[0].module)) if found and place is not None else None


def fed_by(prediction: Mark | None, target: Mark | None) -> bool:
    """Whether a prediction was computed from the target itself."""
    own = set(map(id, same_values(target))) if target is not None else set()
    return prediction is not None and any(id(each) in own for each in prediction.ancestors())


def same_values(mark: Mark) -> Iterator[Mark]:
    """A mark and those it is the same values as, in another shape or type."""
    for _ in range(16):
        yield mark
        found = row_of(mark) if mark.kind == "operation" else None
        if found is None or found[0].transfer not in ("reshapes", "keeps", "adds-axis", "drops-axis"):
            return
        mark = mark.parts[0]


def factors(mark: Mark, depth: int = 3) -> list[float]:
    """The numbers that a product was taken with."""
    if mark.short != "mul" or not depth:
        return []
    own = [value for value in mark.given[0] if isinstance(value, float)]
    return [*own, *(factor for part in mark.parts for factor in factors(part, depth - 1))]


def is_filled(mark: Mark) -> bool:
    """Whether a tensor was filled with one number, and no data but noise were added."""
    for _ in range(8):
        if mark.short in FILLERS:
            return True
        onwards = [each for each in mark.parts if each.short not in NOISES and each.kind != "parameter"]
        if len(onwards) != 1 or mark.kind != "operation":
            return False
        mark = onwards[0]
    return False

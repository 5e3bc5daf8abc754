"""Targets of a compiled head, and evidence about them: worked out from the calls that train the model, when asked."""

from __future__ import annotations

import re

from outlayer_lint.interpret.answers import unknown
from outlayer_lint.interpret.keras import training as keras_training
from outlayer_lint.interpret.questions import targets, tracing
from outlayer_lint.interpret.questions.signs import Evidence
from outlayer_lint.interpret.things import Answer, Const, Deferred, Lazy, Sequence
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.diagnostic import Related, Span
    from outlayer_lint.facts import LossCall
    from outlayer_lint.interpret.frames import World
    from outlayer_lint.interpret.keras.training import Batch, Training
    from outlayer_lint.interpret.questions.seeds import Seed
    from outlayer_lint.interpret.things import Entry
    from outlayer_lint.interpret.transfer import Application
    from outlayer_lint.lattice import Value

ACCURATE = re.compile(r"(?i)^acc$|accuracy")


class HeadQuestion(targets.Question):
    """One head and its loss; its targets are what the training calls are given."""

    __slots__ = ("_batches", "count", "index", "key", "metrics", "name", "target_entry", "training")

    def __init__(
        self, training: Training, seed: Seed, world: World, model: object, index: int, name: str, count: int
    ) -> None:  # fmt: skip
        """`index`, `name` and `count` say which of how many heads this is."""
        self.training = training
        self.driver = training.driver
        self.seed = seed
        self.world = world
        self.fuel = targets.FUEL
        self.key = keras_training.key_of(model)
        self.index = index
        self.name = name
        self.count = count
        self.metrics: Entry | None = None
        self._batches: list[Batch] | None = None
        self.target_entry: Entry = Deferred(self._target)

    def ready(self, application: Application, losses: tuple[Entry, ...]) -> None:
        """The loss is applied, and these are all losses of the call."""
        self.application = application
        self.callee: Answer = tuple(way for entry in losses for way in self.it.force(entry))

    @property
    def batches(self) -> list[Batch]:
        """What the training calls are given for this head."""
        if self._batches is None:
            fits, _ = self.training.of(self.key, self.seed, self.world)
            self._batches = [
                batch for fit in fits
                for batch in keras_training.batches(self.driver, fit, self.index, self.name, self.count)
            ]  # fmt: skip
        return self._batches

    @property
    def shown(self) -> str:
        """The target as it is written where the model is trained."""
        for each in self.batches:
            if isinstance(each.y, Lazy):
                return each.y.place.block.scope.file.document.segment(each.y.node)
        return "y_true"

    def _target(self) -> Answer:
        answers = [self.it.force(each.y) for each in self.batches if each.y is not None]
        return tuple(way for answer in answers for way in answer) or unknown("targets not in sight")

    def entry(self, name: str) -> Entry | None:
        """The target as an expression where there is one, for those who look at how it was made."""
        if name == self.application.row.target_parameter:
            written = [each.y for each in self.batches if isinstance(each.y, Lazy)]
            return written[0] if len(written) == 1 and len(self.batches) == 1 else self.target_entry
        return super().entry(name)


class HeadEvidence(Evidence):
    """Evidence that `fit` and `compile` give beside what the program does elsewhere."""

    __slots__ = ()

    def __call__(self, name: str) -> bool:
        """Whether there is such evidence."""
        own = OWN.get(name)
        if own is not None and name not in self.found:
            self.question.it.refuel(targets.FUEL)
            self.found[name] = own(self)
            if self.found[name]:
                return True
            del self.found[name]
        return super().__call__(name)


def _input_is_target(case: Any) -> bool:
    """The model is fitted to give back what it is given, or what that was made from."""
    question: HeadQuestion = case.question
    it = question.it
    for each in question.batches:
        if each.x is None or each.y is None:
            continue
        given = it.force(each.x)
        x = {key for thing, _ in given if (key := tracing.identity(thing)) is not None}
        y = {key for thing, _ in it.force(each.y) if (key := tracing.identity(thing)) is not None}
        if x & y or y & {source for thing, _ in given for source in _made_from(getattr(thing, "source", None))}:
            return True
    return False


def _made_from(source: object) -> Iterator[object]:
    """The data that data was made from: of a noisy or scaled array the array itself."""
    while isinstance(source, tuple) and source:
        source = source[0]
        if source is not None:
            yield source


def _accuracy_is_asked_for(case: Any) -> bool:
    """`metrics=["accuracy"]`."""
    question: HeadQuestion = case.question
    it = question.it
    if question.metrics is None:
        return False
    return any(_accurate(thing, it) for thing, _ in it.force(question.metrics))


def _accurate(thing: Any, it: Any) -> bool:
    if isinstance(thing, Const):
        return isinstance(thing.value, str) and ACCURATE.search(thing.value) is not None
    if isinstance(thing, Sequence):
        return any(_accurate(t, it) for item in thing.items for t, _ in it.force(item))
    name = getattr(thing, "name", "")
    return isinstance(name, str) and ACCURATE.search(name.rpartition(".")[2]) is not None


OWN = {"target-is-input": _input_is_target, "accuracy": _accuracy_is_asked_for}


def complete(
    question: HeadQuestion, span: Span, value: Value, answer: Answer, arguments: dict[str, Any],
    words: dict[str, Any], related: tuple[Related, ...],
) -> LossCall:  # fmt: skip
    """The fact of a head and its loss; whatever concerns the target is worked out when a check asks."""
    fact = targets.LazyLossCall(
        span, question.application.row, value, arguments=arguments, words=words, related=related
    )
    targets.complete(fact, question, answer)
    fact.evidence = HeadEvidence(question, fact)
    fact.swapped = False
    return fact

"""What the target of a loss is: worked out only when a check asks. What speaks for it elsewhere: `signs`."""

from __future__ import annotations

import ast
from math import inf

from outlayer_lint import knowledge
from outlayer_lint.facts import LossCall
from outlayer_lint.interpret import signatures
from outlayer_lint.interpret.questions import tracing
from outlayer_lint.interpret.things import Answer, Lazy, Parameter, Sequence
from outlayer_lint.interpret.transfer import as_value
from outlayer_lint.interpret.transfers import arrays, shapes
from outlayer_lint.lattice import TOO_DEEP, Emission, Tensor, Value
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

    from outlayer_lint.interpret.frames import World
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.questions.driver import Driver
    from outlayer_lint.interpret.questions.seeds import Seed
    from outlayer_lint.interpret.things import Entry
    from outlayer_lint.interpret.transfer import Application

DEPTH = 8
FUEL = 240  # what a target is shows soon; what takes more is some data, of which nothing follows
SHORT = 80  # beside a prediction that is not known, a target is near or as far off
WORLDS = 8
SYMMETRIC = ("squared", "absolute")


def _held(name: str) -> Any:
    """A part of a loss call that is worked out when it is first read, if it was given as a question."""

    def read(self: LazyLossCall) -> Any:
        value = self.parts[name]
        if callable(value):
            value = self.parts[name] = value()
        return value

    def write(self: LazyLossCall, value: Any) -> None:
        self.parts[name] = value

    return property(read, write)


class LazyLossCall(LossCall):
    """A loss call whose target and everything about it is evaluated only when a check reads it."""

    __slots__ = ("parts",)

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """The parts are there before the first of them is written."""
        made = super().__new__(cls)
        made.parts = {}
        return made

    parts: dict[str, Any]
    target = _held("target")
    classes = _held("classes")
    swapped = _held("swapped")
    weight_length = _held("weight_length")
    pos_weight_length = _held("pos_weight_length")

    @property
    def ranks(self) -> tuple[int | None, int | None]:
        """See `LossCall`. Callers that the output was known without may be asked for the shape of its input."""
        own = super().ranks
        if own[0] is not None or own[1] is None or "together" not in self.parts:
            return own
        if callable(together := self.parts["together"]):
            together = self.parts["together"] = together()
        return together  # type: ignore[no-any-return]


def complete(fact: LazyLossCall, question: Question, answer: Answer) -> None:
    """Give a loss call its target and all that hangs on it; `answer` is its prediction before it was judged."""
    from outlayer_lint.interpret.questions.signs import Evidence  # noqa: PLC0415 - signs builds on targets

    application = question.application
    if not fact.prediction.known:
        question.fuel = SHORT
    fact.target = question.target
    fact.parts["together"] = question.together
    fact.weight_length = question.fuelled(lambda: length(application, "weight"))
    fact.pos_weight_length = question.fuelled(lambda: length(application, "pos_weight"))
    fact.classes = lambda: classes(fact.target)
    fact.evidence = Evidence(question, fact)
    fact.swapped = False
    if fact.prediction.reason in ("batch data", "literal tensor"):
        fact.swapped = lambda: from_network(fact.target)
        given = as_value(answer)
        if fact.loss.family in SYMMETRIC and given.known and all(map(arrays.is_data, given)) and fact.swapped:
            fact.prediction = given


class Question:
    """One loss call in one context."""

    __slots__ = ("application", "callee", "driver", "fuel", "seed", "world")

    def __init__(self, driver: Driver, seed: Seed, application: Application, world: World, callee: Answer) -> None:
        """`callee` are all losses that the call may mean."""
        self.driver = driver
        self.seed = seed
        self.application = application
        self.world = world
        self.callee = callee
        self.fuel = FUEL

    @property
    def it(self) -> Interpreter:
        """The interpreter."""
        return self.driver.it

    def fuelled(self, ask: Callable[[], Any]) -> Callable[[], Any]:
        """Asked later, with enough left to be answered."""

        def run() -> Any:
            self.it.refuel(FUEL)
            return ask()

        return run

    def entry(self, name: str) -> Entry | None:
        """The argument of the loss."""
        return self.application.entry(name) if name else None

    def target(self) -> Value:
        """What stands in the target's place, joined over all callers that the prediction did not ask for."""
        entry = self.entry(self.application.row.target_parameter)
        if entry is None:
            return Value(reason="missing argument")
        if self.seed.node in self.driver.exhausted:
            return TOO_DEEP
        value = self.value(entry)
        if value.reason == TOO_DEEP.reason:
            self.driver.exhausted.add(self.seed.node)
        if value.known and all(map(arrays.is_noise, value)):
            prediction = self.entry(self.application.row.prediction)
            if feeds(self.it, prediction, entry, value, arithmetic=False):
                # Noise that a model shall reproduce stands for data: a trial run.
                return value.map(lambda t: t.replace(emission=Emission.DATA, low=-inf, high=inf))
        return value

    def together(self) -> tuple[int | None, int | None]:
        """The ranks of prediction and target at each caller, where all of them agree."""
        row = self.application.row
        entries = [self.entry(row.prediction), self.entry(row.target_parameter)]
        here = [e for e in entries if isinstance(e, Lazy) and e.place is self.seed.place]
        if len(here) < len(entries):
            return None, None

        def ask(world: World) -> list[Answer]:
            frame = self.driver.frame(self.seed, world)
            return [self.it.ev(entry.node, entry.place, frame) for entry in here]

        found = {
            (as_value(answers[0]).rank, as_value(answers[1]).rank)
            for _, answers in self.driver.worlds(ask, start=self.world, limit=WORLDS, fuel=FUEL)
        }
        return found.pop() if len(found) == 1 else (None, None)

    def value(self, entry: Entry) -> Value:
        """What an argument is; where a parameter stays open, at each caller."""
        self.it.refuel(self.fuel)
        answer = self.it.force(entry)
        if not isinstance(entry, Lazy) or entry.place is not self.seed.place:
            return as_value(answer)
        opened = self.driver.open_in([answer], self.world)
        if opened is None or (isinstance(opened, Parameter) and signatures.is_indices(opened.scope, opened.name)):
            return as_value(answer)

        def ask(world: World) -> list[Answer]:
            return [self.it.ev(entry.node, entry.place, self.driver.frame(self.seed, world))]

        joined = Value()
        for _, answers in self.driver.worlds(ask, start=self.world, limit=WORLDS, fuel=self.fuel):
            joined = joined | as_value(answers[0])
            if joined.reason:  # no other caller makes it known
                break
        return joined


def classes(target: Value) -> int | None:
    """The number of classes that every way of the target agrees on."""
    return target.units if target.every(Emission.INDEX) is not None else None


def length(application: Application, name: str) -> int | None:
    """The length of a tensor of weights."""
    if name not in application.row.parameters:
        return None
    entry = application.entry(name)
    if entry is None:
        return None
    found: set[int | None] = set()
    for thing, _ in application.it.force(entry):
        if isinstance(thing, Sequence) and not thing.open:
            found.add(len(thing.items))
        elif (
            isinstance(thing, Tensor)
            and thing.source is not None
            and thing.rank == 1
            and thing.emission is not Emission.INDEX
        ):
            found.add(thing.units)
        else:
            found.add(None)
    return found.pop() if len(found) == 1 else None


# -- networks ---------------------------------------------------------------------------------------------------------


def ancestors(value: Value, depth: int = DEPTH) -> Iterator[Tensor]:
    """The ways of a value and what they were made from, a few steps back."""
    todo = [(way, depth) for way in value.ways]
    while todo:
        way, left = todo.pop()
        yield way
        if left and not way.learned:
            todo.extend((inner, left - 1) for inner in way.inner.ways[:4])


def from_network(value: Value) -> bool:
    """Whether every way of a value came out of a learned layer."""
    return value.known and all(
        any(t.learned and t.source is None and not is_parameter(t) for t in ancestors(Value((way,))))
        for way in value.ways
    )


def is_parameter(way: Tensor) -> bool:
    """Whether a value is a weight that no input went through: what is fitted is the value itself, or a test is run."""
    if not way.learned or way.by != way.learned:
        return False
    found = knowledge.find(way.by)
    return found is not None and found[0].transfer == "makes"


def heads(value: Value) -> set[Any]:
    """The places that made an output: its activation and its layer."""
    return {span for way in ancestors(value, 4) if way.learned or way.by for span in way.origin.spans}


def feeds(
    it: Interpreter, prediction: Entry | None, target: Entry | None, value: Value, *, arithmetic: bool = True
) -> bool:
    """Whether the prediction was made from what is the target, as far as its expression shows."""
    if not isinstance(prediction, Lazy) or target is None:
        return False
    wanted = {key for thing, _ in it.force(target) if (key := tracing.identity(thing)) is not None}
    wanted |= {shapes.unshaped(t.source) for t in value.ways if t.source is not None}
    if not wanted:
        return False
    for step in tracing.behind(it, prediction, arithmetic=arithmetic):
        named = isinstance(step.node, (ast.Name, ast.Attribute, ast.Subscript))
        if named and any(tracing.identity(thing) in wanted for thing, _ in it.ev(step.node, step.place, step.frame)):
            return True
    return False

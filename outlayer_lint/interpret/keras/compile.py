"""`compile`: a Keras model, its losses and metrics put together, as facts for each head and each way to build them."""

from __future__ import annotations

import ast

from outlayer_lint.facts import Compiled, Consumed, LossCall
from outlayer_lint.interpret import conditions, passing
from outlayer_lint.interpret.answers import join
from outlayer_lint.interpret.choices import NO_CHOICE, Choices, compatible, of_options, restrict
from outlayer_lint.interpret.keras import losses as keras_losses
from outlayer_lint.interpret.keras import models as keras_models
from outlayer_lint.interpret.keras import training as keras_training
from outlayer_lint.interpret.keras.evidence import HeadQuestion, complete
from outlayer_lint.interpret.questions import applications, consumers, decisions
from outlayer_lint.interpret.questions.seeds import Seed, calls_at
from outlayer_lint.interpret.things import Dictionary, Instance, Lazy, Sequence, Site, Super
from outlayer_lint.interpret.transfer import as_value
from outlayer_lint.lattice import Emission, Tensor, Value
from outlayer_lint.records import TYPE_CHECKING, Any, NamedTuple
from outlayer_lint.resolve.walking import walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.diagnostic import Span
    from outlayer_lint.facts import Fact
    from outlayer_lint.interpret.frames import Frame, World
    from outlayer_lint.interpret.keras.losses import Named, Shape
    from outlayer_lint.interpret.keras.models import Head
    from outlayer_lint.interpret.questions.driver import Driver
    from outlayer_lint.interpret.things import Answer, Entry
    from outlayer_lint.resolve.sourcefile import SourceFile

PARAMETERS = ("optimizer", "loss", "metrics", "loss_weights")
NOT_KERAS = frozenset(("re", "regex", "torch", "jit"))
MAX_HEADS = 12
FUEL = 4000  # a model is one long expression


class Program(NamedTuple):
    """One model that can be meant, its heads and the loss it is compiled with, where these go together."""

    model: Any
    heads: list[Head]
    losses: Shape
    choices: Choices


class Asked(NamedTuple):
    """One compile call: what it was asked in all contexts, and the facts of each head."""

    pairs: list[tuple[int, consumers.Asked, list[tuple[Fact, bool]]]]
    facts: list[tuple[Fact, bool]]


def compile_calls(file: SourceFile) -> list[Seed]:
    """The calls in a file that may compile a Keras model with a loss."""
    return [seed for seed in calls_at(file, file.lines_calling("compile"), ("compile",)) if _gives_a_loss(seed.node)]


def events(
    compiles: Compiles, file: SourceFile
) -> Iterator[tuple[Span, list[tuple[Fact, bool]], list[consumers.Asked]]]:
    """Each head of each compile call of a file: where, its facts, and what was asked."""
    for seed in compile_calls(file):
        asked = compiles.ask(seed)
        span = seed.place.block.scope.file.document.span(seed.node)
        for index in sorted({pair[0] for pair in asked.pairs}):
            here = [pair for pair in asked.pairs if pair[0] == index]
            yield span, [fact for pair in here for fact in pair[2]], [pair[1] for pair in here]
        if asked.facts:
            yield asked.facts[0][0].span, asked.facts, []


def _gives_a_loss(node: ast.Call) -> bool:
    function = node.func
    if not isinstance(function, ast.Attribute) or getattr(function.value, "id", "") in NOT_KERAS:
        return False
    starred = any(k.arg is None for k in node.keywords) or any(isinstance(a, ast.Starred) for a in node.args)
    return starred or len(node.args) > 1 or any(k.arg in ("loss", "losses") for k in node.keywords)


class Compiles:
    """Questions about compile calls."""

    def __init__(self, driver: Driver) -> None:
        """One for all files of a project."""
        self.driver = driver
        self.training = keras_training.Training(driver)

    def ask(self, seed: Seed) -> Asked:
        """One compile call in every context."""
        asked = Asked([], [])
        worlds = list(self.driver.worlds(lambda world: self._answers(seed, world), fuel=FUEL))
        self.training.compiled = [keras_training.key_of(t) for _, answers in worlds for t, _ in answers[0]]
        for world, answers in worlds:
            self.driver.it.refuel(FUEL)  # most of it is remembered
            context = Context(self, seed, world)
            for model, outputs, loss in context.combined(answers):
                context.judge(model, outputs, loss, asked)
        return asked

    def _answers(self, seed: Seed, world: World) -> list[Answer]:
        """The receiver, what it gives, and the losses; with what is inside of these, for whatever is left open."""
        it = self.driver.it
        context = Context(self, seed, world)
        receiver = context.receiver()
        answers = [receiver]
        for thing, _ in receiver:
            if keras_models.is_model(it, thing):
                answers.append(keras_models.output(it, thing))
        loss = context.argument("loss")
        if loss is not None:
            answers.append(it.force(loss))
        for answer in answers[1:]:
            for thing, _ in answer:
                if isinstance(thing, (Sequence, Dictionary)):
                    items = thing.items if isinstance(thing, Sequence) else thing.items.values()
                    answers.extend(it.force(item) for item in list(items)[:MAX_HEADS])
        return [*answers, *(decisions.open_behind(self.driver, answer, _width) for answer in answers[1:])]


class Context:
    """One compile call in one world."""

    def __init__(self, compiles: Compiles, seed: Seed, world: World) -> None:
        """The arguments are taken apart once."""
        self.compiles = compiles
        self.driver = compiles.driver
        self.it = compiles.driver.it
        self.seed = seed
        self.world = world
        self.frame: Frame = self.driver.frame(seed, world)
        self.given = passing.arguments(self.it, seed.node, seed.place, self.frame)
        self.document = seed.place.block.scope.file.document

    def argument(self, name: str) -> Entry | None:
        """An argument of `compile`."""
        return self.given.pick(PARAMETERS.index(name), name)

    def receiver(self) -> Answer:
        """What is compiled; `super().compile(...)` compiles the object itself."""
        function = self.seed.node.func
        assert isinstance(function, ast.Attribute)
        answer = self.it.ev(function.value, self.seed.place, self.frame)
        return tuple((t.instance if isinstance(t, Super) else t, c) for t, c in answer)

    def combined(self, answers: list[Answer]) -> Iterator[tuple[Any, Answer | None, Answer]]:
        """Each model that can be meant, with its output and the losses that go with it, where the call is come to."""
        calls, here = self.driver.way(self.world), conditions.way_to(self.it, self.seed.place, self.frame)
        way = None if calls is None or here is None else compatible(calls, here)
        if way is None:
            return
        loss = self.argument("loss")
        losses = restrict(self.it.force(loss), way) if loss is not None else ()
        models: dict[object, list[tuple[Any, Choices]]] = {}
        for thing, choices in restrict(answers[0], way):
            if not keras_models.is_model(self.it, thing):
                if not isinstance(thing, Instance) or not self._compiles_itself(thing):
                    yield thing, None, restrict(losses, choices)
            elif not self._compiles_itself(thing):
                models.setdefault((keras_training.key_of(thing), of_options(choices)), []).append((thing, choices))
        several = len(models) > 1 and len(losses) > 1 and keras_losses.unrelated(models.values(), losses, way)
        together: list[tuple[Any, Choices]] = []
        for ways in models.values():
            answer = join(restrict(keras_models.output(self.it, thing), choices) for thing, choices in ways)
            if several and all(isinstance(t, Tensor) for t, _ in answer):
                together.extend((t, way) for t, _ in answer)
            else:
                yield ways[0][0], answer, restrict(losses, of_options(ways[0][1]))
        if together:
            yield next(iter(models.values()))[0][0], tuple(together), losses

    def _compiles_itself(self, thing: Any) -> bool:
        """Whether the class has a `compile` of its own, which is then what is called."""
        function = self.seed.node.func
        assert isinstance(function, ast.Attribute)
        if isinstance(function.value, ast.Call) and getattr(function.value.func, "id", "") == "super":
            return False
        return isinstance(thing, Instance) and keras_training.has_method(thing, self.it, "compile")

    # -- judging ------------------------------------------------------------------------------------------------------

    def judge(self, model: Any, outputs: Answer | None, losses: Answer, asked: Asked) -> None:
        """All facts about one model."""
        shapes = keras_losses.shapes(losses)
        if outputs is None or not shapes:
            if outputs is None or losses:
                reason = "unknown model" if outputs is None else "unknown loss"
                self._unresolved(asked, getattr(model, "reason", reason) if outputs is None else reason)
            return
        silent = self._silent(model)
        programs: list[Program] = []
        for heads, choices in self._heads(model, outputs):
            for shape in shapes:
                both = compatible(choices, shape.choices)
                if both is not None and heads is None:
                    self._unresolved(asked, "container of outputs")
                elif both is not None and heads is not None:
                    programs.append(Program(model, heads, shape, both))
        for program in keras_losses.meant_of(programs):
            self._program(program, asked, silent=silent)

    def _silent(self, model: Any) -> bool:
        """Whether what is compiled here never computes a loss."""
        if keras_training.overrides_training(self.it, model) or keras_training.superseded(self.seed):
            return True
        _, trained = self.compiles.training.of(keras_training.key_of(model), self.seed, self.world)
        return not trained

    def _early(self, model: Any) -> bool:
        return self.compiles.training.early(keras_training.key_of(model), self.seed, self.world)

    def _heads(self, model: Any, outputs: Answer) -> Iterator[tuple[list[Head] | None, Choices]]:
        """The heads in each program: ways to build a model are different programs, where options tell them apart."""
        single = tuple((t, c) for t, c in outputs if not isinstance(t, (Sequence, Dictionary)))
        for choices in dict.fromkeys(of_options(c) for _, c in single):
            together = tuple((t, c) for t, c in single if of_options(c) == choices)
            yield [keras_models.Head(keras_models.name_of_only(self.it, model, together), together)], choices
        for thing, choices in outputs:
            if isinstance(thing, (Sequence, Dictionary)):
                found = keras_models.heads(self.it, thing, model)
                yield (found if found is None or len(found) <= MAX_HEADS else None), choices

    def _program(self, program: Program, asked: Asked, *, silent: bool) -> None:
        heads, shape = program.heads, program.losses
        entries = keras_losses.paired(heads, shape)
        if entries is None and keras_training.overrides_training(self.it, program.model):
            for index, head in enumerate(heads):  # what goes with which head, its own method says
                value = as_value(head.answer)
                asked.pairs.append((index, consumers.Asked(None, keras_losses.OWN, value, self.world), []))
            return
        if entries is None:
            self._unresolved(asked, "heads and losses not matched")
            self._compiled(program, asked, silent=silent)
            return
        metrics = keras_losses.metrics(self.it, self.argument("metrics"), [head.name for head in heads])
        for index, (head, entry) in enumerate(zip(heads, entries, strict=True)):
            if entry is None:
                continue
            loss_answer = restrict(self.it.force(entry), program.choices)
            for thing, own in loss_answer:
                both = compatible(program.choices, own)
                if both is None:
                    continue
                answer = restrict(head.answer, both)
                if answer:
                    self._head(program, index, thing, entry, answer, metrics, asked, silent=silent)
        self._compiled(program, asked, silent=silent)

    def _head(
        self, program: Program, index: int, thing: Any, entry: Entry, answer: Answer, metrics: list[list[Any]],
        asked: Asked, *, silent: bool,
    ) -> None:  # fmt: skip
        """One head and one loss."""
        named = keras_losses.meant(self.it, thing, "loss", self.site(entry))
        if named is keras_losses.NOTHING:
            return
        if named is None or named.row is None:
            self._unresolved(asked, "unknown loss")
            return
        # What is fed in may be a head: some layers only compute a loss, or pass their input on.
        pair = consumers.Asked(None, named.row, as_value(answer), self.world)
        value = consumers.judged_value(answer)
        facts: list[tuple[Fact, bool]] = []
        # What is the same for every input is wrong whatever trains it.
        constant = value.all(lambda way: way.emission is Emission.SIMPLEX and way.units == 1) is not None
        silent = silent and (not constant or keras_training.superseded(self.seed))
        if not silent and not named.own:
            fact = self._loss_call(program, index, named, entry, answer, value)
            pair = pair._replace(fact=fact)
            likely = self.world.likely
            facts.append((fact, likely))
            facts.extend((f, likely) for f in applications.chain(value.ways, fact.words["prediction"], "output", ()))
            facts.extend((f, likely) for f in self._consumed(program, index, metrics[index], answer, (fact,)))
        elif not silent:
            own = LossCall(self.span(entry), keras_losses.OWN, value)  # nobody knows what it takes
            facts.extend((f, False) for f in self._consumed(program, index, metrics[index], answer, (own,)))
        asked.pairs.append((index, pair, facts))

    def _loss_call(
        self, program: Program, index: int, named: Named, entry: Entry, answer: Answer, value: Value
    ) -> LossCall:  # fmt: skip
        question = HeadQuestion(self.compiles.training, self.seed, self.world, program.model, index,
                                program.heads[index].name, len(program.heads))  # fmt: skip
        application = keras_losses.applied(self.it, named, answer, question.target_entry, self.site(entry))
        question.ready(application, program.losses.entries)
        question.metrics = self.argument("metrics")
        words = applications.words_of(
            value, loss=named.shown, prediction=self._shown(program, index), target=question.shown
        )
        return complete(question, self.span(entry), value, answer, consumers.constants_of(application), words,
                        consumers._callers(self.driver, self.world))  # noqa: SLF001 # fmt: skip

    def _consumed(
        self, program: Program, index: int, metrics: list[Any], answer: Answer, trained: tuple[LossCall, ...]
    ) -> Iterator[Consumed]:  # fmt: skip
        """The metrics of one head."""
        value = consumers.judged_value(answer)
        if not value.known:
            return
        for entry in metrics:
            for thing, _ in self.it.force(entry):
                named = keras_losses.meant(self.it, thing, "metric", self.site(entry))
                if named is None or named.row is None or named.own or named.row.kind != "metric":
                    continue
                application = keras_losses.applied(self.it, named, answer, ((Tensor(Emission.DATA), NO_CHOICE),),
                                                   self.site(entry))  # fmt: skip
                words = applications.words_of(
                    value, consumer=named.shown, parameter=named.row.prediction,
                    prediction=self._shown(program, index),
                )  # fmt: skip
                row = keras_losses.by_shape(application.row, value, trained, lambda: self._early(program.model))
                yield Consumed(
                    self.span(entry), row, named.row.prediction, value, words=words, trained=trained,
                    arguments=consumers.constants_of(application),
                )  # fmt: skip

    def _compiled(self, program: Program, asked: Asked, *, silent: bool) -> None:
        """The whole, where every loss is known."""
        rows = []
        for entry in program.losses.entries:
            things = self.it.force(entry)
            named = keras_losses.meant(self.it, things[0][0], "loss", self.site(entry)) if len(things) == 1 else None
            if named is None:
                return
            rows.append(named.row)
        whole = program.heads[0].answer if len(program.heads) == 1 else ()
        silent = silent or not keras_models.returned(program.model).isdisjoint(program.losses.keys)
        if silent or not all(isinstance(thing, Tensor) for thing, _ in whole):  # which may be several outputs
            return
        loss, weights = self.argument("loss"), self.argument("loss_weights")
        given = keras_losses.shapes(self.it.force(weights)) if weights is not None else []
        count = len(given[0].entries) if len(given) == 1 and given[0].form != "one" else None
        asked.facts.append((
            Compiled(
                self.span(loss), tuple(consumers.judged_value(h.answer) for h in program.heads), tuple(rows),
                form=program.losses.form, names=tuple(h.name for h in program.heads), keys=program.losses.keys,
                weights=count, words={"model": self._text(self._receiver_node())},
                related=consumers._callers(self.driver, self.world),  # noqa: SLF001
            ),
            self.world.likely,
        ))  # fmt: skip

    # -- what is shown ------------------------------------------------------------------------------------------------

    def _receiver_node(self) -> ast.expr:
        function = self.seed.node.func
        return function.value if isinstance(function, ast.Attribute) else function

    def _text(self, node: ast.AST) -> str:
        return self.document.segment(node)

    def _shown(self, program: Program, index: int) -> str:
        model = self._text(self._receiver_node())
        return model if len(program.heads) == 1 else program.heads[index].name or f"{model}.outputs[{index}]"

    def site(self, entry: Entry) -> Site:
        """Where an argument stands."""
        if isinstance(entry, Lazy):
            return Site(entry.node, entry.place, entry.frame)
        return Site(self.seed.node, self.seed.place, self.frame)

    def span(self, entry: Entry | None) -> Any:
        """The span of an argument where it stands in this call, else of the argument it came in with, else the call."""
        for candidate in (entry, self.argument("loss")):
            if isinstance(candidate, Lazy) and _inside(candidate.node, self.seed.node):
                return self.it.span(candidate.node, self.seed.place)
        return self.document.span(self.seed.node)

    def _unresolved(self, asked: Asked, reason: str) -> None:
        asked.pairs.append((0, consumers.Asked(None, keras_losses.OWN, Value(reason=reason), self.world), []))


def _width(head: Tensor) -> object:
    """A width that is a parameter is open, though the emission does not depend on it."""
    return head.units


def _inside(node: ast.AST, call: ast.Call) -> bool:
    return any(inner is node for inner in walk(call))

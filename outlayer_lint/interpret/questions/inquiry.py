"""All questions about a project, file by file: what was asked where, which facts came out, how each pair stands."""

from __future__ import annotations

import ast
import re
from functools import partial

from outlayer_lint import knowledge
from outlayer_lint.diagnostic import Diagnostic, Pair, Span
from outlayer_lint.facts import Decision, Fact, LossCall
from outlayer_lint.interpret.questions import applications, consumers, decisions, heads
from outlayer_lint.interpret.questions.seeds import (
    LIKELY_LOSS,
    LIKELY_PARTS,
    LOADS,
    SAMPLES,
    SERVES,
    TRAINS,
    Seed,
    Vocabulary,
    calls_at,
    expressions_at,
    names_another,
    statements_on,
)
from outlayer_lint.interpret.transfer import as_value
from outlayer_lint.lattice import Value
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.resolve.searched import encoded
from outlayer_lint.resolve.walking import walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from outlayer_lint.interpret.frames import World
    from outlayer_lint.interpret.questions.driver import Driver
    from outlayer_lint.interpret.things import Answer
    from outlayer_lint.knowledge import Row
    from outlayer_lint.resolve.blocks import Place
    from outlayer_lint.resolve.sourcefile import SourceFile

CONSUMERS = ("loss", "metric", "distribution", "sampler", "activation", "trainer")


class Event:
    """One consumer call: its facts in all contexts, the findings about them, and its pair."""

    __slots__ = ("asked", "facts", "found", "span")

    def __init__(self, span: Span, facts: list[tuple[Fact, bool]], asked: list[consumers.Asked]) -> None:
        """`facts` are paired with whether a receiver was guessed."""
        self.span = span
        self.facts = facts
        self.asked = asked
        self.found: list[tuple[Diagnostic, Fact]] = []

    def pair(self, found: tuple[Diagnostic, ...]) -> Pair | None:
        """The verdict over all contexts."""
        if not self.asked:
            return None
        first = self.asked[0]
        known = next((a for a in self.asked if a.value.known), None)
        unknown = next((a for a in self.asked if not a.value.known), None)
        verdict = "contradicted" if found else "unresolved" if unknown is not None else "consistent"
        best = known or first
        way = best.value.ways[0] if best.value.ways else None
        head = None if way is None else (way.origin.built or way.origin.applied)
        reason = unknown.value.reason or "no value" if verdict == "unresolved" and unknown is not None else ""
        return Pair(
            self.span, best.row.shown, verdict, way, head, found[0].code if found else "", reason
        )  # fmt: skip


HELPED = 2  # how many times farther a helper's operands are followed
PER_FILE = 60_000  # evaluations for all that begins in one file; what people write needs a few thousand


class Inquiry:
    """Questions about one project."""

    def __init__(self, driver: Driver) -> None:
        """Looks through the bytes of the files with a framework's word; parses nothing yet."""
        self.driver = driver
        self.vocabulary = Vocabulary(knowledge.spellings(CONSUMERS))
        self.relevant = {f: None for f in driver.project.framework_files if self.vocabulary.relevant(f)}
        self.events: list[Event] = []
        self.trained: dict[Span, dict[str, Row]] = {}
        self.compiles: Any = None
        self._calling: dict[bytes, str] | None = None
        self._helpers: set[SourceFile] = set()
        self._trains: set[SourceFile] = set()
        self._decides = False

    @property
    def calling(self) -> dict[bytes, str]:
        """The words whose calls may be those of losses: what makes one, what some file binds to one, likely names."""
        if self._calling is None:
            found: set[str] = set()
            mentions, classes = self.driver.project.mentions, self.vocabulary.classes.values()
            for file in {f: None for cls in classes for f in mentions(cls) if f in self.relevant}:
                found |= self.vocabulary.names_bound(file)
            found |= self._likely()
            for word in {word for file in self.relevant for word in file.among(self.vocabulary.trainers)}:
                found.update((word, *(name for _, name in self.driver.project.derived(word))))
            self._calling = encoded(found | self.vocabulary.functions | {*self.vocabulary.classes.values()})
        return self._calling

    def _likely(self) -> set[str]:
        """Words that look like a loss's, if the project ever binds one to anything but a function of its own."""
        likely = re.compile(rf"(?i:{LIKELY_LOSS})").fullmatch
        called = encoded(filter(likely, {word for file in self.relevant for word in file.containing(LIKELY_PARTS)}))
        bound: set[str] = set()
        for file in self.driver.project.framework_files:
            for word in file.among(called):
                if not file.only_calls(word):
                    bound.add(word)
                    del called[word.encode()]
        return bound

    def ask(self, file: SourceFile) -> list[Event]:
        """All questions that begin in a file."""
        self.driver.begin()
        if file not in self.relevant or file.scope is None:
            return []
        events: list[Event] = []
        judged: list[Seed] = []
        wanted = file.among(self.calling)
        lines = file.lines_calling(*wanted)
        if ".forward" in file.text:
            called = [match.start() for match in file.matches(FORWARDED, ".forward") if match[1] in wanted]
            lines += file.lines_at(sorted(called))
        begun = self.driver.it.evaluations
        for seed in calls_at(file, lines, wanted):
            if self.driver.it.evaluations - begun > PER_FILE:
                break
            event = self._loss(seed)
            if event is not None:
                events.append(event)
                judged.append(seed)
            facts: list[tuple[Fact, bool]] = [(fact, False) for fact in consumers.losses_built(self.driver, seed)]
            if facts:
                events.append(Event(facts[0][0].span, facts, []))
        if file.is_calling("compile"):
            events.extend(Event(*event) for event in self._compiles(file))
        asked = [each for event in events for each in event.asked]
        runs = file.holds(TRAINS) or any(seed.place.block.scope.kind == "module" for seed in judged)
        if asked and (runs or any(_comes_from_elsewhere(each.world, file) for each in asked)):
            self._trains.add(file)
        for event in events:
            for fact, _ in event.facts:
                if isinstance(fact, LossCall):
                    for span, row in heads.of(fact):
                        self.trained.setdefault(span, {})[row.name] = row
        self.events.extend(events)
        return events

    def _compiles(self, file: SourceFile) -> Iterator[Any]:
        """Keras models that a file compiles."""
        from outlayer_lint.interpret.keras import compile as keras_compile  # noqa: PLC0415 - for files that compile a model

        if self.compiles is None:
            self.compiles = keras_compile.Compiles(self.driver)
        return keras_compile.events(self.compiles, file)

    def ask_further(self, file: SourceFile) -> list[Event]:
        """Decisions, distributions, metrics and activations of a file. After all losses: a decision depends on them."""
        self.driver.begin()
        if not self._decides:  # decisions are taken in evaluation mode
            self._decides = True
            self.driver.it.leave_training()
        if not self.is_of_a_model(file):
            return []
        events: list[Event] = []
        # A file that only defines models is asked for what it shows by itself; where a model is trained or put to
        # use, callers are followed as well.
        self.driver.alone = not self.uses(file)
        events.extend(self._further(file))
        # A metric is some calls away from the model whose output it takes.
        self.driver.reach = HELPED
        for each in () if self.driver.alone else self._led_into(file):
            events.extend(self._further(each))
        self.driver.alone, self.driver.reach = False, 1
        events.extend(self._constant(file))
        self.events.extend(events)
        return events

    def uses(self, file: SourceFile) -> bool:
        """Whether a file trains a model, computes the loss of one that it is given, loads one, or helps such a file.

        One that only defines models which compute their own loss, as libraries do, decides nothing.
        """
        return file in self._trains or file in self._helpers or file.holds(LOADS)

    def _further(self, file: SourceFile) -> Iterator[Event]:
        lines = self._deciding(file) if self.decides(file) else []
        forwards = file.lines_beside("forward", file.among(self.vocabulary.applied))
        if not (lines or forwards) or file.scope is None:
            return
        begun = self.driver.it.evaluations
        for seed, node in expressions_at(file, lines):
            if self.driver.it.evaluations - begun > PER_FILE:
                break
            asked = self.vocabulary.question(node, seed)
            facts = list(ASK[asked](self.driver, seed, node)) if asked else []
            if facts:
                yield Event(facts[0].span, [(f, False) for f in self._with_chains(facts)], [])
        for line in forwards:
            yield from self._outputs(file, line)

    def _constant(self, file: SourceFile) -> Iterator[Event]:
        """Keras layers whose output is the same for every input."""
        if b"softmax" not in file.digest or not names_another(file) or file.scope is None:
            return
        from outlayer_lint.interpret.keras import heads as keras_heads  # noqa: PLC0415 - for files that build such a layer

        for fact in keras_heads.constant(self.driver, file):
            yield Event(fact.span, [(f, False) for f in self._with_chains([fact])], [])

    def _deciding(self, file: SourceFile) -> list[int]:
        return self.vocabulary.deciding(file, serves=self.serves(file), alone=self.driver.alone)

    def _outputs(self, file: SourceFile, line: int) -> Iterator[Event]:
        """Activations in a row in what a model returns."""
        place = file.locate(line)
        node = None if place is None else place.block.statements[place.index]
        if place is None or not isinstance(node, ast.FunctionDef) or node.name != "forward":
            return
        facts = list(applications.returned(self.driver, place.block.scope.child(node)))
        if facts:
            yield Event(facts[0].span, [(f, False) for f in facts], [])

    def _led_into(self, file: SourceFile) -> Iterator[SourceFile]:
        """Files without a framework's name that a training script takes its metrics from."""
        if file not in self.relevant:
            return
        for match in re.finditer(IMPORTED, file.text):
            level = len(match[1])
            found = self.driver.project.module(match[2], file, level)
            if found is not None and found not in self._helpers:
                self._helpers.add(found)
                if not self.is_of_a_model(found):
                    yield found

    def decides(self, file: SourceFile) -> bool:
        """Whether a file is worth asking: it trains or loads a model, or helps a file that does."""
        return file in self._helpers or self.is_of_a_model(file)

    def is_of_a_model(self, file: SourceFile) -> bool:
        """Whether a file trains, builds or loads a model."""
        return self.serves(file) or (file.has_framework and self._builds(file))

    def _builds(self, file: SourceFile) -> bool:
        return file.holds(SAMPLES) or (file.has_word("nn") and re.search(rb"\bnn\.", file.words) is not None)

    def serves(self, file: SourceFile) -> bool:
        """Whether a file trains a model or puts it to use."""
        return file in self.relevant or (file.has_framework and file.holds(SERVES))

    def _with_chains(self, facts: list[Fact]) -> Iterator[Fact]:
        for fact in facts:
            if isinstance(fact, Decision):
                fact.trained_with = heads.trained_with(fact, self.trained)
                yield from applications.chain(
                    fact.operand.ways, fact.words.get("operand", ""), "decision", fact.related
                )
            yield fact

    def _loss(self, seed: Seed) -> Event | None:
        if len(seed.node.args) + len(seed.node.keywords) < 1:
            return None
        asked = list(consumers.loss_calls(self.driver, seed))
        if not asked:
            return None
        facts = [(a.fact, a.world.likely) for a in asked if a.fact is not None]
        for fact, likely in list(facts):
            if isinstance(fact, LossCall):
                facts.extend(
                    (f, likely)
                    for f in applications.chain(
                        fact.prediction.ways, fact.words.get("prediction", ""), "loss", fact.related
                    )
                )
        return Event(consumers.span_of(seed), facts, asked)

    def reveal(
        self, file: SourceFile, line: int, cell: int | None, column: int = 0
    ) -> Iterator[tuple[Span, str, Value, str]]:
        """What each expression on a line emits, outermost first; with a column, only those around it."""
        parts = (part for part in self.driver.project if part.part and part.holder is file)
        if cell is not None:
            file = next((part for part in parts if part.document.holds(cell)), file)
        if file.scope is None:
            return
        at = file.document.line_of(Span(file.display, line, 1, line, 1, cell))
        places = list(statements_on(file, at))
        beside = [place for place in reversed(places) if place.block is places[0].block]
        nodes = ((node, place) for place in beside for node in walk(place.block.statements[place.index]))
        seen: set[str] = set()
        for node, place in nodes:
            if (
                not isinstance(node, ast.expr)
                or isinstance(node, (ast.Constant, ast.Starred))
                or getattr(node, "lineno", 0) != at
            ):
                continue
            if isinstance(getattr(node, "ctx", None), ast.Store):
                continue
            if column and not _covers(file.document.span(node), column):
                continue
            value, how = Value(reason="unknown"), ""
            for world, answers in self.driver.worlds(partial(self._valued, node, place), limit=1):
                value = as_value(answers[0])
                how = "as called" if world.bindings else ""
            text = file.document.segment(node)
            if text in seen or (not value.known and isinstance(node, ast.Name) and value.reason == "not a tensor"):
                continue
            seen.add(text)
            if value.known or isinstance(node, ast.Call):
                way = value.ways[0] if value.ways else None
                yield file.document.span(node), text, value, how or (way.by if way is not None else "")

    def _valued(self, node: ast.expr, place: Place, world: World) -> list[Answer]:
        frame = self.driver.frame(Seed(node, place, ()), world)  # type: ignore[arg-type] # any expression will do
        return [self.driver.it.ev(node, place, frame)]


def _comes_from_elsewhere(world: World, file: SourceFile) -> bool:
    """Whether a caller in another file is assumed."""
    bindings = (binding for binding in world.bindings.values() if binding is not None)
    return any(binding.place.block.scope.file is not file for binding in bindings)


def _covers(span: Span, column: int) -> bool:
    """Whether a span has a column of its first line inside; behind the last character counts, as a cursor stands."""
    return span.column <= column and (span.end_line > span.line or column <= span.end_column)


FORWARDED = r"\b(\w+)(?:\[.*\])?\.forward\s*\("
IMPORTED = r"(?m)^[ \t]*from[ \t]+(\.*)([\w.]+)[ \t]+import\b"
ASK: dict[str, Callable[[Driver, Seed, Any], Iterator[Fact]]] = {
    "built": lambda driver, seed, _: applications.built_without_dim(driver, seed),
    "called": lambda driver, seed, _: decisions.called(driver, seed), "compared": decisions.compared,
    "divided": decisions.normalised_by_hand, "picked": decisions.picked, "uncalled": decisions.not_called,
}  # fmt: skip

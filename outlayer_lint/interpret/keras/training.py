"""Is a compiled model trained, and on which targets: the calls of `fit` and its kin, and where they were made."""

from __future__ import annotations

import ast

from outlayer_lint.interpret import classes, containers, iteration, passing
from outlayer_lint.interpret.answers import lift
from outlayer_lint.interpret.frames import World
from outlayer_lint.interpret.keras import editions as keras_editions
from outlayer_lint.interpret.keras import escapes
from outlayer_lint.interpret.keras import models as keras_models
from outlayer_lint.interpret.questions.seeds import Seed, calls_at
from outlayer_lint.interpret.things import (
    Answer,
    Built,
    Deferred,
    Dictionary,
    Foreign,
    Function,
    Instance,
    Lazy,
    Parameter,
    Sequence,
    Subclass,
    Super,
    Unknown,
)
from outlayer_lint.records import TYPE_CHECKING, Any, NamedTuple
from outlayer_lint.resolve.blocks import dotted, last
from outlayer_lint.resolve.walking import walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.interpret.frames import Frame
    from outlayer_lint.interpret.questions.driver import Driver
    from outlayer_lint.interpret.things import Entry
    from outlayer_lint.resolve.sourcefile import SourceFile

WORDS = ("fit", "fit_generator", "train_on_batch", "fit_on_batch", "fit_dataset")
WORLDS, STEPS, FUEL = 4, 8, 500
MAX_FILES = 8
MAX_CALLS = 40
CLOSED = (Unknown, Parameter, Foreign, Subclass)


class Fit(NamedTuple):
    """One call that trains a model, in one context."""

    seed: Seed
    world: World
    models: frozenset[Made]
    unresolved: bool


class Made(NamedTuple):
    """Where a model was built, and through which calls: the same builder may be called twice."""

    site: object
    calls: tuple[object, ...]
    followed: int  # how many of the calls were seen; the others are those that the world assumes

    def may_be(self, other: Made) -> bool:
        """Whether both can be one model, as far as the calls that are known for both tell."""
        return self._agrees(other, min(len(self.calls), len(other.calls)))

    def resembles(self, other: Made) -> bool:
        """The same, whoever is assumed to call: of many callers only a few are asked."""
        return self._agrees(other, min(self.followed, other.followed))

    def _agrees(self, other: Made, known: int) -> bool:
        return self.site == other.site and self.calls[:known] == other.calls[:known]


def key_of(thing: object) -> Made | None:
    """What tells one model from another, however it was changed since it was built."""
    if isinstance(thing, Super):
        thing = thing.instance
    if isinstance(thing, Instance) and thing.site is None:
        return Made(("self", id(thing.cls.scope)), (), 0)
    if not isinstance(thing, (Instance, Built)) or thing.site is None:
        return None
    calls: list[object] = []
    frame: Frame = thing.site.frame
    while frame.place is not None:
        calls.append((id(frame.place.block), frame.place.index))
        if frame.caller is None:
            return Made(id(thing.site.node), tuple(calls), len(calls))
        frame = frame.caller
    followed, scope = len(calls), frame.scope
    while (assumed := frame.world.bindings.get(scope)) is not None and len(calls) < MAX_CALLS:
        calls.append((id(assumed.place.block), assumed.place.index))
        scope = assumed.place.block.scope
    return Made(id(thing.site.node), tuple(calls), followed)


class Training:
    """The training calls of a project, found file by file when first asked for."""

    def __init__(self, driver: Driver) -> None:
        """One for all questions about a project."""
        self.driver = driver
        self._fits: dict[SourceFile, list[Fit]] = {}
        self.compiled: list[Made | None] = []  # by the call in question, in each of its contexts
        self.editions: keras_editions.Editions | None = None

    def fits(self, file: SourceFile) -> list[Fit]:
        """What trains a model in a file."""
        if file not in self._fits:
            self._fits[file] = []
            self._fits[file] = list(self._find(file))
        return self._fits[file]

    def _find(self, file: SourceFile) -> Iterator[Fit]:
        lines = file.lines_calling(*WORDS)
        if not lines or file.scope is None:
            return
        driver = self.driver
        for seed in calls_at(file, lines, WORDS)[:MAX_CALLS]:
            function = seed.node.func
            if not isinstance(function, ast.Attribute) or not (seed.node.args or seed.node.keywords):
                continue
            receiver = function.value

            def ask(world: World, seed: Seed = seed, receiver: ast.expr = receiver) -> list[Answer]:
                return [driver.it.ev(receiver, seed.place, driver.frame(seed, world))]

            for world, answers in list(driver.worlds(ask, limit=WORLDS, fuel=FUEL, most=STEPS)):
                things = [t for t, _ in answers[0]]
                models = [t for t in things if isinstance(t, Super) or keras_models.is_model(driver.it, t)]
                closed = any(isinstance(t, CLOSED) for t in things)
                if models or closed:  # not a scaler or an encoder of labels, which are fitted as well
                    keys = frozenset(key for t in models if (key := key_of(t)) is not None)
                    yield Fit(seed, world, keys, not keys and closed)

    def of(self, key: Made | None, seed: Seed, world: World) -> tuple[list[Fit], bool]:
        """The calls that train a model compiled at a place, and whether it may be trained at all."""
        file = seed.place.block.scope.file
        here = self.fits(file)
        found, alike = self._training(key, here, seed)
        if found:
            return found, True
        names = escapes.escaping(seed)
        if not names:
            return [], alike or any(fit.unresolved for fit in here if _same_scope(fit.seed, seed))
        others = [other for name in names for other in self._mentioning(name, file)]
        elsewhere = [fit for other in dict.fromkeys(others) for fit in self.fits(other)]
        found, also = self._training(key, elsewhere, seed)
        if found or alike or also:
            return found, True
        fits = [*here, *elsewhere]
        unknown = not fits and not (
            self._called(seed, world) or self._only_reads(seed, world) or self._searched(seed, [file, *others])
        )
        return [], unknown or any(fit.unresolved for fit in fits)

    def _training(self, key: Made | None, fits: list[Fit], seed: Seed) -> tuple[list[Fit], bool]:
        """Those that train a model, and whether one does that may be the way that a builder is called here.

        A model that another context of the same call compiles is trained there, not here.
        """
        if key is None:
            return [], False
        alike = [
            fit
            for fit in fits
            if any(map(key.resembles, fit.models)) and (_same_scope(fit.seed, seed) or not _compiled_anew(fit.seed))
        ]
        here = [fit for fit in alike if any(map(key.may_be, fit.models))]
        others = [made for made in self.compiled if made is not None and made != key]
        return here, any(not any(made.may_be(model) for made in others for model in fit.models) for fit in alike)

    def early(self, key: Made | None, seed: Seed, world: World) -> bool:
        """Whether a model is trained as only the Keras before TensorFlow's own does, or beside what only it had."""
        fits, _ = self.of(key, seed, world)
        if any(keras_editions.spelled(fit.seed) for fit in fits):
            return True
        if self.editions is None:
            self.editions = keras_editions.Editions(self.driver)
        return self.editions.early({each.place.block.scope.file: None for each in (seed, *(f.seed for f in fits))})

    def _called(self, seed: Seed, world: World) -> bool:
        """Whether what compiles a model is called in a project that trains none: whoever else calls it may train."""
        if world.bindings.get(seed.place.block.scope) is None:
            return False
        return not any(file.lines_calling(*WORDS) for file in self.driver.project.framework_files)

    def _only_reads(self, seed: Seed, world: World) -> bool:
        """Whether a script hands its model to nobody but functions of the project that train nothing.

        The script compiles the model itself, or calls what does and keeps the result.
        """
        key, scope = _receiver(seed), seed.place.block.scope
        if (caller := world.bindings.get(scope)) is not None:
            statement = caller.place.block.statements[caller.place.index]
            kept = isinstance(statement, ast.Assign) and statement.value is caller.call and len(statement.targets) == 1
            key, scope = dotted(statement.targets[0]) if kept else "", caller.place.block.scope  # type: ignore[attr-defined]
        if scope.kind != "module" or not key or escapes.imported(scope, key):
            return False
        file, frame = scope.file, self.driver.frame(seed, World())
        given = [call for call in walk(scope.node) if isinstance(call, ast.Call) and escapes.takes(call, key)]
        names = {last(call.func) for call in given}
        called = [
            thing
            for each in calls_at(file, sorted({call.lineno for call in given}), names)
            for thing, _ in self.driver.it.ev(each.node.func, each.place, frame)
        ]
        return len(called) >= len(given) > 0 and all(map(_is_idle, called))

    def _searched(self, seed: Seed, files: list[SourceFile]) -> bool:
        """Whether the object that compiles its model is trained by a method of its own, in which no model is.

        So an evolution draws the weights and sets them, and compiles to predict.
        """
        it, compiling = self.driver.it, seed.place.block.scope
        for file in dict.fromkeys(files) if compiling.owner is not None else ():
            for call in calls_at(file, file.lines_calling(*WORDS), WORDS)[:MAX_CALLS]:
                function = call.node.func
                if not isinstance(function, ast.Attribute):
                    continue
                for thing, _ in it.ev(function.value, call.place, self.driver.frame(call, World())):
                    if not isinstance(thing, Instance) or classes.method_of(it, thing.cls, function.attr) is None:
                        continue
                    own = classes.method_of(it, thing.cls, compiling.name)
                    if own is not None and own[1] is compiling:
                        return True
        return False

    def _mentioning(self, name: str, file: SourceFile) -> list[SourceFile]:
        found = [f for f in self.driver.project.importers(file, name) if f is not file]
        return [f for f in found if any(map(f.is_calling, WORDS))][:MAX_FILES]


def _compiled_anew(fit: Seed) -> bool:
    """Whether the function that trains a model compiles it as well, right before."""
    file, scope = fit.place.block.scope.file, fit.place.block.scope
    if scope.kind == "module":
        return False
    return any(
        seed.place.block.scope is scope and seed.node.lineno < fit.node.lineno and _receiver(seed) == _receiver(fit)
        for seed in calls_at(file, file.lines_calling("compile"), ("compile",))
    )


def _receiver(seed: Seed) -> str:
    function = seed.node.func
    return dotted(function.value) if isinstance(function, ast.Attribute) else ""


def _same_scope(one: Seed, other: Seed) -> bool:
    return one.place.block.scope is other.place.block.scope


def _is_idle(thing: object) -> bool:
    """Whether it is a function of the project that trains nothing, and hands on nothing that it is given."""
    if not isinstance(thing, Function) or thing.scope.file.lines_calling(*WORDS):
        return False
    node = thing.scope.node
    parameters = [a.arg for a in walk(node) if isinstance(a, ast.arg)]
    return isinstance(node, ast.FunctionDef) and not any(escapes.handed_over(node, name) for name in parameters)


# -- what is fitted ---------------------------------------------------------------------------------------------------


class Batch(NamedTuple):
    """What a training call is given: the inputs, and the targets of one head."""

    x: Entry | None
    y: Entry | None


def batches(driver: Driver, fit: Fit, index: int, name: str, count: int) -> list[Batch]:
    """What a training call is given for one head; where the targets are a parameter, in each way it is called."""
    first = batch(driver, fit, index, name, count)
    driver.it.refuel(FUEL)
    if first.y is None or driver.open_in([driver.it.force(first.y)], fit.world) is None:
        return [first]

    def given(world: World) -> Batch:
        return batch(driver, fit._replace(world=world), index, name, count)

    def ask(world: World) -> list[Answer]:
        return [driver.it.force(given(world).y)]

    return [given(world) for world, _ in driver.worlds(ask, fit.world, WORLDS, FUEL, STEPS)]


def batch(driver: Driver, fit: Fit, index: int, name: str, count: int) -> Batch:
    """The inputs and targets of a training call, for the head with this index."""
    it = driver.it
    given = passing.arguments(it, fit.seed.node, fit.seed.place, driver.frame(fit.seed, fit.world))
    x, y = given.pick(0, "x"), given.pick(1, "y")
    if "generator" in given.keywords:
        x = given.keywords["generator"]
    function = fit.seed.node.func
    if isinstance(function, ast.Attribute) and function.attr == "fit_generator":
        y = None
    if y is None and x is not None:
        source = x
        y = Deferred(lambda: _drawn(driver, source, 1))
        x = Deferred(lambda: _drawn(driver, source, 0))
    if y is not None and count > 1:
        y = _part(driver, y, index, name)
    return Batch(x, y)


def _drawn(driver: Driver, source: Entry, index: int) -> Answer:
    """An element of a batch of a data set or a generator."""
    it = driver.it

    def one(thing: Any) -> Answer:
        return lift(iteration.turn(it, thing, None), lambda drawn: containers.element(it, drawn, index))

    return lift(it.force(source), one)


def _part(driver: Driver, entry: Entry, index: int, name: str) -> Entry:
    """The targets of one head of several."""
    it = driver.it
    answer = it.force(entry)
    thing = answer[0][0] if len(answer) == 1 else None
    part: Entry | None = None
    if isinstance(thing, Sequence) and not thing.open and index < len(thing.items):
        part = thing.items[index]
    elif isinstance(thing, Dictionary):
        part = thing.items.get(name)
    if part is not None:
        return part
    if isinstance(entry, Lazy):
        return Lazy(entry.node, entry.place, entry.frame, (*entry.path, index))
    return Deferred(lambda: lift(answer, lambda t: containers.element(it, t, index)))


def overrides_training(it: Any, thing: object) -> bool:
    """Whether a model computes its loss itself: the compiled one is not used."""
    if not isinstance(thing, Instance):
        return False
    if any(has_method(thing, it, name) for name in ("compute_loss", "_compute_loss")):
        return True
    found = classes.method_of(it, thing.cls, "train_step")
    return found is not None and not any(map(_asks_for_the_loss, walk(found[1].node)))


def _asks_for_the_loss(node: ast.AST) -> bool:
    """`self.compiled_loss(y, y_pred)`, `self.compute_loss(x, y, y_pred)`: an own step with the compiled loss."""
    function = node.func if isinstance(node, ast.Call) else None
    own = isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "self"
    return own and function.attr in ("compiled_loss", "compute_loss")  # type: ignore[union-attr]


def has_method(thing: Instance, it: Any, name: str) -> bool:
    """Whether the class of an object, or a base in the project, defines a method."""
    return classes.method_of(it, thing.cls, name) is not None


def superseded(seed: Seed) -> bool:
    """Whether the same model is compiled again further down, with nothing in between that trains it."""
    function = seed.node.func
    if not isinstance(function, ast.Attribute) or not (key := dotted(function.value)):
        return False
    block = seed.place.block
    for node in block.statements[seed.place.index + 1 :]:
        for inner in walk(node):
            if not isinstance(inner, ast.Call) or not isinstance(inner.func, ast.Attribute):
                continue
            if inner.func.attr == "compile" and dotted(inner.func.value) == key and inner is not seed.node:
                return isinstance(node, ast.Expr)
            if inner.func.attr in WORDS:
                return False
        if isinstance(node, (ast.Return, ast.FunctionDef, ast.ClassDef)) or escapes.handed_over(node, key):
            return False
    return False

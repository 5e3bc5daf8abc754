"""Asks the questions: from each seed, in each world of callers, until nothing is left open; and gathers facts."""

from __future__ import annotations

import ast

from outlayer_lint.interpret import classes, conditions, signatures, ways
from outlayer_lint.interpret.choices import NO_CHOICE, Choices, compatible
from outlayer_lint.interpret.frames import Binding, Frame, World
from outlayer_lint.interpret.interpreter import FUEL, Interpreter
from outlayer_lint.interpret.iteration import overlay as overlaid
from outlayer_lint.interpret.questions import callers
from outlayer_lint.interpret.things import (
    WITH_TENSOR,
    Answer,
    Class,
    Parameter,
    Subclass,
    Unknown,
)
from outlayer_lint.lattice import Emission, Tensor
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.resolve.blocks import Place
from outlayer_lint.resolve.outsiders import Outsiders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from outlayer_lint.interpret.questions.seeds import Seed
    from outlayer_lint.resolve.project import Project
    from outlayer_lint.resolve.scopes import Scope
    from outlayer_lint.resolve.sourcefile import SourceFile

    Made = Callable[[dict[Scope, Binding | None], dict[Scope, Class]], World]

MAX_WORLDS = 8
MAX_STEPS = 24
MAX_ASSUMED = 6
CONFIRM = 100  # evaluations to see what one candidate calls
ALONE = 120  # evaluations for a question without callers
MIN_FUEL = 100


class Driver:
    """One project's questions."""

    def __init__(self, project: Project) -> None:
        """Callers, subclasses and definitions are looked up once."""
        self.project = project
        self.it = Interpreter(project)
        self._callers: dict[tuple[Scope, Scope | None], list[callers.Caller]] = {}
        self._asking: set[Scope] = set()
        self._cut = 0  # how often callers were not looked up because they are being looked up
        self._callees: dict[object, list[tuple[World, list[Any]]]] = {}
        self.calling: dict[tuple[SourceFile, str], list[Seed]] = {}
        self.outsiders = Outsiders(project)
        self.handing: dict[SourceFile, dict[str, list[int]]] = {}  # where functions are handed over, by name
        self.fits: dict[ast.Call, list[tuple[World, list[Answer]]]] = {}  # a trainer's `fit` -> what it is given
        self.asked: Scope | None = None  # where the question stands that was begun last
        self.receiving: dict[object, frozenset[ast.expr] | None] = {}  # calls of methods: where the objects are made
        self.called_on: dict[Scope, frozenset[ast.expr] | None] = {}  # methods: where the objects are made
        # Loss calls whose target took all its fuel in one context: in the others it would as well.
        self.exhausted: set[ast.Call] = set()
        self.alone = False  # answer as far as it can be seen without any caller
        self.reach = 1  # how many times farther than usual a decision's operand is followed
        self._subclasses: dict[Scope, list[Class]] = {}
        self._worlds: dict[object, World] = {}
        self._written: dict[int, ast.Call] = {}
        self.handed: dict[object, ast.Call] = {}  # calls that a framework makes of what it is handed
        self._definitions: dict[str, dict[SourceFile, int]] = {}

    # -- frames -------------------------------------------------------------------------------------------------------

    def frame(self, seed: Seed, world: World) -> Frame:
        """The frame that a seed is evaluated in."""
        self.asked = seed.place.block.scope
        frame = self.it.root(self.asked, world)
        for node in seed.overlay:
            if isinstance(node, ast.Lambda):
                frame = self.lambda_frame(node, seed, world, frame)
            else:
                frame = overlaid(self.it, node, seed.place, frame)
        return frame

    def lambda_frame(self, node: ast.Lambda, seed: Seed, world: World, frame: Frame) -> Frame:
        """The frame inside a lambda: its parameters are open, or what the world's caller gives them."""
        scope = seed.place.block.scope.child(node)
        if scope not in world.roots:
            names = {name: self.it.parameter(name, Frame(scope, world, frame)) for name in scope.parameter_names}
            world.roots[scope] = frame.binding(names)
        return world.roots[scope]

    # -- worlds -------------------------------------------------------------------------------------------------------

    def worlds(
        self,
        ask: Callable[[World], list[Answer]],
        start: World | None = None,
        limit: int = MAX_WORLDS,
        fuel: int = FUEL,
        most: int = MAX_STEPS,
        *,
        remember: bool = False,
        deep: bool = False,
        of_models: bool = False,
    ) -> Iterator[tuple[World, list[Answer]]]:
        """Ask in the world that assumes nothing; where parameters stay open, once for each caller.

        Every world has its own `fuel`, those that come to nothing together twice as much; it counts evaluations, so
        that what is found depends on the program alone. Questions of one file may `remember` what the others found out
        in the same world; not those that look for what was left open behind an answer, which shows only the first time.
        `deep`: one caller to its end before the next, where few worlds are asked. `of_models`: see `open_in`.
        """
        made = self.world if remember else World
        pending = [start or made({}, {})]
        done = steps = 0
        begun, total = self.it.evaluations, 2 * fuel
        while pending and done < limit and steps < most:
            world = pending.pop(0)
            steps += 1
            fuel = min(fuel, ALONE) if self.alone else fuel
            self.it.refuel(min(fuel, max(MIN_FUEL, total - (self.it.evaluations - begun))))
            before = self.it.evaluations
            answers = ask(world)
            spent = self.it.evaluations - begun >= total
            opened = None if spent else self.open_in(answers, world, of_models=of_models)
            if opened is None or self.alone or len(world.bindings) + len(world.subclasses) >= MAX_ASSUMED:
                done += 1
                yield world, answers
                if spent:
                    return
                if not any(isinstance(thing, Unknown) for answer in answers for thing, _ in answer):
                    total += self.it.evaluations - before
                continue
            more = self.larger(world, opened, made, self.asked)
            pending = [*more, *pending] if deep else [*pending, *more]

    def larger(self, world: World, opened: Parameter | Subclass, made: Made, asked: Scope | None = None) -> list[World]:
        """One world for each caller, or subclass, that the open thing may come from; `asked`: where the question is."""
        if isinstance(opened, Subclass):
            own = [s for s in (opened.asked, *world.bindings) if s is not None and s.owner is opened.cls]
            derived = [c for c in self.subclasses(opened.cls) if all(classes.runs(self.it, c, s) for s in own)]
            chosen = derived[:MAX_WORLDS] or [self.it.class_of(opened.cls, world)]
            return [made(world.bindings, {**world.subclasses, opened.cls: cls}) for cls in chosen]
        scope = opened.scope
        found = self.callers(scope, self.receiver_in(world, scope))
        if len(found) > 1 and scope.owner is not None:
            from outlayer_lint.interpret.questions import receivers  # noqa: PLC0415 - for methods called in many places

            found = receivers.fitting(self, scope, found, world, asked)
        result = []
        for caller in found:
            if any(
                scope_ in world.bindings and world.bindings[scope_] != binding
                for scope_, binding in caller.world.bindings.items()
            ):
                continue
            result.append(
                made(
                    {**world.bindings, **caller.world.bindings, scope: caller.binding},
                    {**world.subclasses, **caller.world.subclasses},
                )
            )
        return result or [made({**world.bindings, scope: None}, world.subclasses)]

    def receiver_in(self, world: World, scope: Scope) -> Class | None:
        """The class whose construction is meant, where it was asked about for objects of one class alone."""
        if scope.owner is None or scope.name != "__init__":
            return None
        if scope.owner in world.subclasses:
            return world.subclasses[scope.owner]
        asked = world.opened.get(scope, {})
        return next(iter(asked.values())) if len(asked) == 1 else None

    def world(self, bindings: dict[Scope, Binding | None], subclasses: dict[Scope, Class]) -> World:
        """The world of some assumptions, with what other questions of the same file have found out in it."""
        key = (frozenset(bindings.items()), frozenset(subclasses.items()))
        if key not in self._worlds:
            self._worlds[key] = World(bindings, subclasses)
        return self._worlds[key]

    def way(self, world: World) -> Choices | None:
        """The choices under which the calls that a world assumes are come to; `None` where they exclude each other."""
        together: Choices = NO_CHOICE
        for scope, binding in world.bindings.items():
            if binding is None:
                continue
            frame = self.it.root(binding.place.block.scope, world)
            own = conditions.way_to(self.it, binding.place, frame)
            if own is not None and binding.seen > 1:
                own = compatible(own, self._chosen(scope, binding, frame))
            both = None if own is None else compatible(together, own)
            if both is None:
                return None
            together = both
        return together

    def _chosen(self, scope: Scope, binding: Binding, frame: Frame) -> Choices:
        """The choices under which a call that may call several things calls this one."""
        callee = self.it.ev(binding.call.func, binding.place, frame)
        meant = [choices for thing, choices in callee if ways.means(self.it, thing, scope)]
        return meant[0] if len(meant) == 1 else NO_CHOICE

    def begin(self) -> None:
        """Leave the worlds of one file's questions behind."""
        self._worlds.clear()
        self._callees.clear()

    def open_in(self, answers: list[Answer], world: World, *, of_models: bool = False) -> Parameter | Subclass | None:
        """Something in the answers that a caller could settle.

        Where only outputs `of_models` matter: no caller makes one of a number or a text, and no choice does of data.
        """
        for answer in answers:
            for thing, choices in answer:
                if isinstance(thing, Parameter) and thing.scope not in world.bindings:
                    if not of_models or not signatures.is_plain(thing.scope, thing.name) or _meets_tensor(thing):
                        return thing
                    continue
                if isinstance(thing, Subclass) and thing.cls not in world.subclasses:
                    return thing
                if of_models and not (isinstance(thing, Tensor) and thing.emission is not Emission.DATA):
                    continue
                for choice in choices:
                    found = self._parameter_of(choice.key)
                    if found is not None and found.scope not in world.bindings:
                        return found
        return None

    def _parameter_of(self, key: object) -> Parameter | None:
        if isinstance(key, tuple):
            if key[:1] == ("parameter",) and len(key) == 4:
                return self.it.parameters.get((*key[:3], ()))
            for part in key:
                found = self._parameter_of(part)
                if found is not None:
                    return found
        return None

    def callers(self, scope: Scope, cls: Class | None = None) -> list[callers.Caller]:
        """Confirmed callers of a scope, looked up once; none while they are being looked up.

        Where the world assumes one of several derived classes, a constructor is called for that `cls`.
        """
        asked = scope, None if cls is None else cls.scope
        if asked not in self._callers:
            if scope in self._asking or len(self._asking) > MAX_ASSUMED:
                self._cut += 1
                return []
            self._asking.add(scope)
            fuel = self.it.fuel
            try:
                self._callers[asked] = callers.find(self, scope, asked[1])
            finally:
                self._asking.discard(scope)
                self.it.fuel = fuel
        return self._callers[asked]

    def written_out(self, node: ast.Call, function: ast.expr, values: list[ast.expr]) -> ast.Call:
        """The call that another call hands over (`Process(target=f, args=(x,))` calls `f(x)`), made once."""
        if id(node) not in self._written:
            self._written[id(node)] = ast.copy_location(ast.Call(function, values, []), node)
        return self._written[id(node)]

    def callee(self, seed: Seed, start: World | None = None) -> list[tuple[World, list[Any]]]:
        """What a candidate's callee is, in at most four worlds, or in those that a given one leads to.

        Methods of one name share their candidates. What was cut short by a question in progress is not remembered.
        """
        assumed = None if start is None else (frozenset(start.bindings.items()), frozenset(start.subclasses.items()))
        key = seed.node, assumed, self.it.era, self.alone
        known = self._callees.get(key)
        if known is not None:
            return known
        fuel, cut = self.it.fuel, self._cut

        def ask(world: World) -> list[Answer]:
            return [self.it.ev(seed.node.func, seed.place, self.frame(seed, world))]

        found = [
            (world, [thing for thing, _ in self._meant(seed, world, answers[0])])
            for world, answers in self.worlds(ask, start, limit=4, fuel=CONFIRM)
        ]
        self.it.fuel = fuel
        if cut == self._cut:
            self._callees[key] = found
        return found

    def _meant(self, seed: Seed, world: World, answer: Answer) -> Answer:
        """Of several callees those that the branch around leaves: `losses[name]` under `name == "a"` is one."""
        if len(answer) < 2 or not any(choices for _, choices in answer):
            return answer
        way = conditions.way_to(self.it, seed.place, self.frame(seed, world))
        return answer if not way else tuple(each for each in answer if compatible(each[1], way) is not None)

    # -- what the project defines -------------------------------------------------------------------------------------

    def definitions(self, name: str) -> dict[SourceFile, int]:
        """The files that define a function or method of that name, and how many times."""
        if name not in self._definitions:
            counted = ((file, file.defining(name)) for file in self.project.mentions(name))
            self._definitions[name] = {file: count for file, count in counted if count}
        return self._definitions[name]

    def derives(self, scope: Scope, base: Scope) -> bool:
        """Whether a class has another one among its bases."""
        return ways.derives(self.it, self.it.class_of(scope, self.it.nowhere), base)

    def are_related(self, one: Scope, other: Scope) -> bool:
        """Whether two classes are one, or one of them derives from the other: objects of both may have a method."""
        return one is other or self.derives(one, other) or self.derives(other, one)

    def subclasses(self, scope: Scope) -> list[Class]:
        """Classes of the project that derive from a class, directly or not, the leaves included."""
        if scope not in self._subclasses:
            fuel, self.it.fuel = self.it.fuel, FUEL
            self._subclasses[scope] = self._find_subclasses(scope)
            self.it.fuel = fuel
        return self._subclasses[scope]

    def _find_subclasses(self, scope: Scope) -> list[Class]:
        found: dict[int, Class] = {}
        todo = [scope.name]
        seen: set[tuple[SourceFile, str]] = set()
        while todo:
            base = todo.pop()
            for file, name in self.project.derived(base):
                if len(found) >= MAX_WORLDS:
                    return list(found.values())
                if (file, name) in seen:
                    continue
                seen.add((file, name))
                frame = self.it.module_frame(file)
                if frame is None or name not in frame.scope.block.names:
                    continue
                block = frame.scope.block
                for thing, _ in self.it.defined(name, Place(block, len(block.statements)), frame):
                    if isinstance(thing, Class) and any(
                        isinstance(c, Class) and c.scope is scope for c in classes.mro(self.it, thing)[1:]
                    ):
                        found.setdefault(id(thing.scope), thing)
                        todo.append(name)
        return list(found.values())


def _meets_tensor(thing: Parameter) -> bool:
    """Whether what is open is reckoned with a tensor: then a number matters as well."""
    return any(isinstance(step, tuple) and step[0] == WITH_TENSOR for step in thing.trail)

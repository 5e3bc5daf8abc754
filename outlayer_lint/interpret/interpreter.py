"""Evaluate an expression where it stands, by need: names by their reaching definitions, calls by their callee."""

from __future__ import annotations

import ast

from outlayer_lint.interpret import attributes, conditions, containers, definitions, free_names, passing
from outlayer_lint.interpret.answers import lift, only, unknown
from outlayer_lint.interpret.expressions import EVALUATORS
from outlayer_lint.interpret.frames import Arguments, Frame, World
from outlayer_lint.interpret.things import Answer, Class, Const, Deferred, Instance, Lazy, Parameter, Sequence, Subclass
from outlayer_lint.lattice import Spot
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.resolve.reaching import reaching

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlayer_lint.diagnostic import Span
    from outlayer_lint.interpret.things import Entry, Site
    from outlayer_lint.resolve.blocks import Place
    from outlayer_lint.resolve.project import Project
    from outlayer_lint.resolve.reaching import Reach
    from outlayer_lint.resolve.scopes import Scope
    from outlayer_lint.resolve.sourcefile import SourceFile

FUEL = 600
MAX_NESTING = 120
DEPTH = "depth"


class Interpreter:
    """Evaluates expressions of one project. Holds what does not depend on the world: module frames, reaching sets."""

    def __init__(self, project: Project) -> None:
        """One interpreter serves all questions about a project."""
        self.project = project
        self.fuel = FUEL
        self._training = True
        self._mode_matters = False  # whether somebody asked for the mode
        self.era = 0  # of what is remembered; another one begins where the change of mode may be seen
        self.nesting = 0
        self.behind = 0  # how many inputs of layers are being asked for, each because of the one before
        self._modules: dict[SourceFile, Frame] = {}
        self._reaching: dict[tuple[int, int, str], list[Reach]] = {}
        self._open: dict[object, Answer] = {}
        self._read: set[object] = set()
        self._provisional: dict[object, tuple[Answer, frozenset[object]]] = {}
        self.parameters: dict[object, Parameter] = {}
        self._constants: dict[tuple[type, object], Answer] = {}
        self.unfollowed: set[Scope] = set()  # called by their names, on something unknown
        self.trainers: frozenset[str] | None = None  # the last names of those that rows know, once somebody asked
        self.importing: set[tuple[int, int, str]] = set()
        self.nowhere = World()
        self.hidden: list[Parameter | Subclass] = []  # what was open behind an answer that had no need of it
        self.evaluations = 0

    # -- frames -------------------------------------------------------------------------------------------------------

    def module_frame(self, file: SourceFile) -> Frame | None:
        """The frame of a module; it is the same in every world."""
        frame = self._modules.get(file)
        if frame is None:
            scope = file.scope
            if scope is None:
                return None
            frame = self._modules[file] = Frame(scope, self.nowhere, None, arguments=Arguments())
        return frame

    def root(self, scope: Scope, world: World) -> Frame:
        """The frame of a scope that nothing in this world has called."""
        if scope.kind == "module":
            frame = self.module_frame(scope.file)
            assert frame is not None  # the scope exists, so the file parsed
            return frame
        frame = world.roots.get(scope)
        if frame is None:
            assert scope.parent is not None
            frame = Frame(scope, world, self.root(scope.parent, world))
            world.roots[scope] = frame
            if scope.owner is not None and not scope.has_decorator("staticmethod"):
                cls = self.class_of(scope.owner, world)
                frame.receiver = cls if scope.has_decorator("classmethod") else self.receiver(cls, world)
        return frame

    def class_of(self, scope: Scope, world: World) -> Class:
        """The class of a class scope."""
        chosen = world.subclasses.get(scope)
        if chosen is not None:
            return chosen
        assert scope.parent is not None
        return self.class_in(scope, self.root(scope.parent, world))

    def class_in(self, scope: Scope, frame: Frame) -> Class:
        """The class that a class statement makes in a frame."""
        memo = ("class", id(scope))
        if memo not in frame.base.memo:
            frame.base.memo[memo] = only(Class(scope, frame.base))
        return frame.base.memo[memo][0][0]  # type: ignore[no-any-return]

    def receiver(self, cls: Class, world: World) -> Instance:
        """The object whose method is asked about by itself."""
        key = ("self", id(cls))
        found = world.instances.get(key)  # type: ignore[call-overload]
        if found is None:
            made = Instance(cls, None, None)
            made.cache["world"] = world
            found = world.instances[key] = made  # type: ignore[index]
        return found  # type: ignore[no-any-return]

    # -- evaluation ---------------------------------------------------------------------------------------------------

    def force(self, entry: Entry | None) -> Answer:
        """Evaluate a lazy argument; an answer stays as it is."""
        if entry is None:
            return unknown("unknown")
        if isinstance(entry, Lazy):
            answer = self.ev(entry.node, entry.place, entry.frame)
            return self.follow(answer, entry.path) if entry.path else answer
        if isinstance(entry, Deferred):
            if entry.answer is None:
                made, entry.make = entry.make, None
                if made is None:
                    return unknown("cycle")
                answer = made()
                if self.fuel <= 0 or self.reading:
                    entry.make = made
                    return answer
                entry.answer = answer
            return entry.answer
        return entry

    @property
    def reading(self) -> bool:
        """Whether the evaluation in progress leans on an assumption that is not settled."""
        return bool(self._read)

    def ev(self, node: ast.expr, place: Place, frame: Frame) -> Answer:
        """What an expression at a place may be, in a frame."""
        kind = type(node)
        if kind is ast.Constant:
            value = node.value  # type: ignore[attr-defined]
            constant = self._constants.get((type(value), value))
            if constant is None:
                constant = self._constants[type(value), value] = only(Const(value))
            return constant
        memo = frame.memo
        key = id(node)
        found = memo.get(key)
        if found is not None:
            return found
        if self._provisional:
            mark: object = (key, id(frame))
            if mark in self._provisional:
                return self.provisional(mark)
        if self.fuel <= 0:
            return unknown("budget")
        if self.nesting > MAX_NESTING:
            self._read.add(DEPTH)
            return unknown("too deep")
        evaluate = EVALUATORS.get(kind)
        if evaluate is None:
            return unknown("unsupported expression")
        self.fuel -= 1
        self.evaluations += 1
        self.nesting += 1
        # What leans on itself passes through a name or a parameter, and is settled there. Here it only matters whether
        # something unsettled was read on the way.
        outer = self._read
        if outer:
            self._read = set()
        answer = evaluate(self, node, place, frame)
        self.nesting -= 1
        inner = self._read
        if self.fuel > 0:
            if inner:
                self._provisional[key, id(frame)] = (answer, frozenset(inner))
            else:
                memo[key] = answer
        if outer:
            outer |= inner
            self._read = outer
        return answer

    def settled(self, memo: object, frame: Frame, compute: Callable[[], Answer]) -> Answer:
        """Evaluate what has a name, under an assumption where it is being evaluated already."""
        mark = (memo, id(frame))
        if mark in self._open:
            self._read.add(mark)
            return self._open[mark]
        if mark in self._provisional:
            return self.provisional(mark)
        if self.fuel <= 0:
            return unknown("budget")
        self.fuel -= 1
        return self.settle(mark, frame.memo, memo, compute)

    def settle(self, mark: object, memo: dict[object, Answer], key: object, compute: Callable[[], Answer]) -> Answer:
        """Evaluate what may lean on itself: assume nothing, then what came out, until it repeats; else unknown."""
        if self.nesting > MAX_NESTING:
            self._read.add(DEPTH)
            return unknown("too deep")
        self.nesting += 1
        outer = self._read
        if outer:
            self._read = set()
        assumed: Answer = ()
        try:
            for _ in range(3):
                self._open[mark] = assumed
                answer = compute()
                if mark not in self._read or conditions.same(answer, assumed):
                    break
                self._read.discard(mark)
                self._provisional.clear()
                assumed = answer
            else:
                answer = unknown("cycle")
            if not answer:
                answer = unknown("cycle")
        finally:
            del self._open[mark]
            self.nesting -= 1
            if mark in self._read:
                self._read.discard(mark)
                self._provisional.clear()
            inner = self._read
            if outer:
                outer |= inner
                self._read = outer
        # A result that leaned on an unfinished assumption, or on an empty purse, is not remembered.
        if self.fuel > 0:
            if inner:
                self._provisional[mark] = (answer, frozenset(inner))
            else:
                memo[key] = answer
        return answer

    def provisional(self, mark: object) -> Answer:
        """A result that leans on assumptions which still stand."""
        answer, read = self._provisional[mark]
        self._read |= read
        return answer

    def pause(self) -> set[object]:
        """Begin to watch which assumptions are read."""
        outer, self._read = self._read, set()
        return outer

    def resume(self, outer: set[object]) -> bool:
        """Whether nothing provisional was read since `pause`, so that the result may be remembered."""
        settled = not self._read and self.fuel > 0
        self._read |= outer
        return settled

    @property
    def is_training(self) -> bool:
        """Whether models are in training mode."""
        self._mode_matters = True
        return self._training

    def leave_training(self) -> None:
        """Models are in evaluation mode from now on; what is remembered still holds if no program asked."""
        self._training = False
        if self._mode_matters:
            self.era += 1
            self._modules.clear()

    def refuel(self, fuel: int = FUEL) -> None:
        """Begin a question."""
        self.fuel = fuel
        self.nesting = 0
        self._provisional.clear()

    def constant(self, entry: Entry | None) -> Any:
        """The one constant an argument is, or `...` where it is not one."""
        answer = self.force(entry)
        values = [thing.value for thing, _ in answer if isinstance(thing, Const)]
        if len(values) == len(answer) == 1 or (
            values and len(values) == len(answer) and all(v == values[0] for v in values)
        ):
            return values[0]
        if len(answer) == 1 and isinstance(answer[0][0], Sequence) and not answer[0][0].open:
            return containers.constants(self, answer[0][0].items, MAX_NESTING)
        return ...

    def span(self, node: ast.AST, place: Place) -> Span:
        """The span of a node in its document."""
        return place.block.scope.file.document.span(node)

    def spot(self, site: Site) -> Spot:
        """Where an expression stands, worked out when somebody asks."""
        return Spot(site.place.block.scope.file.document, site.node)

    # -- names --------------------------------------------------------------------------------------------------------

    def lookup(self, name: str, place: Place, frame: Frame) -> Answer:
        """What a name may be at a place."""
        overlay: Frame | None = frame
        while overlay is not None and overlay.binds is not None:
            if name in overlay.binds:
                return overlay.binds[name]
            overlay = overlay.parent
        if overlay is not None:
            frame = overlay
        scope = place.block.scope
        if scope.kind == "lambda":
            if name in scope.parameter_names:
                return self.parameter(name, frame)
            return free_names.outer(self, name, scope, frame)
        if name in place.block.root.names:
            if name in scope.globals:
                return free_names.shared(self, name, place, frame)
            if scope.kind == "module":
                return free_names.rebound(self, name, self.defined(name, place, frame), frame, frame)
            return self.defined(name, place, frame)
        if scope.kind == "function" and name in scope.parameter_names:
            return self.parameter(name, frame)
        return free_names.outer(self, name, scope, frame)

    def reached(self, key: str, place: Place) -> list[Reach]:
        """Reaching definitions, remembered."""
        mark = (id(place.block), place.index, key)
        found = self._reaching.get(mark)
        if found is None:
            found = self._reaching[mark] = reaching(key, place)
        return found

    def defined(self, key: str, place: Place, frame: Frame, *, fallback: bool = True) -> Answer:
        """Join the definitions of a key that reach a place and whose conditions are not decided against."""
        memo = (id(place.block), place.index, key, fallback)
        found = frame.memo.get(memo)
        if found is not None:
            return found
        return self.settled(memo, frame, lambda: definitions.joined(self, key, place, frame, fallback=fallback))

    def before(self, key: str, place: Place, frame: Frame) -> Answer:
        """The value of a key just before a statement."""
        if "." in key:
            return attributes.written(self, key, place, frame)
        return self.lookup(key, place, frame)

    def parameter(self, name: str, frame: Frame) -> Answer:
        """What a parameter is bound to in a frame."""
        scope, memo = frame.scope, ("parameter", name)
        base = frame.base
        found = base.memo.get(memo)
        if found is not None:
            return found
        return self.settled(memo, base, lambda: passing.bound(self, scope, name, base))

    # -- parts --------------------------------------------------------------------------------------------------------

    def follow(self, answer: Answer, path: tuple[object, ...]) -> Answer:
        """The part of a value that an unpacking target receives."""
        for step in path:
            whole = answer if len(answer) < 2 else containers.in_parts(answer)
            answer = lift(whole, lambda thing, step=step: containers.element(self, thing, step))  # type: ignore[misc]
        return answer

"""Iteration: turns of a loop with a known first and last element, generators, `with`, comprehensions."""

from __future__ import annotations

import ast
from functools import partial

from outlayer_lint.interpret import calls, classes, containers
from outlayer_lint.interpret.answers import join, lift, only, unknown
from outlayer_lint.interpret.data import datasets
from outlayer_lint.interpret.frames import Arguments, Frame
from outlayer_lint.interpret.things import (
    Answer,
    Built,
    Class,
    Deferred,
    Dictionary,
    Entry,
    Function,
    Instance,
    Lazy,
    Parameter,
    Sequence,
    Site,
    Subclass,
)
from outlayer_lint.interpret.transfers import tensors
from outlayer_lint.lattice import Emission, Tensor
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.resolve.blocks import Block, Place
from outlayer_lint.resolve.walking import walk

if TYPE_CHECKING:
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.resolve.scopes import Scope


def iterated(
    it: Interpreter, value: ast.expr, place: Place, frame: Frame, state: object, inner: Frame | None = None
) -> Answer:
    """What the loop variable is in an iteration: a number, "last", "earlier", or any; `inner`: where it is bound."""
    key = ("turn", id(value), id(inner or frame))
    return lift(it.ev(value, place, frame), lambda thing: turn(it, thing, state, key))


def turn(it: Interpreter, thing: Any, state: object, key: object = None) -> Answer:
    """One element of an iteration; what is drawn with the same `key` is drawn in the same turn."""
    if isinstance(thing, Tensor):
        if thing.emission is Emission.DATA:
            return only(tensors.without_first_dim(thing))
        return only(tensors.without_first_dim(thing))
    if isinstance(thing, (Parameter, Subclass)):
        return containers.element(it, thing, "each")
    sequence = containers.as_sequence(it, thing)
    if sequence is None:
        if isinstance(thing, Built):
            return datasets.drawn(it, thing, "each")
        if isinstance(thing, Instance):
            return iterated_instance(it, thing)
        return containers.element(it, thing, "each")
    if isinstance(state, int):
        return containers.at(it, sequence, state)
    if state == "last":
        if sequence.open and not sequence.tail:
            return it.force(sequence.middle) if sequence.middle is not None else unknown("unknown iterable")
        return containers.at(it, sequence, -1)
    return containers.everything(it, sequence, earlier=state == "earlier", key=key)


def iterated_instance(it: Interpreter, thing: Instance, names: tuple[str, ...] = ("__iter__", "__getitem__")) -> Answer:
    """An element of an object that the program can iterate, or index, itself."""
    for name in names:
        found = classes.method_of(it, thing.cls, name)
        if found is not None:
            answer = _called_by_iteration(it, thing, name, found)
            return lift(answer, lambda t: _turn_of(it, t)) if name == "__iter__" else answer
    return unknown("unknown iterable", ("each", id(thing.root)))


def _called_by_iteration(it: Interpreter, thing: Instance, name: str, found: tuple[Class, Scope]) -> Answer:
    site = Site(ast.Name(name, ast.Load()), Place(found[1].block, 0), classes.class_frame(found[0]))
    bound = classes.bound_method(it, found[0], found[1], thing, thing.cls)
    index = Arguments((unknown("index"),)) if name == "__getitem__" else Arguments()
    return lift(
        bound,
        lambda f: calls.invoke(it, f, index, site, key=(name, id(thing))) if isinstance(f, Function) else only(f),
    )


def _turn_of(it: Interpreter, iterator: Any) -> Answer:
    """One element of what `__iter__` gave; an object that iterates over itself has a `__next__`."""
    return (
        iterated_instance(it, iterator, ("__next__",)) if isinstance(iterator, Instance) else turn(it, iterator, None)
    )


def entered(it: Interpreter, answer: Answer) -> Answer:
    """What `with ... as x` binds."""

    def one(thing: Any) -> Answer:
        if isinstance(thing, Instance):
            return only(thing)
        return only(thing)

    return lift(answer, one)


def yielded(it: Interpreter, scope: Scope, frame: Frame) -> Answer | None:
    """What a generator function gives when iterated, `None` if it is none."""
    if scope.yields is None:
        nodes = [(place, inner) for place, node in _expressions(scope.block) for inner in walk(node)]
        scope.yields = [(place, node) for place, node in nodes if isinstance(node, (ast.Yield, ast.YieldFrom))]
    if not scope.yields:
        return None
    found: list[Answer] = []
    for place, node in scope.yields:
        if node.value is not None and (isinstance(node, ast.YieldFrom) or len(found) < 4):
            answer = it.ev(node.value, place, frame.inside(place.block))
            found.append(answer if isinstance(node, ast.Yield) else lift(answer, lambda t: turn(it, t, None)))
    return only(Sequence((), open=True, middle=join(found) if found else None))


def _expressions(block: Block) -> list[tuple[Place, ast.expr]]:
    found: list[tuple[Place, ast.expr]] = []
    for index, node in enumerate(block.statements):
        if isinstance(node, (ast.Expr, ast.Assign, ast.Return)) and node.value is not None:
            found.append((Place(block, index), node.value))
        for sub in block.subs.get(index, ()):
            found.extend(_expressions(sub))
    return found


def overlay(it: Interpreter, node: ast.AST, place: Place, frame: Frame, state: object = None) -> Frame:
    """A frame in which a comprehension's variables (or a lambda's parameters) are bound."""
    mark = ("overlay", id(node), state)
    if mark in frame.children:
        return frame.children[mark]
    binds: dict[str, Answer] = {}
    made = frame.binding(binds)
    made.loops = frame.loops
    outside = frame  # the first iterable is evaluated around the comprehension, once for all elements
    for generator in getattr(node, "generators", ()):
        drawn = iterated(it, generator.iter, place, outside, state, made)
        outside = made
        for name, path in _targets(generator.target, ()):
            binds[name] = it.follow(drawn, path)
    frame.children[mark] = made
    return made


def _targets(node: ast.expr, path: tuple[object, ...]) -> list[tuple[str, tuple[object, ...]]]:
    if isinstance(node, ast.Name):
        return [(node.id, path)]
    if isinstance(node, (ast.Tuple, ast.List)):
        return [pair for i, e in enumerate(node.elts) for pair in _targets(e, (*path, i))]
    return []


def comprehension(
    it: Interpreter, node: ast.ListComp | ast.GeneratorExp | ast.SetComp, place: Place, frame: Frame
) -> Answer:
    """A list comprehension: element by element where the iterable is known, else with its last element."""
    first = node.generators[0]
    source = it.ev(first.iter, place, frame)

    def one(thing: Any) -> Answer:
        sequence = containers.as_sequence(it, thing)
        plain = len(node.generators) == 1 and not first.ifs
        if sequence is not None and plain and not sequence.open and len(sequence.items) <= containers.MAX_ITEMS:
            return only(
                Sequence(
                    tuple(Lazy(node.elt, place, overlay(it, node, place, frame, i)) for i in range(len(sequence.items)))
                )
            )
        middle: Entry = Lazy(node.elt, place, overlay(it, node, place, frame, "earlier"))
        middle = picked(it, middle, node.elt, [test for g in node.generators for test in g.ifs])
        tail = (Lazy(node.elt, place, overlay(it, node, place, frame, "last")),) if plain else ()
        result = Sequence((), open=True, tail=tail, middle=middle)
        if plain and sequence is not None:
            result.key = sequence.key
        elif plain and getattr(thing, "key", None) is not None:
            result.key = thing.key
        return only(result)

    return lift(source, one)


def picked(it: Interpreter, entry: Entry, value: ast.expr, tests: list[ast.expr]) -> Entry:
    """An element that is kept where a comparison of it holds: of the classes, some may be left out."""
    compared = {
        part.id
        for test in tests
        for node in walk(test)
        if isinstance(node, ast.Compare)
        for part in walk(node)
        if isinstance(part, ast.Name)
    }
    if not any(isinstance(part, ast.Name) and part.id in compared for part in walk(value)):
        return entry
    return Deferred(partial(_some_of, it, entry), getattr(entry, "node", None))


def _some(it: Interpreter, thing: Any) -> Any:
    if isinstance(thing, Tensor) and thing.emission is Emission.INDEX:
        return thing.replace(units=None)
    if isinstance(thing, Sequence) and not thing.open:
        parts = [Deferred(partial(_some_of, it, item)) for item in thing.items]
        return Sequence(tuple(parts), kind=thing.kind)
    return thing


def _some_of(it: Interpreter, entry: Entry) -> Answer:
    return lift(it.force(entry), lambda thing: only(_some(it, thing)))


def dict_comprehension(it: Interpreter, node: ast.DictComp, place: Place, frame: Frame) -> Answer:
    """A dict comprehension over something known."""
    source = it.ev(node.generators[0].iter, place, frame)
    sequence = containers.as_sequence(it, source[0][0]) if len(source) == 1 else None
    if (
        sequence is None
        or sequence.open
        or len(node.generators) > 1
        or node.generators[0].ifs
        or len(sequence.items) > containers.MAX_ITEMS
    ):
        return only(Dictionary({}, open=True))
    items: dict[Any, Entry] = {}
    for i in range(len(sequence.items)):
        inner = overlay(it, node, place, frame, i)
        key = it.constant(it.ev(node.key, place, inner))
        if key is ... or not containers.hashable(key):
            return only(Dictionary({}, open=True))
        items[key] = Lazy(node.value, place, inner)
    return only(Dictionary(items))

"""Arguments: as a call gives them, and as a function's parameters receive them."""

from __future__ import annotations

import ast

from outlayer_lint.interpret import fallbacks, iteration, signatures
from outlayer_lint.interpret import ways as ways_in
from outlayer_lint.interpret.answers import lift, only, unknown
from outlayer_lint.interpret.choices import NO_CHOICE, Choices
from outlayer_lint.interpret.frames import Arguments, Frame
from outlayer_lint.interpret.things import (
    Answer,
    Built,
    Class,
    Const,
    Dictionary,
    Function,
    Instance,
    Lazy,
    Library,
    Parameter,
    Sequence,
)
from outlayer_lint.lattice import Tensor
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.resolve.blocks import Place

if TYPE_CHECKING:
    from outlayer_lint.interpret.frames import Binding, World
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.things import Entry
    from outlayer_lint.resolve.scopes import Scope

BATCH = 120  # evaluations for what a starred batch holds: `model(*batch)` hardly ever depends on it
MAX_LISTS = 4  # of layers: two conditions, each of which appends one


def arguments(it: Interpreter, node: ast.Call, place: Place, frame: Frame, purse: int = 0) -> Arguments:
    """The arguments of a call, starred ones taken apart where they are known, with a `purse` where it may take long."""
    memo = ("arguments", id(node))
    found: Any = frame.memo.get(memo)
    if found is None:
        kept = max(it.fuel - purse, 0) if purse else 0
        it.fuel -= kept
        found = _arguments(it, node, place, frame)
        it.fuel += kept
        if it.fuel > 0 and not it.reading:
            frame.memo[memo] = found
    return found  # type: ignore[no-any-return] # a memo holds whatever its keys promise


def ways(it: Interpreter, node: ast.Call, place: Place, frame: Frame) -> list[tuple[Arguments, Choices]]:
    """The arguments of a call, once for each of the lists that a starred one may be: a layer was appended, or not."""
    for argument in node.args:
        if type(argument) is ast.Starred:
            lists = it.ev(argument.value, place, frame)
            if 1 < len(lists) <= MAX_LISTS and all(isinstance(t, Sequence) for t, _ in lists):
                return [(_unstarred(it, node, place, frame, (argument, t)), choices) for t, choices in lists]
    return [(arguments(it, node, place, frame), NO_CHOICE)]


def _arguments(it: Interpreter, node: ast.Call, place: Place, frame: Frame) -> Arguments:
    for argument in node.args:
        if type(argument) is ast.Starred:
            return _unstarred(it, node, place, frame)
    keywords: dict[str, Entry] = {}
    for keyword in node.keywords:
        if keyword.arg is None:
            return _unstarred(it, node, place, frame)
        keywords[keyword.arg] = Lazy(keyword.value, place, frame)
    return Arguments(tuple([Lazy(a, place, frame) for a in node.args]), keywords)


def _unstarred(
    it: Interpreter, node: ast.Call, place: Place, frame: Frame, chosen: tuple[ast.Starred, Any] | None = None
) -> Arguments:
    positional: list[Entry] = []
    keywords: dict[str, Entry] = {}
    more_positional: Any = False
    more_keywords: Any = False
    for argument in node.args:
        if not isinstance(argument, ast.Starred):
            if more_positional:
                break
            positional.append(Lazy(argument, place, frame))
            continue
        things = it.ev(argument.value, place, frame)
        thing = things[0][0] if len(things) == 1 else None
        if chosen is not None and chosen[0] is argument:
            thing = chosen[1]
        if isinstance(thing, Sequence) and not thing.open:
            positional.extend(thing.items)
        elif isinstance(thing, Sequence) and not more_positional:
            positional.extend(thing.items)
            more_positional = True
        else:
            more_positional = more_positional or (thing if isinstance(thing, Parameter) else True)
    for keyword in node.keywords:
        if keyword.arg is not None:
            keywords[keyword.arg] = Lazy(keyword.value, place, frame)
            continue
        things = it.ev(keyword.value, place, frame)
        thing = things[0][0] if len(things) == 1 else None
        if isinstance(thing, Dictionary):
            keywords.update({k: v for k, v in thing.items.items() if isinstance(k, str)})
            more_keywords = more_keywords or thing.open
        else:
            more_keywords = more_keywords or (thing if isinstance(thing, Parameter) else True)
    return Arguments(tuple(positional), keywords, more_positional=more_positional, more_keywords=more_keywords)


def takes(scope: Scope, given: Arguments) -> bool:
    """Whether a function has a parameter for each keyword of a call; a decorator may add further ones."""
    a = scope.parameters
    decorators: list[ast.expr] = getattr(scope.node, "decorator_list", [])
    if not given.keywords or a is None or a.kwarg is not None or decorators:
        return True
    return given.keywords.keys() <= set(scope.parameter_names)


def too_many(scope: Scope, given: Arguments, *, bound: bool) -> bool:
    """Whether a call gives more values by position than there are parameters; `bound`: the first one is the object."""
    a = scope.parameters
    if a is None or a.vararg is not None or getattr(scope.node, "decorator_list", []):
        return False
    return len(given.positional) > len(a.posonlyargs) + len(a.args) - bound


def assumed(it: Interpreter, binding: Binding, world: World) -> tuple[Arguments, Frame]:
    """What the call gives that a world assumes, and the frame in which it stands."""
    where = it.root(binding.place.block.scope, world)
    for node in binding.overlay:
        where = iteration.overlay(it, node, binding.place, where)
    return arguments(it, binding.call, binding.place, where), where


def bound(it: Interpreter, scope: Scope, name: str, frame: Frame) -> Answer:
    """What a parameter of a scope is in a frame: receiver, argument, default, or open."""
    a = scope.parameters
    assert a is not None
    ordered = [p.arg for p in (*a.posonlyargs, *a.args)]
    skip = 1 if frame.receiver is not None and ordered else 0
    if skip and name == ordered[0]:
        return only(frame.receiver)
    index = ordered.index(name) - skip if name in ordered else None
    given = frame.arguments
    likely = False
    force = it.force
    if given is None:
        binding = frame.world.bindings.get(scope, ...)
        if binding is ...:
            opened = Parameter(scope, name)
            if isinstance(frame.receiver, Instance):
                cls = frame.receiver.cls
                frame.world.opened.setdefault(scope, {})[cls.scope] = cls
            it.parameters[opened.key] = opened
            return only(opened)
        if binding is None:
            return default(it, scope, name, frame, unbound=True)
        if binding.passed:
            return unknown("caller not followed", ("parameter", id(scope), name))
        given, where = assumed(it, binding, frame.world)
        likely = binding.likely

        def force(entry: Entry | None) -> Answer:
            return ways_in.possible(it, it.force(entry), binding, where, frame)

    if a.vararg is not None and name == a.vararg.arg:
        items = given.positional_answers(force, len(ordered) - skip)
        return _rest(given.more_positional, name) or only(
            Sequence(items, open=bool(given.more_positional), kind="tuple")
        )
    if a.kwarg is not None and name == a.kwarg.arg:
        known = {*ordered, *(p.arg for p in a.kwonlyargs)}
        rest = {k: force(v) for k, v in given.keywords.items() if k not in known}
        return _rest(given.more_keywords, name) or only(Dictionary(rest, open=bool(given.more_keywords)))
    entry = given.pick(index, name)
    if entry is not None:
        answer = force(entry)
        return (
            lift(answer, lambda t: only(t.replace(certainty="likely") if isinstance(t, Tensor) else t))
            if likely
            else answer
        )
    more = given.may_bind(index, name)
    if found := _rest(more, name):
        return found
    if more:
        return unknown("starred argument", ("parameter", id(frame), name))
    return default(it, scope, name, frame, unbound=False)


def _rest(more: object, name: str) -> Answer:
    """What an open `*args` hands on (`super().__init__(*args)`): whoever calls says what is in it."""
    return only(Parameter(more.scope, more.name, (*more.trail, ("item", name)))) if isinstance(more, Parameter) else ()


def default(it: Interpreter, scope: Scope, name: str, frame: Frame, *, unbound: bool) -> Answer:
    """A parameter's default; for one that nobody binds, its annotation counts as well."""
    annotation, node = signatures.declared(scope, name)
    key = ("parameter", id(scope), name)
    if node is not None:
        holder = scope.parent
        assert holder is not None
        where = frame.parent or frame
        line = it.ev(node, _definition_place(scope), where)
        if unbound:
            # Nobody in the project calls it: the default is what is meant, as far as an object goes.
            kept = tuple(
                (t, c)
                for t, c in line
                if isinstance(t, (Instance, Built, Function, Class, Library, Const)) and not _plain(t)
            )
            if not kept and scope not in it.unfollowed and _is_none(line) and fallbacks.replaced(scope, name):
                return line
            return kept or _unbound(it, scope, key)
        return line
    if annotation is not None and unbound:
        annotated = it.ev(annotation, _definition_place(scope), frame.parent or frame)
        receivers = [(it.receiver(t, frame.world), c) for t, c in annotated if isinstance(t, Class)]
        if receivers:
            return tuple(receivers)
    return _unbound(it, scope, key) if unbound else unknown("missing argument", key)


def _unbound(it: Interpreter, scope: Scope, key: object) -> Answer:
    if scope in it.unfollowed:
        return unknown("caller not followed", key)
    return unknown("parameter nobody binds", key)


def _is_none(answer: Answer) -> bool:
    return len(answer) == 1 and isinstance(answer[0][0], Const) and answer[0][0].value is None


def _plain(thing: object) -> bool:
    return isinstance(thing, Const) and not isinstance(thing.value, bool)


def _definition_place(scope: Scope) -> Place:
    """Before the `def`; for a lambda, where it stands."""
    parent = scope.parent
    assert parent is not None
    block = parent.block
    if scope.kind != "lambda":
        for index in block.names.get(scope.name, ()):
            for key, definition in block.writes.get(index, ()):
                if key == scope.name and definition.node is scope.node:
                    return Place(block, index)
    found = scope.file.locate(scope.node.lineno)  # type: ignore[attr-defined]
    return found if found is not None and found.block.scope is parent else Place(block, len(block.statements))

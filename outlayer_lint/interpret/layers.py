"""Library containers (`Sequential`, `ModuleList`, `ModuleDict`): what is in them, and running them in turn."""

from __future__ import annotations

import ast

from outlayer_lint.interpret import calls, classes, containers, iteration, mutation, native
from outlayer_lint.interpret.answers import lift, only, unknown
from outlayer_lint.interpret.frames import Arguments, Frame
from outlayer_lint.interpret.things import (
    Answer,
    Built,
    Const,
    Deferred,
    Dictionary,
    Entry,
    Instance,
    Lazy,
    Parameter,
    Sequence,
    Site,
    Subclass,
    Unknown,
)
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.resolve.blocks import Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.resolve.blocks import Definition
    from outlayer_lint.resolve.scopes import Scope

ADDING = frozenset(("mutate", "setitem", "setattr"))


def run_container(it: Interpreter, thing: Built, given: Arguments, site: Site) -> Answer:
    """`Sequential(...)(x)`: from the tail, so that a learned layer near the end answers at once."""
    if thing.row.how == "graph":
        from outlayer_lint.interpret.keras import models as keras_models  # noqa: PLC0415 - for programs that use Keras

        return keras_models.outputs_given(it, thing)
    if thing.row.how != "sequence":
        return unknown("call of a list of layers")

    def one(content: Any) -> Answer:
        layers: list[Entry]
        tail: tuple[Entry, ...] = ()
        if isinstance(content, Dictionary):
            layers, is_open = list(content.items.values()), content.open
            tail_layers = [v for k, v in content.items.items() if isinstance(k, tuple) and k[0] == "tail"]
            if is_open and tail_layers:
                layers, tail = [], tuple(tail_layers)
        elif isinstance(content, Sequence):
            layers, is_open, tail = list(content.items), content.open, content.tail
        else:
            return only(content)
        entry: Entry = given.pick(0, "input") or unknown("missing argument")
        if is_open:
            entry, layers = unknown("open-ended list of layers"), list(tail)
            if not layers:
                return entry
        for layer in layers:
            entry = Deferred(_step(it, layer, entry, site))
        return it.force(entry)

    return lift(parts(it, thing), one)


def _step(it: Interpreter, layer: Entry, entry: Entry, site: Site) -> Callable[[], Answer]:
    def run() -> Answer:
        return lift(
            it.force(layer),
            lambda f: (
                calls.call(it, f, Arguments((entry,)), _site_of(f, site))
                if not isinstance(f, Const)
                else it.force(entry)
            ),
        )

    return run


def _site_of(layer: object, site: Site) -> Site:
    """Where a layer of a model is shown to be applied: in Keras where it was built, not where the model is called."""
    return layer.site if isinstance(layer, Built) and layer.row.of_keras else site


def parts(it: Interpreter, thing: Built) -> Answer:
    """The children of a container: a `Sequence`, or a `Dictionary` where they are named."""
    key = ("parts", it.era)
    cached = thing.cache.get(key)
    if cached is None:
        cached = _parts(it, thing)
        if it.fuel > 0 and not it.reading:
            thing.cache[key] = cached
    return cached


def _parts(it: Interpreter, thing: Built) -> Answer:
    given = thing.arguments
    base: Answer
    if thing.extras and thing.extras[0][0] == "replaced":
        base = it.force(given.positional[0])
    elif thing.row.of_keras:
        from outlayer_lint.interpret.keras import models as keras_models  # noqa: PLC0415 - for programs that use Keras

        base = keras_models.parts(it, thing)
    elif given.more_positional:
        base = only(Sequence(given.positional, open=True, tail=_starred_tail(it, thing)))
    elif thing.row.how == "sequence":
        if len(given.positional) == 1 and not given.keywords:
            single = it.force(given.positional[0])
            if all(isinstance(t, (Dictionary, Sequence)) for t, _ in single):
                base = single
            else:
                base = only(Sequence(given.positional))
        else:
            base = only(Sequence(given.positional))
    elif given.positional or given.keywords:
        source = it.force(given.positional[0]) if given.positional else it.force(next(iter(given.keywords.values())))
        base = lift(source, lambda t: only(t) if isinstance(t, (Dictionary, Sequence)) else iterable(it, t))
        if thing.row.how == "dict":  # `ModuleDict([["relu", nn.ReLU()], ...])`
            base = lift(base, lambda t: native.paired(it, t) if isinstance(t, Sequence) else only(t))
    else:
        base = only(Dictionary({}) if thing.row.how == "dict" else Sequence(()))
    for name, more in thing.extras:
        if name != "replaced":
            base = lift(base, lambda t, name=name, more=more: only(_extended(it, t, name, more)))  # type: ignore[misc]
    for override in thing.overrides:
        if len(override.path) == 1 and isinstance(override.path[0], (int, str)):
            base = lift(base, lambda t, o=override: only(_assigned(t, o.path[0], o.lazy)))  # type: ignore[misc]
    return base


def registered(it: Interpreter, thing: Instance, built: Built, init: Scope, frame: Frame) -> Answer:
    """The container that an object of a derived class is: `self.add_module(...)`, and the modules that it assigns.

    Where it assigns modules, and what it adds otherwise depends on a condition or is in a loop, only the end is known.
    """
    key = ("registered", built.name)
    if key in thing.root.cache:
        return thing.root.cache[key]  # type: ignore[no-any-return]
    receiver, block = init.parameter_names[0], init.block
    if classes.method_of(it, thing.cls, "__init__", after=init.owner) is not None:
        built = _more(built, "open", Arguments())  # what a base between them registers
    made = Frame(
        init, frame.world, frame.parent,
        arguments=frame.arguments, receiver=frame.receiver, caller=frame.caller, place=frame.place,
    )  # fmt: skip
    made.memo[("parameter", receiver)] = only(built)
    places = {
        index: [d for k, d in written if (k == receiver and d.kind in ADDING) or _is_module(it, k, d, receiver, frame)]
        for index, written in sorted(block.writes.items())
    }
    if not any(d.kind == "assign" for found in places.values() for d in found):
        answer = it.defined(receiver, Place(block, len(block.statements)), made)
    else:
        answer = only(built)
        for index, found in places.items():
            for definition in found:
                answer = lift(answer, lambda b, d=definition, i=index: _with(it, b, d, Place(block, i), made))  # type: ignore[misc]
    if init.self_calls:
        answer = lift(answer, lambda b: only(_more(b, "open", Arguments())))
    if it.fuel > 0 and not it.reading:
        thing.root.cache[key] = answer
    return answer


def _is_module(it: Interpreter, key: str, definition: Definition, receiver: str, frame: Frame) -> bool:
    """Whether a write of `self.x` registers a module: one in another block is taken for one."""
    if not key.startswith(receiver + ".") or definition.kind != "assign" or not isinstance(definition.node, ast.Assign):
        return False
    if not isinstance(definition.value, ast.Call):
        return False
    value = it.ev(definition.value, Place(definition.block, definition.index), frame.inside(definition.block))
    return any(
        isinstance(t, Built)
        or (isinstance(t, Instance) and classes.is_torch_module(it, t.cls))
        or isinstance(t, (Parameter, Unknown))
        for t, _ in value
    )


def _with(it: Interpreter, thing: Any, definition: Definition, place: Place, frame: Frame) -> Answer:
    if definition.block is not place.block:
        return only(_more(thing, "open", Arguments()))
    if definition.kind == "mutate" and isinstance(definition.value, ast.Call):
        return mutation.mutated(it, only(thing), definition.value, place, frame)
    if definition.kind == "assign" and definition.value is not None and not definition.path:
        return only(_more(thing, "append", Arguments((Lazy(definition.value, place, frame),))))
    return only(_more(thing, "open", Arguments()))


def _more(thing: Any, name: str, given: Arguments) -> Any:
    if not isinstance(thing, Built):
        return thing
    return Built(thing.row, thing.name, thing.arguments, thing.site, (*thing.extras, (name, given)), thing.overrides)


def _starred_tail(it: Interpreter, thing: Built) -> tuple[Entry, ...]:
    """The known end of `Sequential(*layers)` where the list is open-ended."""
    node = thing.site.node
    if not isinstance(node, ast.Call):
        return ()
    entries: tuple[Entry, ...] = ()
    for argument in node.args:
        if isinstance(argument, ast.Starred):
            answer = it.ev(argument.value, thing.site.place, thing.site.frame)
            inner = containers.as_sequence(it, answer[0][0]) if len(answer) == 1 else None
            entries = (inner.tail if inner.open else (*entries, *inner.items)) if inner is not None else ()
        else:
            entries = (*entries, Lazy(argument, thing.site.place, thing.site.frame))
    return entries


def iterable(it: Interpreter, thing: Any) -> Answer:
    """What iterating a thing gives, as a sequence; of what is not known one of unknown length."""
    found = containers.as_sequence(it, thing)
    if found is not None:
        return only(found)
    if isinstance(thing, (Parameter, Subclass)):
        return only(thing)
    result = Sequence((), open=True, middle=iteration.turn(it, thing, None))
    key = getattr(thing, "key", None)
    if key is not None:
        result.key = key
    return only(result)


def _extended(it: Interpreter, thing: Any, name: str, given: Arguments) -> Any:
    """A container's children after one mutation."""
    if name == "open":
        if isinstance(thing, Dictionary):
            return Dictionary(thing.items, open=True)
        return Sequence(thing.items, open=True) if isinstance(thing, Sequence) else thing
    first, second = given.pick(0, "name"), given.pick(1, "module")
    if isinstance(thing, Sequence):
        tail: tuple[Entry, ...] = ()
        if name in ("append", "add") and first is not None:
            tail = (first,)
        elif name in ("add_module", "register_module", "setitem") and second is not None:
            key = it.constant(first)
            if name == "setitem" and isinstance(key, int):
                return _assigned(thing, key, second)
            tail = (second,)
        elif name in ("extend", "update") and first is not None:
            answer = it.force(first)
            inner = containers.as_sequence(it, answer[0][0]) if len(answer) == 1 else None
            if inner is None:
                return Sequence(thing.items, open=True)
            from outlayer_lint.interpret.operators import concatenated  # noqa: PLC0415

            return concatenated(thing, inner)
        elif name == "insert":
            return Sequence((), open=True, tail=thing.items[-1:])
        elif name == "pop":
            if thing.open:
                return Sequence(thing.items, open=True, tail=thing.tail[:-1], middle=thing.middle)
            return Sequence(thing.items[:-1])
        if thing.open:
            return Sequence(thing.items, open=True, tail=(*thing.tail, *tail), middle=thing.middle)
        return Sequence((*thing.items, *tail))
    if isinstance(thing, Dictionary):
        items = dict(thing.items)
        if name in ("add_module", "setitem", "register_module") and second is not None:
            key = it.constant(first)
            if key is ... or isinstance(key, tuple):
                return (
                    Dictionary({**items, ("tail", len(items)): second}, open=True)
                    if name == "add_module"
                    else Dictionary(items, open=True)
                )
            items[key] = second
            return Dictionary(items, open=thing.open)
        if name == "append" and first is not None:
            items[("tail", len(items))] = first
            return Dictionary(items, open=thing.open)
        if name == "update" and first is not None:
            answer = it.force(first)
            if isinstance(answer[0][0], Dictionary):
                items.update(answer[0][0].items)
                return Dictionary(items, open=thing.open or answer[0][0].open)
        return Dictionary(items, open=True)
    return thing


def _assigned(thing: Any, key: Any, lazy: Entry) -> Any:
    if isinstance(thing, Sequence) and isinstance(key, int):
        if not thing.open and -len(thing.items) <= key < len(thing.items):
            items = list(thing.items)
            items[key] = lazy
            return Sequence(tuple(items))
        if key == -1 and thing.tail:
            return Sequence(thing.items, open=True, tail=(*thing.tail[:-1], lazy))
        return Sequence((), open=True)
    if isinstance(thing, Dictionary):
        return Dictionary({**thing.items, key: lazy}, open=thing.open)
    return thing

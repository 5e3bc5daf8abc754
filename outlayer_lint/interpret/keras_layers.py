"""Keras layers: the activation a layer is given, by name or as an object, and which layer a tensor came out of."""

from __future__ import annotations

import contextlib
from math import inf
from typing import TYPE_CHECKING, Any, TypeVar

from outlayer_lint import knowledge
from outlayer_lint.interpret import calls, coupling, transfer
from outlayer_lint.interpret.frames import Arguments
from outlayer_lint.interpret.things import (
    Answer,
    Built,
    Class,
    Const,
    Instance,
    Lazy,
    Library,
    Parameter,
    Site,
    lift,
    only,
    unknown,
)  # fmt: skip
from outlayer_lint.lattice import Emission, Origin, Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.things import Entry
    from outlayer_lint.interpret.transfer import Application

Record = TypeVar("Record", Tensor, Origin)


# -- the activation ---------------------------------------------------------------------------------------------------


def activated(it: Interpreter, app: Application, answer: Answer) -> Answer:
    """What a layer gives once its own activation has been applied: `Dense(3, activation="softmax")`."""
    entry, default = _activation(app)
    if entry is None:
        if default is None:
            return answer
        return applied(it, app, only(Const(default)), None, answer)
    return applied(it, app, it.force(entry), entry, answer)


def _activation(app: Application) -> tuple[Entry | None, str | None]:
    """The activation that was given, or written to the layer later, and what holds where there is none."""
    spec = app.row.activation
    if not isinstance(spec, tuple):
        return None, spec
    if app.built is not None:
        for override in reversed(app.built.overrides):
            if override.path == (spec[1],):
                return override.lazy, None
    return app.entry(spec[1]), spec[2]


def applied(it: Interpreter, app: Application, activation: Answer, entry: Entry | None, answer: Answer) -> Answer:
    """One of several activations on what the layer itself gives."""
    where = app.site if app.built is None else app.built.site
    if isinstance(entry, Lazy):
        where = Site(entry.node, entry.place, entry.frame)
    built = None if app.built is None else it.span(app.built.site.node, app.built.site.place)
    if app.row.transfer == "recurrent" or app.row.emits is not None:
        answer = coupling.on_tensors(answer, _unbounded)

    def one(thing: Any) -> Answer:
        if isinstance(thing, Parameter):
            return only(Parameter(thing.scope, thing.name, (*thing.trail, ("activation", id(where.node)))))
        made = called_by_name(it, thing, Arguments((answer,)), where)
        if made is answer:
            return answer
        if app.row.transfer == "recurrent":
            made = coupling.on_tensors(made, _gated)
        return coupling.on_tensors(made, lambda t: elsewhere(t, built=built or t.origin.built))

    return lift(activation, one)


def _unbounded(tensor: Tensor) -> Tensor:
    return tensor.replace(emission=Emission.LOGIT, low=-inf, high=inf)


def _gated(tensor: Tensor) -> Tensor:
    """A recurrent layer weighs each value by a gate: a distribution no longer sums to one."""
    return tensor.replace(emission=Emission.UNIT, axis=None) if tensor.emission is Emission.SIMPLEX else tensor


def called_by_name(it: Interpreter, thing: Any, given: Arguments, site: Site) -> Answer:
    """Call what an `activation=` argument names: a string, a function, a layer or a class of layers."""
    before = it.force(given.positional[0])
    if isinstance(thing, Const):
        if thing.value is None:
            return before
        named = knowledge.alias("activation", thing.value) if isinstance(thing.value, str) else None
        if named is None:
            return unknown("unknown activation", ("activation", str(thing.value)))
        return transfer.apply(it, transfer.Application(it, named[0], "function", given, site, None))
    if isinstance(thing, Library):
        found = knowledge.find(thing.name)
        if found is not None and found[1] == "module":
            return transfer.called(it, Built(found[0], thing.name, Arguments(), site), given, site)
    if isinstance(thing, Class):
        return calls.call_instance(it, Instance(thing, site, Arguments()), given, site)
    return calls.call(it, thing, given, site)


# -- calling a layer --------------------------------------------------------------------------------------------------


def called(it: Interpreter, thing: Built, given: Arguments, site: Site) -> Answer:
    """A layer or model called on a tensor: its row at work, and the layer remembered."""
    if thing.row.transfer == "wraps" and thing.row.how == "both":
        return came_out(_both_ways(it, thing, given, site), thing)
    return came_out(transfer.run(it, thing, given, site), thing)


def _both_ways(it: Interpreter, thing: Built, given: Arguments, site: Site) -> Answer:
    """`Bidirectional(layer)`: both results side by side, or put together; the width is not known."""
    answer = lift(calls.wrapped(it, thing), lambda inner: calls.call(it, inner, given, site))
    return coupling.on_tensors(answer, lambda t: t.replace(units=None))


# -- the layer --------------------------------------------------------------------------------------------------------


def came_out(answer: Answer, layer: Built | Instance) -> Answer:
    """Remember which layer a tensor came out of: heads are matched by the names of their layers."""
    return coupling.on_tensors(answer, lambda t: t if t.origin.layer is layer else elsewhere(t, layer=layer))


def elsewhere(tensor: Tensor, **changes: object) -> Tensor:
    """The same tensor with another origin; what it waits to be asked for is not asked."""
    made = _copied(tensor)
    made.origin = _copied(tensor.origin)
    for name, value in changes.items():
        setattr(made.origin, name, value)
    return made


def _copied(record: Record) -> Record:
    """A copy of a record with slots, of whatever class: none of its properties is read."""
    made = object.__new__(type(record))
    for cls in type(record).__mro__:
        for name in getattr(cls, "__slots__", ()):
            slot = cls.__dict__[name]
            with contextlib.suppress(AttributeError):  # never written
                slot.__set__(made, slot.__get__(record, cls))
    return made


def layer_of(tensor: Tensor) -> Built | Instance | None:
    """The layer a tensor came out of, where that is known."""
    layer = tensor.origin.layer
    return layer if isinstance(layer, (Built, Instance)) else None


def name_of(it: Interpreter, layer: object) -> str:
    """The name that a layer or model was given, "" where it was not."""
    arguments = getattr(layer, "arguments", None)
    if arguments is None:
        return ""
    entry = arguments.keywords.get("name")
    if entry is None and isinstance(layer, Built) and "name" in layer.row.constructor:
        entry = arguments.pick(layer.row.constructor.index("name"), "name")
    value = it.constant(entry) if entry is not None else ""
    return value if isinstance(value, str) else ""


def _looked_up(kind: str) -> Callable[[Interpreter, Arguments, Site], Answer]:
    """`activations.get(x)`: what a string stands for; anything else is itself."""

    def one(thing: Any) -> Answer:
        if not isinstance(thing, Const):
            return only(thing)
        if thing.value is None and kind == "activation":
            return only(Library("keras.activations.linear"))
        named = knowledge.alias(kind, thing.value) if isinstance(thing.value, str) else None
        return only(Library(named[0].name)) if named is not None else unknown(f"unknown {kind}")

    return lambda it, given, _: lift(it.force(given.pick(0, "identifier")), one)


PACKAGES = ("keras", "tensorflow.keras", "tensorflow.python.keras", "tensorflow.contrib.keras", "tf_keras")
LOOKED_UP = {
    f"{package}.{module}.get": _looked_up(kind)
    for package in PACKAGES
    for module, kind in (("activations", "activation"), ("losses", "loss"))
}

"""Keras layers: the activation a layer is given, by name or as an object, and which layer a tensor came out of."""

from __future__ import annotations

import ast
import contextlib
from math import inf

from outlayer_lint import knowledge
from outlayer_lint.interpret import calls, classes, conditions, transfer
from outlayer_lint.interpret.answers import join, lift, only, unknown
from outlayer_lint.interpret.frames import MAX_DEPTH, Arguments, Frame
from outlayer_lint.interpret.things import (
    Answer,
    Built,
    Class,
    Const,
    Deferred,
    Function,
    Instance,
    Lazy,
    Library,
    Parameter,
    Partial,
    Sequence,
    Site,
)
from outlayer_lint.interpret.transfers import coupling
from outlayer_lint.lattice import Emission, Origin, Tensor
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.resolve.blocks import managers

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    Record = TypeVar("Record", Tensor, Origin)

    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.things import Entry
    from outlayer_lint.interpret.transfer import Application

SPEC = ("argument", "name", "default")  # a fourth says what else may set the default

MODES = {mode: only(Const(mode)) for mode in (True, False)}


# -- the activation ---------------------------------------------------------------------------------------------------


def activated(it: Interpreter, app: Application, answer: Answer) -> Answer:
    """What a layer gives once its own activation has been applied: `Dense(3, activation="softmax")`."""
    entry, default = _activation(app)
    if entry is None:
        starred = _starred(it, app)
        if starred is not None:
            return starred
        if default is None:
            return answer
        spec = app.row.activation
        if len(spec) > len(SPEC) and _set_around(it, spec[-1], app.site):
            return unknown("unknown activation", ("default", app.row.name))
        return applied(it, app, only(Const(default)), None, answer)
    return applied(it, app, it.force(entry), entry, answer)


def _starred(it: Interpreter, app: Application) -> Answer | None:
    """What is known of an activation that `Dense(**options)` may hold: nothing, or the parameter to ask callers for."""
    given, site = (app.given, app.site) if app.built is None else (app.built.arguments, app.built.site)
    spec, names = app.row.activation, app.row.constructor or app.row.parameters
    if not isinstance(spec, tuple) or not given.may_bind(names.index(spec[1]) if spec[1] in names else None, spec[1]):
        return None
    key = ("activation", id(site.node))
    for keyword in site.node.keywords if isinstance(site.node, ast.Call) else ():
        for thing, _ in it.ev(keyword.value, site.place, site.frame) if keyword.arg is None else ():
            if isinstance(thing, Parameter):
                return only(Parameter(thing.scope, thing.name, (*thing.trail, key)))
    return unknown("starred argument", key)


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


def _set_around(it: Interpreter, manager: str, site: Site) -> bool:
    """Whether a context manager that sets defaults may be entered where a layer is called, or by whoever calls that."""
    if not it.project.mentions(manager):
        return False
    place, frame = site.place, site.frame
    for _ in range(MAX_DEPTH):
        if manager in managers(place.block):
            return True
        if frame.place is not None and frame.caller is not None:
            place, frame = frame.place, frame.caller
            continue
        scope = place.block.scope
        assumed = frame.world.bindings.get(scope)
        if scope.kind == "module" or assumed is None:
            return scope.kind != "module"
        place, frame = assumed.place, it.root(assumed.place.block.scope, frame.world)
    return True


def applied(it: Interpreter, app: Application, activation: Answer, entry: Entry | None, answer: Answer) -> Answer:
    """One of several activations on what the layer itself gives."""
    where = app.site if app.built is None else app.built.site
    if isinstance(entry, Lazy):
        where = Site(entry.node, entry.place, entry.frame)
    built = None if app.built is None else it.spot(app.built.site)
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
        return coupling.on_tensors(made, lambda t: elsewhere(t, built=built) if built else elsewhere(t))

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
        return came_out(it, _both_ways(it, thing, given, site), thing)
    return came_out(it, transfer.run(it, thing, given, site), thing)


def in_mode(it: Interpreter, thing: Instance, given: Arguments, mode: Answer | Frame | None) -> Arguments:
    """The arguments with `training` as the framework adds it.

    `mode` is what `fit` or `predict` give; of a call in the program it is the frame, and the layer around tells.
    """
    found = classes.method_of(it, thing.cls, "call")
    names = found[1].parameter_names if found is not None else []
    if "training" not in names or given.pick(names.index("training") - 1, "training") is not None:
        return given
    while isinstance(mode, Frame):
        around = mode.scope.name == "call" and "training" in mode.scope.parameter_names
        mode = it.parameter("training", mode) if around else mode.caller
    if mode is None:
        return given
    return Arguments(
        given.positional, {**given.keywords, "training": mode},
        more_positional=given.more_positional, more_keywords=given.more_keywords,
    )  # fmt: skip


def _both_ways(it: Interpreter, thing: Built, given: Arguments, site: Site) -> Answer:
    """`Bidirectional(layer)`: both results side by side, or put together; the width is not known."""
    answer = lift(calls.wrapped(it, thing), lambda inner: calls.call(it, inner, given, site))
    return coupling.on_tensors(answer, lambda t: t.replace(units=None))


# -- the layer --------------------------------------------------------------------------------------------------------


def came_out(it: Interpreter, answer: Answer, layer: Built | Instance) -> Answer:
    """Remember which layer a tensor came out of: heads are matched by the names of their layers.

    Each of several outputs bears the name of the whole model that was called, not that of the layer inside.
    """

    def marked(item: Entry) -> Entry:
        return Deferred(lambda: came_out(it, it.force(item), layer))

    def one(thing: Any) -> Answer:
        if isinstance(thing, Sequence) and thing.items:
            items, tail = tuple(map(marked, thing.items)), tuple(map(marked, thing.tail))
            return only(Sequence(items, open=thing.open, tail=tail, middle=thing.middle, kind=thing.kind))
        return only(thing)

    answer = lift(answer, one) if any(isinstance(thing, Sequence) for thing, _ in answer) else answer
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


def _chosen(it: Interpreter, given: Arguments, site: Site) -> Answer:
    """`tf.cond(test, f, g)`: what the function that is called gives, or either."""
    test = it.force(given.pick(0, "pred") or given.pick(0, "condition"))
    decided = {conditions.truth(thing) for thing, _ in test}
    wanted = decided.pop() if len(decided) == 1 else None
    entries = [
        next((e for name in names if (e := given.pick(at, name)) is not None), None)
        for at, names in ((1, ("true_fn", "fn1", "then_expression")), (2, ("false_fn", "fn2", "else_expression")))
    ]

    def one(thing: Any) -> Answer:
        return calls.call(it, thing, Arguments(), site) if isinstance(thing, (Function, Partial)) else only(thing)

    return join(lift(it.force(e), one) for e, way in zip(entries, (True, False), strict=True) if wanted in (None, way))


PACKAGES = ("keras", "tensorflow.keras", "tensorflow.python.keras", "tensorflow.contrib.keras", "tf_keras")
LOOKED_UP = {
    f"{package}.{module}.get": _looked_up(kind)
    for package in PACKAGES
    for module, kind in (("activations", "activation"), ("losses", "loss"))
} | dict.fromkeys(
    (
        "tensorflow.cond", "tensorflow.compat.v1.cond", "keras.ops.cond",
        *(f"{package}.backend.switch" for package in PACKAGES),
    ),
    _chosen,
)  # fmt: skip

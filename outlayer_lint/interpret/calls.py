"""Calls: of project functions and classes, of layers, of library rows. Binding arguments to parameters."""

from __future__ import annotations

import ast

from outlayer_lint import knowledge
from outlayer_lint.interpret import (
    attributes,
    classes,
    conditions,
    construction,
    containers,
    effects,
    families,
    instances,
    iteration,
    layers,
    native,
    options,
    passing,
    transfer,
)
from outlayer_lint.interpret.answers import join, lift, only, unknown
from outlayer_lint.interpret.choices import NO_CHOICE, Choices, compatible, restrict
from outlayer_lint.interpret.frames import MAX_DEPTH, Arguments, Frame
from outlayer_lint.interpret.things import (
    Answer,
    Built,
    Class,
    Const,
    Foreign,
    Function,
    Instance,
    Lazy,
    Library,
    Method,
    Parameter,
    Partial,
    Sequence,
    Site,
    Subclass,
    Unknown,
)
from outlayer_lint.interpret.transfers import arrays
from outlayer_lint.lattice import Tensor
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.resolve.blocks import Place

if TYPE_CHECKING:
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.resolve.blocks import Block
    from outlayer_lint.resolve.scopes import Scope

RECURSION = 1  # how many times a function may be active when it is called once more
LOADING = 60  # evaluations for a class method that loads an object of its class
INNER_FORWARD = "_forward_impl"  # what the `forward` of torchvision's models runs
ABSTRACT = ("NotImplementedError", "NotImplemented")


def call(it: Interpreter, thing: Any, given: Arguments, site: Site) -> Answer:
    """Call a thing."""
    if isinstance(thing, Function):
        if isinstance(thing.bound, Class) and thing.scope.name in attributes.ALTERNATE_CONSTRUCTORS:
            return alternate(it, thing, thing.bound, given, site)
        return invoke(it, thing, given, site)
    if isinstance(thing, Library):
        return library(it, thing, given, site)
    if isinstance(thing, Class):
        return construction.construct(it, thing, given, site)
    if isinstance(thing, Instance):
        if families.is_keras_class(it, thing):
            from outlayer_lint.interpret.keras import layers as keras_layers  # noqa: PLC0415 - for programs that use Keras

            given = keras_layers.in_mode(it, thing, given, site.frame)
            return keras_layers.came_out(it, call_instance(it, thing, given, site), thing)
        return call_instance(it, thing, given, site)
    if isinstance(thing, Built):
        return transfer.called(it, thing, given, site)
    if isinstance(thing, Method):
        return method(it, thing, given, site)
    if isinstance(thing, Partial):
        return call(it, thing.function, thing.arguments.over(given), site)
    if isinstance(thing, Parameter):
        return only(Parameter(thing.scope, thing.name, (*thing.trail, ("call", id(site.node)))))
    if isinstance(thing, Subclass):
        return only(thing)
    if isinstance(thing, Unknown):
        key = None if thing.key is None else (thing.key, "()", id(site.node), id(site.frame.base))
        return options.called(thing, key) if isinstance(thing, options.Option) else unknown(thing.reason, key)
    if isinstance(thing, Foreign):
        return unknown("third-party object", (id(site.node), id(site.frame.base)))
    if isinstance(thing, Tensor):
        return arrays.called(it, thing, site)
    return unknown("unknown call")


def method(it: Interpreter, thing: Method, given: Arguments, site: Site) -> Answer:
    """Call a method: by its row on a tensor, by its meaning on a container or library object."""
    if thing.row is not None:
        return apply_row(it, thing.row, "method", given.prepend(only(thing.receiver)), site)
    receiver = thing.receiver
    if isinstance(receiver, Sequence) and receiver.kind == families.PIPELINE:
        from outlayer_lint.interpret.data import pipelines  # noqa: PLC0415 - for programs that use Keras

        return pipelines.method(it, receiver, thing.name, given, site)
    if isinstance(receiver, Instance) and thing.name in families.METHODS:
        from outlayer_lint.interpret.keras import models as keras_models  # noqa: PLC0415 - for programs that use Keras

        return keras_models.method(it, receiver, thing.name, given, site) or unknown("unknown method")
    if isinstance(receiver, Class):
        return only(Instance(receiver, site, Arguments(more_positional=True, more_keywords=True)))
    if isinstance(receiver, (Instance, Built)) and thing.name in instances.MODULE_METHODS:
        return only(receiver)
    if isinstance(receiver, Built):
        return transfer.method(it, receiver, thing.name, given, site)
    return containers.method(it, receiver, thing.name, given, site)


def library(it: Interpreter, thing: Library, given: Arguments, site: Site) -> Answer:
    """Call a library's function or class."""
    found = native.FUNCTIONS.get(thing.name)
    if found is None and thing.name.startswith(knowledge.KERAS):
        from outlayer_lint.interpret.data import pipelines  # noqa: PLC0415 - for programs that use Keras
        from outlayer_lint.interpret.keras import layers as keras_layers  # noqa: PLC0415 - for programs that use Keras

        found = keras_layers.LOOKED_UP.get(thing.name) or pipelines.FUNCTIONS.get(thing.name)
    if found is not None:
        return found(it, given, site)
    row = knowledge.find(thing.name)
    if row is None:
        return only(Foreign(thing.name, (id(site.node), id(site.frame.base))))
    contract, form = row
    if form == "module" or contract.kind == "trainer":
        return only(Built(contract, thing.name, given, site))
    return apply_row(it, contract, form, given, site)


def apply_row(it: Interpreter, row: knowledge.Row, form: str, given: Arguments, site: Site) -> Answer:
    """A function or method that a row describes."""
    return transfer.apply(it, transfer.Application(it, row, form, given, site, None))


def alternate(it: Interpreter, thing: Function, cls: Class, given: Arguments, site: Site) -> Answer:
    """`Net.from_pretrained(...)`: what the project's own function returns.

    One that models inherit from a base which is none itself is long, reads files, and comes to an object of the class
    it was called on: it is followed as far as a small purse shows it.
    """
    owner = thing.scope.owner
    shared = owner is not None and owner is not cls.scope and not owner.block.names.keys() & {"forward", "call"}
    fuel = it.fuel
    purse = it.fuel = min(fuel, LOADING) if shared else fuel
    answer = invoke(it, thing, given, site)
    short = shared and it.fuel <= 0
    it.fuel += fuel - purse
    if short or all(isinstance(t, (Unknown, Sequence)) for t, _ in answer):
        return only(Instance(cls, site, Arguments(more_positional=True, more_keywords=True)))
    return answer


# -- project functions ------------------------------------------------------------------------------------------------


def invoke(it: Interpreter, function: Function, given: Arguments, site: Site, key: object = None) -> Answer:
    """The result of a project function: its returns in a frame of their own."""
    scope, caller = function.scope, site.frame
    if isinstance(function.bound, Instance) and function.bound.site is None and _is_left_open(scope):
        return only(Subclass(function.bound.cls.scope, scope.name, caller.first.scope))
    if caller.depth >= MAX_DEPTH:
        return unknown("too deep")
    if caller.chain_has(scope, RECURSION):
        return unknown("recursion")
    if not passing.takes(scope, given) and scope.name not in conditions.FORWARD:  # Keras takes `training` itself
        return unknown("no such parameter")
    if passing.too_many(scope, given, bound=function.bound is not None):
        return unknown("no such parameter")
    mark = key or (id(site.node), id(scope), id(function.bound), id(function.frame), _answers(given))
    frame = caller.calls.get(mark)
    if frame is None:
        frame = Frame(
            scope,
            caller.world,
            function.frame,
            arguments=given,
            receiver=function.bound,
            caller=caller,
            place=site.place,
        )
        caller.calls[mark] = frame
    answer = result(it, frame)
    if isinstance(function.bound, Instance) and any(t is function.bound for t, _ in answer):
        return effects.returned(it, answer, function.bound, frame)
    return answer


def _answers(given: Arguments) -> object:
    """What tells two sets of arguments at the same call apart: answers computed elsewhere."""
    marks = [id(a) for a in given.positional if not isinstance(a, Lazy)]
    marks += [id(a) for a in given.keywords.values() if not isinstance(a, Lazy)]
    return tuple(marks)


def result(it: Interpreter, frame: Frame) -> Answer:
    """What the scope of a frame returns."""
    memo = ("result", it.era)
    if memo in frame.memo:
        return frame.memo[memo]
    frame.memo[memo] = unknown("recursion")
    scope = frame.scope
    if scope.kind == "lambda":
        node: Any = scope.node
        answer = it.ev(node.body, Place(scope.block, 0), frame)
    else:
        found: list[tuple[Place, Choices]] = []
        fallen = exits(it, scope.block, frame, NO_CHOICE, found)
        gathered = [restrict(_returned(it, place, frame), choices) for place, choices in found]
        yielded = iteration.yielded(it, scope, frame) if not gathered else None
        if yielded is not None:
            answer = yielded
        elif gathered:
            answer = conditions.meaningful(join(gathered))
        elif fallen is None:
            answer = unknown("call raises")
        else:
            answer = only(Const(None))
    del frame.memo[memo]
    if it.fuel > 0 and not it.reading:
        frame.memo[memo] = answer
    return answer


def _returned(it: Interpreter, place: Place, frame: Frame) -> Answer:
    value = place.block.statements[place.index].value  # type: ignore[attr-defined]
    return only(Const(None)) if value is None else it.ev(value, place, frame.inside(place.block))


def exits(
    it: Interpreter, block: Block, frame: Frame, choices: Choices, out: list[tuple[Place, Choices]]
) -> Choices | None:
    """Gather the returns of a block. Comes back with the choices under which control falls through, or `None`."""
    for index in block.exits:
        node = block.statements[index]
        place = Place(block, index)
        if isinstance(node, ast.Return):
            out.append((place, choices))
            return None
        if isinstance(node, (ast.Raise, ast.Continue, ast.Break)):
            return None
        subs = block.subs[index]
        fallen: list[Choices] = []
        for sub in subs:
            inner = choices
            if sub.condition is not None:
                decided = conditions.decide(it, sub.condition[0], sub.condition[1], place, frame.inside(block))
                both = None if decided is None else compatible(choices, decided)
                if both is None:
                    continue
                inner = both
            after = exits(it, sub, frame, inner, out)
            if sub.kind == "handler":
                continue
            if after is not None:
                fallen.append(after)
        if isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
            continue
        if not fallen:
            return None
        if isinstance(node, ast.If):
            choices = fallen[0] if len(fallen) == 1 else _common(fallen)
    return choices


def _common(sets: list[Choices]) -> Choices:
    common = sets[0]
    for other in sets[1:]:
        common &= other
    return common


def _is_left_open(scope: Scope) -> bool:
    """Whether a method refuses to be called, or is marked so: a subclass must be meant. One that passes is a hook."""
    raises = any(isinstance(node, ast.Raise) for node in scope.body)
    return (raises or scope.has_decorator("abstractmethod")) and is_abstract(scope)


def is_abstract(scope: Scope) -> bool:
    """Whether a method only raises `NotImplementedError`, passes, or has a docstring alone."""
    body = [n for n in scope.body if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))]
    if not body or (len(body) == 1 and isinstance(body[0], ast.Pass)):
        return True
    last = body[-1]
    if len(body) <= 2 and isinstance(last, ast.Raise) and last.exc is not None:
        raised = last.exc.func if isinstance(last.exc, ast.Call) else last.exc
        return getattr(raised, "id", getattr(raised, "attr", "")) in ABSTRACT
    return False


# -- objects ----------------------------------------------------------------------------------------------------------


def call_instance(it: Interpreter, thing: Instance, given: Arguments, site: Site) -> Answer:
    """`object(...)`: `forward` of a module, else `__call__`."""
    if construction.is_refused(it, thing):
        return unknown("constructor raises")
    names = (
        ("forward", "call", "__call__") if classes.is_torch_module(it, thing.cls) else ("__call__", "forward", "call")
    )
    for override in reversed(thing.overrides):
        if override.path == ("forward",):
            return lift(it.force(override.lazy), lambda f: call(it, f, given, site))
    for name in names:
        found = classes.method_of(it, thing.cls, name)
        if found is None:
            continue
        if is_abstract(found[1]):
            asked = site.frame.first.scope
            return only(Subclass(thing.cls.scope, name, asked)) if thing.site is None else unknown("abstract method")
        function = classes.bound_method(it, found[0], found[1], thing, thing.cls)
        return lift(function, lambda f: call(it, f, given, site))
    for name in names:
        value = instances.in_classes(it, thing, name, classes.mro(it, thing.cls))
        if value is not None:
            return lift(value, lambda f: call(it, f, given, site))
    return library_base(it, thing, given, site)


def library_base(it: Interpreter, thing: Instance, given: Arguments, site: Site) -> Answer:
    """An object whose class has its behaviour from a library: `class Head(nn.Sequential)`, `class L(nn.BCELoss)`."""
    for item in classes.mro(it, thing.cls):
        if isinstance(item, Library):
            row = knowledge.find(item.name)
            if row is not None and row[1] == "module" and row[0].transfer:
                if row[0].kind == "model" and (inner := classes.method_of(it, thing.cls, INNER_FORWARD)) is not None:
                    function = classes.bound_method(it, *inner, thing, thing.cls)
                    return lift(function, lambda f: call(it, f, given, site))
                made: object = None
                if thing.site is None and row[0].of_keras and classes.method_of(it, thing.cls, "__init__") is None:
                    made = construction.assumed(it, thing)
                if isinstance(made, Parameter):
                    return only(made)
                built = inherited(it, made if isinstance(made, Instance) else thing, row[0], item.name)
                if built is not None:
                    return _as_inherited(it, thing, built, given, site)
    if thing.site is None and any(isinstance(c, Library) for c in classes.mro(it, thing.cls)):
        return only(Subclass(thing.cls.scope, "forward", site.frame.first.scope))
    return unknown("class without a forward")


def _as_inherited(it: Interpreter, thing: Instance, built: Built, given: Arguments, site: Site) -> Answer:
    init = classes.method_of(it, thing.cls, "__init__") if built.row.how == "sequence" else None
    frame = None if init is None else construction.constructor_frame(it, thing, init[0], init[1], None)
    if init is None or frame is None or built.row.of_keras:
        return transfer.called(it, built, given, site)
    whole = layers.registered(it, thing, built, init[1], frame)
    return lift(whole, lambda b: transfer.called(it, b, given, site) if isinstance(b, Built) else only(b))


def inherited(it: Interpreter, thing: Instance, row: knowledge.Row, name: str) -> Built | None:
    """The library object that an instance of a derived class is, from its `super().__init__` arguments."""
    init = classes.method_of(it, thing.cls, "__init__")
    if init is None:
        if thing.arguments is None or thing.site is None:
            return None
        return Built(row, name, thing.arguments, thing.site)
    frame = construction.constructor_frame(it, thing, init[0], init[1], None)
    if frame is None:
        return None
    for place, node in construction.calls_named(init[1].block, "__init__"):
        given = construction.handed_up(it, node, place, frame, row)
        if given is None:
            continue
        built = Built(row, name, given, Site(node, place, frame))
        if row.of_keras:
            from outlayer_lint.interpret.keras import models as keras_models  # noqa: PLC0415 - for programs that use Keras

            return keras_models.inherited_additions(it, thing, built)
        return built
    return None


def wrapped(it: Interpreter, thing: Built) -> Answer:
    """The object inside a wrapper."""
    return it.force(thing.arguments.pick(0, thing.row.constructor[0] if thing.row.constructor else "module"))

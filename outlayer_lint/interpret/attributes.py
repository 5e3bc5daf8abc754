"""Attributes: of objects (over `__init__`, other methods, bases, writes from outside), modules, tensors."""

from __future__ import annotations

import ast

from outlayer_lint import knowledge
from outlayer_lint.interpret import calls, classes, conditions, families, imports, instances, options, texts
from outlayer_lint.interpret.answers import join, lift, only, unknown
from outlayer_lint.interpret.frames import Arguments, Frame
from outlayer_lint.interpret.options import Option
from outlayer_lint.interpret.things import (
    Answer,
    Built,
    Class,
    Const,
    Dictionary,
    Foreign,
    Function,
    Instance,
    Lazy,
    Library,
    Method,
    Module,
    Override,
    Parameter,
    Sequence,
    Site,
    Subclass,
    Super,
    Unbound,
    Unknown,
    Written,
)
from outlayer_lint.interpret.transfers import arrays
from outlayer_lint.interpret.transfers.coupling import Sizes
from outlayer_lint.lattice import Emission, Tensor
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.resolve.blocks import Place
    from outlayer_lint.resolve.scopes import Scope

TRANSPOSED = frozenset(("T", "mT", "H", "mH"))  # read, not called

# Class methods of framework bases that give an object of the class, whatever they load into it.
ALTERNATE_CONSTRUCTORS = frozenset(("from_pretrained", "from_config", "load_from_checkpoint", "from_checkpoint"))


def attribute(it: Interpreter, thing: Any, name: str, site: Site) -> Answer:
    """`thing.name`."""
    if isinstance(thing, Instance):
        answer = instances.of_instance(it, thing, name, site)
        if families.offers(name) and families.is_keras_class(it, thing):
            from outlayer_lint.interpret.keras import models as keras_models  # noqa: PLC0415 - for programs that use Keras

            return keras_models.offered(it, thing, name, answer)
        return answer
    if isinstance(thing, Tensor):
        return of_tensor(it, thing, name, site)
    if isinstance(thing, (Module, Library)):
        return imports.attribute_of_module(it, thing, name)
    if isinstance(thing, Built):
        return of_built(it, thing, name, site)
    if isinstance(thing, Class):
        found = classes.class_attribute(it, thing, name, None)
        if found is not None:
            return found
        if name == "__name__":
            from outlayer_lint.interpret import reflection  # noqa: PLC0415 - reflection builds on attributes

            return reflection.class_name(it, thing, site)
        if name in ALTERNATE_CONSTRUCTORS and any(isinstance(c, (Library, Unknown)) for c in classes.mro(it, thing)):
            return only(Method(thing, name))
        return unknown("unknown attribute", ("class", id(thing.scope), name))
    if isinstance(thing, Super):
        return of_super(it, thing, name, site)
    if isinstance(thing, Parameter):
        return of_parameter(it, thing, name)
    if isinstance(thing, Dictionary):
        if name in thing.items:
            return it.force(thing.items[name])
        if name in ("get", "items", "values", "keys", "pop", "update", "copy", "setdefault"):
            return only(Method(thing, name))
        return unknown("unknown key") if thing.open else unknown("unknown attribute")
    if isinstance(thing, Sequence):
        return only(Method(thing, name))
    if isinstance(thing, Subclass):
        return only(thing)
    if isinstance(thing, Method):
        return unknown("unknown attribute")
    if isinstance(thing, Unknown):
        if isinstance(thing, Written):
            for override in thing.overrides:
                if override.path[0] == name:
                    return it.force(override.lazy)
            return attribute(it, thing.thing, name, site)
        if isinstance(thing, Option) and (given := options.attribute(thing, name, texts.METHODS)) is not None:
            return given
        row = knowledge.methods(name)
        if row is not None and row[1] == "method" and name not in TRANSPOSED:
            return only(Method(thing, name, row[0]))
        return ((Unknown(thing.reason, None if thing.key is None else (thing.key, name)), frozenset()),)
    if isinstance(thing, Const) and isinstance(thing.value, str):
        return only(Method(thing, name))
    if isinstance(thing, Foreign):
        if (given := options.parsing(thing, name, site)) is not None:
            return given
        row = knowledge.methods(name, of=thing.name) or knowledge.methods(name)
        if row is not None:
            return only(Method(thing, name, row[0]))
        return unknown("third-party object", (thing.key, name))
    if isinstance(thing, Function):
        return unknown("function attribute")
    return unknown("unknown attribute", (getattr(thing, "key", None), name))


def of_parameter(it: Interpreter, thing: Parameter, name: str) -> Answer:
    """Of something no call binds yet: a tensor's method where the word is one, else open."""
    row = knowledge.methods(name)
    if row is not None and row[1] == "method" and name not in TRANSPOSED:
        return only(Method(thing, name, row[0]))
    return only(Parameter(thing.scope, thing.name, (*thing.trail, name)))


def of_tensor(it: Interpreter, thing: Tensor, name: str, site: Site) -> Answer:
    """A tensor's methods by their rows; `.data`, `.T`, `.shape`; a table's own."""
    if arrays.of_pandas(thing):
        from outlayer_lint.interpret.data import tables  # noqa: PLC0415 - for programs that use pandas

        return tables.attribute(it, thing, name, site)
    return of_array(it, thing, name, site)


def of_array(it: Interpreter, thing: Tensor, name: str, site: Site) -> Answer:
    """Of what is no table: a tensor, an array, a column."""
    if name in ("data", "real"):
        return only(thing)
    found = knowledge.methods(name)
    if found is not None and found[1] == "method":
        row = found[0]
        if name in TRANSPOSED:
            return calls.apply_row(it, row, "method", Arguments((only(thing),)), site)
        return only(Method(thing, name, row))
    if name in ("shape", "device", "dtype", "ndim", "grad", "is_cuda"):
        key = ("shape", id(site.node), id(site.frame.base))
        rows = name == "shape" and thing.emission in (Emission.ONEHOT, Emission.MULTIHOT)
        return only(Sizes(key, thing)) if rows else unknown("shape", key)
    if name in ("backward", "register_hook", "retain_grad"):
        return only(Method(thing, name))
    if name in ("logits", "prediction_logits", "output", "last_hidden_state"):
        return unknown("unknown attribute of a model's output")
    if thing.source is not None and (array := knowledge.methods(name, of="numpy.ndarray")) is not None:
        return only(Method(thing, name, array[0]))
    if thing.source is not None and (own := knowledge.methods(name, of="pandas.Series")) is not None:
        return only(Method(thing, name, own[0]))
    return only(arrays.attribute(thing, name))


def of_built(it: Interpreter, thing: Built, name: str, site: Site) -> Answer:
    """Of a library object: what was written to it, what it was constructed with, else a method."""
    for override in reversed(thing.overrides):
        if override.path[0] == name:
            if len(override.path) == 1:
                return it.force(override.lazy)
            return written_inside(_built_attribute(it, thing, name, site), override)
    return _built_attribute(it, thing, name, site)


def written_inside(answer: Answer, override: Override) -> Answer:
    """The parts that an assignment reaches into, with the rest of its path written to them."""
    rest = Override(override.path[1:], override.lazy)
    return lift(answer, lambda part: only(with_override(part, rest)))


def _built_attribute(it: Interpreter, thing: Built, name: str, site: Site) -> Answer:
    if name in thing.row.constructor:
        index = thing.row.constructor.index(name)
        entry = thing.arguments.pick(index, name)
        if entry is not None:
            return it.force(entry)
    if thing.row.of_keras:
        from outlayer_lint.interpret.keras import models as keras_models  # noqa: PLC0415 - for programs that use Keras

        offered = keras_models.attribute(it, thing, name)
        if offered is not None:
            return offered
    if thing.row.kind == "container":
        from outlayer_lint.interpret import containers  # noqa: PLC0415 - containers builds on attributes

        part = containers.part(it, thing, name)
        if part is not None:
            return part
    if name in ("module", "model") and thing.row.transfer == "wraps":
        return calls.wrapped(it, thing)
    if name == "module" and thing.row.kind in ("model", "container"):
        return only(thing)  # as it was wrapped
    return only(Method(thing, name))


def with_override(thing: Any, override: Override) -> Any:
    """The object with an attribute written from outside: one object, however often a loop writes it."""
    if not isinstance(thing, (Instance, Built)):
        return thing
    overrides = _overwritten(thing.overrides, override)
    if overrides == thing.overrides:
        return thing
    if isinstance(thing, Instance):
        first, key = thing.root, ("written", thing.effect, overrides)
        if key not in first.cache:
            first.cache[key] = thing.then(overrides)
    else:
        first, key = thing.cache.get("as built", thing), ("written", None, overrides)
        if key not in first.cache:
            later = Built(thing.row, thing.name, thing.arguments, thing.site, thing.extras, overrides)
            later.cache["as built"] = first
            first.cache[key] = later
    return first.cache[key]


def _overwritten(overrides: tuple[Override, ...], new: Override) -> tuple[Override, ...]:
    """What is written, without what a newer write takes the place of."""
    size = len(new.path)
    kept = tuple(o for o in overrides if o.path[:size] != new.path or o.path == new.path)
    if any(o.path == new.path for o in kept):
        return tuple(new if o.path == new.path else o for o in kept)
    return (*kept, new)


def overridden(it: Interpreter, thing: Any, path: tuple[object, ...], lazy: Lazy, how: str) -> Any:
    """The effect of `x.a.b = value` on `x`."""
    if isinstance(thing, Tensor) and arrays.of_pandas(thing):
        from outlayer_lint.interpret.data import tables  # noqa: PLC0415 - for programs that use pandas

        return tables.overridden(it, thing, path, lazy)
    names = tuple(step for step in path if isinstance(step, str))
    if isinstance(thing, Built) and thing.row.kind == "data" and (how != "assign" or len(names) < len(path)):
        return with_override(thing, Override((*names, ...), lazy))  # some of its examples are others from then on
    if how != "assign":
        return thing
    if isinstance(thing, Unknown):
        return _given(thing, Override(path, lazy))
    if isinstance(thing, Dictionary) and len(path) == 1 and lazy.place.block.is_certain:  # a namespace
        return Dictionary({**thing.items, path[0]: lazy}, open=thing.open, kind=thing.kind)
    steps = tuple(it.constant(it.ev(s, lazy.place, lazy.frame)) if isinstance(s, ast.expr) else s for s in path)
    return thing if ... in steps else with_override(thing, Override(steps, lazy))


def _given(thing: Unknown, new: Override) -> Unknown:
    """What was parsed, with what the program adds to it on every way: conditions would make it many."""
    first, kept = (thing.thing, thing.overrides) if isinstance(thing, Written) else (thing, ())
    if len(new.path) != 1 or not (isinstance(first, Option) and first.step == "namespace"):
        return thing
    others = tuple(o for o in kept if o.path != new.path)
    if new.lazy.place.block.is_certain:
        return Written(first, (*others, new))
    return thing if len(others) == len(kept) else Written(first, others)


def written(it: Interpreter, key: str, place: Place, frame: Frame) -> Answer:
    """`self.x` or `model.fc` in a scope that writes it: the writes that reach the place, else the object's own."""
    base, _, name = key.rpartition(".")
    answer = it.defined(key, place, frame, fallback=False)
    open_ways = [c for t, c in answer if t is Unbound]
    kept = tuple((t, c) for t, c in answer if t is not Unbound)
    undefined = len(kept) == 1 and isinstance(kept[0][0], Unknown) and kept[0][0].reason == "undefined name"
    if not open_ways and not undefined:
        return kept
    node = ast.Name(base, ast.Load()) if "." not in base else None
    holder = it.lookup(base, place, frame) if node is not None else written(it, base, place, frame)
    scope = place.block.scope
    own = lift(holder, lambda thing: _own(it, thing, name, scope, frame, place))
    if undefined or not kept:
        return own
    return conditions.meaningful(join([kept, own]))


def _own(it: Interpreter, thing: Any, name: str, scope: Scope, frame: Frame, place: Place) -> Answer:
    """An attribute as it is on entry to a method that also writes it."""
    if isinstance(thing, Instance):
        if scope.name == "__init__" and scope.owner is not None and thing is frame.receiver:
            return from_bases(it, thing, name, scope, frame)
        return instances.of_instance(it, thing, name, None, skip=scope)
    return attribute(it, thing, name, Site(ast.Name(name, ast.Load()), place, frame))


def from_bases(it: Interpreter, thing: Instance, name: str, scope: Scope, frame: Frame) -> Answer:
    """What the constructors of the bases have left, seen from inside a derived `__init__`."""
    order = classes.mro(it, thing.cls)
    after = [i for i, c in enumerate(order) if isinstance(c, Class) and c.scope is scope.owner]
    rest = order[after[0] + 1 :] if after else []
    found = instances.in_classes(it, thing, name, rest, inside=frame)
    return (
        found
        if found is not None
        else classes.class_attribute(it, thing.cls, name, thing) or unknown("unknown attribute")
    )


def of_super(it: Interpreter, thing: Super, name: str, site: Site) -> Answer:
    """`super().name`."""
    instance = thing.instance
    if not isinstance(instance, Instance):
        return unknown("super of an unknown object")
    found = classes.method_of(it, instance.cls, name, after=thing.after)
    if found is not None:
        return classes.bound_method(it, found[0], found[1], instance, instance.cls)
    return (
        only(Method(instance, name))
        if name in instances.MODULE_METHODS or name == "__init__"
        else unknown("base of another package")
    )

"""Attributes: of objects (over `__init__`, other methods, bases, writes from outside), modules, tensors."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

from outlayer_lint import knowledge
from outlayer_lint.interpret import arrays, calls, conditions, imports
from outlayer_lint.interpret.frames import Arguments, Frame
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
    Unknown,
    join,
    lift,
    only,
    unknown,
)  # fmt: skip
from outlayer_lint.lattice import Tensor
from outlayer_lint.resolve.scopes import FUNCTIONS, Place, Scope

if TYPE_CHECKING:
    from outlayer_lint.interpret.interpreter import Interpreter

MAX_BASES = 24
IS_MODULE = re.compile(
    r"(^|\.)(Module|LightningModule|Model|Layer|HybridBlock|PreTrainedModel|LightningLite|Sequential|ModuleList)$"
)
# Class methods of framework bases that give an object of the class, whatever they load into it.
ALTERNATE_CONSTRUCTORS = frozenset(("from_pretrained", "from_config", "load_from_checkpoint", "from_checkpoint"))


def attribute(it: Interpreter, thing: Any, name: str, site: Site) -> Answer:
    """`thing.name`."""
    if isinstance(thing, Instance):
        return of_instance(it, thing, name, site)
    if isinstance(thing, Tensor):
        return of_tensor(it, thing, name, site)
    if isinstance(thing, (Module, Library)):
        return imports.attribute_of_module(it, thing, name)
    if isinstance(thing, Built):
        return of_built(it, thing, name, site)
    if isinstance(thing, Class):
        found = class_attribute(it, thing, name, None)
        if found is not None:
            return found
        if name in ALTERNATE_CONSTRUCTORS and any(isinstance(c, (Library, Unknown)) for c in mro(it, thing)):
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
        row = knowledge.methods(name)
        if row is not None and row[1] == "method":
            return only(Method(thing, name, row[0]))
        return ((Unknown(thing.reason, None if thing.key is None else (thing.key, name)), frozenset()),)
    if isinstance(thing, Const) and isinstance(thing.value, str):
        return only(Method(thing, name))
    if isinstance(thing, Foreign):
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
    if row is not None and row[1] == "method":
        return only(Method(thing, name, row[0]))
    return only(Parameter(thing.scope, thing.name, (*thing.trail, name)))


def of_tensor(it: Interpreter, thing: Tensor, name: str, site: Site) -> Answer:
    """A tensor's methods by their rows; `.data`, `.T`, `.shape`."""
    if name in ("data", "real"):
        return only(thing)
    found = knowledge.methods(name)
    if found is not None and found[1] == "method":
        row = found[0]
        if row.transfer == "moves-axis" and name in ("T", "mT", "H", "mH"):
            return calls.apply_row(it, row, "method", Arguments((only(thing),)), site)
        return only(Method(thing, name, row))
    if name in ("shape", "device", "dtype", "ndim", "grad", "is_cuda"):
        return unknown("shape", ("shape", id(site.node), id(site.frame.base)))
    if name in ("backward", "register_hook", "retain_grad"):
        return only(Method(thing, name))
    if name in ("logits", "prediction_logits", "output", "last_hidden_state"):
        return unknown("unknown attribute of a model's output")
    if thing.source is not None and (array := knowledge.methods(name, of="numpy.ndarray")) is not None:
        return only(Method(thing, name, array[0]))
    return only(arrays.attribute(thing, name))


def of_built(it: Interpreter, thing: Built, name: str, site: Site) -> Answer:
    """Of a library object: what was written to it, what it was constructed with, else a method."""
    for override in reversed(thing.overrides):
        if override.path[0] == name:
            if len(override.path) == 1:
                return it.force(override.lazy)
            return _written_inside(_built_attribute(it, thing, name, site), override)
    return _built_attribute(it, thing, name, site)


def _written_inside(answer: Answer, override: Override) -> Answer:
    """The parts that an assignment reaches into, with the rest of its path written to them."""
    rest = Override(override.path[1:], override.lazy)
    return lift(answer, lambda part: only(with_override(part, rest)))


def _built_attribute(it: Interpreter, thing: Built, name: str, site: Site) -> Answer:
    if name in thing.row.constructor:
        index = thing.row.constructor.index(name)
        entry = thing.arguments.pick(index, name)
        if entry is not None:
            return it.force(entry)
    if thing.row.kind == "container":
        from outlayer_lint.interpret import containers  # noqa: PLC0415 - containers builds on attributes

        part = containers.part(it, thing, name)
        if part is not None:
            return part
    if name in ("module", "model") and thing.row.transfer == "wraps":
        return calls.wrapped(it, thing)
    return only(Method(thing, name))


def with_override(thing: Any, override: Override) -> Any:
    """The object with an attribute written from outside."""
    if isinstance(thing, Instance):
        copy = Instance(thing.cls, thing.site, thing.arguments, (*thing.overrides, override))
        copy.root = thing.root
        return copy
    if isinstance(thing, Built):
        return Built(thing.row, thing.name, thing.arguments, thing.site, thing.extras, (*thing.overrides, override))
    return thing


def overridden(it: Interpreter, thing: Any, path: tuple[object, ...], lazy: Lazy, how: str) -> Any:
    """The effect of `x.a.b = value` on `x`."""
    if how != "assign":
        return thing
    steps = tuple(it.constant(it.ev(s, lazy.place, lazy.frame)) if isinstance(s, ast.expr) else s for s in path)
    return thing if ... in steps else with_override(thing, Override(steps, lazy))


def written(it: Interpreter, key: str, place: Place, frame: Frame) -> Answer:
    """`self.x` or `model.fc` in a scope that writes it: the writes that reach the place, else the object's own."""
    base, _, name = key.rpartition(".")
    answer = it.defined(key, place, frame, fallback=False)
    from outlayer_lint.interpret.interpreter import Unbound  # noqa: PLC0415 - the interpreter builds on attributes

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
            return _from_bases(it, thing, name, scope, frame)
        return of_instance(it, thing, name, None, skip=scope)
    return attribute(it, thing, name, Site(ast.Name(name, ast.Load()), place, frame))


def _from_bases(it: Interpreter, thing: Instance, name: str, scope: Scope, frame: Frame) -> Answer:
    """What the constructors of the bases have left, seen from inside a derived `__init__`."""
    order = mro(it, thing.cls)
    after = [i for i, c in enumerate(order) if isinstance(c, Class) and c.scope is scope.owner]
    rest = order[after[0] + 1 :] if after else []
    found = _in_classes(it, thing, name, rest, inside=frame)
    return found if found is not None else class_attribute(it, thing.cls, name, thing) or unknown("unknown attribute")


# -- classes ----------------------------------------------------------------------------------------------------------


def mro(it: Interpreter, cls: Class) -> list[Any]:
    """The class, then its bases depth first: `Class` or `Library`, or `Unknown` for what cannot be followed."""
    if cls._mro is None:
        order: list[Any] = []
        seen: set[object] = set()

        def visit(item: Any) -> None:
            mark = item.scope if isinstance(item, Class) else getattr(item, "name", id(item))
            if mark in seen or len(order) > MAX_BASES:
                return
            seen.add(mark)
            order.append(item)
            if isinstance(item, Class):
                for base in item.scope.node.bases:  # type: ignore[attr-defined]
                    for thing, _ in it.ev(base, _statement_place(item), item.frame)[:3]:
                        visit(thing.row and Library(thing.name) if isinstance(thing, Built) else thing)

        visit(cls)
        cls._mro = order
    return cls._mro


def _statement_place(cls: Class) -> Place:
    """Before the class statement."""
    block = cls.frame.scope.block
    name = cls.scope.name
    for index in block.names.get(name, ()):
        for key, definition in block.writes.get(index, ()):
            if key == name and definition.node is cls.scope.node:
                return Place(block, index)
    line = cls.scope.node.lineno  # type: ignore[attr-defined]
    found = cls.scope.file.locate(line)
    return found if found is not None else Place(block, len(block.statements))


def is_torch_module(it: Interpreter, cls: Class) -> bool:
    """Whether instances are called through `forward`."""
    return any(isinstance(c, Library) and IS_MODULE.search(c.name) for c in mro(it, cls)) or any(
        isinstance(c, Unknown) for c in mro(it, cls)
    )


def method_of(it: Interpreter, cls: Class, name: str, after: Scope | None = None) -> tuple[Class, Scope] | None:
    """The method a class or the nearest base defines, behind `after` if given."""
    order = mro(it, cls)
    if after is not None:
        at = [i for i, c in enumerate(order) if isinstance(c, Class) and c.scope is after]
        order = order[at[0] + 1 :] if at else order[1:]
    for item in order:
        if isinstance(item, Class):
            block = item.scope.block
            for index in reversed(block.names.get(name, ())):
                for key, definition in block.writes.get(index, ()):
                    if key == name and definition.kind == "def":
                        return item, item.scope.child(definition.node)
                for sub in block.subs.get(index, ()):
                    for inner in sub.writes.values():
                        for key, definition in inner:
                            if key == name and definition.kind == "def":
                                return item, item.scope.child(definition.node)
    return None


def class_attribute(it: Interpreter, cls: Class, name: str, instance: Instance | None) -> Answer | None:
    """A method, property or class variable."""
    for item in mro(it, cls):
        if not isinstance(item, Class):
            continue
        block = item.scope.block
        if name not in block.names:
            continue
        found = method_of(it, item, name)
        if found is not None and found[0] is item:
            return bound_method(it, item, found[1], instance, cls)
        frame = _class_frame(item)
        return it.defined(name, Place(block, len(block.statements)), frame)
    return None


def _class_frame(cls: Class) -> Frame:
    key = ("class body", id(cls.scope))
    frame = cls.frame.children.get(key)
    if frame is None:
        frame = cls.frame.children[key] = Frame(cls.scope, cls.frame.world, cls.frame, arguments=Arguments())
    return frame


def bound_method(it: Interpreter, owner: Class, scope: Scope, instance: Any, cls: Class) -> Answer:
    """A method as read from an object or a class."""
    if scope.has_decorator("staticmethod"):
        return only(Function(scope, _class_frame(owner)))
    if scope.has_decorator("classmethod"):
        return only(Function(scope, _class_frame(owner), bound=cls))
    if scope.has_decorator("property", "cached_property", "lazy_property") and instance is not None:
        site = Site(ast.Name(scope.name, ast.Load()), Place(owner.scope.block, 0), _class_frame(owner))
        return calls.invoke(
            it, Function(scope, _class_frame(owner), bound=instance), Arguments(), site, key=("property", id(instance))
        )
    return only(Function(scope, _class_frame(owner), bound=instance))


# -- instances --------------------------------------------------------------------------------------------------------


def of_instance(it: Interpreter, thing: Instance, name: str, site: Site | None, skip: Scope | None = None) -> Answer:
    """An attribute of a project object."""
    if name == "training":
        return only(Const(it.training))
    if name == "__class__":
        return only(thing.cls)
    if name == "__call__" and method_of(it, thing.cls, name) is None:
        return only(thing)
    for override in reversed(thing.overrides):
        if override.path[0] == name:
            if len(override.path) == 1:
                return it.force(override.lazy)
            bare = Instance(
                thing.cls, thing.site, thing.arguments, tuple(o for o in thing.overrides if o is not override)
            )
            bare.root = thing.root
            return _written_inside(of_instance(it, bare, name, site), override)
    key = (name, None if skip is None else id(skip), it.training)
    root = thing.root
    if key not in root.cache:
        root.cache[key] = unknown("cycle")
        answer = _find(it, root, name, skip)
        if it.fuel <= 0:
            del root.cache[key]
            return answer
        root.cache[key] = answer
    found: Answer = root.cache[key]
    return found if thing is root else tuple((_rebound(t, root, thing), c) for t, c in found)


def _rebound(part: Any, root: Instance, thing: Instance) -> Any:
    """A method found on the object as it was built, as a method of the object as it is now."""
    if isinstance(part, Method) and part.receiver is root:
        return Method(thing, part.name, part.row)
    return Function(part.scope, part.frame, bound=thing) if isinstance(part, Function) and part.bound is root else part


def _find(it: Interpreter, thing: Instance, name: str, skip: Scope | None) -> Answer:
    order = mro(it, thing.cls)
    found = _in_classes(it, thing, name, order, skip=skip)
    if found is not None and not all(isinstance(t, Const) and t.value is None for t, _ in found):
        return found
    other = _in_methods(it, thing, name, order, skip)
    if other is not None:
        return other
    if found is not None:
        return found
    if name in dataclass_fields(it, thing.cls):
        # A field's default is a fact only for an object that was built without giving it.
        field = _field(it, thing, name)
        return unknown("unknown attribute", ("attribute", id(thing.root), name)) if thing.site is None else field
    declared = class_attribute(it, thing.cls, name, thing)
    if declared is not None:
        return declared
    if any(isinstance(c, Library) and c.name == "typing.NamedTuple" for c in order):
        return _field(it, thing, name)
    field = _field(it, thing, name)
    if not (len(field) == 1 and isinstance(field[0][0], Unknown)):
        return field
    library = next((c for c in order if isinstance(c, Library) and c.name not in ("builtins.object", "abc.ABC")), None)
    if library is not None and _library_method(library, name):
        return only(Method(thing, name, None))
    if thing.site is None and thing.arguments is None:
        return only(Subclass(thing.cls.scope, name))
    return unknown(
        "base of another package" if library is not None else "unknown attribute", ("attribute", id(thing.root), name)
    )


def _library_method(library: Library, name: str) -> bool:
    return bool(IS_MODULE.search(library.name)) and name in MODULE_METHODS


MODULE_METHODS = frozenset(
    "to cuda cpu eval train half float double bfloat16 apply requires_grad_ parameters named_parameters children "
    "modules named_modules named_children state_dict load_state_dict zero_grad log log_dict save_hyperparameters "
    "register_buffer register_parameter add_module share_memory type manual_backward optimizers freeze unfreeze double "
    "compile".split()
)


def _field(it: Interpreter, thing: Instance, name: str) -> Answer:
    """A dataclass's or named tuple's field, from the constructor's arguments."""
    if thing.arguments is None:
        return unknown("unknown attribute")
    fields = dataclass_fields(it, thing.cls)
    if name in fields:
        entry = thing.arguments.pick(list(fields).index(name), name)
        if entry is not None:
            return it.force(entry)
        default = fields[name]
        if default is not None:
            return it.ev(default, Place(thing.cls.scope.block, 0), _class_frame(thing.cls))
    return unknown("unknown attribute")


def dataclass_fields(it: Interpreter, cls: Class) -> dict[str, ast.expr | None]:
    """Annotated names of the class bodies, bases first."""
    fields: dict[str, ast.expr | None] = {}
    for item in reversed(mro(it, cls)):
        if isinstance(item, Class):
            for node in item.scope.node.body:  # type: ignore[attr-defined]
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    fields[node.target.id] = node.value
    return fields


def _in_classes(
    it: Interpreter,
    thing: Instance,
    name: str,
    order: list[Any],
    *,
    skip: Scope | None = None,
    inside: Frame | None = None,
) -> Answer | None:
    """What the constructors leave in `self.name`, the most derived first. `None` where none writes it."""
    from outlayer_lint.interpret.interpreter import Unbound  # noqa: PLC0415

    gathered: list[Answer] = []
    key = f"self.{name}"
    frame: Frame | None = inside
    for item in order:
        if not isinstance(item, Class):
            continue
        init = method_in(item, "__init__")
        if init is None:
            continue
        frame = calls.constructor_frame(it, thing, item, init, frame)
        if init is skip or frame is None:
            continue
        receiver = init.parameter_names[0] if init.parameter_names else "self"
        wanted = key if receiver == "self" else f"{receiver}.{name}"
        block = init.block
        if wanted in block.names:
            answer = it.defined(wanted, Place(block, len(block.statements)), frame, fallback=False)
            kept = tuple((t, c) for t, c in answer if t is not Unbound)
            if kept and not (
                len(kept) == 1 and isinstance(kept[0][0], Unknown) and kept[0][0].reason == "undefined name"
            ):
                gathered.append(kept)
                if len(kept) == len(answer):
                    return join(gathered)
        if f"{receiver}.*" in block.names:
            dynamic = _dynamic(it, thing, name, init, frame, f"{receiver}.*")
            if dynamic is not None:
                return dynamic
    return join(gathered) if gathered else None


def _dynamic(it: Interpreter, thing: Instance, name: str, init: Scope, frame: Frame, key: str) -> Answer | None:
    """`setattr(self, f"fc{i}", nn.Linear(...))`: any attribute of that spelling."""
    for reach in it.reached(key, Place(init.block, len(init.block.statements))):
        definition = reach.definition
        if definition is None or definition.value is None:
            continue
        pattern = definition.path[0]
        if isinstance(pattern, ast.JoinedStr):
            parts = [re.escape(str(p.value)) if isinstance(p, ast.Constant) else r".+" for p in pattern.values]
            if re.fullmatch("".join(parts), name):
                return it.ev(
                    definition.value,
                    Place(definition.block, definition.index),
                    frame.inside(definition.block, reach.loops),
                )
        elif isinstance(pattern, ast.expr):
            place = Place(definition.block, definition.index)
            if it.constant(it.ev(pattern, place, frame)) == name:
                return it.ev(definition.value, place, frame)
    return None


def method_in(cls: Class, name: str) -> Scope | None:
    """A method defined in the class body itself."""
    for index in reversed(cls.scope.block.names.get(name, ())):
        for key, definition in cls.scope.block.writes.get(index, ()):
            if key == name and definition.kind == "def":
                return cls.scope.child(definition.node)
    return None


def _in_methods(it: Interpreter, thing: Instance, name: str, order: list[Any], skip: Scope | None) -> Answer | None:
    """Writes of `self.name` in other methods than the constructor, joined."""
    answers: list[Answer] = []
    for item in order:
        if not isinstance(item, Class):
            continue
        for node in writers(item, name):
            scope = item.scope.child(node)
            if scope is skip or scope.name == "__init__" or not scope.parameter_names:
                continue
            key = f"{scope.parameter_names[0]}.{name}"
            block = scope.block
            if key not in block.names:
                continue
            frame = method_frame(it, thing, item, scope)
            answer = it.defined(key, Place(block, len(block.statements)), frame, fallback=False)
            from outlayer_lint.interpret.interpreter import Unbound  # noqa: PLC0415

            answers.append(tuple((t, c) for t, c in answer if t is not Unbound))
        if answers:
            break
    return conditions.meaningful(join(answers)) if any(answers) else None


def writers(cls: Class, name: str) -> list[ast.AST]:
    """Methods of the class body whose text mentions `.name`."""
    node = cls.scope.node
    text = "\n".join(cls.scope.file.document.lines[node.lineno - 1 : node.end_lineno])  # type: ignore[attr-defined]
    pattern = re.compile(rf"\.{re.escape(name)}\b")
    lines = {node.lineno + text.count("\n", 0, m.start()) for m in pattern.finditer(text)}  # type: ignore[attr-defined]
    return [
        n
        for n in node.body
        if isinstance(n, FUNCTIONS) and any(n.lineno <= line <= (n.end_lineno or 0) for line in lines)
    ]  # type: ignore[attr-defined]


def method_frame(it: Interpreter, thing: Instance, cls: Class, scope: Scope) -> Frame:
    """The frame of a method of this object that nothing is known to call."""
    key = ("method", id(scope))
    frames = thing.root.cache
    if key not in frames:
        world = thing.root.cache.get("world", cls.frame.world) if thing.site is None else thing.site.frame.world
        frame = Frame(scope, world, _class_frame(cls))
        frame.receiver = thing
        frames[key] = frame
    return frames[key]  # type: ignore[no-any-return]


def of_super(it: Interpreter, thing: Super, name: str, site: Site) -> Answer:
    """`super().name`."""
    instance = thing.instance
    if not isinstance(instance, Instance):
        return unknown("super of an unknown object")
    found = method_of(it, instance.cls, name, after=thing.after)
    if found is not None:
        return bound_method(it, found[0], found[1], instance, instance.cls)
    return (
        only(Method(instance, name))
        if name in MODULE_METHODS or name == "__init__"
        else unknown("base of another package")
    )

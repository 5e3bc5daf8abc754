"""Attributes of the project's objects: what methods write to `self`, what classes and fields give, else a method."""

from __future__ import annotations

import ast
import re

from outlayer_lint.interpret import attributes, classes, conditions, construction, effects
from outlayer_lint.interpret.answers import identity, join, only, unknown
from outlayer_lint.interpret.frames import Frame
from outlayer_lint.interpret.things import (
    Answer,
    Class,
    Const,
    Function,
    Instance,
    Library,
    Method,
    Site,
    Subclass,
    Unbound,
    Unknown,
)
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.resolve.blocks import Place

MAX_DERIVED = 20

if TYPE_CHECKING:
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.resolve.scopes import Scope


def of_instance(it: Interpreter, thing: Instance, name: str, site: Site | None, skip: Scope | None = None) -> Answer:
    """An attribute of a project object."""
    if name == "training":
        return only(Const(it.is_training))
    if name == "__class__":
        return only(thing.cls)
    if name == "__call__" and classes.method_of(it, thing.cls, name) is None:
        return only(thing)
    for override in reversed(thing.overrides):
        if override.path[0] == name:
            if len(override.path) == 1:
                return it.force(override.lazy)
            bare = Instance(
                thing.cls, thing.site, thing.arguments, tuple(o for o in thing.overrides if o is not override)
            )
            bare.root, bare.effect = thing.root, thing.effect
            return attributes.written_inside(of_instance(it, bare, name, site), override)
    if thing is not thing.root and (found_in := classes.property_of(it, thing.cls, name)) is not None:
        return classes.bound_method(it, *found_in, thing, thing.cls)  # of the object as it is now
    if thing.effect is not None:
        return effects.read(it, thing, thing.effect, name, site, skip)
    key = (name, None if skip is None else id(skip), it.era)
    root = thing.root
    if key not in root.cache:
        root.cache[key] = unknown("cycle")
        answer = _find(it, root, name, skip)
        if it.fuel <= 0:
            del root.cache[key]
            return answer
        root.cache[key] = answer
    found: Answer = root.cache[key]
    return found if thing is root else tuple((rebound(t, root, thing), c) for t, c in found)


def rebound(part: Any, root: Instance, thing: Instance) -> Any:
    """A method found on the object as it was built, as a method of the object as it is now."""
    if isinstance(part, Method) and part.receiver is root:
        return Method(thing, part.name, part.row)
    return Function(part.scope, part.frame, bound=thing) if isinstance(part, Function) and part.bound is root else part


def _find(it: Interpreter, thing: Instance, name: str, skip: Scope | None) -> Answer:
    order = classes.mro(it, thing.cls)
    found = in_classes(it, thing, name, order, skip=skip)
    if found is not None and not all(isinstance(t, Const) and t.value is None for t, _ in found):
        if all(type(getattr(t, "value", None)) in (int, float) for t, _ in found) and _changes(
            it, thing, name, order, skip, found
        ):
            return unknown("changed by a method", ("attribute", id(thing.root), name))
        return found
    other = _in_methods(it, thing, name, order, skip)
    if other is not None:
        return other
    if found is not None:
        bare = thing.site is None and thing.arguments is None
        return only(Subclass(thing.cls.scope, name)) if bare and _left_to_derived(it, thing.cls, name) else found
    if name in classes.dataclass_fields(it, thing.cls):
        # A field's default is a fact only for an object that was built without giving it.
        field = field_of(it, thing, name)
        return unknown("unknown attribute", ("attribute", id(thing.root), name)) if thing.site is None else field
    declared = classes.class_attribute(it, thing.cls, name, thing)
    if declared is not None:
        return declared
    if any(isinstance(c, Library) and c.name == "typing.NamedTuple" for c in order):
        return field_of(it, thing, name)
    field = field_of(it, thing, name)
    if not (len(field) == 1 and isinstance(field[0][0], Unknown)):
        return field
    library = next((c for c in order if isinstance(c, Library) and c.name not in ("builtins.object", "abc.ABC")), None)
    if library is not None and _library_method(library, name):
        return only(Method(thing, name, None))
    if library is not None and name == "module" and classes.is_module_name(library.name):
        return only(thing)  # what wraps a model (`DataParallel`) is taken for the model itself
    if thing.site is None and thing.arguments is None:
        return only(Subclass(thing.cls.scope, name))
    return unknown(
        "base of another package" if library is not None else "unknown attribute", ("attribute", id(thing.root), name)
    )


def _changes(it: Interpreter, thing: Instance, name: str, order: list[Any], skip: Scope | None, found: Answer) -> bool:
    """Whether a method gives a number of the constructor another value (`self.classes += 5`); who calls it is open."""
    later = _in_methods(it, thing, name, order, skip)
    return later is not None and not {identity(t) for t, _ in later} <= {identity(t) for t, _ in found}


def _library_method(library: Library, name: str) -> bool:
    return name in MODULE_METHODS and classes.is_module_name(library.name)


MODULE_METHODS = frozenset(
    "to cuda cpu eval train half float double bfloat16 apply requires_grad_ parameters named_parameters children "
    "modules named_modules named_children state_dict load_state_dict zero_grad log log_dict save_hyperparameters "
    "register_buffer register_parameter add_module share_memory type manual_backward optimizers freeze unfreeze double "
    "compile".split()
)


def field_of(it: Interpreter, thing: Instance, name: str) -> Answer:
    """A dataclass's or named tuple's field, from the constructor's arguments."""
    if thing.arguments is None:
        return unknown("unknown attribute")
    fields = classes.dataclass_fields(it, thing.cls)
    if name in fields:
        entry = thing.arguments.pick(list(fields).index(name), name)
        if entry is not None:
            return it.force(entry)
        default = fields[name]
        if default is not None:
            return it.ev(default, Place(thing.cls.scope.block, 0), classes.class_frame(thing.cls))
    return unknown("unknown attribute")


def _left_to_derived(it: Interpreter, cls: Class, name: str) -> bool:
    """Whether a derived class sets what a base has as `None`: `self.model = None`, and each experiment its own."""
    sets = re.compile(rb"\bself\." + name.encode() + rb"\b[^\n=]*=(?!=)[ \t]*(?!None\b)\w")
    known = [cls.scope.name]
    for base in known:
        for file, derived in it.project.derived(base):
            if sets.search(file.words):
                return True
            if derived not in known and len(known) < MAX_DERIVED:
                known.append(derived)
    return False


def in_classes(
    it: Interpreter,
    thing: Instance,
    name: str,
    order: list[Any],
    *,
    skip: Scope | None = None,
    inside: Frame | None = None,
) -> Answer | None:
    """What the constructors leave in `self.name`, the most derived first. `None` where none writes it."""
    gathered: list[Answer] = []
    frame: Frame | None = inside
    for item in order:
        if not isinstance(item, Class):
            continue
        init = classes.method_in(item, "__init__")
        if init is None:
            continue
        frame = construction.constructor_frame(it, thing, item, init, frame)
        if init is skip or frame is None:
            continue
        receiver = init.parameter_names[0] if init.parameter_names else "self"
        block = init.block
        answer = effects.left(it, thing.cls, effects.Effect(frame), name)
        if answer is not None:
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


def _in_methods(it: Interpreter, thing: Instance, name: str, order: list[Any], skip: Scope | None) -> Answer | None:
    """Writes of `self.name` in other methods than the constructor, joined.

    Methods that only call methods of what stands there (`self.net.fit(x)`) come last: they find what the others bind.
    """
    answers: list[Answer] = []
    for item in order:
        if not isinstance(item, Class):
            continue
        later: list[tuple[str, Scope]] = []
        for node in classes.writers(item, name):
            scope = item.scope.child(node)
            if scope is skip or scope.name == "__init__" or not scope.parameter_names:
                continue
            key = f"{scope.parameter_names[0]}.{name}"
            block = scope.block
            if key not in block.names:
                continue
            if all(r.definition is None or r.definition.kind == "call" for r in it.reached(key, _end(scope))):
                later.append((key, scope))
            else:
                answers.append(_left_by(it, thing, item, scope, key))
        mark = (name, None if skip is None else id(skip), it.era)
        if mark in thing.cache and any(answers):
            thing.cache[mark] = join(answers)
        answers.extend(_left_by(it, thing, item, scope, key) for key, scope in later)
        if answers:
            break
    return conditions.meaningful(join(answers)) if any(answers) else None


def _left_by(it: Interpreter, thing: Instance, cls: Class, scope: Scope, key: str) -> Answer:
    """What a method leaves in an attribute, on the ways on which it writes it."""
    answer = it.defined(key, _end(scope), method_frame(it, thing, cls, scope), fallback=False)
    return tuple((t, c) for t, c in answer if t is not Unbound)


def _end(scope: Scope) -> Place:
    return Place(scope.block, len(scope.block.statements))


def method_frame(it: Interpreter, thing: Instance, cls: Class, scope: Scope) -> Frame:
    """The frame of a method of this object that nothing is known to call."""
    key = ("method", id(scope))
    frames = thing.root.cache
    if key not in frames:
        world = thing.root.cache.get("world", cls.frame.world) if thing.site is None else thing.site.frame.world
        frame = Frame(scope, world, classes.class_frame(cls))
        frame.receiver = thing
        frames[key] = frame
    return frames[key]  # type: ignore[no-any-return]

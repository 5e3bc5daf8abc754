"""The project's classes: bases, methods, class attributes, fields."""

from __future__ import annotations

import ast
import re

from outlayer_lint.interpret import calls
from outlayer_lint.interpret.answers import only
from outlayer_lint.interpret.frames import Arguments, Frame
from outlayer_lint.interpret.things import Answer, Built, Class, Function, Instance, Library, Site, Unknown
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.resolve.blocks import Place, last
from outlayer_lint.resolve.scopes import FUNCTIONS, Scope
from outlayer_lint.resolve.walking import walk

if TYPE_CHECKING:
    from outlayer_lint.interpret.interpreter import Interpreter

MAX_BASES = 24
PROPERTIES = ("property", "cached_property", "lazy_property")
MODULES = frozenset(
    "Module LightningModule Model Layer HybridBlock PreTrainedModel LightningLite Sequential ModuleList".split()
)


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

        outer = it.pause()
        visit(cls)
        if not it.resume(outer):
            return order
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


def is_module_name(name: str) -> bool:
    """Whether a library's class of that qualified name is called through `forward`."""
    return name.rpartition(".")[2] in MODULES


def is_torch_module(it: Interpreter, cls: Class) -> bool:
    """Whether instances are called through `forward`."""
    return any(isinstance(c, Library) and is_module_name(c.name) for c in mro(it, cls)) or any(
        isinstance(c, Unknown) for c in mro(it, cls)
    )


def method_of(it: Interpreter, cls: Class, name: str, after: Scope | None = None) -> tuple[Class, Scope] | None:
    """The method a class or the nearest base defines, behind `after` if given."""
    asked = (name, after)
    if asked in cls.methods:
        return cls.methods[asked]
    found = _method_of(mro(it, cls), name, after)
    if cls._mro is not None:
        cls.methods[asked] = found
    return found


def property_of(it: Interpreter, cls: Class, name: str) -> tuple[Class, Scope] | None:
    """The method that is read like an attribute, as `method_of` finds it."""
    found = method_of(it, cls, name)
    return found if found is not None and found[1].has_decorator(*PROPERTIES) else None


def runs(it: Interpreter, cls: Class, method: Scope) -> bool:
    """Whether objects of a derived class run this method of a base: it is theirs, or what replaces it calls it."""
    found = method_of(it, cls, method.name)
    while found is not None and found[1] is not method:
        if not _hands_up(found[1]):
            return False
        found = method_of(it, cls, method.name, found[0].scope)
    return True


def _hands_up(method: Scope) -> bool:
    """Whether a method calls the one of that name in a base: `super().step(x)`, `Base.step(self, x)`."""
    method.file.body(method.node)
    return any(
        isinstance(node, ast.Attribute)
        and node.attr == method.name
        and (isinstance(node.value, ast.Call) or last(node.value) not in ("", "self"))
        for node in walk(method.node)
    )


def _method_of(order: list[Any], name: str, after: Scope | None) -> tuple[Class, Scope] | None:
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
        frame = class_frame(item)
        return it.defined(name, Place(block, len(block.statements)), frame)
    return None


def class_frame(cls: Class) -> Frame:
    """The frame of a class body."""
    key = ("class body", id(cls.scope))
    frame = cls.frame.children.get(key)
    if frame is None:
        frame = cls.frame.children[key] = Frame(cls.scope, cls.frame.world, cls.frame, arguments=Arguments())
    return frame


def bound_method(it: Interpreter, owner: Class, scope: Scope, instance: Any, cls: Class) -> Answer:
    """A method as read from an object or a class."""
    if scope.has_decorator("staticmethod"):
        return only(Function(scope, class_frame(owner)))
    if scope.has_decorator("classmethod"):
        return only(Function(scope, class_frame(owner), bound=cls))
    if scope.has_decorator(*PROPERTIES) and instance is not None:
        site = Site(ast.Name(scope.name, ast.Load()), Place(owner.scope.block, 0), class_frame(owner))
        return calls.invoke(
            it,
            Function(scope, class_frame(owner), bound=instance),
            Arguments(),
            site,
            key=("property", id(scope), id(instance)),
        )
    return only(Function(scope, class_frame(owner), bound=instance))


def dataclass_fields(it: Interpreter, cls: Class) -> dict[str, ast.expr | None]:
    """Annotated names of the class bodies, bases first."""
    if cls.fields is not None:
        return cls.fields
    fields: dict[str, ast.expr | None] = {}
    for item in reversed(mro(it, cls)):
        if isinstance(item, Class):
            for node in item.scope.body:
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    fields[node.target.id] = node.value
    if cls._mro is not None:
        cls.fields = fields
    return fields


def method_in(cls: Class, name: str) -> Scope | None:
    """A method defined in the class body itself."""
    for index in reversed(cls.scope.block.names.get(name, ())):
        for key, definition in cls.scope.block.writes.get(index, ()):
            if key == name and definition.kind == "def":
                return cls.scope.child(definition.node)
    return None


def writers(cls: Class, name: str) -> list[ast.AST]:
    """Methods of the class body that may write `.name`: something other than a plain read or call follows it."""
    scope = cls.scope
    if scope.touched is None:
        scope.touched = {}
        methods = [n for n in scope.body if isinstance(n, FUNCTIONS)]
        lines = scope.file.document.lines
        for method in methods:
            text = "\n".join(lines[method.lineno - 1 : method.end_lineno])
            for attribute in set(re.findall(TOUCHED, text)):
                scope.touched.setdefault(attribute, []).append(method)
    return scope.touched.get(name, [])


TOUCHED = r"\.(\w++)(?=\s*+(?:[-+*/|&@%^]{0,2}=(?!=)|[,)\].:[]| in |\n))"

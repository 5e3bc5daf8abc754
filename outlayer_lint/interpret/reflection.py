"""Builtins that ask what an object is and has: `getattr`, `isinstance`, `super`, `type`."""

from __future__ import annotations

import ast
import re

from outlayer_lint.interpret import attributes, classes, families, options
from outlayer_lint.interpret.answers import join, lift, only, unknown
from outlayer_lint.interpret.choices import compatible
from outlayer_lint.interpret.frames import Arguments
from outlayer_lint.interpret.things import (
    Answer,
    Built,
    Class,
    Const,
    Dictionary,
    Instance,
    Lazy,
    Library,
    Module,
    Partial,
    Sequence,
    Site,
    Super,
    Unknown,
)
from outlayer_lint.lattice import Tensor
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.resolve.blocks import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.resolve.project import Project
    from outlayer_lint.resolve.scopes import Scope


def get_attribute(it: Interpreter, given: Arguments, site: Site) -> Answer:
    """`getattr(x, "name", default)`."""
    name = options.named(it, given.pick(1, "name"))
    base = it.force(given.pick(0, "object"))
    if not isinstance(name, str):
        if len(base) == 1 and isinstance(base[0][0], (Module, Library)):
            from outlayer_lint.interpret import offers  # noqa: PLC0415 - for programs that choose by a name

            return offers.chosen(it, base[0][0], it.force(given.pick(1, "name")), site)
        return unknown("name chosen at run time")
    answer = _on_entry(it, given, name, site)
    if answer is None:
        answer = lift(base, lambda thing: attributes.attribute(it, thing, name, site))
    fallback = given.pick(2, "default")
    if fallback is not None and all(
        isinstance(t, Unknown) and t.reason in ("unknown attribute", "base of another package") for t, _ in answer
    ):
        return it.force(fallback)
    return answer


def _on_entry(it: Interpreter, given: Arguments, name: str, site: Site) -> Answer | None:
    """An attribute that the same function writes, as far as it has: `if not hasattr(self, "loss"): self.loss = ...`."""
    asked = given.pick(0, "object")
    key = f"{dotted(asked.node)}.{name}" if isinstance(asked, Lazy) else ""
    if key[:1] in ("", ".") or key not in site.place.block.scope.block.names:
        return None
    return attributes.written(it, key, site.place, site.frame)


def has_attribute(it: Interpreter, given: Arguments, site: Site) -> Answer:
    """`hasattr(x, "name")`."""
    name = it.constant(given.pick(1, "name"))

    def one(thing: Any) -> Answer:
        if isinstance(name, str) and isinstance(thing, Instance) and thing.site is not None:
            answer = _on_entry(it, given, name, site) or attributes.attribute(it, thing, name, site)
            known = not all(isinstance(t, Unknown) for t, _ in answer)
            if known or _lacks(it, thing, name, answer):
                return only(Const(known))
        return unknown("undecided condition")

    return lift(it.force(given.pick(0, "object")), one)


def _lacks(it: Interpreter, thing: Instance, name: str, answer: Answer) -> bool:
    """Whether an object is proved to have no attribute of a name: all its bases are known, and nobody adds it later."""
    missing = ("unknown attribute", "base of another package")
    if not all(isinstance(t, Unknown) and t.reason in missing for t, _ in answer):
        return False
    for base in classes.mro(it, thing.cls):
        if isinstance(base, Class):
            if not DYNAMIC.isdisjoint(base.scope.block.names) or any("self.*" in s.block.names for s in _methods(base)):
                return False
        elif not (isinstance(base, Library) and (base.name in PLAIN or classes.is_module_name(base.name))):
            return False
    return not _is_added(it.project, name)


def _is_added(project: Project, name: str) -> bool:
    """Whether somebody writes an attribute of that name to an object other than `self`, by any line of the project."""
    if name not in project.added:
        added = rf"(?<!\bself)\.{re.escape(name)}\s*(?::[^=\n]+)?=(?!=)|setattr\([^\n]*{re.escape(name)}"
        project.added[name] = any(any(file.matches(added, name)) for file in project.mentions(name))
    return project.added[name]


def _methods(cls: Class) -> Iterator[Scope]:
    for node in cls.scope.block.statements:
        if isinstance(node, ast.FunctionDef):
            yield cls.scope.child(node)


PLAIN = frozenset(("builtins.object", "abc.ABC"))
DYNAMIC = frozenset(("__getattr__", "__getattribute__", "__dict__"))


def is_instance(it: Interpreter, given: Arguments, site: Site) -> Answer:
    """`isinstance(x, C)`, and with a tuple of classes."""
    subject, wanted = it.force(given.pick(0, "object")), it.force(given.pick(1, "classinfo"))
    answers = []
    for thing, own in subject:
        for cls, other in wanted:
            both = compatible(own, other)
            if both is not None:
                decided = _is_a(it, thing, cls)
                key = ("isinstance", getattr(thing, "key", thing), getattr(cls, "name", cls))
                answers.append(
                    ((Const(decided) if decided is not None else Unknown("undecided condition", key), both),)
                )
    return join(answers) if answers else unknown("undecided condition")


def _is_a(it: Interpreter, thing: Any, cls: Any) -> bool | None:
    if isinstance(cls, Sequence) and not cls.open:
        found = [_is_a(it, thing, t) for entry in cls.items for t, _ in it.force(entry)]
        return True if True in found else None if None in found else False
    if isinstance(thing, Tensor):
        if isinstance(cls, Library) and cls.name in ("torch.Tensor", "torch.FloatTensor"):
            return None if thing.emission == "data" else True
        return (
            False
            if isinstance(cls, Library)
            and cls.name in ("builtins.tuple", "builtins.list", "builtins.dict")
            and thing.emission != "data"
            else None
        )
    if isinstance(thing, (Sequence, Dictionary)) and isinstance(cls, Library):
        name = cls.name.rpartition(".")[2]
        own = "dict" if isinstance(thing, Dictionary) else thing.kind
        if name in ("list", "tuple", "dict", "Tensor", "str", "int", "Mapping"):
            return name == own or (name == "Mapping" and own == "dict")
        return None
    if isinstance(thing, Instance):
        order = classes.mro(it, thing.cls)
        if isinstance(cls, Class):
            if any(isinstance(c, Class) and c.scope is cls.scope for c in order):
                return True
            return None if any(isinstance(c, Unknown) for c in order) or thing.site is None else False
        if isinstance(cls, Library):
            if any(isinstance(c, Library) and c.name == cls.name for c in order):
                return True
            return None if any(isinstance(c, (Unknown, Library)) for c in order) else False
    if isinstance(thing, Built) and isinstance(cls, Library):
        if thing.name.rpartition(".")[2] == cls.name.rpartition(".")[2]:
            return True
        return families.is_kind_of(thing, cls.name) if thing.row.of_keras else _unless_module(cls)
    if isinstance(thing, Const) and isinstance(cls, Library) and cls.name.startswith("builtins."):
        return type(thing.value).__name__ == cls.name.rpartition(".")[2]
    return None


def _unless_module(cls: Library) -> bool | None:
    return None if cls.name.endswith("Module") else False


def parent(it: Interpreter, given: Arguments, site: Site) -> Answer:
    """`super()`, and with a class and an object."""
    if len(given.positional) >= 2:
        parents, instances = it.force(given.positional[0]), it.force(given.positional[1])
        if isinstance(parents[0][0], Class):
            return lift(
                instances,
                lambda thing: only(Super(thing, parents[0][0].scope)) if isinstance(thing, Instance) else only(thing),
            )
    scope: Any = site.place.block.scope
    frame: Any = site.frame
    while scope is not None and scope.owner is None:
        scope = scope.parent
        frame = frame.parent
    if scope is None or frame is None:
        return unknown("super of an unknown object")
    while frame is not None and frame.scope is not scope:
        frame = frame.parent
    return only(Super(frame.receiver, scope.owner)) if frame is not None else unknown("super of an unknown object")


def kind_of(it: Interpreter, given: Arguments, site: Site) -> Answer:
    """`type(x)`. Of an object that a method was asked about for, its class may be a derived one."""

    def one(thing: Any) -> Answer:
        if isinstance(thing, Instance) and thing.root.site is not None:
            return only(thing.cls)
        return only(Library(thing.name)) if isinstance(thing, Built) else unknown("type of a value")

    return lift(it.force(given.pick(0, "object")), one)


def class_name(it: Interpreter, cls: Class, site: Site) -> Answer:
    """`type(x).__name__`, `x.__class__.__name__`."""
    asked = site.node.value if isinstance(site.node, ast.Attribute) else None
    if isinstance(asked, ast.Attribute) and asked.attr == "__class__":
        holders = it.ev(asked.value, site.place, site.frame)
        if any(isinstance(t, Instance) and t.root.site is None for t, _ in holders):
            return unknown("type of a value")
    return only(Const(cls.scope.name))


def named_tuple(it: Interpreter, given: Arguments, site: Site) -> Answer:
    """`namedtuple("Output", "scores embedding")`: what makes such tuples."""
    fields = it.constant(given.pick(1, "field_names"))
    if isinstance(fields, str):
        fields = tuple(fields.replace(",", " ").split())
    if not isinstance(fields, tuple) or not all(isinstance(name, str) for name in fields):
        return unknown("name chosen at run time")
    defaults = it.force(given.pick(3, "defaults")) if given.pick(3, "defaults") is not None else ()
    last = defaults[0][0].items if len(defaults) == 1 and isinstance(defaults[0][0], Sequence) else ()
    preset = dict(zip(fields[len(fields) - len(last) :], last, strict=False))
    spread = Arguments((only(Const(fields)),), preset)
    return only(Partial(Library("collections.namedtuple()"), spread))


def of_named_tuple(it: Interpreter, given: Arguments, site: Site) -> Answer:
    """`Output(scores, embedding=e)`."""
    fields = it.constant(given.positional[0])
    items = {}
    for index, name in enumerate(fields):
        entry = given.positional[index + 1] if index + 1 < len(given.positional) else given.keywords.get(name)
        items[name] = entry if entry is not None else unknown("missing argument")
    return only(Dictionary(items, kind="output"))

"""Texts of the program: what methods and slices make of them, and the modules and classes that they name."""

from __future__ import annotations

from outlayer_lint.interpret import attributes, imports, options
from outlayer_lint.interpret.answers import lift, only, unknown
from outlayer_lint.interpret.things import Answer, Const, Library, Module, Sequence, Site
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ast

    from outlayer_lint.interpret.frames import Arguments
    from outlayer_lint.interpret.interpreter import Interpreter

NAMES = ".__dict__"
METHODS = frozenset(
    "lower upper title capitalize strip lstrip rstrip replace removeprefix removesuffix startswith endswith "
    "split rsplit partition rpartition join find rfind".split()
)


def called(it: Interpreter, text: str, name: str, given: Arguments) -> Answer:
    """`text.name(...)`."""
    arguments = [it.constant(entry) for entry in given.positional]
    keywords = {key: it.constant(entry) for key, entry in given.keywords.items()}
    if name not in METHODS or ... in arguments or ... in keywords.values():
        return unknown("text built at run time")
    try:
        value = getattr(text, name)(*arguments, **keywords)
    except (TypeError, ValueError):
        return unknown("unknown method")
    if isinstance(value, (list, tuple)):
        return only(Sequence(tuple(only(Const(part)) for part in value), kind=type(value).__name__))
    return only(Const(value))


def sliced(it: Interpreter, text: str, index: ast.Slice, site: Site) -> Answer:
    """`text[a:b]`."""
    asked = (index.lower, index.upper, index.step)
    bounds = [None if b is None else options.of_answer(it.ev(b, site.place, site.frame)) for b in asked]
    try:
        return only(Const(text[slice(*bounds)]))
    except (TypeError, ValueError):
        return unknown("text built at run time")


def module(it: Interpreter, given: Arguments, site: Site) -> Answer:
    """`importlib.import_module(name)`, and with a package that the name is relative to."""
    name, package = options.named(it, given.pick(0, "name")), given.pick(1, "package")
    if not isinstance(name, str):
        return unknown("name chosen at run time")
    return only(_named(it, name, "" if package is None else it.constant(package), site))


def located(it: Interpreter, given: Arguments, site: Site) -> Answer:
    """`pydoc.locate("package.module.Net")`: what stands in a module under the last part of a path."""
    path = options.named(it, given.pick(0, "path"))
    if not isinstance(path, str) or "." not in path:
        return unknown("name chosen at run time")
    home, _, name = path.rpartition(".")
    return lift(only(_named(it, home, "", site)), lambda thing: imports.attribute_of_module(it, thing, name))


def _named(it: Interpreter, name: str, package: Any, site: Site) -> Module | Library:
    """A module by its name; a relative one is looked for in its package, or beside the file that asks."""
    rest = name.lstrip(".")
    level = len(name) - len(rest)
    file = site.place.block.scope.file
    if level == 1 and isinstance(package, str) and package.strip("_") not in ("", "main"):
        rest, level = f"{package}.{rest}", 0
    found = it.project.module(rest, file, level)
    return Library(name) if found is None else Module(found)


def looked_up(it: Interpreter, thing: Module | Library, name: object) -> Answer:
    """`models.__dict__[name]`, `globals()[name]`."""
    if not isinstance(name, str):
        return unknown("name chosen at run time")
    home = thing if isinstance(thing, Module) else Library(thing.name.removesuffix(NAMES))
    return imports.attribute_of_module(it, home, name)


def names_of(it: Interpreter, given: Arguments, site: Site) -> Answer:
    """`vars(module)`."""

    def one(thing: object) -> Answer:
        if isinstance(thing, Module):
            return only(thing)
        return only(Library(thing.name + NAMES)) if isinstance(thing, Library) else unknown("unknown call")

    return lift(it.force(given.pick(0, "object")), one)


def own_names(it: Interpreter, given: Arguments, site: Site) -> Answer:
    """`globals()`."""
    return only(Module(site.place.block.scope.file))


def evaluated(it: Interpreter, given: Arguments, site: Site) -> Answer:
    """`eval(name)` of a name, or of one with dots."""
    name = options.named(it, given.pick(0, "source"))
    if not isinstance(name, str) or not all(part.isidentifier() for part in name.split(".")):
        return unknown("name chosen at run time")
    first, *rest = name.split(".")
    answer = it.lookup(first, site.place, site.frame)
    for part in rest:
        answer = lift(answer, lambda thing, part=part: attributes.attribute(it, thing, part, site))  # type: ignore[misc]
    return answer

"""Where the project itself builds a class: its call sites, with their arguments evaluated by need."""

from __future__ import annotations

import ast
import os
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from outlayer_lint.tracer.child.building import commandline
from outlayer_lint.tracer.child.building.guesses import OPTIONS, by_name, options
from outlayer_lint.tracer.child.building.slicing import Sliced, SlicedModule, fill, read
from outlayer_lint.tracer.child.building.statements import deep
from outlayer_lint.tracer.child.surroundings.absent import Absent

if TYPE_CHECKING:
    from collections.abc import Iterator

DEPTH = 3  # of calls followed backwards to learn a parameter
MAX_LOOKED, MAX_FILES, MAX_BYTES = 300, 40, 300_000  # files that are searched for the name, that are parsed for it
MAX_SITES = 6  # that are tried
MAX_SIBLINGS = 3  # files that are asked what a parameter is given
BOUND = frozenset(("classmethod", "staticmethod"))  # methods whose first argument is no instance
Function = ast.FunctionDef | ast.AsyncFunctionDef


class CallSite(NamedTuple):
    """One call of the class or factory: the call, where it stands, the scope of its arguments, the project's folder."""

    call: ast.Call
    path: str
    scope: Sliced
    root: str = ""


class Given(NamedTuple):
    """Arguments of a call site; `missed` are the positions and names that could not be evaluated."""

    args: list[Any]
    kwargs: dict[str, Any]
    missed: frozenset[int | str]


def sites(module: SlicedModule, name: str, project_root: str) -> Iterator[CallSite]:
    """Call sites of `name`: in the module itself, then in files beside it, the plainest places first."""
    module.__dict__["project_root"] = os.path.abspath(project_root)
    found = _in_module(module, name)
    yield from found[:MAX_SITES]
    if len(found) < MAX_SITES:
        for sibling in _siblings(module, name, project_root):
            yield from _in_module(sibling, name)[:MAX_SITES]


def evaluate(site: CallSite) -> Given:
    """The arguments of a call site; what fails or leans on something absent is missed, not fatal."""
    args, kwargs, missed = list[Any](), dict[str, Any](), set[int | str]()

    def value(expression: ast.expr, key: int | str) -> Any:
        try:
            found = site.scope.evaluate(expression)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code may raise anything
            found = Absent(str(error))
        if isinstance(found, Absent):
            found = _configured(site, found)
        if isinstance(found, Absent):
            missed.add(key)
        return found

    for expression in site.call.args:
        if isinstance(expression, ast.Starred):
            values = value(expression.value, len(args))
            args.extend([] if isinstance(values, Absent) else values)
        else:
            args.append(value(expression, len(args)))
    for keyword in site.call.keywords:
        if keyword.arg is None:
            more = value(keyword.value, "**")
            kwargs.update(more if isinstance(more, dict) else {})
        else:
            kwargs[keyword.arg] = value(keyword.value, keyword.arg)
    return Given(args, kwargs, frozenset(missed))


def _configured(site: CallSite, absent: Absent) -> Any:
    """What the configuration says by the last word of `config.model.width`, whoever was to read the file."""
    path, _, word = repr(absent).strip("<>").removeprefix("absent ").rpartition(".")
    if not path or not word.isidentifier() or not site.root:
        return absent
    reader = ast.Attribute(ast.Name("config", ast.Load()), word, ast.Load())
    return commandline.defaults(site.path, site.root, reader).get(word, absent)


class _Place(NamedTuple):
    rank: int
    call: ast.Call
    function: Function | None
    owner: ast.ClassDef | None


def _in_module(module: SlicedModule, name: str) -> list[CallSite]:
    places = sorted(_places(module.tree, name), key=lambda place: place.rank)
    path = str(module.__file__)
    root = module.__dict__.get("project_root", "")
    return [CallSite(place.call, path, _scope(module, place.function, place.owner, DEPTH), root) for place in places]


def _places(tree: ast.Module, name: str) -> Iterator[_Place]:
    """Calls of a name: at the top first, then in functions, then in methods."""

    def walk(node: ast.AST, function: Function | None, owner: ast.ClassDef | None) -> Iterator[_Place]:
        for child in ast.iter_child_nodes(node):
            match child:
                case ast.ClassDef() if function is None:
                    if child.name != name:
                        yield from walk(child, None, child)
                case ast.FunctionDef() | ast.AsyncFunctionDef() if function is None:
                    yield from walk(child, child, owner)
                case _:
                    if isinstance(child, ast.Call) and (_called(child) == name or _is_base(child, owner, name)):
                        yield _Place(2 * (owner is not None) + (function is not None), child, function, owner)
                    yield from walk(child, function, owner)

    yield from walk(tree, None, None)


def _called(call: ast.Call) -> str | None:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", None)


def _is_base(call: ast.Call, owner: ast.ClassDef | None, name: str) -> bool:
    """Whether a class that derives from the one of that name says what it is built with: `super().__init__(4)`."""
    if owner is None or not any(ast.unparse(base).rpartition(".")[2] == name for base in owner.bases):
        return False
    match call.func:
        case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__init__"):
            return bool(call.args or call.keywords)
        case _:
            return False


def _scope(module: SlicedModule, function: Function | None, owner: ast.ClassDef | None, depth: int) -> Sliced:
    if function is None:
        return module.sliced

    def otherwise(name: str) -> Any:
        if name in parameters:
            return _argument(module, function, owner, name, depth)
        return module.sliced.come(name)

    spec = function.args
    parameters = {arg.arg for arg in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)}
    space: dict[str, Any] = {"__name__": module.__name__, "__package__": module.__package__}
    scope = Sliced(deep(function.body), space, str(module.__file__), otherwise)
    scope.flags = module.sliced.flags
    if owner is not None and spec.args and not BOUND.intersection(map(ast.unparse, function.decorator_list)):
        own = spec.args[0].arg  # what a method sets of it would pass for what it is
        space[own] = Absent(own, lambda attribute: _attribute(module, owner, attribute, depth))
    return scope


def _argument(module: SlicedModule, function: Function, owner: ast.ClassDef | None, name: str, depth: int) -> Any:
    """A parameter of the function around a call site: its default, what its own call sites hand over, its name."""
    spec = function.args
    named = [arg.arg for arg in (*spec.posonlyargs, *spec.args)]
    defaults: dict[str, ast.expr] = dict(zip(named[::-1], spec.defaults[::-1], strict=False))
    defaults |= {arg.arg: value for arg, value in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if value}
    if depth > 0:
        at = named.index(name) - (owner is not None) if name in named else None
        called = owner.name if owner is not None and function.name == "__init__" else function.name
        for where, place in _everywhere(module, called, depth):
            handed = next((keyword.value for keyword in place.call.keywords if keyword.arg == name), None)
            if handed is None and at is not None and at < len(place.call.args):
                handed = place.call.args[at]
            if handed is not None and not isinstance(handed, ast.Starred) and place.function is not function:
                try:
                    found = _scope(where, place.function, place.owner, depth - 1).evaluate(handed)
                except Exception:  # noqa: BLE001, S112 - the next one may do
                    continue
                if not isinstance(found, Absent):
                    return found
    if name in defaults:
        return module.sliced.evaluate(defaults[name])
    if OPTIONS.search(name.lower()):
        reader = owner or function
        return options(name, None, reader, commandline.defaults(str(module.__file__), module.project_root, reader))
    return by_name(name)


def _everywhere(module: SlicedModule, name: str, depth: int) -> Iterator[tuple[SlicedModule, _Place]]:
    """Calls of a name in the module and, where the way is not long yet, in files that import it from there."""
    for place in _places(module.tree, name):
        yield module, place
    if depth < DEPTH - 1 or "project_root" not in module.__dict__:
        return
    known: dict[str, list[SlicedModule]] = module.__dict__.setdefault("known_siblings", {})
    if name not in known:
        known[name] = list(islice(_siblings(module, name, module.project_root), MAX_SIBLINGS))
    for sibling in known[name]:
        for place in _places(sibling.tree, name):
            yield sibling, place


def _attribute(module: SlicedModule, owner: ast.ClassDef, name: str, depth: int) -> Any:
    """`self.name` as the methods of the class set it."""
    for method in owner.body:
        if not isinstance(method, ast.FunctionDef):
            continue
        for node in ast.walk(method):
            match node:
                case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=attr)], value=value) if (
                    attr == name
                ):
                    if depth > 0:
                        return _scope(module, method, owner, depth - 1).evaluate(value)
    raise KeyError(name)


def _siblings(module: SlicedModule, name: str, project_root: str) -> Iterator[SlicedModule]:
    """Files of the folder, then of those above it inside the project, that mention the name with a bracket."""
    own = str(module.__file__)
    looked = seen = 0
    for path in _files(os.path.dirname(own), os.path.abspath(project_root)):
        if path == own or os.path.getsize(path) > MAX_BYTES:
            continue
        looked += 1
        if seen >= MAX_FILES or looked > MAX_LOOKED:
            return
        try:
            text = read(path)
            if f"{name}(" not in text:
                continue
            seen += 1
            sibling = SlicedModule(f"traced_sibling_{seen}")
            fill(sibling, path, text)
            sibling.__dict__["project_root"] = os.path.abspath(project_root)
        except (OSError, SyntaxError, ValueError):
            continue
        if _means(sibling, name, module):
            yield sibling


def _means(sibling: SlicedModule, name: str, module: SlicedModule) -> bool:
    """Whether the other file gets the name by an import, and does not define its own."""
    for node in ast.walk(sibling.tree):
        match node:
            case ast.ClassDef(name=own) | ast.FunctionDef(name=own) if own == name:
                return False
    tail = module.__name__.rpartition(".")[2]
    places = {*module.__name__.split("."), *os.path.splitext(str(module.__file__))[0].split(os.sep), ""}
    for node in ast.walk(sibling.tree):
        match node:
            case ast.ImportFrom(module=source, names=names) if any(alias.name in {name, "*"} for alias in names):
                if (source or "").rpartition(".")[2] in places:  # another file may have a class of that name
                    return True
            case ast.ImportFrom(names=names) if any(alias.name == tail for alias in names):
                return True
            case ast.Import(names=names) if any(alias.name.rpartition(".")[2] == tail for alias in names):
                return True
    return False


def _files(folder: str, root: str) -> Iterator[str]:
    """Of the folder, of those above it inside the project, then of folders beside it."""
    inside = folder.startswith(root)
    above = [folder]
    while inside and folder != root and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
        above.append(folder)
    for place in above:
        yield from (os.path.join(place, entry) for entry in sorted(os.listdir(place)) if entry.endswith(".py"))
    for place in above[1:]:
        for beside in sorted(os.listdir(place)):
            inner = os.path.join(place, beside)
            if inner not in above and os.path.isdir(inner) and not beside.startswith((".", "_")):
                yield from (os.path.join(inner, entry) for entry in sorted(os.listdir(inner)) if entry.endswith(".py"))

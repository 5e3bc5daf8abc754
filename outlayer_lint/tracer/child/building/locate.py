"""Which models a file defines: root classes, factories and models that stand at its top. Nothing is executed here."""

from __future__ import annotations

import ast
import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

# Last words of the base classes of torch, Keras, Lightning, Transformers and their kin.
BASES = frozenset("Module LightningModule Model Sequential PreTrainedModel".split())
RUNS = frozenset({"forward", "call"})
MAKERS = frozenset({"Sequential", "Model", "Functional"})  # calls that give a whole model
ABSTRACT = frozenset({"abstractmethod", "abstractproperty"})
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Named(NamedTuple):
    """One thing that can be built.

    `kind` is `class`, `factory` (a function that returns a model) or `value` (a model bound at the top of the file);
    `line` counts from 1.
    """

    name: str
    kind: str
    line: int


def located(path: str, text: str) -> list[Named]:
    """Root classes and factories of a file, in order of appearance; [] where it cannot be parsed.

    A root is a class that runs, makes layers, and is no part of another class of the file.
    """
    try:
        tree = ast.parse(text, path)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    modules = {name: node for name, node in classes.items() if _is_module(node, classes, set())}
    modules = {name: node for name, node in modules.items() if not _is_plain(node, tree, path)}
    parts = _parts(modules, tree)
    runnable = {name for name, node in modules.items() if _runs(node, classes) and _makes(node, classes)}
    roots = {name for name in runnable if name not in parts} or runnable
    found = [Named(name, "class", modules[name].lineno) for name in roots]
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if _returns_model(node, modules):
                found.append(Named(node.name, "factory", node.lineno))
        else:
            found.extend(_values(node))
    return sorted(dict.fromkeys(found), key=lambda named: named.line)


def _is_module(node: ast.ClassDef, classes: dict[str, ast.ClassDef], seen: set[str]) -> bool:
    if node.name in seen:
        return False
    seen.add(node.name)
    for base in node.bases:
        word = _last(base)
        if word in classes and word != node.name:
            if _is_module(classes[word], classes, seen):
                return True
        elif word in BASES or (word not in {"", "Function"} and any(method.name in RUNS for method in _methods(node))):
            return True
    return False


def _is_plain(node: ast.ClassDef, tree: ast.Module, path: str) -> bool:
    """Whether all that it derives from is imported from a file beside it, where it derives from nothing that runs."""
    sources = {
        alias.asname or alias.name: (one.module.rpartition(".")[2], alias.name)
        for one in tree.body
        if isinstance(one, ast.ImportFrom) and one.module
        for alias in one.names
    }
    return bool(node.bases) and all(
        isinstance(base, ast.Name) and base.id in sources and _derives_from_nothing(path, *sources[base.id])
        for base in node.bases
    )


def _derives_from_nothing(path: str, module: str, name: str) -> bool:
    try:
        with open(os.path.join(os.path.dirname(path), f"{module}.py"), encoding="utf-8") as file:
            tree = ast.parse(file.read())
    except (OSError, ValueError, SyntaxError):
        return False
    found = next((one for one in tree.body if isinstance(one, ast.ClassDef) and one.name == name), None)
    return found is not None and all(_last(base) in {"ABC", "object"} for base in found.bases)


def _parts(modules: dict[str, ast.ClassDef], tree: ast.Module) -> set[str]:
    """Classes that another class of the file builds or names, or that are handed to the constructor of one."""
    parts: set[str] = set()
    for owner, node in modules.items():
        own = {_last(base) for base in node.bases}
        for inner in ast.walk(node):
            match inner:
                case ast.Name(id=name, ctx=ast.Load()) if name in modules and name not in {owner, *own}:
                    parts.add(name)
                case ast.Call(func=ast.Name(id=name)) if name in modules and name != owner:
                    parts.add(name)
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and _last(call.func) in modules:
            values = [*call.args, *(keyword.value for keyword in call.keywords)]
            parts |= {_last(value) for value in values if isinstance(value, ast.Call) and _last(value) in modules}
            parts |= {value.id for value in values if isinstance(value, ast.Name) and value.id in modules}
    return parts


def _runs(node: ast.ClassDef, classes: dict[str, ast.ClassDef], above: frozenset[str] = frozenset()) -> bool:
    """Whether it has a `forward` or `call` that does something, itself or from a base.

    `above` are methods that a class derived from it has of its own.
    """
    for method in _methods(node):
        if method.name in above:
            continue
        if any(_last(decorator) in ABSTRACT for decorator in method.decorator_list):
            return False
        if method.name in RUNS:
            return not _raises_only(method) and not _leans_on_stubs(method, node, above)
    outside = False
    above |= {method.name for method in _methods(node) if not _raises_only(method)}
    for base in node.bases:
        word = _last(base)
        if word in classes and word != node.name:
            return _runs(classes[word], classes, above)
        outside = outside or word not in {"Module", "ABC", "object", "LightningModule"}
    return outside


def _leans_on_stubs(method: Function, node: ast.ClassDef, above: frozenset[str]) -> bool:
    """Whether it uses what a method of its class gives that is left to those that derive from it: `pass`, a `raise`."""
    stubs = {other.name for other in _methods(node) if _raises_only(other)} - above
    kept = (ast.Assign, ast.AnnAssign, ast.Return)
    used = [statement.value for statement in ast.walk(method) if isinstance(statement, kept) and statement.value]
    calls = [one.func for value in used for one in ast.walk(value) if isinstance(one, ast.Call)]
    return any(isinstance(f, ast.Attribute) and ast.unparse(f.value) == "self" and f.attr in stubs for f in calls)


def _raises_only(method: Function) -> bool:
    body = [s for s in method.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    return all(isinstance(statement, (ast.Raise, ast.Pass)) for statement in body)


def _makes(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> bool:
    """Whether it, or a class it derives from, builds something other than losses: a loss or a wrapper has no layers."""
    for method in _methods(node):
        if method.name in RUNS:
            continue
        for inner in ast.walk(method):
            if isinstance(inner, ast.Call) and _is_layer(_last(inner.func), node, classes):
                return True
            for target, value in _paired(inner) if isinstance(inner, ast.Assign) else ():
                word = _last(value.func) if isinstance(value, ast.Call) else ""
                if isinstance(target, ast.Attribute) and word.islower() and word not in PLAIN:
                    return True
    if _is_put_together(node):
        return True
    outside = [_last(base) for base in node.bases if _last(base) not in classes]
    inside = [_last(base) for base in node.bases if _last(base) in classes and _last(base) != node.name]
    outside = [word for word in outside if word not in BARE and not word.endswith("Loss")]
    return bool(outside) or any(_makes(classes[word], classes) for word in inside)


def _is_put_together(node: ast.ClassDef) -> bool:
    """Whether it is given models and runs two of them, or one on several arguments: no loss and no wrapper does."""
    making = next((method for method in _methods(node) if method.name == "__init__"), None)
    running = next((method for method in _methods(node) if method.name in RUNS), None)
    if making is None or running is None:
        return False
    given = {argument.arg for argument in making.args.args[1:]}
    kept = {
        target.attr
        for statement in ast.walk(making)
        if isinstance(statement, ast.Assign)
        for target, value in _paired(statement)
        if isinstance(target, ast.Attribute) and isinstance(value, ast.Name) and value.id in given
    }
    run = {
        call.func.attr
        for call in ast.walk(running)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and _last(call.func.value) == "self"
    }
    twice = {
        call.func.attr
        for call in ast.walk(running)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and _last(call.func.value) == "self"
        if len({ast.unparse(other.args[0]) for other in _calls_of(running, call.func.attr) if other.args}) > 1
    }
    return len(kept & run) > 1 or bool(kept & twice)


def _calls_of(method: Function, attr: str) -> Iterator[ast.Call]:
    """Calls of `self.attr` in a method."""
    for call in ast.walk(method):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == f"self.{attr}":
            yield call


def _paired(statement: ast.Assign) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Target and value of each binding in `a, b = c, d`."""
    for target in statement.targets:
        match target, statement.value:
            case ast.Tuple(elts=targets), ast.Tuple(elts=values) if len(targets) == len(values):
                yield from zip(targets, values, strict=True)
            case _:
                yield target, statement.value


PLAIN = frozenset(
    "int float bool str len list dict tuple set range min max sum abs tensor zeros ones partial getattr detach super "
    "FloatTensor get arange log exp sqrt pow __init__".split()
)
BARE = frozenset("Module object ABC LightningModule".split())


def _is_layer(word: str, owner: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> bool:
    if not word[:1].isupper() or word.endswith(("Loss", "Error", "Exception")) or word == owner.name:
        return False
    return word not in classes or _makes(classes[word], classes)


def _returns_model(function: Function, modules: dict[str, ast.ClassDef]) -> bool:
    """Whether it returns a model that no class of the file stands for: of Keras, a Sequential, a library's."""
    made = {
        target.id: statement.value
        for statement in ast.walk(function)
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(function):
        if not isinstance(node, ast.Return) or node.value is None:
            continue
        first = node.value.elts[0] if isinstance(node.value, ast.Tuple) and node.value.elts else node.value
        value = made.get(first.id) if isinstance(first, ast.Name) else first
        if isinstance(value, ast.Call):
            word = _last(value.func)
            if word in MAKERS or (isinstance(value.func, ast.Attribute) and _of_models(value.func)):
                return True
            if word in modules:
                return False
    return False


def _of_models(place: ast.Attribute) -> bool:
    """`models.resnet18`, `torchvision.models.vgg16`, `timm.create_model`, `AutoModel.from_pretrained`."""
    words = ast.unparse(place).split(".")
    return "models" in words[:-1] or words[-1] in {"create_model", "from_pretrained", "from_config"}


def _values(statement: ast.stmt) -> Iterator[Named]:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=func)) if _last(func) in MAKERS:
            yield Named(name, "value", statement.lineno)


def _methods(node: ast.ClassDef) -> list[Function]:
    return [child for child in node.body if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))]


def _last(place: ast.expr) -> str:
    if isinstance(place, ast.Call):
        place = place.func
    if isinstance(place, ast.Subscript):
        place = place.value
    return place.attr if isinstance(place, ast.Attribute) else getattr(place, "id", "")

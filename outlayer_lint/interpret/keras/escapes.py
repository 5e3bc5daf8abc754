"""How others get hold of a model that is compiled in a place: by what is written there alone."""

from __future__ import annotations

import ast

from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.resolve.blocks import dotted
from outlayer_lint.resolve.walking import walk

if TYPE_CHECKING:
    from outlayer_lint.interpret.questions.seeds import Seed
    from outlayer_lint.resolve.scopes import Scope


def escaping(seed: Seed) -> list[str]:
    """The names by which others may get hold of a model that is compiled here; none where it stays in its scope."""
    function = seed.node.func
    receiver = function.value if isinstance(function, ast.Attribute) else function
    scope: Scope = seed.place.block.scope
    owner = scope.owner
    key = dotted(receiver)
    if owner is not None and (key.startswith("self") or not key):
        return [owner.name]
    names: list[str] = []
    if scope.kind == "function" and leaves(scope.node, key):
        names.append(scope.name)
        if owner is not None:
            names.append(owner.name)
    elif scope.kind == "module" and key:
        if handed_over(scope.node, key) or imported(scope, key):
            names.append(key.partition(".")[0])
    elif scope.kind == "function" and handed_over(scope.node, key):
        names.append(scope.name)
    return names


def leaves(node: ast.AST, key: str) -> bool:
    """Whether a function returns the object of that name, or keeps it in another object."""
    for inner in walk(node):
        value = inner.value if isinstance(inner, (ast.Return, ast.Yield, ast.Assign)) else None
        if value is None or (isinstance(inner, ast.Assign) and not isinstance(inner.targets[0], ast.Attribute)):
            continue
        if any(dotted(part) == key for part in walk(value) if isinstance(part, (ast.Name, ast.Attribute))):
            return True
    return False


def imported(scope: Scope, key: str) -> bool:
    """Whether another file may import what a module binds to a name."""
    stem = scope.file.path.rpartition("/")[2].rpartition(".")[0]
    first = key.partition(".")[0].encode()
    return any(f is not scope.file and first in f.words for f in scope.file.project.mentions(stem))


def handed_over(node: ast.AST, key: str) -> bool:
    """Whether the object of that name is an argument of a call."""
    return any(isinstance(inner, ast.Call) and takes(inner, key) for inner in walk(node))


def takes(call: ast.Call, key: str) -> bool:
    """Whether the object of that name is an argument of a call itself."""
    given = [*call.args, *(k.value for k in call.keywords)]
    return any(isinstance(part, (ast.Name, ast.Attribute)) and dotted(part) == key for part in given)

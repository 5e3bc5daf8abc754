"""Dicts that decorators fill: `@register("unet") class UNet`, where `register` stores what it decorates in a dict."""

from __future__ import annotations

import ast
import re

from outlayer_lint.interpret.answers import only
from outlayer_lint.interpret.things import Answer, Dictionary, Function, Lazy
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.resolve.blocks import Place
from outlayer_lint.resolve.scopes import FUNCTIONS
from outlayer_lint.resolve.walking import walk

if TYPE_CHECKING:
    from outlayer_lint.interpret.frames import Frame
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.resolve.scopes import Scope

MAX_FILES = 60
REGISTRY = "registry"  # a kind of dict: more may be in it than was found
MAX_ENTRIES = 200


def starts_empty(node: ast.expr) -> bool:
    """`{}` or `dict()`."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "dict" and not node.args and not node.keywords
    return isinstance(node, ast.Dict) and not node.keys


def filled(it: Interpreter, key: str, module: Frame, answer: Answer) -> Answer:
    """The dict of a module with what decorators put into it, or the dict as it is."""
    if not key.isidentifier() or len(answer) != 1 or not isinstance(answer[0][0], Dictionary):
        return answer
    file = module.scope.file
    if not re.search(rb"^[ \t]+" + key.encode() + rb"\[[^\n]*\]\s*=", file.words, re.MULTILINE):
        return answer
    items: dict[Any, Lazy] = {}
    for line in file.lines_with(rf"(?m)^[ \t]+{key}\[.*\]\s*=", (key,)):
        place = file.locate(line)
        found = None if place is None else _decorator(place, key)
        if found is not None:
            scope, index = found
            _gather(it, scope, index, items)
    return only(Dictionary({**answer[0][0].items, **items}, open=True, kind=REGISTRY)) if items else answer


def _decorator(place: Place, key: str) -> tuple[Scope, ast.expr] | None:
    """The decorator, and what it takes for a key, if this statement stores what it decorates."""
    node, inner = place.block.statements[place.index], place.block.scope
    if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Subscript):
        return None
    target = node.targets[0]
    stored = isinstance(node.value, ast.Name) and inner.parameter_names == [node.value.id]
    if not stored or not isinstance(target.value, ast.Name) or target.value.id != key or inner.parent is None:
        return None
    outer = inner.parent if inner.parent.kind == "function" else inner
    return (outer, target.slice) if outer.parent is not None and outer.parent.kind == "module" else None


def _gather(it: Interpreter, scope: Scope, index: ast.expr, items: dict[Any, Lazy]) -> None:
    wanted = rf"(?m)^[ \t]*@[ \t]*(?:\w+\.)*{re.escape(scope.name)}\b"
    for file in it.project.mentions(scope.name)[:MAX_FILES]:
        lines = file.lines_with(wanted, (scope.name,))
        module = it.module_frame(file) if lines else None
        for line in lines if module is not None else ():
            place = file.locate(line)
            if place is None or place.block is not module.scope.block or len(items) >= MAX_ENTRIES:  # type: ignore[union-attr]
                continue
            node = place.block.statements[place.index]
            if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
                name = _key(it, scope, index, node, place, module)  # type: ignore[arg-type]
                if name is not None:
                    after = Place(place.block, place.index + 1)
                    items[name] = Lazy(_named(node), after, module)  # type: ignore[arg-type]


def _named(node: Any) -> ast.expr:
    return ast.copy_location(ast.Name(node.name, ast.Load()), node)


def _key(it: Interpreter, scope: Scope, index: ast.expr, node: Any, place: Place, module: Frame) -> str | None:
    """Under which key a decorated class or function is stored."""
    for decorator in node.decorator_list:
        function = decorator.func if isinstance(decorator, ast.Call) else decorator
        if not any(isinstance(t, Function) and t.scope is scope for t, _ in it.ev(function, place, module)):
            continue
        if isinstance(decorator, ast.Call):
            given = {k.arg: k.value for k in decorator.keywords if k.arg}
            given |= dict(zip(scope.parameter_names, decorator.args, strict=False))
            for part in walk(index):  # `name`, `name or cls.__name__`, `name.lower()` is none of these
                if isinstance(part, ast.Name) and part.id in given:
                    value = it.constant(it.ev(given[part.id], place, module))
                    whole = index is part or isinstance(index, (ast.BoolOp, ast.IfExp))
                    return value if isinstance(value, str) and whole else None
        last = index.values[-1] if isinstance(index, ast.BoolOp) else index
        return node.name if isinstance(last, ast.Attribute) and last.attr == "__name__" else None
    return None

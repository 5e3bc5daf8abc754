"""Parameters of a class or a function, and what the code compares an argument with, wherever it is handed on to."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Known = TypeVar("Known")
HANDED_ON = 3  # classes that an argument goes through


def parameters(thing: Any) -> dict[str, inspect.Parameter]:
    """Parameters of a class or a function by name, {} where they cannot be read."""
    try:
        return dict(inspect.signature(thing).parameters)
    except (TypeError, ValueError):
        return {}


def required(thing: Any) -> list[inspect.Parameter]:
    """Parameters without a default."""
    variable = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    return [p for p in parameters(thing).values() if p.default is p.empty and p.kind not in variable]


def compared_with(
    thing: Any, name: str, said: Callable[[ast.AST, str], Iterable[Known]], depth: int = HANDED_ON
) -> list[Known]:
    """What an argument is compared with, by the class itself or by those that it hands it on to, as `said` reads it."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(thing)))
    except (OSError, TypeError, SyntaxError):
        return []
    found = list(said(tree, name))
    space = getattr(getattr(thing, "__init__", thing), "__globals__", {})
    for node in ast.walk(tree) if depth and not found else ():
        match node:
            case ast.Call(func=ast.Name(id=called)):
                inner = _global(space, called)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=called)):
                inner = getattr(_global(space, module), called, None)
            case _:
                continue
        if not isinstance(inner, type) or inner is thing or inner.__module__.partition(".")[0] == "torch":
            continue
        names = list(parameters(inner))
        handed = dict(zip(names, node.args, strict=False))
        handed |= {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        for word, argument in handed.items():
            if isinstance(argument, ast.Name) and argument.id == name:
                found += compared_with(inner, word, said, depth - 1)
    return list(dict.fromkeys(found))


def _global(space: dict[str, Any], name: str) -> Any:
    """A global of a sliced module, which comes when it is asked for."""
    known = space.get("__builtins__")
    try:
        return space[name] if name in space or not isinstance(known, dict) else known[name]
    except KeyError:
        return None

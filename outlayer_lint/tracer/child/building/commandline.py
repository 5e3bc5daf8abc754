"""Options that scripts of the project define for their command line, and those of its configuration files.

With the values that are stated there. Syntax only: nothing is executed, and no package reads the files.
"""

from __future__ import annotations

import ast
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from outlayer_lint.tracer.child.building import configurations
from outlayer_lint.tracer.child.building.guesses import by_name
from outlayer_lint.tracer.child.building.slicing import read

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_FILES, MAX_BYTES = 80, 400_000
READ = (".py", *configurations.ENDINGS)
TYPES: dict[str, Any] = {"int": 1, "float": 0.1, "str": ""}


def defaults(path: str, project_root: str, reader: ast.AST | None) -> dict[str, Any]:
    """Option -> value, of the parser or configuration that knows most of what `reader` reads, then of the others.

    {} where no file of the folder, of those above it inside the project, or of the folders beside them has one.
    """
    read_names = set(_read(reader)) if reader is not None else set()
    known: list[dict[str, Any]] = []
    for file in _scripts(os.path.dirname(path), os.path.abspath(project_root)):
        found = _of_file(file) if file.endswith(".py") else configurations.of_file(file)
        if read_names & found.keys():
            known.append(found)
    known.reverse()  # of those that know as much, the nearest comes last and wins
    known.sort(key=lambda found: len(read_names & found.keys()))
    return {name: value for found in known for name, value in found.items() if found is known[-1] or name in read_names}


@lru_cache(maxsize=8)
def configured(folder: str, project_root: str) -> dict[str, Any]:
    """Name -> value, of all configuration files that a file of the folder may be meant by, the nearest first."""
    files = [path for path in _scripts(folder, os.path.abspath(project_root)) if not path.endswith(".py")]
    return {name: value for path in reversed(files) for name, value in configurations.of_file(path).items()}


def _read(reader: ast.AST) -> Iterator[str]:
    """Attributes, and items by a string, that code reads."""
    for node in ast.walk(reader):
        match node:
            case ast.Attribute(attr=name) | ast.Subscript(slice=ast.Constant(value=str(name))):
                yield name
            case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(name)), *_]):
                yield name
            case _:
                pass


def _scripts(folder: str, root: str) -> list[str]:
    """Files of the folder and of those above it, and of folders beside them that hold scripts."""
    found: list[str] = []
    while True:
        for place, folders, names in os.walk(folder):
            folders[:] = [name for name in folders if not name.startswith((".", "_"))] if place == folder else []
            found += [os.path.join(place, name) for name in sorted(names) if name.endswith(READ)]
        if folder == root or not folder.startswith(root) or folder == os.path.dirname(folder):
            return list(dict.fromkeys(found))[:MAX_FILES]
        folder = os.path.dirname(folder)


def _of_file(path: str) -> dict[str, Any]:
    try:
        if os.path.getsize(path) > MAX_BYTES:
            return {}
        text = read(path)
        if "add_argument(" not in text:
            return {}
        tree = ast.parse(text, path)
    except (OSError, SyntaxError, ValueError):
        return {}
    found: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument":
            found.update(_option(node))
    return found


def _option(call: ast.Call) -> dict[str, Any]:
    words = [word.value for word in call.args if isinstance(word, ast.Constant) and isinstance(word.value, str)]
    settings = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    long = next((word for word in words if word.startswith("--")), words[0] if words else "")
    name = _literal(settings.get("dest")) or long.lstrip("-").replace("-", "_")
    if not name:
        return {}
    action = _literal(settings.get("action"))
    if action in {"store_true", "store_false"}:
        return {name: action == "store_false"}
    value = _literal(settings.get("default"))
    if value is None and "choices" in settings:
        value = next(iter(_literal(settings["choices"]) or ()), None)
    if value is None:
        try:
            value = by_name(name)
        except KeyError:
            value = TYPES.get(getattr(settings.get("type"), "id", ""))
    return {name: value}


def _literal(node: ast.expr | None) -> Any:
    try:
        return ast.literal_eval(node) if node is not None else None
    except (ValueError, TypeError):
        return None

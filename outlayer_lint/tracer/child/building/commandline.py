"""Options that scripts of the project define for their command line, with the defaults they state. Syntax only."""

from __future__ import annotations

import ast
import os
from typing import Any

from outlayer_lint.tracer.child.building.guesses import by_name
from outlayer_lint.tracer.child.building.slicing import read

MAX_FILES, MAX_BYTES = 80, 400_000
TYPES: dict[str, Any] = {"int": 1, "float": 0.1, "str": ""}


def defaults(path: str, project_root: str, reader: ast.AST | None) -> dict[str, Any]:
    """Option -> value, of the parser nearest to `path` that knows most of the options that `reader` reads.

    {} where no script of the folder, of those above it inside the project, or of their scripts' folders has one.
    """
    read_names = (
        {node.attr for node in ast.walk(reader) if isinstance(node, ast.Attribute)} if reader is not None else set()
    )
    best: dict[str, Any] = {}
    score = 0
    for file in _scripts(os.path.dirname(path), os.path.abspath(project_root)):
        found = _of_file(file)
        if len(read_names & found.keys()) > score:
            best, score = found, len(read_names & found.keys())
    return best


def _scripts(folder: str, root: str) -> list[str]:
    """Files of the folder and of those above it, and of folders beside them that hold scripts."""
    found: list[str] = []
    while True:
        for place, folders, names in os.walk(folder):
            folders[:] = [name for name in folders if not name.startswith((".", "_"))] if place == folder else []
            found += [os.path.join(place, name) for name in sorted(names) if name.endswith(".py")]
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

"""Values in the configuration files of a project, by the last word of where they stand: YAML, JSON and the like."""

from __future__ import annotations

import ast
import json
import os
import re
from typing import Any

ENDINGS = (".yaml", ".yml", ".json")
MAX_BYTES = 200_000
LINE = re.compile(r"^[ \t]*(?:-[ \t]+)?([A-Za-z_][\w-]*)[ \t]*:[ \t]+([^\s#].*?)[ \t]*(?:[ \t]#.*)?$", re.MULTILINE)
WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False, "null": None, "~": None}
NOTHING = ("|", ">", "&", "*", "!")  # what begins a text of several lines, an anchor, a tag


def of_file(path: str) -> dict[str, Any]:
    """Name -> value, the first of each name; {} where the file cannot be read."""
    try:
        if os.path.getsize(path) > MAX_BYTES:
            return {}
        with open(path, encoding="utf-8") as file:
            text = file.read()
        return _flat(json.loads(text), {}) if path.endswith(".json") else _of_yaml(text)
    except (OSError, ValueError, RecursionError):
        return {}


def _flat(value: Any, found: dict[str, Any]) -> dict[str, Any]:
    for name, inner in value.items() if isinstance(value, dict) else ():
        if isinstance(inner, dict):
            _flat(inner, found)
        else:
            found.setdefault(name.replace("-", "_"), inner)
    return found


def _of_yaml(text: str) -> dict[str, Any]:
    """Lines of a name and a value; lists over several lines are left out."""
    found: dict[str, Any] = {}
    for name, value in LINE.findall(text):
        if not value.startswith(NOTHING):
            found.setdefault(name.replace("-", "_"), _value(value))
    return found


def _value(text: str) -> Any:
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        pass
    try:
        return float(text)  # `1e-3`
    except ValueError:
        return text.strip("'\"")

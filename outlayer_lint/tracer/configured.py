"""`[tool.outlayer-lint.trace]` as settings and targets; what cannot be meant is refused with file, table and key."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from outlayer_lint.config import TABLE, Refused, nearest, strings, table_in, truth
from outlayer_lint.tracer import settings as reading
from outlayer_lint.tracer.settings import ISOLATIONS, Settings
from outlayer_lint.tracer.target import TASKS, Target, find, parse_input

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from outlayer_lint.config import Config

HOOKS = "outlayer_trace.py"


class Configured(NamedTuple):
    """What the configuration says about tracing.

    Attributes:
        settings: how to run.
        targets: as written, in order.
        enabled: whether `check` traces without being asked to.
        hooks: the hook file of the project, "" where there is none.
    """

    settings: Settings
    targets: tuple[Target, ...]
    enabled: bool
    hooks: str


def read(config: Config, root: str) -> Configured:
    """The tracer's part of a configuration; `root` is the folder of the project."""
    where = f"{config.path}: [{TABLE}.trace]"
    table = dict(config.trace)
    for key in table:
        if key not in KEYS and key not in ("enabled", "target"):
            raise Refused(f"{where} has no key `{key}`{nearest(key, (*KEYS, 'enabled', 'target'))}")
    changes = {KEYS[key][0]: KEYS[key][1](value, f"{where} {key}") for key, value in table.items() if key in KEYS}
    written = table.get("target", [])
    if not isinstance(written, list) or not all(isinstance(entry, dict) for entry in written):
        raise Refused(f"{where} target: expected tables written [[{TABLE}.trace.target]], found {written!r}")
    enabled = truth(table.get("enabled", False), f"{where} enabled")
    hooks = os.path.join(root, HOOKS)
    targets = tuple(_target(entry, f"{config.path}: [[{TABLE}.trace.target]]", config.root) for entry in written)
    return Configured(Settings(root=root)._replace(**changes), targets, enabled, hooks if os.path.isfile(hooks) else "")


def _target(entry: Mapping[str, Any], where: str, root: str) -> Target:
    for key in entry:
        if key not in TARGET_KEYS:
            raise Refused(f"{where} has no key `{key}`{nearest(key, TARGET_KEYS)}")
    word = entry.get("target")
    if not isinstance(word, str):
        raise Refused(f"{where} target: expected the file and the name of a model, found {word!r}")
    path, colon, name = word.rpartition(":")
    beside = os.path.join(root, path if colon else word)
    found = Target(beside, name if colon else "") if os.path.isfile(beside) else find(word, starts=(root,))
    return found._replace(
        args=table_in(entry.get("args", {}), f"{where} args"),
        inputs=tuple(map(parse_input, strings(entry.get("input", []), f"{where} input"))),
        classes=None if "classes" not in entry else reading.whole(str(entry["classes"]), f"{where} classes"),
        task=task(entry["task"], f"{where} task") if "task" in entry else "",
        outputs=_words(entry.get("outputs", {}), f"{where} outputs"),
    )


def task(value: Any, where: str) -> str:
    """What a model is for, or `Refused`."""
    if value not in TASKS:
        hint = nearest(value, TASKS) if isinstance(value, str) else ""
        raise Refused(f"{where}: expected one of {', '.join(TASKS)}, found {value!r}{hint}")
    return str(value)


def _isolation(value: Any, where: str) -> str:
    if value not in ISOLATIONS:
        raise Refused(f"{where}: expected one of {', '.join(ISOLATIONS)}, found {value!r}")
    return str(value)


def _words(value: Any, where: str) -> dict[str, str]:
    found = table_in(value, where)
    if not all(isinstance(form, str) for form in found.values()):
        raise Refused(f'{where}: expected forms such as "raw" or "softmax@1", found {value!r}')
    return found


def _listed(value: Any, where: str) -> tuple[str, ...]:
    return reading.dtypes(value if isinstance(value, str) else ",".join(strings(value, where)), where)


def _text(read: Callable[[str, str], Any]) -> Callable[[Any, str], Any]:
    """A reader of text, for values that may be written as numbers as well."""
    return lambda value, where: read("" if isinstance(value, bool) else str(value), where)


KEYS: dict[str, tuple[str, Callable[[Any, str], Any]]] = {
    "allow-full-import": ("full_import", truth),
    "budget": ("budget", _text(reading.seconds)),
    "device": ("device", _text(reading.device)),
    "dtypes": ("dtypes", _listed),
    "isolation": ("isolation", _isolation),
    "losses": ("losses", _text(reading.whole)),
    "max-tries": ("max_tries", _text(reading.whole)),
    "memory": ("memory", _text(reading.size)),
    "python": ("python", _text(lambda text, _: text)),
    "stub-missing": ("stub_missing", truth),
    "synthetic-datasets": ("synthetic_datasets", truth),
}
TARGET_KEYS = ("target", "args", "input", "classes", "task", "outputs")

"""Models that a project builds its own way: the targets of its `outlayer_trace.py`."""

from __future__ import annotations

import runpy
import sys
from typing import TYPE_CHECKING, Any

import torch

from outlayer_lint.tracer.hook import Target as Hook

if TYPE_CHECKING:
    from collections.abc import Iterable


class HookError(Exception):
    """The hook file does not say what it should; the message is a sentence."""


def targets_of(path: str, root: str) -> list[Hook]:
    """What the file's `targets()` yields. The file is executed as a whole, with the project's folder to import from."""
    if root and root not in sys.path:
        sys.path.insert(0, root)
    names = runpy.run_path(path, {"Target": Hook}, "outlayer_trace")
    targets = names.get("targets")
    if not callable(targets):
        raise HookError("there is no function `targets`")
    found: Iterable[Any] = targets()
    hooks = list(found)
    for hook in hooks:
        if not isinstance(hook, Hook):
            raise HookError(f"`targets` yields {type(hook).__name__} instead of Target")
    return hooks


def named(path: str, root: str, name: str) -> Hook:
    """The target of that name."""
    hooks = targets_of(path, root)
    for hook in hooks:
        if hook.name == name:
            return hook
    raise HookError(f"no target is called `{name}`; there are {', '.join(hook.name for hook in hooks) or 'none'}")


def arguments(hook: Hook) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """What `forward` is given, `None` where the tracer is to find it."""
    if hook.inputs is None:
        return None
    given = hook.inputs()
    if isinstance(given, dict):
        return (), given
    if isinstance(given, torch.Tensor):
        return (given,), {}
    return tuple(given), {}

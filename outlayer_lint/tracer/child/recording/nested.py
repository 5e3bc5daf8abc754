"""Outputs of any nesting: every tensor in it, with the path that leads there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = "out"
MAX_LEVELS, MAX_LEAVES = 12, 512


def walk(value: Any, path: str = ROOT) -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor in a value and its path: `out`, `out[0]`, `out.logits`, `out['a'][1]`.

    Mappings, sequences, named tuples, dataclasses and objects with plain attributes (outputs of libraries) are entered;
    what holds itself is entered once. At most 512 tensors are yielded.
    """
    seen: set[int] = set()
    left = MAX_LEAVES
    for found in _walk(value, path, seen, MAX_LEVELS):
        yield found
        left -= 1
        if not left:
            return


def _walk(value: Any, path: str, seen: set[int], levels: int) -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(value, torch.Tensor):
        yield path, value
        return
    if value is None or isinstance(value, (str, bytes, int, float, complex, bool, torch.nn.Module)):
        return
    if id(value) in seen or not levels:
        return
    seen.add(id(value))
    for step, inner in parts(value):
        yield from _walk(inner, f"{path}{step}", seen, levels - 1)


def parts(value: Any) -> Iterator[tuple[str, Any]]:
    """What a value holds, each with the step that leads there."""
    if isinstance(value, Mapping):
        named = hasattr(type(value), "__dataclass_fields__")  # outputs of libraries: `out.logits`
        for key, inner in list(value.items()):
            yield (f".{key}" if named and isinstance(key, str) else f"[{key!r}]"), inner
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        for name in value._fields:
            yield f".{name}", getattr(value, name)
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield f"[{index}]", inner
    else:
        fields = getattr(value, "__dict__", None)
        if isinstance(fields, dict) and not callable(value):
            for name, inner in list(fields.items()):
                if not name.startswith("_"):
                    yield f".{name}", inner


def marked(value: Any, replace: Callable[[torch.Tensor], Any], levels: int = 3) -> Any:
    """A copy of an argument with each tensor in it replaced; only tuples and lists are entered."""
    if isinstance(value, torch.Tensor):
        return replace(value)
    if levels and type(value) in (tuple, list, torch.Size):
        return tuple(marked(each, replace, levels - 1) for each in value)
    return value

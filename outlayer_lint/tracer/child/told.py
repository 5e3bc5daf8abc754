"""What is seen, in words that can leave the child: places, dtypes, numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from outlayer_lint.tracer.child.losses.reading import built_at, layer_of
from outlayer_lint.tracer.child.recording import chains

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.diagnostic import Span
    from outlayer_lint.tracer.child.recording.marks import Mark

DTYPES = {
    "float32": "f32", "float64": "f64", "float16": "f16", "bfloat16": "bf16", "int64": "i64", "int32": "i32",
    "int16": "i16", "int8": "i8", "uint8": "u8", "bool": "bool", "complex64": "c64",
}  # fmt: skip
MOST = 200  # operations behind a value that are looked through


def through(mark: Mark) -> list[list[Any]]:
    """Every place in the project's code that a value went through since the last layer, that layer's own included."""
    found: dict[Span, None] = {}
    for each in _since_layer(mark):
        if each.place is not None:
            found[each.place.span] = None
        layer = layer_of(each)
        built = None if layer is None else built_at(layer[1])
        if built is not None:
            found[built.span] = None
    return [list(span) for span in found]


def _since_layer(mark: Mark) -> Iterator[Mark]:
    """A mark and those behind it, up to and with the first learned layer on each way."""
    todo, met = [mark], {id(mark)}
    while todo and len(met) < MOST:
        one = todo.pop()
        yield one
        if not chains.is_parametric(one):
            fresh = [each for each in one.parts if id(each) not in met]
            met.update(map(id, fresh))
            todo.extend(fresh)


def short(value: float) -> float | int:
    """Six digits say enough, and the same on each machine."""
    return int(value) if value == int(value) and abs(value) < 1 << 53 else float(f"{value:.6g}")


def dtype_of(tensor: Any) -> str:
    """The dtype in the words of `target.DTYPES`."""
    name = str(tensor.dtype).removeprefix("torch.")
    return DTYPES.get(name, name)

"""How many columns `forward` reads of a table: `x[:, 0]`, `x[:, i] for i, table in enumerate(self.tables)`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from torch import nn

from outlayer_lint.tracer.child.search.entries import source
from outlayer_lint.tracer.child.search.slots import BATCH, Slot, tensor

if TYPE_CHECKING:
    from collections.abc import Iterator

Columns = tuple[int, int]  # their number, and the bound of the ids in them where they are looked up, else 0
TABLE = 2  # axes of samples and columns


def with_columns(model: nn.Module, name: str, slot: Slot) -> Slot:
    """The slot with as many columns as are read, ids as low as the smallest of their tables wants."""
    if slot.kind != "tensor" or len(slot.shape) != TABLE or slot.batch != 0:
        return slot
    found = _read(model, name)
    count, highs = max((number for number, _ in found), default=0), [high for _, high in found]
    if found and all(highs):
        return tensor(BATCH, count, dtype="i64", high=min(highs))
    if not found or not slot.free:
        return slot
    return slot._replace(shape=(BATCH, count), high=min([high for high in highs if high] + [slot.high]), free=())


def _read(model: nn.Module, name: str) -> list[Columns]:
    """What each place reads; [] where one reads all of them, or how many cannot be seen."""
    tree = source(type(model), "forward")
    counted = dict(_counters(model, tree))
    inner = {id(node.value): node for node in ast.walk(tree) if isinstance(node, (ast.Subscript, ast.Attribute))}
    found: list[Columns] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name) or node.id != name or not isinstance(node.ctx, ast.Load):
            continue
        match inner.get(id(node)):
            case ast.Subscript(slice=ast.Tuple(elts=[ast.Slice(lower=None, upper=None), place])):
                match place:
                    case ast.Constant(value=int(column)) if column >= 0:
                        found.append((column + 1, 0))
                    case ast.Slice(upper=ast.Constant(value=int(end)), step=None) if end > 0:
                        found.append((end, 0))
                    case ast.Name(id=counter) if counter in counted:
                        found.append(counted[counter])
                    case _:
                        return []
            case ast.Attribute(attr="shape" | "device" | "size" | "dtype"):
                pass
            case _:
                return []
    return found


def _counters(model: nn.Module, tree: ast.Module) -> Iterator[tuple[str, Columns]]:
    """Names that count the layers of a list of the model, or up to a number: how many, and the smallest table."""
    for node in ast.walk(tree):
        if not isinstance(node, (ast.For, ast.comprehension)):
            continue
        match node.target, node.iter:
            case (
                ast.Tuple(elts=[ast.Name(id=counter), _]),
                ast.Call(func=ast.Name(id="enumerate"), args=[ast.Attribute(value=ast.Name(id="self"), attr=attr)]),
            ):
                yield from _of_list(counter, getattr(model, attr, None))
            case ast.Name(id=counter), ast.Call(func=ast.Name(id="range"), args=[end]):
                yield from _up_to(model, counter, end)
            case _:
                pass


def _up_to(model: nn.Module, counter: str, end: ast.expr) -> Iterator[tuple[str, Columns]]:
    match end:
        case ast.Call(func=ast.Name(id="len"), args=[ast.Attribute(value=ast.Name(id="self"), attr=attr)]):
            yield from _of_list(counter, getattr(model, attr, None))
        case ast.Attribute(value=ast.Name(id="self"), attr=attr) if type(getattr(model, attr, None)) is int:
            yield counter, (int(getattr(model, attr)), 0)
        case ast.Constant(value=int(number)):
            yield counter, (number, 0)
        case _:
            pass


def _of_list(counter: str, layers: object) -> Iterator[tuple[str, Columns]]:
    if isinstance(layers, (nn.ModuleList, nn.Sequential)) and len(layers):
        highs = [layer.num_embeddings for layer in layers if isinstance(layer, nn.Embedding)]
        yield counter, (len(layers), min(highs) if len(highs) == len(layers) else 0)

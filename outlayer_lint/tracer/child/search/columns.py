"""How many columns `forward` reads of a table: `x[:, 0]`, `x[:, i] for i, table in enumerate(self.tables)`.

Of a table with steps (`x[:, :, 3]`) as well, and where a part of the model reads it that is given it whole.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from torch import nn

from outlayer_lint.tracer.child.search.entries import parameters_of, source
from outlayer_lint.tracer.child.search.slots import BATCH, TIME, Slot, tensor

if TYPE_CHECKING:
    from collections.abc import Iterator


class Columns(NamedTuple):
    """What one place reads: that many at least, of a table with so many axes before its columns.

    `high` bounds the ids in them where they are looked up, else it is 0.
    """

    number: int
    high: int = 0
    before: int = 1


DEPTH = 3  # of parts of the model that a table is handed on to
KEPT = frozenset({"shape", "device", "size", "dtype", "long", "int", "float", "to"})


def with_columns(model: nn.Module, name: str, slot: Slot) -> Slot:
    """The slot with as many columns as are read, ids as low as the smallest of their tables wants."""
    if slot.kind != "tensor" or slot.batch != 0:
        return slot
    found = read(model, name)
    count, highs = max((one.number for one in found), default=0), [one.high for one in found]
    axes = {one.before for one in found}
    if not found or len(axes) > 1:
        return slot
    before = axes.pop()
    leading = (BATCH, TIME)[:before]
    if all(highs):
        return tensor(*leading, count, dtype="i64", high=min(highs), free=(1,)[: before - 1])
    if len(slot.shape) != before + 1 or (before == 1 and not slot.free):
        return slot
    high = min([high for high in highs if high] + [slot.high])
    return slot._replace(shape=(*slot.shape[:before], count), high=high, free=slot.free if before > 1 else ())


def read(model: nn.Module, name: str, depth: int = DEPTH) -> list[Columns]:
    """What each place reads; [] where one reads all of them, or how many cannot be seen."""
    tree = source(type(model), "forward")
    counted = dict(_counters(model, tree))
    above = {id(child): node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    found: list[Columns] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name) or node.id != name or not isinstance(node.ctx, ast.Load):
            continue
        match above.get(id(node)):
            case ast.Subscript(slice=ast.Tuple(elts=[*rows, place])) as item if rows and all(map(_is_whole, rows)):
                columns = _place(place, counted)
                if columns is None:
                    return []
                high = columns.high or _looked_up(model, above.get(id(item)))
                found.append(columns._replace(high=high, before=len(rows)))
            case ast.Call(func=func, args=args) if depth and node in args and (inner := _part(model, func)) is not None:
                names = [parameter.name for parameter in parameters_of(inner)]
                within = read(inner, names[args.index(node)], depth - 1) if args.index(node) < len(names) else []
                if not within:
                    return []
                found += within
            case ast.Attribute(attr=attr) if attr in KEPT:
                pass
            case _:
                return []
    return found


def _is_whole(place: ast.expr) -> bool:
    return isinstance(place, ast.Slice) and place.lower is None and place.upper is None


def _place(place: ast.expr, counted: dict[str, Columns]) -> Columns | None:
    match place:
        case ast.Constant(value=int(column)) if column >= 0:
            return Columns(column + 1)
        case ast.Slice(upper=ast.Constant(value=int(end)), step=None) if end > 0:
            return Columns(end)
        case ast.Name(id=counter):
            return counted.get(counter)
        case _:
            return None


def _looked_up(model: nn.Module, call: ast.AST | None) -> int:
    """The number of rows of the table that a column is an index of, 0 where it goes anywhere else."""
    table = _part(model, call.func) if isinstance(call, ast.Call) else None
    return table.num_embeddings if isinstance(table, nn.Embedding) else 0


def _part(model: nn.Module, func: ast.expr) -> nn.Module | None:
    match func:
        case ast.Attribute(value=ast.Name(id="self"), attr=attr):
            part = model._modules.get(attr)
            return part if isinstance(part, nn.Module) else None
        case _:
            return None


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
            yield counter, Columns(int(getattr(model, attr)))
        case ast.Constant(value=int(number)):
            yield counter, Columns(number)
        case _:
            pass


def _of_list(counter: str, layers: object) -> Iterator[tuple[str, Columns]]:
    if isinstance(layers, (nn.ModuleList, nn.Sequential)) and len(layers):
        highs = [layer.num_embeddings for layer in layers if isinstance(layer, nn.Embedding)]
        yield counter, Columns(len(layers), min(highs) if len(highs) == len(layers) else 0)

"""Arguments that come in parts: `a, (h, c) = inputs`, `pair[0]`, `zip(self.tables, ids)`."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from torch import nn

from outlayer_lint.tracer.child.search.entries import entry, indices, is_state, parameters_of, source, steps
from outlayer_lint.tracer.child.search.layers import hidden, of_layer
from outlayer_lint.tracer.child.search.slots import BATCH, Slot, tensor

if TYPE_CHECKING:
    from collections.abc import Iterator


def in_parts(model: nn.Module, name: str) -> Slot | None:
    """The parts that `forward` reads an argument in, `None` where it takes it as a whole."""
    for node in steps(type(model), "forward"):
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=elements)], value=ast.Name(id=source)) if source == name:
                return _of_targets(model, name, elements)
    if count := indices(type(model), name):
        one = _first_of_all(model, name)
        return _together([_part(model, f"{name}.{at}") or one for at in range(count)])
    return next((_together(parts) for parts in _beside(model, name)), None) or _listed(model, name)


LIST = re.compile(r"\b(List|Sequence|Iterable|list)\[(torch\.)?Tensor")


def _listed(model: nn.Module, name: str) -> Slot | None:
    """An argument whose annotation is a list of tensors, two of them."""
    found = next((parameter for parameter in parameters_of(model) if parameter.name == name), None)
    if found is None or not LIST.search(str(found.annotation)):
        return None
    for node in ast.walk(source(type(model), "forward")):
        match node:
            case (
                ast.For(target=ast.Name(id=each), iter=ast.Name(id=other))
                | ast.comprehension(target=ast.Name(id=each), iter=ast.Name(id=other))
            ) if other == name:
                return _together([_part(model, each) or _first_of_all(model, name)] * 2)._replace(kind="list")
            case _:
                pass
    return _together([_first_of_all(model, name)] * 2)._replace(kind="list")


def _together(parts: list[Slot]) -> Slot:
    return Slot("tuple", batch=None, parts=tuple((str(at), part) for at, part in enumerate(parts)))


def _of_targets(model: nn.Module, name: str, elements: list[ast.expr]) -> Slot:
    """What each of the names that an argument is unpacked into meets; those in brackets of their own are a tuple."""
    parts: list[Slot] = []
    for element in elements:
        match element:
            case ast.Tuple(elts=inner):
                parts.append(_of_targets(model, name, inner))
            case ast.Name(id=word):
                parts.append(_part(model, word) or _first_of_all(model, name))
            case _:
                parts.append(_first_of_all(model, name))
    return _together(parts)


def _part(model: nn.Module, name: str) -> Slot | None:
    """What a part of an argument meets first."""
    if is_state(model, name):
        one = hidden(model, name.lower())
        return one.parts[0][1] if one.parts else one
    met = entry(model, name, strict=True)
    return of_layer(model, met.leaf) if met is not None else None


def _first_of_all(model: nn.Module, name: str) -> Slot:
    first = entry(model, name, strict=False)
    return of_layer(model, first.leaf) if first is not None else tensor(BATCH, 16)


def _beside(model: nn.Module, name: str) -> Iterator[list[Slot]]:
    """Parts that are walked through beside the layers of a list: one for each of them."""
    for node in ast.walk(source(type(model), "forward")):
        match node:
            case ast.Call(func=ast.Name(id="zip"), args=args) if any(
                isinstance(arg, ast.Name) and arg.id == name for arg in args
            ):
                for arg in args:
                    match arg:
                        case ast.Attribute(value=ast.Name(id="self"), attr=attr):
                            layers = getattr(model, attr, None)
                            if isinstance(layers, (nn.ModuleList, nn.Sequential)) and len(layers):
                                yield [_for_one(model, layer) for layer in layers]
                        case _:
                            pass
            case _:
                pass


def _for_one(model: nn.Module, layer: nn.Module) -> Slot:
    met = entry(layer, "input", strict=False)
    slot = of_layer(model, met.leaf) if met is not None else tensor(BATCH, 16)
    return slot._replace(shape=slot.shape[:1], free=()) if slot.dtype == "i64" else slot  # a table for each column

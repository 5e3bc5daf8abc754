"""What a model asserts of its arguments: `assert x.dim() == 4`, `assert x.shape[-1] == self.features`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import torch

from outlayer_lint.tracer.child.reshaping import of_rank, resized
from outlayer_lint.tracer.child.slots import State, leaves, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.tracer.child.watching import Failure


def asserted(state: State, failure: Failure) -> Iterator[State]:
    """States that satisfy the assertion that failed, where it compares the rank or a size with a number."""
    if not isinstance(failure.error, AssertionError) or failure.frame is None:
        return
    try:
        tree = ast.parse(failure.line.strip())
    except SyntaxError:
        return
    names = failure.frame.f_locals
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq):
            for side, other in ((node.left, node.comparators[0]), (node.comparators[0], node.left)):
                wanted = _number(other, names)
                if wanted is not None:
                    yield from _satisfied(state, side, wanted, names)


def _satisfied(state: State, side: ast.expr, wanted: int, names: dict[str, Any]) -> Iterator[State]:
    match side:
        case (
            ast.Attribute(value=ast.Name(id=name), attr="ndim")
            | ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="dim" | "ndimension"))
            | ast.Call(func=ast.Name(id="len"), args=[ast.Attribute(value=ast.Name(id=name), attr="shape")])
            | ast.Call(
                func=ast.Name(id="len"), args=[ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="size"))]
            )
        ):
            axis = None
        case ast.Subscript(value=ast.Attribute(value=ast.Name(id=name), attr="shape"), slice=index):
            axis = _number(index, names)
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="size"), args=[index]):
            axis = _number(index, names)
        case _:
            return
    thing = names.get(name)
    if not isinstance(thing, torch.Tensor) or (mark := thing.__dict__.get("_traced")) is None:
        return
    for path in sorted(mark[0]):
        slot = leaves(state).get(path)
        if slot is None or len(slot.shape) != thing.ndim:
            continue
        if axis is None:
            yield from of_rank(state, path, slot, wanted, slot.shape[-1] if slot.shape else 0)
        elif -len(slot.shape) <= axis < len(slot.shape):
            yield replaced(state, path, resized(slot, axis % len(slot.shape), wanted))


def _number(node: ast.expr, names: dict[str, Any]) -> int | None:
    """The whole number that an expression of names and attributes stands for; nothing of the user's is called."""
    match node:
        case ast.Constant(value=int(number)):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(number))):
            return -number
        case ast.Name(id=name):
            found = names.get(name)
        case ast.Attribute(value=ast.Name(id=name), attr=attr):
            found = getattr(names.get(name), "__dict__", {}).get(attr)
        case _:
            return None
    return found if type(found) is int else None

"""Sizes, shapes and ranks that expressions stand for while a frame is alive; nothing of the user's is called."""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn

from outlayer_lint.tracer.child.surroundings.absent import Absent

if TYPE_CHECKING:
    from collections.abc import Callable

Names = tuple[dict[str, Any], ast.FunctionDef | None]  # local names, and the function they live in
ARITHMETIC: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


class Subject(NamedTuple):
    """What of a tensor an expression speaks of.

    `kind` is `rank`, `size` (of `axis`), `shape` (all of it, or the axes from `part[0]` to `part[1]`) or `dtype`.
    """

    tensor: torch.Tensor
    kind: str
    axis: int = 0
    part: tuple[int, int | None] = (0, None)


def function_at(tree: ast.Module | None, line: int) -> ast.FunctionDef | None:
    """The innermost function around a line."""
    found = None
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.FunctionDef) and node.lineno <= line <= (node.end_lineno or line):
            found = node
    return found


def subject_of(node: ast.expr, names: Names, *, named: bool = True) -> Subject | None:
    """What of which tensor an expression is, through a name that it was given before."""
    match node:
        case (
            ast.Attribute(value=inner, attr="ndim")
            | ast.Call(func=ast.Attribute(value=inner, attr="dim" | "ndimension"), args=[])
        ) if (thing := _tensor(inner, names)) is not None:
            return Subject(thing, "rank")
        case ast.Call(func=ast.Name(id="len"), args=[inner]):
            return _length(inner, names)
        case ast.Call(func=ast.Attribute(value=inner, attr="size"), args=[index]):
            thing, axis = _tensor(inner, names), number(index, names)
            return Subject(thing, "size", axis) if thing is not None and axis is not None else None
        case ast.Subscript(value=inner, slice=index) if (whole := _whole(inner, names)) is not None:
            return _of_part(whole, index, names)
        case ast.Attribute(value=inner, attr="dtype") if (thing := _tensor(inner, names)) is not None:
            return Subject(thing, "dtype")
        case ast.Name(id=name) if named:
            return _assigned(name, names)
        case _:
            thing = _whole(node, names)
            return Subject(thing, "shape") if thing is not None else None


def _length(inner: ast.expr, names: Names) -> Subject | None:
    if (thing := _whole(inner, names)) is not None:
        return Subject(thing, "rank")
    thing = _tensor(inner, names)
    return Subject(thing, "size", 0) if thing is not None else None


def _of_part(whole: torch.Tensor, index: ast.expr, names: Names) -> Subject | None:
    if isinstance(index, ast.Slice):
        begin = number(index.lower, names) if index.lower is not None else 0
        end = number(index.upper, names) if index.upper is not None else None
        if begin is None or index.step is not None or (end is None) != (index.upper is None):
            return None
        begin = max(begin + whole.ndim, 0) if begin < 0 else begin
        return Subject(whole, "shape", 0, (begin, end + whole.ndim if end is not None and end < 0 else end))
    axis = number(index, names)
    return Subject(whole, "size", axis) if axis is not None else None


def _assigned(name: str, names: Names) -> Subject | None:
    """What `name` was taken from: `b, t, d = x.shape`, `t = x.size(1)`."""
    for node in ast.walk(names[1]) if names[1] is not None else ():
        if not isinstance(node, ast.Assign) or len(node.targets) != 1:
            continue
        target = node.targets[0]
        if isinstance(target, ast.Name) and target.id == name:
            return subject_of(node.value, names, named=False)
        if isinstance(target, (ast.Tuple, ast.List)) and (whole := _whole(node.value, names)) is not None:
            words = [one.id if isinstance(one, ast.Name) else "" for one in target.elts]
            if name in words and not any(isinstance(one, ast.Starred) for one in target.elts):
                return Subject(whole, "size", words.index(name))
    return None


def _whole(node: ast.expr, names: Names) -> torch.Tensor | None:
    """The tensor whose shape an expression is: `x.shape`, `x.size()`, `tuple(x.shape)`, `list(x.size())`."""
    match node:
        case ast.Attribute(value=inner, attr="shape") | ast.Call(func=ast.Attribute(value=inner, attr="size"), args=[]):
            return _tensor(inner, names)
        case (
            ast.Call(func=ast.Name(id="tuple" | "list"), args=[inner])
            | ast.Call(func=ast.Attribute(attr="Size"), args=[inner])
        ):
            return _whole(inner, names)
        case _:
            return None


def _tensor(node: ast.expr, names: Names) -> torch.Tensor | None:
    thing = names[0].get(node.id) if isinstance(node, ast.Name) else None
    return thing if isinstance(thing, torch.Tensor) else None


def number(node: ast.expr, names: Names) -> int | None:
    """The whole number that an expression of names, attributes, sizes and arithmetic stands for."""
    found: Any = None
    match node:
        case ast.Constant(value=int(known)):
            return known
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            minus = number(inner, names)
            return -minus if minus is not None else None
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
            one, other = number(left, names), number(right, names)
            if one is None or other is None or (not other and isinstance(op, (ast.FloorDiv, ast.Mod))):
                return None
            return ARITHMETIC[type(op)](one, other)
        case ast.Call(func=ast.Name(id="len" | "int"), args=[inner]):
            found = _thing(inner, names)
            found = len(found) if isinstance(found, (list, tuple, dict, nn.ModuleList, nn.Sequential)) else found
        case ast.Name() | ast.Attribute() | ast.Subscript():
            found = _thing(node, names)
        case _:
            pass
    if isinstance(found, Absent) or type(found) is int:
        whole: int = int(found)
        return whole
    about = subject_of(node, names)
    if about is not None and about.kind == "rank":
        return int(about.tensor.ndim)
    if about is not None and about.kind == "size" and -about.tensor.ndim <= about.axis < about.tensor.ndim:
        return int(about.tensor.shape[about.axis])
    return None


def shape_of(node: ast.expr, names: Names) -> tuple[int, ...] | None:
    """The sizes that an expression stands for: `(3, self.side)`, `torch.Size([2, 4])`, `y.shape[1:]`."""
    match node:
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            sizes = [number(element, names) for element in elements]
            whole = tuple(size for size in sizes if size is not None and size > 0)
            return whole if len(whole) == len(sizes) else None
        case ast.Call(func=ast.Attribute(attr="Size") | ast.Name(id="tuple" | "list"), args=[inner]):
            return shape_of(inner, names)
        case _:
            pass
    about = subject_of(node, names)
    if about is not None and about.kind == "shape":
        return tuple(about.tensor.shape[about.part[0] : about.part[1]])
    found = _thing(node, names)
    plain = isinstance(found, (list, tuple)) and all(
        isinstance(size, Absent) or (type(size) is int and size > 0) for size in found
    )
    return tuple(map(int, found)) if plain else None


def _thing(node: ast.expr, names: Names) -> Any:
    """The object behind a chain of names and attributes, as far as plain attributes and parts of modules go."""
    match node:
        case ast.Name(id=name):
            return names[0].get(name)
        case ast.Attribute(value=inner, attr=attr):
            holder = _thing(inner, names)
            if isinstance(holder, nn.Module) and attr in holder._modules:
                return holder._modules[attr]
            known = getattr(holder, "__dict__", {})
            return known.get(attr, vars(type(holder)).get(attr)) if holder is not None else None
        case ast.Subscript(value=inner, slice=ast.Constant(value=key)):
            holder = _thing(inner, names)
            if isinstance(holder, dict):
                return holder.get(key)
            within = isinstance(holder, (list, tuple)) and type(key) is int and -len(holder) <= key < len(holder)
            return holder[key] if within else None
        case _:
            return None

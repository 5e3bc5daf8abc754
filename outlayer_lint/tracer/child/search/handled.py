"""How many axes an argument must have for what `forward` does with it: `x.permute(0, 2, 1)`, `x[:, :, 0]`."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

REDUCES = frozenset("sum mean max min argmax softmax log_softmax squeeze cumsum".split())
MATRICES = 3  # axes of what `bmm` takes
ROWS = 2  # axes of what is spread over axes of one: `x.view(x.size(0), 1, -1)`


def handled(tree: ast.FunctionDef, name: str) -> tuple[int | None, int]:
    """The number of axes where something says it, and the least that there must be.

    Only what is done with the argument in any case counts, and only until its name is given to something else.
    """
    exact, least = None, 0
    for statement in tree.body:
        if isinstance(statement, (ast.If, ast.Try, ast.While)):
            if name in _bound(statement):
                break
            continue
        for node in _unconditional(statement):
            found = _exact(node, name)
            exact = exact or found
            least = max(least, _least(node, name))
        if name in _bound(statement):
            break
    return exact, least


def _unconditional(node: ast.AST) -> Iterator[ast.AST]:
    """A node and what is evaluated with it in any case."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.If, ast.IfExp, ast.BoolOp, ast.Lambda, ast.FunctionDef, ast.Try)):
            yield from _unconditional(child)


def _bound(statement: ast.stmt) -> set[str]:
    return {
        node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }  # fmt: skip


def _is(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def spelled(tree: ast.FunctionDef, name: str) -> list[str] | None:
    """The axes of an argument in the pattern of `rearrange(x, "b c h w -> b (h w) c")` or `einsum("bij,bjk", x, y)`."""
    for statement in tree.body:
        for node in _unconditional(statement) if not isinstance(statement, (ast.If, ast.Try, ast.While)) else ():
            match node:
                case ast.Call(func=func, args=[first, ast.Constant(value=str(pattern)), *_]) if _is(first, name):
                    if ast.unparse(func).rpartition(".")[2] in PATTERNED and "->" in pattern:
                        return [word if word.isidentifier() else "" for word in TOKEN.findall(pattern.split("->")[0])]
                case ast.Call(func=func, args=[ast.Constant(value=str(pattern)), *operands]):
                    if ast.unparse(func).rpartition(".")[2] == "einsum":
                        for term, operand in zip(pattern.split("->")[0].split(","), operands, strict=False):
                            if _is(operand, name) and term.strip().isalpha():
                                return list(term.strip().lower())
                case _:
                    pass
        if name in _bound(statement):
            break
    return None


PATTERNED = frozenset({"rearrange", "reduce", "repeat"})
TOKEN = re.compile(r"\([^)]*\)|\S+")


def _exact(node: ast.AST, name: str) -> int | None:
    match node:
        case ast.Call(
            func=ast.Attribute(value=inner, attr="permute"), args=[ast.Tuple(elts=axes) | ast.List(elts=axes)]
        ):
            return len(axes) if _is(inner, name) else None
        case ast.Call(func=ast.Attribute(value=inner, attr="permute"), args=axes) if len(axes) > 1:
            return len(axes) if _is(inner, name) and all(_number(axis) is not None for axis in axes) else None
        case ast.Call(func=ast.Attribute(value=inner, attr="view" | "reshape"), args=[_, *sizes]) if _is(inner, name):
            words = [ast.unparse(size) for size in sizes]
            others = {word for word in words if word != "1"}
            rest = others <= {"-1", f"{name}.size(1)", f"{name}.shape[1]"}
            return ROWS if len(words) > 1 and words.count("1") == len(words) - 1 and rest else None
        case ast.Call(func=ast.Attribute(value=owner, attr="bmm"), args=args):
            return MATRICES if any(_is(_turned(one), name) for one in (owner, *args)) else None
        case _:
            return None


def _turned(node: ast.expr) -> ast.expr:
    """What an expression is but for the order of its axes."""
    match node:
        case ast.Call(func=ast.Attribute(value=inner, attr="transpose" | "swapaxes" | "contiguous")):
            return inner
        case _:
            return node


def _least(node: ast.AST, name: str) -> int:
    axes = list(_axes(node, name))
    return max((axis + 1 if axis >= 0 else -axis for axis in axes), default=0)


def _axes(node: ast.AST, name: str) -> Iterator[int]:
    """Axes that an expression speaks of."""
    match node:
        case ast.Call(func=ast.Attribute(value=inner, attr="transpose" | "swapaxes"), args=[first, second]):
            places = [first, second] if _is(inner, name) else []
        case ast.Call(func=ast.Attribute(value=inner, attr="size"), args=[axis]):
            places = [axis] if _is(inner, name) else []
        case ast.Subscript(value=ast.Attribute(value=inner, attr="shape"), slice=axis):
            places = [axis] if _is(inner, name) else []
        case ast.Subscript(value=inner, slice=ast.Tuple(elts=parts)) if _is(inner, name):
            plain = [part for part in parts if not (isinstance(part, ast.Constant) and part.value in {None, ...})]
            if len(plain) > 1:
                yield len(plain) - 1
            return
        case ast.Call(func=ast.Attribute(value=inner, attr=attr), args=args, keywords=keywords) if attr in REDUCES:
            named = [keyword.value for keyword in keywords if keyword.arg in {"dim", "axis"}]
            places = [*args[-1:], *named] if _is(inner, name) else []
        case _:
            return
    for place in places:
        axis_number = _number(place)
        if axis_number is not None:
            yield axis_number


def _number(node: ast.expr) -> int | None:
    match node:
        case ast.Constant(value=int(number)) if not isinstance(number, bool):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(number))):
            return -number
        case _:
            return None

"""Labels mixed by a weight and by what is left of it: `w * y + (1 - w) * y[order]`."""

from __future__ import annotations

import ast

from outlayer_lint.lattice import Emission, Tensor, Value
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.things import Site

ROWS = (Emission.ONEHOT, Emission.SIMPLEX)
SHAPING = ("reshape", "view", "unsqueeze", "expand_dims")


def mixed(it: Interpreter, a: Tensor, b: Tensor, node: ast.AST, site: Site) -> Tensor | None:
    """The distribution that a mix of rows of labels is, `None` where a sum is no such mix."""
    if not isinstance(node, ast.BinOp) or a.learned or b.learned:
        return None
    factors = [_factors(side) for side in (node.left, node.right)]
    for weight, rows in (factors[0], factors[0][::-1]):
        for rest, others in (factors[1], factors[1][::-1]):
            if weight is None or rest is None or not (is_rest(rest, weight) or is_rest(weight, rest)):
                continue
            labels = [_labels(it, each, site) for each in (rows, others)]
            known = next((t for t in labels if t is not None and t.units is not None), labels[0])
            if known is not None and None not in labels:
                return known.replace(
                    emission=Emission.SIMPLEX, by="add", inner=Value(tuple(t for t in labels if t is not None)),
                    units=known.units, low=0.0, high=1.0, certainty="likely",
                )  # fmt: skip
    return None


def _factors(side: ast.expr) -> tuple[ast.expr | None, ast.expr | None]:
    product = side if isinstance(side, ast.BinOp) and isinstance(side.op, ast.Mult) else None
    return (None, None) if product is None else (product.left, product.right)


def is_rest(node: ast.expr, of: ast.expr) -> bool:
    """Whether it is `1 - x`, both with or without a dim more: `(1 - w)[:, None]` and `w`."""
    node, of = bare(node), bare(of)
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Sub) or not isinstance(node.left, ast.Constant):
        return False
    return node.left.value == 1 and ast.dump(bare(node.right)) == ast.dump(of)


def bare(node: ast.expr) -> ast.expr:
    """A value without the subscripts and reshapes that fit it to what it meets: `w[:, None]`, `s.unsqueeze(-1)`."""
    while True:
        if isinstance(node, ast.Subscript):
            node = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SHAPING:
            node = node.func.value
        else:
            return node


def _labels(it: Interpreter, node: Any, site: Site) -> Tensor | None:
    """Rows of labels that no network made."""
    answer = it.ev(node, site.place, site.frame)
    thing = answer[0][0] if len(answer) == 1 else None
    return thing if isinstance(thing, Tensor) and thing.emission in ROWS and not thing.learned else None

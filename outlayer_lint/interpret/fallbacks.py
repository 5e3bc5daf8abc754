"""Parameters that are left out by default and then built: `head = head or nn.Linear(8, 1)`."""

from __future__ import annotations

import ast

from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.resolve.walking import walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.resolve.scopes import Scope

TELLING = (ast.BoolOp, ast.IfExp, ast.If, ast.Assign, ast.AnnAssign)


def replaced(scope: Scope, name: str) -> bool:
    """Whether a scope puts something that it makes itself in a parameter's place where that is `None`; seen once."""
    if name not in scope.replaced:
        if scope.telling is None:
            body = getattr(scope.node, "body", ())
            nodes = [node for statement in body for node in walk(statement)] if isinstance(body, list) else []
            scope.telling = [node for node in nodes if isinstance(node, TELLING)]
        scope.replaced[name] = _is_replaced(scope.telling, name)
    return scope.replaced[name]


def _is_replaced(nodes: list[ast.AST], name: str) -> bool:
    stands = {ast.dump(_stored(target)) for target, value in _assigned(nodes) if _is(value, name)}
    stands.add(ast.dump(ast.Name(name, ast.Load())))
    for node in nodes:
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            if len(node.values) == 2 and _is(node.values[0], name) and isinstance(node.values[1], ast.Call):
                return True
        elif isinstance(node, ast.IfExp):
            missing = _left_out(node.test, name)
            made, given = (node.body, node.orelse) if missing else (node.orelse, node.body)
            if missing is not None and isinstance(made, ast.Call) and _is(given, name):
                return True
        elif isinstance(node, ast.If):
            missing = _left_out(node.test, name)
            arm = [] if missing is None else node.body if missing else node.orelse
            for target, value in _assigned(arm):
                if isinstance(value, ast.Call) and ast.dump(_stored(target)) in stands:
                    return True
    return False


def _assigned(nodes: list[ast.AST] | list[ast.stmt]) -> Iterator[tuple[ast.expr, ast.expr]]:
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield target, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            yield node.target, node.value


def _stored(target: ast.expr) -> ast.expr:
    """A target as it would be read."""
    if isinstance(target, ast.Name):
        return ast.Name(target.id, ast.Load())
    if isinstance(target, ast.Attribute):
        return ast.Attribute(target.value, target.attr, ast.Load())
    return target


def _is(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _left_out(test: ast.expr, name: str) -> bool | None:
    """Whether a condition holds where the parameter is `None` (`p is None`, `not p`), fails there (`p`), or neither."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = _left_out(test.operand, name)
        return None if inner is None else not inner
    if _is(test, name):
        return False
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and _is(test.left, name):
        other, op = test.comparators[0], test.ops[0]
        if isinstance(other, ast.Constant) and other.value is None and isinstance(op, (ast.Is, ast.Eq)):
            return True
        if isinstance(other, ast.Constant) and other.value is None and isinstance(op, (ast.IsNot, ast.NotEq)):
            return False
    return None

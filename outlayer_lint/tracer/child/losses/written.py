"""The source behind a place: the expression itself, and the words of it that a message quotes."""

from __future__ import annotations

import ast
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from outlayer_lint.source.document import Document

if TYPE_CHECKING:
    from outlayer_lint.diagnostic import Span
    from outlayer_lint.tracer.child.recording.marks import Place

MODULES = ("torch", "F", "nn", "np", "numpy", "functional")


class Written(NamedTuple):
    """An expression as it is written, and the statement it stands in."""

    document: Document
    node: ast.expr
    statement: ast.stmt

    @property
    def span(self) -> Span:
        """Where it stands."""
        return self.document.span(self.node)

    def text(self, node: ast.AST) -> str:
        """The source of a part, shortened."""
        return self.document.segment(node)


@lru_cache(maxsize=256)
def expressions(path: str) -> tuple[Document, dict[tuple[int, int, int, int], tuple[ast.expr, ast.stmt]]] | None:
    """Every expression of a file by where it begins and ends (bytes, as the compiler counts), or `None`."""
    if not os.path.isfile(path):
        return None
    with open(path, "rb") as file:
        document = Document(path, path, file.read())
    found: dict[tuple[int, int, int, int], tuple[ast.expr, ast.stmt]] = {}
    try:
        _gather(document.tree, None, found)
    except (ValueError, OSError, RecursionError, SyntaxError):
        return None
    return document, found


def _gather(node: ast.AST, statement: ast.stmt | None, found: dict[tuple[int, int, int, int], Any]) -> None:
    for child in ast.iter_child_nodes(node):
        inside = child if isinstance(child, ast.stmt) else statement
        if isinstance(child, ast.expr) and inside is not None:
            key = (child.lineno, child.end_lineno or 0, child.col_offset, child.end_col_offset or 0)
            found.setdefault(key, (child, inside))
        _gather(child, inside, found)


@lru_cache(maxsize=1024)
def at(place: Place) -> Written | None:
    """The expression that was running, `None` where there is no source or it has changed since."""
    known = expressions(place.code.co_filename)
    positions = list(place.code.co_positions())
    index = place.instruction // 2
    if known is None or not 0 <= index < len(positions):
        return None
    node = known[1].get(positions[index])  # type: ignore[arg-type]
    return None if node is None else Written(known[0], *node)


def span_in(place: Place, node: ast.expr) -> Span:
    """Where a part of the expression at a place stands."""
    source = at(place)
    return place.span if source is None else source.document.span(node)


def argument(written: Written | None, index: int, name: str) -> str:
    """The text of an argument of a call by keyword or position, "" where it is not to be seen."""
    call = None if written is None else written.node
    if written is None or not isinstance(call, ast.Call):
        return ""
    for keyword in call.keywords:
        if keyword.arg == name:
            return written.text(keyword.value)
    if index < len(call.args) and not any(isinstance(each, ast.Starred) for each in call.args[: index + 1]):
        return written.text(call.args[index])
    return ""


def operand(written: Written | None) -> str:
    """The text of what a method, a function or a comparison is applied to."""
    if written is None:
        return ""
    node = written.node
    if isinstance(node, ast.Compare):
        return written.text(node.left)
    if isinstance(node, ast.BinOp):
        return written.text(node.left)
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    if isinstance(function, ast.Attribute) and not (
        isinstance(function.value, ast.Name) and function.value.id in MODULES
    ):
        method = not node.args or not isinstance(function.value, ast.Name) or function.value.id != "self"
        if method:
            return written.text(function.value)
    return written.text(node.args[0]) if node.args else ""


def constants(written: Written | None, names: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Positional and keyword arguments of a call by the names of its parameters, `...` where they are no constants."""
    if written is None or not isinstance(written.node, ast.Call):
        return None
    call = written.node
    positional: dict[str, Any] = {}
    for name, node in zip(names, call.args, strict=False):
        if isinstance(node, ast.Starred):
            break
        positional[name] = _constant(node)
    return positional, {each.arg: _constant(each.value) for each in call.keywords if each.arg}


def _constant(node: ast.expr) -> Any:
    try:
        if all(
            isinstance(each, (ast.BinOp, ast.UnaryOp, ast.Constant, ast.operator, ast.unaryop))
            for each in ast.walk(node)
        ):
            value = eval(compile(ast.Expression(node), "<constant>", "eval"))  # noqa: S307 - numbers and signs
        else:
            value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, ArithmeticError, MemoryError, RecursionError):
        return ...
    return value if value is None or isinstance(value, (bool, int, float, str)) else ...


def assigned(place: Place) -> list[str]:
    """The names that the result of the running call is bound to, or the parts of what is taken apart right now."""
    source = at(place)
    if source is not None and isinstance(source.node, ast.Tuple) and isinstance(source.node.ctx, ast.Store):
        names = [node.id for node in source.node.elts if isinstance(node, ast.Name)]
        return names if len(names) == len(source.node.elts) else []
    targets = getattr(source.statement, "targets", ()) if source is not None else ()
    return [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]

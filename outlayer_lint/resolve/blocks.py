"""Blocks: straight lists of statements, who writes a name where, and the places between statements."""

from __future__ import annotations

import ast
from bisect import bisect_right
from operator import attrgetter

from outlayer_lint.records import TYPE_CHECKING, Any, NamedTuple
from outlayer_lint.resolve.branches import ends

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from outlayer_lint.resolve.scopes import Scope

LINE = attrgetter("lineno")
TERMINATORS = frozenset((ast.Return, ast.Raise, ast.Continue, ast.Break))


class Definition(NamedTuple):
    """One write of a key.

    `kind` is `assign`, `augment`, `for`, `with`, `import`, `def`, `class`, `mutate` (a method changes the object),
    `setattr` (an attribute of the object is written), `setitem`, `call` (a method of the project may write attributes
    of the object), `opaque` (except, del, global).
    `path` says which part of the value is meant: indices of unpacking (a negative index counts from the end, a
    `("*", start, stop)` triple is a starred rest), or, for `setattr`, the attributes walked.
    """

    kind: str
    node: ast.AST
    value: ast.expr | None
    path: tuple[Any, ...]
    block: Block
    index: int  # type: ignore[assignment] # nobody searches it as a tuple


class Block:
    """A straight list of statements and what it binds."""

    __slots__ = (
        "_attributes",
        "_exits",
        "condition",
        "ends",
        "guard",
        "handed",
        "index",
        "kind",
        "names",
        "parent",
        "root",
        "scope",
        "statement",
        "statements",
        "subs",
        "writes",
    )

    def __init__(
        self, scope: Scope, statements: list[ast.stmt], parent: Block | None, index: int, kind: str,
        statement: ast.stmt | None, condition: tuple[ast.expr, bool] | None = None,
    ) -> None:  # fmt: skip
        """`index` is the position of the compound `statement` in `parent`; `condition` the test and its polarity.

        `root` is the block of the whole scope.
        """
        self.root: Block = self if parent is None else parent.root
        self.scope = scope
        self.statements = statements
        self.parent = parent
        self.index = index
        self.kind = kind
        self.statement = statement
        self.condition = condition
        self.names: dict[str, list[int]] = {}
        self.handed: dict[str, list[tuple[int, ast.Call, int]]] | None = None  # see `interpret.handing`
        self.writes: dict[int, list[tuple[str, Definition]]] = {}
        self.subs: dict[int, list[Block]] = {}
        self.ends = False
        # What handles an exception runs where another does not: a condition without words of its own.
        self.guard = ast.Yield(None) if kind == "handler" else None
        self._exits: list[int] | None = None
        self._attributes: frozenset[str] | None = None

    @property
    def attributes(self) -> frozenset[str]:
        """The last parts of the dotted keys that are written here."""
        if self._attributes is None:
            self._attributes = frozenset(key.rpartition(".")[2] for key in self.names if "." in key)
        return self._attributes

    @property
    def exits(self) -> list[int]:
        """The statements that return, hold a return, or are never passed. A guard that only raises is none of these."""
        if self._exits is None:
            self._exits = [
                i
                for i, node in enumerate(self.statements)
                if type(node) in TERMINATORS
                or (i in self.subs and (any(sub.returns for sub in self.subs[i]) or ends(node, self.subs[i])))
            ]
        return self._exits

    @property
    def returns(self) -> bool:
        """Whether a `return` stands in the block."""
        return any(
            isinstance(self.statements[i], ast.Return) or any(sub.returns for sub in self.subs.get(i, ()))
            for i in self.exits
        )

    @property
    def is_certain(self) -> bool:
        """Whether a run of the scope comes by here, and once: in no loop, under no condition but to be the script."""
        if self.parent is None:
            return True
        if self.condition is not None:
            test = self.condition[0]
            known = isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"
            return known and self.parent.is_certain
        return self.kind == "with" and self.parent.is_certain

    def note(self, keys: Iterable[str], index: int) -> None:
        """Remember that statement `index` (or something inside it) writes these keys."""
        names = self.names
        for key in keys:
            places = names.get(key)
            if places is None:
                names[key] = [index]
            elif places[-1] != index:
                places.append(index)

    def covering(self, line: int) -> int | None:
        """The statement that covers a line, its decorators among it; `None` between statements."""
        statements = self.statements
        at = bisect_right(statements, line, key=LINE) - 1
        if at + 1 < len(statements) and _start(statements[at + 1]) <= line:  # among the decorators of the next one
            at += 1
        while at >= 0:
            if (statements[at].end_lineno or 0) >= line:
                return at
            if statements[at].lineno < line:
                return None
            at -= 1
        return None


def _start(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", None)
    return min(node.lineno, decorators[0].lineno) if decorators else node.lineno


class Place(NamedTuple):
    """Before statement `index` of `block`: where an expression is evaluated."""

    block: Block
    index: int  # type: ignore[assignment] # nobody searches it as a tuple


def last(node: ast.expr) -> str:
    """The last part of a dotted name, "" for what is none."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def managers(block: Block | None) -> Iterator[str]:
    """The context managers that a block lies in, each by its last name, the nearest first."""
    while block is not None:
        if block.kind == "with" and isinstance(block.statement, (ast.With, ast.AsyncWith)):
            for item in block.statement.items:
                yield last(item.context_expr.func if isinstance(item.context_expr, ast.Call) else item.context_expr)
        block = block.parent


def dotted(node: ast.expr) -> str:
    """`a.b.c` for a chain of attributes on a name, else an empty string."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    parts.append(node.id)
    return ".".join(reversed(parts))


def nested(target: ast.Subscript) -> tuple[ast.expr, ...]:
    """What `x[a][b]` reaches into and by which indices, `(x, a, b)`; empty where that has no name."""
    indices: list[ast.expr] = []
    node: ast.expr = target
    while isinstance(node, ast.Subscript):
        indices.append(node.slice)
        node = node.value
    return (node, *reversed(indices)) if dotted(node) else ()

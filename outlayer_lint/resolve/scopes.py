"""Scopes: modules, classes, functions and lambdas, each lowered when somebody looks inside."""

from __future__ import annotations

import ast

from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.resolve.blocks import Block, last
from outlayer_lint.resolve.lowering import lower

if TYPE_CHECKING:
    from outlayer_lint.resolve.blocks import Place
    from outlayer_lint.resolve.sourcefile import SourceFile

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Scope:
    """A module, class, function or lambda."""

    __slots__ = (
        "_block",
        "_decorators",
        "file",
        "globals",
        "kind",
        "name",
        "nested",
        "node",
        "owner",
        "parameter_names",
        "parameters",
        "parent",
        "replaced",
        "self_calls",
        "telling",
        "touched",
        "yields",
    )

    def __init__(self, node: ast.AST, kind: str, name: str, parent: Scope | None, file: SourceFile) -> None:
        """`owner` is the class scope of a method, `self_calls` its statements that call methods which may write."""
        self.node = node
        self.kind = kind
        self.name = name
        self.parent = parent
        self.file = file
        self.owner = parent if parent is not None and parent.kind == "class" else None
        self.globals: set[str] = set()
        self.nested: dict[ast.AST, Scope] = {}
        self.touched: dict[str, list[ast.AST]] | None = None  # of a class: attribute -> methods that may write it
        self.replaced: dict[str, bool] = {}
        self.telling: list[ast.AST] | None = None  # the nodes that show a fallback, once somebody asked
        self.yields: list[tuple[Place, ast.Yield | ast.YieldFrom]] | None = None  # where it yields, once somebody asked
        self.self_calls: list[tuple[Place, ast.Call]] = []
        self._block: Block | None = None
        self._decorators: frozenset[str] | None = None
        a: ast.arguments | None = getattr(node, "args", None)
        self.parameters = a
        self.parameter_names: list[str] = []
        if a is not None:
            self.parameter_names = [p.arg for p in (*a.posonlyargs, *a.args, *a.kwonlyargs)] + [
                p.arg for p in (a.vararg, a.kwarg) if p is not None
            ]

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"

    @property
    def block(self) -> Block:
        """The body, lowered when first asked for."""
        if self._block is None:
            if self.kind == "lambda":
                self._block = Block(self, [], None, 0, "body", None)
                self._block.ends = True
            else:
                self._block = lower(self, self.body, None, 0, "body", None)
        return self._block

    @property
    def body(self) -> list[ast.stmt]:
        """The statements of a module, class or function."""
        return self.file.body(self.node)

    def child(self, node: ast.AST) -> Scope:
        """The scope of a function, lambda or class defined in this one."""
        found = self.nested.get(node)
        if found is None:
            kind = (
                "class" if isinstance(node, ast.ClassDef) else "lambda" if isinstance(node, ast.Lambda) else "function"
            )
            found = self.nested[node] = Scope(node, kind, getattr(node, "name", "<lambda>"), self, self.file)
        return found

    @property
    def method(self) -> Scope | None:
        """The method that it is or stands in, `None` outside of every class."""
        at: Scope | None = self
        while at is not None and at.owner is None:
            at = at.parent
        return at

    def has_decorator(self, *names: str) -> bool:
        """Whether a decorator's last name is one of these."""
        if self._decorators is None:
            found = getattr(self.node, "decorator_list", ())
            self._decorators = frozenset(last(d.func if isinstance(d, ast.Call) else d) for d in found)
        return bool(self._decorators) and not self._decorators.isdisjoint(names)

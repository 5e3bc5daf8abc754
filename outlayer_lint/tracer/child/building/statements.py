"""Which statements of a body give a name its value, and which change that value afterwards. Syntax only."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TRAINING = frozenset({"backward", "fit", "fit_generator", "train_on_batch", "step", "zero_grad"})
# Methods that build up an option parser, a registry or a collection; others may do anything and are not run.
BUILDING = frozenset(
    "add_argument add_argument_group add_mutually_exclusive_group append extend insert update set_defaults "
    "setdefault add register merge_from_dict add_module".split()
)
BLOCKS = (ast.For, ast.AsyncFor, ast.While, ast.If, ast.With, ast.AsyncWith, ast.Try)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Bindings:
    """Name -> the statements that bind it or build on it, in order of appearance."""

    def __init__(self, body: Iterable[ast.stmt]) -> None:
        """A block that trains is not kept whole, only what stands in it."""
        self._of: dict[str, list[ast.stmt]] = {}
        self.starred: list[ast.ImportFrom] = []
        loops: dict[str, list[ast.stmt]] = {}
        for statement in flattened(body, guarded=False):
            if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
                self.starred.append(statement)
                continue
            kept = loops if isinstance(statement, (ast.For, ast.While)) else self._of
            for name in dict.fromkeys((*bound(statement), *built_on(statement))):
                kept.setdefault(name, []).append(statement)
        for name, statements in self._of.items():  # a decorator of a package has no registry here
            if isinstance(statements[0], (ast.Import, ast.ImportFrom)):
                statements[1:] = [
                    one for one in statements[1:] if not isinstance(one, DEFINITIONS) or name in bound(one)
                ]
        for name, statements in loops.items():  # a loop is only run for what nothing else gives a value
            others = self._of.setdefault(name, [])
            if not others or _is_empty_collection(others):
                others[:] = sorted((*others, *statements), key=lambda statement: statement.lineno)

    def of(self, name: str) -> list[ast.stmt]:
        """Statements to run for the name."""
        return self._of.get(name, [])

    def names(self) -> frozenset[str]:
        """All that is bound."""
        return frozenset(self._of)


def flattened(body: Iterable[ast.stmt], *, guarded: bool) -> Iterator[ast.stmt]:
    """Statements of a body; a block that trains gives what stands in it, a loop over data its first round.

    With `guarded` only what stands below `if __name__ == "__main__"`.
    """
    for statement in body:
        if is_guard(statement):
            if guarded:
                yield from flattened(statement.body, guarded=False)  # type: ignore[attr-defined]
        elif guarded:
            continue
        elif isinstance(statement, BLOCKS) and trains(statement):
            yield from _opened(statement)
        else:
            yield from _single(statement)


def _single(statement: ast.stmt) -> Iterator[ast.stmt]:
    """An import of several names as one of each: a package that is missing must not take the others with it."""
    match statement:
        case ast.Import(names=names) if len(names) > 1:
            for alias in names:
                yield ast.copy_location(ast.Import([alias]), statement)
        case ast.ImportFrom(module=module, names=names, level=level) if len(names) > 1:
            for alias in names:
                yield ast.copy_location(ast.ImportFrom(module, [alias], level), statement)
        case _:
            yield statement


def _opened(statement: ast.stmt) -> Iterator[ast.stmt]:
    if not isinstance(statement, ast.For) or not trains(statement.iter):
        yield from _headed(statement)
    for field in ("body", "orelse", "finalbody"):
        yield from flattened(getattr(statement, field, ()), guarded=False)


def _headed(statement: ast.stmt) -> Iterator[ast.stmt]:
    """What the head of a block binds: a loop's names from its first round, the names of a `with`."""
    if isinstance(statement, ast.For):
        once: list[ast.stmt] = [ast.Break()]
        first = ast.For(statement.target, statement.iter, once, [])
        yield ast.fix_missing_locations(ast.copy_location(first, statement))
    elif isinstance(statement, ast.With):
        entered = ast.With(statement.items, [ast.Pass()])
        yield ast.fix_missing_locations(ast.copy_location(entered, statement))


def deep(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Every simple statement of a function's body, blocks opened, nested definitions left whole."""
    for statement in body:
        if isinstance(statement, BLOCKS):
            yield from _headed(statement)
            for field in ("body", "orelse", "finalbody"):
                yield from deep(getattr(statement, field, ()))
        else:
            yield from _single(statement)


def is_guard(statement: ast.stmt) -> bool:
    """`if __name__ == "__main__":`."""
    if not isinstance(statement, ast.If) or not isinstance(statement.test, ast.Compare):
        return False
    return any(isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(statement.test))


def trains(node: ast.AST) -> bool:
    """Whether it calls what a training loop calls; definitions inside do not count."""
    if isinstance(node, DEFINITIONS):
        return False
    match node:
        case ast.Call(func=ast.Attribute(attr=name)) if name in TRAINING:
            return True
    return any(trains(child) for child in ast.iter_child_nodes(node))


def bound(statement: ast.stmt) -> Iterator[str]:
    """Names that a statement gives a value, blocks included, nested scopes not."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield statement.name
        case ast.Import(names=names):
            for alias in names:
                yield alias.asname or alias.name.partition(".")[0]
        case ast.ImportFrom(names=names):
            for alias in names:
                yield alias.asname or alias.name
        case _:
            yield from _stored(statement)


def _stored(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.stmt():
                yield from bound(child)
            case ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                continue
            case _:
                yield from _stored(child)


def built_on(statement: ast.stmt) -> Iterator[str]:
    """Names whose value a statement adds to: `parser.add_argument(...)`, `config.size = 3`, `@registry.register`."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=place, attr=method))) if method in BUILDING:
            yield from _root(place)
        case ast.Assign(targets=targets):
            for target in targets:
                if isinstance(target, (ast.Attribute, ast.Subscript)):
                    yield from _root(target.value)
        case ast.ClassDef(decorator_list=decorators) | ast.FunctionDef(decorator_list=decorators):
            for decorator in decorators:
                place = decorator.func if isinstance(decorator, ast.Call) else decorator
                if isinstance(place, ast.Attribute):
                    yield from _root(place.value)
        case ast.For(body=body):
            for inner in body:
                yield from built_on(inner)
        case _:
            pass


def _root(place: ast.expr) -> Iterator[str]:
    while isinstance(place, (ast.Attribute, ast.Subscript)):
        place = place.value
    if isinstance(place, ast.Name):
        yield place.id


def _is_empty_collection(statements: list[ast.stmt]) -> bool:
    match statements:
        case [ast.Assign(value=ast.Dict(keys=[]) | ast.List(elts=[]) | ast.Call(args=[], keywords=[])), *_]:
            return True
        case _:
            return False

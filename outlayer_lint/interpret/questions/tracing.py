"""Backwards through the source: the expressions that a value was made from, over names, parameters and calls."""

from __future__ import annotations

import ast

from outlayer_lint.interpret import iteration, passing
from outlayer_lint.interpret.things import Lazy, Library, Parameter, Unknown
from outlayer_lint.interpret.transfers import shapes
from outlayer_lint.lattice import Tensor
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.resolve.blocks import Place, dotted
from outlayer_lint.resolve.walking import children

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.interpret.frames import Arguments, Frame
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.things import Entry
    from outlayer_lint.resolve.scopes import Scope

LIMIT = 60
MAX_WORDS = 16


def behind(it: Interpreter, start: Lazy, limit: int = LIMIT, *, arithmetic: bool = True) -> Iterator[Lazy]:
    """An expression and those it is made from, nearest first. What a loop draws from is not followed."""
    todo: list[Lazy] = [start]
    seen: set[object] = set()
    while todo and len(seen) < limit:
        step = todo.pop(0)
        mark = (id(step.node), id(step.frame))
        if mark in seen:
            continue
        seen.add(mark)
        yield step
        node, place, frame = step.node, step.place, step.frame
        if isinstance(node, ast.Name):
            todo.extend(_definitions(it, node.id, place, frame))
        elif isinstance(node, ast.Attribute):
            key = dotted(node)
            if key and place.block.scope.kind != "lambda" and key in place.block.scope.block.names:
                todo.extend(_definitions(it, key, place, frame))
            else:
                todo.append(Lazy(node.value, place, frame))
        elif isinstance(node, ast.Subscript) and (starred := _starred(node, place)) is not None:
            todo.extend(_argument(it, starred[0], place.block.scope, frame.base, starred[1]))
        elif isinstance(node, ast.BinOp) and not arithmetic and not _learned(it, step):
            continue
        elif not isinstance(
            node, (ast.Lambda, ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp, ast.Constant)
        ):
            for child in children(node):
                if isinstance(child, ast.keyword):
                    child = child.value  # noqa: PLW2901
                if isinstance(child, ast.expr) and not (
                    isinstance(node, ast.Call)
                    and child is node.func
                    and not isinstance(child, (ast.Attribute, ast.Call))
                ):
                    todo.append(Lazy(child, place, frame))


def _learned(it: Interpreter, step: Lazy) -> bool:
    """Whether a network has a part in a value."""
    return any(isinstance(t, Tensor) and bool(t.learned) for t, _ in it.ev(step.node, step.place, step.frame))


def _starred(node: ast.Subscript, place: Place) -> tuple[str, int] | None:
    """`args[1]` in a function with `*args`."""
    a = place.block.scope.parameters
    named = (
        isinstance(node.value, ast.Name) and a is not None and a.vararg is not None and a.vararg.arg == node.value.id
    )
    if (
        not named
        or not isinstance(node.slice, ast.Constant)
        or not isinstance(node.slice.value, int)
        or node.slice.value < 0
    ):
        return None
    return node.value.id, node.slice.value  # type: ignore[attr-defined]


def _definitions(it: Interpreter, key: str, place: Place, frame: Frame, depth: int = 3) -> list[Lazy]:
    """The expressions that a name was given at a place: assignments that reach it, or the caller's argument."""
    scope = place.block.scope
    overlay: Frame | None = frame
    while overlay is not None and overlay.binds is not None:
        if key in overlay.binds:
            return []
        overlay = overlay.parent
    frame = overlay or frame
    if key in scope.block.names and key not in scope.globals:
        found: list[Lazy] = []
        opened = False
        for reach in it.reached(key, place)[:6]:
            definition = reach.definition
            if definition is None:
                opened = True
            elif definition.value is not None and definition.kind in ("assign", "augment"):
                value = _part(definition.value, definition.path)
                found.append(
                    Lazy(value, Place(definition.block, definition.index), frame.inside(definition.block, reach.loops))
                )
            elif definition.kind in ("setitem", "mutate", "call") and depth:
                at, where = Place(definition.block, definition.index), frame.inside(definition.block, reach.loops)
                if definition.kind == "setitem" and definition.value is not None:
                    found.append(Lazy(definition.value, at, where))
                found.extend(_definitions(it, key, at, where, depth - 1))
        return [*found, *_argument(it, key, scope, frame)] if opened else found
    if scope.kind in ("function", "lambda") and key in scope.parameter_names:
        return _argument(it, key, scope, frame)
    if "." not in key and scope.parent is not None:
        module = it.module_frame(scope.file)
        if module is not None and key in module.scope.block.names:
            return _definitions(it, key, Place(module.scope.block, len(module.scope.block.statements)), module)
    return []


def _part(node: ast.expr, path: tuple[object, ...]) -> ast.expr:
    """The part of a tuple written out that an unpacking target receives."""
    for step in path:
        if (
            not isinstance(node, (ast.Tuple, ast.List))
            or not isinstance(step, int)
            or not -len(node.elts) <= step < len(node.elts)
        ):
            break
        node = node.elts[step]
    return node


def _given(it: Interpreter, scope: Scope, frame: Frame) -> Arguments | None:
    """The arguments that a frame was entered with, in this world."""
    given: Arguments | None = frame.base.arguments
    if given is not None:
        return given
    binding = frame.world.bindings.get(scope)
    if binding is None or binding.passed:
        return None
    where = it.root(binding.place.block.scope, frame.world)
    for node in binding.overlay:
        where = iteration.overlay(it, node, binding.place, where)
    return passing.arguments(it, binding.call, binding.place, where)


def _argument(it: Interpreter, name: str, scope: Scope, frame: Frame, item: int | None = None) -> list[Lazy]:
    """What the caller gave for a parameter; `item` is the one of `*args` that is meant."""
    a = scope.parameters
    given = _given(it, scope, frame) if a is not None and name in scope.parameter_names else None
    if a is None or given is None:
        return []
    ordered = [p.arg for p in (*a.posonlyargs, *a.args)]
    skip = 1 if frame.base.receiver is not None and ordered else 0
    if a.vararg is not None and name == a.vararg.arg:
        rest = given.positional[len(ordered) - skip :]
        chosen = rest if item is None else rest[item : item + 1]
        return [entry for entry in chosen if isinstance(entry, Lazy)]
    entry: Entry | None = (
        given.pick(ordered.index(name) - skip, name)
        if name in ordered and ordered.index(name) >= skip
        else given.pick(None, name)
    )
    return [entry] if isinstance(entry, Lazy) else []


def columns(it: Interpreter, start: Lazy, limit: int = 12) -> set[str]:
    """The columns that were cut out of an output (`out[:, 1:]`), as they are written; no cut, no columns."""
    found: set[str] = set()
    todo = [start]
    for _ in range(limit):
        if not todo:
            break
        node, place, frame = (step := todo.pop()).node, step.place, step.frame
        if isinstance(node, ast.Subscript):
            index = node.slice
            if isinstance(index, ast.Tuple) and len(index.elts) > 1 and _is_whole(index.elts[0]):
                found.update(ast.unparse(entry) for entry in index.elts[1:] if not _is_whole(entry))
            todo.append(Lazy(node.value, place, frame))
        elif isinstance(node, ast.Call):
            called = it.ev(node.func, place, frame)
            if node.args and all(isinstance(thing, Library) for thing, _ in called):
                todo.append(Lazy(node.args[0], place, frame))
            elif isinstance(node.func, ast.Attribute):
                todo.append(Lazy(node.func.value, place, frame))
        elif (key := dotted(node)) and place.block.scope.kind != "lambda":
            todo.extend(_definitions(it, key, place, frame))
    return found


def _is_whole(index: ast.expr) -> bool:
    """`:` or `...`."""
    if isinstance(index, ast.Slice):
        return index.lower is None and index.upper is None and index.step is None
    return isinstance(index, ast.Constant) and index.value in (..., None)


def identity(thing: Any) -> object:
    """What tells whose values a thing holds, `None` where that cannot be told."""
    if isinstance(thing, Tensor):
        return shapes.unshaped(thing.source)
    if isinstance(thing, (Unknown, Parameter)):
        return thing.key
    return None


def words_of(source: object) -> list[str]:
    """Columns and attributes on the way from a data set to a value."""
    found: list[str] = []
    while isinstance(source, tuple) and source and len(found) < MAX_WORDS:
        found.extend(part for part in source[1:] if isinstance(part, str) and part not in ("row", "each", "item"))
        source = source[0]
    return found


def own_nodes(place: Place) -> Iterator[ast.AST]:
    """All nodes of a statement, without the statements inside it."""
    todo: list[ast.AST] = [place.block.statements[place.index]]
    while todo:
        node = todo.pop()
        yield node
        for field, value in ast.iter_fields(node):
            if isinstance(node, ast.stmt) and field in ("body", "orelse", "finalbody", "handlers", "cases"):
                continue
            todo.extend(v for v in (value if isinstance(value, list) else [value]) if isinstance(v, ast.AST))

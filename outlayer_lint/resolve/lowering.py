"""Scopes lowered for backward questions: blocks, and who writes a name where.

A function is lowered once, statement by statement; expressions are not entered (but for `:=`). Names are keys: `x`, and
dotted `self.fc` or `model.net.fc`, so that an attribute's writes are found as a variable's are.
"""

from __future__ import annotations

import ast

from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.resolve import setters
from outlayer_lint.resolve.blocks import TERMINATORS, Block, Definition, Place, dotted, nested
from outlayer_lint.resolve.branches import bodies, ends
from outlayer_lint.resolve.walking import walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from outlayer_lint.resolve.scopes import Scope

    Made = Callable[..., Definition]

MUTATORS = frozenset(
    "append extend insert add_module register_module add update pop remove clear setdefault appendleft resize fill "
    "register_buffer register_parameter".split()
)
SIMPLE = frozenset(
    (ast.Assign, ast.Expr, ast.Return, ast.AugAssign, ast.AnnAssign, ast.Import, ast.ImportFrom, ast.Raise, ast.Delete)
)

IDLE = frozenset((ast.If, ast.While, ast.Assert, ast.Pass))  # what they write, they write by `:=`


def lower(
    scope: Scope, statements: list[ast.stmt], parent: Block | None, index: int, kind: str, statement: ast.stmt | None,
    condition: tuple[ast.expr, bool] | None = None,
) -> Block:  # fmt: skip
    """Lower a list of statements and everything below it, without entering functions and classes."""
    block = Block(scope, statements, parent, index, kind, statement, condition)
    walrus = bool(scope.file.walrus_lines)
    for i, node in enumerate(statements):
        form = type(node)
        if form in TERMINATORS and not walrus:
            block.ends = True
            break
        if isinstance(node, ast.Assign) and not walrus and (written := _name_given(block, i, node)):  # most of them
            block.writes[i] = [written]
            block.note(written[:1], i)
            continue
        if found := list(writes(block, i, node, walrus=walrus)) if walrus or form not in IDLE else None:
            block.writes[i] = found
            block.note([key for key, _ in found], i)
        subs = [] if form in SIMPLE else [lower(scope, body, block, i, k, node, c) for body, k, c in bodies(node)]
        if subs:
            block.subs[i] = subs
            for sub in subs:
                block.note(sub.names, i)
        if form in TERMINATORS or (subs and ends(node, subs)):
            block.ends = True
            break
    return block


def _name_given(block: Block, index: int, node: ast.Assign) -> tuple[str, Definition] | None:
    """`name = value`, and nothing else."""
    target = node.targets[0]
    if type(target) is not ast.Name or len(node.targets) > 1:
        return None
    return target.id, Definition("assign", node, node.value, (), block, index)


def writes(block: Block, index: int, node: ast.stmt, *, walrus: bool) -> Iterator[tuple[str, Definition]]:
    """The keys that one statement writes itself (not the blocks inside it); `walrus`: the file has a `:=`."""

    def made(kind: str, value: ast.expr | None, path: tuple[object, ...] = (), at: ast.AST | None = None) -> Definition:
        return Definition(kind, at or node, value, path, block, index)

    if type(node) is ast.Assign and (written := _name_given(block, index, node)) is not None:
        yield written
    if walrus and block.scope.file.has_walrus(node):
        match node:
            case ast.If(test=inside) | ast.While(test=inside) | ast.Assign(value=inside) | ast.Expr(value=inside):
                yield from named(inside, made)
            case ast.Return(value=inside) if inside is not None:
                yield from named(inside, made)
            case _:
                pass
    match node:
        case ast.Assign(targets=[ast.Name()]):
            pass  # told above
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from targeted(target, "assign", value, (), made)
        case ast.AnnAssign(target=target, value=value) if value is not None:
            yield from targeted(target, "assign", value, (), made)
        case ast.AugAssign(target=target, value=value):
            yield from targeted(target, "augment", value, (), made)
        case ast.Expr(value=value):
            yield from mutation(value, made, Place(block, index))
        case ast.Delete(targets=targets):
            yield from taken_out(targets, made)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield node.name, made("def", None)
        case ast.ClassDef():
            yield node.name, made("class", None)
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            for alias in names:
                key = alias.asname or (alias.name.partition(".")[0] if isinstance(node, ast.Import) else alias.name)
                yield key, made("import", None, (), alias)
        case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
            yield from targeted(target, "for", value, (), made)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            for item in items:
                if item.optional_vars is not None:
                    yield from targeted(item.optional_vars, "with", item.context_expr, (), made)
        case ast.Try(handlers=handlers) | ast.TryStar(handlers=handlers):
            for handler in handlers:
                if handler.name:
                    yield handler.name, made("opaque", None)
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            block.scope.globals.update(names)
        case ast.Match(subject=subject, cases=cases):
            for case in cases:
                if isinstance(case.pattern, ast.MatchAs) and case.pattern.name:
                    yield case.pattern.name, made("assign", subject)
                    continue
                for inner in walk(case.pattern):
                    if name := getattr(inner, "name", None):
                        yield name, made("opaque", None)
        case _:
            pass


def targeted(
    target: ast.expr, kind: str, value: ast.expr, path: tuple[object, ...], made: Made
) -> Iterator[tuple[str, Definition]]:
    """The keys written by one assignment target."""
    match target:
        case ast.Name(id=name):
            yield name, made(kind, value, path)
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            starred = next((i for i, e in enumerate(elements) if isinstance(e, ast.Starred)), None)
            for i, element in enumerate(elements):
                if isinstance(element, ast.Starred):
                    yield from targeted(element.value, kind, value, (*path, ("*", i, i + 1 - len(elements))), made)
                else:
                    step = i if starred is None or i < starred else i - len(elements)
                    yield from targeted(element, kind, value, (*path, step), made)
        case ast.Attribute():
            if key := dotted(target):
                yield key, made(kind, value, path)
                parts = key.split(".")
                for cut in range(1, len(parts)):
                    if cut > 1 or parts[0] != "self":
                        yield ".".join(parts[:cut]), made("setattr", value, (tuple(parts[cut:]), kind, path))
            elif isinstance(target.value, ast.Subscript) and (key := dotted(target.value.value)):
                yield key, made("setattr", value, ((target.value.slice, target.attr), kind, path))
        case ast.Subscript(value=container, slice=index):
            if key := dotted(container):
                yield key, made("setitem", value, (index, kind, path))
                parts = key.split(".")
                for cut in range(1, len(parts)):
                    if cut > 1 or parts[0] != "self":
                        yield ".".join(parts[:cut]), made("setattr", value, ((*parts[cut:], index), kind, path))
            elif indices := nested(target):
                yield dotted(indices[0]), made("setitem", value, (indices[1:], kind, path))
        case ast.Starred(value=inner):
            yield from targeted(inner, kind, value, path, made)
        case _:
            pass  # an element of something without a name


def mutation(value: ast.expr, made: Made, place: Place) -> Iterator[tuple[str, Definition]]:
    """An expression statement that changes an object: `xs.append(v)`, `x.clamp_(0)`, `setattr(m, "fc", v)`."""
    if isinstance(value, ast.Await):
        value = value.value
    if not isinstance(value, ast.Call):
        return
    function = value.func
    if isinstance(function, ast.Attribute):
        name = function.attr
        if (name in MUTATORS or (name.endswith("_") and not name.startswith("_"))) and (key := dotted(function.value)):
            yield key, made("mutate", value)
            if name not in ("add_module", "register_module") or len(value.args) < 2:
                return
            if isinstance(value.args[0], ast.Constant):
                yield f"{key}.{value.args[0].value!s}", made("assign", value.args[1])
            return
        scope = place.block.scope
        if name in setters.names(scope.file.project):
            holder = function.value
            while isinstance(holder, ast.Call) and isinstance(holder.func, ast.Attribute):
                holder = holder.func.value  # `net.a().b()`
            key = dotted(holder)
            by_super = isinstance(holder, ast.Call) and isinstance(holder.func, ast.Name) and holder.func.id == "super"
            if scope.owner is not None and (by_super or scope.parameter_names[:1] == [key]):
                scope.self_calls.append((place, value))
            elif key:
                yield key, made("call", value)
    elif isinstance(function, ast.Name) and function.id == "setattr" and len(value.args) == 3:
        key, name_node = dotted(value.args[0]), value.args[1]
        if key and isinstance(name_node, ast.Constant):
            name = str(name_node.value)
            yield f"{key}.{name}", made("assign", value.args[2])
            if key != "self":
                yield key, made("setattr", value.args[2], ((name,), "assign", ()))
        elif key:
            yield f"{key}.*", made("assign", value.args[2], (name_node,))


def taken_out(targets: list[ast.expr], made: Made) -> Iterator[tuple[str, Definition]]:
    """`del layers[-1]` as `layers.pop(-1)`."""
    for target in targets:
        if isinstance(target, ast.Subscript) and (key := dotted(target.value)):
            function = ast.copy_location(ast.Attribute(target.value, "pop", ast.Load()), target)
            yield key, made("mutate", ast.copy_location(ast.Call(function, [target.slice], []), target))


def named(value: ast.expr, made: Made) -> Iterator[tuple[str, Definition]]:
    """Names bound by `:=` inside an expression; files without one never come to the walk."""
    for inner in walk(value):
        if isinstance(inner, ast.NamedExpr) and isinstance(inner.target, ast.Name):
            yield inner.target.id, made("assign", inner.value)

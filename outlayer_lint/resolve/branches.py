"""Where control goes: the blocks of a statement, what a case of `match` tests, whether a loop may be left early."""

from __future__ import annotations

import ast

from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.resolve.walking import children, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.resolve.blocks import Block


def bodies(node: ast.stmt) -> Iterator[tuple[list[ast.stmt], str, tuple[ast.expr, bool] | None]]:
    """The blocks inside a compound statement, in the order they run."""
    match node:
        case ast.If(test=test, body=body, orelse=orelse):
            yield body, "then", (test, True)
            yield orelse, "else", (test, False)
        case (
            ast.For(body=body, orelse=orelse)
            | ast.AsyncFor(body=body, orelse=orelse)
            | ast.While(body=body, orelse=orelse)
        ):
            yield body, "loop", None
            if orelse:
                yield orelse, "loop-else", None
        case ast.With(body=body) | ast.AsyncWith(body=body):
            yield body, "with", None
        case (
            ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final)
            | ast.TryStar(body=body, handlers=handlers, orelse=orelse, finalbody=final)
        ):
            yield body + orelse, "try", None
            for handler in handlers:
                yield handler.body, "handler", None
            if final:
                yield final, "finally", None
        case ast.Match(subject=subject, cases=cases):
            before: list[ast.expr] = []
            for case in cases:
                asked = matched(subject, case, before)
                yield case.body, "case", None if asked is None else (asked, True)
        case _:
            pass  # a simple statement


def matched(subject: ast.expr, case: ast.match_case, before: list[ast.expr]) -> ast.expr | None:
    """The test that a case of literals is, `None` for a structure; `before` are the tests of earlier cases."""
    test: ast.expr | None = None
    patterns = case.pattern.patterns if isinstance(case.pattern, ast.MatchOr) else [case.pattern]
    tests: list[ast.expr] = []
    inner: ast.AST
    for pattern in patterns:
        if isinstance(pattern, ast.MatchValue):
            tests.append(ast.Compare(subject, [ast.Eq()], [pattern.value]))
        elif isinstance(pattern, ast.MatchSingleton):
            tests.append(ast.Compare(subject, [ast.Is()], [ast.Constant(pattern.value)]))
    if len(tests) == len(patterns):
        test = tests[0] if len(tests) == 1 else ast.BoolOp(ast.Or(), tests)
    elif isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None and before and case.guard is None:
        test = ast.UnaryOp(ast.Not(), before[0] if len(before) == 1 else ast.BoolOp(ast.Or(), [*before]))
    if case.guard is not None:
        guard = _of_subject(case.guard, getattr(case.pattern, "name", None), subject)
        exact = test is not None or (isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None)
        test = guard if test is None else ast.BoolOp(ast.And(), [test, guard])
        if exact:
            before.append(test)
    elif test is not None:
        before.append(test)
    if test is not None:
        for inner in walk(test):
            if isinstance(inner, ast.expr) and not hasattr(inner, "lineno"):
                ast.copy_location(inner, case.pattern)
    return test


def _of_subject(guard: ast.expr, name: str | None, subject: ast.expr) -> ast.expr:
    """The guard of `case name if name == ...` as a test of the subject itself."""
    if isinstance(guard, ast.Compare) and isinstance(guard.left, ast.Name) and guard.left.id == name:
        return ast.copy_location(ast.Compare(subject, guard.ops, guard.comparators), guard)
    return guard


def is_exhaustive(node: ast.stmt) -> bool:
    """Whether the last case of a `match` takes whatever is left."""
    if not isinstance(node, ast.Match):
        return False
    last = node.cases[-1]
    return last.guard is None and isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None


def leaves(node: ast.stmt) -> bool:
    """Whether a loop may be left by `break`."""
    todo: list[ast.AST] = list(getattr(node, "body", ()))
    while todo:
        inner = todo.pop()
        if isinstance(inner, ast.Break):
            return True
        if isinstance(inner, (ast.For, ast.AsyncFor, ast.While)):
            todo.extend(inner.orelse)
        elif not isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.expr)):
            todo.extend(children(inner))
    return False


def ends(node: ast.stmt, subs: list[Block]) -> bool:
    """Whether control never passes the compound statement."""
    if isinstance(node, ast.If):
        return all(sub.ends for sub in subs)
    if isinstance(node, (ast.With, ast.AsyncWith)):
        return subs[0].ends
    if isinstance(node, ast.Match):
        return is_exhaustive(node) and all(sub.ends for sub in subs)
    if isinstance(node, (ast.Try, ast.TryStar)):
        return any(s.ends for s in subs if s.kind == "finally") or all(s.ends for s in subs if s.kind != "finally")
    if isinstance(node, ast.While) and isinstance(node.test, ast.Constant) and node.test.value:
        return not any(isinstance(inner, ast.Break) for statement in node.body for inner in walk(statement))
    return False

"""What a model asserts of its arguments: `assert x.dim() == 4`, `if x.shape[1:] != (3, self.side): raise`."""

from __future__ import annotations

import ast
import linecache
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from outlayer_lint.tracer.child.search.evaluated import function_at, number, shape_of, subject_of
from outlayer_lint.tracer.child.search.reshaping import of_rank, resized
from outlayer_lint.tracer.child.search.slots import BATCH, WORDS, Slot, State, leaves, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.tracer.child.search.evaluated import Names, Subject
    from outlayer_lint.tracer.child.search.watching import Failure

MOST = 6  # states that satisfy one condition


class Wanted(NamedTuple):
    """A comparison that must hold, or must not."""

    node: ast.Compare
    holds: bool


def asserted(state: State, failure: Failure) -> Iterator[State]:
    """States that satisfy the assertion that failed, or the condition under which the error was raised."""
    frame = failure.frame
    if frame is None:
        return
    found = _condition(frame.f_code.co_filename, frame.f_lineno)
    if found is None:
        return
    names = frame.f_locals, function_at(_tree(frame.f_code.co_filename), frame.f_lineno)
    test, holds = found
    for alternative in _alternatives(test, holds=holds):
        states = [state]
        for wanted in alternative:
            states = [
                other for one in states for other in (list(islice(_satisfied(one, wanted, names), MOST)) or [one])
            ]
        yield from (other for other in states[:MOST] if other != state)


@lru_cache(maxsize=64)
def _tree(path: str) -> ast.Module | None:
    try:
        return ast.parse("".join(linecache.getlines(path)))
    except (SyntaxError, ValueError):
        return None


def _condition(path: str, line: int) -> tuple[ast.expr, bool] | None:
    """The test that failed at a line and what it should have been; `None` where nothing is raised there on purpose."""
    tree = _tree(path)
    found: tuple[ast.expr, bool] | None = None
    for node in ast.walk(tree) if tree is not None else ():
        match node:
            case ast.Assert(test=test) if node.lineno <= line <= (node.end_lineno or line):
                return test, True
            case ast.If(test=test, body=body, orelse=orelse):
                for branch, holds in ((body, False), (orelse, True)):
                    if any(isinstance(one, ast.Raise) and _covers(one, line) for one in branch):
                        found = (test, holds)
            case _:
                pass
    return found


def _covers(node: ast.stmt, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or line)


def _alternatives(test: ast.expr, *, holds: bool) -> list[list[Wanted]]:
    """Comparisons that make a test true (or false): any of the lists will do, all of one list must."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return _alternatives(inner, holds=not holds)
        case ast.BoolOp(op=op, values=values):
            parts = [_alternatives(value, holds=holds) for value in values]
            if isinstance(op, ast.And) != holds:
                return [one for part in parts for one in part]
            together: list[list[Wanted]] = [[]]
            for part in parts:
                together = [[*before, *one] for before in together for one in (part or [[]])][:MOST]
            return together
        case ast.Compare(ops=[_]):
            return [[Wanted(test, holds)]]
        case ast.Compare(left=left, ops=ops, comparators=others) if holds:
            pairs = zip([left, *others], ops, others, strict=False)
            return [[Wanted(ast.Compare(one, [op], [other]), holds) for one, op, other in pairs]]
        case _:
            return []


def _satisfied(state: State, wanted: Wanted, names: Names) -> Iterator[State]:
    """States in which a comparison holds, where one side is the shape, a size, the rank or the dtype of an argument."""
    op, left, right = wanted.node.ops[0], wanted.node.left, wanted.node.comparators[0]
    if isinstance(left, ast.BinOp) and isinstance(left.op, ast.Mod):
        yield from _divisible(state, left, right, names, equal=isinstance(op, ast.Eq) == wanted.holds)
        return
    for side, other, turned in ((left, right, False), (right, left, True)):
        about = subject_of(side, names)
        if about is None:
            continue
        if isinstance(op, (ast.In, ast.NotIn)) and isinstance(op, ast.In) == wanted.holds and not turned:
            for choice in getattr(other, "elts", ()):
                yield from _with(state, about, choice, names)
        elif isinstance(op, (ast.Eq, ast.NotEq)) and isinstance(op, ast.Eq) == wanted.holds:
            yield from _with(state, about, other, names)
        elif (bound := _bound(op, number(other, names), holds=wanted.holds, turned=turned)) is not None:
            yield from _sized(state, about, bound)


def _bound(op: ast.cmpop, limit: int | None, *, holds: bool, turned: bool) -> int | None:
    """The nearest number that satisfies `x < limit` and the like, read from the other side where `turned`."""
    below = isinstance(op, (ast.Lt, ast.LtE))
    if limit is None or not isinstance(op, (ast.Lt, ast.LtE, ast.Gt, ast.GtE)):
        return None
    strict = isinstance(op, (ast.Lt, ast.Gt))
    if not holds:
        below, strict = not below, not strict
    if turned:
        below = not below
    return limit - strict if below else limit + strict


def _with(state: State, about: Subject, other: ast.expr, names: Names) -> Iterator[State]:
    path, slot = _argument(state, about)
    if slot is None or path is None:
        return
    if about.kind == "dtype":
        yield from _of_dtype(state, path, slot, ast.unparse(other))
    elif about.kind == "shape":
        sizes = shape_of(other, names)
        if sizes is not None:
            yield replaced(state, path, _shaped(slot, about, sizes))
    elif (size := number(other, names)) is not None:
        yield from _sized(state, about, size)


def _sized(state: State, about: Subject, size: int) -> Iterator[State]:
    path, slot = _argument(state, about)
    if slot is None or path is None or size < 1:
        return
    if about.kind == "rank":
        yield from of_rank(state, path, slot, size, slot.shape[-1] if slot.shape else 0)
    elif about.kind == "size" and -len(slot.shape) <= about.axis < len(slot.shape):
        axis = about.axis % len(slot.shape)
        if axis == slot.batch:  # as many as there must be: the model counts no samples here
            fixed = slot._replace(shape=(*slot.shape[:axis], size, *slot.shape[axis + 1 :]), free=())
            yield replaced(state, path, fixed if size == BATCH else fixed._replace(batch=None))
        else:
            yield replaced(state, path, resized(slot, axis, size))


def _shaped(slot: Slot, about: Subject, sizes: tuple[int, ...]) -> Slot:
    """The slot with the sizes of a whole shape, or of the slice of it that was compared."""
    begin, end = about.part
    shape = (*slot.shape[:begin], *sizes, *(slot.shape[end:] if end is not None else ()))
    batch = slot.batch if slot.batch is not None and slot.batch < len(shape) else None
    if batch is None and BATCH in shape[:1]:
        batch = 0
    return slot._replace(shape=shape, batch=batch if batch is not None and shape[batch] == BATCH else None, free=())


def _divisible(state: State, left: ast.BinOp, right: ast.expr, names: Names, *, equal: bool) -> Iterator[State]:
    about, step = subject_of(left.left, names), number(left.right, names)
    if not equal or about is None or about.kind != "size" or not step or number(right, names) != 0:
        return
    path, slot = _argument(state, about)
    if slot is not None and path is not None and -len(slot.shape) <= about.axis < len(slot.shape):
        axis = about.axis % len(slot.shape)
        yield replaced(state, path, resized(slot, axis, -(-slot.shape[axis] // step) * step))


def _of_dtype(state: State, path: str, slot: Slot, word: str) -> Iterator[State]:
    known: Any = getattr(torch, word.rpartition(".")[2], None)
    dtype = WORDS.get(known) if isinstance(known, torch.dtype) else None
    if dtype is not None and dtype != slot.dtype:
        whole = not known.is_floating_point and dtype != "bool"
        yield replaced(state, path, slot._replace(dtype=dtype, high=(slot.high or 2) if whole else 0))


def _argument(state: State, about: Subject) -> tuple[str | None, Slot | None]:
    """The argument that a tensor is, or was made from without its shape being changed."""
    mark = about.tensor.__dict__.get("_traced")
    for path in sorted(mark[0]) if mark is not None else ():
        slot = leaves(state).get(path)
        if slot is not None and len(slot.shape) == about.tensor.ndim:
            return path, slot
    return None, None

"""Conditions: decided where constants decide them, else remembered as choices keyed by the value they test."""

from __future__ import annotations

import ast

from outlayer_lint.interpret import operators
from outlayer_lint.interpret.answers import identity
from outlayer_lint.interpret.choices import NO_CHOICE, Choice, Choices, compatible
from outlayer_lint.interpret.things import (
    Answer,
    Built,
    Class,
    Const,
    Dictionary,
    Foreign,
    Function,
    Instance,
    Library,
    Method,
    Module,
    Parameter,
    Sequence,
    Symbol,
    Unknown,
)
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.resolve.blocks import Place

if TYPE_CHECKING:
    from outlayer_lint.interpret.frames import Frame
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.resolve.blocks import Block

FORWARD = ("forward", "call", "__call__")
MIRRORED = {"Lt": "Gt", "Gt": "Lt", "LtE": "GtE", "GtE": "LtE"}  # `1 < n` says of `n` what `n > 1` says
NEGATED = {"LtE": "Gt", "GtE": "Lt"}
EXCEPTIONS = frozenset(f"builtins.{word}" for word in ("NotImplementedError", "NotImplemented", "ValueError"))
NOT_MEANT = ("loaded from disk", "index out of range")
DECIDING = 64  # evaluations for one condition; what takes more is hardly ever decided


def truth(thing: object) -> bool | None:
    """Whether a thing is true, or `None` where that is open."""
    if isinstance(thing, Const):
        return bool(thing.value)
    if isinstance(thing, Sequence):
        return True if thing.items or thing.tail else None if thing.open else False
    if isinstance(thing, Dictionary):
        return True if thing.items else None if thing.open else False
    if isinstance(thing, (Instance, Built, Function, Class, Module, Method, Library)):
        return True
    return None


def same(a: Answer, b: Answer) -> bool:
    """Whether two answers have the same alternatives."""
    return {(identity(t), c) for t, c in a} == {(identity(t), c) for t, c in b}


def meaningful(answer: Answer) -> Answer:
    """Without what cannot be meant where there is something else.

    `None`, a checkpoint, the item of an empty list, an exception that is returned (`return NotImplementedError`).
    """
    if len(answer) < 2:
        return answer
    kept = tuple(
        (thing, choices)
        for thing, choices in answer
        if not (isinstance(thing, Const) and thing.value is None)
        and not (isinstance(thing, Unknown) and thing.reason in NOT_MEANT)
        and not (isinstance(thing, (Library, Foreign)) and thing.name in EXCEPTIONS)
    )
    return kept or answer


def forked(answer: Answer, node: ast.Call) -> Answer:
    """Mark the choice between whole models or losses: they are different programs.

    Alternatives among the parts of one object's `forward` stay together.
    """
    objects = {
        id(thing.made) if isinstance(thing, Instance) else id(thing)
        for thing, _ in answer
        if isinstance(thing, Instance) or (isinstance(thing, Built) and thing.row.kind in ("loss", "model"))
    }
    if len(objects) < 2:
        return answer
    marked = []
    for i, (thing, choices) in enumerate(answer):
        fork = frozenset(choice._replace(fork=True) for choice in choices)
        marked.append((thing, fork or frozenset({Choice(("fork", id(node)), equal=True, value=i, fork=True)})))
    return tuple(marked)


def way_to(it: Interpreter, place: Place, frame: Frame) -> Choices | None:
    """The choices under which a place is come to: the branches around it, and earlier ones that return.

    `None` where a condition is decided against it.
    """
    together: Choices = NO_CHOICE
    block: Block | None = place.block
    index = place.index
    while block is not None:
        tests = [
            (sub.condition[0], not sub.condition[1], Place(block, before))
            for before in block.exits
            if before < index and isinstance(block.statements[before], ast.If)
            for sub in block.subs.get(before, ())
            if sub.ends and sub.condition is not None
        ]
        if block.parent is not None and block.condition is not None:
            tests.append((*block.condition, Place(block.parent, block.index)))
        for test, polarity, at in tests:
            decided = decide(it, test, polarity, at, frame)
            both = None if decided is None else compatible(together, decided)
            if both is None:
                return None
            together = both
        index, block = block.index, block.parent
    return together


def decide(it: Interpreter, test: ast.expr, polarity: bool, place: Place, frame: Frame) -> Choices | None:  # noqa: FBT001
    """The choices under which a test has a truth value; `None` where it never has it, empty where it always has."""
    memo = ("decided", id(test), polarity)
    found = frame.memo.get(memo, ...)
    if found is not ...:
        return found  # type: ignore[return-value]
    if it.fuel <= 0:  # what is asked for with an empty purse is unknown anyway
        return NO_CHOICE
    it.fuel -= 1
    fuel, outer = it.fuel, it.pause()
    purse = it.fuel = min(fuel, DECIDING)
    decided = _decide(it, test, polarity, place, frame)
    if it.fuel <= 0 and fuel > purse:
        decided = _undecided(test, frame, polarity)
    it.fuel += fuel - purse
    if it.resume(outer):
        frame.memo[memo] = decided  # type: ignore[assignment]
    return decided


def _decide(it: Interpreter, test: ast.expr, polarity: bool, place: Place, frame: Frame) -> Choices | None:  # noqa: FBT001
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return decide(it, test.operand, not polarity, place, frame)
    if isinstance(test, ast.BoolOp):
        return _several(it, test, polarity, place, frame)
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        return _compared(it, test, polarity, place, frame)
    answer = it.ev(test, place, frame)
    return _surviving(
        answer,
        [truth(thing) for thing, _ in answer],
        polarity,
        lambda thing: _truth_choice(thing, test, frame, polarity),
    )


def _several(it: Interpreter, test: ast.BoolOp, polarity: bool, place: Place, frame: Frame) -> Choices | None:  # noqa: FBT001
    """`and` wanted true and `or` wanted false: every part; else one part, which is known only if the others are out."""
    if isinstance(test.op, ast.And) == polarity:
        together: Choices = NO_CHOICE
        for value in test.values:
            choices = decide(it, value, polarity, place, frame)
            both = None if choices is None else compatible(together, choices)
            if both is None:
                return None
            together = both
        return together
    left = []
    for value in test.values:
        choices = decide(it, value, polarity, place, frame)
        if choices is not None:
            if not choices:
                return NO_CHOICE
            left.append(choices)
    if not left:
        return None
    return left[0] if len(left) == 1 else _undecided(test, frame, polarity)


def _surviving(answer: Answer, truths: list[bool | None], polarity: bool, choice: Any) -> Choices | None:  # noqa: FBT001
    survivors: list[Choices] = []
    for (thing, own), decided in zip(answer, truths, strict=True):
        if decided is None:
            both = compatible(own, choice(thing))
            if both is not None:
                survivors.append(both)
        elif decided is polarity:
            survivors.append(own)
    if not survivors:
        return None
    common = survivors[0]
    for other in survivors[1:]:
        common &= other
    return common


def _undecided(test: ast.expr, frame: Frame, polarity: bool) -> Choices:  # noqa: FBT001
    return frozenset({Choice(("test", id(test), id(frame.base)), equal=True, value=polarity)})


def _truth_choice(thing: object, test: ast.expr, frame: Frame, polarity: bool) -> Choices:  # noqa: FBT001
    key = getattr(thing, "key", None)
    mark = ("truth", key) if key is not None else ("test", id(test), id(frame.base))
    return frozenset({Choice(mark, equal=True, value=polarity)})


def _compared(it: Interpreter, test: ast.Compare, polarity: bool, place: Place, frame: Frame) -> Choices | None:  # noqa: FBT001
    left = it.ev(test.left, place, frame)
    right = it.ev(test.comparators[0], place, frame)
    op = test.ops[0]
    survivors: list[Choices] = []
    for a, mine in left:
        for b, other in right:
            own = compatible(mine, other)
            if own is None:
                continue
            decided = operators.compared(it, op, a, b)
            if decided is None:
                both = compatible(own, _compare_choice(it, a, b, op, test, frame, polarity=polarity))
                if both is not None:
                    survivors.append(both)
            elif decided is polarity:
                survivors.append(own)
    if not survivors:
        return None
    common = survivors[0]
    for other in survivors[1:]:
        common &= other
    return common


def _compare_choice(
    it: Interpreter, a: object, b: object, op: ast.cmpop, test: ast.expr, frame: Frame, *, polarity: bool
) -> Choices:
    generic = _undecided(test, frame, polarity)
    order = type(op).__name__
    if isinstance(a, Const) and not isinstance(b, Const):
        a, b, order = b, a, MIRRORED.get(order, order)
    key = getattr(a, "key", None)
    if key is None or not isinstance(a, (Unknown, Parameter, Symbol)):
        return generic
    if isinstance(op, (ast.Eq, ast.NotEq, ast.Is, ast.IsNot)) and isinstance(b, Const):
        equal = isinstance(op, (ast.Eq, ast.Is)) == polarity
        return frozenset({Choice(key, equal=equal, value=b.value)})
    if isinstance(op, (ast.In, ast.NotIn)) and isinstance(b, Sequence) and not b.open:
        values = [it.constant(entry) for entry in b.items]
        if ... not in values:
            inside = isinstance(op, ast.In) == polarity
            if not inside:
                return frozenset(Choice(key, equal=False, value=v) for v in values)
            if len(values) == 1:
                return frozenset({Choice(key, equal=True, value=values[0])})
            return frozenset({Choice(("in", key, tuple(map(repr, values))), equal=True, value=True)})
    if order in NEGATED:  # `n <= 1` is where `n > 1` is not
        order, polarity = NEGATED[order], not polarity
    bound = b.value if isinstance(b, Const) and isinstance(b.value, (int, float)) else None
    mark = repr(getattr(b, "value", id(test))) if bound is None else bound
    return frozenset({Choice(("compare", key, order, mark), equal=True, value=polarity)})

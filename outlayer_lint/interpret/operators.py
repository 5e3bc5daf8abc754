"""Operators: on constants, lists and tensors; comparisons."""

from __future__ import annotations

import ast
import operator

from outlayer_lint import knowledge
from outlayer_lint.interpret import options, signatures
from outlayer_lint.interpret.answers import join, lift, only, unknown
from outlayer_lint.interpret.choices import NO_CHOICE, compatible
from outlayer_lint.interpret.options import Option
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
    Parameter,
    Sequence,
    Site,
    Symbol,
    Unknown,
)
from outlayer_lint.interpret.transfers.arithmetic import Divided, _broadcast, _source, arithmetic, number, word
from outlayer_lint.interpret.transfers.coupling import Follower
from outlayer_lint.lattice import Emission, Origin, Tensor, Value
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from outlayer_lint.interpret.frames import Frame
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.resolve.blocks import Place

NAMES = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow", ast.FloorDiv: "floordiv",
    ast.Mod: "mod", ast.MatMult: "matmul", ast.BitAnd: "and", ast.BitOr: "or", ast.BitXor: "xor", ast.LShift: "lshift",
    ast.RShift: "rshift",
}  # fmt: skip
FOLD: dict[str, Any] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv,
    "floordiv": operator.floordiv, "mod": operator.mod, "and": operator.and_, "or": operator.or_,
}  # fmt: skip
COMPARE: dict[type[ast.cmpop], Any] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}  # fmt: skip
MAX_TEXT = 10_000
CHOSEN = "chosen"


def binary(it: Interpreter, op: ast.operator, left: Answer, right: Answer, site: Site, node: ast.AST) -> Answer:
    """`left op right` for every pair of alternatives that can meet."""
    name = NAMES.get(type(op), "")
    answers: list[Answer] = []
    for a, mine in left:
        for b, other in right:
            both = compatible(mine, other)
            if both is not None:
                answers.append(
                    tuple(
                        (t, c)
                        for t, own in pair(it, name, a, b, site, node)
                        if (c := compatible(both, own)) is not None
                    )
                )
    return join(answers)


def _array(it: Interpreter, thing: Any) -> Any:
    """The values alone, where something is reckoned with what `max(dim)` gives: a NumPy array has no indices beside."""
    if not isinstance(thing, Dictionary) or list(thing.items) != ["values", "indices"]:
        return thing
    answer = it.force(thing.items["values"])
    return answer[0][0] if len(answer) == 1 else thing


def pair(it: Interpreter, name: str, a: Any, b: Any, site: Site, node: ast.AST) -> Answer:
    """One pair of operands."""
    a, b = _array(it, a), _array(it, b)
    if isinstance(a, Const) and isinstance(b, Const):
        return _fold(name, a.value, b.value)
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        if name == "matmul":
            return _matmul(it, a, b, site)
        if name == "add" and isinstance(a, Tensor) and isinstance(b, Tensor) and a.by == b.by == "mul":
            from outlayer_lint.interpret.transfers import mixtures  # noqa: PLC0415 - for programs that mix

            known = mixtures.mixed(it, a, b, node, site)
            if known is not None:
                return only(known)
        return only(arithmetic(it, name, a, b, site))
    if isinstance(a, Sequence) and isinstance(b, Sequence) and name == "add":
        return only(concatenated(a, b))
    if isinstance(a, Sequence) and isinstance(b, Const) and isinstance(b.value, int) and name == "mul":
        if not a.open and 0 <= b.value * len(a.items) <= 64:
            return only(Sequence(a.items * b.value, kind=a.kind))
        return only(Sequence(a.items, open=True, tail=a.items, kind=a.kind))
    if isinstance(a, Sequence) and name == "add" and isinstance(b, (Unknown, Parameter)):
        return only(Sequence(a.items, open=True, kind=a.kind))
    shift = b.value if isinstance(b, Const) and isinstance(b.value, int) and not isinstance(b.value, bool) else None
    if shift is not None and name in ("add", "sub"):
        step = shift if name == "add" else -shift
        if isinstance(a, Symbol):
            return only(Symbol(a.key, a.offset + step, strict=a.strict))
        if isinstance(a, Parameter):
            return only(Parameter(a.scope, a.name, a.trail, a.offset + step))
        if isinstance(a, Unknown) and a.key is not None:
            return only(Symbol(a.key, step))
    if isinstance(a, Parameter) and isinstance(b, Parameter) and signatures.is_plain(a.scope, a.name):
        a, b = b, a  # which of them is a tensor matters more
    for operand in (a, b):
        if isinstance(operand, Parameter):
            return only(Parameter(operand.scope, operand.name, (*operand.trail, ("op", id(node)))))
    for operand in (a, b):
        if isinstance(operand, (Unknown,)) or getattr(operand, "key", None) is not None:
            found = unknown(
                operand.reason if isinstance(operand, Unknown) else "unknown arithmetic",
                ("op", id(node), id(site.frame.base)),
            )
            with_options = Option in (type(a), type(b))
            return options.reckoned(found, a, b, lambda x, y: _fold(name, x, y)) if with_options else found
    special = {"add": "__add__", "sub": "__sub__", "mul": "__mul__", "div": "__truediv__"}.get(name)
    if special and isinstance(a, Instance):
        return unknown("unknown operator of a user object")
    return unknown("unknown arithmetic", ("op", id(node), id(site.frame.base)))


def _fold(name: str, a: Any, b: Any) -> Answer:
    function = FOLD.get(name)
    try:
        if (
            name == "pow"
            and isinstance(a, (int, float))
            and isinstance(b, (int, float))
            and abs(b) <= 64
            and abs(a) <= 1e6
        ):
            return only(Const(a**b))
        if function is None or (name == "mul" and (isinstance(a, (str, bytes)) or isinstance(b, (str, bytes)))):
            return unknown("unknown arithmetic")
        result = function(a, b)
        if isinstance(result, str) and len(result) > MAX_TEXT:
            return unknown("unknown arithmetic")
        return only(Const(result))
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return unknown("unknown arithmetic")


def concatenated(a: Sequence, b: Sequence) -> Sequence:
    """Two lists behind each other."""
    if not a.open:
        return Sequence(a.items + b.items, open=b.open, tail=b.tail, middle=b.middle, kind=a.kind)
    if not b.open:
        return Sequence(a.items, open=True, tail=a.tail + b.items, middle=a.middle, kind=a.kind)
    return Sequence(a.items, open=True, tail=b.tail, kind=a.kind)


def _matmul(it: Interpreter, a: Any, b: Any, site: Site) -> Answer:
    """A product of matrices: unbounded scores, except that a convex mix of one-hot rows is a distribution."""
    if (
        isinstance(a, Tensor)
        and isinstance(b, Tensor)
        and a.emission is Emission.SIMPLEX
        and b.emission in (Emission.ONEHOT, Emission.SIMPLEX)
    ):
        return only(a.replace(axis=-1, units=b._units, origin=a.origin))  # noqa: SLF001
    spot = it.spot(site)
    known = next(t for t in (a, b) if isinstance(t, Tensor))
    source = _source("matmul", a, b, site)
    if source is not None:
        ranks = [t.rank if isinstance(t, Tensor) else None for t in (a, b)]
        rank = 1 if ranks == [2, 1] else 2 if ranks == [2, 2] else None
        units = b._units if ranks[1] == 2 else None  # noqa: SLF001
        return only(
            Tensor(Emission.LOGIT, by="torch.matmul", source=source, rank=rank, units=units,
                   origin=Origin(applied=spot), inner=Value((known,)))
        )  # fmt: skip
    learned = next((t.learned for t in (a, b) if isinstance(t, Tensor) and t.learned), "")
    weight = isinstance(b, Tensor) and b.by.endswith("Parameter") and b.by == b.learned
    return only(
        Tensor(Emission.LOGIT, by="torch.matmul", learned=learned or "torch.matmul",
               units=(lambda: b.units if (b.rank or 0) > 1 else None) if weight else None,
               certainty="likely" if not isinstance(b, Tensor) else "proved", rank=known._rank,  # noqa: SLF001
               class_axis=-1, origin=Origin(applied=spot), inner=Value((known,)))
    )  # fmt: skip


def unary(it: Interpreter, op: ast.unaryop, answer: Answer, site: Site) -> Answer:
    """`-x`, `+x`, `~x`, `not x`."""

    def one(thing: Any) -> Answer:
        if isinstance(op, ast.Not):
            from outlayer_lint.interpret.conditions import truth  # noqa: PLC0415 - conditions builds on operators

            decided = truth(thing)
            return (
                unknown("undecided condition", getattr(thing, "key", None))
                if decided is None
                else only(Const(not decided))
            )
        if isinstance(thing, Const):
            try:
                return only(
                    Const(
                        -thing.value
                        if isinstance(op, ast.USub)
                        else +thing.value
                        if isinstance(op, ast.UAdd)
                        else ~thing.value
                    )
                )
            except TypeError:
                return unknown("unknown arithmetic")
        if isinstance(thing, Tensor):
            if isinstance(op, ast.USub):
                bounds = (-thing.high + 0.0, -thing.low + 0.0)
                if thing.emission is Emission.LOSS:
                    return only(thing)
                source = None if thing.source is None else (thing.source, "neg", id(site.node))
                if thing.emission is Emission.DATA:
                    return only(thing.replace(low=bounds[0], high=bounds[1], source=source))
                return only(
                    thing.replace(
                        emission=word(bounds),
                        axis=None,
                        low=bounds[0],
                        high=bounds[1],
                        inner=Value((thing,)),
                        source=source,
                    )
                )
            return only(thing)
        return only(thing)

    return lift(answer, one)


def compared(it: Interpreter, op: ast.cmpop, a: Any, b: Any) -> bool | None:
    """The truth of `a op b`, or `None`."""
    if isinstance(op, (ast.Is, ast.IsNot, ast.Eq, ast.NotEq)) and (same := _same_class(a, b)) is not None:
        return same == isinstance(op, (ast.Is, ast.Eq))
    if isinstance(op, (ast.Is, ast.IsNot)):
        wanted = isinstance(op, ast.Is)
        if isinstance(a, Const) and isinstance(b, Const):
            return (a.value is b.value or (a.value == b.value and type(a.value) is type(b.value))) == wanted
        for x, y in ((a, b), (b, a)):
            if (
                isinstance(x, Const)
                and x.value is None
                and isinstance(y, (Tensor, Instance, Built, Function, Class, Sequence, Dictionary, Library, Symbol))
            ):
                return not wanted
        return None
    if isinstance(op, (ast.In, ast.NotIn)):
        return _membership(it, a, b, isinstance(op, ast.In))
    function = COMPARE[type(op)]
    if isinstance(a, Const) and isinstance(b, Const):
        try:
            return bool(function(a.value, b.value))
        except TypeError:
            return None
    for x, y in ((a, b), (b, a)):
        if isinstance(x, Const) and x.value is None and isinstance(y, (Instance, Built, Function, Class, Tensor)):
            return isinstance(op, ast.NotEq) if isinstance(op, (ast.Eq, ast.NotEq)) else None
    first, second = _relative(a), _relative(b)
    if first is None or second is None or first[0] != second[0]:
        return None
    if not first[2] and not second[2]:
        return bool(function(first[1], second[1]))
    if first[2] == second[2]:
        return None
    # One side is any index below `key + offset`: it is less than, and not equal to, everything from there on.
    flipped = second[2]
    below, value = (second[1], first[1]) if flipped else (first[1], second[1])
    if value < below:
        return None
    kind = type(op)
    if kind in (ast.Eq, ast.NotEq):
        return kind is ast.NotEq
    less = kind in (ast.Lt, ast.LtE)
    return (not less) if flipped else less


def _same_class(a: Any, b: Any) -> bool | None:
    """Whether two classes are one, `None` where one of them is none, or may have another name."""
    if isinstance(a, Class) and isinstance(b, Class):
        return a.scope is b.scope
    if isinstance(a, Library) and isinstance(b, Library) and a.name == b.name:
        return True
    rows = [knowledge.find(thing.name) for thing in (a, b) if isinstance(thing, Library)]
    if len(rows) == 2 and None not in rows:
        return None if rows[0] == rows[1] else False
    return False if isinstance(a, (Class, Library)) and isinstance(b, (Class, Library)) and len(rows) == 1 else None


def _relative(thing: Any) -> tuple[object, int, bool] | None:
    if isinstance(thing, Symbol):
        return (thing.key, thing.offset, thing.strict)
    if isinstance(thing, Parameter):
        return (thing.key, thing.offset, False)
    if isinstance(thing, Unknown) and thing.key is not None:
        return (thing.key, 0, False)
    return None


def _membership(it: Interpreter, a: Any, b: Any, wanted: bool) -> bool | None:  # noqa: FBT001
    if isinstance(b, Dictionary) and isinstance(a, Const):
        return wanted if a.value in b.items else None if b.open else not wanted
    if isinstance(a, Const) and isinstance(b, Const) and isinstance(a.value, str) and isinstance(b.value, str):
        return (a.value in b.value) == wanted
    if isinstance(b, Sequence) and isinstance(a, Const):
        values = [t.value for item in (*b.items, *b.tail) for t, _ in it.force(item) if isinstance(t, Const)]
        if a.value in values:
            return wanted
        if not b.open and len(values) == len(b.items):
            return not wanted
    return None


def _is_chosen(thing: Any) -> bool:
    """Whether this is the argmax of something that a caller will bind."""
    return (
        isinstance(thing, Parameter)
        and bool(thing.trail)
        and isinstance(thing.trail[-1], tuple)
        and thing.trail[-1][0] == CHOSEN
    )


def compare(it: Interpreter, node: ast.Compare, place: Place, frame: Frame) -> Answer:
    """A comparison as a value: a constant, a tensor of truth values, or unknown."""
    left = it.ev(node.left, place, frame)
    if len(node.ops) > 1:
        return unknown("undecided condition", ("test", id(node), id(frame.base)))
    right = it.ev(node.comparators[0], place, frame)
    answers: list[Answer] = []
    for a, mine in left:
        for b, other in right:
            both = compatible(mine, other)
            if both is None:
                continue
            decided = compared(it, node.ops[0], a, b)
            if decided is not None:
                answers.append(((Const(decided), both),))
            elif (chosen := next((t for t in (a, b) if _is_chosen(t)), None)) is not None:
                answers.append(((chosen, both),))
            elif isinstance(a, Tensor) or isinstance(b, Tensor):
                ways = tuple(t for t in (a, b) if isinstance(t, Tensor))
                site = Site(node, place, frame)
                made = Follower(
                    Emission.BOOL, gradient=False, by="compare", inner=Value(ways), origin=Origin(it.spot(site)),
                    dtype="bool",
                    rank=_broadcast(a if isinstance(a, Tensor) else None, b if isinstance(b, Tensor) else None),
                    source=_source("compare", a, b, site),
                    units=ways[0]._units if ways[0].emission is not Emission.INDEX else None,  # noqa: SLF001
                )  # fmt: skip
                answers.append(((made, both),))
            else:
                answers.append(((Unknown("undecided condition", ("test", id(node), id(frame.base))), both),))
    return join(answers) if answers else unknown("undecided condition")


__all__ = [
    "NO_CHOICE",
    "Divided",
    "Foreign",
    "arithmetic",
    "binary",
    "compare",
    "compared",
    "concatenated",
    "number",
    "unary",
    "word",
]

"""How each kind of expression is evaluated."""

from __future__ import annotations

import ast
from functools import partial

from outlayer_lint.interpret import attributes, calls, conditions, containers, iteration, operators, options, passing
from outlayer_lint.interpret.answers import join, lift, only, unknown
from outlayer_lint.interpret.choices import restrict
from outlayer_lint.interpret.things import Answer, Const, Dictionary, Function, Instance, Library, Method, Site
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.resolve.blocks import Place, dotted

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlayer_lint.interpret.frames import Arguments, Frame
    from outlayer_lint.interpret.interpreter import Interpreter


def _name(it: Interpreter, node: ast.Name, place: Place, frame: Frame) -> Answer:
    return it.lookup(node.id, place, frame)


def _attribute(it: Interpreter, node: ast.Attribute, place: Place, frame: Frame) -> Answer:
    root = place.block.root
    if node.attr in root.attributes and place.block.scope.kind != "lambda":
        key = dotted(node)
        if key and key in root.names:
            return attributes.written(it, key, place, frame)
    base = it.ev(node.value, place, frame)
    site = Site(node, place, frame)
    return lift(base, lambda thing: attributes.attribute(it, thing, node.attr, site))


def _call(it: Interpreter, node: ast.Call, place: Place, frame: Frame) -> Answer:
    callee = it.ev(node.func, place, frame)
    if len(callee) > 1:
        callee = conditions.forked(callee, node)
    site = Site(node, place, frame)
    purse = 0
    if node.args and type(node.args[-1]) is ast.Starred:
        if all(isinstance(thing, Library) for thing, _ in callee):
            ways = passing.ways(it, node, place, frame)
            if len(ways) > 1:
                made = [(lift(callee, partial(_called, it, given, site)), choices) for given, choices in ways]
                return join([restrict(answer, choices) for answer, choices in made])
        elif all(isinstance(thing, (Instance, Method)) for thing, _ in callee):
            purse = passing.BATCH
    arguments = passing.arguments(it, node, place, frame, purse)
    return lift(callee, lambda thing: calls.call(it, thing, arguments, site))


def _called(it: Interpreter, given: Arguments, site: Site, thing: Any) -> Answer:
    return calls.call(it, thing, given, site)


def _subscript(it: Interpreter, node: ast.Subscript, place: Place, frame: Frame) -> Answer:
    base = it.ev(node.value, place, frame)
    return lift(base, lambda thing: containers.item(it, thing, node.slice, Site(node, place, frame)))


def _arithmetic(it: Interpreter, node: ast.BinOp, place: Place, frame: Frame) -> Answer:
    return operators.binary(
        it,
        node.op,
        it.ev(node.left, place, frame),
        it.ev(node.right, place, frame),
        Site(node, place, frame),
        node,
    )


def _unary(it: Interpreter, node: ast.UnaryOp, place: Place, frame: Frame) -> Answer:
    return operators.unary(it, node.op, it.ev(node.operand, place, frame), Site(node, place, frame))


def _compare(it: Interpreter, node: ast.Compare, place: Place, frame: Frame) -> Answer:
    return operators.compare(it, node, place, frame)


def _either(it: Interpreter, node: ast.BoolOp, place: Place, frame: Frame) -> Answer:
    """`a or b`: the first that is true; undecided ones join."""
    stop = isinstance(node.op, ast.Or)
    answers: list[Answer] = []
    for i, value in enumerate(node.values):
        answer = it.ev(value, place, frame)
        truths = {conditions.truth(thing) for thing, _ in answer}
        if truths == {stop} or i == len(node.values) - 1:
            answers.append(answer)
            break
        if truths != {not stop}:
            answers.append(tuple((t, c) for t, c in answer if conditions.truth(t) is not (not stop)))
    return join(answers)


def _conditional(it: Interpreter, node: ast.IfExp, place: Place, frame: Frame) -> Answer:
    answers = []
    for value, polarity in ((node.body, True), (node.orelse, False)):
        choices = conditions.decide(it, node.test, polarity, place, frame)
        if choices is not None:
            answers.append(restrict(it.ev(value, place, frame), choices))
    if isinstance(node.test, ast.Compare) and isinstance(node.test.ops[0], (ast.Gt, ast.GtE, ast.Lt, ast.LtE)):
        return join(answers)  # `n if n > 2 else 1`: of numbers, even of a checkpoint's, each is meant
    return conditions.meaningful(join(answers))


def _lambda(it: Interpreter, node: ast.Lambda, place: Place, frame: Frame) -> Answer:
    return only(Function(place.block.scope.child(node), frame))


def _display(it: Interpreter, node: ast.Tuple | ast.List, place: Place, frame: Frame) -> Answer:
    kind = "tuple" if isinstance(node, ast.Tuple) else "list"
    return only(containers.display(it, node.elts, place, frame, kind))


def _dict(it: Interpreter, node: ast.Dict, place: Place, frame: Frame) -> Answer:
    items: dict[Any, Answer] = {}
    is_open = False
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            more = it.ev(value, place, frame)
            if len(more) == 1 and isinstance(more[0][0], Dictionary):
                items.update(more[0][0].items)
                is_open |= more[0][0].open
            else:
                is_open = True
            continue
        name = it.constant(it.ev(key, place, frame))
        if name is ...:
            is_open = True
        else:
            items[name] = it.ev(value, place, frame)
    return only(Dictionary(items, open=is_open))


def _comprehension(
    it: Interpreter, node: ast.ListComp | ast.GeneratorExp | ast.SetComp, place: Place, frame: Frame
) -> Answer:
    return iteration.comprehension(it, node, place, frame)


def _dict_comprehension(it: Interpreter, node: ast.DictComp, place: Place, frame: Frame) -> Answer:
    return iteration.dict_comprehension(it, node, place, frame)


def _inner(it: Interpreter, node: ast.Starred | ast.Await | ast.NamedExpr, place: Place, frame: Frame) -> Answer:
    return it.ev(node.value, place, frame)


def _text(it: Interpreter, node: ast.JoinedStr, place: Place, frame: Frame) -> Answer:
    parts: list[Any] = []
    for part in node.values:
        if isinstance(part, ast.FormattedValue) and (part.format_spec or part.conversion != -1):
            return unknown("text built at run time")
        answer = only(Const(part.value)) if isinstance(part, ast.Constant) else it.ev(part.value, place, frame)  # type: ignore[attr-defined]
        value = it.constant(answer)
        if value is ...:
            if len(answer) != 1 or not isinstance(answer[0][0], options.Option):
                return unknown("text built at run time")
            value = answer[0][0]
        parts.append(value)
    return only(options.joined(parts))


EVALUATORS: dict[type[ast.expr], Callable[[Interpreter, Any, Place, Frame], Answer]] = {
    ast.Name: _name, ast.Attribute: _attribute, ast.Call: _call, ast.Subscript: _subscript, ast.BinOp: _arithmetic,
    ast.UnaryOp: _unary, ast.Compare: _compare, ast.BoolOp: _either, ast.IfExp: _conditional, ast.Lambda: _lambda,
    ast.Tuple: _display, ast.List: _display, ast.Set: _display, ast.Dict: _dict, ast.ListComp: _comprehension,
    ast.SetComp: _comprehension, ast.GeneratorExp: _comprehension, ast.DictComp: _dict_comprehension,
    ast.Starred: _inner, ast.Await: _inner, ast.NamedExpr: _inner, ast.JoinedStr: _text,
}  # fmt: skip

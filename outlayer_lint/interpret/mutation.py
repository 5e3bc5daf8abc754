"""What statements do to objects: `xs.append(v)`, `x[i] = v`, `x.sigmoid_()`, and loops that do so again and again."""

from __future__ import annotations

import ast

from outlayer_lint.interpret import (
    assignment,
    attributes,
    conditions,
    containers,
    effects,
    iteration,
    operators,
    passing,
)
from outlayer_lint.interpret.answers import join, lift, only
from outlayer_lint.interpret.choices import restrict
from outlayer_lint.interpret.frames import Arguments, Frame
from outlayer_lint.interpret.things import (
    Answer,
    Built,
    Const,
    Dictionary,
    Instance,
    Lazy,
    Override,
    Sequence,
    Site,
    Unknown,
)
from outlayer_lint.interpret.transfers import arrays
from outlayer_lint.lattice import Emission, Tensor
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.resolve.blocks import Block, Definition, Place

if TYPE_CHECKING:
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.things import Entry

MAX_TURNS = 12  # of a loop that are told apart


def mutated(it: Interpreter, before: Answer, node: ast.Call, place: Place, frame: Frame) -> Answer:
    """The effect of `x.append(v)`, `model.add_module("fc", l)`, `x.sigmoid_()` on `x`."""
    assert isinstance(node.func, ast.Attribute)
    name = node.func.attr
    given = passing.arguments(it, node, place, frame)
    site = Site(node, place, frame)
    return lift(before, lambda thing: _mutated(it, thing, name, given, site))


def _mutated(it: Interpreter, thing: Any, name: str, given: Arguments, site: Site) -> Answer:
    if isinstance(thing, Sequence):
        first = given.pick(0, "object")
        if name in ("append", "add") and first is not None:
            return only(operators.concatenated(thing, Sequence((_where_it_holds(it, first, site),))))
        if name == "extend" and first is not None:
            more = [containers.as_sequence(it, t) for t, _ in it.force(first)]
            if len(more) == 1 and more[0] is not None:
                return only(operators.concatenated(thing, more[0]))
            return only(Sequence(thing.items, open=True, kind=thing.kind))
        if name == "insert":
            index, second = it.constant(first), given.pick(1, "object")
            if index == 0 and second is not None:
                return only(operators.concatenated(Sequence((second,)), thing))
            return only(Sequence((), open=True, tail=(thing.tail or thing.items)[-1:]))
        if name == "pop" and not thing.open:
            index = -1 if first is None else it.constant(first)
            if isinstance(index, int) and -len(thing.items) <= index < len(thing.items):
                kept = list(thing.items)
                del kept[index]
                return only(Sequence(tuple(kept), kind=thing.kind))
        if name == "clear":
            return only(Sequence((), kind=thing.kind))
        return only(Sequence((), open=True, kind=thing.kind)) if name in ("pop", "remove", "update") else only(thing)
    if isinstance(thing, Dictionary):
        if name in ("update", "setdefault"):
            items = dict(thing.items)
            if name == "setdefault":
                key = it.constant(given.pick(0, "key"))
                if key is not ... and key not in items:
                    items[key] = given.pick(1, "default") or only(Const(None))
                return only(Dictionary(items, open=thing.open, kind=thing.kind))
            items.update(given.keywords)
            source = given.pick(0, "other")
            if source is not None:
                other = it.force(source)
                inner = other[0][0] if len(other) == 1 else None
                if isinstance(inner, Dictionary):
                    items.update(inner.items)
                    return only(Dictionary(items, open=thing.open or inner.open, kind=thing.kind))
                return only(Dictionary(items, open=True, kind=thing.kind))
            return only(Dictionary(items, open=thing.open, kind=thing.kind))
        if name in ("pop", "clear", "remove"):
            key = it.constant(given.pick(0, "key")) if given.positional else ...
            return only(
                Dictionary({k: v for k, v in thing.items.items() if k != key}, open=thing.open, kind=thing.kind)
            )
        return only(thing)
    if isinstance(thing, Built) and name in (
        "append",
        "add_module",
        "register_module",
        "extend",
        "insert",
        "add",
        "pop",
        "update",
    ):
        return only(
            Built(thing.row, thing.name, thing.arguments, thing.site, (*thing.extras, (name, given)), thing.overrides)
        )
    if isinstance(thing, Instance) and name in (
        "add_module",
        "register_module",
        "register_buffer",
        "register_parameter",
    ):
        key, value = it.constant(given.pick(0, "name")), given.pick(1, "module")
        if isinstance(key, str) and isinstance(value, Lazy):
            return only(attributes.with_override(thing, Override((key,), value)))
        return only(thing)
    if isinstance(thing, Tensor) and name in ("resize", "fill", "itemset"):
        # An array's own methods: nothing is left of its shape, or of its values.
        return only(
            thing.replace(rank=None, units=None, class_axis=None, source=(thing.source, name))
            if name == "resize"
            else thing.replace(emission=Emission.DATA)
        )
    if isinstance(thing, Tensor) and name.endswith("_"):
        return assignment.in_place(it, thing, name, given, site)
    return only(thing)


Slot = ast.expr | tuple[ast.expr, ...]  # several where it is written into a part: `x[a][b]`


def stored(it: Interpreter, before: Answer, index: Slot, lazy: Entry, how: str, place: Place, frame: Frame) -> Answer:
    """The effect of `x[index] = value` on `x`."""
    if isinstance(index, tuple):
        first, rest = index[0], index[1:]

        def inside(thing: Any) -> Answer:
            if not isinstance(thing, (Sequence, Dictionary)):
                return only(thing)
            part = containers.item(it, thing, first, Site(first, place, frame))
            whole = stored(it, part, rest if len(rest) > 1 else rest[0], lazy, how, place, frame)
            return stored(it, only(thing), first, whole, "assign", place, frame)

        return lift(before, inside)

    def one(thing: Any) -> Answer:
        if isinstance(thing, Built) and thing.row.kind == "container":
            given = Arguments((Lazy(index, place, frame), lazy))
            return only(
                Built(
                    thing.row,
                    thing.name,
                    thing.arguments,
                    thing.site,
                    (*thing.extras, ("setitem", given)),
                    thing.overrides,
                )
            )
        key = it.constant(it.ev(index, place, frame)) if not isinstance(index, ast.Slice) else ...
        if isinstance(thing, Dictionary):
            if key is ... or how != "assign" or not containers.hashable(key):
                return only(Dictionary(thing.items, open=True, kind=thing.kind))
            return only(Dictionary({**thing.items, key: lazy}, open=thing.open, kind=thing.kind))
        if isinstance(thing, Sequence):
            if (
                isinstance(key, int)
                and not thing.open
                and -len(thing.items) <= key < len(thing.items)
                and how == "assign"
            ):
                items = list(thing.items)
                items[key] = lazy
                return only(Sequence(tuple(items), kind=thing.kind))
            if key == -1 and thing.tail:
                return only(
                    Sequence(
                        thing.items, open=True, tail=(*thing.tail[:-1], lazy), middle=thing.middle, kind=thing.kind
                    )
                )
            return only(Sequence((), open=True, kind=thing.kind))
        if isinstance(thing, Tensor) and arrays.of_pandas(thing):
            from outlayer_lint.interpret.data import tables  # noqa: PLC0415 - for programs that use pandas

            return only(tables.stored(it, thing, index, key, lazy) if how == "assign" else tables.forgotten(thing))
        if isinstance(thing, Tensor):
            slot = Lazy(index, place, frame)
            return assignment.assigned(it, thing, lazy, how, slot) if isinstance(lazy, Lazy) else only(thing)
        return only(thing)

    return lift(before, one)


def _where_it_holds(it: Interpreter, entry: Entry, site: Site) -> Entry:
    """What is appended under an `if` that may be about it."""
    block: Block | None = site.place.block
    tests: list[ast.expr] = []
    while block is not None and block.kind in ("then", "else") and isinstance(block.statement, ast.If):
        tests.append(block.statement.test)
        block = block.parent
    if not tests or not isinstance(site.node, ast.Call) or not site.node.args:
        return entry
    return iteration.picked(it, entry, site.node.args[0], tests)


def loop_effect(it: Interpreter, key: str, definition: Definition, loop: ast.stmt, frame: Frame) -> Answer:
    """What a whole loop does to an object that it mutates, seen from behind (or from inside, by earlier turns)."""
    body: Block | None = definition.block
    while body is not None and body.statement is not loop:
        body = body.parent
    assert body is not None
    assert body.parent is not None
    outside = Place(body.parent, body.index)
    base = frame.inside(body.parent)
    before = it.before(key, outside, base)
    turns = None
    if isinstance(loop, (ast.For, ast.AsyncFor)):
        answer = it.ev(loop.iter, outside, base)
        sequence = containers.as_sequence(it, answer[0][0]) if len(answer) == 1 else None
        if sequence is not None and not sequence.open and len(sequence.items) <= MAX_TURNS:
            turns = len(sequence.items)
            now = frame.loops.get(loop)
            if isinstance(now, int):  # from inside, only the turns before have happened
                turns = min(turns, now)
    if turns is not None:
        state = before
        for number in range(turns):
            state = _run(it, key, state, body, base.iteration({**base.loops, loop: number}))
        return state

    def open_ended(thing: Any) -> Answer:
        last = base.iteration({**base.loops, loop: "last"})
        if isinstance(thing, Sequence):
            tail = _run(it, key, only(Sequence(())), body, last)
            other = _run(it, key, only(Sequence(())), body, base.iteration({**base.loops, loop: "earlier"}))
            ways: list[Answer] = []
            for end, choices in tail:
                middles = [
                    containers.everything(it, t) for t, _ in other if isinstance(t, Sequence) and (t.items or t.open)
                ]
                if thing.open:  # what was in it before stands among the rest
                    middles.append(
                        containers.everything(it, Sequence((), open=True, tail=thing.tail, middle=thing.middle))
                    )
                if isinstance(end, Sequence):
                    made = Sequence(
                        thing.items, open=True,
                        tail=end.items if not end.open else end.tail, middle=join(middles) if middles else None,
                        kind=thing.kind,
                    )  # fmt: skip
                    ways.append(((made, choices),))
            return join(ways) if ways else only(Sequence((), open=True))
        if isinstance(thing, Built):
            opened = Built(
                thing.row,
                thing.name,
                thing.arguments,
                thing.site,
                (*thing.extras, ("open", Arguments())),
                thing.overrides,
            )
            return _run(it, key, only(opened), body, last)
        if isinstance(thing, Dictionary):
            return only(Dictionary(thing.items, open=True, kind=thing.kind))
        after = _run(it, key, only(thing), body, last)
        if not isinstance(thing, Const):
            return after
        counted = Unknown("loop counter", ("counted", key, id(loop), id(base.base)))
        return lift(after, lambda t: only(counted if isinstance(t, Const) and t.value != thing.value else t))

    return lift(before, open_ended)


def _run(it: Interpreter, key: str, state: Answer, block: Block, frame: Frame) -> Answer:
    """Apply the writes of one turn of a loop body to an object, in order."""
    for index in block.names.get(key, ()):
        place = Place(block, index)
        for name, definition in block.writes.get(index, ()):
            if name != key:
                continue
            where = frame.inside(block)
            value, node = definition.value, definition.node
            if definition.kind == "mutate" and isinstance(value, ast.Call):
                state = mutated(it, state, value, place, where)
            elif definition.kind == "call" and isinstance(value, ast.Call):
                state = effects.called(it, state, value, place, where, again=True)
            elif definition.kind == "setitem" and value is not None:
                slot, how, path = definition.path
                state = stored(it, state, slot, Lazy(value, place, where, path), how, place, where)
            elif definition.kind == "augment" and value is not None:
                op = node.op  # type: ignore[attr-defined]
                state = operators.binary(it, op, state, it.ev(value, place, where), Site(value, place, where), node)
            elif definition.kind == "assign" and value is not None:
                state = it.follow(it.ev(value, place, where), definition.path)
        ways: list[Answer] = []
        subs = block.subs.get(index, ())
        for sub in subs:
            if sub.kind in ("then", "else") and sub.condition is not None:
                choices = conditions.decide(it, sub.condition[0], sub.condition[1], place, frame.inside(block))
                if choices is not None:
                    ways.append(restrict(_run(it, key, state, sub, frame), choices))
            elif sub.kind in ("with", "try"):
                state = _run(it, key, state, sub, frame)
            elif sub.kind == "loop" and sub.statement is not None:
                inner = next((d for i in sub.names.get(key, ()) for n, d in sub.writes.get(i, ()) if n == key), None)
                if any(isinstance(t, Tensor) for t, _ in state):
                    ways.append(_run(it, key, state, sub, frame))
                    continue
                ways.append(lift(state, _reopened) if inner else state)
        if ways:
            state = join(ways)
    return state


def _reopened(thing: Any) -> Answer:
    """Something after a loop within a loop, of which nobody knows how often it ran."""
    if isinstance(thing, Sequence):
        return only(Sequence(thing.items, open=True, kind=thing.kind))
    return only(Unknown("loop counter") if isinstance(thing, Const) else thing)

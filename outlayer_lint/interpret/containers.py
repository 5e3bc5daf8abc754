"""Lists, tuples, dicts and library containers: displays, items, mutations, iteration with a known last element."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from outlayer_lint.interpret import attributes, calls, conditions, operators, tensors, transfer
from outlayer_lint.interpret.frames import Arguments, Frame
from outlayer_lint.interpret.things import (
    Answer,
    Built,
    Choice,
    Const,
    Deferred,
    Dictionary,
    Entry,
    Foreign,
    Function,
    Instance,
    Lazy,
    Library,
    Method,
    Parameter,
    Sequence,
    Site,
    Subclass,
    Symbol,
    Unknown,
    join,
    lift,
    only,
    unknown,
)  # fmt: skip
from outlayer_lint.lattice import Emission, Tensor
from outlayer_lint.resolve.scopes import Block, Definition, Place, Scope

if TYPE_CHECKING:
    from outlayer_lint.interpret.interpreter import Interpreter

MAX_ITEMS = 64
MAX_TURNS = 16


def display(it: Interpreter, elements: list[ast.expr], place: Place, frame: Frame, kind: str) -> Sequence:
    """`[a, *b, c]`."""
    result = Sequence((), kind=kind)
    for node in elements:
        if isinstance(node, ast.Starred):
            answer = it.ev(node.value, place, frame)
            thing = answer[0][0] if len(answer) == 1 else None
            thing = as_sequence(it, thing) or Sequence((), open=True)
            result = operators.concatenated(result, thing)
        else:
            result = operators.concatenated(result, Sequence((Lazy(node, place, frame),)))
    result.kind = kind
    return result


def as_sequence(it: Interpreter, thing: Any) -> Sequence | None:
    """What iterating a thing gives, as a sequence."""
    if isinstance(thing, Sequence):
        return thing
    if isinstance(thing, Dictionary):
        return Sequence(tuple(only(Const(k)) for k in thing.items), open=thing.open)
    if isinstance(thing, Built) and thing.row.kind == "container":
        parts = transfer.parts(it, thing)
        first = parts[0][0] if len(parts) == 1 else None
        if isinstance(first, Dictionary):
            values = (
                tuple(first.items.values()) if thing.row.how != "dict" else tuple(only(Const(k)) for k in first.items)
            )
            return Sequence(values, open=first.open)
        return first if isinstance(first, Sequence) else None
    if isinstance(thing, Const) and isinstance(thing.value, str):
        return Sequence(tuple(only(Const(c)) for c in thing.value)) if len(thing.value) <= MAX_ITEMS else None
    return None


def length(thing: Any) -> Any:
    """`len(thing)` as a constant or a symbol."""
    if isinstance(thing, Sequence):
        return Symbol(("len", thing.key)) if thing.open else Const(len(thing.items))
    if isinstance(thing, Dictionary) and not thing.open:
        return Const(len(thing.items))
    key = getattr(thing, "key", None)
    return Unknown("unknown length") if key is None else Symbol(("len", key))


def element(it: Interpreter, thing: Any, step: object) -> Answer:
    """One part of an unpacked value: an index from either end, or the rest that a star takes."""
    if isinstance(thing, Sequence):
        if isinstance(step, tuple):
            return only(sliced(thing, step[1], step[2] or None))
        return at(it, thing, step) if isinstance(step, int) else unknown("unknown index")
    if isinstance(thing, Dictionary) and isinstance(step, int):
        if thing.kind == "output":
            values = list(thing.items.values())
            return it.force(values[step]) if -len(values) <= step < len(values) else unknown("unknown index")
        keys = list(thing.items)
        return only(Const(keys[step])) if not thing.open and 0 <= step < len(keys) else unknown("unknown index")
    if isinstance(thing, Tensor):
        if thing.emission is Emission.DATA:
            return only(thing.replace(source=(thing.source, step), inner=None, rank=None))
        return only(tensors.without_first_dim(thing))
    if isinstance(thing, Parameter):
        return only(Parameter(thing.scope, thing.name, (*thing.trail, ("item", step))))
    if isinstance(thing, Subclass):
        return only(thing)
    if isinstance(thing, Built):
        inner = as_sequence(it, thing)
        return at(it, inner, step) if inner is not None and isinstance(step, int) else transfer.drawn(it, thing, step)
    if isinstance(thing, Instance) and isinstance(step, int):
        fields = list(attributes.dataclass_fields(it, thing.cls))
        if -len(fields) <= step < len(fields):
            return attributes._field(it, thing, fields[step])  # noqa: SLF001
    reason = thing.reason if isinstance(thing, Unknown) else "unknown iterable"
    key = getattr(thing, "key", None)
    return unknown(reason, None if key is None else (key, "item", step))


def at(it: Interpreter, thing: Sequence, index: int) -> Answer:
    """`thing[index]` where it is known which element that is."""
    if not thing.open:
        return (
            it.force(thing.items[index])
            if -len(thing.items) <= index < len(thing.items)
            else unknown("index out of range")
        )
    if 0 <= index < len(thing.items):
        return it.force(thing.items[index])
    if index < 0 and -index <= len(thing.tail):
        return it.force(thing.tail[index])
    return it.force(thing.middle) if thing.middle is not None else unknown("unknown iterable")


def sliced(thing: Sequence, start: int | None, stop: int | None) -> Sequence:
    """`thing[start:stop]`."""
    if not thing.open:
        return Sequence(thing.items[start:stop], kind=thing.kind)
    items = thing.items[start:] if start is None or start >= 0 else ()
    if stop is None:
        return Sequence(items, open=True, tail=thing.tail, middle=thing.middle, kind=thing.kind)
    if stop < 0:
        return Sequence(
            items,
            open=True,
            tail=thing.tail[:stop] if -stop <= len(thing.tail) else (),
            middle=thing.middle,
            kind=thing.kind,
        )
    if stop <= len(thing.items):
        return Sequence(thing.items[start:stop], kind=thing.kind)
    return Sequence(items, open=True, kind=thing.kind)


def item(it: Interpreter, thing: Any, index: ast.expr, site: Site) -> Answer:
    """`thing[index]`."""
    place, frame = site.place, site.frame
    if isinstance(thing, Tensor):
        return only(tensors.indexed(it, thing, index, site))
    if isinstance(thing, Parameter):
        return only(Parameter(thing.scope, thing.name, (*thing.trail, ("item", ast.unparse(index)[:40]))))
    if isinstance(thing, Subclass):
        return only(thing)
    if isinstance(index, ast.Slice):
        holder = as_sequence(it, thing)
        bounds = [None if b is None else it.constant(it.ev(b, place, frame)) for b in (index.lower, index.upper)]
        if (
            holder is None
            or ... in bounds
            or index.step is not None
            or not all(b is None or isinstance(b, int) for b in bounds)
        ):
            return (
                unknown("unknown slice")
                if not isinstance(holder, Sequence)
                else only(Sequence((), open=True, middle=holder.middle))
            )
        part_ = sliced(holder, *bounds)
        if isinstance(thing, Built):
            return only(Built(thing.row, thing.name, Arguments((only(part_),)), thing.site, (("replaced", None),)))
        return only(part_)
    if isinstance(thing, (Sequence, Dictionary, Built, Instance)):
        answers = [_item(it, thing, key, index, site) for key, _ in it.ev(index, place, frame)]
        return join(answers)
    if isinstance(thing, Library):
        return only(thing)  # `Optional[Net]`, `list[int]`
    if isinstance(thing, Unknown):
        constant = it.constant(it.ev(index, place, frame))
        mark = constant if isinstance(constant, (str, int)) else id(index)
        return unknown(thing.reason, None if thing.key is None else (thing.key, "item", mark))
    if isinstance(thing, Const):
        value = it.constant(it.ev(index, place, frame))
        if isinstance(thing.value, str) and isinstance(value, int) and -len(thing.value) <= value < len(thing.value):
            return only(Const(thing.value[value]))
    if isinstance(thing, Foreign):
        return unknown("third-party object", (thing.key, "item", id(index)))
    return unknown("unknown item", (getattr(thing, "key", thing), "item", id(index)))


def _item(it: Interpreter, thing: Any, key: Any, index: ast.expr, site: Site) -> Answer:
    value = key.value if isinstance(key, Const) else ...
    if isinstance(thing, Instance):
        found = attributes.method_of(it, thing.cls, "__getitem__")
        if found is not None:
            bound = attributes.bound_method(it, found[0], found[1], thing, thing.cls)
            return lift(bound, lambda f: calls.call(it, f, Arguments((only(key),)), site))
        return element(it, thing, value)
    if isinstance(thing, Built):
        if thing.row.kind == "container":
            inner = transfer.parts(it, thing)
            return lift(inner, lambda t: _item(it, t, key, index, site) if not isinstance(t, Unknown) else only(t))
        return transfer.drawn(it, thing, value)
    if isinstance(thing, Dictionary):
        if value is not ...:
            if _hashable(value) and value in thing.items:
                return it.force(thing.items[value])
            if isinstance(value, int) and thing.kind in ("output", "layers"):
                return element(it, Sequence(tuple(thing.items.values())), value)
            return unknown("unknown key")
        if not thing.open and thing.items:
            # A key chosen at run time: each entry is another program.
            ways = [
                tuple(
                    (t, c | {Choice(("key", id(index), id(site.frame.base)), equal=True, value=k, fork=True)})
                    for t, c in it.force(v)
                )
                for k, v in thing.items.items()
            ]
            return join(ways) if len(ways) <= 12 else unknown("unknown key")  # noqa: PLR2004
        return unknown("unknown key")
    if isinstance(value, int) and not isinstance(value, bool):
        return at(it, thing, value)
    if isinstance(key, Symbol) and isinstance(thing, Sequence):
        if key.key == ("len", thing.key) and key.offset == -1:
            return at(it, thing, -1) if not key.strict else everything(it, thing, earlier=True)
        return everything(it, thing)
    return everything(it, thing) if isinstance(thing, Sequence) else unknown("unknown index")


def _hashable(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def everything(it: Interpreter, thing: Sequence, *, earlier: bool = False) -> Answer:
    """Any element; `earlier`: any but the last."""
    entries = [*thing.items, *thing.tail]
    if earlier and len(entries) > 1:
        entries = entries[:-1]
    answers = [it.force(e) for e in entries[:MAX_ITEMS]]
    if thing.open:
        answers.append(it.force(thing.middle) if thing.middle is not None else unknown("unknown iterable"))
    return join(answers) if answers else unknown("empty list")


# -- iteration --------------------------------------------------------------------------------------------------------


def iterated(it: Interpreter, value: ast.expr, place: Place, frame: Frame, state: object) -> Answer:
    """What the loop variable is in an iteration: a number, "last", "earlier", or any."""
    return lift(it.ev(value, place, frame), lambda thing: turn(it, thing, state))


def turn(it: Interpreter, thing: Any, state: object) -> Answer:
    """One element of an iteration."""
    if isinstance(thing, Tensor):
        if thing.emission is Emission.DATA:
            return only(tensors.without_first_dim(thing))
        return only(tensors.without_first_dim(thing))
    if isinstance(thing, (Parameter, Subclass)):
        return element(it, thing, "each")
    sequence = as_sequence(it, thing)
    if sequence is None:
        if isinstance(thing, Built):
            return transfer.drawn(it, thing, "each")
        if isinstance(thing, Instance):
            return _iterated_instance(it, thing)
        return element(it, thing, "each")
    if isinstance(state, int):
        return at(it, sequence, state)
    if state == "last":
        if sequence.open and not sequence.tail:
            return it.force(sequence.middle) if sequence.middle is not None else unknown("unknown iterable")
        return at(it, sequence, -1)
    return everything(it, sequence, earlier=state == "earlier")


def _iterated_instance(
    it: Interpreter, thing: Instance, names: tuple[str, ...] = ("__iter__", "__getitem__")
) -> Answer:
    for name in names:
        found = attributes.method_of(it, thing.cls, name)
        if found is not None:
            answer = _called_by_iteration(it, thing, name, found)
            return lift(answer, lambda t: _turn_of(it, t)) if name == "__iter__" else answer
    return unknown("unknown iterable", ("each", id(thing.root)))


def _called_by_iteration(it: Interpreter, thing: Instance, name: str, found: tuple[Class, Scope]) -> Answer:
    site = Site(ast.Name(name, ast.Load()), Place(found[1].block, 0), attributes._class_frame(found[0]))  # noqa: SLF001
    bound = attributes.bound_method(it, found[0], found[1], thing, thing.cls)
    index = Arguments((unknown("index"),)) if name == "__getitem__" else Arguments()
    return lift(
        bound,
        lambda f: calls.invoke(it, f, index, site, key=(name, id(thing))) if isinstance(f, Function) else only(f),
    )


def _turn_of(it: Interpreter, iterator: Any) -> Answer:
    """One element of what `__iter__` gave; an object that iterates over itself has a `__next__`."""
    return (
        _iterated_instance(it, iterator, ("__next__",)) if isinstance(iterator, Instance) else turn(it, iterator, None)
    )


def entered(it: Interpreter, answer: Answer) -> Answer:
    """What `with ... as x` binds."""

    def one(thing: Any) -> Answer:
        if isinstance(thing, Instance):
            return only(thing)
        return only(thing)

    return lift(answer, one)


def yielded(it: Interpreter, scope: Scope, frame: Frame) -> Answer | None:
    """What a generator function gives when iterated, `None` if it is none."""
    found: list[Answer] = []
    is_generator = False
    for place, node in _expressions(scope.block):
        for inner in ast.walk(node):
            if isinstance(inner, ast.Yield):
                is_generator = True
                if inner.value is not None and len(found) < 4:  # noqa: PLR2004
                    found.append(it.ev(inner.value, place, frame.inside(place.block)))
            elif isinstance(inner, ast.YieldFrom):
                is_generator = True
                found.append(lift(it.ev(inner.value, place, frame.inside(place.block)), lambda t: turn(it, t, None)))
    if not is_generator:
        return None
    return only(Sequence((), open=True, middle=join(found) if found else None))


def _expressions(block: Block) -> list[tuple[Place, ast.expr]]:
    found: list[tuple[Place, ast.expr]] = []
    for index, node in enumerate(block.statements):
        if isinstance(node, (ast.Expr, ast.Assign, ast.Return)) and node.value is not None:
            found.append((Place(block, index), node.value))
        for sub in block.subs.get(index, ()):
            found.extend(_expressions(sub))
    return found


# -- mutation ---------------------------------------------------------------------------------------------------------


def mutated(it: Interpreter, before: Answer, node: ast.Call, place: Place, frame: Frame) -> Answer:
    """The effect of `x.append(v)`, `model.add_module("fc", l)`, `x.sigmoid_()` on `x`."""
    assert isinstance(node.func, ast.Attribute)
    name = node.func.attr
    given = calls.arguments(it, node, place, frame)
    site = Site(node, place, frame)
    return lift(before, lambda thing: _mutated(it, thing, name, given, site))


def _mutated(it: Interpreter, thing: Any, name: str, given: Arguments, site: Site) -> Answer:
    if isinstance(thing, Sequence):
        first = given.pick(0, "object")
        if name in ("append", "add") and first is not None:
            return only(operators.concatenated(thing, Sequence((first,))))
        if name == "extend" and first is not None:
            more = [as_sequence(it, t) for t, _ in it.force(first)]
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
                more = it.force(source)
                inner = more[0][0] if len(more) == 1 else None
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
            return only(attributes.with_override(thing, attributes.Override((key,), value)))
        return only(thing)
    if isinstance(thing, Tensor) and name in ("resize", "fill", "itemset"):
        # An array's own methods: nothing is left of its shape, or of its values.
        return only(
            thing.replace(rank=None, units=None, class_axis=None, source=(thing.source, name))
            if name == "resize"
            else thing.replace(emission=Emission.DATA)
        )
    if isinstance(thing, Tensor) and name.endswith("_"):
        return transfer.in_place(it, thing, name, given, site)
    return only(thing)


def stored(
    it: Interpreter, before: Answer, index: ast.expr, lazy: Lazy, how: str, place: Place, frame: Frame
) -> Answer:
    """The effect of `x[index] = value` on `x`."""

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
            if key is ... or how != "assign" or not _hashable(key):
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
        if isinstance(thing, Tensor):
            return transfer.assigned(it, thing, lazy, how)
        return only(thing)

    return lift(before, one)


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
        sequence = as_sequence(it, answer[0][0]) if len(answer) == 1 else None
        if sequence is not None and not sequence.open and len(sequence.items) <= MAX_TURNS:
            turns = len(sequence.items)
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
                middles = [everything(it, t) for t, _ in other if isinstance(t, Sequence) and (t.items or t.open)]
                if thing.open:  # what was in it before stands among the rest
                    middles.append(everything(it, Sequence((), open=True, tail=thing.tail, middle=thing.middle)))
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
        return _run(it, key, only(thing), body, last)

    return lift(before, open_ended)


def _run(it: Interpreter, key: str, state: Answer, block: Block, frame: Frame) -> Answer:
    """Apply the writes of one turn of a loop body to an object, in order."""
    from outlayer_lint.interpret.interpreter import restrict  # noqa: PLC0415

    for index in block.names.get(key, ()):
        place = Place(block, index)
        for name, definition in block.writes.get(index, ()):
            if name != key:
                continue
            where = frame.inside(block)
            value, node = definition.value, definition.node
            if definition.kind == "mutate" and isinstance(value, ast.Call):
                state = mutated(it, state, value, place, where)
            elif definition.kind == "setitem" and value is not None:
                slot, how, path = definition.path
                state = stored(it, state, slot, Lazy(value, place, where, path), how, place, where)  # type: ignore[arg-type]
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
                ways.append(
                    lift(
                        state,
                        lambda t: only(Sequence(t.items, open=True, kind=t.kind) if isinstance(t, Sequence) else t),
                    )
                    if inner
                    else state
                )
        if ways:
            state = join(ways)
    return state


# -- comprehensions ---------------------------------------------------------------------------------------------------


def overlay(it: Interpreter, node: ast.AST, place: Place, frame: Frame, state: object = None) -> Frame:
    """A frame in which a comprehension's variables (or a lambda's parameters) are bound."""
    key = ("overlay", id(node), state)
    if key in frame.children:
        return frame.children[key]
    binds: dict[str, Answer] = {}
    made = Frame(
        frame.scope,
        frame.world,
        frame,
        arguments=frame.arguments,
        receiver=frame.receiver,
        caller=frame.caller,
        place=frame.place,
        binds=binds,
    )
    made.loops = frame.loops
    for generator in getattr(node, "generators", ()):
        drawn = iterated(it, generator.iter, place, made, state)
        for name, path in _targets(generator.target, ()):
            binds[name] = it.follow(drawn, path)
    frame.children[key] = made
    return made


def _targets(node: ast.expr, path: tuple[object, ...]) -> list[tuple[str, tuple[object, ...]]]:
    if isinstance(node, ast.Name):
        return [(node.id, path)]
    if isinstance(node, (ast.Tuple, ast.List)):
        return [pair for i, e in enumerate(node.elts) for pair in _targets(e, (*path, i))]
    return []


def comprehension(
    it: Interpreter, node: ast.ListComp | ast.GeneratorExp | ast.SetComp, place: Place, frame: Frame
) -> Answer:
    """A list comprehension: element by element where the iterable is known, else with its last element."""
    first = node.generators[0]
    source = it.ev(first.iter, place, frame)

    def one(thing: Any) -> Answer:
        sequence = as_sequence(it, thing)
        plain = len(node.generators) == 1 and not first.ifs
        if sequence is not None and plain and not sequence.open and len(sequence.items) <= MAX_ITEMS:
            return only(
                Sequence(
                    tuple(Lazy(node.elt, place, overlay(it, node, place, frame, i)) for i in range(len(sequence.items)))
                )
            )
        middle = Lazy(node.elt, place, overlay(it, node, place, frame, "earlier"))
        tail = (Lazy(node.elt, place, overlay(it, node, place, frame, "last")),) if plain else ()
        result = Sequence((), open=True, tail=tail, middle=middle)
        if plain and sequence is not None:
            result.key = sequence.key
        elif plain and getattr(thing, "key", None) is not None:
            result.key = thing.key
        return only(result)

    return lift(source, one)


def dict_comprehension(it: Interpreter, node: ast.DictComp, place: Place, frame: Frame) -> Answer:
    """A dict comprehension over something known."""
    source = it.ev(node.generators[0].iter, place, frame)
    sequence = as_sequence(it, source[0][0]) if len(source) == 1 else None
    if (
        sequence is None
        or sequence.open
        or len(node.generators) > 1
        or node.generators[0].ifs
        or len(sequence.items) > MAX_ITEMS
    ):
        return only(Dictionary({}, open=True))
    items: dict[Any, Entry] = {}
    for i in range(len(sequence.items)):
        inner = overlay(it, node, place, frame, i)
        key = it.constant(it.ev(node.key, place, inner))
        if key is ... or not _hashable(key):
            return only(Dictionary({}, open=True))
        items[key] = Lazy(node.value, place, inner)
    return only(Dictionary(items))


# -- methods of containers --------------------------------------------------------------------------------------------


def method(it: Interpreter, thing: Any, name: str, given: Arguments, site: Site) -> Answer:
    """A method of a list, dict, text or unknown object, as an expression."""
    if isinstance(thing, Dictionary):
        if name == "values":
            return only(Sequence(tuple(thing.items.values()), open=thing.open))
        if name == "keys":
            return only(Sequence(tuple(only(Const(k)) for k in thing.items), open=thing.open))
        if name == "items":
            return only(
                Sequence(tuple(only(Sequence((only(Const(k)), v))) for k, v in thing.items.items()), open=thing.open)
            )
        if name in ("get", "pop", "setdefault"):
            key = it.constant(given.pick(0, "key"))
            if key is ... or not _hashable(key):
                return unknown("unknown key")
            if key in thing.items:
                return it.force(thing.items[key])
            if not thing.open:
                second = given.pick(1, "default")
                return it.force(second) if second is not None else only(Const(None))
            return unknown("unknown key")
        return only(thing) if name == "copy" else unknown("unknown method")
    if isinstance(thing, Sequence):
        if name == "pop":
            index = it.constant(given.pick(0, "index")) if given.positional else -1
            return at(it, thing, index) if isinstance(index, int) else unknown("unknown index")
        return only(thing) if name in ("copy", "__iter__") else unknown("unknown method")
    if isinstance(thing, Const) and isinstance(thing.value, str):
        arguments = [it.constant(a) for a in given.positional]
        if (
            name in ("lower", "upper", "strip", "replace", "startswith", "endswith", "split", "join", "title")
            and ... not in arguments
        ):
            try:
                value = getattr(thing.value, name)(*arguments)
            except (TypeError, ValueError):
                return unknown("unknown method")
            return (
                only(Sequence(tuple(only(Const(v)) for v in value))) if isinstance(value, list) else only(Const(value))
            )
        return unknown("text built at run time")
    if isinstance(thing, Tensor):
        return only(thing) if name in ("register_hook", "retain_grad") else unknown("unknown method of a tensor")
    key = getattr(thing, "key", None)
    return unknown(getattr(thing, "reason", "unknown method"), None if key is None else (key, name, "()"))


def part(it: Interpreter, thing: Built, name: str) -> Answer | None:
    """A named child of a container as an attribute."""
    parts = transfer.parts(it, thing)
    first = parts[0][0] if len(parts) == 1 else None
    if isinstance(first, Dictionary) and name in first.items:
        return it.force(first.items[name])
    return None


__all__ = ["Deferred", "Method"]

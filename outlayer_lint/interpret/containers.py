"""Lists, tuples, dicts and library containers: displays, items, slices, methods."""

from __future__ import annotations

import ast

from outlayer_lint.interpret import calls, classes, instances, layers, operators, options, texts
from outlayer_lint.interpret.answers import MAX_WAYS, join, lift, only, unknown, zoo
from outlayer_lint.interpret.choices import OFFERED, Choice, restrict
from outlayer_lint.interpret.data import datasets
from outlayer_lint.interpret.frames import Arguments, Frame
from outlayer_lint.interpret.registries import REGISTRY
from outlayer_lint.interpret.things import (
    Answer,
    Built,
    Const,
    Dictionary,
    Foreign,
    Instance,
    Lazy,
    Library,
    Module,
    Parameter,
    Sequence,
    Site,
    Subclass,
    Symbol,
    Unknown,
)
from outlayer_lint.interpret.transfers import arrays, coupling, tensors
from outlayer_lint.lattice import Emission, Tensor
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.things import Entry
    from outlayer_lint.resolve.blocks import Place

MAX_ITEMS = 64
MAX_TURNS = 12  # elements that are told apart


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
        if thing.kind == "output":
            return Sequence(tuple(thing.items.values()), open=thing.open, kind="tuple")
        return Sequence(tuple(only(Const(k)) for k in thing.items), open=thing.open)
    if isinstance(thing, Built) and thing.row.kind == "container":
        parts = layers.parts(it, thing)
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


def in_parts(answer: Answer) -> Answer:
    """What several names may be unpacked from: of models that one is chosen from, those that return several outputs.

    A batch comes apart into as many names only by chance, so a model with one output is not the one that is meant here.
    """
    if not any(isinstance(thing, Sequence) for thing, _ in answer):
        return answer
    return tuple(each for each in answer if not (isinstance(each[0], Tensor) and each[0].learned))


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
        if inner is not None and isinstance(step, int):
            return at(it, inner, step)
        if thing.row.kind == "container":  # around a list that somebody else makes
            parts = layers.parts(it, thing)
            return lift(parts, lambda t: element(it, t, step) if isinstance(t, Parameter) else only(t))
        return datasets.drawn(it, thing, step)
    if isinstance(thing, Instance) and isinstance(step, int):
        fields = list(classes.dataclass_fields(it, thing.cls))
        if -len(fields) <= step < len(fields):
            return instances.field_of(it, thing, fields[step])
    reason = thing.reason if isinstance(thing, Unknown) else "unknown iterable"
    key = getattr(thing, "key", None)
    if isinstance(thing, options.Option):
        return options.part(thing, step, (key, "item", step))
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
        if arrays.of_pandas(thing):
            from outlayer_lint.interpret.data import tables  # noqa: PLC0415 - for programs that use pandas

            return tables.item(it, thing, index, site)
        return only(tensors.indexed(it, thing, index, site))
    if isinstance(thing, Parameter):
        return only(Parameter(thing.scope, thing.name, (*thing.trail, ("item", ast.unparse(index)[:40]))))
    if isinstance(thing, Subclass):
        return only(thing)
    if isinstance(index, ast.Slice):
        if isinstance(thing, Const) and isinstance(thing.value, str):
            return texts.sliced(it, thing.value, index, site)
        if isinstance(thing, options.Option) and isinstance(thing.preset, str):
            return options.split(texts.sliced(it, thing.preset, index, site))
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
        return lift(it.ev(index, place, frame), lambda key: _item(it, thing, key, index, site))
    if isinstance(thing, Module) or (isinstance(thing, Library) and thing.name.endswith(texts.NAMES)):
        asked = it.ev(index, place, frame)
        name = options.of_answer(asked)
        if name is ...:
            from outlayer_lint.interpret import offers  # noqa: PLC0415 - for programs that choose by a name

            return offers.chosen(it, thing, asked, site)
        return texts.looked_up(it, thing, name)
    if isinstance(thing, Library):
        return only(thing)  # `Optional[Net]`, `list[int]`
    if isinstance(thing, Unknown):
        constant = it.constant(it.ev(index, place, frame))
        if isinstance(thing, coupling.Sizes) and (columns := thing.at(constant)) is not None:
            return only(Const(columns))
        mark = constant if isinstance(constant, (str, int)) else id(index)
        return unknown(thing.reason, None if thing.key is None else (thing.key, "item", mark))
    if isinstance(thing, Const):
        value = it.constant(it.ev(index, place, frame))
        if isinstance(thing.value, str) and isinstance(value, int) and -len(thing.value) <= value < len(thing.value):
            return only(Const(thing.value[value]))
    if isinstance(thing, Foreign):
        value = it.constant(it.ev(index, place, frame))
        mark = value if isinstance(value, (str, int)) else id(index)
        return unknown("third-party object", (thing.key, "item", mark))
    return unknown("unknown item", (getattr(thing, "key", thing), "item", id(index)))


def constants(it: Interpreter, items: tuple[Entry, ...], deepest: int) -> Any:
    """A tuple of constants, `...` where one is none; a list may hold itself."""
    parts: list[Any] = []
    it.nesting += 1
    for item in items:
        part = ... if it.nesting > deepest else it.constant(item)
        if part is ...:
            break
        parts.append(part)
    it.nesting -= 1
    return tuple(parts) if len(parts) == len(items) else ...


def _any_entry(it: Interpreter, thing: Dictionary, chosen: object) -> Answer:
    """An entry under a key chosen at run time: each is another program."""
    registry = thing.kind == REGISTRY
    if (thing.open and not registry) or not 0 < len(thing.items) <= MAX_ITEMS:
        return unknown("unknown key")
    marks = (chosen, (OFFERED, chosen)) if registry else (chosen,)
    ways = [
        restrict(it.force(v), frozenset(Choice(mark, equal=True, value=k, fork=True) for mark in marks))
        for k, v in thing.items.items()
    ]
    ways = ways if len(ways) <= MAX_WAYS else zoo(ways)
    return join(ways) or unknown("unknown key")


def _chosen(it: Interpreter, thing: Dictionary, given: Arguments, site: Site) -> Answer:
    """`LOSSES.get(name, default)` with a name chosen at run time."""
    second = given.pick(1, "default")
    ways = []
    for key, choices in it.force(given.pick(0, "key")):
        if isinstance(key, Const):
            entry = thing.items.get(key.value) if hashable(key.value) else None
            found = it.force(entry or second) if entry or second else only(Const(None))
        else:
            mark = _value_key(key, site.frame) or ("key", id(site.node), id(site.frame.base))
            found = _any_entry(it, thing, mark)
            if not any(isinstance(t, Unknown) for t, _ in found):
                other = it.force(second) if second is not None else only(Const(None))
                found = join([found, restrict(other, frozenset({Choice(mark, equal=True, value=..., fork=True)}))])
        ways.append(restrict(found, choices))
    return join(ways)


def _item(it: Interpreter, thing: Any, key: Any, index: ast.expr, site: Site) -> Answer:
    value = key.value if isinstance(key, Const) else ...
    if isinstance(thing, Instance):
        found = classes.method_of(it, thing.cls, "__getitem__")
        if found is not None:
            bound = classes.bound_method(it, found[0], found[1], thing, thing.cls)
            return lift(bound, lambda f: calls.call(it, f, Arguments((only(key),)), site))
        return element(it, thing, value)
    if isinstance(thing, Built):
        if thing.row.kind == "container":
            inner = layers.parts(it, thing)
            return lift(inner, lambda t: _item(it, t, key, index, site) if not isinstance(t, Unknown) else only(t))
        return datasets.drawn(it, thing, value)
    if isinstance(thing, Dictionary):
        if value is not ...:
            if hashable(value) and value in thing.items:
                return it.force(thing.items[value])
            if isinstance(value, int) and thing.kind in ("output", "layers"):
                return element(it, Sequence(tuple(thing.items.values())), value)
            return unknown("unknown key")
        return _any_entry(it, thing, _value_key(key, site.frame) or ("key", id(index), id(site.frame.base)))
    if isinstance(value, int) and not isinstance(value, bool):
        return at(it, thing, value) if isinstance(thing, Sequence) else element(it, thing, value)
    if not isinstance(thing, Sequence):
        return unknown("unknown index")
    if isinstance(key, Symbol) and key.key == ("len", thing.key) and key.offset == -1:
        return at(it, thing, -1) if not key.strict else everything(it, thing, earlier=True)
    return everything(it, thing, key=_value_key(key, site.frame))


def _value_key(key: Any, frame: Frame) -> object:
    """What identifies the value of an index or key, as in conditions on it; in another turn it is another value."""
    mark = getattr(key, "key", None) if isinstance(key, (Unknown, Parameter, Symbol)) else None
    if mark is None or getattr(key, "strict", False):
        return None
    offset = getattr(key, "offset", 0)
    mark = (mark, offset) if offset else mark
    return (mark, id(frame)) if frame.loops else mark


def hashable(value: object) -> bool:
    """Whether a constant can be a key."""
    try:
        hash(value)
    except TypeError:
        return False
    return True


def everything(it: Interpreter, thing: Sequence, *, earlier: bool = False, key: object = None) -> Answer:
    """Any element; `earlier`: any but the last. What has the same `key` comes from the same position."""
    entries = [*thing.items, *thing.tail]
    if earlier and len(entries) > 1:
        entries = entries[:-1]
    answers = [it.force(e) for e in entries[:MAX_ITEMS]]
    if key is not None and not thing.open and 1 < len(answers) <= MAX_TURNS:
        answers = [restrict(a, frozenset({Choice(key, equal=True, value=i)})) for i, a in enumerate(answers)]
    if thing.open:
        answers.append(it.force(thing.middle) if thing.middle is not None else unknown("unknown iterable"))
    return join(answers) or unknown("empty list")


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
            if key is ... and name == "get":
                return _chosen(it, thing, given, site)
            if key is ... or not hashable(key):
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
        return texts.called(it, thing.value, name, given)
    if isinstance(thing, options.Option):
        return options.split(texts.called(it, thing.preset, name, given))
    if isinstance(thing, Tensor):
        return only(thing) if name in ("register_hook", "retain_grad") else unknown("unknown method of a tensor")
    key = getattr(thing, "key", None)
    return unknown(getattr(thing, "reason", "unknown method"), None if key is None else (key, name, "()"))


def part(it: Interpreter, thing: Built, name: str) -> Answer | None:
    """A named child of a container as an attribute."""
    parts = layers.parts(it, thing)
    first = parts[0][0] if len(parts) == 1 else None
    if isinstance(first, Dictionary) and name in first.items:
        return it.force(first.items[name])
    return None

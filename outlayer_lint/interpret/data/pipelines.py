"""`tf.data`: a pipeline as a sequence of unknown length whose elements are known as far as what it was made from."""

from __future__ import annotations

from outlayer_lint.interpret import calls, families, iteration
from outlayer_lint.interpret.answers import join, lift, only, unknown
from outlayer_lint.interpret.data import datasets
from outlayer_lint.interpret.frames import Arguments
from outlayer_lint.interpret.things import Deferred, Dictionary, Sequence
from outlayer_lint.interpret.transfers.arrays import DRAWN
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.things import Answer, Built, Entry, Site

SAME = frozenset(
    "shuffle repeat prefetch cache take skip shard with_options filter apply take_while rejection_resample".split()
)
BATCHED = frozenset(("batch", "padded_batch"))


def _of(element: Entry) -> Answer:
    return only(Sequence((), open=True, middle=element, kind=families.PIPELINE))


def _slices(it: Interpreter, given: Arguments, site: Site) -> Answer:
    """`from_tensor_slices((x, y))`: one example of each."""
    entry = given.pick(0, "tensors")
    return unknown("missing argument") if entry is None else _of(Deferred(lambda: _slice(it, it.force(entry))))


def _slice(it: Interpreter, answer: Answer) -> Answer:
    def one(thing: Any) -> Answer:
        if isinstance(thing, Sequence) and thing.kind == "tuple" and not thing.open:
            parts = tuple(Deferred(lambda e=e: _slice(it, it.force(e))) for e in thing.items)  # type: ignore[misc]
            return only(Sequence(parts, kind="tuple"))
        if isinstance(thing, Dictionary):
            parts_ = {k: Deferred(lambda e=e: _slice(it, it.force(e))) for k, e in thing.items.items()}  # type: ignore[misc]
            return only(Dictionary(parts_, open=thing.open))
        return iteration.turn(it, thing, None)

    return lift(answer, one)


def _whole(it: Interpreter, given: Arguments, site: Site) -> Answer:
    """`from_tensors(x)`: all of it is one element."""
    entry = given.pick(0, "tensors")
    return unknown("missing argument") if entry is None else _of(entry)


def _zipped(it: Interpreter, given: Arguments, site: Site) -> Answer:
    """`zip((a, b))`: an element of each."""
    entries: tuple[Entry, ...] = given.positional
    if len(entries) == 1:
        answer = it.force(entries[0])
        thing = answer[0][0] if len(answer) == 1 else None
        if isinstance(thing, Sequence) and not thing.open:
            entries = thing.items
    parts = tuple(
        Deferred(lambda e=e: lift(it.force(e), lambda t: iteration.turn(it, t, None)))  # type: ignore[misc]
        for e in entries
    )
    return _of(only(Sequence(parts, kind="tuple")))


def _generated(it: Interpreter, given: Arguments, site: Site) -> Answer:
    """`from_generator(f)`: what it yields."""
    entry = given.pick(0, "generator")
    if entry is None:
        return unknown("missing argument")

    def element() -> Answer:
        made = lift(it.force(entry), lambda f: calls.call(it, f, Arguments(), site))
        return lift(made, lambda t: iteration.turn(it, t, None))

    return _of(Deferred(element))


def opened(it: Interpreter, thing: Built) -> Sequence:
    """A pipeline that a function of the library makes, `image_dataset_from_directory(...)`, by what it yields."""
    return Sequence((), open=True, middle=Deferred(lambda: datasets.drawn(it, thing, "item")), kind=families.PIPELINE)


def method(it: Interpreter, thing: Sequence, name: str, given: Arguments, site: Site) -> Answer:
    """What a method of a pipeline gives."""
    middle: Entry = thing.middle if thing.middle is not None else unknown("unknown iterable")
    if name in SAME:
        return only(thing)
    if name in BATCHED:
        key = (DRAWN, id(site.node), id(site.frame.base), "batch")
        return _of(Deferred(lambda: datasets.batched(it, it.force(middle), key)))
    if name == "map":
        function = given.pick(0, "map_func")
        if function is None:
            return unknown("missing argument")
        return _of(Deferred(lambda: lift(it.force(function), lambda f: _mapped(it, f, it.force(middle), site))))
    return unknown("unknown method of a library object", ("pipeline", id(site.node), id(site.frame.base)))


def _mapped(it: Interpreter, function: Any, answer: Answer, site: Site) -> Answer:
    """A function called with an element; one of several parts is handed over part by part."""

    def one(thing: Any) -> Answer:
        whole = isinstance(thing, Sequence) and thing.kind == "tuple" and not thing.open
        return calls.call(it, function, Arguments(thing.items if whole else (only(thing),)), site)

    return join([lift(answer, one)])


FUNCTIONS: dict[str, Callable[[Interpreter, Arguments, Site], Answer]] = {
    f"{prefix}.Dataset.{name}": function
    for prefix in ("tensorflow.data", "tensorflow.compat.v1.data", "tensorflow.python.data")
    for name, function in (
        ("from_tensor_slices", _slices), ("from_tensors", _whole), ("zip", _zipped), ("from_generator", _generated)
    )
}  # fmt: skip

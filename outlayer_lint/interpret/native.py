"""Python's own functions that shape a program: `len`, `enumerate`, `getattr`, `super`, `functools.partial`."""

from __future__ import annotations

from outlayer_lint.interpret import attributes, calls, containers, iteration, operators, reflection, texts
from outlayer_lint.interpret.answers import lift, only, unknown
from outlayer_lint.interpret.frames import Arguments
from outlayer_lint.interpret.things import Answer, Built, Const, Dictionary, Parameter, Partial, Sequence, Site, Symbol
from outlayer_lint.interpret.transfers import arrays
from outlayer_lint.lattice import Tensor
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.things import Entry

MAX_RANGE = 64
DTYPES: dict[object, str] = {
    int: "long",
    float: "float",
    bool: "bool",
}  # of the tensors that such numbers are made into


def _first(it: Interpreter, given: Arguments, name: str = "object") -> Answer:
    return it.force(given.pick(0, name))


def _len(it: Interpreter, given: Arguments, site: Site) -> Answer:
    def one(thing: Any) -> Answer:
        sequence = containers.as_sequence(it, thing)
        return only(containers.length(sequence if sequence is not None else thing))

    return lift(_first(it, given), one)


def _range(it: Interpreter, given: Arguments, site: Site) -> Answer:
    answers = [it.force(entry) for entry in given.positional]
    if not answers or any(len(a) != 1 for a in answers):
        return unknown("unknown iterable")
    things = [a[0][0] for a in answers]
    values: list[Any] = [t.value if isinstance(t, Const) else ... for t in things]
    if ... not in values:
        try:
            numbers = range(*values)
        except (TypeError, ValueError):
            return unknown("unknown iterable")
        if not numbers[MAX_RANGE:]:
            return only(Sequence(tuple(only(Const(n)) for n in numbers)))
        middle = unknown("loop counter", ("range", id(site.node)))
        return only(Sequence((only(Const(numbers[0])),), open=True, tail=(only(Const(numbers[-1])),), middle=middle))
    stop = things[0] if len(things) == 1 else things[1]
    if len(things) > 2:
        return only(Sequence((), open=True, middle=unknown("loop counter", ("range", id(site.node)))))
    relative = operators._relative(stop)  # noqa: SLF001
    if relative is None:
        return only(Sequence((), open=True, middle=unknown("loop counter", ("range", id(site.node)))))
    key, offset, _ = relative
    result = Sequence(
        (), open=True, tail=(only(Symbol(key, offset - 1)),), middle=only(Symbol(key, offset - 1, strict=True))
    )
    return only(result)


def _enumerate(it: Interpreter, given: Arguments, site: Site) -> Answer:
    start = it.constant(given.pick(1, "start")) if given.pick(1, "start") is not None else 0

    def one(thing: Any) -> Answer:
        sequence = containers.as_sequence(it, thing)
        if sequence is not None and not sequence.open and isinstance(start, int):
            return only(
                Sequence(
                    tuple(
                        only(Sequence((only(Const(i + start)), e), kind="tuple")) for i, e in enumerate(sequence.items)
                    )
                )
            )
        key = ("len", sequence.key if sequence is not None else getattr(thing, "key", thing))
        shift = start if isinstance(start, int) else 0
        last = iteration.turn(it, sequence or thing, "last")
        rest = iteration.turn(it, sequence or thing, "earlier")
        tail = only(Sequence((only(Symbol(key, shift - 1)), last), kind="tuple"))
        middle = only(Sequence((only(Symbol(key, shift - 1, strict=True)), rest), kind="tuple"))
        return only(Sequence((), open=True, tail=(tail,), middle=middle))

    return lift(_first(it, given, "iterable"), one)


def _zip(it: Interpreter, given: Arguments, site: Site) -> Answer:
    answers = [it.force(entry) for entry in given.positional]
    if any(len(a) != 1 for a in answers) or not answers or given.more_positional:
        return unknown("unknown iterable")
    sequences = [containers.as_sequence(it, a[0][0]) for a in answers]
    if all(s is not None and not s.open for s in sequences):
        count = min(len(s.items) for s in sequences if s is not None)
        return only(
            Sequence(
                tuple(
                    only(Sequence(tuple(s.items[i] for s in sequences if s is not None), kind="tuple"))
                    for i in range(count)
                )
            )
        )
    parts = [s if s is not None else a[0][0] for s, a in zip(sequences, answers, strict=True)]
    tail = only(Sequence(tuple(iteration.turn(it, p, "last") for p in parts), kind="tuple"))
    middle = only(Sequence(tuple(iteration.turn(it, p, "earlier") for p in parts), kind="tuple"))
    closed = [s for s in sequences if s is not None and not s.open]
    result = Sequence((), open=True, tail=(tail,), middle=middle)
    if closed:
        result.key = closed[0].key
    return only(result)


def _listed(it: Interpreter, given: Arguments, site: Site) -> Answer:
    if not len(given):
        return only(Sequence(()))

    def one(thing: Any) -> Answer:
        if isinstance(thing, (Tensor, Parameter)):
            return only(thing)
        if isinstance(thing, Built) and thing.row.kind != "container":
            inner = attributes.attribute(it, thing, "children", site)
            return lift(inner, lambda _: unknown("children of a model"))
        sequence = containers.as_sequence(it, thing)
        if sequence is None:
            return only(Sequence((), open=True, middle=iteration.turn(it, thing, None)))
        return only(Sequence(sequence.items, open=sequence.open, tail=sequence.tail, middle=sequence.middle))

    return lift(_first(it, given, "iterable"), one)


def _reversed(it: Interpreter, given: Arguments, site: Site) -> Answer:
    def one(thing: Any) -> Answer:
        sequence = containers.as_sequence(it, thing)
        if sequence is None:
            return unknown("unknown iterable")
        if sequence.open:
            return only(
                Sequence(
                    tuple(reversed(sequence.tail)),
                    open=True,
                    tail=tuple(reversed(sequence.items)),
                    middle=sequence.middle,
                )
            )
        return only(Sequence(tuple(reversed(sequence.items))))

    return lift(_first(it, given, "sequence"), one)


def paired(it: Interpreter, pairs: Sequence) -> Answer:
    """The dict that a list of pairs makes."""
    return _dict(it, Arguments((only(pairs),)), pairs)


def _dict(it: Interpreter, given: Arguments, site: object) -> Answer:
    items: dict[Any, Any] = {}
    is_open = bool(given.more_keywords)
    if given.positional:
        source = it.force(given.positional[0])
        inner = source[0][0] if len(source) == 1 else None
        if isinstance(inner, Dictionary):
            items.update(inner.items)
            is_open |= inner.open
        elif isinstance(inner, Sequence) and not inner.open:
            for entry in inner.items:
                pair = it.force(entry)
                two = pair[0][0] if len(pair) == 1 else None
                if not isinstance(two, Sequence) or len(two.items) != 2:
                    is_open = True
                    continue
                key = it.constant(two.items[0])
                # A name built at run time still keeps its place: layers are meant in order.
                items[key if key is not ... and not isinstance(key, tuple) else ("item", len(items))] = two.items[1]
        elif isinstance(inner, Sequence):
            is_open = True
            for entry in inner.tail:
                pair = it.force(entry)
                two = pair[0][0] if len(pair) == 1 else None
                if isinstance(two, Sequence) and len(two.items) == 2:
                    items[("tail", len(items))] = two.items[1]
        else:
            is_open = True
    items.update(given.keywords)
    return only(Dictionary(items, open=is_open))


def _partial(it: Interpreter, given: Arguments, site: Site) -> Answer:
    rest = Arguments(
        given.positional[1:], given.keywords, more_positional=given.more_positional, more_keywords=given.more_keywords
    )
    return lift(_first(it, given, "func"), lambda thing: only(Partial(thing, rest)))


def _number(kind: Callable[[Any], Any]) -> Callable[[Interpreter, Arguments, Site], Answer]:
    def convert(it: Interpreter, given: Arguments, site: Site) -> Answer:
        def one(thing: Any) -> Answer:
            if isinstance(thing, Const):
                try:
                    return only(Const(kind(thing.value)))
                except (TypeError, ValueError, OverflowError):
                    return unknown("unknown number")
            if isinstance(thing, Tensor):
                return only(thing.replace(dtype=DTYPES.get(kind)))
            return (
                only(thing)
                if isinstance(thing, (Parameter, Symbol))
                else unknown("unknown number", ("int", getattr(thing, "key", thing)))
            )

        return lift(_first(it, given, "x"), one)

    return convert


def _same(it: Interpreter, given: Arguments, site: Site) -> Answer:
    return _first(it, given)


def _next(it: Interpreter, given: Arguments, site: Site) -> Answer:
    return lift(_first(it, given), lambda thing: iteration.turn(it, thing, None))


def _map(it: Interpreter, given: Arguments, site: Site) -> Answer:
    function = it.force(given.pick(0, "func"))
    source = it.force(given.pick(1, "iterable"))

    def one(thing: Any) -> Answer:
        sequence = containers.as_sequence(it, thing)
        if sequence is None or sequence.open or len(given.positional) > 2:
            drawn = iteration.turn(it, thing, None)
            return only(
                Sequence((), open=True, middle=lift(function, lambda f: calls.call(it, f, Arguments((drawn,)), site)))
            )
        return only(Sequence(tuple(map(mapped, sequence.items))))

    def mapped(entry: Entry) -> Answer:
        return lift(function, lambda f: calls.call(it, f, Arguments((it.force(entry),)), site))

    return lift(source, one)


def _chain(it: Interpreter, given: Arguments, site: Site) -> Answer:
    result = Sequence(())
    for entry in given.positional:
        answer = it.force(entry)
        inner = containers.as_sequence(it, answer[0][0]) if len(answer) == 1 else None
        result = operators.concatenated(result, inner or Sequence((), open=True))
    return only(result)


def _extreme(which: Callable[..., Any]) -> Callable[[Interpreter, Arguments, Site], Answer]:
    def pick(it: Interpreter, given: Arguments, site: Site) -> Answer:
        values = [it.constant(entry) for entry in given.positional]
        try:
            return (
                only(Const(which(*values)))
                if ... not in values and values
                else unknown("unknown number", ("extreme", id(site.node)))
            )
        except (TypeError, ValueError):
            return unknown("unknown number")

    return pick


def _sum(it: Interpreter, given: Arguments, site: Site) -> Answer:
    answer = _first(it, given, "iterable")
    return lift(
        answer,
        lambda thing: (
            iteration.turn(it, thing, None)
            if isinstance(thing, Sequence) and (thing.items or thing.open)
            else unknown("unknown number")
        ),
    )


def _cast(it: Interpreter, given: Arguments, site: Site) -> Answer:
    return it.force(given.pick(1, "val"))


def _loaded(it: Interpreter, given: Arguments, site: Site) -> Answer:
    return unknown("loaded from disk", ("loaded", id(site.node)))


PRECISION = {"half": (2.0**-10, 2.0**-14, 65504.0), "double": (2.0**-52, 2.0**-1022, 1.797e308)}
SINGLE = (2.0**-23, 2.0**-126, 3.4028e38)


def _finfo(it: Interpreter, given: Arguments, site: Site) -> Answer:
    """The limits of a float dtype; of one that is not known, those of the usual one."""
    named = {arrays.dtype_of(thing) for thing, _ in it.force(given.pick(0, "dtype"))} if given.positional else set()
    eps, tiny, largest = PRECISION.get(named.pop() or "", SINGLE) if len(named) == 1 else SINGLE
    limits = {"eps": eps, "resolution": eps, "tiny": tiny, "smallest_normal": tiny, "max": largest, "min": -largest}
    return only(Dictionary({key: only(Const(value)) for key, value in limits.items()}))


FUNCTIONS: dict[str, Callable[[Interpreter, Arguments, Site], Answer]] = {
    "builtins.len": _len, "builtins.range": _range, "builtins.enumerate": _enumerate, "builtins.zip": _zip,
    "builtins.list": _listed, "builtins.tuple": _listed, "builtins.reversed": _reversed, "builtins.sorted": _same,
    "builtins.dict": _dict, "collections.OrderedDict": _dict, "builtins.getattr": reflection.get_attribute,
    "builtins.hasattr": reflection.has_attribute, "builtins.isinstance": reflection.is_instance,
    "builtins.super": reflection.parent, "functools.partial": _partial, "builtins.int": _number(int),
    "builtins.float": _number(float), "builtins.bool": _number(bool), "builtins.str": _number(str),
    "builtins.iter": _same, "builtins.next": _next, "builtins.map": _map, "itertools.chain": _chain,
    "builtins.max": _extreme(max), "builtins.min": _extreme(min), "builtins.abs": _extreme(abs), "builtins.sum": _sum,
    "builtins.type": reflection.kind_of, "typing.cast": _cast, "copy.copy": _same, "copy.deepcopy": _same,
    "importlib.import_module": texts.module, "pydoc.locate": texts.located,
    "builtins.vars": texts.names_of, "builtins.globals": texts.own_names, "builtins.eval": texts.evaluated,
    "pickle.load": _loaded, "joblib.load": _loaded, "tqdm.tqdm": _same,
    "tqdm.auto.tqdm": _same, "tqdm.notebook.tqdm": _same, "tqdm.trange": _range, "tqdm.tqdm_notebook": _same,
    "itertools.cycle": _same, "itertools.islice": _same, "numpy.random.default_rng": arrays.generator,
    "numpy.random.RandomState": arrays.generator, "rich.progress.track": _same, "types.SimpleNamespace": _dict,
    "argparse.Namespace": _dict, "munch.Munch": _dict,
    "torch.finfo": _finfo, "numpy.finfo": _finfo, "collections.namedtuple": reflection.named_tuple,
    "collections.namedtuple()": reflection.of_named_tuple,
}  # fmt: skip

"""Data sets: what loaders and data sets yield, what transforms and scalers make of it. See `arrays` for sources."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from outlayer_lint import knowledge
from outlayer_lint.interpret import attributes, calls, containers, coupling, operators, shapes
from outlayer_lint.interpret.arrays import DRAWN, OPEN, anything, hull, is_image, literal
from outlayer_lint.interpret.frames import Arguments
from outlayer_lint.interpret.things import (
    Answer,
    Built,
    Const,
    Deferred,
    Dictionary,
    Entry,
    Instance,
    Library,
    Sequence,
    Site,
    Unknown,
    join,
    lift,
    only,
    unknown,
)  # fmt: skip
from outlayer_lint.lattice import Emission, Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.transfer import Application

IMAGE_RANK = 3


def key_of(thing: Built, step: object = "item") -> object:
    """The source of what a library object yields."""
    return (DRAWN, id(thing.site.node), id(thing.site.frame.base), step)


# -- drawing ----------------------------------------------------------------------------------------------------------


def drawn(it: Interpreter, thing: Built, step: object) -> Answer:
    """What iterating or indexing a library object gives: a batch of a loader, an example of a data set."""
    if thing.row.transfer != "yields":
        return only(Tensor(Emission.DATA, by=thing.row.name, source=key_of(thing, step if step == "each" else "item")))
    if thing.row.how == "splits":
        return only(_split(thing, step))
    key = ("drawn", it.training)
    if key not in thing.cache:
        answer = _batch_of(it, thing) if thing.row.how == "batches" else example(it, thing)
        if it.fuel <= 0 or it.reading:
            return answer
        thing.cache[key] = answer
    return thing.cache[key]  # type: ignore[no-any-return]


def _split(thing: Built, step: object) -> Any:
    """One part of `random_split`; iterating it gives the parts in turn."""
    found = knowledge.find("torch.utils.data.Subset")
    assert found is not None
    key = ("split", step)
    if key not in thing.cache:
        thing.cache[key] = Built(
            found[0], found[0].name, Arguments(thing.arguments.positional[:1], thing.arguments.keywords), thing.site
        )
    return thing.cache[key]


def _batch_of(it: Interpreter, loader: Built) -> Answer:
    """A batch: examples of the data set, stacked."""
    source = it.force(loader.arguments.pick(0, "dataset"))
    size = loader.arguments.pick(1, "batch_size")
    single = size is not None and it.constant(size) is None
    collate = loader.arguments.keywords.get("collate_fn")

    def one(data: Any) -> Answer:
        if isinstance(data, OPEN):
            return only(data)
        answer = example(it, data)
        if single:
            return answer
        if collate is not None:
            several = only(Sequence((), open=True, middle=answer))
            made = lift(
                it.force(collate),
                lambda f: (
                    calls.call(it, f, Arguments((several,)), loader.site) if not isinstance(f, Const) else several
                ),
            )
            return _named(it, made, key_of(loader, "batch"))
        return batched(it, answer, key_of(loader, "batch"))

    return lift(source, one)


def example(it: Interpreter, data: Any) -> Answer:
    """One example of a data set."""
    if isinstance(data, Built):
        row = data.row
        if row.how in ("passes", "splits"):
            inner = it.force(data.arguments.pick(0, row.parameters[0]))
            return lift(
                inner,
                lambda d: (
                    join([lift(it.force(e), lambda x: example(it, x)) for e in d.items])
                    if _datasets(it, d)
                    else example(it, d)
                ),
            )
        if row.how == "zips":
            rows = [
                Deferred(lambda e=e: lift(it.force(e), lambda t: _row_of(it, t))) for e in data.arguments.positional
            ]
            return only(Sequence(tuple(rows), open=data.arguments.more_positional, kind="tuple"))
        if row.how == "batches":
            return drawn(it, data, "each")
        if row.transfer == "yields" and row.yields is not None:
            return _yielded(it, data)
        return only(Tensor(Emission.DATA, by=row.name, source=key_of(data)))
    if isinstance(data, Instance):
        return _item_of(it, data)
    if isinstance(data, OPEN):
        return only(data)
    return _row_of(it, data)


def _datasets(it: Interpreter, thing: Any) -> bool:
    """Whether a list holds data sets, as `ConcatDataset` takes."""
    if not isinstance(thing, Sequence) or thing.open or not thing.items:
        return False
    return all(isinstance(t, (Built, Instance)) for e in thing.items for t, _ in it.force(e))


def _row_of(it: Interpreter, thing: Any) -> Answer:
    if isinstance(thing, Tensor):
        return only(shapes.without_first_dim(thing))
    if isinstance(thing, (Built, Instance)):
        return example(it, thing)
    if isinstance(thing, OPEN):
        return only(thing)
    return containers.turn(it, thing, None)


def _item_of(it: Interpreter, data: Instance) -> Answer:
    """An example of the project's own data set, by its `__getitem__`, or by that of the library's class it derives from."""
    if any(attributes.method_of(it, data.cls, name) is not None for name in ("__getitem__", "__iter__")):
        return containers._iterated_instance(it, data, ("__getitem__", "__iter__"))  # noqa: SLF001
    for base in attributes.mro(it, data.cls):
        found = knowledge.find(base.name) if isinstance(base, Library) else None
        built = (
            calls.inherited(it, data, found[0], base.name)
            if found is not None and found[0].transfer == "yields"
            else None
        )
        if built is not None:
            return example(it, built)
    return unknown("unknown iterable", ("each", id(data.root)))


def _yielded(it: Interpreter, data: Built) -> Answer:
    """The elements that a row says a data set yields, each through its transform."""
    from outlayer_lint.interpret.transfer import Application  # noqa: PLC0415 - transfer dispatches here

    app = Application(it, data.row, "function", data.arguments, data.site, None)
    tree = app.row.yields

    def element(leaf: Any, name: object) -> Entry:
        return Deferred(lambda: _element(it, app, leaf, key_of(data, name)))

    if isinstance(tree, dict) and "emits" not in tree and "kind" not in tree:
        return only(Dictionary({name: element(leaf, name) for name, leaf in tree.items()}, kind="output"))
    if isinstance(tree, tuple):
        return only(Sequence(tuple(element(leaf, i) for i, leaf in enumerate(tree)), kind="tuple"))
    return (
        it.force(element(tree, "item"))
        if tree is not None
        else only(Tensor(Emission.DATA, by=data.row.name, source=key_of(data)))
    )


def _element(it: Interpreter, app: Application, leaf: Any, key: object) -> Answer:
    if leaf == "emits" or isinstance(leaf, Emission):
        leaf = {"emits": leaf}
    if not isinstance(leaf, dict):
        return only(Tensor(Emission.DATA, by=app.row.name, source=key))
    t = leaf_of(app, leaf, key)
    through = leaf.get("through")
    entry = app.entry(through) if through else None
    if entry is None:
        return only(t)

    def one(function: Any) -> Answer:
        if isinstance(function, Const) and function.value is None:
            return only(t)
        return lift(
            calls.call(it, function, Arguments((only(t),)), app.site),
            lambda made: only(made if isinstance(made, (Tensor, Sequence, *OPEN)) else anything(key)),
        )

    return lift(it.force(entry), one)


def leaf_of(app: Application, leaf: dict[str, Any], key: object, *, whole: bool = False) -> Tensor:
    """What a leaf says of an element, or (`whole`) of the array of all of them; `emits` as emission means the row's own."""
    row = app.row
    own = leaf.get("emits") == "emits"
    emission = (row.emits or Emission.DATA) if own else Emission(leaf.get("emits", Emission.DATA))
    get = (lambda name: getattr(row, name)) if own else leaf.get
    label = emission is Emission.INDEX
    rank = int(label is False) if label or emission is Emission.MULTIHOT else get("rank")
    dtype = get("dtype") or ("long" if label else "double" if whole and row.name.startswith("sklearn") else None)
    if whole and app.entry("n_targets") is None:
        rank = (
            1 + rank
            if isinstance(rank, int)
            else 2
            if leaf.get("kind") == "table"
            else 1
            if emission is not Emission.DATA
            else None
        )
    dim = -1 if emission in (Emission.MULTIHOT, Emission.ONEHOT) else None
    return Tensor(
        emission, units=app.lazy(get("units")), by=row.name, source=key, low=get("low"), high=get("high"), axis=dim, class_axis=dim, rank=rank,
        dtype=dtype, origin=app.origin,
    )  # fmt: skip


def _named(it: Interpreter, answer: Answer, key: object) -> Answer:
    """What is unknown of a batch is data all the same."""
    return lift(answer, lambda t: only(anything(key)) if isinstance(t, Unknown) else only(t))


def batched(it: Interpreter, answer: Answer, key: object) -> Answer:
    """Examples stacked by the default collation: tensors get a first dim, numbers become tensors, structures stay."""
    if answer and all(isinstance(t, Const) for t, _ in answer):
        made = literal([t.value for t, _ in answer], 1, (), key)
        return only(made) if made is not None else answer
    if len(answer) > 1 and all(isinstance(t, Tensor) and t.low == t.high for t, _ in answer):
        return only(stacked(hull([t for t, _ in answer], key)))

    def one(thing: Any) -> Answer:
        if isinstance(thing, Tensor):
            return only(stacked(thing))
        if isinstance(thing, Sequence):
            items = tuple(
                Deferred(lambda e=e, i=i: batched(it, it.force(e), (key, i))) for i, e in enumerate(thing.items)
            )
            middle = (
                None if thing.middle is None else Deferred(lambda: batched(it, it.force(thing.middle), (key, "item")))
            )
            tail = tuple(Deferred(lambda e=e: batched(it, it.force(e), (key, "item"))) for e in thing.tail)
            return only(Sequence(items, open=thing.open, tail=tail, middle=middle, kind=thing.kind))
        if isinstance(thing, Dictionary):
            return only(
                Dictionary(
                    {n: Deferred(lambda e=e, n=n: batched(it, it.force(e), (key, n))) for n, e in thing.items.items()},
                    open=thing.open,
                    kind=thing.kind,
                )
            )
        if isinstance(thing, (*OPEN, Const, Instance)):
            return only(thing)
        if isinstance(thing, Built):
            return only(Built(thing.row, thing.name, thing.arguments, thing.site))
        return only(anything(key))

    return lift(answer, one)


def stacked(t: Tensor) -> Tensor:
    """A tensor with one more dim in front."""
    rank: Any = t._rank  # noqa: SLF001
    if callable(rank):
        ask = rank
        rank = lambda: None if (r := ask()) is None else r + 1  # noqa: E731
    elif rank is not None:
        rank = rank + 1
    shifted = {
        n: v + 1 if isinstance(v := getattr(t, n), int) and 0 <= v < coupling.SCRAMBLED else v
        for n in ("axis", "class_axis")
    }
    return t.replace(rank=rank, **shifted)


# -- transforms, scalers, encoders ------------------------------------------------------------------------------------


def maps(it: Interpreter, app: Application) -> Answer:
    """What a transform, scaler or encoder makes of its input."""
    row = app.row
    how = row.how
    if how == "compose":
        return _composed(it, app)
    if how == "call":
        entry = app.entry(row.parameters[0]) if row.parameters else None
        return (
            lift(it.force(entry), lambda f: calls.call(it, f, app.given, app.site))
            if entry is not None
            else unknown("missing argument")
        )
    if how == "keeps":
        return app.input()
    if how == "tensor":
        return lift(app.input(), lambda t: only(_as_tensor(app, t) if isinstance(t, Tensor) else t))
    if how == "normalise":
        return lift(app.input(), lambda t: only(_normalised(it, app, t) if isinstance(t, Tensor) else t))
    if row.emits is None:
        return lift(app.input(), lambda t: only(anything(_derived(app, t.source)) if isinstance(t, Tensor) else t))
    inner = app.inner()
    low, high = app.spec(row.low), app.spec(row.high)
    emission = row.emits
    if emission is Emission.BND and low is not None and high is not None:
        emission = operators.word((float(low), float(high)))
    more = 1 if how == "onehot" else 0
    given = app.input()
    first = next((t for t, _ in given if isinstance(t, Tensor)), None)
    made = Tensor(
        emission, by=row.name, axis=app.spec(row.axis), units=app.lazy(row.units), low=None if low is None else float(low),
        high=None if high is None else float(high), dtype=row.dtype or ("double" if row.name.startswith("sklearn") else None),
        rank=lambda: None if (r := inner().rank) is None else r + more, inner=inner,
        source=_derived(app, first.source if first is not None else None), origin=app.origin,
    )  # fmt: skip
    opened = next((t for t, _ in given if isinstance(t, OPEN)), None)
    return only(opened) if opened is not None else only(made)


def _derived(app: Application, source: object) -> object:
    return ("made", id(app.site.node), id(app.site.frame.base), source)


def _composed(it: Interpreter, app: Application) -> Answer:
    """A list of transforms, in order."""
    answer = app.input()
    entry = app.entry("transforms")
    steps = it.force(entry) if entry is not None else unknown("missing argument")

    def run(listed: Any) -> Answer:
        state = answer
        sequence = containers.as_sequence(it, listed)
        if sequence is None or sequence.open:
            return lift(state, lambda t: only(anything(_derived(app, t.source)) if isinstance(t, Tensor) else t))
        for step in sequence.items:
            before = state
            state = lift(it.force(step), lambda f, before=before: calls.call(it, f, Arguments((before,)), app.site))  # type: ignore[misc]
        return state

    return lift(steps, run)


def _as_tensor(app: Application, t: Tensor) -> Tensor:
    """`ToTensor`: images and bytes come to [0, 1], anything else keeps its range, which nobody knows."""
    if is_image(t) or t.dtype == "uint8":
        return Tensor(
            Emission.UNIT, by=app.row.name, rank=IMAGE_RANK, dtype="float", source=t.source, origin=app.origin
        )
    return t.replace(rank=None, dtype=t.dtype or "float")


def _normalised(it: Interpreter, app: Application, t: Tensor) -> Tensor:
    """`(x - mean) / std`, channel by channel."""
    mean, std = (it.constant(e) if (e := app.entry(name)) is not None else ... for name in ("mean", "std"))
    means, stds = (v if isinstance(v, tuple) else (v,) for v in (mean, std))
    numbers = all(isinstance(v, (int, float)) for v in (*means, *stds)) and 0 not in stds
    if t.emission is Emission.DATA or not t.bounded or not numbers or not means or len({len(means), len(stds), 1}) > 2:  # noqa: PLR2004
        return t.replace(emission=Emission.DATA, low=-inf, high=inf, by=app.row.name, source=_derived(app, t.source))
    pairs = [(m, stds[i % len(stds)]) for i, m in enumerate(means)]
    low = round(min((t.low - m) / s for m, s in pairs), 6)
    high = round(max((t.high - m) / s for m, s in pairs), 6)
    return t.replace(
        emission=operators.word((low, high)),
        low=low,
        high=high,
        by=app.row.name,
        source=_derived(app, t.source),
        origin=app.origin,
    )


def by_method(it: Interpreter, thing: Built, word: str, given: Arguments, site: Site) -> Answer:
    """A method of a scaler or encoder, by its word in the row."""
    from outlayer_lint.interpret.transfer import Application  # noqa: PLC0415

    app = Application(it, thing.row, "module", given, site, thing)
    if word == "keeps":
        return app.input()
    if word == "maps":
        return maps(it, app)
    if word == "unmaps":
        return lift(
            app.input(),
            lambda t: only(
                anything(_derived(app, t.source)) if isinstance(t, Tensor) and not t.learned else Unknown("unscaled")
            ),
        )
    return unknown("unknown method of a library object", (id(site.node), id(site.frame.base)))


# -- from files, and apart --------------------------------------------------------------------------------------------


def loaded(it: Interpreter, app: Application) -> Answer:
    """`pd.read_csv`, `np.load`, `Image.open`: data of a range that only the row may know."""
    tree = app.row.returns
    base = (DRAWN, id(app.site.node), id(app.site.frame.base))

    def leaf(tree: Any, key: object) -> Tensor:
        if not isinstance(tree, dict):
            return anything(key)
        return leaf_of(app, tree, key)

    if isinstance(tree, tuple):
        return only(Sequence(tuple(only(leaf(part, (base, i))) for i, part in enumerate(tree)), kind="tuple"))
    return only(leaf(tree, base))


def train_test(it: Interpreter, app: Application) -> Answer:
    """`train_test_split(x, y)`: two parts of each argument, in turn."""
    parts: list[Entry] = []
    for entry in app.given.positional:
        for part in ("train", "test"):
            parts.append(Deferred(lambda e=entry, p=part: lift(it.force(e), lambda t: only(_part(t, p)))))
    return only(Sequence(tuple(parts), open=app.given.more_positional, kind="tuple"))


def _part(thing: Any, part: str) -> Any:
    if isinstance(thing, Tensor):
        return thing.replace(source=None if thing.source is None else (thing.source, part))
    if isinstance(thing, (Sequence, Built, Instance)):
        return (
            thing
            if not isinstance(thing, Sequence)
            else Sequence((), open=True, middle=None, kind="list")
            if not thing.items
            else _some(thing)
        )
    return thing


def _some(thing: Sequence) -> Sequence:
    """Some elements of a list, nobody knows which."""
    entries = (*thing.items, *thing.tail, *((thing.middle,) if thing.middle is not None else ()))
    return (
        Sequence((), open=True, middle=Deferred(lambda: _either(entries)), kind="list")
        if not thing.open
        else Sequence((), open=True, middle=thing.middle)
    )


def _either(entries: tuple[Entry, ...]) -> Answer:
    answers = [e for e in entries if isinstance(e, tuple) and not hasattr(e, "node")]
    return join(answers) if len(answers) == len(entries) else unknown("unknown iterable")  # type: ignore[arg-type]


__all__ = ["Callable", "drawn", "maps"]

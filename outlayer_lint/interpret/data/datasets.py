"""Data sets: what loaders and data sets yield, what transforms and scalers make of it. See `arrays` for sources."""

from __future__ import annotations

import ast

from outlayer_lint import knowledge
from outlayer_lint.interpret import attributes, calls, classes, containers, iteration
from outlayer_lint.interpret.answers import join, lift, only, unknown
from outlayer_lint.interpret.frames import Arguments
from outlayer_lint.interpret.things import (
    Answer,
    Built,
    Class,
    Const,
    Deferred,
    Dictionary,
    Entry,
    Instance,
    Library,
    Sequence,
    Unknown,
)
from outlayer_lint.interpret.transfers import indexing
from outlayer_lint.interpret.transfers.arrays import DRAWN, OPEN, anything, hull, literal, values_of
from outlayer_lint.lattice import SCRAMBLED, Emission, Tensor
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.transfer import Application

# What the library's data sets read the labels of their examples from.
READ_FROM = ("targets", "labels", "samples", "imgs", "train_labels", "test_labels", "_labels", "_samples")


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
    key = ("drawn", it.era)
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
    source = _within(it, loader, it.force(loader.arguments.pick(0, "dataset")))
    size = loader.arguments.pick(1, "batch_size")
    single = size is not None and it.constant(size) is None
    collate = loader.arguments.keywords.get("collate_fn")

    def one(data: Any) -> Answer:
        if isinstance(data, OPEN):
            return only(data)
        answer = example(it, data)
        if single:  # a sampler may draw whole batches
            return only(anything(key_of(loader, "batch"))) if "sampler" in loader.arguments.keywords else answer
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
            return lift(
                _within(it, data, it.force(data.arguments.pick(0, row.parameters[0]))),
                lambda d: (
                    join([lift(it.force(e), lambda x: example(it, x)) for e in d.items])
                    if _datasets(it, d)
                    else example(it, d)
                ),
            )
        if row.how == "zips":
            rows = tuple(_row_later(it, entry) for entry in data.arguments.positional)
            return only(Sequence(rows, open=bool(data.arguments.more_positional), kind="tuple"))
        if row.how == "batches":
            return drawn(it, data, "each")
        if row.transfer == "yields" and row.yields is not None:
            return _yielded(it, data, _changed(data))
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


def _row_later(it: Interpreter, entry: Entry) -> Entry:
    return Deferred(lambda: lift(it.force(entry), lambda thing: _row_of(it, thing)))


def _row_of(it: Interpreter, thing: Any) -> Answer:
    if isinstance(thing, Tensor):
        return only(indexing.without_first_dim(thing))
    if isinstance(thing, (Built, Instance)):
        return example(it, thing)
    if isinstance(thing, OPEN):
        return only(thing)
    return iteration.turn(it, thing, None)


def _item_of(it: Interpreter, data: Instance) -> Answer:
    """An example of the project's own data set, by its `__getitem__`, or by that of the library's class it extends."""
    if any(classes.method_of(it, data.cls, name) is not None for name in ("__getitem__", "__iter__")):
        return iteration.iterated_instance(it, data, ("__getitem__", "__iter__"))
    for base in classes.mro(it, data.cls):
        found = knowledge.find(base.name) if isinstance(base, Library) else None
        built = (
            calls.inherited(it, data, found[0], base.name)
            if found is not None and found[0].transfer == "yields"
            else None
        )
        if built is not None:
            return _yielded(it, built, _changed(data) | _written(it, data))
    return unknown("unknown iterable", ("each", id(data.root)))


def _within(it: Interpreter, thing: Built, answer: Answer) -> Answer:
    """The data set inside a loader or a subset, with what was written to it: `train.dataset.transform = plain`."""
    for override in thing.overrides:
        if override.path[0] == "dataset":
            inside = len(override.path) > 1
            answer = attributes.written_inside(answer, override) if inside else it.force(override.lazy)
    return answer


def _changed(data: Built | Instance) -> set[object]:
    """The attributes written from outside; a run of its own examples (`x.targets[rank::size]`) has the same labels."""
    return {
        path[0]
        for path, lazy in data.overrides
        if not (
            isinstance(lazy.node, ast.Subscript)
            and isinstance(lazy.node.slice, ast.Slice)
            and isinstance(lazy.node.value, ast.Attribute)
            and path == (lazy.node.value.attr,)
        )
    }


def _written(it: Interpreter, data: Instance) -> set[str]:
    """What the methods of the project's own classes write of the attributes that the library reads examples from."""
    return {
        name
        for cls in classes.mro(it, data.cls)
        if isinstance(cls, Class)
        for node in cls.scope.block.statements
        if isinstance(node, ast.FunctionDef)
        for name in READ_FROM
        if f"self.{name}" in cls.scope.child(node).block.names
    }


def _yielded(it: Interpreter, data: Built, written: set[object]) -> Answer:
    """The elements that a row says a data set yields, each through its transform; `written` are its attributes."""
    from outlayer_lint.interpret.transfer import Application  # noqa: PLC0415

    app = Application(it, data.row, "function", data.arguments, data.site, None)
    tree = app.row.yields

    def element(leaf: Any, name: object) -> Entry:
        if written and _rewritten(leaf, written):
            return only(anything(key_of(data, name)))
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


def _rewritten(leaf: Any, written: set[object]) -> bool:
    """Whether an element is no longer what the row says: its labels, or what it goes through, were written anew."""
    if not isinstance(leaf, dict):
        return False
    through = leaf.get("through")
    return through in written or "transforms" in written or (
        leaf.get("kind") == "label" and not written.isdisjoint(READ_FROM)
    )  # fmt: skip


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
    """What a leaf says of an element, or (`whole`) of all of them; the emission `emits` means the row's own."""
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
        emission, units=app.lazy(get("units")), by=row.name, source=key, low=get("low"), high=get("high"), axis=dim,
        class_axis=dim, rank=rank, dtype=dtype, origin=app.origin,
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
            items = tuple(_later(it, entry, (key, i)) for i, entry in enumerate(thing.items))
            middle = None if thing.middle is None else _later(it, thing.middle, (key, "item"))
            tail = tuple(_later(it, entry, (key, "item")) for entry in thing.tail)
            return only(Sequence(items, open=thing.open, tail=tail, middle=middle, kind=thing.kind))
        if isinstance(thing, Dictionary):
            parts = {name: _later(it, entry, (key, name)) for name, entry in thing.items.items()}
            return only(Dictionary(parts, open=thing.open, kind=thing.kind))
        if isinstance(thing, (*OPEN, Const, Instance)):
            return only(thing)
        if isinstance(thing, Built):
            return only(Built(thing.row, thing.name, thing.arguments, thing.site))
        return only(anything(key))

    return lift(answer, one)


def _later(it: Interpreter, entry: Entry, key: object) -> Entry:
    """A part of a batch, worked out when it is asked for."""
    return Deferred(lambda: batched(it, it.force(entry), key))


def stacked(t: Tensor) -> Tensor:
    """A tensor with one more dim in front; what a table held is a tensor from then on."""
    rank: Any = t._rank  # noqa: SLF001
    if callable(rank):
        ask = rank
        rank = lambda: None if (r := ask()) is None else r + 1  # noqa: E731
    elif rank is not None:
        rank = rank + 1
    shifted = {
        n: v + 1 if isinstance(v := getattr(t, n), int) and 0 <= v < SCRAMBLED else v for n in ("axis", "class_axis")
    }
    return values_of(t).replace(rank=rank, **shifted)


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
    parts = tuple(_apart(it, entry, part) for entry in app.given.positional for part in ("train", "test"))
    return only(Sequence(parts, open=bool(app.given.more_positional), kind="tuple"))


def _apart(it: Interpreter, entry: Entry, part: str) -> Entry:
    def one(thing: Any) -> Answer:
        if isinstance(thing, Tensor) and thing.source is not None:
            return only(thing.replace(source=(thing.source, part)))
        if isinstance(thing, Sequence):  # some of its elements, nobody knows which
            return only(Sequence((), open=True, middle=Deferred(lambda: containers.everything(it, thing))))
        return only(thing)

    return Deferred(lambda: lift(it.force(entry), one))

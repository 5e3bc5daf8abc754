"""Arrays: what literals hold, dtypes, and what is left of data after an operation.

Data are tensors with a `source`, a key that tells whose values they are: `(word, site, frame)`, then `(source, step)`
for every part taken and every operation applied. Equal keys, equal data. What only changes the shape keeps the key.
"""

from __future__ import annotations

import ast
from math import inf

from outlayer_lint.interpret import operators
from outlayer_lint.interpret.answers import only, unknown
from outlayer_lint.interpret.things import (
    Answer,
    Const,
    Deferred,
    Foreign,
    Lazy,
    Library,
    Parameter,
    Sequence,
    Site,
    Subclass,
    Unknown,
)
from outlayer_lint.interpret.transfers import shapes
from outlayer_lint.interpret.transfers.arithmetic import real
from outlayer_lint.lattice import Emission, Tensor
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from outlayer_lint.interpret.frames import Arguments
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.things import Entry
    from outlayer_lint.interpret.transfer import Application

OPEN = (Parameter, Subclass)
LABELS = (Emission.DATA, Emission.INDEX, Emission.BINARY, Emission.ONEHOT, Emission.MULTIHOT)
BYTE = 255.0
DRAWN = "drawn"
MAX_ITEMS = 64


def is_image(t: Tensor) -> bool:
    """Whether a tensor holds the pixels of an image file: 0 to 255."""
    return t.emission is Emission.DATA and (t.low, t.high) == (0.0, BYTE)


def of_pandas(t: Tensor) -> bool:
    """Whether this is a table or a column of pandas, or a part of one; see `tables`."""
    return t.by.startswith("pandas.")


def values_of(t: Tensor) -> Tensor:
    """The values of a table alone."""
    return t.replace(by="numpy.array") if of_pandas(t) else t


def anything(key: object) -> Tensor:
    """Data of which nothing is known but whose they are."""
    return Tensor(Emission.DATA, source=key)


def hull(ways: list[Tensor], key: object) -> Tensor:
    """One tensor for several that may stand in the same place."""
    low, high = min(t.low for t in ways), max(t.high for t in ways)
    first = ways[0]
    same = first.emission if all(t.emission is first.emission for t in ways) else operators.word((low, high))
    return first.replace(emission=same, low=low, high=high, source=key)


# -- literals ---------------------------------------------------------------------------------------------------------


def literal(
    values: list[Any], rank: int | None, sizes: tuple[int | None, ...], key: object, dtype: str | None = None
) -> Tensor | None:
    """Numbers written in the program as a tensor, `None` where they are no numbers."""
    numbers = [number for v in values if (number := real(v)) is not None]
    if not values or len(numbers) < len(values):
        return None
    if dtype is None:
        floats, flags = any(isinstance(v, float) for v in values), all(isinstance(v, bool) for v in values)
        dtype = "float" if floats else "bool" if flags else "long"
    low, high = min(numbers), max(numbers)
    emission = Emission.BINARY if set(values) <= {0, 1} else operators.word((low, high))
    units = sizes[-1] if sizes else None
    return Tensor(
        emission,
        low=low,
        high=high,
        rank=rank,
        units=units,
        class_axis=-1 if units is not None else None,
        dtype=dtype,
        source=key,
    )


def measured(
    it: Interpreter, answer: Answer, depth: int = 0, *, scalars: bool = False
) -> tuple[list[Any], tuple[int | None, ...] | None, list[Tensor]]:
    """The numbers in nested lists, their sizes (`None`: ragged or not known), and the tensors found instead."""
    values: list[Any] = []
    found: list[Tensor] = []
    shapes: set[tuple[int | None, ...] | None] = set()
    # Several numbers in one place, computed from alternatives that need not go together, prove no range.
    loose = len(answer) > 1 and not all(isinstance(t, Const) and t.value in (0, 1) for t, _ in answer)
    for thing, _ in answer:
        if isinstance(thing, Const):
            values.append(thing if loose else thing.value)
            shapes.add(())
        elif isinstance(thing, Tensor):
            found.append(values_of(thing))
            # `torch.tensor` takes a tensor inside a list for the one number it holds; NumPy stacks arrays.
            shapes.add(
                ()
                if scalars and depth and not thing.by.startswith(("numpy.", "pandas."))
                else (None,) * thing.rank
                if thing.rank is not None
                else None
            )
        elif isinstance(thing, Sequence) and depth < 4 and len(thing.items) + len(thing.tail) <= MAX_ITEMS:
            inner: set[tuple[int | None, ...] | None] = set()
            for entry in (*thing.items, *thing.tail, *((thing.middle,) if thing.open else ())):
                more, shape, others = measured(it, it.force(entry), depth + 1, scalars=scalars)
                values.extend(more)
                found.extend(others)
                inner.add(shape)
            rest = inner.pop() if len(inner) == 1 else None
            shapes.add(None if rest is None else (None if thing.open else len(thing.items), *rest))
        else:
            values.append(thing)
            shapes.add(None)
    return values, shapes.pop() if len(shapes) == 1 else None, found


def array(it: Interpreter, app: Application, dtype: str | None) -> Answer:
    """`torch.tensor(...)`, `np.array(...)` of tensors, lists, numbers, and what is not known."""
    row = app.row
    answer = it.force(app.entry("data")) if "data" in row.parameters[1:] else app.input()
    if not (app.given.positional or app.given.keywords or app.given.more_positional):
        answer = only(Sequence(()))  # torch.Tensor()
    opened = any(isinstance(t, OPEN) for t, _ in answer)
    key: tuple[Any, ...] = ("literal", id(app.site.node), id(app.site.frame.base))
    if is_comparison(app.input_entry()) and not opened:
        inner = app.inner()
        made = Tensor(
            Emission.BOOL,
            by=row.name,
            dtype=dtype or "bool",
            gradient=False,
            rank=lambda: inner().rank,
            source=("array", *key[1:]),
            origin=app.origin,
        )
        return only(made)
    kept = tuple((recast(values_of(t).replace(gradient=False), dtype), c) for t, c in answer if isinstance(t, Tensor))
    if kept and len(kept) == len(answer):
        return kept
    if opened:
        return answer
    values, shape, found = measured(it, answer, scalars=row.name.startswith("torch."))
    rank = None if shape is None else len(shape)
    single = all(isinstance(t, Sequence) and not t.open and len(t.items) == 1 for t, _ in answer)
    if single if shape is None else len(shape) > 1 and shape[0] == 1:
        key = (key[0], key[1:], shapes.ONE)  # a batch of one sample
    if found and not values:
        source = ("array", *key[1:])
        alike = len({t.emission for t in found}) == 1
        if not alike and not all(t.bounded for t in found):
            return only(anything(source).replace(rank=rank))
        return only(recast(hull(found, source).replace(rank=rank, axis=None, class_axis=None, inner=None), dtype))
    number = literal(values, rank, shape or (), key, dtype) if not found else None
    if number is not None:
        return only(number.replace(by=row.name, origin=app.origin))
    word = "literal" if all(isinstance(t, (Sequence, Const)) for t, _ in answer) else "array"
    empty = not values and all(isinstance(t, Sequence) and not (t.items or t.tail or t.open) for t, _ in answer)
    return only(
        Tensor(Emission.DATA, by=row.name, source=(word, *key[1:]), dtype=dtype, rank=rank,
               units=0 if empty else None, origin=app.origin)
    )  # fmt: skip


def is_comparison(entry: Any) -> bool:
    """Whether an argument is written as a comparison of arrays: truth values, whatever is compared."""
    node = entry.node if isinstance(entry, Lazy) else None
    while isinstance(node, (ast.Attribute, ast.Call)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("to_numpy", "astype", "copy", "numpy")
        ):
            node = node.func.value
        elif isinstance(node, ast.Attribute) and node.attr == "values":
            node = node.value
        else:
            return False
    return isinstance(node, ast.Compare)


# -- dtypes -----------------------------------------------------------------------------------------------------------

DTYPES = {
    "float": "float", "float32": "float", "float64": "double", "double": "double", "half": "half", "float16": "half",
    "long": "long", "int64": "long", "int32": "int", "int": "int", "int16": "int", "bool": "bool", "uint8": "uint8",
}  # fmt: skip
WHOLE = ("long", "int", "uint8", "bool")


def dtype_of(thing: Any) -> str | None:
    """The dtype that a thing names: `torch.float32`, `"int64"`, `np.uint8`, `torch.LongTensor`, `float`."""
    word = thing.name if isinstance(thing, Library) else thing.value if isinstance(thing, Const) else None
    if not isinstance(word, str):
        return None
    if word in ("builtins.float", "builtins.int"):
        return "double" if word.endswith("float") else "long"
    return DTYPES.get(word.rpartition(".")[2].removesuffix("Tensor").lower())


def cast_to(it: Interpreter, app: Application) -> str | None:
    """The dtype among the arguments of `.to(...)`, `.type(...)`, `.astype(...)`; `other` where it may be any."""
    entries = [
        *app.given.positional[1 if app.form == "method" else app.row.inputs :],
        *(e for k, e in app.given.keywords.items() if k == "dtype"),
    ]
    for entry in entries:
        named = "type" in ast.unparse(entry.node) if isinstance(entry, Lazy) else False
        for thing, _ in it.force(entry):
            found = dtype_of(thing)
            if found is not None:
                return found
            if isinstance(thing, Tensor) or (named and not isinstance(thing, Const)):
                return "other"
    return None


def recast(t: Tensor, dtype: str | None) -> Tensor:
    """The same values in another dtype, `None` where that is not known."""
    if dtype is None or dtype == t.dtype:
        return t
    return whole(t, dtype) if dtype in WHOLE and t.dtype not in WHOLE else t.replace(dtype=dtype)


def whole(t: Tensor, dtype: str | None) -> Tensor:
    """A value cut to whole numbers, or to truth."""
    if t.emission in LABELS:
        return t.replace(gradient=False, dtype=dtype)
    if dtype == "bool" or t.emission is Emission.BOOL:
        return t.replace(gradient=False, dtype=dtype, emission=Emission.BOOL if dtype == "bool" else Emission.BINARY)
    if t.source is not None and t.low < 0:
        return t.replace(gradient=False, dtype=dtype)
    return t.replace(gradient=False, dtype=dtype, emission=Emission.INDEX, units=None, low=0.0, high=inf)


# -- from operation to operation --------------------------------------------------------------------------------------

SHAPING = frozenset(("reshapes", "adds-axis", "drops-axis", "moves-axis"))
CARRYING = SHAPING | frozenset(("selects", "splits", "reduces", "joins", "interval", "resizes"))


def root(source: object) -> object:
    """The word that a source begins with."""
    while isinstance(source, tuple) and source:
        source = source[0] if source[0] != "one" or len(source) < 2 else source[1]
    return source


def carried(it: Interpreter, app: Application, answer: Answer) -> Answer:
    """Data stay data through an operation: the same where only the shape changes, else of a source of their own."""
    word = app.row.transfer
    given = app.input()
    alone = False
    if word == "joins":
        from outlayer_lint.interpret import containers  # noqa: PLC0415 - containers builds on tensors, which lean on this

        sequences = [containers.as_sequence(it, t) for t, _ in given]
        alone = app.row.how == "stack" and app.spec(app.row.dim) == 0 and all(
            s is not None and not s.open and len(s.items) + len(s.tail) == 1 for s in sequences
        )  # fmt: skip
        given = tuple(pair for s in sequences if s is not None for pair in containers.everything(it, s)) or given
    before = [t for t, _ in given if isinstance(t, Tensor)]
    if not before or len(before) != len(given) or not all(t.source is not None and not t.learned for t in before):
        return answer
    first = before[0]
    counted = {t._units if t.emission is Emission.INDEX else None for t in before}  # noqa: SLF001
    classes = counted.pop() if len(counted) == 1 else None
    source: object = None if word in SHAPING else (first.source, app.row.name, id(app.site.node))
    if alone:
        source = (shapes.ONE, source)

    def one(thing: Any) -> Any:
        if isinstance(thing, Tensor):
            changes: dict[str, Any] = {} if source is None else {"source": source}
            if thing.emission is Emission.INDEX and app.row.how in ("sum", "mean", "prod", "std", "var", "norm"):
                return thing.replace(emission=operators.word((thing.low, thing.high)), units=None, **changes)
            if thing.emission is Emission.INDEX and classes is not None:
                changes["units"] = classes
            if thing.dtype is None and first.dtype is not None and app.row.how not in ("sum", "mean"):
                changes["dtype"] = first.dtype
            return thing.replace(**changes)
        if isinstance(thing, Sequence):

            def each(entry: Entry) -> Entry:
                return Deferred(lambda: tuple((one(t), c) for t, c in it.force(entry)))

            return Sequence(
                tuple(map(each, thing.items)), open=thing.open, tail=tuple(map(each, thing.tail)),
                middle=None if thing.middle is None else each(thing.middle), kind=thing.kind,
            )  # fmt: skip
        return thing

    return tuple((one(thing), choices) for thing, choices in answer)


def product(app: Application, ways: Answer) -> Tensor | None:
    """A product of data and data is data."""
    other = app.input(1) if app.row.inputs > 1 else ()
    if (
        not ways
        or not other
        or not all(isinstance(t, Tensor) and t.source is not None and not t.learned for t, _ in (*ways, *other))
    ):
        return None
    left, right = ways[0][0], other[0][0]
    rank = {(2, 1): 1, (2, 2): 2}.get((left.rank, right.rank))
    labels = all(t.emission in LABELS for t, _ in (*ways, *other))
    return Tensor(
        Emission.DATA if labels else Emission.LOGIT,
        by=app.row.name,
        rank=rank,
        source=(left.source, app.row.name, id(app.site.node)),
        inner=app.inner(),
        origin=app.origin,
    )


# -- attributes and methods of arrays and tables ----------------------------------------------------------------------


def attribute(t: Tensor, name: str) -> Any:
    """An attribute of data that no row knows: a column, a view of a table, a method to be called."""
    if t.source is None or t.learned:
        return Unknown("unknown method of a tensor")
    if name in ("values", "array"):
        return t
    return _unseen(t, (t.source, name))


def _unseen(t: Tensor, source: object) -> Tensor:
    """Data made from data; what is done to an image file leaves it one."""
    low, high = (t.low, t.high) if is_image(t) else (None, None)
    return Tensor(Emission.DATA, by=t.by, source=source, low=low, high=high)


def called(it: Interpreter, t: Tensor, site: Site) -> Answer:
    """A method of data that no row knows."""
    if t.emission is Emission.DATA and t.source is not None:
        return only(_unseen(t, ("called", id(site.node), id(site.frame.base), t.source)))
    return unknown("call of a tensor")


def generator(it: Interpreter, given: Arguments, site: Site) -> Answer:
    """`np.random.default_rng(seed)`."""
    return only(Foreign("numpy.random.Generator", (id(site.node), id(site.frame.base))))


def is_noise(t: Tensor) -> bool:
    """Whether a value is drawn at random and nothing else was done to it."""
    drawn = t.source is not None and root(t.source) == "literal" and t.low != t.high
    return drawn and t.emission in (Emission.LOGIT, Emission.UNIT) and ".rand" in t.by


def is_data(t: Tensor, depth: int = 6) -> bool:
    """Whether a value comes from data alone: from no learned layer, on no way."""
    if t.learned or t.emission is Emission.LOSS:
        return False
    if t.source is not None:
        return True
    inner = t.inner if depth else None
    return inner is not None and inner.known and all(is_data(w, depth - 1) for w in inner)

"""Tables of pandas: columns, rows, and what is written to them.

A table is data of rank 2, a column data of rank 1, both made `by` something of pandas. A table whose columns may have
two levels, a column whose cells may hold lists, and whatever else may as well be something other has no rank, and
nothing is said of its parts.
"""

from __future__ import annotations

import ast
from math import inf

from outlayer_lint import knowledge
from outlayer_lint.interpret import attributes, containers
from outlayer_lint.interpret.answers import lift, only, unknown
from outlayer_lint.interpret.things import Answer, Const, Dictionary, Entry, Method, Sequence, Site, Unknown
from outlayer_lint.interpret.transfers import arrays, indexing
from outlayer_lint.interpret.transfers.arrays import of_pandas, values_of
from outlayer_lint.interpret.transfers.coupling import COUPLED, loosened
from outlayer_lint.lattice import Emission, Tensor
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.transfer import Application

TABLE, COLUMN, LABELS, CODED = "pandas.DataFrame", "pandas.Series", "pandas.Index", "pandas.Series.cat"
PART = "pandas.part"  # of a shape that nobody knows
LOCATORS = {"iloc": "pandas.iloc", "iat": "pandas.iloc", "loc": "pandas.loc", "at": "pandas.loc"}
FACTS = frozenset((
    "shape", "size", "ndim", "empty", "dtype", "dtypes", "axes", "attrs", "flags", "nbytes", "hasnans", "is_unique",
))  # fmt: skip
ACCESSORS = frozenset(("str", "dt", "plot", "style", "sparse", "hist", "groupby", "rolling", "expanding", "ewm"))
SCALED = (Emission.LOGIT, Emission.UNIT, Emission.SYM1, Emission.BND, Emission.NONNEG, Emission.POS)
ROWS = 2
PAIR = 2  # classes that zero and one may name as well as deny


class Table(Tensor):
    """A table that columns were written to: name -> what was written last, `...` for columns of unknown names."""

    __slots__ = ("columns",)

    columns: dict[object, Entry]

    def replace(self, **changes: Any) -> Tensor:
        """A copy that keeps the columns, as long as it is one of pandas."""
        made = super().replace(**changes)
        return with_columns(made, self.columns) if of_pandas(made) else made

    def key(self) -> tuple[Any, ...]:
        """Tables with other columns are others."""
        return (*super().key(), tuple((name, id(entry)) for name, entry in self.columns.items()))


def with_columns(t: Tensor, columns: dict[object, Entry]) -> Tensor:
    """The same table, with these columns known."""
    made = Table.__new__(Table)
    for name in Tensor.__slots__:
        setattr(made, name, getattr(t, name))
    made.columns = columns
    return made


def forgotten(t: Tensor) -> Tensor:
    """A table that something else was done to: what its columns hold is open again."""
    return with_columns(t, {k: v for k, v in t.columns.items() if k is ...}) if isinstance(t, Table) else t


def overridden(it: Interpreter, t: Tensor, path: tuple[object, ...], lazy: Entry) -> Tensor:
    """`table.name = value`: new names for its columns may be of two levels."""
    plain = all(isinstance(thing, (Sequence, Tensor)) for thing, _ in it.force(lazy)) if path == ("columns",) else True
    return forgotten(t) if plain else arrays.anything((t.source, "renamed"))


# -- attributes and columns -------------------------------------------------------------------------------------------


def attribute(it: Interpreter, t: Tensor, name: str, site: Site) -> Answer:
    """`table.name`: a method, a way to locate its parts, a column; a column has what arrays have."""
    own = _own(t, name)
    if own is not None:
        return only(own)
    if t.rank != ROWS:
        return attributes.of_array(it, t, name, site)
    if (found := knowledge.methods(name)) is not None and found[1] == "method":
        return only(_open((t.source, name)))
    return column_named(it, t, name)


def _open(source: object) -> Tensor:
    """Data of unknown shape, still of pandas."""
    return Tensor(Emission.DATA, by=PART, source=source)


def _own(t: Tensor, name: str) -> Any:
    if t.by == CODED:
        codes = name == "codes"
        return Tensor(Emission.INDEX, by=COLUMN, rank=1, dtype="int", source=(t.source, name)) if codes else None
    if name in ("values", "array"):
        return values_of(t)
    if name in LOCATORS:
        return t.replace(by=LOCATORS[name])
    if name in ("columns", "index"):
        return Tensor(Emission.DATA, by=LABELS, rank=1, source=(t.source, name))
    if name in FACTS:
        return Unknown("shape", (t.source, name))
    if name == "cat" and t.rank == 1:
        return t.replace(by=CODED)
    if name == "T" or name in ACCESSORS:
        return _open((t.source, name))
    found = knowledge.methods(name, of=TABLE if t.rank == ROWS else COLUMN)
    if found is not None and (t.rank is not None or found[0].how in ("", "cast", "array", "mapped")):
        return Method(t, name, found[0])
    return _open((t.source, name)) if t.rank is None else None


def column_named(it: Interpreter, t: Tensor, name: object) -> Answer:
    """`table[name]`, `table.name`, and `row[name]`: what was written to it last, else a column of the data."""
    rank = None if t.rank is None else max(t.rank - 1, 0)
    source = (t.source, repr(name))
    if isinstance(t, Table) and name in t.columns:
        return lift(it.force(t.columns[name]), lambda thing: only(_written(thing, rank, source)))
    if (isinstance(t, Table) and ... in t.columns) or t.certainty != "proved":
        return only(_open(source))
    if t.emission is not Emission.DATA:
        return only(loosened(t, rank=rank, units=None, class_axis=None, source=source, inner=None))
    return only(Tensor(Emission.DATA, by=COLUMN, rank=rank, source=source, low=t.low, high=t.high, dtype=t.dtype))


def _written(thing: Any, rank: int | None, source: object) -> Tensor:
    """A column as it was written: one number for each row, or nobody knows what."""
    if isinstance(thing, Const):
        number = arrays.literal([thing.value], rank, (), source)
        if number is not None:
            return number.replace(by=COLUMN)
    if not _is_plain(thing):
        return _open(source)
    if thing.learned or thing.emission in COUPLED:
        return Tensor(Emission.DATA, by=COLUMN, rank=rank, source=source)
    units = thing.units if thing.emission is Emission.INDEX else None
    return thing.replace(rank=rank, units=units, axis=None, class_axis=None, source=source)  # type: ignore[no-any-return]


def _is_plain(thing: Any) -> bool:
    """Whether a written value has a number for each cell; a list of lists has not, what a scaler gives has."""
    if not isinstance(thing, Tensor) or thing.source is None:
        return isinstance(thing, Const)
    known = thing.rank is not None
    return known and (thing.rank in (0, 1) or of_pandas(thing) or thing.by.startswith("sklearn."))


def stored(it: Interpreter, t: Tensor, index: ast.expr, key: object, value: Entry) -> Tensor:
    """`table[key] = value`."""
    if t.rank != ROWS or isinstance(index, ast.Slice):
        return forgotten(t)
    before = t.columns if isinstance(t, Table) else {}
    if not isinstance(key, (str, int)):
        plain = all(_is_plain(thing) for thing, _ in it.force(value))
        return forgotten(t) if plain else with_columns(t, {...: value})
    return with_columns(t, {**before, key: value})


# -- parts ------------------------------------------------------------------------------------------------------------


def item(it: Interpreter, t: Tensor, index: ast.expr, site: Site) -> Answer:
    """`table[...]`, `table.loc[...]`, `table.iloc[...]`; what is indexed like an array is one."""
    if t.by in (LOCATORS["iloc"], LOCATORS["loc"]):
        return _located(it, t, index, site)
    if isinstance(index, ast.Tuple):
        return only(indexing.indexed(it, values_of(t), index, site))
    key = it.constant(it.ev(index, site.place, site.frame)) if not isinstance(index, ast.Slice) else ...
    if isinstance(key, (str, int)) and not isinstance(key, bool):
        return column_named(it, t, key)
    kind = _kind(it, index, site)
    if kind == "one":
        return only(_part(t, None if t.rank is None else max(t.rank - 1, 0), index))
    single = isinstance(key, tuple) and len(key) == 1 and t.emission is Emission.DATA
    return only(_part(t, t.rank if kind == "several" else None, index, 1 if single else None))


def _located(it: Interpreter, t: Tensor, index: ast.expr, site: Site) -> Answer:
    """By labels or by numbers, rows first. A label may stand for several rows."""
    entries = list(index.elts) if isinstance(index, ast.Tuple) else [index]
    kinds = [_kind(it, entry, site) for entry in entries]
    if t.by == LOCATORS["loc"] and kinds[:1] == ["one"] and not indexing.is_drawn(it, entries[0], site):
        kinds[0] = ""
    whole = t.replace(by=TABLE if t.rank == ROWS else COLUMN)
    if len(kinds) > ROWS or "" in kinds:
        return only(_part(whole, None, index))
    if kinds[1:] == ["one"]:
        name = it.constant(it.ev(entries[1], site.place, site.frame))
        known = t.by == LOCATORS["loc"] and name is not ...
        found = column_named(it, whole, name if known else ast.unparse(entries[1])[:40])
        return found if kinds[0] != "one" else lift(found, lambda thing: only(_cell(thing)))
    rank = None if t.rank is None else t.rank - kinds.count("one")
    return only(_part(whole, rank, index))


def _cell(thing: Any) -> Any:
    if not isinstance(thing, Tensor) or thing.rank is None:
        return thing
    return thing.replace(rank=max(thing.rank - 1, 0), source=(thing.source, "row"))


def _part(t: Tensor, rank: int | None, index: ast.expr, units: int | None = None) -> Tensor:
    """Some rows or columns of a table; `units` where it has one column."""
    kept = t if t.emission not in COUPLED else loosened(t)
    units = units if t.emission in (Emission.DATA, Emission.INDEX) else t.units
    return kept.replace(rank=rank, source=(t.source, ast.unparse(index)[:40]), inner=None, units=units)


def _kind(it: Interpreter, index: ast.expr, site: Site) -> str:
    """Whether an index takes one row or column, or several; "" where that is not known."""
    if isinstance(index, ast.Slice):
        return "several"
    found = {_taken(thing) for thing, _ in it.ev(index, site.place, site.frame)}
    return found.pop() if len(found) == 1 else ""


def _taken(thing: Any) -> str:
    if isinstance(thing, Const):
        return "one" if isinstance(thing.value, (str, int)) and not isinstance(thing.value, bool) else ""
    if isinstance(thing, Sequence):
        return "several" if thing.kind != "tuple" else ""
    if isinstance(thing, Tensor):
        if thing.emission is Emission.BOOL:
            return "several"
        return "" if thing.rank is None else "several" if thing.rank else "one"
    return "one" if indexing.is_index(thing) else ""


# -- transfer ---------------------------------------------------------------------------------------------------------


def tabulates(it: Interpreter, app: Application) -> Answer:
    """What the functions and methods of pandas make of tables and columns."""
    return HOWS[app.row.how](it, app)


def _source(app: Application) -> object:
    return ("made", id(app.site.node), id(app.site.frame.base), app.row.name)


def _table(it: Interpreter, app: Application) -> Answer:
    return only(Tensor(Emission.DATA, by=TABLE, rank=ROWS, source=_source(app)))


def _made(it: Interpreter, app: Application) -> Answer:
    """`pd.DataFrame(data)`: of numbers in rows, or of a dict with a column for each key."""

    def one(thing: Any) -> Answer:
        plain = Tensor(Emission.DATA, by=TABLE, rank=ROWS, source=_source(app))
        if isinstance(thing, Tensor) and thing.rank in (1, ROWS) and not thing.learned:
            if thing.emission in SCALED and thing.source is not None:  # what a scaler made of numbers, they stay
                plain = plain.replace(emission=thing.emission, low=thing.low, high=thing.high)
            return only(plain.replace(units=1 if thing.rank == 1 else None))
        if isinstance(thing, Dictionary) and not thing.open:
            return only(with_columns(plain, dict(thing.items)))
        return only(_open(_source(app)))

    return lift(app.input(), one)


def _column(it: Interpreter, app: Application) -> Answer:
    return only(Tensor(Emission.DATA, by=COLUMN, rank=1, source=_source(app)))


def _array(it: Interpreter, app: Application) -> Answer:
    dtype = arrays.cast_to(it, app)
    return lift(app.input(), lambda t: only(arrays.recast(values_of(t), dtype) if isinstance(t, Tensor) else t))


def _popped(it: Interpreter, app: Application) -> Answer:
    """A column, taken out of its table."""
    name = it.constant(app.entry("item"))
    return lift(app.input(), lambda t: column_named(it, t, name) if isinstance(t, Tensor) else only(t))


def _mapped(it: Interpreter, app: Application) -> Answer:
    """`column.map({"no": 0, "yes": 1})`: the numbers of the dict. A value that it lacks becomes NaN, a float.

    Names that are counted off from zero are classes.
    """
    numbers: list[Any] = []
    for thing, _ in it.force(app.entry("arg")):
        if not isinstance(thing, Dictionary) or thing.open or not thing.items:
            return _part_of(it, app)
        numbers.extend(it.constant(entry) for entry in thing.items.values())
    made = arrays.literal(numbers, 1, (), _source(app), "") if numbers and ... not in numbers else None
    if made is None:
        return _part_of(it, app)
    classes = sorted(set(numbers))
    if len(classes) > PAIR and classes == list(range(len(classes))):
        made = made.replace(emission=Emission.INDEX, low=0.0, high=inf, units=len(classes))
    # Of whole numbers it is not known whether they count or name something.
    sure = "likely" if all(isinstance(number, int) for number in numbers) else made.certainty
    return only(made.replace(by=app.row.name, dtype=None, origin=app.origin, certainty=sure))


def _dummies(it: Interpreter, app: Application) -> Answer:
    """One column for each category of a column; of a whole table, beside the columns that hold numbers."""
    row = app.row

    def one(thing: Any) -> Answer:
        if isinstance(thing, Tensor) and thing.rank == ROWS and thing.units != 1:
            return _table(it, app)
        shaped = isinstance(thing, Tensor) and thing.rank is not None
        onehot = row.emits is Emission.ONEHOT
        made = Tensor(
            row.emits or Emission.DATA, by=row.name, axis=app.spec(row.axis) if onehot else None, rank=ROWS,
            dtype=row.dtype if row.dtype != "argument" else arrays.cast_to(it, app), source=_source(app),
            certainty="proved" if shaped else "likely", origin=app.origin,
        )  # fmt: skip
        return only(made)

    return lift(app.input(), one)


def _joined(it: Interpreter, app: Application) -> Answer:
    """`pd.concat`: tables below or beside each other are a table; columns are one only below each other."""
    if app.entry("keys") is not None:
        return unknown("unknown method of a tensor", _source(app))
    ranks: set[Any] = set()
    for thing, _ in app.input():
        parts = containers.as_sequence(it, thing)
        inside = containers.everything(it, parts) if parts is not None else ()
        ranks |= {t.rank if isinstance(t, Tensor) and of_pandas(t) else None for t, _ in inside} or {None}
    below = app.entry("axis") is None or it.constant(app.entry("axis")) in (0, "index", "rows")
    if None in ranks or not ranks:
        return only(_open(_source(app)))
    return _column(it, app) if below and ranks == {1} else _table(it, app)


def _renumbered(it: Interpreter, app: Application) -> Answer:
    drop = it.constant(app.entry("drop")) if app.entry("drop") is not None else False
    return app.input() if drop is True else _table(it, app)


def _part_of(it: Interpreter, app: Application) -> Answer:
    return only(_open(_source(app)))


HOWS: dict[str, Callable[[Interpreter, Application], Answer]] = {
    "made": _made, "table": _table, "column": _column, "array": _array, "popped": _popped, "mapped": _mapped,
    "dummies": _dummies,
    "joined": _joined, "renumbered": _renumbered,
    "values": _part_of,
}  # fmt: skip

"""Transfer functions on tensors, one for each transfer word of the rows (contracts.md A5, A6)."""

from __future__ import annotations

from math import inf

from outlayer_lint.interpret import operators
from outlayer_lint.interpret.answers import lift, only, unknown
from outlayer_lint.interpret.data import datasets, transforms
from outlayer_lint.interpret.things import Answer, Const, Parameter, Site, Subclass, Unknown
from outlayer_lint.interpret.transfers import arrays, makers, parts, ranges, shapes
from outlayer_lint.interpret.transfers.coupling import COUPLED, Follower, on_tensors
from outlayer_lint.interpret.transfers.indexing import by_value, indexed, without_first_dim
from outlayer_lint.lattice import BOUNDS, NOTHING, SCRAMBLED, Emission, Origin, Tensor, Value
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlayer_lint.interpret.frames import Arguments
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.things import Built
    from outlayer_lint.interpret.transfer import Application

WEIGHTLESS = frozenset((
    Emission.DATA, Emission.ONEHOT, Emission.MULTIHOT, Emission.INDEX, Emission.BINARY, Emission.BOOL, Emission.SIMPLEX,
    Emission.UNIT,
))  # fmt: skip
MIXED = "mixed"  # begins the key of a product without a weight
GIVEN = ("parameter nobody binds", "caller not followed")


def leaf(it: Interpreter, app: Application, tree: dict[str, Any]) -> Tensor:
    """A leaf of a row's `returns` with details."""
    if app.row.kind == "data":
        return datasets.leaf_of(
            app, tree, (arrays.DRAWN, id(app.site.node), id(app.site.frame.base), tree.get("kind")), whole=True
        )
    return Tensor(
        Emission(tree["emits"]), by=app.row.name, units=app.lazy(tree.get("units")), low=tree.get("low"),
        high=tree.get("high"), axis=tree.get("axis"), dtype=tree.get("dtype"),
        learned=app.row.name if app.row.kind == "model" else "", origin=app.origin,
    )  # fmt: skip


def keeps(it: Interpreter, app: Application) -> Answer:
    """`float`, `to`, `contiguous`, dropout: the meaning stays; `detach` cuts the gradient."""
    how = app.row.how
    answer = app.input()
    if how == "detach":
        return on_tensors(answer, lambda t: t.replace(gradient=False))
    if how == "pack":
        return on_tensors(answer, shapes.packed)
    if how == "cast":
        dtype = app.row.dtype if app.row.dtype in arrays.DTYPES.values() else arrays.cast_to(it, app)
        if dtype in arrays.WHOLE:
            return on_tensors(
                answer, lambda t: arrays.whole(t, dtype) if t.dtype not in arrays.WHOLE else t.replace(dtype=dtype)
            )
        return (
            answer
            if dtype is None
            else on_tensors(answer, lambda t: t.replace(dtype=None if dtype == "other" else dtype))
        )
    if how == "fill" and (mask := app.entry("mask")) is not None:
        return on_tensors(answer, lambda t: t.replace(certainty="likely") if by_value(t, it.force(mask)) else t)
    if how in ("mask", "noise"):
        return on_tensors(answer, lambda t: t.replace(certainty="likely") if t.emission in COUPLED else t)
    if how == "shuffle":  # of a number: as many places, and no longer the number
        places = ("shuffled", id(app.site.node))
        return lift(answer, lambda t: unknown("literal tensor", places) if isinstance(t, Const) else only(t))
    return answer


def normalises(it: Interpreter, app: Application) -> Answer:
    """Softmax and its kin: answers at once, its input is asked only if a rule wants it."""
    row = app.row
    inner = app.inner()
    return only(
        Follower(
            row.emits or Emission.SIMPLEX, axis=app.spec(row.axis), units=lambda: inner().units,
            rank=lambda: inner().rank, by=row.name, inner=inner, origin=app.origin,
            gradient=row.emits is not Emission.INDEX,
        )
    )  # fmt: skip


def learned(it: Interpreter, app: Application) -> Answer:
    """Linear, convolutions, products: unbounded scores, whatever came in; a whole model may end in an activation."""
    row = app.row
    if row.how == "norm":

        def normed(t: Tensor) -> Tensor:
            return t.replace(
                emission=Emission.LOGIT,
                axis=None,
                low=-inf,
                high=inf,
                by=row.name,
                inner=Value((t,)),
                learned=row.name,
                scaled=False,
            )

        return on_tensors(app.input(), normed)
    if row.how == "product":
        return _product(it, app)
    inner, axis = app.inner(), app.spec(row.axis)
    rank = row.rank if isinstance(row.rank, int) else (lambda: inner().rank)
    scores = Tensor(
        Emission.LOGIT, units=app.lazy(row.units), rank=rank, by=row.name, learned=row.name, inner=inner,
        origin=app.origin, class_axis=axis if isinstance(axis, int) else None,
    )  # fmt: skip
    if row.emits in (None, Emission.HID):
        return unknown("hidden features" if row.emits else "part of a library's result", ("row", id(app.site.node)))
    if row.emits is Emission.LOGIT:
        return only(scores)
    bounds = BOUNDS.get(row.emits, (app.number(row.low), app.number(row.high)))
    return only(
        scores.replace(
            emission=row.emits, axis=axis if row.emits in COUPLED else None, inner=Value((scores,)),
            low=bounds[0], high=bounds[1], gradient=row.emits is not Emission.INDEX,
        )
    )  # fmt: skip


def _product(it: Interpreter, app: Application) -> Answer:
    """A product of two tensors: a convex mix of one-hot rows is a distribution, else unbounded scores."""
    first = app.input_entry(0)
    ways = it.force(first) if first is not None else ()
    if any(isinstance(t, Tensor) and t.emission is Emission.SIMPLEX for t, _ in ways):
        other = app.input(1)
        if all(isinstance(t, Tensor) and t.emission is Emission.ONEHOT for t, _ in other):
            return on_tensors(ways, lambda t: t.replace(axis=-1, units=None) if t.emission is Emission.SIMPLEX else t)
    inner = app.inner()
    made = arrays.product(app, ways)
    if made is not None:
        return only(made)
    mixed = _weightless(ways, app) if app.row.inputs > 1 else None
    if mixed is not None:
        return mixed
    return only(
        Tensor(
            Emission.LOGIT,
            by=app.row.name,
            learned=app.row.name,
            units=lambda: makers.columns(it, app),
            rank=lambda: inner().rank,
            inner=inner,
            class_axis=-1,
            origin=app.origin,
        )
    )


def _weightless(ways: Answer, app: Application) -> Answer | None:
    """What is known of a product of labels, probabilities or data with each other, or of what a function is given.

    Its bounds depend on how many are summed up. `None` where a weight, or what a layer gave, may take part: what data
    is multiplied with is nearly always a weight.
    """
    factors = (*ways, *app.input(1)) if all(_is_plain(t) or _is_given(t) for t, _ in ways) else ()
    if not factors or not (all(_is_plain(t) for t, _ in factors) or all(_is_given(t) for t, _ in factors)):
        return None
    given = tuple((t, c) for t, c in factors if _is_given(t))
    return given or unknown("unknown arithmetic", (MIXED, id(app.site.node)))


def _is_plain(thing: object) -> bool:
    if not isinstance(thing, Tensor):
        return isinstance(thing, Unknown) and isinstance(thing.key, tuple) and thing.key[0] == MIXED
    return thing.emission in WEIGHTLESS or (thing.source is not None and not thing.learned)


def _is_given(thing: object) -> bool:
    """Whether a thing is what a function's parameter receives, whoever calls it."""
    return isinstance(thing, (Parameter, Subclass)) or (isinstance(thing, Unknown) and thing.reason in GIVEN)


def recurrent(it: Interpreter, app: Application) -> Answer:
    """LSTM, GRU and RNN: states bounded by tanh, as a tuple."""
    from outlayer_lint.interpret.transfer import structured  # noqa: PLC0415 - transfer dispatches here

    if app.row.returns is not None:
        return structured(it, app, app.row.returns)
    return only(Tensor(app.row.emits or Emission.SYM1, by=app.row.name, inner=app.inner(), origin=app.origin))


ROUNDED = {Emission.UNIT: Emission.BINARY, Emission.SIMPLEX: Emission.BINARY}


def decides(it: Interpreter, app: Application) -> Answer:
    """`argmax`, `round`, comparisons, `.item()`: a decision without a gradient."""
    from outlayer_lint.interpret.transfer import as_value  # noqa: PLC0415 - transfer dispatches here

    how = app.row.how
    if how in ("item", "numpy", "tolist"):
        return on_tensors(app.input(), lambda t: t.replace(gradient=False))
    if how in ("long", "int", "bool"):
        return on_tensors(app.input(), lambda t: arrays.whole(t, app.row.dtype or how))
    if how == "unique":  # sorted values, counts, or several of these
        return only(arrays.anything(("made", id(app.site.node), id(app.site.frame.base))))
    if how in ("round", "ceil", "floor", "trunc", "sign"):

        def one(t: Tensor) -> Tensor:
            emission = (
                ROUNDED.get(t.emission, t.emission)
                if how == "round"
                else Emission.UNIT
                if t.emission in COUPLED
                else t.emission
            )
            return t.replace(gradient=False, by=app.row.name, inner=Value((t,)), emission=emission, axis=None)

        return on_tensors(app.input(), one)
    emission = app.row.emits or (Emission.INDEX if how.startswith("arg") else Emission.BOOL)
    flat = shapes.dim_entry(app) is None

    def made(thing: Any) -> Answer:
        if isinstance(thing, Parameter):
            return only(Parameter(thing.scope, thing.name, (*thing.trail, (operators.CHOSEN, id(app.site.node)))))
        if isinstance(thing, Subclass):
            return only(thing)
        inner = as_value(only(thing))

        def rank() -> int | None:
            before = inner.rank
            return (
                before
                if not how.startswith("arg") or how == "argsort"
                else 0
                if flat
                else None
                if before is None
                else before - 1
            )

        units = (lambda: inner.units) if how == "argmax" else None
        return only(
            Follower(
                emission,
                by=app.row.name,
                gradient=False,
                inner=inner,
                rank=rank,
                dtype=app.row.dtype,
                units=units,
                origin=app.origin,
            )
        )

    return lift(app.input(), made)


def makes(it: Interpreter, app: Application) -> Answer:
    """Literal tensors: their range is known, but they are not a model's output."""
    row = app.row
    if row.how == "input":
        return _keras(it, app, "fed")
    if row.how == "parameter":
        return only(makers.weight(it, app))
    if row.how == "from-argument":
        return arrays.array(it, app, _dtype(it, app))
    emission, low, high = makers.made_range(it, app)
    size = makers.made_size(it, app) if row.units is None and emission is not Emission.INDEX else None
    grows = "requires_grad" in app.given.keywords and it.constant(app.given.keywords["requires_grad"]) is True
    return only(
        Tensor(emission, by=row.name, low=low, high=high, axis=app.spec(row.axis),
               units=app.lazy(row.units) if row.units is not None else size,
               class_axis=-1 if size is not None else None, dtype=row.dtype or _dtype(it, app),
               source=("literal", id(app.site.node), *shapes.made_alone(it, app)), learned=row.name if grows else "",
               rank=row.rank if isinstance(row.rank, int) else shapes.made_rank(it, app), origin=app.origin)
    )  # fmt: skip


def _dtype(it: Interpreter, app: Application) -> str | None:
    entry = app.entry("dtype") or app.given.keywords.get("dtype")
    if entry is None:
        return app.row.dtype
    found = {arrays.dtype_of(thing) for thing, _ in it.force(entry)}
    return found.pop() if len(found) == 1 else None


def embeds(it: Interpreter, app: Application) -> Answer:
    """Embedding look-ups."""
    inner = app.inner()

    def deeper() -> int | None:
        return None if (before := inner().rank) is None else before + 1

    rank = app.row.rank if isinstance(app.row.rank, int) else deeper

    return only(
        Tensor(
            Emission.LOGIT, by=app.row.name, learned=app.row.name, units=app.lazy(app.row.units), rank=rank,
            class_axis=-1, inner=inner, origin=app.origin
        )
    )  # fmt: skip


def loses(it: Interpreter, app: Application) -> Answer:
    """The value of a loss."""
    return only(Tensor(Emission.LOSS, by=app.row.name, origin=app.origin))


def asks(it: Interpreter, app: Application) -> Answer:
    """`size`, `dim`: numbers about a shape."""
    return unknown("shape", ("shape", id(app.site.node), id(app.site.frame.base)))


def scatters(it: Interpreter, app: Application) -> Answer:
    """Values written at indices: ones into zeros make one-hot rows; `copy_` leaves what it was given."""
    how = app.row.how
    written = app.entry("src") or app.given.keywords.get("value")
    values = it.force(written) if written is not None else unknown("missing argument")
    if how == "copies":
        return lift(app.input(), lambda t: _copied(t, values) if isinstance(t, Tensor) and not t.learned else only(t))
    ones = not how and all(_is_one(thing) for thing, _ in values)

    def after(t: Any) -> Answer:
        if not isinstance(t, Tensor) or arrays.root(t.source) != "literal":
            return only(t)
        if ones and t.low == t.high == 0:
            return only(t.replace(emission=Emission.ONEHOT, axis=1, low=0.0, high=1.0))
        return unknown("written by index", ("scattered", id(app.site.node), id(app.site.frame.base)))

    return lift(app.input(), after)


def _copied(t: Tensor, values: Answer) -> Answer:
    return lift(values, lambda v: only(arrays.recast(v, t.dtype) if isinstance(v, Tensor) else v))


def _is_one(thing: Any) -> bool:
    ends = (thing.low, thing.high) if isinstance(thing, Tensor) else (thing.value,) if isinstance(thing, Const) else ()
    return bool(ends) and all(end == 1 for end in ends)


def samples(it: Interpreter, app: Application) -> Answer:
    """A draw of a distribution."""
    return only(
        Tensor(
            Emission.DATA,
            by=app.row.name,
            gradient=False,
            source=("drawn", id(app.site.node), id(app.site.frame.base)),
            origin=app.origin,
        )
    )


def _keras(it: Interpreter, app: Application, word: str) -> Answer:
    """A transfer function of Keras's own operations, loaded by those who use them."""
    from outlayer_lint.interpret.keras import shapes as keras_shapes  # noqa: PLC0415 - for programs that use Keras

    return keras_shapes.TRANSFER[word](it, app)


def _tabulates(it: Interpreter, app: Application) -> Answer:
    """What functions and methods of pandas make, loaded by those who use it."""
    from outlayer_lint.interpret.data import tables  # noqa: PLC0415 - for programs that use pandas

    return tables.tabulates(it, app)


def by_method(it: Interpreter, thing: Built, word: str, given: Arguments, site: Site) -> Answer:
    """A method of a library object that is not a module, by its word in the row."""
    return transforms.by_method(it, thing, word, given, site)


TRANSFER: dict[str, Callable[[Interpreter, Application], Answer]] = {
    "keeps": keeps, "normalises": normalises, "bounds": ranges.bounds, "learned": learned, "recurrent": recurrent,
    "reshapes": shapes.reshapes, "moves-axis": shapes.moves_axis, "adds-axis": shapes.adds_axis,
    "drops-axis": shapes.drops_axis, "selects": parts.selects, "splits": parts.splits, "reduces": parts.reduces,
    "joins": parts.joins, "combines": ranges.combines, "interval": ranges.interval, "decides": decides, "makes": makes,
    "resizes": parts.resizes, "embeds": embeds, "loses": loses, "asks": asks, "scatters": scatters, "samples": samples,
    "attends": learned, "merges": lambda it, app: _keras(it, app, "merges"),
    "scales": lambda it, app: _keras(it, app, "scales"), "pools": lambda it, app: _keras(it, app, "pools"),
    "tabulates": _tabulates,
    "maps": lambda it, app: transforms.maps(it, app),  # noqa: PLW0108 - `transforms` may still be loading
}  # fmt: skip

__all__ = ["NOTHING", "SCRAMBLED", "TRANSFER", "Origin", "indexed", "without_first_dim"]

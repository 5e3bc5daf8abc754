"""Transfer functions on tensors, one for each transfer word of the rows (contracts.md A5, A6)."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from outlayer_lint.interpret import ranges, shapes
from outlayer_lint.interpret.coupling import COUPLED, SCRAMBLED, Follower, on_tensors, rank_after
from outlayer_lint.interpret.shapes import indexed, without_first_dim
from outlayer_lint.interpret.things import Answer, Const, Parameter, Sequence, Site, Subclass, only, unknown
from outlayer_lint.lattice import NOTHING, Emission, Origin, Tensor, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlayer_lint.interpret.frames import Arguments
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.things import Built
    from outlayer_lint.interpret.transfer import Application


def leaf(it: Interpreter, app: Application, tree: dict[str, Any]) -> Tensor:
    """A leaf of a row's `returns` with details."""
    return Tensor(
        Emission(tree["emits"]), by=app.row.name, units=app.lazy(tree.get("units")), low=tree.get("low"), high=tree.get("high"),
        axis=tree.get("axis"), dtype=tree.get("dtype"), learned=app.row.name if app.row.kind == "model" else "", origin=app.origin,
    )  # fmt: skip


def keeps(it: Interpreter, app: Application) -> Answer:
    """`float`, `to`, `contiguous`, dropout: the meaning stays; `detach` cuts the gradient."""
    how = app.row.how
    answer = app.input()
    if how == "detach":
        return on_tensors(answer, lambda t: t.replace(gradient=False))
    if how == "cast":
        dtype = app.row.dtype
        if dtype in ("float", "double", "half", "long", "int", "uint8", "bool"):
            return on_tensors(answer, lambda t: t.replace(dtype=dtype))
        return answer
    if how in ("mask", "noise"):
        return on_tensors(answer, lambda t: t.replace(certainty="likely") if t.emission in COUPLED else t)
    return answer


def normalises(it: Interpreter, app: Application) -> Answer:
    """Softmax and its kin: answers at once, its input is asked only if a rule wants it."""
    row = app.row
    inner = app.inner()
    return only(
        Follower(
            row.emits or Emission.SIMPLEX, axis=app.spec(row.axis), units=lambda: inner().units, rank=lambda: inner().rank, by=row.name,
            inner=inner, origin=app.origin, gradient=row.emits is not Emission.INDEX,
        )
    )  # fmt: skip


def learned(it: Interpreter, app: Application) -> Answer:
    """Linear, convolutions, products: unbounded scores, whatever came in."""
    row = app.row
    inner = app.inner()
    if row.how == "norm":
        return on_tensors(app.input(), lambda t: t.replace(emission=Emission.LOGIT, axis=None, low=-inf, high=inf, by=row.name, inner=Value((t,)), learned=row.name))
    if row.how == "product":
        return _product(it, app)
    axis = app.spec(row.axis)
    rank = row.rank if isinstance(row.rank, int) else (lambda: inner().rank)
    return only(
        Tensor(
            Emission.LOGIT, units=app.lazy(row.units), rank=rank, by=row.name, learned=row.name, inner=inner, origin=app.origin,
            class_axis=axis if isinstance(axis, int) else None,
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
    return only(Tensor(Emission.LOGIT, by=app.row.name, learned=app.row.name, rank=lambda: inner().rank, inner=inner, origin=app.origin))


def recurrent(it: Interpreter, app: Application) -> Answer:
    """LSTM, GRU and RNN: states bounded by tanh, as a tuple."""
    from outlayer_lint.interpret.transfer import structured  # noqa: PLC0415 - transfer dispatches here

    if app.row.returns is not None:
        return structured(it, app, app.row.returns)
    return only(Tensor(app.row.emits or Emission.SYM1, by=app.row.name, inner=app.inner(), origin=app.origin))


def decides(it: Interpreter, app: Application) -> Answer:
    """`argmax`, `round`, comparisons, `.item()`: a decision without a gradient."""
    how = app.row.how
    inner = app.inner()
    if how in ("item", "numpy", "tolist"):
        return on_tensors(app.input(), lambda t: t.replace(gradient=False))
    if how in ("long", "int", "bool"):
        return on_tensors(app.input(), lambda t: t.replace(gradient=False, dtype=how, emission=t.emission if t.emission in (Emission.DATA, Emission.INDEX, Emission.BINARY, Emission.ONEHOT, Emission.MULTIHOT) else Emission.INDEX, axis=t.axis))
    emission = app.row.emits or (Emission.INDEX if how.startswith("arg") else Emission.BOOL)
    if how in ("round", "ceil", "floor", "trunc", "sign"):
        return on_tensors(app.input(), lambda t: t.replace(gradient=False, by=app.row.name, inner=Value((t,)), emission=t.emission if t.emission not in COUPLED else Emission.UNIT, axis=None))
    return only(Tensor(emission, by=app.row.name, gradient=False, inner=inner, dtype=app.row.dtype, units=(lambda: inner().units) if how == "argmax" else None, origin=app.origin))


def makes(it: Interpreter, app: Application) -> Answer:
    """Literal tensors: their range is known, but they are not a model's output."""
    row = app.row
    if row.how == "parameter":
        return only(Tensor(Emission.LOGIT, by=row.name, learned=row.name, origin=app.origin))
    if row.how == "from-argument":
        answer = app.input()
        kept = tuple((t.replace(gradient=False), c) for t, c in answer if isinstance(t, Tensor))
        if kept and len(kept) == len(answer):
            return kept
        if any(isinstance(t, (Parameter, Subclass)) for t, _ in answer):
            return answer
        if all(isinstance(t, (Sequence, Const)) for t, _ in answer):
            return only(Tensor(Emission.DATA, by=row.name, source=("literal", id(app.site.node)), dtype=_dtype(it, app), origin=app.origin))
        return only(Tensor(Emission.DATA, by=row.name, source=("array", id(app.site.node), id(app.site.frame.base)), dtype=_dtype(it, app), origin=app.origin))
    low, high = app.spec(row.low), app.spec(row.high)
    emission = row.emits or Emission.DATA
    units = app.lazy(row.units)
    return only(
        Tensor(emission, by=row.name, low=low if isinstance(low, (int, float)) else None, high=high if isinstance(high, (int, float)) else None,
               units=units, dtype=row.dtype or _dtype(it, app), source=("literal", id(app.site.node)), origin=app.origin)
    )  # fmt: skip


def _dtype(it: Interpreter, app: Application) -> str | None:
    from outlayer_lint.interpret.things import Library  # noqa: PLC0415

    for name in ("dtype",):
        entry = app.entry(name) or app.given.keywords.get(name)
        if entry is not None:
            for thing, _ in it.force(entry):
                if isinstance(thing, Library):
                    return DTYPES.get(thing.name.rpartition(".")[2])
    return app.row.dtype


DTYPES = {
    "float": "float", "float32": "float", "float64": "double", "double": "double", "half": "half", "float16": "half", "long": "long",
    "int64": "long", "int32": "int", "int": "int", "int16": "int", "bool": "bool", "uint8": "uint8",
}  # fmt: skip


def embeds(it: Interpreter, app: Application) -> Answer:
    """Embedding look-ups."""
    inner = app.inner()
    rank = lambda: None if (r := inner().rank) is None else r + 1  # noqa: E731
    return only(Tensor(Emission.LOGIT, by=app.row.name, learned=app.row.name, units=app.lazy(app.row.units), rank=rank, class_axis=-1, inner=inner, origin=app.origin))


def loses(it: Interpreter, app: Application) -> Answer:
    """The value of a loss."""
    return only(Tensor(Emission.LOSS, by=app.row.name, origin=app.origin))


def asks(it: Interpreter, app: Application) -> Answer:
    """`size`, `dim`: numbers about a shape."""
    return unknown("shape", ("shape", id(app.site.node), id(app.site.frame.base)))


def scatters(it: Interpreter, app: Application) -> Answer:
    """`zeros.scatter_(1, index, 1)`: one-hot rows."""
    return on_tensors(app.input(), lambda t: t.replace(emission=Emission.ONEHOT, axis=1, low=0.0, high=1.0) if isinstance(t.source, tuple) and t.source[:1] == ("literal",) else t)


def samples(it: Interpreter, app: Application) -> Answer:
    """A draw of a distribution."""
    return only(Tensor(Emission.DATA, by=app.row.name, gradient=False, origin=app.origin))


def by_method(it: Interpreter, thing: Built, word: str, given: Arguments, site: Site) -> Answer:
    """A method of a library object that is not a module, by its word in the row."""
    if word == "keeps":
        return it.force(given.pick(0, "input"))
    return unknown("unknown method of a library object", (id(site.node), id(site.frame.base)))


TRANSFER: dict[str, Callable[[Interpreter, Application], Answer]] = {
    "keeps": keeps, "normalises": normalises, "bounds": ranges.bounds, "learned": learned, "recurrent": recurrent, "reshapes": shapes.reshapes,
    "moves-axis": shapes.moves_axis, "adds-axis": shapes.adds_axis, "drops-axis": shapes.drops_axis, "selects": shapes.selects, "splits": shapes.splits,
    "reduces": shapes.reduces, "joins": shapes.joins, "combines": ranges.combines, "interval": ranges.interval, "decides": decides, "makes": makes,
    "resizes": shapes.resizes, "embeds": embeds, "loses": loses, "asks": asks, "scatters": scatters, "samples": samples, "attends": learned,
}  # fmt: skip

__all__ = ["NOTHING", "SCRAMBLED", "TRANSFER", "Origin", "indexed", "without_first_dim"]

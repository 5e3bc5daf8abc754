"""Transfer functions on tensors, one for each transfer word of the rows (contracts.md A5, A6)."""

from __future__ import annotations

import ast
from math import exp, inf, log, sqrt
from typing import TYPE_CHECKING, Any

from outlayer_lint.interpret import containers, operators
from outlayer_lint.interpret.things import (
    Answer, Const, Dictionary, Parameter, Sequence, Site, Subclass, Unknown, join, lift, only, unknown,
)  # fmt: skip
from outlayer_lint.lattice import NOTHING, Emission, Origin, Tensor, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlayer_lint.interpret.frames import Arguments
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.things import Built
    from outlayer_lint.interpret.transfer import Application

COUPLED = (Emission.SIMPLEX, Emission.LOGP, Emission.UNORM, Emission.ONEHOT)
SCRAMBLED = 99  # a class axis that a reshape without permute has torn apart


def _tensors(answer: Answer, transfer: Callable[[Tensor], Any]) -> Answer:
    """Apply to tensors; what is open or unknown passes as it is."""

    def one(thing: Any) -> Answer:
        if isinstance(thing, Tensor):
            return only(transfer(thing))
        if isinstance(thing, (Parameter, Subclass, Unknown, Sequence, Dictionary, Const)):
            return only(thing)
        return unknown("not a tensor")

    return lift(answer, one)


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
        return _tensors(answer, lambda t: t.replace(gradient=False))
    if how == "cast":
        dtype = app.row.dtype
        if dtype in ("float", "double", "half", "long", "int", "uint8", "bool"):
            return _tensors(answer, lambda t: t.replace(dtype=dtype))
        return answer
    if how in ("mask", "noise"):
        return _tensors(answer, lambda t: t.replace(certainty="likely") if t.emission in COUPLED else t)
    return answer


def normalises(it: Interpreter, app: Application) -> Answer:
    """Softmax and its kin: answers at once, its input is asked only if a rule wants it."""
    row = app.row
    inner = app.inner()
    return only(
        Tensor(
            row.emits or Emission.SIMPLEX, axis=app.spec(row.axis), units=lambda: inner().units, rank=lambda: inner().rank, by=row.name,
            inner=inner, origin=app.origin, gradient=row.emits is not Emission.INDEX,
        )
    )  # fmt: skip


def bounds(it: Interpreter, app: Application) -> Answer:
    """Elementwise activations with a known range."""
    row = app.row
    low, high = app.spec(row.low), app.spec(row.high)
    inner = app.inner()
    if row.emits in (None, Emission.LOGIT):
        # An activation without bounds (LeakyReLU, PReLU): a score stays a score of the same layer.
        return _tensors(app.input(), lambda t: Tensor(Emission.LOGIT, units=t._units, rank=t._rank, by=row.name, learned=t.learned,  # noqa: SLF001
                        class_axis=t.class_axis, inner=Value((t,)), origin=app.origin) if t.emission is not Emission.DATA else t)  # fmt: skip
    emission = row.emits
    if emission is Emission.BND and low is not None and high is not None:
        emission = operators.word((float(low), float(high)))
    return only(
        Tensor(
            emission, units=lambda: inner().units, rank=lambda: inner().rank, by=row.name, inner=inner, origin=app.origin,
            low=None if low is None else float(low), high=None if high is None else float(high),
        )
    )  # fmt: skip


def learned(it: Interpreter, app: Application) -> Answer:
    """Linear, convolutions, products: unbounded scores, whatever came in."""
    row = app.row
    inner = app.inner()
    if row.how == "norm":
        return _tensors(app.input(), lambda t: t.replace(emission=Emission.LOGIT, axis=None, low=-inf, high=inf, by=row.name, inner=Value((t,)), learned=row.name))
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
            return _tensors(ways, lambda t: t.replace(axis=-1, units=None) if t.emission is Emission.SIMPLEX else t)
    inner = app.inner()
    return only(Tensor(Emission.LOGIT, by=app.row.name, learned=app.row.name, rank=lambda: inner().rank, inner=inner, origin=app.origin))


def recurrent(it: Interpreter, app: Application) -> Answer:
    """LSTM, GRU and RNN: states bounded by tanh, as a tuple."""
    from outlayer_lint.interpret.transfer import structured  # noqa: PLC0415 - transfer dispatches here

    if app.row.returns is not None:
        return structured(it, app, app.row.returns)
    return only(Tensor(app.row.emits or Emission.SYM1, by=app.row.name, inner=app.inner(), origin=app.origin))


def _dims(it: Interpreter, app: Application) -> list[Any] | None:
    """The integers of a shape or permutation, `None` in place of unknown ones; `None` where even their number is open."""
    entries = app.rest()
    if len(entries) == 1:
        answer = it.force(entries[0])
        thing = answer[0][0] if len(answer) == 1 else None
        if isinstance(thing, Sequence):
            if thing.open:
                return None
            entries = thing.items
    if app.given.more_positional:
        return None
    return [value if isinstance(value := it.constant(e), int) else None for e in entries]


def reshapes(it: Interpreter, app: Application) -> Answer:
    """`view`, `reshape`, `flatten`: the values stay; which dim holds the classes is kept only where it is certain."""
    how = app.row.how
    dims = _dims(it, app) if how == "view" else None
    start = None
    if how == "flatten":
        entry = app.entry("start_dim")
        value = it.constant(entry) if entry is not None else 0
        start = value if isinstance(value, int) else None

    def one(t: Tensor) -> Tensor:
        if t.emission is Emission.DATA:
            return t
        units, axis, class_axis, rank = None, None, None, None
        if how == "flatten" and start is not None:
            rank = start + 1 if start >= 0 else None
        elif dims is not None and dims:
            rank = len(dims)
            last = dims[-1]
            same = last is not None and last > 0 and last == t.units
            if same and t.class_axis in (None, -1):
                units, class_axis = last, -1
                axis = -1 if t.axis in (-1, 1) and t.emission in COUPLED else t.axis if t.axis == -1 else None
            elif same and t.class_axis == 1 and (t.rank or 0) > 2 and len(dims) <= 2 and t.emission is Emission.LOGIT:  # noqa: PLR2004
                class_axis = SCRAMBLED
            elif last == 1 or (len(dims) == 1 and dims[0] == -1):
                units = 1 if last == 1 else None
        return t.replace(units=units, axis=axis, class_axis=class_axis, rank=rank)

    return _tensors(app.input(), one)


def moves_axis(it: Interpreter, app: Application) -> Answer:
    """`permute`, `transpose`, `.T`: the class dim and the coupled dim move."""
    how = app.row.how
    dims: list[Any] | None
    if how == "transpose":
        names = [n for n in app.row.parameters if n not in app.row.call][:2]
        dims = [it.constant(e) if (e := app.entry(n)) is not None else None for n in names]
    else:
        dims = _dims(it, app) if how == "permute" else None

    def moved(axis: Any, rank: int | None) -> Any:
        if not isinstance(axis, int):
            return axis
        if how == "swap-last":
            return {-1: -2, -2: -1}.get(axis)
        if how == "reverse":
            return None if rank is None else rank - 1 - axis % rank
        if dims is None or any(not isinstance(d, int) for d in dims):
            return None
        if how == "permute":
            size = len(dims)
            wanted = axis % size
            order = [d % size for d in dims]
            return order.index(wanted) if wanted in order else None
        if rank is not None:
            pair = [d % rank for d in dims]
            at = axis % rank
            return pair[1] if at == pair[0] else pair[0] if at == pair[1] else at
        if axis in dims:
            return dims[1] if axis == dims[0] else dims[0]
        # Without the rank -1 and 1 may be the same dim.
        return axis if all((d < 0) == (axis < 0) for d in dims) else None

    def one(t: Tensor) -> Tensor:
        rank = t.rank if t.class_axis is not None or t.emission in COUPLED else None
        if how == "permute" and dims is not None:
            rank = len(dims)
        return t.replace(axis=moved(t.axis, rank), class_axis=moved(t.class_axis, rank), rank=rank if rank is not None else t._rank)  # noqa: SLF001

    return _tensors(app.input(), one)


def _shifted(axis: Any, dim: int, step: int) -> Any:
    """An axis after a dim was added (+1) or dropped (-1) at `dim`; both counted from the same end."""
    if not isinstance(axis, int):
        return axis
    if axis >= 0 and dim >= 0:
        if step < 0 and axis == dim:
            return None
        return axis + step if axis >= dim else axis
    if axis < 0 and dim < 0:
        if step < 0 and axis == dim:
            return None
        return axis - step if axis < dim or (step > 0 and axis <= dim - 1) else axis
    return axis if (axis < 0) == (dim >= 0) and step > 0 else None


def adds_axis(it: Interpreter, app: Application) -> Answer:
    """`unsqueeze`."""
    entry = app.entry("dim")
    dim = it.constant(entry) if entry is not None else None

    def one(t: Tensor) -> Tensor:
        rank = t._rank if not isinstance(t._rank, int) else t._rank + 1  # noqa: SLF001
        if callable(rank):
            ask = rank
            rank = lambda: None if (r := ask()) is None else r + 1  # noqa: E731
        if not isinstance(dim, int):
            return t.replace(units=None, axis=None, class_axis=None, rank=rank)
        return t.replace(axis=_shifted(t.axis, dim, 1), class_axis=_shifted(t.class_axis, dim, 1), rank=rank)

    return _tensors(app.input(), one)


def drops_axis(it: Interpreter, app: Application) -> Answer:
    """`squeeze`: with a one-unit head the class dim is gone."""
    entry = app.entry("dim")
    dim = it.constant(entry) if entry is not None else None

    def one(t: Tensor) -> Tensor:
        if t.emission is Emission.DATA:
            return t
        rank = t._rank  # noqa: SLF001
        known = t.rank if dim is not None else None
        if known is not None:
            rank = known - 1
        elif callable(rank) or rank is not None:
            rank = None
        if isinstance(dim, int):
            at = t.class_axis if t.class_axis is not None else -1
            gone = dim == at or (known is not None and dim % known == at % known)
            units = None if gone else t._units  # noqa: SLF001
            return t.replace(axis=_shifted(t.axis, dim, -1), class_axis=_shifted(t.class_axis, dim, -1), units=units, rank=rank)
        # Dims of size one vanish: a class dim of more than one stays, in an unknown place.
        kept = t.units if (t.units or 0) > 1 else None
        return t.replace(axis=t.axis if t.axis == -1 else None, class_axis=t.class_axis if t.class_axis == -1 and kept else None, units=kept, rank=None)

    return _tensors(app.input(), one)


def selects(it: Interpreter, app: Application) -> Answer:
    """`gather`, `index_select`, `masked_select`: values stay, a coupling over the dim does not."""
    how = app.row.how
    dim = app.spec(app.row.dim)

    def one(t: Tensor) -> Tensor:
        if t.emission is Emission.DATA:
            return t
        emission = t.emission
        if emission in COUPLED and not (how in ("index", "range", "sort") and isinstance(dim, int) and isinstance(t.axis, int) and dim != t.axis):
            emission = {Emission.SIMPLEX: Emission.UNIT, Emission.LOGP: Emission.LOGUNIT, Emission.UNORM: Emission.SYM1}.get(emission, Emission.UNIT)
        return t.replace(emission=emission, units=None, axis=t.axis if emission in COUPLED else None, class_axis=None, rank=None)

    return _tensors(app.input(), one)


def splits(it: Interpreter, app: Application) -> Answer:
    """`chunk`, `split`, `unbind`: several parts of the same kind."""
    count = None
    for name in ("chunks", "sections", "indices_or_sections"):
        if app.entry(name) is not None:
            value = it.constant(app.entry(name))
            count = value if isinstance(value, int) else None
    sizes: Any = None
    for name in ("split_size_or_sections", "split_size"):
        if app.entry(name) is not None:
            sizes = it.constant(app.entry(name))
    dim = app.spec(app.row.dim)

    def part(t: Tensor, units: int | None = None) -> Tensor:
        if t.emission is Emission.DATA:
            return t
        other = isinstance(dim, int) and ((dim == 0 and t.axis not in (0, None)) or (isinstance(t.axis, int) and (dim < 0) == (t.axis < 0) and dim != t.axis))
        if t.emission in COUPLED and not other:
            new = {Emission.SIMPLEX: Emission.UNIT, Emission.LOGP: Emission.LOGUNIT, Emission.UNORM: Emission.SYM1}.get(t.emission, Emission.UNIT)
            t = t.replace(emission=new, axis=None)
        keep_units = dim == 0 or (t.class_axis is not None and isinstance(dim, int) and (dim < 0) == (t.class_axis < 0) and dim != t.class_axis)
        return t.replace(units=t._units if keep_units else units, class_axis=t.class_axis if app.row.how != "unbind" else None,  # noqa: SLF001
                         rank=None if app.row.how == "unbind" else t._rank)  # noqa: SLF001  # fmt: skip

    def one(thing: Any) -> Answer:
        if isinstance(thing, Tensor):
            if isinstance(sizes, tuple):
                return only(Sequence(tuple(only(part(thing, s if isinstance(s, int) else None)) for s in sizes), kind="tuple"))
            if count is not None and 0 < count <= containers.MAX_ITEMS:
                return only(Sequence((only(part(thing)),) * count, kind="tuple"))
            same = only(part(thing, sizes if isinstance(sizes, int) else None))
            return only(Sequence((same,) * 2, open=True, tail=(same,), middle=same, kind="tuple"))
        if isinstance(thing, (Parameter, Subclass, Unknown)):
            return only(thing)
        return unknown("not a tensor")

    return lift(app.input(), one)


def reduces(it: Interpreter, app: Application) -> Answer:
    """`mean`, `sum`, `max` over dims."""
    how = app.row.how
    entry = app.entry("dim")
    dim = it.constant(entry) if entry is not None else None
    keep = it.constant(app.entry("keepdim")) if app.entry("keepdim") is not None else False

    def one(t: Tensor) -> Tensor:
        if t.emission in (Emission.DATA, Emission.LOSS):
            return t
        bounds_ = _reduced(how, t)
        own = isinstance(dim, int) and (dim == t.axis or (t.axis in (1, -1) and dim in (1, -1)))
        emission = operators.word(bounds_) if how in ("sum", "norm", "prod", "var", "std", "logsumexp", "count", "distance", "similarity") else t.emission
        axis = t.axis
        if how in ("mean", "max", "min", "median") and t.emission in COUPLED and (dim is None or own or how != "mean" or t.emission is not Emission.SIMPLEX):
            emission = {Emission.SIMPLEX: Emission.UNIT, Emission.LOGP: Emission.LOGUNIT, Emission.UNORM: Emission.SYM1}.get(t.emission, Emission.UNIT)
        if emission not in COUPLED:
            axis = None
        elif isinstance(dim, int) and not keep:
            axis = _shifted(axis, dim, -1)
        over_class = dim is None or not isinstance(dim, int) or dim == (t.class_axis if t.class_axis is not None else -1)
        rank = t._rank  # noqa: SLF001
        if not keep:
            rank = 0 if entry is None else (lambda: None if t.rank is None else t.rank - 1) if isinstance(dim, int) else None
        units = None if over_class else t._units  # noqa: SLF001
        class_axis = None if over_class else _shifted(t.class_axis, dim, -1) if isinstance(dim, int) and not keep else t.class_axis
        return t.replace(emission=emission, axis=axis, low=bounds_[0], high=bounds_[1], units=units, class_axis=class_axis, rank=rank,
                         by=app.row.name, inner=Value((t,)))  # fmt: skip

    return _tensors(app.input(), one)


def _reduced(how: str, t: Tensor) -> tuple[float, float]:
    if how in ("norm", "var", "std", "distance", "count"):
        return 0.0, inf
    if how == "similarity":
        return -1.0, 1.0
    if how in ("sum", "prod"):
        if how == "prod" and (t.low, t.high) == (0.0, 1.0):
            return 0.0, 1.0
        return (0.0 if t.low >= 0 else -inf), (0.0 if t.high <= 0 else inf)
    if how == "logsumexp":
        return t.low, inf
    return t.low, t.high


def joins(it: Interpreter, app: Application) -> Answer:
    """`cat`, `stack`: one kind stays itself, several become their hull."""
    stack = app.row.how == "stack"
    dim = app.spec(app.row.dim)

    def one(thing: Any) -> Answer:
        if isinstance(thing, (Parameter, Subclass, Unknown, Tensor)):
            return only(thing)
        sequence = containers.as_sequence(it, thing)
        if sequence is None:
            return unknown("unknown iterable")
        answers = containers.everything(it, sequence)
        known = [t for t, _ in answers if isinstance(t, Tensor)]
        rest = [t for t, _ in answers if not isinstance(t, Tensor)]
        if rest:
            scores = [t for t in known if t.emission is Emission.LOGIT and t.learned]
            opened = next((t for t in rest if isinstance(t, (Parameter, Subclass))), None)
            if scores and opened is None:
                return only(scores[0].replace(units=None, certainty="likely", axis=None, class_axis=None, rank=None))
            return only(opened) if opened is not None else only(next(iter(rest)))
        if not known:
            return unknown("empty list")
        first = known[0]
        if all(t.emission is first.emission for t in known):
            single = len(sequence.items) + len(sequence.tail) == 1 and not sequence.open
            along = not stack and not (isinstance(dim, int) and isinstance(first.axis, int) and dim != first.axis and (dim == 0 or (dim < 0) == (first.axis < 0)))
            emission = first.emission
            if emission in COUPLED and along and not single:
                emission = {Emission.SIMPLEX: Emission.UNIT, Emission.LOGP: Emission.LOGUNIT, Emission.UNORM: Emission.SYM1}.get(emission, Emission.UNIT)
            axis = _shifted(first.axis, dim, 1) if stack and isinstance(dim, int) else first.axis
            keep = single or (isinstance(dim, int) and dim == 0 and not stack)
            return only(first.replace(
                emission=emission, axis=axis if emission in COUPLED else None, units=first._units if keep else None,  # noqa: SLF001
                low=min(t.low for t in known), high=max(t.high for t in known), class_axis=first.class_axis if keep else None,
                rank=first._rank if not stack else None,  # noqa: SLF001
            ))  # fmt: skip
        if all(t.emission in (Emission.DATA, Emission.INDEX, Emission.BINARY) for t in known):
            return only(first)
        low, high = min(t.low for t in known), max(t.high for t in known)
        return only(Tensor(operators.word((low, high)), low=low, high=high, by=app.row.name, certainty="likely", inner=Value(known), origin=app.origin))

    return lift(app.input(), one)


COMBINED = {"add": "add", "sub": "sub", "rsub": "sub", "mul": "mul", "div": "div", "pow": "pow"}


def combines(it: Interpreter, app: Application) -> Answer:
    """Arithmetic as functions."""
    how = app.row.how
    if how in COMBINED:
        left, right = app.input(0), it.force(app.given.pick(1, app.row.parameters[1] if len(app.row.parameters) > 1 else "other"))
        if how == "rsub":
            left, right = right, left
        op = {"add": ast.Add, "sub": ast.Sub, "mul": ast.Mult, "div": ast.Div, "pow": ast.Pow}[COMBINED[how]]()
        return operators.binary(it, op, left, right, app.site, app.site.node)
    entries = list(app.given.positional)
    if how == "where" and len(entries) >= 2:  # noqa: PLR2004
        entries = entries[-2:]
    answers = [it.force(e) for e in entries[:3]]
    known = [t for a in answers for t, _ in a if isinstance(t, Tensor)]
    rest = [t for a in answers for t, _ in a if not isinstance(t, (Tensor, Const))]
    if rest or not known:
        opened = next((t for t in rest if isinstance(t, (Parameter, Subclass))), None)
        return only(opened) if opened is not None else unknown("unknown arithmetic")
    return join([only(t) for t in known]) if how == "where" else only(
        Tensor(operators.word((min(t.low for t in known), max(t.high for t in known))), low=min(t.low for t in known), high=max(t.high for t in known),
               by=app.row.name, certainty="likely", learned=known[0].learned, inner=Value(known), origin=app.origin)
    )  # fmt: skip


def interval(it: Interpreter, app: Application) -> Answer:
    """Elementwise functions by interval arithmetic; `log` and `exp` go between probabilities and their logs."""
    how, row = app.row.how, app.row
    low_spec, high_spec = app.spec(row.low), app.spec(row.high)

    def one(t: Tensor) -> Any:
        common = {"by": row.name, "inner": Value((t,)), "origin": app.origin}
        pairs = {
            "log": {Emission.SIMPLEX: Emission.LOGP, Emission.UNIT: Emission.LOGUNIT},
            "exp": {Emission.LOGP: Emission.SIMPLEX, Emission.LOGUNIT: Emission.UNIT},
        }.get(how, {})
        if t.emission in pairs:
            emission = pairs[t.emission]
            return Tensor(emission, axis=t.axis, units=t._units, rank=t._rank, certainty=t.certainty, **common)  # noqa: SLF001
        if how == "clamp" and t.emission in (Emission.SIMPLEX, Emission.UNIT) and (low_spec or 0) <= 1e-3 and (1 if high_spec is None else high_spec) >= 0.99:  # noqa: PLR2004
            return t.replace(certainty="likely") if t.emission is Emission.SIMPLEX else t
        low, high = _elementwise(how, t.low, t.high, low_spec, high_spec)
        if t.emission is Emission.DATA and (low, high) == (-inf, inf):
            return t
        if t.emission is Emission.LOSS:
            return t
        return Tensor(
            operators.word((low, high)), units=t._units, rank=t._rank, low=low, high=high, certainty=t.certainty, gradient=t.gradient,  # noqa: SLF001
            learned=t.learned if (low, high) == (-inf, inf) else "", class_axis=t.class_axis, scaled=t.scaled, **common,
        )  # fmt: skip

    def any_(thing: Any) -> Answer:
        if isinstance(thing, Tensor):
            return only(one(thing))
        if how in ("clamp", "exp", "abs", "square", "sqrt") and isinstance(thing, Unknown):
            low, high = _elementwise(how, -inf, inf, low_spec, high_spec)
            if low > -inf and how != "clamp":
                return only(Tensor(operators.word((low, high)), low=low, high=high, by=row.name, certainty="likely", origin=app.origin))
            return only(thing)
        return only(thing) if isinstance(thing, (Parameter, Subclass, Unknown)) else unknown("not a tensor")

    return lift(app.input(), any_)


def _elementwise(how: str, low: float, high: float, low_spec: Any, high_spec: Any) -> tuple[float, float]:  # noqa: C901, PLR0911
    try:
        if how == "clamp":
            a = low if low_spec is None else max(low, float(low_spec))
            b = high if high_spec is None else min(high, float(high_spec))
            return a, b
        if how == "abs":
            return (low, high) if low >= 0 else (0.0, max(abs(low), abs(high)))
        if how == "square":
            return (low * low, high * high) if low >= 0 else (0.0, max(low * low, high * high))
        if how in ("exp", "exp2"):
            return (0.0 if low == -inf else exp(low)), (inf if high > 700 else exp(high))  # noqa: PLR2004
        if how in ("log", "log2", "log10"):
            return (-inf if low <= 0 else log(low)), (inf if high == inf else log(high) if high > 0 else -inf)
        if how == "log1p":
            return (-inf if low <= -1 else log(1 + low)), (inf if high == inf else log(1 + high) if high > -1 else -inf)
        if how == "neg":
            return -high + 0.0, -low + 0.0
        if how == "sqrt":
            return (sqrt(low) if low > 0 else 0.0), (inf if high == inf else sqrt(max(high, 0.0)))
        if how in ("reciprocal", "rsqrt"):
            return (0.0, inf) if low >= 0 else (-inf, inf)
        if how == "expm1":
            return -1.0, inf
    except (OverflowError, ValueError):
        pass
    return -inf, inf


def decides(it: Interpreter, app: Application) -> Answer:
    """`argmax`, `round`, comparisons, `.item()`: a decision without a gradient."""
    how = app.row.how
    inner = app.inner()
    if how in ("item", "numpy", "tolist"):
        return _tensors(app.input(), lambda t: t.replace(gradient=False))
    if how in ("long", "int", "bool"):
        return _tensors(app.input(), lambda t: t.replace(gradient=False, dtype=how, emission=t.emission if t.emission in (Emission.DATA, Emission.INDEX, Emission.BINARY, Emission.ONEHOT, Emission.MULTIHOT) else Emission.INDEX, axis=t.axis))
    emission = app.row.emits or (Emission.INDEX if how.startswith("arg") else Emission.BOOL)
    if how in ("round", "ceil", "floor", "trunc", "sign"):
        return _tensors(app.input(), lambda t: t.replace(gradient=False, by=app.row.name, inner=Value((t,)), emission=t.emission if t.emission not in COUPLED else Emission.UNIT, axis=None))
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


def resizes(it: Interpreter, app: Application) -> Answer:
    """Interpolation, pooling, padding."""
    how = app.row.how

    def one(t: Tensor) -> Tensor:
        if t.emission in COUPLED and (how in ("max", "pad", "sum", "fold", "unpool") or t.emission is not Emission.SIMPLEX):
            new = {Emission.SIMPLEX: Emission.UNIT, Emission.LOGP: Emission.LOGUNIT, Emission.UNORM: Emission.SYM1}.get(t.emission, Emission.UNIT)
            return t.replace(emission=new, axis=None)
        if how == "cubic" and t.bounded:
            return t.replace(emission=Emission.LOGIT, axis=None, low=-inf, high=inf, certainty="likely")
        return t

    return _tensors(app.input(), one)


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
    return _tensors(app.input(), lambda t: t.replace(emission=Emission.ONEHOT, axis=1, low=0.0, high=1.0) if isinstance(t.source, tuple) and t.source[:1] == ("literal",) else t)


def samples(it: Interpreter, app: Application) -> Answer:
    """A draw of a distribution."""
    return only(Tensor(Emission.DATA, by=app.row.name, gradient=False, origin=app.origin))


def by_method(it: Interpreter, thing: Built, word: str, given: Arguments, site: Site) -> Answer:
    """A method of a library object that is not a module, by its word in the row."""
    if word == "keeps":
        return it.force(given.pick(0, "input"))
    return unknown("unknown method of a library object", (id(site.node), id(site.frame.base)))


def without_first_dim(t: Tensor) -> Tensor:
    """One row of a tensor."""
    if t.emission in COUPLED and t.axis == 0:
        return t.replace(emission={Emission.SIMPLEX: Emission.UNIT, Emission.LOGP: Emission.LOGUNIT}.get(t.emission, Emission.UNIT), axis=None, rank=None)
    rank = None if t.rank is None else t.rank - 1
    return t.replace(axis=_shifted(t.axis, 0, -1) if isinstance(t.axis, int) and t.axis >= 0 else t.axis, rank=rank,
                     class_axis=_shifted(t.class_axis, 0, -1) if (t.class_axis or -1) >= 0 else t.class_axis)  # fmt: skip


def indexed(it: Interpreter, t: Tensor, index: ast.expr, site: Site) -> Tensor:
    """`x[...]`: which dims were cut, and what that leaves of a coupling and of the units."""
    if t.emission is Emission.DATA:
        return t.replace(source=(t.source, ast.unparse(index)[:40]), inner=None)
    entries = list(index.elts) if isinstance(index, ast.Tuple) else [index]
    kinds: list[str] = []
    for entry in entries:
        if isinstance(entry, ast.Slice):
            kinds.append("all" if entry.lower is None and entry.upper is None else "range")
        elif isinstance(entry, ast.Constant) and entry.value is Ellipsis:
            kinds.append("...")
        elif isinstance(entry, ast.Constant) and entry.value is None:
            kinds.append("new")
        else:
            value = it.constant(it.ev(entry, site.place, site.frame))
            kinds.append("one" if isinstance(value, int) and not isinstance(value, bool) else "some")
    cut_last = _touches_last(kinds, t)
    cut_axis = _touches_axis(kinds, t, cut_last)
    drops, adds = kinds.count("one"), kinds.count("new")
    rank = None if t.rank is None or "some" in kinds else t.rank - drops + adds
    units = t._units if not cut_last else None  # noqa: SLF001
    if t.emission in COUPLED and cut_axis:
        new = {Emission.SIMPLEX: Emission.UNIT, Emission.LOGP: Emission.LOGUNIT, Emission.UNORM: Emission.SYM1}.get(t.emission, Emission.UNIT)
        return t.replace(emission=new, axis=None, units=units, rank=rank, class_axis=None)
    axis = t.axis
    if isinstance(axis, int) and axis >= 0:
        axis = max(0, axis - kinds[:axis].count("one") + kinds[: axis + 1].count("new"))
    class_axis = None if cut_last else t.class_axis
    if class_axis is not None and class_axis >= 0 and class_axis != SCRAMBLED:
        class_axis = max(0, class_axis - kinds[:class_axis].count("one"))
    return t.replace(axis=axis, units=units, rank=rank, class_axis=class_axis)


def _touches_last(kinds: list[str], t: Tensor) -> bool:
    """Whether the class dim may have been cut."""
    if t.class_axis is not None and 0 <= t.class_axis < len(kinds) and "..." not in kinds:
        return kinds[t.class_axis] != "all"
    if "..." in kinds:
        return kinds[-1] not in ("...", "all")
    if len(kinds) < 2:  # noqa: PLR2004
        return t.rank == 1 and kinds[0] != "all"
    if t.rank is not None:
        return len([k for k in kinds if k != "new"]) >= t.rank and kinds[-1] != "all"
    return kinds[-1] not in ("all", "new") and not (len(kinds) == 2 and kinds[0] == "all" and t.by.endswith(("LSTM", "GRU", "RNN")))  # noqa: PLR2004


def _touches_axis(kinds: list[str], t: Tensor, cut_last: bool) -> bool:  # noqa: FBT001
    if isinstance(t.axis, int) and t.axis >= 0 and "..." not in kinds:
        return t.axis < len(kinds) and kinds[t.axis] in ("one", "range", "some")
    return cut_last


TRANSFER: dict[str, Callable[[Interpreter, Application], Answer]] = {
    "keeps": keeps, "normalises": normalises, "bounds": bounds, "learned": learned, "recurrent": recurrent, "reshapes": reshapes,
    "moves-axis": moves_axis, "adds-axis": adds_axis, "drops-axis": drops_axis, "selects": selects, "splits": splits,
    "reduces": reduces, "joins": joins, "combines": combines, "interval": interval, "decides": decides, "makes": makes,
    "resizes": resizes, "embeds": embeds, "loses": loses, "asks": asks, "scatters": scatters, "samples": samples, "attends": learned,
}  # fmt: skip

__all__ = ["NOTHING", "Origin", "TRANSFER"]

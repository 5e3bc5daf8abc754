"""Transfer functions that work element by element: activations with a range, intervals, logs and exponentials."""

from __future__ import annotations

import ast
from math import exp, inf, log, sqrt

from outlayer_lint.interpret import operators
from outlayer_lint.interpret.answers import join, lift, only, unknown
from outlayer_lint.interpret.things import Answer, Const, Parameter, Subclass, Unknown
from outlayer_lint.interpret.transfers.coupling import Follower, on_tensors
from outlayer_lint.interpret.transfers.indexing import by_value
from outlayer_lint.lattice import Emission, Tensor, Value
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.transfer import Application

EPSILON, NEARLY_ONE = 1e-3, 0.99  # a clamp of probabilities this close to 0 and 1 guards a logarithm, no more
ARITHMETIC = {
    "add": ast.Add, "sub": ast.Sub, "rsub": ast.Sub, "mul": ast.Mult, "div": ast.Div, "pow": ast.Pow,
}  # fmt: skip
BOUNDED = (Emission.SIMPLEX, Emission.UNIT, Emission.ONEHOT, Emission.MULTIHOT, Emission.BINARY)
LOGARITHMS = {Emission.SIMPLEX: Emission.LOGP, Emission.UNIT: Emission.LOGUNIT}
EXPONENTIALS = {Emission.LOGP: Emission.SIMPLEX, Emission.LOGUNIT: Emission.UNIT}


def bounds(it: Interpreter, app: Application) -> Answer:
    """Elementwise activations with a known range."""
    row = app.row
    low, high = app.number(row.low), app.number(row.high)
    inner = app.inner()
    if row.emits in (None, Emission.LOGIT):
        # An activation without bounds (LeakyReLU, PReLU): a score stays a score of the same layer.
        def unbounded(t: Tensor) -> Tensor:
            if t.emission is Emission.DATA:
                return t
            return Tensor(
                Emission.LOGIT, units=t._units, rank=t._rank, by=row.name, learned=t.learned,  # noqa: SLF001
                class_axis=t.class_axis, inner=Value((t,)), origin=app.origin, gradient=t.gradient,
            )  # fmt: skip

        return on_tensors(app.input(), unbounded)
    if row.how == "cuts":
        within = _within(it, app, low, high)
        if within is not None:
            return within
    emission: Emission = row.emits
    if emission is Emission.BND and low is not None and high is not None:
        emission = operators.word((low, high))
    return only(
        Follower(
            emission, units=lambda: inner().units, rank=lambda: inner().rank, by=row.name, inner=inner,
            origin=app.origin, low=low, high=high,
        )
    )  # fmt: skip


def _within(it: Interpreter, app: Application, low: Any, high: Any) -> Answer | None:
    """The input itself where it lies inside of what a cut leaves: a ReLU changes no probability."""
    ways = app.input()
    lowest, highest = 0.0 if low is None else low, inf if high is None else high
    inside = ways and all(
        isinstance(t, Tensor) and t.emission in BOUNDED and t.low >= lowest and t.high <= highest for t, _ in ways
    )
    return ways if inside else None


def combines(it: Interpreter, app: Application) -> Answer:
    """Arithmetic as functions."""
    how = app.row.how
    if how in ARITHMETIC:
        left, right = (
            app.input(0),
            it.force(app.given.pick(1, app.row.parameters[1] if len(app.row.parameters) > 1 else "other")),
        )
        if how == "rsub":
            left, right = right, left
        return operators.binary(it, ARITHMETIC[how](), left, right, app.site, app.site.node)
    entries = list(app.given.positional)
    if how == "where" and len(entries) >= 2:
        entries = entries[-2:]
    answers = [it.force(e) for e in entries[:3]]
    known = [t for a in answers for t, _ in a if isinstance(t, Tensor)]
    rest = [t for a in answers for t, _ in a if not isinstance(t, (Tensor, Const))]
    if rest or not known:
        opened = next((t for t in rest if isinstance(t, (Parameter, Subclass))), None)
        return only(opened) if opened is not None else unknown("unknown arithmetic")
    if how == "where":
        mask = app.input(0) if len(known) == 1 else ()  # the other is a number
        return join([only(t.replace(certainty="likely") if by_value(t, mask) else t) for t in known])
    numbers = [n for a in answers for t, _ in a if (n := operators.number(t)) is not None]
    lows, highs = [*(t.low for t in known), *numbers], [*(t.high for t in known), *numbers]
    # The larger of two is at least as large as the larger lower bound.
    low = max(lows) if how == "max" else min(lows)
    high = min(highs) if how == "min" else max(highs)
    first = known[0]
    return only(
        Tensor(
            operators.word((low, high)), low=low, high=high, by=app.row.name, certainty="likely", learned=first.learned,
            units=first._units,  # noqa: SLF001
            rank=first._rank, class_axis=first.class_axis, inner=Value(known), origin=app.origin,  # noqa: SLF001
        )
    )  # fmt: skip


def interval(it: Interpreter, app: Application) -> Answer:
    """Elementwise functions by interval arithmetic; `log` and `exp` go between probabilities and their logs."""
    how, row = app.row.how, app.row
    low_spec, high_spec = app.number(row.low), app.number(row.high)
    open_low = how == "clamp" and low_spec is None and app.opened(row.low)
    open_high = how == "clamp" and high_spec is None and app.opened(row.high)

    def one(t: Tensor) -> Tensor:
        if t.emission is Emission.LOSS:
            return t
        common: dict[str, Any] = {
            "units": t._units, "rank": t._rank, "certainty": t.certainty, "gradient": t.gradient, "learned": t.learned,  # noqa: SLF001
            "class_axis": t.class_axis, "by": row.name, "inner": Value((t,)), "origin": app.origin,
        }  # fmt: skip
        pairs = LOGARITHMS if how == "log" else EXPONENTIALS if how == "exp" else {}
        if t.emission in pairs:
            return Tensor(pairs[t.emission], axis=t.axis, **common)
        low, high = _elementwise(how, t.low, t.high, low_spec, high_spec)
        if how in ("abs", "clamp") and t.emission in BOUNDED and (low, high) == (t.low, t.high):
            return t  # nothing is cut off
        if how == "clamp" and t.emission in LOGARITHMS and low <= EPSILON and high >= NEARLY_ONE:
            return t.replace(low=low, high=high, certainty="likely" if t.emission is Emission.SIMPLEX else t.certainty)
        if t.emission is Emission.DATA and (low, high) == (-inf, inf):
            return t
        emission = operators.word((low, high))
        if how in ("exp", "exp2") and emission is Emission.NONNEG:
            emission = Emission.POS
        if emission is Emission.LOGIT and t.emission is not Emission.LOGIT and how != "logit":
            common["learned"] = ""  # unbounded again, yet no layer's raw scores
        return Tensor(emission, low=low, high=high, scaled=t.scaled, **common)

    def any_(thing: Any) -> Answer:
        if isinstance(thing, Tensor):
            made = one(thing)
            return only(_cut_somewhere(made, low=open_low) if open_low or open_high else made)
        if how in ("exp", "abs", "square", "sqrt") and isinstance(thing, Unknown):
            low, high = _elementwise(how, -inf, inf, low_spec, high_spec)
            return only(
                Tensor(
                    operators.word((low, high)), low=low, high=high, by=row.name, certainty="likely", origin=app.origin
                )
            )
        return only(thing) if isinstance(thing, (Parameter, Subclass, Unknown)) else unknown("not a tensor")

    return lift(app.input(), any_)


def _cut_somewhere(t: Tensor, *, low: bool) -> Tensor | Unknown:
    """A clamp at a bound that is given but not known: probabilities stay what they are, a score may lose its sign."""
    if t.emission in (Emission.DATA, Emission.LOSS):
        return t
    if t.emission in BOUNDED or (t.low >= 0 and (t.high == inf or not low)):
        return t.replace(certainty="likely")
    return Unknown("unknown number")


def _elementwise(
    how: str, low: float, high: float, low_spec: float | None, high_spec: float | None
) -> tuple[float, float]:
    try:
        if how == "clamp":
            a = low if low_spec is None else max(low, low_spec)
            b = high if high_spec is None else min(high, high_spec)
            return a, b
        if how == "abs":
            return (low, high) if low >= 0 else (0.0, max(abs(low), abs(high)))
        if how == "square":
            return (low * low, high * high) if low >= 0 else (0.0, max(low * low, high * high))
        if how in ("exp", "exp2"):
            return (0.0 if low == -inf else exp(low)), (inf if high > 700 else exp(high))
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

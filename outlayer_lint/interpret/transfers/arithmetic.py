"""Arithmetic on tensors by intervals: bounds from bounds, and the meaning that the resulting bounds have."""

from __future__ import annotations

from math import inf, isnan

from outlayer_lint.interpret.things import WITH_TENSOR, Const, Parameter, Site, Unknown
from outlayer_lint.interpret.transfers import noise
from outlayer_lint.interpret.transfers.coupling import Step
from outlayer_lint.lattice import Emission, Origin, Spot, Tensor, Value
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from outlayer_lint.diagnostic import Span
    from outlayer_lint.interpret.interpreter import Interpreter

SCALE = 4.0  # a factor from which a bounded score can make a confident softmax (contracts.md OLL107)
MAX_CHAIN = 4
EXPONENTIAL = ".exp"


def number(thing: object) -> float | None:
    """The value of a numeric constant."""
    return real(thing.value) if isinstance(thing, Const) and not isinstance(thing.value, bool) else None


def real(value: object) -> float | None:
    """The value as the number that a tensor would hold, `None` where it is none or too large for one."""
    try:
        return float(value) if isinstance(value, (int, float)) else None
    except OverflowError:
        return None


def arithmetic(it: Interpreter, name: str, a: Any, b: Any, site: Site) -> Any:
    """`a name b` where at least one is a tensor: bounds by interval arithmetic, meaning by the resulting bounds."""
    x, y = (a if isinstance(a, Tensor) else None), (b if isinstance(b, Tensor) else None)
    main = x or y
    assert main is not None
    if name in ("and", "or", "xor", "mod", "floordiv", "lshift", "rshift", ""):
        return (
            Tensor(Emission.BOOL, gradient=False) if main.emission is Emission.BOOL else Unknown("unknown arithmetic")
        )
    if x is not None and y is not None:
        if x.emission is y.emission is Emission.DATA:
            return x.replace(source=_source(name, a, b, site), rank=_broadcast(x, y), low=-inf, high=inf)
        known = _of_itself(name, x, y) or _of_kinds(name, x, y)
        if known is not None:
            data = isinstance(known, Tensor) and x.source is not None
            return known.replace(source=_source(name, a, b, site)) if data else known
    if name in ("add", "sub") and (left := noise.spreads(a)) is not noise.spreads(b):
        other = b if left else a
        if isinstance(other, (Unknown, Parameter)):
            return _lost(main, other, site)
        if (around := noise.around(other, mirrored=left and name == "sub")) is not None:
            return around.replace(source=_source(name, a, b, site), rank=_broadcast(x, y))
    constant = number(b) if x is main else number(a)
    if constant is None and (x is None or y is None):
        return _with_unknown(it, name, main, b if x is main else a, site, first=x is main)
    if constant is not None:
        kept = _with_constant(name, main, constant, first=x is main)
        if kept is not None:
            return kept
    try:
        bounds = _interval(name, *_range(a), *_range(b))
    except (OverflowError, ValueError, ZeroDivisionError):
        bounds = (-inf, inf)
    source, rank = _source(name, a, b, site), _broadcast(x, y)
    unseen = any(t.emission is Emission.DATA and not t.bounded for t in (x, y) if t is not None)
    # What has no bound has none with something unknown added either.
    unseen = unseen and not (
        name in ("add", "sub") and any(t.emission is Emission.LOGIT for t in (x, y) if t is not None)
    )
    leans = x is not None and y is not None and bounds[0] < 0 and _leans(name, x, y)
    if (leans or (unseen and bounds[0] == -inf)) and not any(t.learned for t in (x, y) if t is not None):
        return main.replace(emission=Emission.DATA, source=source, rank=rank, low=-inf, high=inf)
    made = _combined(name, main, y if x is main else None, bounds, constant, it.spot(site), first=x is main)
    return made.replace(source=source, rank=rank, dtype=_dtype(name, a, b))


def _combined(
    name: str,
    main: Tensor,
    other: Tensor | None,
    bounds: tuple[float, float],
    constant: float | None,
    spot: Spot,
    *,
    first: bool,
) -> Tensor:
    """A new tensor with the bounds of the result."""
    tensors = [t for t in (main, other) if t is not None]
    scaled = main.scaled or (
        constant is not None
        and ((name == "mul" and abs(constant) >= SCALE) or (name == "div" and first and 0 < abs(constant) <= 1 / SCALE))
    )
    parameter = any(t.by.endswith("Parameter") for t in tensors)
    if other is not None and name in ("mul", "div") and parameter:
        scaled = True
    emission = word(bounds)
    learned = next((t.learned for t in tensors if t.learned), "")
    if emission is Emission.LOGIT and (
        all(t.emission is not Emission.LOGIT for t in tensors)
        or (name == "div" and other is not None and not parameter)
    ):
        learned = ""  # unbounded, yet no layer's raw scores: rescaled by what may make a probability of it
    units: Any = main._units if main.emission is not Emission.INDEX else None  # noqa: SLF001
    if other is not None:
        units = lambda: _units(main, other)  # noqa: E731
    origin: Origin = main.origin if main.origin.mark[0] is not None else Origin(applied=spot)
    divides = name == "div" and first and main.emission is Emission.SIMPLEX
    if divides and (other is None or other.by.endswith("Parameter")):
        origin = Step(origin, spot, constant)
    return Tensor(
        emission, units=units, low=bounds[0], high=bounds[1], by=name, inner=Value((main,)), scaled=scaled,
        gradient=any(t.gradient for t in tensors),
        certainty="proved" if all(t.certainty == "proved" for t in tensors) else "likely", learned=learned,
        class_axis=main.class_axis, origin=origin,
    )  # fmt: skip


def _units(main: Tensor, other: Tensor) -> int | None:
    """The size of the class dim of two tensors combined; what is not known is taken for a bias or a scale."""
    left, right = main.units, other.units
    if left is None or right is None:
        known = right if left is None else left
        return None if known == 1 else known
    # Two sizes that no broadcast brings together do not belong to the same dim.
    return max(left, right) if left == right or 1 in (left, right) else None


def _leans(name: str, x: Tensor, y: Tensor) -> bool:
    """Whether a difference or quotient is of data and what was made from them, so that intervals tell nothing.

    `x - x.min()` is never negative, though the interval has it so. Centred data (`x - x.mean()`) are.
    """
    if name not in ("sub", "div") or x.source is None or y.source is None or y.by.endswith("mean"):
        return False
    extremes = all(t.by.endswith(("max", "min")) for t in (x, y))  # `x.max() - x.min()`
    together = isinstance(x.source, tuple) and isinstance(y.source, tuple) and x.source[:1] == y.source[:1]
    return (extremes and together) or _descends(x.source, y.source) or _descends(y.source, x.source)


def _descends(source: object, of: object) -> bool:
    while isinstance(source, tuple) and source:
        if source == of:
            return True
        source = source[0]
    return False


def _source(name: str, a: Any, b: Any, site: Site) -> object:
    """The source of arithmetic on data and constants: another key for each operation; none where a model has a part."""
    keys: list[object] = []
    for thing in (a, b):
        if isinstance(thing, Const):
            keys.append(("const", str(thing.value)))
        elif isinstance(thing, Tensor) and thing.source is not None and not thing.learned:
            keys.append(thing.source)
        else:
            return None
    first = keys[0] if isinstance(a, Tensor) else keys[1]
    return (first, name, id(site.node))


def _broadcast(x: Tensor | None, y: Tensor | None) -> Any:
    """The rank of a result: the larger one, where both are known."""
    if x is None or y is None:
        return (x or y)._rank  # type: ignore[union-attr]  # noqa: SLF001

    def ask() -> int | None:
        # A weight has no more dims than what it meets; what came of one that met something unknown may have.
        ranks = [t.rank for t in (x, y) if t.rank is not None or t.scaled or not t.by.endswith("Parameter")]
        return None if None in ranks else max((r for r in ranks if r is not None), default=None)

    return ask


FLOATS = ("float", "double", "half")


def _dtype(name: str, a: Any, b: Any) -> str | None:
    """The dtype of arithmetic: floats win over whole numbers; a constant changes whole numbers only."""
    dtypes = [t.dtype for t in (a, b) if isinstance(t, Tensor)]
    if len(dtypes) == 2:
        return (
            dtypes[0]
            if dtypes[0] == dtypes[1]
            else next((d for d in dtypes if d in FLOATS), None)
            if None not in dtypes
            else None
        )
    if dtypes[0] in FLOATS or dtypes[0] is None:
        return dtypes[0]
    constant = next((t.value for t in (a, b) if isinstance(t, Const)), None)
    return (
        dtypes[0]
        if type(constant) is int and name not in ("div", "pow")
        else "float"
        if name == "div" or isinstance(constant, float)
        else None
    )


def _of_kinds(name: str, x: Tensor, y: Tensor) -> Any:
    """A loss combined with anything, and data of unknown range with what has one."""
    if Emission.LOSS in (x.emission, y.emission):
        return x if x.emission is Emission.LOSS else y
    # A mask, a prior, a weight: what data of unknown range leaves of a bounded value, nobody knows.
    for one, other in ((x, y), (y, x)):
        if one.emission is Emission.DATA and not one.bounded and other.emission not in (Emission.LOGIT, Emission.DATA):
            if None not in (one.source, other.source) and not other.learned:  # data with data
                return one.replace(low=-inf, high=inf)
            return Unknown("unknown arithmetic", ("data", name, one.source if isinstance(one.source, tuple) else None))
    return None


def _of_itself(name: str, x: Tensor, y: Tensor) -> Any:
    """`x - x.max()`, `x / x.sum()`: what a reduction of the same tensor does to it; `None` if it is none."""
    made: list[str] = []
    way, at = y, y.origin
    while not _alike(way, x):
        inner = way._inner  # noqa: SLF001
        if not isinstance(inner, Value) or len(inner.ways) != 1 or len(made) >= MAX_CHAIN:
            return None
        if isinstance(way.origin, Step) and not isinstance(at, Step):
            at = way.origin
        made.append(way.by.rpartition(".")[2])
        way = inner.ways[0]
    axis = at.detail if isinstance(at, Step) and isinstance(at.detail, int) else None
    step = made[0] if len(made) == 1 else ""
    common: dict[str, Any] = {"inner": Value((x,)), "by": name}
    if name == "sub" and made and x.emission is not Emission.DATA:
        if step in ("max", "amax"):
            return x.replace(emission=Emission.BND, low=-inf, high=0.0, axis=None, **common)
        if step in ("min", "amin"):
            return x.replace(emission=Emission.NONNEG, low=0.0, high=inf, axis=None, **common)
        if step == "logsumexp" or made == ["log", "sum", "exp"]:
            return x.replace(emission=Emission.LOGP, low=-inf, high=0.0, axis=axis, by="log_softmax", inner=Value((x,)))
        if step in ("mean", "median"):
            return x.replace(**common) if x.emission is Emission.LOGIT else None
        return Unknown("unknown arithmetic") if x.emission is Emission.LOGIT else None
    if name == "div" and made:
        if step == "sum" and x.low >= 0:
            return x.replace(
                emission=Emission.SIMPLEX, low=0.0, high=1.0, axis=axis, certainty="likely", scaled=False, **common
            )
        if step == "add" and y.low >= x.low >= 0:  # `x / (x + 1)`
            return x.replace(emission=Emission.UNIT, low=0.0, high=1.0, axis=None, scaled=False, **common)
        if step == "norm":
            return x.replace(
                emission=Emission.UNORM, low=-1.0, high=1.0, axis=axis, certainty="likely", scaled=False, **common
            )
    return None


def _alike(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are one, or an exponential of one that is written twice: `exp(x)` here, `exp(x)` there."""
    if one is other:
        return True
    if one.by != other.by or one.emission is not other.emission or (one.low, one.high) != (other.low, other.high):
        return False
    applied = one.origin.applied
    if applied is not None and applied == other.origin.applied:
        return one.source == other.source  # units and rank may have been asked of one of them only
    inner = (one.inner.ways, other.inner.ways) if one.by.endswith(EXPONENTIAL) else ((), ())
    return len(inner[0]) == len(inner[1]) == 1 and _alike(inner[0][0], inner[1][0])


def _with_constant(name: str, main: Tensor, constant: float, *, first: bool) -> Tensor | None:
    """Arithmetic that changes nothing, or whose meaning is known; else `None`."""
    if main.emission is Emission.LOSS:
        return main
    if name == "sub" and constant == 1.0 and not first and main.emission in (Emission.UNIT, Emission.SIMPLEX):
        return main.replace(emission=Emission.UNIT, axis=None, by="one-minus", inner=Value((main,)))
    if (constant == 0.0 and (name == "add" or (name == "sub" and first))) or (
        constant == 1.0 and (name == "mul" or (name == "div" and first))
    ):
        return main
    if name == "add" and 0 < constant <= 1e-3 and main.emission in (Emission.SIMPLEX, Emission.UNIT):
        return main.replace(by="epsilon", inner=Value((main,)), certainty="likely")
    return None


class Divided(Unknown):
    """A distribution divided by something unknown: no longer known, but where it was done."""

    __slots__ = ("at", "operand")

    def __init__(self, reason: str, key: object, operand: Tensor, at: Span) -> None:
        """`operand` is the distribution, `at` the division."""
        super().__init__(reason, key)
        self.operand = operand
        self.at = at


def _with_unknown(it: Interpreter, name: str, main: Tensor, other: Any, site: Site, *, first: bool) -> Any:
    """A tensor and something unknown. A score stays a score; a bounded value loses what it was."""
    if main.emission is Emission.LOGIT:
        # One unit stretches to as many as the other has.
        units = (lambda: None if main.units == 1 else main.units) if first else None
        # A weight or a single number stretches to the dims of what it meets.
        if main.by.endswith("Parameter"):  # and is a bias no longer, whose dims other tensors decide
            return main.replace(certainty="likely", units=units, rank=None, scaled=True, by=name)
        return main.replace(certainty="likely", units=units, rank=lambda: main.rank or None, scaled=True)
    if main.emission is Emission.LOSS:
        return main
    lost = _lost(main, other, site)
    if name == "div" and first and main.emission is Emission.SIMPLEX and type(lost) is Unknown:
        return Divided(lost.reason, lost.key, main, it.span(site.node, site.place))
    return lost


def _lost(main: Tensor, other: Any, site: Site) -> Any:
    if isinstance(other, Parameter):
        step = "op" if main.emission is Emission.DATA else WITH_TENSOR
        return Parameter(other.scope, other.name, (*other.trail, (step, id(site.node))))
    return Unknown(
        other.reason if isinstance(other, Unknown) else "unknown arithmetic", ("op", id(site.node), id(site.frame.base))
    )


def _range(thing: Any) -> tuple[float, float]:
    if isinstance(thing, Tensor):
        return thing.low, thing.high
    value = number(thing)
    return (-inf, inf) if value is None else (value, value)


def _interval(name: str, low: float, high: float, low2: float, high2: float) -> tuple[float, float]:
    if name == "add":
        return low + low2, high + high2
    if name == "sub":
        return low - high2, high - low2
    if name == "mul":
        return _products(low, high, low2, high2)
    if name == "div":
        if low2 <= 0 <= high2:
            # Dividing by something positive that may be as small as zero keeps the sign only.
            return (0.0, inf) if low >= 0 and low2 >= 0 else (-inf, inf)
        return _products(low, high, 1 / high2, 1 / low2)
    if name == "pow" and low2 == high2:
        if low2 == 2:
            return (
                (0.0, max(low * low, high * high))
                if low <= 0 <= high
                else (min(low * low, high * high), max(low * low, high * high))
            )
        if low >= 0 and low2 > 0:
            return low**low2, high**low2
        if low2 == int(low2) and int(low2) % 2 == 0:
            return 0.0, inf
    return -inf, inf


def _products(low: float, high: float, low2: float, high2: float) -> tuple[float, float]:
    values = [0.0 if 0 in (p, q) else p * q for p in (low, high) for q in (low2, high2)]
    values = [0.0 if isnan(v) else v for v in values]
    return min(values), max(values)


def word(bounds: tuple[float, float]) -> Emission:
    """The emission that an interval alone stands for."""
    low, high = bounds
    if low == -inf and high == inf:
        return Emission.LOGIT
    if (low, high) == (0.0, 1.0):
        return Emission.UNIT
    if (low, high) == (-1.0, 1.0):
        return Emission.SYM1
    if low == 0.0 and high == inf:
        return Emission.NONNEG
    return Emission.BND

"""Abstract values: what is known of a tensor, and of everything an expression may be.

An `Emission` is one word of the vocabulary. A `Tensor` is one way the program can make a value. A `Value` is the set of
all ways, or unknown with a root reason:

* `a | b` joins; it is commutative, associative and idempotent;
* `NOTHING` (no way at all) is neutral: `NOTHING | a == a`;
* an unknown absorbs: `UNKNOWN | a` is unknown;
* a transfer function is applied to each `Tensor` by itself, so it is monotone.

Origins (where the activation stands, where the layer was built) lie outside equality and hash: with them inside,
nothing ever joins and loops grow without bound.
"""

from __future__ import annotations

from enum import StrEnum
from math import inf

from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from outlayer_lint.diagnostic import Span


class Emission(StrEnum):
    """What the values of a tensor mean. The words are used in rows, `# emits`, JSON and the tracer alike."""

    LOGIT = "logit"  # unbounded score or regression value
    SIMPLEX = "simplex"  # non-negative, sums to one over `axis`
    UNIT = "unit"  # each value in [0, 1]
    LOGP = "logp"  # log of a simplex over `axis`
    LOGUNIT = "logunit"  # log of a unit
    NONNEG = "nonneg"  # [0, inf)
    POS = "pos"  # (0, inf) in mathematics; float32 may reach 0
    SYM1 = "sym1"  # [-1, 1]
    UNORM = "unorm"  # unit L2 norm over `axis`
    BND = "bnd"  # any other proved interval `low` to `high`
    ONEHOT = "onehot"  # decided, one 1 over `axis`
    MULTIHOT = "multihot"  # decided, any number of 1s over `axis`
    INDEX = "index"  # class indices 0 .. units-1
    BINARY = "binary"  # 0 or 1
    BOOL = "bool"  # a comparison's result
    HID = "hid"  # hidden features; a learned layer follows
    DATA = "data"  # comes from a data set or a batch, not from a model; range unknown
    LOSS = "loss"  # the result of a loss call


BOUNDS: dict[Emission, tuple[float, float]] = {
    Emission.LOGIT: (-inf, inf), Emission.SIMPLEX: (0.0, 1.0), Emission.UNIT: (0.0, 1.0), Emission.LOGP: (-inf, 0.0),
    Emission.LOGUNIT: (-inf, 0.0), Emission.NONNEG: (0.0, inf), Emission.POS: (0.0, inf), Emission.SYM1: (-1.0, 1.0),
    Emission.UNORM: (-1.0, 1.0), Emission.ONEHOT: (0.0, 1.0), Emission.MULTIHOT: (0.0, 1.0),
    Emission.BINARY: (0.0, 1.0), Emission.BOOL: (0.0, 1.0), Emission.INDEX: (0.0, inf),
}  # fmt: skip
SCRAMBLED = 99  # a class dim that a reshape without permute has torn apart: no dim holds the classes any more


class Spot:
    """Where a node of a document stands: worked out when somebody asks, which few do of the many values on the way."""

    __slots__ = ("_span", "document", "node")

    def __init__(self, document: Any, node: object) -> None:
        """`document` tells the span of its nodes."""
        self.document = document
        self.node = node
        self._span: Span | None = None

    @property
    def span(self) -> Span:
        """The place, for readers."""
        if self._span is None:
            self._span = self.document.span(self.node)
        return self._span

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spot) and self.node is other.node

    def __hash__(self) -> int:
        return id(self.node)


def shown(where: Span | Spot | None) -> Span | None:
    """The place, worked out now."""
    return where.span if isinstance(where, Spot) else where


class Origin:
    """Where a tensor's emission comes from. Never part of equality."""

    __slots__ = ("_applied", "_built", "layer")

    def __init__(
        self, applied: Span | Spot | None = None, built: Span | Spot | None = None, layer: object = None
    ) -> None:
        """`applied`: the call that gave the emission; `built`: where the layer or activation object was made.

        `layer` is the Keras layer that the tensor came out of: heads of a model are known by the names of layers.
        """
        self._applied = applied
        self._built = built
        self.layer = layer

    @property
    def mark(self) -> tuple[Span | Spot | None, Span | Spot | None]:
        """What tells two origins apart, though nobody has asked yet where they are."""
        return self._applied, self._built

    @property
    def applied(self) -> Span | None:
        """The call that gave the emission."""
        return shown(self._applied)

    @property
    def built(self) -> Span | None:
        """Where the layer or activation object was made."""
        return shown(self._built)

    @built.setter
    def built(self, where: Span | Spot | None) -> None:
        self._built = where

    @property
    def spans(self) -> tuple[Span, ...]:
        """The known places, the application first."""
        return tuple(dict.fromkeys(span for span in (self.applied, self.built) if span is not None))


NOWHERE = Origin()


MAX_ASKED = 48  # questions inside questions; a chain of 5,000 activations is answered with "unknown"
_asking = 0


def _asked(ask: Callable[[], Any], otherwise: Any) -> Any:
    """Work out a lazy attribute, unless too many are being worked out already."""
    global _asking  # noqa: PLW0603 - depth of the recursion, whoever began it
    if _asking >= MAX_ASKED:
        return otherwise
    _asking += 1
    try:
        return ask()
    finally:
        _asking -= 1


class Tensor:
    """One way a value can be made. Frozen by convention; `replace` makes a changed copy.

    Attributes:
        emission: what its values mean.
        axis: for `simplex`, `logp`, `unorm`, `onehot`: the dim as written (may be negative), `None` where unknown,
            `"implicit"` where torch chooses by rank.
        units: size of the class dim, `None` where unknown. May be given as a function, asked at most once.
        rank: number of dims, `None` where unknown. May be given as a function.
        low, high: proved bounds of each value.
        by: qualified name of the row that made the emission (`torch.nn.functional.softmax`).
        inner: the value the last operation was applied to (`NOTHING` where there was none). May be a function.
        scaled: multiplied or divided by a constant of at least 4 or by a parameter since it was bounded.
        dtype: `float`, `long`, `int`, `bool`, `double`, `uint8` or `None`.
        gradient: False once a decision (argmax, round, detach, item) cut it off.
        certainty: `proved` or `likely`.
        source: identity of the data it came from (equal keys, equal data), or `None`.
        transposed: class axis moved to this dim since the layer (`None`: where the layer left it).
        learned: the value came out of a learned layer (a model's head), at any number of operations before.
    """

    __slots__ = (
        "_inner", "_rank", "_units", "axis", "by", "certainty", "class_axis", "dtype", "emission", "gradient", "high",
        "learned", "low", "origin", "scaled", "source",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913 - a record
        self, emission: Emission, *, axis: int | str | None = None, units: int | Callable[[], int | None] | None = None,
        rank: int | Callable[[], int | None] | None = None, low: float | None = None, high: float | None = None,
        by: str = "", inner: Value | Callable[[], Value] | None = None, scaled: bool = False, dtype: str | None = None,
        gradient: bool = True, certainty: str = "proved", source: object = None, class_axis: int | None = None,
        learned: str = "", origin: Origin = NOWHERE,
    ) -> None:  # fmt: skip
        """See the class."""
        bounds = BOUNDS.get(emission, (-inf, inf))
        self.emission = emission
        self.axis = axis
        self._units = units
        self._rank = rank
        self.low = bounds[0] if low is None else low
        self.high = bounds[1] if high is None else high
        self.by = by
        self._inner = inner
        self.scaled = scaled
        self.dtype = dtype
        self.gradient = gradient
        self.certainty = certainty
        self.source = source
        self.class_axis = class_axis
        self.learned = learned
        self.origin = origin

    @property
    def units(self) -> int | None:
        """Size of the class dim, worked out when first asked for."""
        if callable(self._units):
            ask, self._units = self._units, None
            self._units = _asked(ask, None)
        return self._units  # type: ignore[return-value]

    @property
    def rank(self) -> int | None:
        """Number of dims, worked out when first asked for."""
        if callable(self._rank):
            ask, self._rank = self._rank, None
            self._rank = _asked(ask, None)
        return self._rank  # type: ignore[return-value]

    @property
    def told_rank(self) -> int | None:
        """The number of dims as far as it is known without working anything out."""
        return self._rank if isinstance(self._rank, int) else None

    @property
    def inner(self) -> Value:
        """What the last operation was applied to, worked out when first asked for."""
        if self._inner is None:
            return NOTHING
        if callable(self._inner):
            ask, self._inner = self._inner, None
            self._inner = _asked(ask, TOO_DEEP)
        return self._inner  # type: ignore[return-value]

    @property
    def bounded(self) -> bool:
        """Whether both bounds are finite."""
        return self.low > -inf and self.high < inf

    def key(self) -> tuple[Any, ...]:
        """What equality compares: everything that is known without asking further."""
        units = self._units if isinstance(self._units, int) else None
        rank = self._rank if isinstance(self._rank, int) else None
        return (
            self.emission, self.axis, units, rank, self.low, self.high, self.by, self.scaled, self.dtype, self.gradient,
            self.certainty, self.source, self.class_axis, self.learned,
        )  # fmt: skip

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tensor) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.key())

    def __repr__(self) -> str:
        return describe(self)

    def replace(self, **changes: Any) -> Tensor:
        """A copy with some attributes changed; laziness is kept."""
        new = Tensor.__new__(Tensor)
        for name in Tensor.__slots__:
            setattr(new, name, getattr(self, name))
        for name, value in changes.items():
            setattr(new, f"_{name}" if name in ("units", "rank", "inner") else name, value)
        return new


class Value:
    """All ways a value can be made; `reason` is set where not all of them are known."""

    __slots__ = ("reason", "ways")

    def __init__(self, ways: Iterable[Tensor] = (), reason: str = "") -> None:
        """`ways` are dropped as soon as there is a reason not to know."""
        self.ways: tuple[Tensor, ...] = () if reason else tuple(dict.fromkeys(ways))
        self.reason = reason

    @property
    def known(self) -> bool:
        """Whether at least one way is known, and none is unknown."""
        return bool(self.ways) and not self.reason

    def __or__(self, other: Value) -> Value:
        if self.reason or other.reason:
            # The smaller of two reasons, so that a join does not depend on its order.
            return Value(reason=min(r for r in (self.reason, other.reason) if r))
        return Value((*self.ways, *other.ways))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Value) and self.reason == other.reason and set(self.ways) == set(other.ways)

    def __hash__(self) -> int:
        return hash((frozenset(self.ways), self.reason))

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self.ways)

    def __repr__(self) -> str:
        return f"unknown: {self.reason}" if self.reason else " | ".join(map(repr, self.ways)) or "nothing"

    def map(self, transfer: Callable[[Tensor], Tensor]) -> Value:
        """Apply a transfer function to each way."""
        return self if self.reason else Value(map(transfer, self.ways))

    def every(self, *emissions: Emission) -> Tensor | None:
        """A witness if the value is known and every way emits one of these, else `None`."""
        if self.known and all(way.emission in emissions for way in self.ways):
            return self.ways[0]
        return None

    def all(self, holds: Callable[[Tensor], bool]) -> Tensor | None:
        """A witness if the value is known and `holds` is true of every way, else `None`."""
        return self.ways[0] if self.known and all(map(holds, self.ways)) else None

    @property
    def units(self) -> int | None:
        """The size of the class dim if every way agrees on it."""
        return _agreed(way.units for way in self.ways) if self.known else None

    @property
    def rank(self) -> int | None:
        """The number of dims if every way agrees on it."""
        return _agreed(way.rank for way in self.ways) if self.known else None

    @property
    def certainty(self) -> str:
        """`proved` if every way is."""
        return "proved" if all(way.certainty == "proved" for way in self.ways) else "likely"


def _agreed(sizes: Iterator[int | None]) -> int | None:
    """The one size of all ways. Each is worked out when asked for, so the first that is unknown ends it."""
    agreed = next(sizes)
    return agreed if agreed is not None and all(size == agreed for size in sizes) else None


NOTHING = Value()
UNKNOWN = Value(reason="unknown")
TOO_DEEP = Value(reason="budget")


def describe(tensor: Tensor) -> str:
    """The form used by `# emits:`, `reveal` and JSON: `simplex(1)`, `logit, 10 units`, `bnd(0, 6)`."""
    word = str(tensor.emission)
    if tensor.emission in (Emission.SIMPLEX, Emission.LOGP, Emission.UNORM, Emission.ONEHOT):
        word += f"({tensor.axis if tensor.axis is not None else '?'})"
    elif tensor.emission is Emission.BND:
        word += f"({tensor.low:g}, {tensor.high:g})"
    units = tensor.units
    return word if units is None else f"{word}, {units} unit{'s' * (units != 1)}"


def describe_value(value: Value) -> str:
    """As `# emits:` has it."""
    if not value.known:
        return f"unknown: {value.reason}" if value.reason else "nothing"
    return " | ".join(sorted({describe(way) for way in value.ways}))

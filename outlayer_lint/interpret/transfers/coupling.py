"""What of a tensor's shape is known: its rank, where its classes are, and over which dim its values are coupled.

A dim counted from the front and one counted from the back are compared only where the rank is known; it is asked only
for that, because it hangs on what stands behind the layer.
"""

from __future__ import annotations

from outlayer_lint.interpret.answers import lift, only, unknown
from outlayer_lint.interpret.things import Answer, Const, Dictionary, Parameter, Sequence, Subclass, Unknown
from outlayer_lint.lattice import SCRAMBLED, Emission, Origin, Spot, Tensor, shown
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlayer_lint.diagnostic import Span

COUPLED = (Emission.SIMPLEX, Emission.LOGP, Emission.UNORM, Emission.ONEHOT)
LOOSENED = {
    Emission.SIMPLEX: Emission.UNIT, Emission.LOGP: Emission.LOGUNIT, Emission.UNORM: Emission.SYM1,
    Emission.ONEHOT: Emission.BINARY,  # the parts of a row with one 1 say nothing of how many there may be
}  # fmt: skip
WAITING = object()


class Sizes(Unknown):
    """The shape of rows of labels, of which nothing is known but how many classes there are."""

    __slots__ = ("_rows",)

    def __init__(self, key: object, rows: Tensor) -> None:
        """`rows` are the labels: a column for each class."""
        super().__init__("shape", key)
        self._rows = rows

    def at(self, place: object) -> int | None:
        """The number of columns, where `place` is the dim of them."""
        rank = self._rows.rank
        return self._rows.units if place == -1 or (rank is not None and place == rank - 1) else None


class Follower(Tensor):
    """What an activation or a decision makes: where its classes are, and which layer made them, its input tells.

    The input is asked only when somebody wants to know: most activations are hidden ones.
    """

    __slots__ = ("_class_axis", "_learned")

    _class_axis: object
    _learned: object

    @property
    def class_axis(self) -> int | None:
        """See `Tensor`."""
        if self._class_axis is WAITING:
            self._class_axis = None  # an input that leans on this one finds nothing
            axes = {way.class_axis for way in self.inner}
            self._class_axis = axes.pop() if len(axes) == 1 else None
        return self._class_axis  # type: ignore[return-value]

    @class_axis.setter
    def class_axis(self, value: int | None) -> None:
        self._class_axis = WAITING if value is None else value

    @property
    def learned(self) -> str:
        """See `Tensor`."""
        if self._learned is WAITING:
            self._learned = ""
            ways = self.inner.ways
            self._learned = ways[0].learned if ways and all(way.learned for way in ways) else ""
        return self._learned  # type: ignore[return-value]

    @learned.setter
    def learned(self, value: str) -> None:
        self._learned = value or WAITING

    def key(self) -> tuple[Any, ...]:
        """Equality asks nothing further; `by` and `inner` tell as much."""
        return (
            self.emission,
            self.axis,
            self.low,
            self.high,
            self.by,
            self.gradient,
            self.certainty,
            self.dtype,
            self.source,
        )


class Step(Origin):
    """The origin of what arithmetic or a reduction made: that of its operand, and beside it the place of the step."""

    __slots__ = ("_at", "detail")

    def __init__(self, before: Origin, at: Span | Spot, detail: object = None) -> None:
        """`detail` is the constant of a division, the dims of a reduction; `None` where they are not constant."""
        super().__init__(*before.mark)
        self._at = at
        self.detail = detail

    @property
    def at(self) -> Span:
        """Where the step stands."""
        return shown(self._at)  # type: ignore[return-value] # a step that ran inside a library may stand nowhere


def on_tensors(answer: Answer, transfer: Callable[[Tensor], Any]) -> Answer:
    """Apply to tensors; what is open or unknown passes as it is."""

    def one(thing: Any) -> Answer:
        if isinstance(thing, Tensor):
            return only(transfer(thing))
        if isinstance(thing, (Parameter, Subclass, Unknown, Sequence, Dictionary, Const)):
            return only(thing)
        return unknown("not a tensor")

    return lift(answer, one)


def rank_after(t: Tensor, change: Callable[[int], int | None]) -> Any:
    """The rank after an operation, no earlier worked out than the rank before it."""
    raw = t._rank  # noqa: SLF001
    if raw is None:
        return None
    if isinstance(raw, int):
        return change(raw)
    return lambda: None if (rank := t.rank) is None else change(rank)


def loosened(t: Tensor, **changes: Any) -> Tensor:
    """A tensor whose values no longer belong together over a dim."""
    if t.emission in COUPLED:
        return t.replace(emission=LOOSENED[t.emission], axis=None, **changes)
    return t.replace(**changes)


def same(left: Any, right: Any, t: Tensor) -> bool | None:
    """Whether two dims of a tensor are one, `None` where that cannot be told."""
    if not isinstance(left, int) or not isinstance(right, int) or SCRAMBLED in (left, right):
        return None
    if (left < 0) == (right < 0):
        return left == right
    return left % t.rank == right % t.rank if t.rank else None


def shifted(axis: Any, dim: int, step: int, t: Tensor) -> Any:
    """An axis of a tensor after a dim was added (+1) or dropped (-1) at `dim`."""
    if not isinstance(axis, int) or axis == SCRAMBLED:
        return axis
    if (axis < 0) != (dim < 0):
        rank = t.rank
        if rank is None:
            # Counted from the other end: what happens at the far end leaves it alone (a batch has more than one dim).
            return axis if dim == 0 or (dim == -1 and step > 0) else None
        if axis < 0:
            dim -= rank + max(0, step)
        else:
            dim += rank + max(0, step)
    if step < 0 and axis == dim:
        return None
    if axis >= 0:
        return axis + step if axis >= dim else axis
    return axis - step if axis < dim + max(0, step) else axis

"""Transfer functions that move, add, drop or index dims: what they leave of units, class dim, rank and coupling."""

from __future__ import annotations

from outlayer_lint.dims import axis_of
from outlayer_lint.interpret.things import Answer, Const, Parameter, Sequence, Subclass, Unknown
from outlayer_lint.interpret.transfers.coupling import (
    COUPLED,
    loosened,
    on_tensors,
    rank_after,
    same,
    shifted,
)  # fmt: skip
from outlayer_lint.lattice import SCRAMBLED, Emission, Tensor
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.things import Entry
    from outlayer_lint.interpret.transfer import Application

IMAGE = 3  # dims from which a reshape to rows can cut through the classes


def sizes(it: Interpreter, entries: tuple[Entry, ...]) -> list[Any] | None:
    """The integers of a shape or permutation, `None` in place of unknown ones; `None` where their number is open."""
    if len(entries) == 1:
        answer = it.force(entries[0])
        thing = answer[0][0] if len(answer) == 1 else None
        if isinstance(thing, Sequence):
            if thing.open:
                return None
            entries = thing.items
        elif len(answer) != 1 or isinstance(thing, (Unknown, Parameter, Subclass)):
            # One unknown thing may be a number or a whole shape.
            return None
    return [
        value if isinstance(value := it.constant(e), int) and not isinstance(value, bool) else None for e in entries
    ]


def dim_entry(app: Application) -> Entry | None:
    """The argument that says over which dim: `dim` in torch, `axis` in NumPy."""
    return app.entry(app.row.dim[1] if isinstance(app.row.dim, tuple) else "dim")


def _dims(it: Interpreter, app: Application) -> list[Any] | None:
    return (
        None
        if app.given.more_positional
        else sizes(it, app.rest() or tuple(e for n in ("shape", "dims", "size") if (e := app.entry(n)) is not None))
    )


def reshapes(it: Interpreter, app: Application) -> Answer:
    """`view`, `reshape`, `flatten`: the values stay; which dim holds the classes is kept only where it is certain."""
    how = app.row.how
    if how == "view":
        dims = _dims(it, app)
        single = dims is not None and len(dims) > 1 and dims[0] == 1

        def viewed(t: Tensor) -> Tensor:
            made = _viewed(t, dims)
            if t.learned or (t.source is None and t.emission is not Emission.DATA):
                return made
            if single:
                return alone(made)
            # `picture.reshape(-1, 28, 28, 1)`: of one picture or of many.
            opened = dims is not None and len(dims) > 1 and dims[0] == -1 and (t.rank or 0) < len(dims)
            return made.replace(source=(t.source, VIEWED, ONE)) if opened else made

        return on_tensors(app.input(), viewed)
    if how == "flatten":
        ends = [
            it.constant(entry) if (entry := app.entry(name)) is not None else given
            for name, given in (("start_dim", int(app.form == "module")), ("end_dim", -1))
        ]
        if all(isinstance(end, int) for end in ends):
            return on_tensors(app.input(), lambda t: _flattened(t, ends[0], ends[1]))
    if how == "samples":
        from outlayer_lint.interpret.keras import shapes as keras_shapes  # noqa: PLC0415 - for programs that use Keras

        return keras_shapes.reshaped(it, app)
    if how == "ravel":
        return on_tensors(app.input(), lambda t: _flattened(t, 0, -1))
    return on_tensors(app.input(), lambda t: loosened(t, units=None, class_axis=None, rank=None))


def _viewed(t: Tensor, dims: list[Any] | None) -> Tensor:
    if t.emission is Emission.DATA:
        return t if dims is None else t.replace(rank=len(dims))
    if not dims:
        return loosened(t, units=None, class_axis=None, rank=None)
    units, rank, where = t.units, len(dims), t.class_axis
    last = dims[-1]
    if units is not None and units > 1 and last == units:
        if where == -1 or same(where, -1, t):
            kept = same(t.axis, where, t) if t.emission in COUPLED else False
            return (t if kept or t.emission not in COUPLED else loosened(t)).replace(
                axis=-1 if kept else None if t.emission in COUPLED else t.axis, units=units, class_axis=-1, rank=rank
            )  # fmt: skip
        fewer = where == 1 and rank < (t.rank or 0) >= IMAGE
        if fewer and -1 not in dims[:-1]:
            # `view(batch, classes)` runs only where one place is left.
            return (
                t.replace(axis=-1 if t.axis == 1 else None, units=units, class_axis=-1, rank=rank)
                if rank == 2
                else loosened(t, units=None, class_axis=None, rank=rank)
            )
        if fewer and (t.emission not in COUPLED or t.axis == 1):
            return t.replace(units=units, axis=None, class_axis=SCRAMBLED, rank=rank)
        if where == 1 and rank == 2 and t.rank is None:  # pooled to one place
            return t.replace(axis=1 if t.axis == 1 else None, units=units, class_axis=1, rank=rank)
    if (
        units is not None
        and units > 1
        and where == 1
        and rank >= 3
        and dims[1] == units
        and (t.rank is None or t.rank >= IMAGE)
    ):
        kept = t.axis == 1
        return (t if kept or t.emission not in COUPLED else loosened(t)).replace(units=units, class_axis=1, rank=rank)
    if units == 1 and last == 1 and rank == 2 and (where == -1 or where == t.rank):  # noqa: PLR1714 - rows of one
        return t.replace(axis=-1 if same(t.axis, where, t) else None, class_axis=-1, rank=rank)
    # `view(batch, -1)` of rows is what it was.
    if rank == 2 and last == -1 and t.rank == 2:
        return t
    return loosened(t, units=None, class_axis=None, rank=rank)


def _flattened(t: Tensor, start: int, end: int) -> Tensor:
    if t.emission is Emission.DATA:
        whole = start == 0 and end == -1
        return t.replace(
            rank=1
            if whole
            else start + 1
            if end == -1 and start >= 0
            else rank_after(t, lambda r: r - (end % r - start % r))
        )

    def rank(before: int) -> int:
        return before - (end % before - start % before) if before else 1

    where = t.class_axis
    at, known = axis_of(t, where), t.rank
    first, last = axis_of(t, start), axis_of(t, end)
    if known is not None and first is not None and last is not None and first >= last:
        return t
    after = 1 if (start, end) == (0, -1) else start + 1 if end == -1 and start >= 0 else rank_after(t, rank)
    stays = where is not None and ((start >= 0 and 0 <= where < start) or (end < -1 and -1 >= where > end))
    if at is not None and first is not None and last is not None:
        stays = at < first or at > last
    if not stays:
        return loosened(t, units=None, class_axis=None, rank=after)
    moved = where if where is not None and (where < 0 or start > where) else None
    if t.emission in COUPLED and same(t.axis, where, t) is not True:
        return loosened(t, class_axis=moved, rank=after)
    return t.replace(axis=t.axis if t.emission not in COUPLED else moved, class_axis=moved, rank=after)


def moves_axis(it: Interpreter, app: Application) -> Answer:
    """`permute`, `transpose`, `.T`: the class dim and the coupled dim move."""
    how = app.row.how
    if how == "samples":
        from outlayer_lint.interpret.keras import shapes as keras_shapes  # noqa: PLC0415 - for programs that use Keras

        return keras_shapes.permuted(it, app)
    dims: list[Any] | None
    if how in ("transpose", "movedim"):
        names = [n for n in app.row.parameters if n not in app.row.call][:2]
        dims = [it.constant(e) if (e := app.entry(n)) is not None else None for n in names]
    else:
        dims = _dims(it, app) if how == "permute" else None

    def one(t: Tensor) -> Tensor:
        rank = len(dims) if how == "permute" and dims is not None else t.rank
        class_axis = _moved(how, dims, t.class_axis, rank)
        if t.emission is Emission.DATA:
            return t.replace(rank=rank if rank is not None else t._rank)  # noqa: SLF001
        axis = _moved(how, dims, t.axis, rank) if t.emission in COUPLED else t.axis
        units = t._units if class_axis is not None else None  # noqa: SLF001
        return t.replace(axis=axis, class_axis=class_axis, units=units, rank=rank if rank is not None else t._rank)  # noqa: SLF001

    return on_tensors(app.input(), one)


def _moved(how: str, dims: list[Any] | None, axis: Any, rank: int | None) -> Any:
    """Where a dim stands after a move."""
    if not isinstance(axis, int) or axis == SCRAMBLED:
        return axis
    if rank == 0:
        return None
    if how == "swap-last":
        return {-1: -2, -2: -1}.get(axis, None if rank is None else _moved("transpose", [-1, -2], axis, rank))
    if how == "reverse":
        return None if rank is None else rank - 1 - axis % rank
    if dims is None or len(dims) < 2 or any(not isinstance(d, int) for d in dims):
        return None
    if how == "permute":
        order = [d % len(dims) for d in dims]
        wanted = axis % len(dims)
        return order.index(wanted) if wanted in order else None
    if how == "movedim":
        if rank is None:
            return dims[1] if axis == dims[0] else None
        order = [d for d in range(rank) if d != dims[0] % rank]
        order.insert(dims[1] % rank, dims[0] % rank)
        return order.index(axis % rank)
    if rank is not None:
        pair, at = [d % rank for d in dims], axis % rank
        return pair[1] if at == pair[0] else pair[0] if at == pair[1] else at
    if axis in dims:
        return dims[1] if axis == dims[0] else dims[0]
    # Without the rank -1 and 1 may be the same dim.
    return axis if all((d < 0) == (axis < 0) for d in dims) else None


def adds_axis(it: Interpreter, app: Application) -> Answer:
    """`unsqueeze`."""
    entry = dim_entry(app)
    dim = it.constant(entry) if entry is not None else None

    def one(t: Tensor) -> Tensor:
        rank = rank_after(t, lambda r: r + 1)
        if t.emission is Emission.DATA or (t.source is not None and not t.learned):
            return alone(t.replace(rank=rank)) if dim == 0 else t.replace(rank=rank)
        if not isinstance(dim, int):
            return loosened(t, units=None, class_axis=None, rank=rank)
        moved = shifted(t.class_axis, dim, 1, t)
        return t.replace(
            axis=shifted(t.axis, dim, 1, t),
            class_axis=moved,
            units=t._units if moved is not None else None,  # noqa: SLF001
            rank=rank,
        )

    return on_tensors(app.input(), one)


ONE = "one"
ROWS_OF_ONE = "rows of one"
VIEWED = ("view",)
PAIR = 2  # dims of rows


def alone(t: Tensor) -> Tensor:
    """Data whose first dim was added by hand: a batch of one."""
    return t.replace(source=(ONE, t.source))


def unshaped(source: object) -> object:
    """The source of data before their shape was changed: the values are the same."""
    while isinstance(source, tuple):
        if len(source) == PAIR and source[0] == ONE:
            source = source[1]
        elif source[1:] == (VIEWED, ONE):
            source = source[0]
        else:
            break
    return source


def drops_axis(it: Interpreter, app: Application) -> Answer:
    """`squeeze`: with a one-unit head the class dim is gone."""
    entry = dim_entry(app)
    dim = it.constant(entry) if entry is not None else None

    def one(t: Tensor) -> Tensor:
        if t.emission is Emission.DATA:
            return t.replace(rank=None if dim is None else rank_after(t, lambda r: r - 1))
        units, where = t.units, t.class_axis
        if isinstance(dim, int):
            gone = same(dim, where, t)
            if gone and units is not None and units > 1:
                return t  # a dim of more than one stays
            moved = shifted(where, dim, -1, t)
            axis = shifted(t.axis, dim, -1, t) if t.emission in COUPLED else t.axis
            kept = t if t.emission not in COUPLED or axis is not None else loosened(t)
            return kept.replace(
                axis=axis, class_axis=None if gone else moved, units=None if gone or moved is None else units,
                rank=rank_after(t, lambda r: r - 1)
            )  # fmt: skip
        # Dims of size one vanish: a class dim of more than one stays, in an unknown place.
        if units is not None and units > 1 and where == -1:
            return t.replace(axis=-1 if same(t.axis, -1, t) else None, class_axis=-1, rank=2 if t.rank == 2 else None)
        rank = 1 if units == 1 and t.rank == 2 else None
        return loosened(t, class_axis=None, units=None, rank=rank)

    return on_tensors(app.input(), one)


def made_rank(it: Interpreter, app: Application) -> int | None:
    """The rank of a tensor made from sizes, of another's shape, or of a literal."""
    row = app.row
    if row.variadic:
        index = row.parameters.index(row.variadic)
        entries = app.given.positional[index:] or tuple(
            e for n in ("size", "shape") if (e := app.given.keywords.get(n)) is not None
        )
    else:
        entries = tuple(e for n in ("size", "shape") if n in row.parameters and (e := app.entry(n)) is not None)
    if entries and not app.given.more_positional:
        dims = sizes(it, entries)
        return None if dims is None else len(dims)
    if row.name.endswith("_like"):
        ranks = {t.rank if isinstance(t, Tensor) else None for t, _ in app.input()}
        return ranks.pop() if len(ranks) == 1 else None
    return None


def made_alone(it: Interpreter, app: Application) -> tuple[str, ...]:
    """A mark for a tensor made with a first dim of one, a batch of one sample, or for several of these."""
    row = app.row
    entries = (
        app.given.positional[row.parameters.index(row.variadic) :]
        if row.variadic
        else tuple(e for n in ("size", "shape") if (e := app.entry(n)) is not None)
    )
    dims = sizes(it, entries[:1]) if entries else None
    if dims and dims[0] == 1 and (len(dims) > 1 or len(entries) > 1):
        return (ONE,)
    dims = sizes(it, entries) if entries else None
    return (ROWS_OF_ONE,) if dims and len(dims) > PAIR and dims[1] == 1 else ()


def is_alone(t: Tensor) -> bool:
    """Whether data is a batch of one sample."""
    source = t.source
    while isinstance(source, tuple) and source:
        if source[0] == ONE or source[2:] == (ONE,):
            return True
        source = source[0]  # what was done to it since
    return False


def literal_rank(it: Interpreter, answer: Answer) -> int | None:
    """How deep a literal list is nested."""
    depth = 0
    while len(answer) == 1 and isinstance(answer[0][0], Sequence) and answer[0][0].items:
        depth += 1
        answer = it.force(answer[0][0].items[0])
    return depth if len(answer) == 1 and isinstance(answer[0][0], Const) else None

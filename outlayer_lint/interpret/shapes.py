"""Transfer functions that move, cut, join or reduce dims: what they leave of units, class dim, rank and coupling."""

from __future__ import annotations

import ast
from math import inf
from typing import TYPE_CHECKING, Any

from outlayer_lint.interpret import arrays, containers, datasets, operators
from outlayer_lint.interpret.coupling import (
    COUPLED, SCRAMBLED, Step, front, loosened, on_tensors, rank_after, same, shifted,
)  # fmt: skip
from outlayer_lint.interpret.things import Answer, Const, Parameter, Sequence, Subclass, Unknown, lift, only, unknown
from outlayer_lint.lattice import Emission, Tensor, Value

if TYPE_CHECKING:
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.things import Entry, Site
    from outlayer_lint.interpret.transfer import Application

IMAGE = 3  # dims from which a reshape to rows can cut through the classes


def sizes(it: Interpreter, entries: tuple[Entry, ...]) -> list[Any] | None:
    """The integers of a shape or permutation, `None` in place of unknown ones; `None` where even their number is open."""
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
    return [value if isinstance(value := it.constant(e), int) and not isinstance(value, bool) else None for e in entries]


def _dims(it: Interpreter, app: Application) -> list[Any] | None:
    return None if app.given.more_positional else sizes(it, app.rest() or tuple(e for n in ("shape", "dims", "size") if (e := app.entry(n)) is not None))


def reshapes(it: Interpreter, app: Application) -> Answer:
    """`view`, `reshape`, `flatten`: the values stay; which dim holds the classes is kept only where it is certain."""
    how = app.row.how
    if how == "view":
        dims = _dims(it, app)
        return on_tensors(app.input(), lambda t: _viewed(t, dims))
    if how == "flatten":
        ends = [it.constant(entry) if (entry := app.entry(name)) is not None else given for name, given in (("start_dim", int(app.form == "module")), ("end_dim", -1))]
        if all(isinstance(end, int) for end in ends):
            return on_tensors(app.input(), lambda t: _flattened(t, ends[0], ends[1]))
    if how == "ravel":
        return on_tensors(app.input(), lambda t: _flattened(t, 0, -1))
    return on_tensors(app.input(), lambda t: loosened(t, units=None, class_axis=None, rank=None))


def _viewed(t: Tensor, dims: list[Any] | None) -> Tensor:
    if t.emission is Emission.DATA:
        return t if dims is None else t.replace(rank=len(dims))
    if not dims:
        return loosened(t, units=None, class_axis=None, rank=None)
    units, rank, before = t.units, len(dims), t.rank
    where = t.class_axis
    at = front(where, before)
    last = dims[-1]
    if units is not None and units > 1 and last == units:
        if where == -1 or (at is not None and at == (before or 0) - 1):
            kept = same(t.axis, where, before) if t.emission in COUPLED else False
            return (t if kept or t.emission not in COUPLED else loosened(t)).replace(
                axis=-1 if kept else None if t.emission in COUPLED else t.axis, units=units, class_axis=-1, rank=rank
            )  # fmt: skip
        if where == 1 and (before or 0) >= IMAGE and rank < (before or 0) and (t.emission not in COUPLED or t.axis == 1):
            return t.replace(units=units, axis=None, class_axis=SCRAMBLED, rank=rank)
        if where == 1 and before is None and rank == 2:  # noqa: PLR2004 - pooled to one place
            return t.replace(axis=1 if t.axis == 1 else None, units=units, class_axis=1, rank=rank)
    if units is not None and units > 1 and where == 1 and rank >= 3 and dims[1] == units and (before is None or before >= IMAGE):  # noqa: PLR2004
        kept = t.axis == 1
        return (t if kept or t.emission not in COUPLED else loosened(t)).replace(units=units, class_axis=1, rank=rank)
    if units == 1 and last == 1 and rank == 2 and where in (-1, before):  # noqa: PLR2004 - rows of one
        return t.replace(axis=-1 if same(t.axis, where, before) else None, class_axis=-1, rank=rank)
    # `view(batch, -1)` of rows is what it was.
    if rank == before == 2 and last == -1:  # noqa: PLR2004
        return t
    return loosened(t, units=None, class_axis=None, rank=rank)


def _flattened(t: Tensor, start: int, end: int) -> Tensor:
    if t.emission is Emission.DATA:
        whole = start == 0 and end == -1
        return t.replace(rank=1 if whole else start + 1 if end == -1 and start >= 0 else rank_after(t, lambda r: r - (end % r - start % r)))

    def rank(before: int) -> int:
        return before - (end % before - start % before) if before else 1

    where = t.class_axis
    at, known = front(where, t.rank), t.rank
    first, last = front(start, known), front(end, known)
    if known is not None and first is not None and last is not None and first >= last:
        return t
    after = 1 if (start, end) == (0, -1) else start + 1 if end == -1 and start >= 0 else rank_after(t, rank)
    stays = where is not None and ((start >= 0 and 0 <= where < start) or (end < -1 and -1 >= where > end))
    if at is not None and first is not None and last is not None:
        stays = at < first or at > last
    if not stays:
        return loosened(t, units=None, class_axis=None, rank=after)
    moved = where if where is not None and (where < 0 or start > where) else None
    if t.emission in COUPLED and same(t.axis, where, known) is not True:
        return loosened(t, class_axis=moved, rank=after)
    return t.replace(axis=t.axis if t.emission not in COUPLED else moved, class_axis=moved, rank=after)


def moves_axis(it: Interpreter, app: Application) -> Answer:
    """`permute`, `transpose`, `.T`: the class dim and the coupled dim move."""
    how = app.row.how
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


def _moved(how: str, dims: list[Any] | None, axis: Any, rank: int | None) -> Any:  # noqa: PLR0911
    """Where a dim stands after a move."""
    if not isinstance(axis, int) or axis == SCRAMBLED:
        return axis
    if how == "swap-last":
        return {-1: -2, -2: -1}.get(axis, None if rank is None else _moved("transpose", [-1, -2], axis, rank))
    if how == "reverse":
        return None if rank is None else rank - 1 - axis % rank
    if dims is None or len(dims) < 2 or any(not isinstance(d, int) for d in dims):  # noqa: PLR2004
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
    entry = app.entry("dim")
    dim = it.constant(entry) if entry is not None else None

    def one(t: Tensor) -> Tensor:
        rank = rank_after(t, lambda r: r + 1)
        if t.emission is Emission.DATA or (t.source is not None and not t.learned):
            return alone(t.replace(rank=rank)) if dim == 0 else t.replace(rank=rank)
        if not isinstance(dim, int):
            return loosened(t, units=None, class_axis=None, rank=rank)
        known = t.rank
        moved = shifted(t.class_axis, dim, 1, known)
        return t.replace(axis=shifted(t.axis, dim, 1, known), class_axis=moved, units=t._units if moved is not None else None, rank=rank)  # noqa: SLF001

    return on_tensors(app.input(), one)


ONE = "one"


def alone(t: Tensor) -> Tensor:
    """Data whose first dim was added by hand: a batch of one."""
    return t.replace(source=(ONE, t.source))


def drops_axis(it: Interpreter, app: Application) -> Answer:
    """`squeeze`: with a one-unit head the class dim is gone."""
    entry = app.entry("dim")
    dim = it.constant(entry) if entry is not None else None

    def one(t: Tensor) -> Tensor:
        if t.emission is Emission.DATA:
            return t.replace(rank=None if dim is None else rank_after(t, lambda r: r - 1))
        units, known, where = t.units, t.rank, t.class_axis
        if isinstance(dim, int):
            gone = same(dim, where, known)
            if gone and units is not None and units > 1:
                return t  # a dim of more than one stays
            moved = shifted(where, dim, -1, known)
            axis = shifted(t.axis, dim, -1, known) if t.emission in COUPLED else t.axis
            kept = t if t.emission not in COUPLED or axis is not None else loosened(t)
            return kept.replace(
                axis=axis, class_axis=None if gone else moved, units=None if gone or moved is None else units, rank=rank_after(t, lambda r: r - 1)
            )  # fmt: skip
        # Dims of size one vanish: a class dim of more than one stays, in an unknown place.
        if units is not None and units > 1 and where == -1:
            return t.replace(axis=-1 if same(t.axis, -1, known) else None, class_axis=-1, rank=known if known == 2 else None)  # noqa: PLR2004
        rank = 1 if units == 1 and known == 2 else None  # noqa: PLR2004
        return loosened(t, class_axis=None, units=None, rank=rank)

    return on_tensors(app.input(), one)


def selects(it: Interpreter, app: Application) -> Answer:
    """`gather`, `index_select`, `masked_select`: values stay, a coupling over the dim does not."""
    how = app.row.how
    dim = app.spec(app.row.dim)

    def one(t: Tensor) -> Tensor:
        if t.emission is Emission.DATA:
            return t.replace(rank=None) if how in ("mask", "take", "diagonal") else t
        elsewhere = how in ("index", "range", "sort") and isinstance(dim, int) and same(dim, t.axis, t.rank) is False
        kept = t if elsewhere else loosened(t)
        rank = t._rank if how in ("gather", "index", "range", "sort", "topk") else None  # noqa: SLF001
        stays = how in ("index", "range") and isinstance(dim, int) and same(dim, t.class_axis, t.rank) is False
        if how == "sort":
            stays = True
        return kept.replace(units=t._units if stays else None, class_axis=t.class_axis if stays else None, rank=rank)  # noqa: SLF001

    return on_tensors(app.input(), one)


def splits(it: Interpreter, app: Application) -> Answer:
    """`chunk`, `split`, `unbind`: several parts of the same kind."""
    if app.row.how == "train-test":
        return datasets.train_test(it, app)
    count, lengths = None, None
    for name in ("chunks", "sections", "indices_or_sections"):
        if app.entry(name) is not None:
            value = it.constant(app.entry(name))
            count = value if isinstance(value, int) else None
    for name in ("split_size_or_sections", "split_size"):
        if app.entry(name) is not None:
            lengths = it.constant(app.entry(name))
    dim, unbinds = app.spec(app.row.dim), app.row.how == "unbind"

    def part(t: Tensor, units: int | None = None) -> Tensor:
        if t.emission is Emission.DATA:
            return t.replace(rank=rank_after(t, lambda r: r - 1)) if unbinds else t
        apart = isinstance(dim, int) and (same(dim, t.axis, t.rank) is False or (dim == 0 and t.axis not in (0, None)))
        kept = t if apart else loosened(t)
        # Over the batch, or over a dim that is proved another one, the classes stay.
        stays = dim == 0 or (isinstance(dim, int) and same(dim, t.class_axis, t.rank) is False)
        moved = t.class_axis if not unbinds else shifted(t.class_axis, dim, -1, t.rank) if isinstance(dim, int) else None
        rank = rank_after(t, lambda r: r - 1) if unbinds else t._rank  # noqa: SLF001
        axis = shifted(t.axis, dim, -1, t.rank) if unbinds and apart else kept.axis
        if stays and moved is not None:
            return kept.replace(axis=axis, class_axis=moved, rank=rank)
        return kept.replace(axis=axis, units=units, class_axis=t.class_axis if not unbinds and units is not None else None, rank=rank)

    def one(thing: Any) -> Answer:
        if isinstance(thing, Tensor):
            if isinstance(lengths, tuple):
                return only(Sequence(tuple(only(part(thing, s if isinstance(s, int) else None)) for s in lengths), kind="tuple"))
            if count is not None and 0 < count <= containers.MAX_ITEMS:
                return only(Sequence((only(part(thing)),) * count, kind="tuple"))
            each = only(part(thing, lengths if isinstance(lengths, int) else None))
            return only(Sequence((each,) * 2, open=True, tail=(each,), middle=each, kind="tuple"))
        return only(thing) if isinstance(thing, (Parameter, Subclass, Unknown)) else unknown("not a tensor")

    return lift(app.input(), one)


RANGED = ("sum", "norm", "prod", "var", "std", "logsumexp", "count", "distance", "similarity")
AVERAGED = ("mean", "max", "min", "median", "quantile")


def reduces(it: Interpreter, app: Application) -> Answer:
    """`mean`, `sum`, `max` over dims."""
    how = app.row.how
    entry = app.entry("dim")
    # Similarities and distances of rows work over one dim even where none is written.
    dim = it.constant(entry) if entry is not None else app.spec(app.row.dim) if how in ("similarity", "distance") else None
    keep = it.constant(app.entry("keepdim")) if app.entry("keepdim") is not None else False
    dims = [dim] if isinstance(dim, int) else list(dim) if isinstance(dim, tuple) and all(isinstance(d, int) for d in dim) else None
    whole = entry is None and dim is None

    def one(t: Tensor) -> Tensor:
        if t.emission is Emission.LOSS:
            return t
        rank = t._rank if keep else 0 if whole else rank_after(t, lambda r: r - len(dims)) if dims is not None else None  # noqa: SLF001
        if t.emission is Emission.DATA:
            return t.replace(rank=rank)
        low, high = _reduced(how, t)
        axis, known = t.axis, t.rank
        over = dims is None or any(same(d, axis, known) is not False for d in dims)
        emission = operators.word((low, high)) if how in RANGED else t.emission
        if emission in COUPLED and (over or (how != "mean" or emission is not Emission.SIMPLEX)):
            emission = loosened(t).emission
        classes: int | None = t.class_axis
        if dims is None or any(same(d, classes, known) is not False for d in dims):
            classes = None
        if not keep:
            for d in sorted(dims or (), key=lambda d: (d < 0, d), reverse=True):
                axis = shifted(axis, d, -1, known)
                classes = shifted(classes, d, -1, known)
        return t.replace(
            emission=emission, axis=axis if emission in COUPLED else None, low=low, high=high, units=t._units if classes is not None else None,  # noqa: SLF001
            class_axis=classes, rank=rank, by=app.row.name, inner=Value((t,)), origin=Step(t.origin, app.span, dim if isinstance(dim, int) else None),
        )  # fmt: skip

    return on_tensors(app.input(), one)


def _reduced(how: str, t: Tensor) -> tuple[float, float]:
    if how in ("norm", "var", "std", "distance", "count"):
        return 0.0, inf
    if how == "similarity":
        return -1.0, 1.0
    if how in ("sum", "prod"):
        if how == "prod" and (t.low, t.high) == (0.0, 1.0):
            return 0.0, 1.0
        return (0.0 if t.low >= 0 else -inf), (0.0 if t.high <= 0 else inf)
    return (t.low, inf) if how == "logsumexp" else (t.low, t.high)


def joins(it: Interpreter, app: Application) -> Answer:
    """`cat`, `stack`: one kind stays itself, several become their hull."""
    stack = app.row.how == "stack"
    dim = app.spec(app.row.dim)

    def one(thing: Any) -> Answer:
        if isinstance(thing, (Parameter, Subclass, Unknown)):
            return only(thing)
        if isinstance(thing, Tensor):
            return only(thing) if not stack else only(loosened(thing))
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
            return only(opened) if opened is not None else only(rest[0])
        if not known:
            return unknown("empty list")
        if all(t.emission is known[0].emission for t in known):
            single = len(sequence.items) + len(sequence.tail) == 1 and not sequence.open
            return only(_joined(known, dim, stack=stack, single=single))
        if all(t.emission in (Emission.DATA, Emission.INDEX, Emission.BINARY) for t in known):
            return only(known[0])
        low, high = min(t.low for t in known), max(t.high for t in known)
        return only(
            Tensor(operators.word((low, high)), low=low, high=high, by=app.row.name, certainty="likely", inner=Value(known), origin=app.origin)
        )  # fmt: skip

    return lift(app.input(), one)


def _joined(known: list[Tensor], dim: Any, *, stack: bool, single: bool) -> Tensor:
    """Tensors of one kind behind or beside each other."""
    first = known[0]
    rank = first.rank
    apart = isinstance(dim, int) and (same(dim, first.axis, rank) is False or (dim == 0 and first.axis not in (0, None)))
    kept = first if stack or single or apart else loosened(first)
    axis = first.axis if kept.emission in COUPLED else None
    classes: int | None = first.class_axis
    if stack:
        axis = shifted(axis, dim, 1, rank) if isinstance(dim, int) else None
        classes = shifted(classes, dim, 1, rank) if isinstance(dim, int) else None
    elif not single and dim != 0 and (not isinstance(dim, int) or same(dim, classes, rank) is not False):
        classes = None
    return kept.replace(
        axis=axis, units=first._units if classes is not None else None, low=min(t.low for t in known), high=max(t.high for t in known),  # noqa: SLF001
        class_axis=classes, rank=rank_after(first, lambda r: r + 1) if stack else first._rank,  # noqa: SLF001
    )  # fmt: skip


def resizes(it: Interpreter, app: Application) -> Answer:
    """Interpolation, pooling, padding."""
    how = app.row.how
    size = it.constant(app.entry("output_size")) if app.entry("output_size") is not None else None
    if size == 1 or (isinstance(size, tuple) and set(size) == {1}):
        # One place is left: the dims behind the classes no longer matter, and what cuts through them cuts nothing.
        return on_tensors(app.input(), lambda t: loosened(t, rank=None) if how == "max" else t.replace(rank=None))

    def one(t: Tensor) -> Tensor:
        if t.emission in COUPLED and (how in ("max", "pad", "sum", "fold", "unpool") or t.emission is not Emission.SIMPLEX):
            return loosened(t)
        if how == "cubic" and t.bounded:
            return t.replace(emission=Emission.LOGIT, axis=None, low=-inf, high=inf, certainty="likely")
        return t

    return on_tensors(app.input(), one)


def made_rank(it: Interpreter, app: Application) -> int | None:
    """The rank of a tensor made from sizes, of another's shape, or of a literal."""
    row = app.row
    if row.variadic:
        index = row.parameters.index(row.variadic)
        entries = app.given.positional[index:] or tuple(e for n in ("size", "shape") if (e := app.given.keywords.get(n)) is not None)
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
    """A mark for a tensor made with a first dim of one: a batch of one sample."""
    row = app.row
    entries = app.given.positional[row.parameters.index(row.variadic) :] if row.variadic else tuple(e for n in ("size", "shape") if (e := app.entry(n)) is not None)
    dims = sizes(it, entries[:1]) if entries else None
    return (ONE,) if dims and dims[0] == 1 and (len(dims) > 1 or len(entries) > 1) else ()


def is_alone(t: Tensor) -> bool:
    """Whether data is a batch of one sample."""
    return isinstance(t.source, tuple) and (t.source[:1] == (ONE,) or t.source[2:] == (ONE,))


def literal_rank(it: Interpreter, answer: Answer) -> int | None:
    """How deep a literal list is nested."""
    depth = 0
    while len(answer) == 1 and isinstance(answer[0][0], Sequence) and answer[0][0].items:
        depth += 1
        answer = it.force(answer[0][0].items[0])
    return depth if len(answer) == 1 and isinstance(answer[0][0], Const) else None


def without_first_dim(t: Tensor) -> Tensor:
    """One row of a tensor."""
    rank = rank_after(t, lambda r: r - 1 if r else None)
    source = t.source if t.source is None else (t.source, "row")
    if t.emission in (Emission.DATA, Emission.INDEX):
        return t.replace(rank=rank, source=source, inner=None)
    kept = (loosened(t) if same(t.axis, 0, t.rank) else t).replace(source=source)
    classes = shifted(t.class_axis, 0, -1, t.rank)
    axis = shifted(kept.axis, 0, -1, t.rank) if kept.emission in COUPLED else kept.axis
    return kept.replace(axis=axis, class_axis=classes, units=t._units if classes is not None else None, rank=rank)  # noqa: SLF001


def indexed(it: Interpreter, t: Tensor, index: ast.expr, site: Site) -> Tensor:
    """`x[...]`: which dims were cut, and what that leaves of a coupling and of the units."""
    kinds = _kinds(it, index, site)
    rank = None if "some" in kinds else rank_after(t, lambda r: r - kinds.count("one") + kinds.count("new"))
    if t.source is not None and kinds == ["some"]:
        rank = arrays.taken_rank(it, t, index, site)
    if t.source is not None and t.emission not in (Emission.DATA, Emission.INDEX):
        t = t.replace(source=(t.source, ast.unparse(index)[:40]))
    if t.emission in (Emission.DATA, Emission.INDEX):
        cut = t.replace(source=(t.source, ast.unparse(index)[:40]), inner=None, rank=rank)
        return alone(cut) if kinds[:1] == ["new"] else cut
    cut_classes, classes = _landed(t.class_axis, kinds, t.rank)
    cut_axis, axis = _landed(t.axis, kinds, t.rank) if t.emission in COUPLED else (False, t.axis)
    kept = loosened(t) if cut_axis is not False else t
    whole = cut_classes is False
    found = kept.replace(
        axis=axis if kept.emission in COUPLED else kept.axis, units=t._units if whole else None, rank=rank,  # noqa: SLF001
        class_axis=classes if whole else None,
    )  # fmt: skip
    return alone(found) if kinds[:1] == ["new"] and t.source is not None and not t.learned else found


def _kinds(it: Interpreter, index: ast.expr, site: Site) -> list[str]:
    """What each part of an index does to its dim."""
    kinds: list[str] = []
    for entry in list(index.elts) if isinstance(index, ast.Tuple) else [index]:
        if isinstance(entry, ast.Slice):
            kinds.append("all" if entry.lower is None and entry.upper is None else "range")
        elif isinstance(entry, ast.Constant) and entry.value is Ellipsis:
            kinds.append("...")
        elif isinstance(entry, ast.Constant) and entry.value is None:
            kinds.append("new")
        else:
            value = it.constant(it.ev(entry, site.place, site.frame))
            kinds.append("one" if isinstance(value, int) and not isinstance(value, bool) else "some")
    return kinds


def _landed(axis: Any, kinds: list[str], rank: int | None) -> tuple[bool | None, Any]:
    """Whether an index cuts a dim (`None`: may be), and where the dim stands afterwards."""
    if not isinstance(axis, int):
        return None, None
    if axis == SCRAMBLED:
        return False, axis
    split = kinds.index("...") if "..." in kinds else len(kinds)
    before, after = kinds[:split], kinds[split + 1 :]
    if rank is not None:
        missing = rank - sum(kind != "new" for kind in (*before, *after))
        if missing < 0 or not -rank <= axis < rank:
            return None, None
        before, after, axis = [*before, *["all"] * missing, *after], [], axis % rank
    names, steps = (before, 1) if axis >= 0 else (list(reversed(after)), -1)
    wanted = axis if axis >= 0 else -axis - 1
    dims = [at for at, kind in enumerate(names) if kind != "new"]
    if wanted < len(dims):
        at = dims[wanted]
        if names[at] != "all":
            return (None if names[at] == "some" else True), None
        near, far = names[:at], names[at + 1 :]
    elif axis < 0 and sum(kind != "new" for kind in before) > 1 and "..." not in kinds:
        return None, None  # how far the index reaches from the front is not known
    elif axis >= 0 and after:
        return None, None
    else:
        near, far = names, ["some"]
    if "some" not in near:
        moved = wanted - near.count("one") + near.count("new")
        return False, moved if steps > 0 else -moved - 1
    if rank is not None and "some" not in far:
        return False, -1 - (rank - 1 - wanted - far.count("one") + far.count("new"))
    return False, None

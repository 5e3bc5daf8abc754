"""Transfer functions that take parts of a tensor, join several, or reduce dims."""

from __future__ import annotations

from math import inf

from outlayer_lint.interpret import containers, operators
from outlayer_lint.interpret.answers import lift, only, unknown
from outlayer_lint.interpret.data import datasets
from outlayer_lint.interpret.things import Answer, Parameter, Sequence, Subclass, Unknown
from outlayer_lint.interpret.transfers import shapes
from outlayer_lint.interpret.transfers.coupling import COUPLED, Step, loosened, on_tensors, rank_after, same, shifted
from outlayer_lint.interpret.transfers.shapes import dim_entry
from outlayer_lint.lattice import Emission, Tensor, Value
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.transfer import Application

RANGED = ("sum", "norm", "prod", "var", "std", "logsumexp", "count", "distance", "similarity")


def selects(it: Interpreter, app: Application) -> Answer:
    """`gather`, `index_select`, `masked_select`: values stay, a coupling over the dim does not."""
    how = app.row.how
    dim = app.spec(app.row.dim)

    def one(t: Tensor) -> Tensor:
        if t.emission is Emission.DATA:
            return t.replace(rank=None) if how in ("mask", "take", "diagonal") else t
        elsewhere = how in ("index", "range", "sort") and isinstance(dim, int) and same(dim, t.axis, t) is False
        kept = t if elsewhere else loosened(t)
        rank = t._rank if how in ("gather", "index", "range", "sort", "topk") else None  # noqa: SLF001
        stays = how in ("index", "range") and isinstance(dim, int) and same(dim, t.class_axis, t) is False
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
        apart = isinstance(dim, int) and (same(dim, t.axis, t) is False or (dim == 0 and t.axis not in (0, None)))
        kept = t if apart else loosened(t)
        # Over the batch, or over a dim that is proved another one, the classes stay.
        stays = dim == 0 or (isinstance(dim, int) and same(dim, t.class_axis, t) is False)
        moved = t.class_axis if not unbinds else shifted(t.class_axis, dim, -1, t) if isinstance(dim, int) else None
        rank = rank_after(t, lambda r: r - 1) if unbinds else t._rank  # noqa: SLF001
        axis = shifted(t.axis, dim, -1, t) if unbinds and apart else kept.axis
        if stays and moved is not None:
            return kept.replace(axis=axis, class_axis=moved, rank=rank)
        return kept.replace(
            axis=axis, units=units, class_axis=t.class_axis if not unbinds and units is not None else None, rank=rank
        )

    def one(thing: Any) -> Answer:
        if isinstance(thing, Tensor):
            if isinstance(lengths, tuple):
                return only(
                    Sequence(tuple(only(part(thing, s if isinstance(s, int) else None)) for s in lengths), kind="tuple")
                )
            if count is not None and 0 < count <= containers.MAX_ITEMS:
                return only(Sequence((only(part(thing)),) * count, kind="tuple"))
            each = only(part(thing, lengths if isinstance(lengths, int) else None))
            return only(Sequence((each,) * 2, open=True, tail=(each,), middle=each, kind="tuple"))
        return only(thing) if isinstance(thing, (Parameter, Subclass, Unknown)) else unknown("not a tensor")

    return lift(app.input(), one)


def reduces(it: Interpreter, app: Application) -> Answer:
    """`mean`, `sum`, `max` over dims."""
    how = app.row.how
    entry = dim_entry(app)
    # Similarities and distances of rows work over one dim even where none is written.
    dim = (
        it.constant(entry)
        if entry is not None
        else app.spec(app.row.dim)
        if how in ("similarity", "distance")
        else None
    )
    keep = it.constant(app.entry("keepdim")) if app.entry("keepdim") is not None else False
    dims = (
        [dim]
        if isinstance(dim, int)
        else list(dim)
        if isinstance(dim, tuple) and all(isinstance(d, int) for d in dim)
        else None
    )
    whole = entry is None and dim is None

    def one(t: Tensor) -> Tensor:
        if t.emission is Emission.LOSS:
            return t
        rank = t._rank if keep else 0 if whole else rank_after(t, lambda r: r - len(dims)) if dims is not None else None  # noqa: SLF001
        if t.emission is Emission.DATA:
            return t.replace(rank=rank)
        low, high = _reduced(how, t)
        axis = t.axis
        over = dims is None or any(same(d, axis, t) is not False for d in dims)
        emission = operators.word((low, high)) if how in RANGED else t.emission
        if emission in COUPLED and (over or (how != "mean" or emission is not Emission.SIMPLEX)):
            emission = loosened(t).emission
        classes: int | None = t.class_axis
        if dims is None or any(same(d, classes, t) is not False for d in dims):
            classes = None
        if not keep:
            for d in sorted(dims or (), key=lambda d: (d < 0, d), reverse=True):
                axis = shifted(axis, d, -1, t)
                classes = shifted(classes, d, -1, t)
        return t.replace(
            emission=emission, axis=axis if emission in COUPLED else None, low=low, high=high,
            units=t._units if classes is not None else None,  # noqa: SLF001
            class_axis=classes, rank=rank, by=app.row.name, inner=Value((t,)),
            origin=Step(t.origin, app.spot, dim if isinstance(dim, int) else None),
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
    dim, least = app.spec(app.row.dim), app.row.rank

    def shape(t: Tensor) -> Any:
        more = int(app.row.how in ("stack", "padded"))
        return rank_after(t, lambda r: max(r + more, least if isinstance(least, int) else 0))

    def beside(joined: Tensor, known: list[Tensor]) -> Tensor:
        # What stands beside the one sample of a tensor is one sample, too.
        apart = not stack and isinstance(dim, int) and dim != 0
        return shapes.alone(joined) if apart and any(map(shapes.is_alone, known)) else joined

    def one(thing: Any) -> Answer:
        if isinstance(thing, (Parameter, Subclass, Unknown)):
            return only(thing)
        if isinstance(thing, Tensor):
            # Its rows; those of a column of a table may be arrays.
            rows = least if dim == 0 and isinstance(least, int) else thing._rank if stack and thing.rank != 1 else None  # noqa: SLF001
            return only(thing.replace(rank=rows) if not stack else loosened(thing, rank=rows))
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
        # `torch.tensor([])` that others are joined to, one after the other, adds nothing.
        known = [t for t in known if t._units != 0 or t.source is None] or known  # noqa: SLF001
        if all(t.emission is known[0].emission for t in known):
            single = len(sequence.items) + len(sequence.tail) == 1 and not sequence.open
            return only(beside(_joined(known, dim, stack=stack, single=single).replace(rank=shape(known[0])), known))
        if all(t.emission in (Emission.DATA, Emission.INDEX, Emission.BINARY) for t in known):
            return only(beside(known[0].replace(rank=shape(known[0])), known))
        low, high = min(t.low for t in known), max(t.high for t in known)
        return only(
            Tensor(operators.word((low, high)), low=low, high=high, by=app.row.name, certainty="likely",
                   inner=Value(known), origin=app.origin)
        )  # fmt: skip

    return lift(app.input(), one)


def _joined(known: list[Tensor], dim: Any, *, stack: bool, single: bool) -> Tensor:
    """Tensors of one kind behind or beside each other."""
    first = known[0]
    apart = isinstance(dim, int) and (
        same(dim, first.axis, first) is False or (dim == 0 and first.axis not in (0, None))
    )
    kept = first if stack or single or apart else loosened(first)
    axis = first.axis if kept.emission in COUPLED else None
    classes: int | None = first.class_axis
    if stack:
        axis = shifted(axis, dim, 1, first) if isinstance(dim, int) else None
        classes = shifted(classes, dim, 1, first) if isinstance(dim, int) else None
    elif not single and (along := same(dim, classes, first) if isinstance(dim, int) else None) is not False:
        classes = classes if dim == 0 and along is None else None  # over dim 0 batches are joined
    return kept.replace(
        axis=axis, units=first._units if classes is not None else None,  # noqa: SLF001
        low=min(t.low for t in known), high=max(t.high for t in known),
        class_axis=classes,
    )  # fmt: skip


def resizes(it: Interpreter, app: Application) -> Answer:
    """Interpolation, pooling, padding."""
    how = app.row.how
    size = it.constant(app.entry("output_size")) if app.entry("output_size") is not None else None
    if size == 1 or (isinstance(size, tuple) and set(size) == {1}):
        # One place is left: the dims behind the classes no longer matter, and what cuts through them cuts nothing.
        return on_tensors(app.input(), lambda t: loosened(t, rank=None) if how == "max" else t.replace(rank=None))

    def one(t: Tensor) -> Tensor:
        if t.emission in COUPLED and (
            how in ("max", "pad", "sum", "fold", "unpool") or t.emission is not Emission.SIMPLEX
        ):
            return loosened(t)
        if how == "mean" and app.row.name.rpartition(".")[2].lower().startswith(("avg", "lp")):
            t = t.replace(rank=None)  # a window may be as large as the picture, which leaves one place
        if how == "cubic" and t.bounded:
            return t.replace(emission=Emission.LOGIT, axis=None, low=-inf, high=inf, certainty="likely")
        return t

    return on_tensors(app.input(), one)

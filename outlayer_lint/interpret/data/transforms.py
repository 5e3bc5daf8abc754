"""What transforms, scalers and encoders make of data."""

from __future__ import annotations

from math import inf

from outlayer_lint.interpret import calls, containers, operators
from outlayer_lint.interpret.answers import lift, only, unknown
from outlayer_lint.interpret.frames import Arguments
from outlayer_lint.interpret.things import Answer, Built, Site, Unknown
from outlayer_lint.interpret.transfers.arrays import OPEN, anything, is_image
from outlayer_lint.lattice import Emission, Tensor
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.transfer import Application

IMAGE_RANK = 3


def maps(it: Interpreter, app: Application) -> Answer:
    """What a transform, scaler or encoder makes of its input."""
    row = app.row
    how = row.how
    if how == "compose":
        return _composed(it, app)
    if how == "call":
        entry = app.entry(row.parameters[0]) if row.parameters else None
        return (
            lift(it.force(entry), lambda f: calls.call(it, f, app.given, app.site))
            if entry is not None
            else unknown("missing argument")
        )
    if how == "keeps":
        return app.input()
    if how == "tensor":
        return lift(app.input(), lambda t: only(_as_tensor(app, t) if isinstance(t, Tensor) else t))
    if how == "normalise":
        return lift(app.input(), lambda t: only(_normalised(it, app, t) if isinstance(t, Tensor) else t))
    if row.emits is None:
        return lift(app.input(), lambda t: only(anything(_derived(app, t.source)) if isinstance(t, Tensor) else t))
    inner = app.inner()
    low, high = app.number(row.low), app.number(row.high)
    emission = row.emits
    if emission is Emission.BND and low is not None and high is not None:
        emission = operators.word((low, high))
    more = 1 if how == "onehot" else 0
    shape = row.rank

    def rank() -> int | None:
        before = shape if isinstance(shape, int) else inner().rank
        # A column of labels, `(N, 1)`, gives rows as well.
        return None if before is None or (more and before > 1 and row.kind == "data") else before + more

    def columns() -> int | None:
        classes = inner().every(Emission.INDEX)
        return None if classes is None else classes.units

    # As many columns as are asked for; where nobody asks, as there are classes.
    open_end = more and isinstance(row.units, tuple) and app.entry(row.units[1]) is None
    given = app.input()
    first = next((t for t, _ in given if isinstance(t, Tensor)), None)
    made = Tensor(
        emission, by=row.name, axis=app.spec(row.axis), units=columns if open_end else app.lazy(row.units),
        low=low, high=high,
        dtype=row.dtype or ("double" if row.name.startswith("sklearn") else None),
        rank=rank, inner=inner,
        source=_derived(app, first.source if first is not None else None), origin=app.origin,
    )  # fmt: skip
    opened = next((t for t, _ in given if isinstance(t, OPEN)), None)
    return only(opened) if opened is not None else only(made)


def _derived(app: Application, source: object) -> object:
    return ("made", id(app.site.node), id(app.site.frame.base), source)


def _composed(it: Interpreter, app: Application) -> Answer:
    """A list of transforms, in order."""
    answer = app.input()
    entry = app.entry("transforms")
    steps = it.force(entry) if entry is not None else unknown("missing argument")

    def run(listed: Any) -> Answer:
        state = answer
        sequence = containers.as_sequence(it, listed)
        if sequence is None or sequence.open:
            return lift(state, lambda t: only(anything(_derived(app, t.source)) if isinstance(t, Tensor) else t))
        for step in sequence.items:
            before = state
            state = lift(it.force(step), lambda f, before=before: calls.call(it, f, Arguments((before,)), app.site))  # type: ignore[misc]
        return state

    return lift(steps, run)


def _as_tensor(app: Application, t: Tensor) -> Tensor:
    """`ToTensor`: images and bytes come to [0, 1], anything else keeps its range, which nobody knows."""
    if is_image(t) or t.dtype == "uint8":
        return Tensor(
            Emission.UNIT, by=app.row.name, rank=IMAGE_RANK, dtype="float", source=t.source, origin=app.origin
        )
    return t.replace(rank=None, dtype=t.dtype or "float")


def _normalised(it: Interpreter, app: Application, t: Tensor) -> Tensor:
    """`(x - mean) / std`, channel by channel."""
    mean, std = (it.constant(e) if (e := app.entry(name)) is not None else ... for name in ("mean", "std"))
    means, stds = (v if isinstance(v, tuple) else (v,) for v in (mean, std))
    numbers = all(isinstance(v, (int, float)) for v in (*means, *stds)) and 0 not in stds
    if t.emission is Emission.DATA or not t.bounded or not numbers or not means or len({len(means), len(stds), 1}) > 2:
        return t.replace(emission=Emission.DATA, low=-inf, high=inf, by=app.row.name, source=_derived(app, t.source))
    pairs = [(m, stds[i % len(stds)]) for i, m in enumerate(means)]
    low = round(min((t.low - m) / s for m, s in pairs), 6)
    high = round(max((t.high - m) / s for m, s in pairs), 6)
    return t.replace(
        emission=operators.word((low, high)),
        low=low,
        high=high,
        by=app.row.name,
        source=_derived(app, t.source),
        origin=app.origin,
    )


def by_method(it: Interpreter, thing: Built, word: str, given: Arguments, site: Site) -> Answer:
    """A method of a scaler or encoder, by its word in the row."""
    from outlayer_lint.interpret.transfer import Application  # noqa: PLC0415

    app = Application(it, thing.row, "module", given, site, thing)
    if word == "keeps":
        return app.input()
    if word == "maps":
        return maps(it, app)
    if word == "unmaps":
        return lift(
            app.input(),
            lambda t: only(
                anything(_derived(app, t.source)) if isinstance(t, Tensor) and not t.learned else Unknown("unscaled")
            ),
        )
    return unknown("unknown method of a library object", (id(site.node), id(site.frame.base)))

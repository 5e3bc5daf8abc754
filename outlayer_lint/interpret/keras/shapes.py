"""Transfer functions of Keras's own operations: merging a list of tensors, shapes that leave the batch out, inputs."""

from __future__ import annotations

import ast
from functools import reduce

from outlayer_lint.interpret import operators
from outlayer_lint.interpret.answers import lift, only, unknown
from outlayer_lint.interpret.things import Const, Parameter, Sequence, Subclass
from outlayer_lint.interpret.transfers import arrays, shapes
from outlayer_lint.interpret.transfers.coupling import COUPLED, loosened, on_tensors
from outlayer_lint.lattice import Emission, Tensor, Value
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.things import Answer
    from outlayer_lint.interpret.transfer import Application

MERGED = {"add": ast.Add, "sub": ast.Sub, "mul": ast.Mult}


def merges(it: Interpreter, app: Application) -> Answer:
    """`Add()([a, b])`, `dot([a, b])`: element by element, or a product of two."""
    how = app.row.how

    def one(thing: Any) -> Answer:
        if isinstance(thing, (Parameter, Subclass)):
            return only(thing)
        if not isinstance(thing, Sequence) or thing.open or not thing.items:
            return unknown("unknown arithmetic", ("merged", id(app.site.node), id(app.site.frame.base)))
        answers = [it.force(item) for item in thing.items]
        if how in MERGED:
            return reduce(
                lambda a, b: operators.binary(it, MERGED[how](), a, b, app.site, app.site.node), answers[1:], answers[0]
            )
        known = [t for a in answers for t, _ in a if isinstance(t, Tensor)]
        if len(known) != sum(map(len, answers)):
            return unknown("unknown arithmetic", ("merged", id(app.site.node), id(app.site.frame.base)))
        if how == "product":
            learned = app.row.name if any(t.learned for t in known) else ""
            return only(Tensor(app.row.emits or Emission.LOGIT, by=app.row.name, learned=learned,
                               inner=Value(known), origin=app.origin))  # fmt: skip
        if how == "mean" and all(t.emission is known[0].emission and t.axis == known[0].axis for t in known):
            return only(known[0])
        low, high = min(t.low for t in known), max(t.high for t in known)
        first = known[0]
        return only(
            Tensor(operators.word((low, high)), low=low, high=high, by=app.row.name, learned=first.learned,
                   units=first._units, rank=first._rank, class_axis=first.class_axis, inner=Value(known),  # noqa: SLF001
                   origin=app.origin, certainty="likely")
        )  # fmt: skip

    return lift(app.input(), one)


def scales(it: Interpreter, app: Application) -> Answer:
    """`Rescaling(scale, offset)`: multiplied, then moved."""
    answer = app.input()
    for name, operation in (("scale", ast.Mult), ("offset", ast.Add)):
        entry = app.entry(name)
        if entry is not None:
            answer = operators.binary(it, operation(), answer, it.force(entry), app.site, app.site.node)
    return answer


def pools(it: Interpreter, app: Application) -> Answer:
    """Pooling over all places: samples and channels are left, in rows."""
    how, rank = app.row.how, app.row.rank

    def one(t: Tensor) -> Tensor:
        kept = t if how == "mean" and t.emission is Emission.SIMPLEX and t.axis == t.class_axis else loosened(t)
        axis = -1 if kept.emission in COUPLED else kept.axis
        return kept.replace(rank=rank if isinstance(rank, int) else None, class_axis=-1, axis=axis)

    return on_tensors(app.input(), one)


def reshaped(it: Interpreter, app: Application) -> Answer:
    """`Reshape((a, b))`: the shape of one sample."""
    dims = _sample(it, app)
    return on_tensors(app.input(), lambda t: shapes._viewed(t, None if dims is None else [None, *dims]))  # noqa: SLF001


def permuted(it: Interpreter, app: Application) -> Answer:
    """`Permute((2, 1))`: dims of one sample, counted from 1."""
    given = _sample(it, app)
    dims = [0, *given] if given is not None and None not in given else None

    def one(t: Tensor) -> Tensor:
        rank = len(dims) if dims is not None else t.rank
        moved = shapes._moved("permute", dims, t.class_axis, rank)  # noqa: SLF001
        if t.emission is Emission.DATA:
            return t.replace(rank=rank)
        axis = shapes._moved("permute", dims, t.axis, rank) if t.emission in COUPLED else t.axis  # noqa: SLF001
        return t.replace(axis=axis, class_axis=moved, units=t._units if moved is not None else None, rank=rank)  # noqa: SLF001

    return on_tensors(app.input(), one)


def _sample(it: Interpreter, app: Application) -> list[Any] | None:
    entry = app.entry(app.row.parameters[0])
    return None if entry is None else shapes.sizes(it, (entry,))


def fed(it: Interpreter, app: Application) -> Answer:
    """`Input(shape=...)`: data that the model is fed with; `shape` leaves the batch out."""
    rank: int | None = None
    for name, more in (("shape", 1), ("batch_shape", 0)):
        entry = app.entry(name)
        if entry is None:
            continue
        answer = it.force(entry)
        thing = answer[0][0] if len(answer) == 1 else None
        if isinstance(thing, Sequence) and not thing.open:
            rank = len(thing.items) + more
        elif isinstance(thing, Const) and isinstance(thing.value, int):  # `shape=(28)` is a number
            rank = 1 + more
    # How many samples there will be is not said.
    key = (arrays.DRAWN, (id(app.site.node), id(app.site.frame.base)), shapes.ONE)
    return only(Tensor(Emission.DATA, by=app.row.name, source=key, rank=rank, origin=app.origin))


TRANSFER: dict[str, Callable[[Interpreter, Application], Answer]] = {
    "fed": fed, "merges": merges, "scales": scales, "pools": pools,
}  # fmt: skip

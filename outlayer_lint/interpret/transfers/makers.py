"""Tensors made from sizes: `torch.rand(8, 3)`, `np.zeros((n, 1))`, `torch.randint(0, 10, (32,))`."""

from __future__ import annotations

from outlayer_lint import knowledge
from outlayer_lint.interpret import operators
from outlayer_lint.interpret.things import Sequence
from outlayer_lint.interpret.transfers import shapes
from outlayer_lint.interpret.transfers.arithmetic import real
from outlayer_lint.lattice import Emission, Tensor
from outlayer_lint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.transfer import Application


def made_range(it: Interpreter, app: Application) -> tuple[Emission, float | None, float | None]:
    """What a maker fills its tensor with."""
    row = app.row
    low, high = app.number(row.low), app.number(row.high)
    emission = row.emits or Emission.DATA
    if row.name.endswith(".linspace"):
        given = [it.constant(entry) for name in row.parameters[:2] if (entry := app.entry(name)) is not None]
        ends = sorted(number for end in given if (number := real(end)) is not None)
        if len(ends) == 2:
            return operators.word((ends[0], ends[1])), ends[0], ends[1]
    if emission is Emission.INDEX:
        start = app.entry("low") if app.entry("high") is not None else None
        first = it.constant(start) if start is not None else 0
        if not isinstance(first, int) or first >= 0:
            return Emission.INDEX, real(first) if isinstance(first, int) else None, None
        return Emission.LOGIT, None, None
    if emission is Emission.BND:
        return (Emission.DATA, None, None) if low is None or high is None else (_number_word(low, high), low, high)
    return emission, low, high


def _number_word(low: float, high: float) -> Emission:
    return Emission.BINARY if low == high and low in (0.0, 1.0) else operators.word((low, high))


def weight(it: Interpreter, app: Application) -> Tensor:
    """What a layer that is written by hand learns: as large as its shape says, or as what fills it at first."""
    filled = app.entry("initial_value") or app.entry("data")

    def at_first(size: str) -> int | None:
        found = {getattr(t, size) if isinstance(t, Tensor) else None for t, _ in it.force(filled)} if filled else set()
        return found.pop() if len(found) == 1 else None

    return Tensor(
        Emission.LOGIT, by=app.row.name, learned=app.row.name, origin=app.origin,
        units=lambda: made_size(it, app) if filled is None else at_first("units"),
        rank=lambda: shapes.made_rank(it, app) if filled is None else at_first("rank"),
    )  # fmt: skip


def columns(it: Interpreter, app: Application) -> int | None:
    """The units of a product with a weight, as long as it is the weight as it was made, in rows and columns."""
    entry = app.input_entry(1) if app.row.axis == -1 else None
    if entry is None or set(app.given.keywords) - set(app.row.parameters) - set(sum(app.row.synonyms.values(), ())):
        return None  # transposed, or sparse
    sizes = {t.units if isinstance(t, Tensor) and _is_matrix(t) else None for t, _ in it.force(entry)}
    return sizes.pop() if len(sizes) == 1 else None


def _is_matrix(tensor: Tensor) -> bool:
    found = knowledge.find(tensor.by) if tensor.by and tensor.by == tensor.learned else None
    return found is not None and found[0].how == "parameter" and (tensor.rank or 0) > 1


def made_size(it: Interpreter, app: Application) -> int | None:
    """The size of the last dim of a tensor that is made."""
    row = app.row
    if row.name.endswith("_like"):
        sizes = {
            t.units if isinstance(t, Tensor) and t.emission is not Emission.INDEX else None for t, _ in app.input()
        }
        return sizes.pop() if len(sizes) == 1 else None
    if row.variadic:
        entries = app.given.positional[row.parameters.index(row.variadic) :] or tuple(
            e for n in ("size", "shape") if (e := app.given.keywords.get(n)) is not None
        )
    else:
        entries = tuple(e for n in ("size", "shape") if n in row.parameters and (e := app.entry(n)) is not None)
    if not entries or app.given.more_positional:
        return None
    last = it.constant(entries[-1])
    last = last[-1] if isinstance(last, tuple) and last else last
    if last is ... and len(entries) == 1:
        answer = it.force(entries[0])
        thing = answer[0][0] if len(answer) == 1 else None
        last = it.constant(thing.items[-1]) if isinstance(thing, Sequence) and thing.items and not thing.open else ...
    return last if isinstance(last, int) and not isinstance(last, bool) else None

"""The operations that lead from the last learned layer to an output, as they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from outlayer_lint.tracer.child.losses.reading import layer_of, row_of
from outlayer_lint.tracer.child.recording.recorder import Step

if TYPE_CHECKING:
    from outlayer_lint.tracer.child.recording.marks import Mark

MAX_STEPS = 200
WEIGHT_RANK = 2
LEARNED = ("learned", "recurrent", "embeds", "attends")
JOINS = ("cat", "stack", "concat", "hstack", "vstack")
# What is shown of the arguments, by their names in rows.
SHOWN = ("dim", "dim0", "dim1", "min", "max", "negative_slope", "beta", "keepdim")


def is_parametric(mark: Mark) -> bool:
    """Whether an operation applies trained weights: a layer, whoever wrote it."""
    if mark.kind != "operation":
        return False
    weights = [each for each in mark.parts if from_parameters(each)]
    if not weights or len(weights) == len(mark.parts):
        return False
    found = row_of(mark)
    if found is not None and found[0].transfer in LEARNED:
        return found[0].how == "norm" or any(len(each.shape) >= WEIGHT_RANK for each in weights)
    return found is None and any(len(each.shape) >= WEIGHT_RANK for each in weights)


def from_parameters(mark: Mark, depth: int = 12) -> bool:
    """Whether a tensor is a trained one, or was computed of such alone (weight normalisation, a transposed weight)."""
    if mark.kind == "parameter":
        return True
    return bool(mark.parts) and depth > 0 and all(from_parameters(each, depth - 1) for each in mark.parts)


def walk_back(mark: Mark) -> tuple[list[Mark], bool]:
    """The marks from the last parametric operation to this one, and whether such an operation was found.

    At an operation of several tensors the first one that comes out of a layer is followed.
    """
    path: list[Mark] = []
    while len(path) < MAX_STEPS:
        path.append(mark)
        if is_parametric(mark):
            return path[::-1], True
        onwards = [each for each in mark.parts if each.kind == "operation" and not from_parameters(each)]
        if not onwards:
            break
        mark = next((each for each in onwards if reaches(each)), onwards[0])
    return path[::-1], False


def reaches(mark: Mark) -> bool:
    """Whether a parametric operation stands behind a mark."""
    return any(is_parametric(each) for each in mark.ancestors(500))


def chain_of(mark: Mark, names: dict[int, str]) -> tuple[Step, ...]:
    """The operations since the last parametric one, that one first. `names` are the paths of modules by identity."""
    path, _ = walk_back(mark)
    return tuple(step_of(each, names) for each in path if each.kind == "operation")


def step_of(mark: Mark, names: dict[int, str]) -> Step:
    """One operation, as it is told."""
    place = "" if mark.place is None else f"{mark.place.code.co_filename}:{mark.place.line}"
    module = "" if mark.module is None else names.get(id(mark.module), "")
    return Step(mark.short, text_of(mark), module, place, dim_of(mark), mark.index)


def text_of(mark: Mark) -> str:
    """`Linear(128->10)`, `softmax(dim=1)`, `cat(sigmoid | exp)`."""
    layer = layer_of(mark)
    if is_parametric(mark):
        name = type(layer[1]).__name__ if layer is not None else mark.short
        return f"{name}({_widths(mark)})"
    if mark.short in JOINS:
        return f"{mark.short}({' | '.join(each.short or each.kind for each in mark.parts)})"
    given = arguments_of(mark)
    if (dim := dim_of(mark)) is not None:
        given = {**given, "dim": dim}  # counted from the front, and what torch chose where none was given
    shown = [f"{name}={value}" for name, value in given.items() if name in SHOWN and value is not None]
    return f"{mark.short}({', '.join(shown)})" if shown else mark.short


def _widths(mark: Mark) -> str:
    """How wide a layer's input and output are: of a weight, or over the last dim."""
    weights = [each for each in mark.parts if from_parameters(each) and len(each.shape) >= WEIGHT_RANK]
    if mark.short == "embedding" or not weights or not mark.shape:
        return str(mark.shape[-1]) if mark.shape else ""
    dim = 1 if mark.short.startswith("conv") and len(mark.shape) > 1 else -1
    source = next((each for each in mark.parts if not from_parameters(each)), mark)
    return f"{source.shape[dim] if source.shape else 1}->{mark.shape[dim]}"


def arguments_of(mark: Mark) -> dict[str, Any]:
    """The arguments of an operation by the names that its row has for them."""
    found = row_of(mark)
    args, kwargs = mark.given
    names = found[0].parameters if found is not None else ()
    return {**dict(zip(names, args, strict=False)), **kwargs}


def dim_of(mark: Mark) -> int | None:
    """The dim that an operation works over, from the front; what torch chooses where none was given."""
    rank = len(mark.shape)
    found = row_of(mark)
    if found is None or not rank:
        return None
    row, dim = found[0], arguments_of(mark).get("dim")
    if isinstance(dim, int) and not isinstance(dim, bool):
        return dim % rank if -rank <= dim < rank else dim
    if row.transfer == "normalises" and dim is None and row.emits in ("simplex", "logp"):
        if isinstance(row.axis, int):
            return row.axis % rank
        return 0 if rank in (0, 1, 3) else 1
    return None

"""Compares what came out of a replay with what every function would have made of the scores that went in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from outlayer_lint.tracer.child.losses.reading import row_of
from outlayer_lint.tracer.child.recording import functions, numbers
from outlayer_lint.tracer.child.recording.functions import CONSTANT, RAW
from outlayer_lint.tracer.child.recording.marks import Mark

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from outlayer_lint.tracer.child.recording.functions import Function

EXACT = 2e-5  # the largest difference in float32, relative to the spread of the outputs
EPSILON = 1.2e-7  # of float32
ROUNDING = 8.0  # units in the last place that an output may be off
MAX_VALUES = 2_000_000  # of an output that is compared as a whole
SHAPING = ("reshapes", "moves-axis", "adds-axis", "drops-axis", "splits", "selects")


class Moves:
    """The operations on a path that only move values about, so that they can be done again."""

    def __init__(self, path: Sequence[Mark]) -> None:
        """In order; `possible` is false where one of them takes other tensors."""
        self.marks = [mark for mark in path if self._moves(mark)]
        self.possible = all(len(mark.parts) == 1 for mark in self.marks)

    @staticmethod
    def _moves(mark: Mark) -> bool:
        found = row_of(mark)
        return mark.short in ("getitem", "expand") or (found is not None and found[0].transfer in SHAPING)

    def __len__(self) -> int:
        return len(self.marks)

    def do(self, value: torch.Tensor, start: int, end: int) -> torch.Tensor:
        """Do some of them again. Raises what torch raises where they do not fit."""
        for mark in self.marks[start:end]:
            args, kwargs = mark.given
            whole = nested_marks(args, value), {k: nested_marks(v, value) for k, v in kwargs.items()}
            result = mark.function(*whole[0], **whole[1])
            value = result if mark.part is None else result[mark.part]
        return value


def nested_marks(given: Any, value: torch.Tensor) -> Any:
    """Arguments with the one tensor in the place of the mark."""
    if isinstance(given, Mark):
        return value
    return type(given)(nested_marks(each, value) for each in given) if type(given) in (tuple, list) else given


# -- comparison -------------------------------------------------------------------------------------------------------


def fitting(trials: list[tuple[torch.Tensor, torch.Tensor]], moves: Moves, tolerance: float) -> list[tuple[str, float]]:
    """The functions that all trials agree with, and their largest difference; the plainest first."""
    doubles = [(scores.cpu().double(), outputs.cpu().double()) for scores, outputs in trials]
    if all(bool((y == y.reshape(-1)[0]).all()) for _, y in doubles) and doubles[0][0].numel() > 1:
        return [(CONSTANT, 0.0)]
    for start in range(len(moves) + 1) if moves.possible else ():
        found = _between(doubles, moves, start, tolerance)
        if found:
            return found
    if len(moves) and all(z.shape == y.shape for z, y in doubles):  # moved there and back
        return _compared([(z, y, None) for z, y in doubles], tolerance)
    return []


def _between(
    doubles: list[tuple[torch.Tensor, torch.Tensor]], moves: Moves, left: int, tolerance: float
) -> list[tuple[str, float]]:
    """Functions applied with so many moves left to be done behind them: none first."""
    start = len(moves) - left
    cases = []
    for scores, outputs in doubles:
        try:
            moved = moves.do(scores, 0, start)
            if moves.do(moved, start, len(moves)).shape != outputs.shape:
                return []
        except (RuntimeError, IndexError, TypeError, ValueError):
            return []
        cases.append((moved, outputs, (moves, start) if left else None))
    if left and cases[0][0].numel() > MAX_VALUES:
        return []
    return _compared(cases, tolerance)


def _compared(cases: list[tuple[Any, Any, Any]], tolerance: float) -> list[tuple[str, float]]:
    found = []
    shape = cases[0][0].shape
    if cases[0][2] is None:  # what each value becomes by itself is the same before and behind a move
        for name, function in functions.elementwise():
            error = largest(cases, function, tolerance, None)
            if error is not None:
                found.append((name, error))
    for dim, size in enumerate(shape):
        if size > 1:
            found.extend(_tied(cases, dim, tolerance))
    if not found and cases[0][2] is None:
        found = rescaled(cases, tolerance)
    return found


def _tied(cases: list[tuple[Any, Any, Any]], dim: int, tolerance: float) -> Iterator[tuple[str, float]]:
    shown = _dim_behind(cases[0], dim)
    for name, function in (*functions.over(dim), *tempered(cases, dim)):
        error = largest(cases, function, tolerance, dim)
        if error is not None:
            yield name.replace(f"@{dim}", f"@{shown}"), error


def _dim_behind(case: tuple[Any, Any, Any], dim: int) -> int | str:
    """Where a dim stands behind the moves that follow, `?` where it is spread over several."""
    value, outputs, rest = case
    if rest is None:
        return dim
    moves, start = rest
    shape = [size if d == dim else 1 for d, size in enumerate(value.shape)]
    numbered = torch.arange(value.shape[dim], dtype=torch.float64).view(shape).expand(value.shape)
    moved = moves.do(numbered.contiguous(), start, len(moves))
    along = [d for d, size in enumerate(outputs.shape) if size > 1 and bool((moved.diff(dim=d) != 0).any())]
    return along[0] if len(along) == 1 else "?"


def largest(cases: list[tuple[Any, Any, Any]], function: Function, tolerance: float, dim: int | None) -> float | None:
    """The largest difference over all trials, relative to the outputs; `None` as soon as one is too large."""
    worst = 0.0
    for scores, outputs, rest in cases:
        if rest is None:
            made = function(numbers.thinned(scores, dim))
            wanted = numbers.thinned(outputs, dim)
        else:
            made, wanted = rest[0].do(function(scores), rest[1], len(rest[0])), outputs
        good = torch.isfinite(wanted)
        if not bool(good.any()) or not bool(torch.isfinite(made[good]).all()):
            return None
        low, high = (float(end) for end in torch.aminmax(wanted[good]))
        error = float((made - wanted)[good].abs().max())
        rounding = ROUNDING * (EPSILON if tolerance == EXACT else tolerance) * max(abs(low), abs(high))
        if error > max(tolerance * (high - low), rounding if tolerance == EXACT else rounding / 32):
            return None
        error /= max(high - low, 1e-30)
        worst = max(worst, error)
    return worst


def tempered(cases: list[tuple[Any, Any, Any]], dim: int) -> Iterator[tuple[str, Function]]:
    """A softmax of scores divided by a temperature, which is read off the first trial."""
    scores, outputs, rest = cases[0]
    if rest is not None or float(outputs.min()) < 0:
        return
    z, y = numbers.thinned(scores, dim), numbers.thinned(outputs, dim)
    if float((y.sum(dim) - 1).abs().max()) > 2e-2 or float(y.min()) <= 0:
        return
    logs, z = y.log() - y.log().mean(dim, keepdim=True), z - z.mean(dim, keepdim=True)
    slope = float((logs * z).sum() / (z * z).sum())
    if slope > 0 and abs(slope - 1) > 1e-3:
        yield f"softmax@{dim}(T={1 / slope:.3g})", lambda s: (s * slope).softmax(dim)


def rescaled(cases: list[tuple[Any, Any, Any]], tolerance: float) -> list[tuple[str, float]]:
    """A bounded function times a number, plus a number: `2 * sigmoid - 1`."""
    for name in ("sigmoid", "tanh", "relu", "softplus", "exp", RAW):
        function = functions.ELEMENTWISE[name]
        scores, outputs, _ = cases[1]
        x, y = numbers.thinned(function(scores), None).reshape(-1), numbers.thinned(outputs, None).reshape(-1)
        if x.shape != y.shape or x.numel() < 8 or not bool(torch.isfinite(y).all()):
            continue
        spread = float(((x - x.mean()) ** 2).sum())
        factor = float(((x - x.mean()) * (y - y.mean())).sum()) / spread if spread else 0.0
        offset = float(y.mean() - factor * x.mean())
        if not factor:
            continue
        error = largest(cases, scaled(function, factor, offset), tolerance, None)
        if error is not None:
            return [(_affine(name, factor, offset), error)]
    return []


def scaled(function: Function, factor: float, offset: float) -> Function:
    """`factor * f(z) + offset`."""
    return lambda z: factor * function(z) + offset


def _affine(name: str, factor: float, offset: float) -> str:
    a, b = float(f"{factor:.3g}"), round(offset, 3)
    return f"{a:g}*{name}" + (f"{b:+g}" if b else "")

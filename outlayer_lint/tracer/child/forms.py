"""What function of its scores an output is: found by putting other scores in their place, never by names.

One forward pass is replayed with the result of the last learned layer replaced by designed scores of three scales. What
comes out is compared with every function of `functions`. That tells a softmax from any other rows that sum to one, a
sigmoid from a clamp, and a softmax that was applied twice.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from outlayer_lint.tracer.child import chains, functions, nested, numbers
from outlayer_lint.tracer.child.functions import CONSTANT, RAW, UNKNOWN
from outlayer_lint.tracer.child.marks import Mark, name_of
from outlayer_lint.tracer.child.reading import row_of
from outlayer_lint.tracer.child.recorder import evaluating, is_passed, record, seeded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from outlayer_lint.tracer.child.functions import Function
    from outlayer_lint.tracer.child.recorder import Output, Recording

SCALES = (0.3, 2.0, 6.0)
REACH = 9.0  # the largest designed score: a ReLU6 and a clamp show themselves
TOLERANCE = {"torch.float16": 4e-3, "torch.bfloat16": 2e-2}
EXACT = 2e-5
EPSILON = 1.2e-7  # of float32
CLOSE = 1.5
ROUNDING = 8.0  # units in the last place that an output may be off
MAX_POINTS = 4
MAX_VALUES = 2_000_000  # of an output that is compared as a whole
SHAPING = ("reshapes", "moves-axis", "adds-axis", "drops-axis", "splits", "selects")
ARITHMETIC = ("add", "sub", "mul", "div")


class Form(NamedTuple):
    """What an output provably is.

    `value` is `raw`, `softmax@1`, `softmax@1∘softmax@1`, ..., `constant` where it does not depend on the scores,
    `simplex@1` where only the values speak, `unknown` where nothing fits. `by` lists how it was found (`intervention`,
    `values`, and `name` where the recorded operations say the same), `max_err` is the largest difference, and
    `ambiguous_with` are other functions that fit as well.
    """

    value: str
    by: tuple[str, ...] = ()
    max_err: float = 0.0
    ambiguous_with: tuple[str, ...] = ()


class Replay(torch.overrides.TorchFunctionMode):
    """Counts operations as the recorder does, and puts another tensor in the place of one result."""

    def __init__(self, index: int, part: int | None, value: torch.Tensor) -> None:
        """`index` and `part` of a mark."""
        super().__init__()
        self.at, self.part, self.value = index, part, value
        self.index = 0
        self.reached = False

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run one operation."""
        result = func(*args, **(kwargs or {}))
        if is_passed(func, name_of(func).rpartition(".")[2]):
            return result
        self.index += 1
        if self.index != self.at:
            return result
        self.reached = True
        if self.part is None:
            if not isinstance(result, torch.Tensor):
                return result
            with torch._C.DisableTorchFunction():
                return result.copy_(self.value) if any(result is each for each in args) else self.value
        parts = list(result)
        parts[self.part] = self.value
        return type(result)(parts) if type(result) in (tuple, list) else tuple(parts)


class Trial(NamedTuple):
    """Designed scores, and what came out for them at every path."""

    scores: torch.Tensor
    outputs: dict[str, torch.Tensor]


class Intervention:
    """Replays of one model, shared by all its outputs: what was replaced at one point is run once."""

    def __init__(self, model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """The same arguments as the recording had."""
        self.model, self.args, self.kwargs = model, args, kwargs
        self.done: dict[tuple[int, int | None], list[Trial]] = {}

    def trials(self, mark: Mark, like: torch.Tensor) -> list[Trial]:
        """The outputs for scores of each scale in the place of a mark; empty where the replay fails.

        `like` is an output: its type and device are those of the scores.
        """
        key = (mark.index, mark.part)
        if key not in self.done:
            found: list[Trial] = []
            for number, scale in enumerate(SCALES):
                scores = designed(mark.shape, scale, like.dtype, number).to(like.device)
                outputs = self.replay(mark, scores)
                if outputs is None:
                    found = []
                    break
                found.append(Trial(scores, outputs))
            self.done[key] = found
        return self.done[key]

    def replay(self, mark: Mark, scores: torch.Tensor) -> dict[str, torch.Tensor] | None:
        """Run the model with these scores in the place of a mark, `None` where it fails or goes another way."""
        replay = Replay(mark.index, mark.part, scores.clone())
        try:
            with evaluating(self.model), torch.no_grad():
                seeded()
                with replay:
                    result = self.model(*self.args, **self.kwargs)
        except Exception:  # noqa: BLE001 - the user's code on values it may not have foreseen
            return None
        return dict(nested.walk(result)) if replay.reached else None


def designed(shape: tuple[int, ...], scale: float, dtype: torch.dtype, number: int) -> torch.Tensor:
    """Random scores of a scale, with a few far out; the same for each run."""
    chance = torch.Generator().manual_seed(7 + number)
    scores = torch.randn(shape, generator=chance, dtype=torch.float64) * scale
    flat = scores.view(-1)
    if scale > 1 and flat.numel() >= 4:
        flat[0], flat[-1] = REACH, -REACH
    return scores.to(dtype)


def identify(model: Any, hypothesis: Any, recording: Recording) -> dict[str, Form]:
    """What each output of a recorded forward pass is as a function of the scores behind it.

    `hypothesis` has the `args` and `kwargs` that the recording was made with. The model's random numbers and mode are
    left as they are. An output that no learned layer stands behind, or that fits nothing, is `unknown`.
    """
    args, kwargs = tuple(hypothesis.args), dict(hypothesis.kwargs)
    if any(str(output.tensor.dtype) in TOLERANCE for output in recording.outputs):
        wider = widened(model, args, kwargs)
        if wider is not None:
            model, args, kwargs, recording = wider
    intervention = Intervention(model, args, kwargs)
    return {output.path: form_of(intervention, output) for output in recording.outputs}


def widened(
    model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, tuple[Any, ...], dict[str, Any], Recording] | None:
    """A half-precision model and its arguments in float32, where functions can be told apart; `None` if it cannot be.

    In bfloat16 a ReLU and a leaky one of slope 0.01 are the same.
    """

    def wide(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return value.float() if value.is_floating_point() else value
        if type(value) in (tuple, list):
            return type(value)(map(wide, value))
        return {k: wide(v) for k, v in value.items()} if type(value) is dict else value

    try:
        model = copy.deepcopy(model).float()
        args, kwargs = wide(args), wide(kwargs)
        return model, args, kwargs, record(model, args, kwargs)
    except Exception:  # noqa: BLE001 - the user's code, in another precision than it was written for
        return None


def form_of(intervention: Intervention, output: Output) -> Form:
    """The form of one output."""
    path, complete = chains.walk_back(output.mark)
    if not output.tensor.is_floating_point() or not output.tensor.numel():
        return Form(UNKNOWN)
    if complete:
        named = named_form(path)
        for at in points(path):
            found = _at(intervention, output, path, at)
            if found is not None:
                return found._replace(by=(*found.by, "name")) if found.value == named else found
    return by_values(output.tensor)


def by_values(tensor: torch.Tensor) -> Form:
    """What the values alone show: rows that sum to one, if there are enough different ones."""
    seen = numbers.look(tensor)
    if seen.constant or seen.distinct < numbers.DISTINCT or len(seen.simplex) != 1:
        return Form(UNKNOWN)
    return Form(f"simplex@{seen.simplex[0]}", ("values",))


def points(path: Sequence[Mark]) -> Iterator[int]:
    """Where to put scores, best first: behind the last layer and its bias, then further down, if all else fails."""
    first = 0
    while first + 1 < len(path) and path[first + 1].short in ARITHMETIC and _with_parameter(path[first + 1]):
        first += 1
    rest = [at for at in range(len(path)) if at != first and "float" in path[at].dtype]
    later = [at for at in rest if at > first and not is_active(path[at])]
    yield from [first, *later[: MAX_POINTS - 2], *(at for at in rest if at < first)][:MAX_POINTS]


def _with_parameter(mark: Mark) -> bool:
    return any(chains.from_parameters(each) for each in mark.parts)


def is_active(mark: Mark) -> bool:
    """Whether an operation may make an output something else than scores: all but layers, moves, sums and factors."""
    if chains.is_parametric(mark):
        return False
    found = row_of(mark)
    if found is None:
        return mark.short != "getitem"
    row = found[0]
    if row.transfer == "combines" and row.how in ("mul", "div"):
        return any(each.kind == "operation" and not chains.from_parameters(each) for each in mark.parts[1:])
    sums = row.transfer == "combines" and row.how in ("add", "sub", "rsub")
    return row.kind == "activation" or not (sums or row.transfer in (*SHAPING, "keeps", "resizes", "joins"))


def is_named(mark: Mark) -> bool:
    """Whether an operation is an activation by its row; one that seems to do nothing was not driven far enough."""
    found = row_of(mark)
    return found is not None and found[0].kind == "activation"


def _at(intervention: Intervention, output: Output, path: Sequence[Mark], at: int) -> Form | None:
    """The form as a function of what stands at one point of the path."""
    dtype = output.tensor.dtype
    point = path[at]
    if point.index < 0 or point.dtype != str(dtype):
        return None
    trials = [
        (trial.scores, trial.outputs[output.path])
        for trial in intervention.trials(point, output.tensor)
        if output.path in trial.outputs
    ]
    if len(trials) < len(SCALES) or any(y.shape != output.tensor.shape for _, y in trials):
        return None
    moves = Moves(path[at + 1 :])
    tolerance = TOLERANCE.get(str(dtype), EXACT)
    found = fitting(trials, moves, tolerance)
    if any(map(is_active, path[1 : at + 1])) or any(map(is_named, path[at + 1 :])):
        found = [each for each in found if each[0] != RAW]  # of values that went through more than a layer
    if not found:
        return None
    least = min(error for _, error in found)
    best = next(each for each in found if each[1] <= CLOSE * least + EXACT)  # the plainest of those that fit best
    others = tuple(dict.fromkeys(name for name, _ in found if name != best[0]))
    return Form(best[0], ("intervention",), best[1], others)


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


# -- names ------------------------------------------------------------------------------------------------------------


def named_form(path: Sequence[Mark]) -> str:
    """What the recorded operations call it: to be told beside what was found, never in its place."""
    words = []
    for mark in path[1:]:
        found = row_of(mark)
        if found is None or found[0].kind != "activation":
            continue
        dim = chains.dim_of(mark)
        name = {"logsigmoid": "log_sigmoid", "expit": "sigmoid"}.get(mark.short, mark.short)
        words.append(name if dim is None or found[0].transfer != "normalises" else f"{name}@{dim}")
    return "∘".join(reversed(words)) or RAW


BOTH = ("sigm", "tanh")  # bounded above and below
EMITS = {
    "softmax": "simplex", "softmin": "simplex", "sparsemax": "simplex", "normalize1": "bnd", "simplex": "simplex",
    "log_softmax": "logp", "sigmoid": "unit", "hardsigmoid": "unit", "complement": "unit", "clamp(0, 1)": "unit",
    "log_sigmoid": "logunit", "tanh": "sym1", "hardtanh": "sym1", "softsign": "sym1", "sin": "sym1", "cos": "sym1",
    "erf": "sym1", "relu": "nonneg", "softplus": "pos", "exp": "pos", "abs": "nonneg", "square": "nonneg",
    "normalize": "unorm", "onehot": "onehot", "relu6": "bnd", "step": "binary", RAW: "logit",
}  # fmt: skip


def emits(form: Form) -> str:
    """The form in the vocabulary of the lattice, "" where it has no word: `simplex`, `unit`, `logit`."""
    outer = form.value.partition("∘")[0]
    name = outer.partition("*")[2]
    if name:  # `2*sigmoid-1`: scores stay scores, of the others only some bounds are left
        return "logit" if name.startswith(RAW) and not form.value.count("∘") else "bnd" if name[:4] in BOTH else ""
    return EMITS.get(outer.partition("@")[0] if "@" in outer else outer, "")


def as_json(forms: Mapping[str, Form]) -> dict[str, Any]:
    """As it leaves the child."""
    return {
        path: {"value": form.value, "by": list(form.by), "max_err": form.max_err,
               "ambiguous_with": list(form.ambiguous_with), "emits": emits(form)}
        for path, form in forms.items()
    }  # fmt: skip

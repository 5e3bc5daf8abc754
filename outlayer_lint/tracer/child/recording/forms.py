"""What function of its scores an output is: found by putting other scores in their place, never by names.

One forward pass is replayed with the result of the last learned layer replaced by designed scores of three scales. What
comes out is compared with every function of `functions`. That tells a softmax from any other rows that sum to one, a
sigmoid from a clamp, and a softmax that was applied twice.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from outlayer_lint.tracer.child.losses.reading import row_of
from outlayer_lint.tracer.child.recording import chains, nested, numbers
from outlayer_lint.tracer.child.recording.fitting import EXACT, SHAPING, Moves, fitting
from outlayer_lint.tracer.child.recording.functions import RAW, UNKNOWN
from outlayer_lint.tracer.child.recording.marks import name_of
from outlayer_lint.tracer.child.recording.recorder import evaluating, is_passed, record, seeded
from outlayer_lint.tracer.child.surroundings.stood_in import stood_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from outlayer_lint.tracer.child.recording.marks import Mark
    from outlayer_lint.tracer.child.recording.recorder import Output, Recording

SCALES = (0.3, 2.0, 6.0)
REACH = 9.0  # the largest designed score: a ReLU6 and a clamp show themselves
TOLERANCE = {"torch.float16": 4e-3, "torch.bfloat16": 2e-2}
CLOSE = 1.5
MAX_POINTS = 4
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
    if complete and any(mark.function is stood_in for mark in path):
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

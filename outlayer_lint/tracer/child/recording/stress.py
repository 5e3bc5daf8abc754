"""What an output does when it is driven hard: large scores, half precision, training mode, what gradient comes back.

Designed scores of scale 100 in float32 show every unstable head that was tried (exponentials over their sum, the
logarithm of a softmax or sigmoid); no GPU is needed for it. A model is left as it was: modes, buffers and gradients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from outlayer_lint.tracer.child.recording import chains, nested, numbers
from outlayer_lint.tracer.child.recording.forms import Replay, designed, named_form, points
from outlayer_lint.tracer.child.recording.functions import CONSTANT
from outlayer_lint.tracer.child.recording.recorder import Recorder, evaluating, seeded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from outlayer_lint.tracer.child.recording.forms import Form
    from outlayer_lint.tracer.child.recording.marks import Mark
    from outlayer_lint.tracer.child.recording.recorder import Output, Recording

TRIALS = {"fp32": (torch.float32, 100.0), "fp16": (torch.float16, 10.0), "bf16": (torch.bfloat16, 30.0)}
BOUNDED = ("softmax", "sigmoid", "hardsigmoid", "clamp(0, 1)", "sparsemax")
SATURATED = 0.5  # share of exact zeros and ones from which an output is called saturated
OK, NOT_RUN = "ok", "not run"


class Stress(NamedTuple):
    """One output under stress.

    Attributes:
        trials: `fp32@100` and the like -> `ok`, `nan`, `inf`, `gradient nan`, `gradient inf` or `not run`.
        saturation: share of values that are exactly 0 or 1 with the model's own weights, of bounded outputs.
        constant: why all values are the same, "" where they are not.
        training: how the output differs in training mode, "" where it does not.
        gradient: the largest gradient of a weight in training mode, `None` where that could not be tried.
        dead: the gradient of every weight is exactly zero.
    """

    trials: dict[str, str]
    saturation: float = 0.0
    constant: str = ""
    training: str = ""
    gradient: float | None = None
    dead: bool = False

    @property
    def saturated(self) -> bool:
        """Whether most values are stuck at an end."""
        return self.saturation > SATURATED

    def as_json(self) -> dict[str, Any]:
        """As it leaves the child."""
        grad = None if self.gradient is None else {"max": self.gradient, "zero": self.dead}
        return {
            "stress": self.trials, "saturation": round(self.saturation, 4), "constant": self.constant,
            "training": self.training, "grad": grad,
        }  # fmt: skip


def stress(
    model: Any, hypothesis: Any, recording: Recording, forms: Mapping[str, Form], dtypes: Iterable[str] = ("fp32",)
) -> dict[str, Stress]:
    """Every output of a recording under stress; `dtypes` are among `fp32`, `fp16`, `bf16`.

    `hypothesis` has the `args` and `kwargs` of the recording.
    """
    args, kwargs = tuple(hypothesis.args), dict(hypothesis.kwargs)
    trained = _training(model, args, kwargs)
    found = {}
    for output in recording.outputs:
        form = forms.get(output.path)
        path, complete = chains.walk_back(output.mark)
        trials = {}
        for dtype in dtypes if complete and output.tensor.is_floating_point() else ():
            scale = TRIALS[dtype][1]
            trials[f"{dtype}@{scale:g}"] = _driven(model, args, kwargs, output, path, dtype)
        bounded = form is not None and form.value.startswith(BOUNDED)
        found[output.path] = Stress(
            trials, _saturation(output.tensor) if bounded else 0.0, _constant(output, path, form),
            _differs(output, trained), *trained.gradient(output.path),
        )  # fmt: skip
    return found


# -- large scores -----------------------------------------------------------------------------------------------------


def _driven(
    model: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Output, path: list[Mark], dtype: str
) -> str:
    """What comes out, and back, for scores of this type's scale in the place of the last layer's."""
    point = path[next(points(path))]
    if point.index < 0:
        return NOT_RUN
    kind, scale = TRIALS[dtype]
    scores = (designed(point.shape, 1.0, torch.float64, 3) * scale).to(output.tensor.device, kind).requires_grad_()
    replay = Replay(point.index, point.part, scores)
    try:
        with evaluating(model), torch.enable_grad():
            seeded()
            with replay:
                result = model(*args, **kwargs)
            made = dict(nested.walk(result)).get(output.path)
            if made is None or not replay.reached:
                return NOT_RUN
            word = _worst(made)
            if word != OK:
                return word
            if made.requires_grad:
                (grad,) = torch.autograd.grad(_weighed(made), scores, allow_unused=True)
                word = OK if grad is None else _worst(grad)
                return word if word == OK else f"gradient {word}"
    except Exception:  # noqa: BLE001 - the user's code, in a precision it was not written for
        return NOT_RUN
    return OK


def _weighed(tensor: torch.Tensor) -> torch.Tensor:
    """A number that depends on every value in another way: rows that sum to one have no gradient otherwise."""
    chance = torch.Generator().manual_seed(11)
    factors = torch.randn(tensor.shape, generator=chance, dtype=torch.float32)
    return (tensor.float() * factors.to(tensor.device)).sum()


def _worst(tensor: torch.Tensor) -> str:
    if bool(torch.isnan(tensor).any()):
        return "nan"
    return "inf" if bool(torch.isinf(tensor).any()) else OK


def _saturation(tensor: torch.Tensor) -> float:
    thin = numbers.thinned(tensor, None)
    return float(((thin == 0) | (thin == 1)).double().mean()) if thin.numel() else 0.0


# -- constants --------------------------------------------------------------------------------------------------------


def _constant(output: Output, path: list[Mark], form: Form | None) -> str:
    """Why all values of an output are the same."""
    if output.tensor.numel() < 2 or not numbers.look(output.tensor).constant:
        return ""
    if form is not None and form.value == CONSTANT:
        single = any(mark.short in ("softmax", "log_softmax") and 1 in mark.shape for mark in path)
        return "a softmax over one unit" if single else "it does not depend on the scores"
    layer = path[0].module if path else None
    weights = [] if layer is None else list(layer.parameters(recurse=False))
    if weights and not any(bool(weight.detach().any()) for weight in weights):
        return "the weights of the last layer are zero"
    return "its input is the same for all samples" if weights else "unknown"


# -- training mode ----------------------------------------------------------------------------------------------------


class _Trained(NamedTuple):
    """A pass in training mode: paths that came out with what their operations say, and gradients."""

    words: dict[str, str]
    gradients: dict[str, tuple[float | None, bool]]
    failure: str = ""

    def gradient(self, path: str) -> tuple[float | None, bool]:
        """Of the weights, for one output."""
        return self.gradients.get(path, (None, False))


def _training(model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Trained:
    """Run once in training mode, with a backward pass for each output, and put everything back."""
    if not isinstance(model, torch.nn.Module):
        return _Trained({}, {})
    modes = [(module, module.training) for module in model.modules()]
    buffers = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    recorder = Recorder()
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    words: dict[str, str] = {}
    gradients: dict[str, tuple[float | None, bool]] = {}
    try:
        model.train()
        seeded()
        with torch.enable_grad(), recorder:
            result = model(*args, **kwargs)
        for path, tensor in nested.walk(result):
            chain, complete = chains.walk_back(recorder.mark_of(tensor))
            words[path] = named_form(chain) if complete else ""
            if tensor.requires_grad and tensor.is_floating_point() and weights:
                gradients[path] = _back(tensor, weights)
    except Exception as error:  # noqa: BLE001 - a batch too small for a norm, a target that is missing
        return _Trained(words, gradients, f"{type(error).__name__}: {error}"[:200])
    finally:
        for module, mode in modes:
            module.training = mode
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
    return _Trained(words, gradients)


def _back(tensor: torch.Tensor, weights: list[torch.Tensor]) -> tuple[float | None, bool]:
    grads = torch.autograd.grad(_weighed(tensor), weights, retain_graph=True, allow_unused=True)
    known = [grad for grad in grads if grad is not None]
    if not known:
        return None, False
    largest = max(float(grad.abs().max()) for grad in known if grad.numel())
    return largest, largest == 0.0


def _differs(output: Output, trained: _Trained) -> str:
    """How an output is another one in training mode."""
    if not trained.words or trained.failure:
        return ""
    if output.path not in trained.words:
        return f"{len(trained.words)} outputs in training, none of them `{output.path}`"
    chain, complete = chains.walk_back(output.mark)
    here, there = named_form(chain) if complete else "", trained.words[output.path]
    return f"{there} in training, {here} in evaluation" if here and there and here != there else ""

"""Forms by intervention, and what stress shows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: nothing can be replayed")

import torch.nn.functional as F
from torch import nn

from outlayer_lint.tracer.child.recording.forms import Form, as_json, emits, identify
from outlayer_lint.tracer.child.recording.recorder import record
from outlayer_lint.tracer.child.recording.stress import Stress, stress

if TYPE_CHECKING:
    from collections.abc import Callable


class Net(nn.Module):
    def __init__(self, head: Callable[[Any], Any], width: int = 5, *, scores_in_training: bool = False) -> None:
        super().__init__()
        self.layer, self.head, self.scores_in_training = nn.Linear(4, width), head, scores_in_training

    def forward(self, x: Any) -> Any:
        z = self.layer(x)
        return z if self.training and self.scores_in_training else self.head(z)


def seen(model: nn.Module, dtypes: tuple[str, ...] = ("fp32",)) -> tuple[dict[str, Form], dict[str, Stress]]:
    given = SimpleNamespace(args=(torch.randn(6, 4, dtype=next(model.parameters()).dtype),), kwargs={})
    recording = record(model, given.args, given.kwargs)
    forms = identify(model, given, recording)
    return forms, stress(model, given, recording, forms, dtypes)


def by_hand(z: Any) -> Any:
    e = torch.exp(z)
    return e / e.sum(1, keepdim=True)


@pytest.mark.parametrize(
    ("head", "value", "word"),
    [
        ("z", "raw", "logit"),
        ("z * 1.0 + 0.0", "raw", "logit"),
        ("by_hand(z)", "softmax@1", "simplex"),
        ("z.softmax(1).softmax(1)", "softmax@1∘softmax@1", "simplex"),
        ("F.normalize(F.relu(z), p=1, dim=1)", "normalize1@1∘relu", "bnd"),
        ("torch.log(z.softmax(1))", "log_softmax@1", "logp"),
        ("1 / (1 + torch.exp(-z))", "sigmoid", "unit"),
        ("z.clamp(0, 1)", "clamp(0, 1)", "unit"),
        ("z.clamp(min=0)", "relu", "nonneg"),
        ("F.relu6(z)", "relu6", "bnd"),
        ("F.leaky_relu(z)", "leaky_relu", ""),
        ("torch.log1p(z.exp())", "softplus", "pos"),
        ("(z / 2).softmax(1)", "softmax@1(T=2)", "simplex"),
        ("3 * z.tanh()", "3*tanh", "bnd"),
        ("z / 16", "0.0625*raw", "logit"),
        ("z**3", "unknown", ""),
        ("torch.zeros_like(z) + 0.5", "constant", ""),
    ],
)
def test_a_form_is_what_comes_out_for_other_scores(head: str, value: str, word: str) -> None:
    form = seen(Net(eval(f"lambda z: {head}")))[0]["out"]
    assert form.value == value
    assert emits(form) == word
    assert as_json({"out": form})["out"]["emits"] == word


def test_half_precision_is_judged_in_single() -> None:
    assert seen(Net(F.leaky_relu).bfloat16())[0]["out"].value == "leaky_relu"


def test_the_dim_is_that_of_the_output() -> None:
    class Moved(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv2d(4, 3, 1)

        def forward(self, x: Any) -> Any:
            return self.layer(x[:, :, None, None].expand(-1, -1, 2, 5)).softmax(1).permute(0, 2, 3, 1)

    assert seen(Moved())[0]["out"].value == "softmax@3"


def test_one_unit_under_a_softmax_is_constant_and_why() -> None:
    forms, found = seen(Net(lambda z: z.softmax(1), 1))
    assert forms["out"].value == "constant"
    assert found["out"].constant == "a softmax over one unit"


def test_zero_weights_make_a_constant() -> None:
    net = Net(torch.sigmoid)
    nn.init.zeros_(net.layer.weight)
    nn.init.zeros_(net.layer.bias)
    forms, found = seen(net)
    assert forms["out"].value == "sigmoid"
    assert found["out"].constant == "the weights of the last layer are zero"


@pytest.mark.parametrize(
    ("head", "word"),
    [
        ("by_hand(z)", "nan"),
        ("torch.log(z.softmax(1))", "inf"),
        ("torch.log(1 + z.exp())", "inf"),
        ("1 / (1 + torch.exp(-z))", "gradient nan"),
        ("z.softmax(1)", "ok"),
        ("z.log_softmax(1)", "ok"),
        ("F.softplus(z)", "ok"),
    ],
)
def test_large_scores_show_what_is_unstable(head: str, word: str) -> None:
    assert seen(Net(eval(f"lambda z: {head}")))[1]["out"].trials == {"fp32@100": word}


def test_half_precision_overflows_sooner() -> None:
    trials = seen(Net(by_hand), ("fp16", "bf16"))[1]["out"].trials
    assert trials["fp16@10"] != "ok"


def test_saturation_and_training_mode() -> None:
    net = Net(torch.sigmoid, scores_in_training=True)
    with torch.no_grad():
        net.layer.weight.mul_(1e4)
    found = seen(net)[1]["out"]
    assert found.saturated
    assert found.training == "raw in training, sigmoid in evaluation"
    assert found.as_json()["grad"]["max"] > 0


def test_a_model_is_left_as_it_was() -> None:
    net = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 3), nn.Dropout(), nn.Softmax(dim=1))
    before = {key: value.clone() for key, value in net.state_dict().items()}
    seen(net)
    assert net.training
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
    assert all(weight.grad is None for weight in net.parameters())

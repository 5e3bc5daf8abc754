"""What the rows about Keras's activations, layers and ready-made networks claim, run on random numbers."""

from __future__ import annotations

from typing import Any

import pytest
from keras_rows import RUN, array, keras, resolve, torch
from rows import assert_kept, row, value

from outlayer_lint.knowledge import find
from outlayer_lint.lattice import Emission

pytestmark = pytest.mark.filterwarnings("ignore")  # of NumPy about torch
EXTREMES = (0.0, 1e-8, -1e-8, 3.0, -3.0, 20.0, -20.0, 88.0, -88.0, 300.0, -300.0, 1e30, -1e30)


def numbers(*shape: int) -> Any:
    """Random numbers of several sizes, with every extreme among them."""
    torch.manual_seed(0)
    x = torch.randn(*shape) * 4
    flat = x.view(-1)
    flat[: len(EXTREMES)] = torch.tensor(EXTREMES[: len(flat)])
    return x


# ---- What is emitted ------------------------------------------------------------------------------------------------

ACTIVATIONS = [
    name
    for name in RUN
    if (f := find(name)) and f[0].kind == "activation" and f[0].transfer in ("normalises", "bounds")
]


def applied(name: str, x: Any, **given: Any) -> Any:
    """The callable applied to `x`, with the arguments that it cannot do without."""
    of, form = find(name) or pytest.fail(name)
    thing = resolve(name)
    if of.shown == "threshold":
        given = {"threshold": 0.1, "default_value": 0.0, **given}
    if of.shown == "PReLU":
        given = {"alpha_initializer": keras.initializers.Constant(0.25), **given}
    return array(thing(**given)(x) if form == "module" else thing(x, **given))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_emission_is_kept(name: str) -> None:
    of = row(name)
    x = numbers(4, 6)
    if of.emits is Emission.UNORM:
        x = x.clamp(-1e3, 1e3)  # the square of 1e30 is no single
    assert of.transfer != "normalises" or of.axis == ("argument", "axis", -1)
    assert_kept(of, x, applied(name, x), -1, halved=-1)


@pytest.mark.parametrize("name", [n for n in ACTIVATIONS if row(n).emits is Emission.LOGIT and row(n).how == ""])
def test_unbounded_is_unbounded(name: str) -> None:
    y = applied(name, torch.linspace(-9, 9, 60).view(3, 20))
    assert y.max() > 1
    assert y.min() < 0 or "threshold" in name


def test_bounds_are_tight() -> None:
    for name in ("silu", "gelu", "mish", "hard_silu", "selu", "elu", "celu"):
        of = row(f"keras.activations.{name}")
        y = array(getattr(keras.activations, name)(torch.linspace(-40, 40, 100_001)))
        assert abs(float(y.min()) - value(of.low, 0)) < 2e-3, name
        assert y.max() > 39


def test_arguments_of_activations() -> None:
    x = numbers(4, 6)
    relu = row("keras.layers.ReLU")
    assert relu.under({"max_value": 6.0}).emits is Emission.BND
    assert applied("keras.layers.ReLU", x, max_value=6.0).max() == 6
    assert relu.under({"negative_slope": 0.1}).emits is Emission.LOGIT
    assert applied("keras.layers.ReLU", x, negative_slope=0.1).min() < 0
    assert relu.under({"negative_slope": ...}).emits is None
    assert row("keras.activations.elu").under({"alpha": 2.0}).emits is Emission.LOGIT
    assert applied("keras.layers.ELU", x, alpha=2.0).min() < -1.5
    assert row("keras.ops.normalize").under({"order": 1}).emits is Emission.SYM1
    last = applied("keras.layers.Softmax", x, axis=0)
    assert torch.allclose(last.sum(0), torch.ones(6))


def test_exponential_is_a_softmax_before_the_division() -> None:
    of = row("keras.activations.exponential")
    assert (of.transfer, of.how) == ("interval", "exp")
    y = array(keras.activations.exponential(torch.randn(4, 6)))
    assert (y > 0).all()


def test_sparsemax_need_not_sum_to_one() -> None:
    assert row("keras.activations.sparsemax").emits is Emission.NONNEG


# ---- Layers ---------------------------------------------------------------------------------------------------------


def test_a_head_by_position() -> None:
    of = row("keras.layers.Dense")
    assert of.constructor[:2] == ("units", "activation")
    assert of.activation == ("argument", "activation", None)
    y = array(keras.layers.Dense(10, "softmax")(torch.randn(4, 3)))
    assert y.shape[of.axis] == 10
    assert torch.allclose(y.sum(-1), torch.ones(4))
    assert array(keras.layers.Dense(10)(torch.randn(4, 3) * 9)).min() < 0


SIZES = {"units": 7, "filters": 7, "kernel_size": 1, "input_dim": 5, "output_dim": 7}
LEARNED = [
    n
    for n in RUN
    if (f := find(n))
    and f[0].kind == "layer"
    and f[0].form == "module"
    and f[0].units is not None
    and f[0].transfer != "maps"
]


@pytest.mark.parametrize("name", LEARNED)
def test_units_and_rank(name: str) -> None:
    of = row(name)
    layer = resolve(name)(**{key: size for key, size in SIZES.items() if key in of.parameters})
    rank = {"ConvLSTM1D": 4, "ConvLSTM2D": 5, "ConvLSTM3D": 6}.get(
        name.rpartition(".")[2], 3 if of.transfer == "recurrent" else of.rank or 2
    )
    x = torch.zeros(2, 3, dtype=torch.long) if of.transfer == "embeds" else torch.randn(*(2, 4, 4, 4, 4)[: rank - 1], 3)
    y = array(layer(x))
    assert y.shape[of.axis] == 7
    if of.rank is not None:
        assert y.dim() == of.rank


def test_channels_first() -> None:
    for name in ("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "SeparableConv2D", "DepthwiseConv2D"):
        of = row(f"keras.layers.{name}")
        assert of.axis == -1
        assert of.under({"data_format": "channels_first"}).axis == 1
        assert of.under({"data_format": "channels_last"}).axis == -1
        assert of.under({"data_format": ...}).axis is None


@pytest.mark.parametrize("name", ["LSTM", "GRU", "SimpleRNN"])
def test_recurrent_states(name: str) -> None:
    of, layer = row(f"keras.layers.{name}"), getattr(keras.layers, name)
    assert of.activation == ("argument", "activation", "tanh")
    assert of.returns is Emission.SYM1
    wild = keras.initializers.RandomNormal(stddev=3)
    made = {"kernel_initializer": wild, "recurrent_initializer": wild}
    x = torch.randn(8, 9, 3) * 5
    last = array(layer(7, **made)(x))
    assert last.abs().max() <= 1
    assert last.dim() == of.rank == 2
    every = array(layer(7, return_sequences=True, **made)(x))
    assert every.dim() == of.under({"return_sequences": True}).rank == 3
    assert array(layer(7, "linear", **made)(x[:, :3])).abs().max() > 1
    parts = layer(7, return_state=True)(x)
    assert len(parts) == len(of.under({"return_state": True}).returns)


def test_both_ways_and_each_step() -> None:
    x = torch.randn(2, 5, 3)
    both = array(keras.layers.Bidirectional(keras.layers.LSTM(7))(x))
    assert both.shape == (2, 14)
    each = array(keras.layers.TimeDistributed(keras.layers.Dense(4, activation="softmax"))(x))
    assert each.shape == (2, 5, 4)
    assert torch.allclose(each.sum(-1), torch.ones(2, 5))
    assert [row(f"keras.layers.{n}").how for n in ("Bidirectional", "TimeDistributed")] == ["both", "each"]


@pytest.mark.parametrize(("name", "shape"), [
    ("GlobalAveragePooling1D", (2, 5, 3)), ("GlobalAveragePooling2D", (2, 5, 5, 3)),
    ("GlobalMaxPool3D", (2, 4, 4, 4, 3)),
])  # fmt: skip
def test_global_pools_leave_samples_and_channels(name: str, shape: tuple[int, ...]) -> None:
    of = row(f"keras.layers.{name}")
    y = array(getattr(keras.layers, name)()(torch.randn(*shape)))
    assert (of.transfer, y.dim(), y.shape[of.axis]) == ("pools", of.rank, 3)
    assert array(getattr(keras.layers, name)(keepdims=True)(torch.randn(*shape))).dim() == len(shape)
    assert of.under({"keepdims": True}).transfer == "resizes"


def test_shapes() -> None:
    x = torch.randn(2, 4, 6)
    assert array(keras.layers.Reshape((6, 4))(x)).shape == (2, 6, 4)  # the batch is not counted
    assert array(keras.layers.Permute((2, 1))(x)).shape == (2, 6, 4)
    assert array(keras.layers.Flatten()(x)).shape == (2, 24)
    assert array(keras.layers.RepeatVector(5)(x[:, 0])).shape == (2, 5, 6)
    assert row("keras.layers.Reshape").how == row("keras.layers.Permute").how == "samples"


@pytest.mark.parametrize(("name", "made"), [
    ("Add", lambda a, b: a + b), ("Subtract", lambda a, b: a - b), ("Multiply", lambda a, b: a * b),
    ("Average", lambda a, b: (a + b) / 2), ("Maximum", torch.maximum), ("Minimum", torch.minimum),
])  # fmt: skip
def test_merges(name: str, made: Any) -> None:
    a, b = torch.randn(2, 3), torch.randn(2, 3)
    assert torch.allclose(array(getattr(keras.layers, name)()([a, b])), made(a, b))
    how = {"Subtract": "sub", "Multiply": "mul", "Average": "mean", "Maximum": "max", "Minimum": "min"}.get(name, "add")
    assert (row(f"keras.layers.{name}").transfer, row(f"keras.layers.{name}").how) == ("merges", how)


def test_joined_over_the_last_axis() -> None:
    assert row("keras.layers.Concatenate").dim == ("argument", "axis", -1)
    assert array(keras.layers.Concatenate()([torch.randn(2, 3, 4)] * 2)).shape == (2, 3, 8)
    assert array(keras.ops.concatenate([torch.randn(2, 3, 4)] * 2)).shape == (4, 3, 4)
    assert row("keras.ops.concatenate").dim == ("argument", "axis", 0)
    assert row("keras.backend.concatenate").dim == ("argument", "axis", -1)


def test_rescaling() -> None:
    y = array(keras.layers.Rescaling(1 / 127.5, -1)(torch.tensor([[0.0, 255.0]])))
    assert y.tolist() == [[-1.0, 1.0]]
    assert row("keras.layers.Rescaling").parameters == ("scale", "offset")


def test_a_ready_made_network() -> None:
    of = row("tensorflow.keras.applications.mobilenet_v2.MobileNetV2")
    assert of.units == ("argument", "classes", 1000)
    assert of.activation == ("argument", "classifier_activation", "softmax")
    small = {"weights": None, "input_shape": (32, 32, 3), "alpha": 0.35}
    x = torch.randn(2, 32, 32, 3)
    y = array(keras.applications.MobileNetV2(**small, classes=7)(x))
    assert y.shape == (2, 7)
    assert torch.allclose(y.sum(-1), torch.ones(2), atol=1e-5)
    body = keras.applications.MobileNetV2(**small, include_top=False, pooling="avg")
    without = of.under({"include_top": False, "pooling": "avg"})
    assert array(body(x)).dim() == without.rank == 2
    assert (without.returns, without.units, without.activation) == (Emission.HID, None, "linear")
    assert of.under({"include_top": False}).rank == 4
    assert of.under({"include_top": ...}).returns == "unknown"

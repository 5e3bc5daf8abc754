"""The rows about TensorFlow, JAX and what others add to Keras: read, not run, so only their shape can be checked."""

from __future__ import annotations

import pytest
from rows import row

from outlayer_lint.knowledge import find
from outlayer_lint.knowledge.table import load
from outlayer_lint.lattice import Emission

PACKAGES = (
    "tensorflow.",
    "jax.",
    "flax.",
    "optax.",
    "haiku.",
    "tensorflow_addons.",
    "tensorflow_probability.",
    "tflearn.",
    "keras_cv.",
    "segmentation_models.",
)
NAMES = sorted(name for name in load()["names"] if name.startswith(PACKAGES))
LOSSES = [name for name in NAMES if (f := find(name)) and f[0].kind == "loss"]


@pytest.mark.parametrize("name", NAMES)
def test_every_reference_is_a_parameter(name: str) -> None:
    of = row(name)
    known = {*of.parameters, *of.call}
    for field in ("axis", "units", "low", "high", "rank", "dim", "reduction", "activation", "threshold"):
        spec = getattr(of, field)
        if isinstance(spec, tuple) and spec and isinstance(spec[0], str):
            assert spec[1] in known, field
    assert {case["argument"] for case in of.when} <= known
    assert set(of.synonyms) <= known
    for parameter, words in of.synonyms.items():
        assert not set(words) & (known - {parameter}), "one word for two parameters"


@pytest.mark.parametrize("name", LOSSES)
def test_losses_say_what_they_compare(name: str) -> None:
    of = row(name)
    assert of.prediction in of.call
    assert of.target_parameter in of.call
    assert of.prediction != of.target_parameter
    assert of.wants
    assert not set(of.wants) & set(of.accepts)
    logits = Emission.LOGIT in of.wants
    assert bool(of.applies) is (of.family in ("softmax-cross-entropy", "binary-logits", "ctc")), of.family
    assert logits or not of.applies


@pytest.mark.parametrize(("name", "prediction", "target"), [
    ("tensorflow.nn.softmax_cross_entropy_with_logits", "logits", "labels"),
    ("tensorflow.nn.sparse_softmax_cross_entropy_with_logits", "logits", "labels"),
    ("tensorflow.compat.v1.losses.sigmoid_cross_entropy", "logits", "multi_class_labels"),
    ("tensorflow.compat.v1.losses.softmax_cross_entropy", "logits", "onehot_labels"),
    ("tensorflow.losses.mean_squared_error", "y_pred", "y_true"),
    ("tensorflow.losses.BinaryCrossentropy", "y_pred", "y_true"),
    ("optax.losses.softmax_cross_entropy", "logits", "labels"),
    ("segmentation_models.losses.DiceLoss", "pr", "gt"),
])  # fmt: skip
def test_which_argument_is_the_prediction(name: str, prediction: str, target: str) -> None:
    assert (row(name).prediction, row(name).target_parameter) == (prediction, target)


@pytest.mark.parametrize("package", ["tensorflow.contrib.losses", "tensorflow.contrib.slim.losses", "tf_slim.losses"])
def test_the_older_losses_take_the_prediction_first(package: str) -> None:
    older, newer = row(f"{package}.softmax_cross_entropy"), row("tensorflow.losses.softmax_cross_entropy")
    assert older.parameters == newer.parameters[::-1] == ("logits", "onehot_labels")
    assert (older.prediction, older.target_parameter) == (newer.prediction, newer.target_parameter)


def test_both_versions_of_a_name() -> None:
    assert row("tensorflow.losses.mean_squared_error").keywords("y_pred") == ("y_pred", "predictions")
    assert row("tensorflow.losses.MeanSquaredError").name == "keras.losses.mean_squared_error"
    assert row("tensorflow.metrics.accuracy").name == "tensorflow.metrics.accuracy"  # that of TensorFlow 1
    assert row("tensorflow.metrics.AUC").name == "keras.metrics.AUC"
    assert row("tensorflow.compat.v1.layers.dense").name == "tensorflow.layers.dense"
    assert row("tensorflow.layers.Dense").name == "keras.layers.Dense"
    assert "dim" in row("tensorflow.nn.softmax").keywords("axis")


def test_defaults_that_surprise() -> None:
    assert row("tf_slim.fully_connected").activation == ("argument", "activation_fn", "relu", "arg_scope")
    assert row("segmentation_models.Unet").activation == ("argument", "activation", "sigmoid")
    assert row("tensorflow.argmax").dim == ("argument", "axis", 0)
    assert row("flax.linen.softmax").axis == ("argument", "axis", -1)
    assert row("flax.linen.normalize").emits is Emission.LOGIT  # unit variance, not unit norm


def test_operations_share_the_rows_of_keras() -> None:
    assert row("tensorflow.reduce_mean").keywords("keepdim") == ("keepdim", "keepdims", "keep_dims")
    assert row("tensorflow.clip_by_value").keywords("x_min") == ("x_min", "min_value", "clip_value_min")
    assert row("tensorflow.one_hot").units == ("argument", "num_classes", None)
    assert "depth" in row("tensorflow.one_hot").keywords("num_classes")
    assert row("tensorflow.math.log").how == "log"

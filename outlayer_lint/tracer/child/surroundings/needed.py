"""The tensor that an operation, a model or a loss can take in the place of data that nobody knows."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

ROWS, STEPS = 4, 12
SIDE = 32  # of a picture, where nothing else says how large
CHANNELS_AT = 1
LOSSES = {
    "cross_entropy": "class", "nll_loss": "class", "multi_margin_loss": "class", "gaussian_nll_loss": "like",
    "binary_cross_entropy": "share", "binary_cross_entropy_with_logits": "share", "soft_margin_loss": "share",
    "mse_loss": "like", "l1_loss": "like", "smooth_l1_loss": "like", "huber_loss": "like", "kl_div": "simplex",
    "poisson_nll_loss": "share", "multilabel_soft_margin_loss": "share",
}  # fmt: skip


def needed(name: str, others: list[torch.Tensor]) -> torch.Tensor | None:
    """For an operation by its name and its other tensors; `None` where these say nothing of it."""
    first = others[0] if others else None
    if first is None:
        return None
    if name in LOSSES:
        return target(LOSSES[name], first)
    if name in ("embedding", "embedding_bag"):
        return torch.randint(0, first.shape[0], (ROWS, STEPS))
    if name == "linear":
        return torch.randn(ROWS, first.shape[1])
    if name.startswith("conv") and first.dim() >= 3:
        channels = first.shape[0] if "transpose" in name else first.shape[1]
        return torch.randn(ROWS, channels, *(SIDE,) * (first.dim() - 2))
    if name in ("gather", "index_select", "scatter", "scatter_", "take_along_dim"):
        return torch.zeros(first.shape, dtype=torch.int64)
    return like(first)


def like(other: torch.Tensor) -> torch.Tensor:
    """Of the same shape and type, random."""
    other = other.detach()
    if other.is_floating_point():
        return torch.randn_like(other)
    return torch.randint_like(other, 0, 2) if other.dtype != torch.bool else torch.zeros_like(other)


def target(kind: str, out: torch.Tensor) -> torch.Tensor:
    """What a loss compares an output with."""
    out = out.detach()
    if kind == "class":
        classes = out.shape[CHANNELS_AT] if out.dim() > CHANNELS_AT else out.shape[0]
        return torch.randint(0, max(classes, 1), (*out.shape[:1], *out.shape[2:]) if out.dim() > 1 else ())
    if kind == "share":
        return torch.randint_like(out, 0, 2)
    return functional.softmax(torch.randn_like(out), -1) if kind == "simplex" and out.dim() else torch.randn_like(out)


def arguments(hypothesis: Any, count: int) -> list[Any]:
    """The tensors of an input that was found, as many as the program gives."""
    found = [*hypothesis.args, *hypothesis.kwargs.values()]
    return (found + found[-1:] * count)[:count]

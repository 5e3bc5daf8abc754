"""A layer of a package that is missing: it passes its first tensor on, and whoever asks is told that it stands there.

What lies before and behind it is the user's own and can be run and read; what comes out of it is known to nobody.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import handle_torch_function, has_torch_function_unary

from outlayer_lint.tracer.child.surroundings.absent import Absent


def stood_in(tensor: torch.Tensor, of: str) -> torch.Tensor:
    """The tensor once more, by an operation that no row knows: what watches sees it, and says nothing of it."""
    if has_torch_function_unary(tensor):
        passed: torch.Tensor = handle_torch_function(stood_in, (tensor,), tensor, of)
        return passed
    return tensor.clone()


class StoodIn(torch.nn.Module):
    """A layer in the place of `of`, the path of what is missing."""

    def __init__(self, of: str) -> None:
        """See the class."""
        super().__init__()
        self.of = of

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The first tensor among the arguments."""
        return stood_in(first_tensor((*args, *kwargs.values())), self.of)

    def extra_repr(self) -> str:
        """What it stands for."""
        return self.of


def first_tensor(values: tuple[Any, ...]) -> torch.Tensor:
    """The first tensor of some arguments; raises `TypeError` where there is none."""
    for value in values:
        if isinstance(value, torch.Tensor):
            return value
    raise TypeError("a layer of a missing package is given no tensor")


def add_module(plain: Any) -> Any:
    """`nn.Module.add_module` that takes what is absent for a layer."""

    def added(self: torch.nn.Module, name: str, module: Any) -> None:
        plain(self, name, StoodIn(module.__dict__["_path"]) if isinstance(module, Absent) else module)

    return added

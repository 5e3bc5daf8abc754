"""Layers of torch that are one operation: what they call, so that they need not be looked into each time.

A recorder sees the first call of each kind in full; only where that was the operation that is foretold here is it taken
for the others as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - as everybody calls it
from torch.nn.modules import module as modules

if TYPE_CHECKING:
    from collections.abc import Callable

Foretold = tuple[Any, tuple[Any, ...], dict[str, Any]]  # the function, its arguments by position and by name
BEFORE, AFTER = modules._global_forward_pre_hooks, modules._global_forward_hooks
BACKWARD, BACKWARD_BEFORE = modules._global_backward_hooks, modules._global_backward_pre_hooks
PARAMETER = nn.Parameter


def is_plain(module: nn.Module) -> bool:
    """Whether nothing but its own `forward` runs when a layer is called: no hooks, nothing put in its place."""
    own = module.__dict__
    if own["_forward_hooks"] or own["_forward_pre_hooks"] or own["_backward_hooks"] or own["_backward_pre_hooks"]:
        return False
    if BEFORE or AFTER or BACKWARD or BACKWARD_BEFORE or "forward" in own or "_compiled_call_impl" in own:
        return False
    for parameter in own["_parameters"].values():
        if parameter is not None and type(parameter) is not PARAMETER:
            return False
    return torch._C._get_tracing_state() is None


def _linear(m: Any, x: Any) -> Foretold:
    own = m._parameters
    return F.linear, (x, own["weight"], own["bias"]), {}


def _convolution(function: Any) -> Callable[[Any, Any], Foretold]:
    def foretold(m: Any, x: Any) -> Foretold:
        own = m._parameters
        return function, (x, own["weight"], own["bias"], m.stride, m.padding, m.dilation, m.groups), {}

    return foretold


def _in_place(function: Any) -> Callable[[Any, Any], Foretold]:
    return lambda m, x: (function, (x,), {"inplace": m.inplace})


def _over_dim(function: Any) -> Callable[[Any, Any], Foretold]:
    return lambda m, x: (function, (x,), {"dim": m.dim, "_stacklevel": 5, "dtype": None})


def _dropped(function: Any) -> Callable[[Any, Any], Foretold]:
    return lambda m, x: (function, (x,), {"p": m.p, "training": m.training, "inplace": m.inplace})


def _layer_norm(m: Any, x: Any) -> Foretold:
    own = m._parameters
    return F.layer_norm, (x, m.normalized_shape), {"weight": own["weight"], "bias": own["bias"], "eps": m.eps}


def _max_pool(function: Any) -> Callable[[Any, Any], Foretold]:
    def foretold(m: Any, x: Any) -> Foretold:
        named = {"stride": m.stride, "padding": m.padding, "dilation": m.dilation}
        return function, (x, m.kernel_size), {**named, "ceil_mode": m.ceil_mode, "return_indices": m.return_indices}

    return foretold


LAYERS: dict[type, Callable[[Any, Any], Foretold]] = {
    nn.Linear: _linear,
    nn.Conv1d: _convolution(F.conv1d),
    nn.Conv2d: _convolution(F.conv2d),
    nn.Conv3d: _convolution(F.conv3d),
    nn.ReLU: _in_place(F.relu),
    nn.SiLU: _in_place(F.silu),
    nn.LeakyReLU: lambda m, x: (F.leaky_relu, (x,), {"negative_slope": m.negative_slope, "inplace": m.inplace}),
    nn.ELU: lambda m, x: (F.elu, (x,), {"alpha": m.alpha, "inplace": m.inplace}),
    nn.GELU: lambda m, x: (F.gelu, (x,), {"approximate": m.approximate}),
    nn.Sigmoid: lambda _, x: (torch.sigmoid, (x,), {}),
    nn.Tanh: lambda _, x: (torch.tanh, (x,), {}),
    nn.Softmax: _over_dim(F.softmax),
    nn.LogSoftmax: _over_dim(F.log_softmax),
    nn.Dropout: _dropped(F.dropout),
    nn.Dropout2d: _dropped(F.dropout2d),
    nn.Flatten: lambda m, x: (torch.Tensor.flatten, (x, m.start_dim, m.end_dim), {}),
    nn.MaxPool1d: _max_pool(F.max_pool1d),
    nn.MaxPool2d: _max_pool(F.max_pool2d),
    nn.AdaptiveAvgPool2d: lambda m, x: (F.adaptive_avg_pool2d, (x, m.output_size), {}),
    nn.LayerNorm: _layer_norm,
}

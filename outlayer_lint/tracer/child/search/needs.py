"""What a failing layer would have accepted: its rank, the size of one axis, its dtype, how high ids may be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

from outlayer_lint.tracer.child.search.layers import of_layer
from outlayer_lint.tracer.child.search.slots import BATCH, SIDE, TIME, Slot, tensor

if TYPE_CHECKING:
    from outlayer_lint.tracer.child.search.watching import Failure, Operand

CONV = re.compile(r"conv(_transpose)?([123])d")
SPLIT = re.compile(
    r"split_sizes to sum exactly to \d+ \(input tensor's size at dimension (-?\d+)\).*split_sizes=\[([\d, ]+)\]"
)


class Need(NamedTuple):
    """What an operand should have been.

    Attributes:
        operand: as it was.
        ranks: that are accepted, the likeliest first; () where any is.
        axis: whose size is wanted, counted as Python does.
        size: of that axis, 0 where only rank or dtype matter.
        dtype: `f32` or `i64`.
        high: exclusive bound of ids, 0 for none.
        whole: the slot that would do if the argument went in unchanged.
    """

    operand: Operand
    ranks: tuple[int, ...] = ()
    axis: int = -1
    size: int = 0
    dtype: str = "f32"
    high: int = 0
    whole: Slot | None = None


def need(failure: Failure) -> Need | None:
    """What the layer at the failure asks of its input, `None` where the failure is none of a layer's."""
    return _of_operation(failure) or _of_module(failure)


def _of_operation(failure: Failure) -> Need | None:
    operands = failure.operands
    if operands and (match := SPLIT.search(failure.message)):
        return Need(operands[0], (), int(match[1]), sum(int(word) for word in match[2].split(",")))
    if len(operands) < 2:
        return None
    first, weight = operands[0], operands[1].shape
    match = CONV.fullmatch(failure.op)
    if match and len(weight) > 2:
        dims = int(match[2])
        groups = int(found[1]) if (found := re.search(r"groups=(\d+)", failure.message)) else 1
        channels = weight[0] if match[1] else weight[1] * groups
        whole = tensor(BATCH, channels, *_extent(dims), free=tuple(range(2, dims + 2)))
        return Need(first, (dims + 2,), 1 if len(first.shape) == dims + 2 else -dims - 1, channels, whole=whole)
    match failure.op:
        case "linear" if len(weight) == 2 and not first.weight:
            return Need(first, (), -1, weight[-1], whole=tensor(BATCH, weight[-1]))
        case "mm" | "matmul" | "__matmul__" | "addmm" if len(weight) > 1 and not operands[1].sources and first.sources:
            return Need(first, (), -1, weight[-2])
        case "mm" | "matmul" | "__matmul__" if len(weight) > 1 and not first.sources and len(first.shape) > 1:
            return Need(operands[1], (), -2, first.shape[-1])
        case "embedding":
            if operands[0].weight:
                first, weight = operands[1], operands[0].shape
            return Need(first, (), 0, 0, "i64", weight[0], tensor(BATCH, TIME, dtype="i64", high=weight[0], free=(1,)))
        case "batch_norm" | "instance_norm" if len(weight) == 1 and len(first.shape) > 1:
            return Need(first, (), 1, weight[0])
        case "layer_norm" | "rms_norm" if weight:
            return Need(first, (), -1, weight[-1], whole=tensor(BATCH, TIME, weight[-1], free=(1,)))
    return None


def _of_module(failure: Failure) -> Need | None:
    module, entering = failure.module, failure.entering
    if module is None or not entering:
        return None
    first = entering[0]
    match module:
        case nn.RNN() | nn.LSTM() | nn.GRU():
            return Need(first, (3,), -1, module.input_size, whole=of_layer(module, module))
        case nn.RNNCellBase():
            return Need(first, (2,), -1, module.input_size, whole=of_layer(module, module))
        case nn.MultiheadAttention():
            return Need(first, (3,), -1, module.embed_dim, whole=of_layer(module, module))
        case nn.Linear():
            return Need(first, (), -1, module.in_features, whole=of_layer(module, module))
        case nn.Embedding() | nn.EmbeddingBag():
            return Need(first, (), 0, 0, "i64", module.num_embeddings, of_layer(module, module))
        case nn.BatchNorm1d() | nn.BatchNorm2d() | nn.BatchNorm3d():
            ranks = {nn.BatchNorm1d: (2, 3), nn.BatchNorm2d: (4,), nn.BatchNorm3d: (5,)}
            found = next((rank for kind, rank in ranks.items() if isinstance(module, kind)), ())
            return Need(first, found, 1, module.num_features, whole=of_layer(module, module))
        case nn.modules.conv._ConvNd():
            dims = len(module.kernel_size)
            return Need(first, (dims + 2,), -dims - 1, module.in_channels, whole=of_layer(module, module))
        case nn.MaxPool2d() | nn.AvgPool2d() | nn.AdaptiveAvgPool2d() | nn.Upsample():
            return Need(first, (4,), 0, 0)
        case nn.MaxPool1d() | nn.AvgPool1d() | nn.AdaptiveAvgPool1d():
            return Need(first, (3,), 0, 0)
        case _:
            return None


def _extent(dims: int) -> tuple[int, ...]:
    return {1: (128,), 2: (SIDE, SIDE), 3: (16, 32, 32)}[dims]


def is_satisfied(wanted: Need) -> bool:
    """Whether the operand already is what the layer asks for: the failure then has another cause."""
    shape = wanted.operand.shape
    if wanted.ranks and len(shape) not in wanted.ranks:
        return False
    floating = wanted.operand.dtype.is_floating_point or wanted.operand.dtype.is_complex
    if (wanted.dtype == "f32") != floating and wanted.operand.dtype != torch.bool:
        return False
    if not wanted.size:
        return not wanted.high
    return -len(shape) <= wanted.axis < len(shape) and shape[wanted.axis] == wanted.size

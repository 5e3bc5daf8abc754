"""What a layer accepts when nothing stands before it, and the state that a recurrent one is given."""

from __future__ import annotations

from torch import nn

from outlayer_lint.tracer.child import adapters
from outlayer_lint.tracer.child.search.entries import parameters_of
from outlayer_lint.tracer.child.search.slots import BATCH, SIDE, TIME, Slot, tensor, value

RNN = (nn.RNN, nn.LSTM, nn.GRU)


def hidden(model: nn.Module, low: str) -> Slot:
    """A state of the first recurrent layer for an argument of that name, or none at all."""
    rnn = next((m for m in model.modules() if isinstance(m, RNN)), None)
    if rnn is None:
        cell = next((m for m in model.modules() if isinstance(m, nn.RNNCellBase)), None)
        if cell is None:
            return value(None)
        one = tensor(BATCH, cell.hidden_size)
        return _pair(one) if isinstance(cell, nn.LSTMCell) and not _single(low) else one
    layers = rnn.num_layers * (2 if rnn.bidirectional else 1)
    one = tensor(layers, BATCH, rnn.hidden_size, batch=1)
    apart = any(parameter.name.lower() in CELLS for parameter in parameters_of(model))
    return _pair(one) if isinstance(rnn, nn.LSTM) and not _single(low) and not apart else one


CELLS = frozenset({"c", "cx", "c0", "c_0", "cell", "cell_state"})


def _pair(slot: Slot) -> Slot:
    return Slot("tuple", batch=None, parts=(("0", slot), ("1", slot)))


def _single(low: str) -> bool:
    return low in {"h", "c", "hx", "cx", "h0", "c0", "h_0", "c_0", "cell", "cell_state", "hidden_state"}


def of_layer(model: nn.Module, leaf: nn.Module) -> Slot:
    """What a layer accepts when nothing stands before it."""
    match leaf:
        case nn.Conv1d() | nn.ConvTranspose1d():
            return tensor(BATCH, leaf.in_channels, 128, free=(2,))
        case nn.ConvTranspose2d():
            return (
                tensor(BATCH, leaf.in_channels, 1, 1, free=(2, 3)) if leaf.in_channels > 4 else image(leaf.in_channels)
            )
        case nn.Conv2d():
            return image(leaf.in_channels, _side(model))
        case nn.Conv3d() | nn.ConvTranspose3d():
            return tensor(BATCH, leaf.in_channels, 16, 32, 32, free=(2, 3, 4))
        case nn.Embedding() | nn.EmbeddingBag():
            return tensor(BATCH, TIME, dtype="i64", high=leaf.num_embeddings, free=(1,))
        case nn.RNN() | nn.LSTM() | nn.GRU():
            if leaf.batch_first:
                return tensor(BATCH, TIME, leaf.input_size, free=(1,))
            return tensor(TIME, BATCH, leaf.input_size, batch=1, free=(0,))
        case nn.RNNCellBase():
            return tensor(BATCH, leaf.input_size)
        case nn.MultiheadAttention():
            first = leaf.batch_first
            shape = (BATCH, TIME, leaf.embed_dim) if first else (TIME, BATCH, leaf.embed_dim)
            return tensor(*shape, batch=0 if first else 1, free=(1 if first else 0,))
        case nn.Linear():
            return tensor(BATCH, leaf.in_features)
        case nn.Bilinear():
            return tensor(BATCH, leaf.in1_features)
        case nn.BatchNorm1d():
            return tensor(BATCH, leaf.num_features)
        case nn.BatchNorm2d() | nn.InstanceNorm2d():
            return image(leaf.num_features)
        case nn.GroupNorm():
            return image(leaf.num_channels)
        case nn.LayerNorm():
            return (
                tensor(BATCH, *leaf.normalized_shape)
                if len(leaf.normalized_shape) > 1
                else tensor(BATCH, TIME, *leaf.normalized_shape, free=(1,))
            )
        case _:
            return adapters.layer_slot(leaf) or tensor(BATCH, 16)


def image(channels: int, side: int = SIDE) -> Slot:
    """A batch of square images."""
    return tensor(BATCH, channels, side, side, free=(2, 3))


def _side(model: nn.Module) -> int:
    """The size that the model says of itself (`img_size`), as vision transformers do."""
    for module in model.modules():
        if type(module).__module__.startswith("torch.nn."):
            continue  # `input_size` of a recurrent layer is none of a picture's
        for name in ("img_size", "image_size", "input_resolution", "img_dim", "input_size"):
            found = module.__dict__.get(name)
            found = found[-1] if isinstance(found, (tuple, list)) and found else found
            if isinstance(found, int) and not isinstance(found, bool) and 8 <= found <= 1024:
                return found
    return SIDE


def first_of(model: nn.Module, kind: type[nn.Module] | tuple[type[nn.Module], ...]) -> nn.Module | None:
    """The first part of a model that is of a kind."""
    return next((m for m in model.modules() if isinstance(m, kind)), None)

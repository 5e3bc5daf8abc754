"""Hugging Face: inputs from the configuration; `from_pretrained` without a network gives random weights."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from outlayer_lint.tracer.child.search.slots import BATCH, TIME, Slot, tensor

if TYPE_CHECKING:
    from torch import nn

    from outlayer_lint.tracer.child.search.slots import State

# Sizes of a configuration that only cost time: the heads, which are what is judged, keep theirs.
FEWER = {"num_hidden_layers": 2, "n_layer": 2, "n_layers": 2, "num_layers": 2, "encoder_layers": 2, "decoder_layers": 2,
         "num_decoder_layers": 2}  # fmt: skip
SECOND = 16_000  # samples of a second of speech


def settle() -> None:
    """Models and configurations are made from their names, with random weights, where they cannot be loaded."""
    try:
        import transformers  # noqa: PLC0415 - only where the user's code has it
    except Exception:  # noqa: BLE001 - a broken installation is the user's affair
        return
    if getattr(transformers.PreTrainedModel.from_pretrained, "_traced", False):
        return

    def pretrained(cls: Any, name: Any = None, /, *_: Any, config: Any = None, **kwargs: Any) -> Any:
        """A model of the class, its configuration guessed from the name of the checkpoint."""
        config = config if config is not None else configured(cls, str(name), kwargs)
        return cls(config) if hasattr(cls, "config_class") and cls.config_class is not None else cls.from_config(config)

    def configured(cls: Any, name: str, kwargs: dict[str, Any]) -> Any:
        own = getattr(cls, "config_class", None)
        kind = own if own is not None else _kind(transformers, name)
        return small(kind(), kwargs)

    pretrained._traced = True  # type: ignore[attr-defined]
    transformers.PreTrainedModel.from_pretrained = classmethod(pretrained)
    for name in dir(transformers.models.auto.modeling_auto):
        cls = getattr(transformers, name, None)
        if name.startswith("AutoModel") and isinstance(cls, type):
            cls.from_pretrained = classmethod(pretrained)  # type: ignore[attr-defined]
    if hasattr(transformers.PreTrainedModel, "get_expanded_tied_weights_keys"):
        transformers.PreTrainedModel.init_weights = _init_weights(transformers.PreTrainedModel.init_weights)
    transformers.AutoConfig.from_pretrained = classmethod(lambda _, name, **kwargs: configured(None, str(name), kwargs))


def _init_weights(plain: Any) -> Any:
    """`init_weights` for models that were written when it was all that a constructor had to end with."""

    def init_weights(self: Any) -> None:
        plain(self) if hasattr(self, "all_tied_weights_keys") else self.post_init()

    return init_weights


def small(config: Any, more: dict[str, Any] | None = None) -> Any:
    """The configuration with few layers, and with `more` as far as it has words for it."""
    for key, value in {**FEWER, **(more or {})}.items():
        if hasattr(config, key):
            setattr(config, key, value)
    return config


def _kind(transformers: Any, name: str) -> Any:
    """The configuration class whose word the name of a checkpoint contains: `bert-base-uncased` is `bert`."""
    mapping = transformers.models.auto.configuration_auto.CONFIG_MAPPING
    low = name.lower().replace("_", "-")
    words = [word for word in mapping.keys() if word.replace("_", "-") in low]  # noqa: SIM118 - no plain dict
    if not words:
        raise OSError(f"no architecture is called as in `{name}`")
    return mapping[max(words, key=len)]


def state(model: nn.Module, names: list[str]) -> State:
    """Inputs by the configuration; () for models of other libraries."""
    if "transformers" not in sys.modules or not isinstance(model, sys.modules["transformers"].PreTrainedModel):
        return ()
    config: Any = model.config
    main = getattr(model, "main_input_name", "input_ids")
    slot = _slot(main, config)
    if slot is None or main not in names:
        return ()
    found: State = ((main, slot),)
    if main != "input_ids" and "input_ids" in names and getattr(config, "text_config", None) is not None:
        found = (("input_ids", _slot("input_ids", config) or tensor(BATCH, TIME, dtype="i64", high=10)), *found)
    if getattr(config, "is_encoder_decoder", False) and "decoder_input_ids" in names:
        found = (*found, ("decoder_input_ids", tensor(BATCH, TIME, dtype="i64", high=_vocabulary(config))))
    return found


def _slot(name: str, config: Any) -> Slot | None:
    match name:
        case "input_ids":
            return tensor(BATCH, TIME, dtype="i64", high=_vocabulary(config), free=(1,))
        case "pixel_values":
            vision = getattr(config, "vision_config", config)
            side = getattr(vision, "image_size", None) or 64
            side = side if isinstance(side, int) else max(side)
            return tensor(BATCH, getattr(vision, "num_channels", 3), side, side, free=(2, 3))
        case "input_values":
            return tensor(BATCH, SECOND, free=(1,))
        case "input_features":
            steps = 2 * (getattr(config, "max_source_positions", None) or 64)
            return tensor(BATCH, getattr(config, "num_mel_bins", 80), steps, free=(2,))
        case _:
            return None


def _vocabulary(config: Any) -> int:
    text = getattr(config, "text_config", None) or getattr(config, "decoder", None) or config
    size = getattr(text, "vocab_size", None) or getattr(config, "vocab_size", None) or 100
    return int(size) if isinstance(size, int) else 100

"""Chains and forms on models of public libraries (goals G7 and G10).

`python benchmarks/tracer/library.py SET [--slice I/N] [--skip N] [--seconds S] [--each N] [--encoder NAME]`, SET one of `timm`,
`torchvision`, `transformers` (the usual heads), `heads` (the other heads of transformers), `smp`, with random weights and small inputs. Of each model: does the chain of every floating output reach a layer with
weights, with a line of source for each step (G7), and is any output claimed to be activated that is not (G10)? What the
model's own class says it returns is known: scores everywhere but where `activation=` was asked for.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import forked
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

sys.path.insert(0, str(Path(__file__).parents[2]))

from outlayer_lint.tracer.child.recording import chains
from outlayer_lint.tracer.child.recording.forms import identify
from outlayer_lint.tracer.child.recording.recorder import record

Model = tuple[Any, tuple[Any, ...], dict[str, Any]]  # with its arguments
SECONDS = 30.0
SMALL = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 37, "vocab_size": 99,
    "max_position_embeddings": 64, "num_key_value_heads": 4, "d_model": 32, "n_embd": 32, "n_layer": 2, "n_head": 4,
    "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4, "decoder_attention_heads": 4,
    "encoder_ffn_dim": 37, "decoder_ffn_dim": 37, "d_ff": 37, "num_layers": 2, "num_heads": 4, "d_kv": 8,
    "embedding_size": 32, "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 37, "image_size": 32, "patch_size": 8,
    "head_dim": 8, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
LITTLE = (
    "tiny",
    "small",
    "nano",
    "atto",
    "femto",
    "pico",
    "xx",
    "mini",
    "micro",
    "18",
    "b0",
    "_s",
    "test",
    "000",
    "002",
)
TASKS = (
    "ForSequenceClassification", "ForTokenClassification", "ForMaskedLM", "ForCausalLM", "ForImageClassification",
    "ForQuestionAnswering", "ForMultipleChoice",
)  # fmt: skip
OTHER_TASKS = (
    "ForConditionalGeneration", "ForPreTraining", "ForNextSentencePrediction", "ForSemanticSegmentation", "LMHeadModel",
    "ForAudioClassification", "ForMaskedImageModeling", "ForVideoClassification", "ForImageClassificationWithTeacher",
    "ForUniversalSegmentation", "ForDepthEstimation", "ForCTC", "ForAudioFrameClassification", "ForXVector",
    "ForQuestionAnsweringSimple", "WithLMHeadModel", "ForObjectDetection",
)  # fmt: skip


def timm(each: int, encoder: str = "") -> Iterator[tuple[str, Callable[[], Model]]]:
    """Some models of every family, small ones first."""
    del encoder
    import timm as library  # noqa: PLC0415

    for module in library.list_modules():
        names = sorted(
            library.list_models(module=module), key=lambda name: (not any(w in name for w in LITTLE), len(name))
        )
        for name in names[:each]:

            def build(name: str = name) -> Model:
                model = library.create_model(name, pretrained=False, num_classes=7).eval()
                shape = model.pretrained_cfg.get("input_size", (3, 224, 224))
                small = torch.randn(1, 3, 96, 96)
                try:
                    with torch.no_grad():
                        model(small)
                except Exception:  # noqa: BLE001 - a size that is fixed
                    return model, (torch.randn(1, *shape),), {}
                return model, (small,), {}

            yield name, build


def torchvision(each: int, encoder: str = "") -> Iterator[tuple[str, Callable[[], Model]]]:
    """Classification and segmentation."""
    from torchvision import models  # noqa: PLC0415

    del each, encoder

    for name in models.list_models():
        builder = models.get_model_builder(name)
        if builder.__module__.startswith(("torchvision.models.detection", "torchvision.models.optical_flow")):
            continue
        video = builder.__module__.startswith("torchvision.models.video")

        segments = builder.__module__.startswith("torchvision.models.segmentation")
        known = {"weights": None, "weights_backbone": None} if segments else {"weights": None}

        def build(name: str = name, video: bool = video, known: Any = known) -> Model:  # noqa: FBT001
            model = models.get_model(name, **known).eval()
            fixed = name.startswith(("vit", "maxvit", "swin"))
            size = 224 if fixed else 96  # what a small picture shows a large one does as well
            return model, (torch.randn(1, 3, 16, 112, 112) if video else torch.randn(1, 3, size, size),), {}

        yield name, build


def smp(each: int, encoder: str = "resnet18") -> Iterator[tuple[str, Callable[[], Model]]]:
    """Each architecture with and without an activation."""
    import segmentation_models_pytorch as library  # noqa: PLC0415

    del each

    for architecture in library.MODEL_ARCHITECTURES_MAPPING:
        for activation in (None, "sigmoid", "softmax2d", "logsoftmax", "tanh"):

            def build(architecture: str = architecture, activation: str | None = activation) -> Model:
                model = library.create_model(
                    architecture,
                    encoder_name=encoder or "resnet18",
                    encoder_weights=None,
                    classes=3,
                    activation=activation,
                )
                return model.eval(), (torch.randn(1, 3, 64, 64),), {}

            yield f"{architecture}+{activation}", build


def heads(each: int, encoder: str = "") -> Iterator[tuple[str, Callable[[], Model]]]:
    """The other heads of transformers."""
    yield from transformers(each, encoder, OTHER_TASKS)


def transformers(
    each: int, encoder: str = "", tasks: tuple[str, ...] = TASKS
) -> Iterator[tuple[str, Callable[[], Model]]]:
    """Classes with a head, their configuration made small where it has the usual words."""
    import transformers as library  # noqa: PLC0415
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING  # noqa: PLC0415

    del each, encoder

    for kind in list(CONFIG_MAPPING):
        try:
            config_class = CONFIG_MAPPING[kind]
            stem = config_class.__name__.removesuffix("Config")
        except Exception:  # noqa: BLE001 - what cannot be imported here
            continue
        for task in tasks:
            found = getattr(library, stem + task, None)
            if found is None:
                continue

            def build(config_class: Any = config_class, name: str = stem + task) -> Model:
                plain = config_class()
                config = config_class(**{k: v for k, v in SMALL.items() if hasattr(plain, k)})
                model = getattr(library, name)(config).eval()
                if model.main_input_name == "pixel_values" or "Image" in name:
                    size = getattr(config, "image_size", 32)
                    size = size if isinstance(size, int) else 32
                    frames = (1, getattr(config, "num_frames", 8)) if "Video" in name else (1,)
                    return model, (), {"pixel_values": torch.randn(*frames, 3, size, size)}
                if model.main_input_name in ("input_values", "input_features"):
                    return model, (), {model.main_input_name: torch.randn(*_sound(config, model.main_input_name))}
                shape = (1, 2, 9) if "MultipleChoice" in name else (1, 9)
                return model, (), {"input_ids": torch.randint(3, 90, shape)}

            yield stem + task, build


def _sound(config: Any, name: str) -> tuple[int, ...]:
    """A second of sound, or its features."""
    bins = getattr(config, "num_mel_bins", getattr(config, "feature_projection_input_dim", 80))
    steps = getattr(config, "max_length", 0) or 2 * getattr(config, "max_source_positions", 100)
    return (1, 4000) if name == "input_values" and not hasattr(config, "num_mel_bins") else (1, steps, bins)


SETS = {"timm": timm, "torchvision": torchvision, "smp": smp, "transformers": transformers, "heads": heads}
EXPECTED = {"sigmoid": "sigmoid", "softmax2d": "softmax@1", "logsoftmax": "log_softmax@1", "tanh": "tanh"}
SCORES = ("raw", "unknown", "simplex")


def measured(build: Callable[[], Model]) -> dict[str, Any]:
    """Chains and forms of one model."""
    torch.manual_seed(0)
    try:
        model, args, kwargs = build()
        with torch.no_grad():
            model(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 - the library's own affair
        return {"unbuilt": f"{type(error).__name__}: {error}"[:100]}
    start = time.process_time()
    recording = record(model, args, kwargs)
    recorded = time.process_time() - start
    chain: dict[str, bool] = {}
    for output in recording.outputs:
        if output.tensor.is_floating_point() and output.tensor.requires_grad is False:
            path, complete = chains.walk_back(output.mark)
            chain[output.path] = complete and all(mark.place is not None for mark in path)
    forms = identify(model, SimpleNamespace(args=args, kwargs=kwargs), recording)
    heads = [path for path in chain if path == "out" or "logits" in path or path in ("out['out']", "out['aux']")]
    told = {path: forms[path].value for path in (heads or chain)}
    return {"chain": chain, "forms": told, "seconds": [recorded, time.process_time() - start]}


def main() -> None:
    """Print what is not complete and every claim, then the sums."""
    parser = argparse.ArgumentParser()
    parser.add_argument("set", choices=tuple(SETS))
    parser.add_argument("--slice", default="0/1")
    parser.add_argument("--seconds", type=float, default=55.0)
    parser.add_argument("--skip", type=int, default=0, help="so many of the set's models")
    parser.add_argument("--encoder", default="", help="of smp")
    parser.add_argument("--each", type=int, default=4, help="models of one family of timm")
    options = parser.parse_args()
    index, parts = map(int, options.slice.split("/"))
    torch.set_num_threads(1)
    forked.warm()
    end = time.monotonic() + options.seconds
    sums: Counter[str] = Counter()
    for number, (name, build) in enumerate(SETS[options.set](options.each, options.encoder)):
        if number % parts != index or number < options.skip:
            continue
        if time.monotonic() > end:
            sums["left for want of time"] += 1
            continue
        seen = forked.run(lambda build=build: measured(build), SECONDS)  # type: ignore[misc]
        if "failed" in seen or "unbuilt" in seen:
            sums["failed" if "failed" in seen else "could not be built"] += 1
            print(name, seen)
            continue
        sums["models"] += 1
        sums["models with every chain complete"] += all(seen["chain"].values())
        sums["outputs"] += len(seen["chain"])
        sums["chains complete"] += sum(seen["chain"].values())
        if not all(seen["chain"].values()):
            print("CHAIN", name, [path for path, good in seen["chain"].items() if not good][:4])
        wanted = EXPECTED.get(name.partition("+")[2], "raw")
        for path, told in seen["forms"].items():
            value = "raw" if told.rpartition("*")[2].startswith("raw") else told  # scaled scores are scores
            sums["heads"] += 1
            sums[
                f"heads {'right' if value == wanted else 'open' if value.startswith(SCORES[1:]) else 'claimed otherwise'}"
            ] += 1
            if value != wanted:
                print("FORM", name, path, value, "wanted", wanted)
    print(options.set, options.slice, dict(sums))


if __name__ == "__main__":
    main()

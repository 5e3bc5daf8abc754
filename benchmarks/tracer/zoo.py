"""G1 to G3: is an input found for the models of public libraries, with no hint at all.

    python benchmarks/tracer/zoo.py timm --slice 0/8       # one model of every family, built without data
    python benchmarks/tracer/zoo.py torchvision
    python benchmarks/tracer/zoo.py smp
    python benchmarks/tracer/zoo.py transformers [--metadata]

Each slice is meant to stay within a minute or two. A line for every model that failed, then the figures.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from outlayer_lint.tracer.child.limits import TooLong, at_most
from outlayer_lint.tracer.child.search.inputs import Found, search
from outlayer_lint.tracer.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BUDGET_S, TRIES, BUILD_S = 60.0, 80, 60
Model = tuple[str, "Callable[[], torch.nn.Module]"]


def timm_models(*, every: bool) -> Iterator[Model]:
    """One model of every module of timm, the first by name, and up to three more spread over it; or all of them."""
    import timm  # noqa: PLC0415 - only where it is measured

    for family in timm.list_modules():
        names = timm.list_models(module=family)
        chosen = names if every else sorted({names[0], *names[:: max(len(names) // 3, 1)]})
        for name in chosen:
            yield f"{family}/{name}", partial(timm.create_model, name, pretrained=False)


def torchvision_models() -> Iterator[Model]:
    """One classifier of each family, and all of segmentation and video that need no compiled operator."""
    from torchvision import models  # noqa: PLC0415

    for name in models.list_models():
        place = models.get_model_builder(name).__module__
        if "detection" not in place and "quantization" not in place:
            arguments = {"weights": None, **({"weights_backbone": None} if "segmentation" in place else {})}
            yield name, partial(models.get_model, name, **arguments)


def smp_models() -> Iterator[Model]:
    """Every architecture with five encoders."""
    import segmentation_models_pytorch as smp  # noqa: PLC0415

    for name in sorted(smp.MODEL_ARCHITECTURES_MAPPING):
        for encoder in ("resnet18", "mobilenet_v2", "timm-regnetx_002", "efficientnet-b0", "densenet121"):
            yield f"{name}/{encoder}", partial(smp.create_model, name, encoder, encoder_weights=None)


SMALL = {
    "hidden_size": 32, "d_model": 32, "dim": 32, "n_embd": 32, "embed_dim": 32, "intermediate_size": 64, "num_hidden_layers": 4,
    "num_layers": 2, "n_layer": 2, "n_layers": 2, "encoder_layers": 2, "decoder_layers": 2, "num_attention_heads": 4, "n_head": 4,
    "n_heads": 4, "num_heads": 4, "encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64, "vocab_size": 99, "num_key_value_heads": 4, "d_ff": 64, "d_kv": 8, "num_decoder_layers": 2,
    "ffn_dim": 64, "hidden_dim": 32, "n_positions": 64, "max_position_embeddings": 64, "word_embed_proj_dim": 32,
    "num_local_experts": 4, "num_experts": 4, "head_dim": 8, "moe_intermediate_size": 32, "num_experts_per_tok": 2, "top_k": 2, "n_routed_experts": 4, "n_group": 1, "topk_group": 1, "rotary_dim": 8,
}  # fmt: skip
HEADS = ("ForSequenceClassification", "ForTokenClassification", "ForImageClassification", "ForCausalLM", "ForMaskedLM",
         "ForConditionalGeneration", "ForQuestionAnswering", "ForSemanticSegmentation", "ForAudioClassification", "ForCTC")  # fmt: skip


def transformers_models() -> Iterator[Model]:
    """Classes with a head, one or two of each architecture, their configuration made small where it has the usual words."""
    import transformers  # noqa: PLC0415
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING  # noqa: PLC0415

    for kind in sorted(CONFIG_MAPPING.keys()):
        try:
            config = CONFIG_MAPPING[kind]
        except (ImportError, AttributeError, KeyError):
            continue
        prefix = config.__name__.removesuffix("Config")
        names = [prefix + head for head in HEADS if hasattr(transformers, prefix + head)][:2]
        for name in names:
            yield name, partial(_tiny, transformers, name, config)


def _tiny(transformers: Any, name: str, config: Any) -> torch.nn.Module:
    made: torch.nn.Module = getattr(transformers, name)(_small(config))
    return made


def _small(config: Any) -> Any:
    """A configuration of that class whose counts are small and fit each other; lists and texts stay as they are."""
    whole = config()
    parts = {
        name: _small(type(part)).to_dict()
        for name, part in vars(whole).items()
        if hasattr(part, "to_dict") and not name.startswith("_")
    }
    counts = {
        name: min(size, getattr(whole, name))
        for name, size in SMALL.items()
        if type(getattr(whole, name, None)) is int and getattr(whole, name) > 0
    }
    if any(isinstance(getattr(whole, name, None), (list, tuple)) for name in ("num_heads", "num_attention_heads")):
        counts = {name: size for name, size in counts.items() if name not in WIDTHS}
    if hasattr(whole, "qk_rope_head_dim"):
        counts |= {"qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8, "head_dim": 8}
    if "vocab_size" in counts:
        ids = [name for name in vars(whole) if name.endswith("token_id") and type(getattr(whole, name)) is int]
        counts |= {name: counts["vocab_size"] - 1 - at for at, name in enumerate(ids) if getattr(whole, name) >= 99}
    rope = getattr(whole, "rope_parameters", None) or {}
    if (section := rope.get("mrope_section")) and "num_attention_heads" in counts:
        before = getattr(whole, "head_dim", None) or whole.hidden_size // whole.num_attention_heads
        small = [max(1, size * 8 // before) for size in section]
        small[-1] += sum(section) * 8 // before - sum(small)
        parts["rope_parameters"] = {**rope, "mrope_section": small}
    return config(**counts, **parts)


# Of models whose every stage has a width and a depth of its own.
WIDTHS = frozenset("hidden_size embed_dim hidden_dim dim num_layers num_hidden_layers".split())


def main() -> int:
    """Measures one library."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", choices=("timm", "torchvision", "smp", "transformers"))
    parser.add_argument("--slice", default="0/1", help="which part of how many")
    parser.add_argument("--metadata", action="store_true", help="what the library knows of its models may be asked")
    parser.add_argument("--every", action="store_true", help="all models of timm")
    parser.add_argument("--real", action="store_true", help="built with data, so confirmed on the CPU")
    parser.add_argument("--only", default="", help="names that contain this")
    parser.add_argument("--explain", action="store_true")
    parser.add_argument("--json", default="", help="file that one line for each model is added to")
    options = parser.parse_args()
    part, parts = map(int, options.slice.split("/"))
    made = {
        "timm": lambda: timm_models(every=options.every),
        "torchvision": torchvision_models, "smp": smp_models, "transformers": transformers_models,
    }[options.library]()  # fmt: skip
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    device = "cpu" if options.real or options.library == "transformers" else "meta"
    rows = []
    for number, (name, build) in enumerate(made):
        if number % parts != part or options.only not in name:
            continue
        row = _measured(name, build, device, options)
        rows.append(row)
        if not row["found"]:
            print(f"{name}: {row['why']}", flush=True)
        if options.json:
            with open(options.json, "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
    built = [row for row in rows if row["built"]]
    found = [row for row in built if row["found"]]
    print(f"{len(rows)} tried, {len(built)} built, {len(found)} found")
    if found:
        seconds, tries = sorted(row["cpu_s"] for row in found), sorted(row["tries"] for row in found)
        print(f"CPU s: median {statistics.median(seconds):.2f}, p90 {seconds[len(seconds) * 9 // 10]:.2f}")
        print(f"tries: median {statistics.median(tries)}, p90 {tries[len(tries) * 9 // 10]}")
    return 0


def _measured(
    name: str, build: Callable[[], torch.nn.Module], device: str, options: argparse.Namespace
) -> dict[str, Any]:
    try:
        with torch.device(device), at_most(BUILD_S):
            model = build().eval()
    except (Exception, TooLong, SystemExit) as error:  # noqa: BLE001 - a library's model may fail in any way
        return {
            "name": name,
            "built": False,
            "found": False,
            "why": f"not built: {type(error).__name__}: {str(error)[:150]}",
        }
    log = print if options.explain else (lambda _: None)
    began = time.process_time()
    result = search(model, Target(name), budget_s=BUDGET_S, max_tries=TRIES, log=log, metadata=options.metadata)
    row: dict[str, Any] = {
        "name": name,
        "built": True,
        "found": isinstance(result, Found),
        "cpu_s": time.process_time() - began,
    }
    if isinstance(result, Found):
        best = result.hypotheses[0]
        return {**row, "tries": result.tries, "inputs": {spec.name: list(spec.shape) for spec in best.specs}}
    return {**row, "why": result.why}


if __name__ == "__main__":
    sys.exit(main())

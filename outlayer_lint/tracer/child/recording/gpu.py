"""The same forward pass on a GPU: in each precision, is it finite, does it decide alike, what does it take.

A model gets here only after it ran on the CPU: an index that is out of range is a device-side assert there, which
spoils the whole process. Without a GPU none of this is done.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import torch

from outlayer_lint.tracer.child.recording import nested
from outlayer_lint.tracer.child.recording.recorder import evaluating, seeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from outlayer_lint.tracer.child.recording.recorder import Recording
    from outlayer_lint.tracer.child.search.inputs import Hypothesis

AUTOCAST = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}
SCALES = (1.0, 10.0)  # of the input
WARM, TIMED = 3, 10  # forward passes
SLACK = 512 << 20  # bytes that a context and its libraries take besides


class Spoiled(Exception):
    """The GPU cannot be used by this process any more; `told` is what was seen before."""

    def __init__(self, told: dict[str, Any], why: str) -> None:
        """`why` is the first line of torch's message."""
        super().__init__(why)
        self.told = told


def resolved(device: str) -> str:
    """`cpu` or the GPU that is meant; "" where one is asked for and there is none."""
    if device == "cpu":
        return "cpu"
    there = torch.cuda.is_available()
    if device == "auto":
        return "cuda:0" if there else "cpu"
    number = int(device.partition(":")[2] or 0)
    return f"cuda:{number}" if there and number < torch.cuda.device_count() else ""


def estimated(model: Any, recording: Recording) -> int:
    """Bytes that a forward pass should take at most: parameters, buffers, and twice what comes out."""
    held = [*model.parameters(), *model.buffers()] if isinstance(model, torch.nn.Module) else []
    tensors = (*held, *(output.tensor for output in recording.outputs for _ in range(2)))
    return int(sum(tensor.numel() * tensor.element_size() for tensor in tensors))


def tried_on(
    model: Any, hypothesis: Hypothesis, recording: Recording, device: str, dtypes: Iterable[str], memory: int
) -> dict[str, Any]:
    """`{"fp32": {"finite": true, "agrees": true, "ms": 1.2, "peak": 12345}, ...}`; the model is moved back.

    Raises `Spoiled` after an error that the process does not recover from.
    """
    told: dict[str, Any] = {}
    if estimated(model, recording) + SLACK > memory:
        return {"skipped": "it would not fit into the memory that is allowed"}
    wanted = [output.tensor for output in recording.outputs]
    try:
        moved = model.to(device)
        args, kwargs = _moved(hypothesis.args, device), _moved(hypothesis.kwargs, device)
        for dtype in dtypes:
            told[dtype] = _pass(moved, args, kwargs, wanted, device, AUTOCAST[dtype])
    except torch.cuda.OutOfMemoryError:
        torch.cuda.empty_cache()
        told["skipped"] = "out of memory"
    except RuntimeError as error:
        why = str(error).partition("\n")[0]
        if "CUDA error" in why or "device-side" in why:
            raise Spoiled(told, why) from None
        told["failed"] = why[:200]
    model.to("cpu")
    return told


def _pass(
    model: Any, args: Any, kwargs: Any, wanted: list[torch.Tensor], device: str, half: torch.dtype | None
) -> dict[str, Any]:
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.cuda.reset_peak_memory_stats(device)
    finite, agrees = True, True
    for scale in SCALES:
        found = _forward(model, _scaled(args, scale), _scaled(kwargs, scale), half)
        finite = finite and all(bool(torch.isfinite(each).all()) for each in found if each.is_floating_point())
        if scale == 1.0:
            agrees = all(map(_agree, found, wanted))
    milliseconds = _timed(lambda: _forward(model, args, kwargs, half))
    return {
        "finite": finite, "agrees": agrees, "ms": milliseconds, "peak": torch.cuda.max_memory_allocated(device),
    }  # fmt: skip


def _forward(model: Any, args: Any, kwargs: Any, half: torch.dtype | None) -> list[torch.Tensor]:
    cast = torch.autocast("cuda", dtype=half, enabled=half is not None)
    with evaluating(model), torch.no_grad(), cast:
        seeded()
        return [tensor for _, tensor in nested.walk(model(*args, **kwargs))]


def _agree(found: torch.Tensor, wanted: torch.Tensor) -> bool:
    """Whether both pick the same along the last dim, in nearly all rows."""
    if found.shape != wanted.shape:
        return False
    if found.dim() == 0 or found.shape[-1] == 1 or not found.is_floating_point():
        return True
    same = (found.float().cpu().argmax(-1) == wanted.float().argmax(-1)).float()
    return bool(same.mean() > 0.9) if same.numel() else True


def _timed(forward: Callable[[], Any]) -> float:
    for _ in range(WARM):
        forward()
    took: list[float] = []
    for _ in range(TIMED):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        forward()
        end.record()
        torch.cuda.synchronize()
        took.append(start.elapsed_time(end))
    return round(statistics.median(took), 3)


def _moved(value: Any, device: str) -> Any:
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {key: _moved(inner, device) for key, inner in value.items()}
    return type(value)(_moved(inner, device) for inner in value) if type(value) in (tuple, list) else value


def _scaled(value: Any, factor: float) -> Any:
    if isinstance(value, torch.Tensor):
        return value * factor if value.is_floating_point() else value
    if isinstance(value, dict):
        return {key: _scaled(inner, factor) for key, inner in value.items()}
    return type(value)(_scaled(inner, factor) for inner in value) if type(value) in (tuple, list) else value

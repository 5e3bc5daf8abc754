"""Runs a model once and sees how far it came, at which operation it failed, and which argument fed that operation."""

from __future__ import annotations

import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

NO_OPS = frozenset(
    "_set_grad_enabled __get__ __set__ size dim shape is_floating_point numel stride __len__ device dtype type ndim "
    "is_complex".split()
)


ELEMENTWISE = frozenset(
    "add sub mul div truediv __add__ __radd__ __sub__ __mul__ __rmul__ __truediv__ where __iadd__ add_ mul_".split()
)
# Axes that a batch of samples has; torch takes one axis less for a single sample, which is seldom meant.
BATCHED: tuple[tuple[Any, int], ...] = (
    ((nn.RNNBase, nn.MultiheadAttention, nn.TransformerEncoderLayer, nn.TransformerDecoderLayer, nn.Transformer), 3),
    (nn.RNNCellBase, 2),
    ((nn.Conv1d, nn.ConvTranspose1d), 3),
    ((nn.Conv2d, nn.ConvTranspose2d), 4),
    ((nn.Conv3d, nn.ConvTranspose3d), 5),
)


class Operand(NamedTuple):
    """A tensor that went into an operation.

    `sources` are paths of the arguments it derives from; `pure` says that no parameter of the model had a part in it.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    sources: frozenset[str]
    pure: bool
    weight: bool


class Failure(NamedTuple):
    """Why a forward failed.

    Attributes:
        error: what was raised.
        message: its text.
        op: name of the torch function that was running, "" for none; `operands` are its tensors.
        module: the innermost module that was running; `entering` are the tensors it was given.
        line: text of the user's line, `frame` where it stands.
        viewed: shape that the last reshaped tensor had before.
        unsqueezed: tensors of which an axis was to be squeezed that is longer than one, and that axis.
    """

    error: BaseException
    message: str
    op: str
    operands: tuple[Operand, ...]
    module: nn.Module | None
    entering: tuple[Operand, ...]
    line: str
    frame: FrameType | None
    viewed: tuple[int, ...]
    unsqueezed: tuple[tuple[Operand, int], ...] = ()

    @property
    def first_line(self) -> str:
        """Of the message."""
        return self.message.strip().partition("\n")[0]


class Outcome(NamedTuple):
    """Of one forward: what came out or why nothing did, how many torch calls were made, and how long it took.

    `short` are arguments that seem to lack an axis: a layer took one sample for a batch, a table gave an axis to them.
    """

    output: Any
    failure: Failure | None
    progress: int
    seconds: float
    short: frozenset[str] = frozenset()


class Watch(TorchFunctionMode):
    """Counts torch calls and marks what derives from the arguments."""

    def __init__(self) -> None:
        """Nothing has run yet."""
        super().__init__()
        self.calls = 0
        self.op, self.operands = "", tuple[Operand, ...]()
        self.viewed: tuple[int, ...] = ()
        self.unsqueezed: list[tuple[Operand, int]] = []
        self.stack: list[tuple[nn.Module, tuple[Operand, ...]]] = []
        self.short: set[str] = set()
        self.inside = 0  # layers of torch that are running: what they do inside is no progress of the model

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Runs the call and hands the marks on."""
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in NO_OPS:
            return func(*args, **kwargs)
        self.calls += not self.inside
        tensors = list(tensors_in((args, kwargs)))
        self.op, self.operands = name, tuple(map(self.operand, tensors))
        if name in {"view", "reshape", "flatten"} and tensors:
            self.viewed = tuple(tensors[0].shape)
        operands = self.operands
        if name == "squeeze" and operands:
            axis = kwargs.get("dim", args[1] if len(args) > 1 else None)
            shape = operands[0].shape
            if type(axis) is int and -len(shape) <= axis < len(shape) and shape[axis] != 1:
                self.unsqueezed.append((operands[0], axis))
        result = func(*args, **kwargs)
        sources = frozenset().union(*(operand.sources for operand in operands)) if operands else frozenset()
        pure = all(operand.pure for operand in operands)
        for tensor in tensors_in(result):
            tensor._traced = (sources, pure)  # type: ignore[attr-defined]
        if name in ELEMENTWISE and isinstance(result, torch.Tensor) and len({bool(o.sources) for o in operands}) > 1:
            came = max((operand for operand in operands if operand.sources), key=lambda operand: len(operand.shape))
            if 0 < len(came.shape) < result.ndim:
                self.short |= came.sources
        self.op = ""
        return result

    def entered(self, module: nn.Module, operands: tuple[Operand, ...]) -> None:
        """A layer was given tensors."""
        ranks = next((rank for kind, rank in BATCHED if isinstance(module, kind)), 0)
        if operands and ranks and len(operands[0].shape) == ranks - 1:
            self.short |= operands[0].sources

    def operand(self, tensor: torch.Tensor) -> Operand:
        """What is known of a tensor."""
        weight = isinstance(tensor, nn.Parameter)
        sources, pure = tensor.__dict__.get("_traced", (frozenset(), not weight))
        return Operand(tuple(tensor.shape), tensor.dtype, sources, pure, weight)


def is_layer(module: nn.Module) -> bool:
    """Whether it is a layer of torch's own that holds no others."""
    return not module._modules and type(module).__module__.startswith("torch.nn.")


@contextmanager
def _hooks(watch: Watch) -> Iterator[None]:
    def enter(module: nn.Module, args: Any) -> None:
        watch.calls += is_layer(module) and not watch.inside
        watch.inside += is_layer(module)
        with torch._C.DisableTorchFunction():
            watch.stack.append((module, tuple(map(watch.operand, tensors_in(args)))))
            watch.entered(*watch.stack[-1])

    def leave(module: nn.Module, args: Any, output: Any) -> None:
        del args, output
        while watch.stack:
            last = watch.stack.pop()[0]
            watch.inside -= is_layer(last)
            if last is module:
                break

    handles = [register_module_forward_pre_hook(enter), register_module_forward_hook(leave)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def watched(call: Callable[[], Any], watch: Watch) -> tuple[Any, Failure | None, int]:
    """Result, failure and progress of a call; `SystemExit` is a failure, other `BaseException`s pass through."""
    try:
        with _hooks(watch), watch:
            output = call()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the model may raise anything
        return None, _failure(error, watch), watch.calls
    return output, None, watch.calls


def _failure(error: BaseException, watch: Watch) -> Failure:
    module, entering = watch.stack[-1] if watch.stack else (None, ())
    frame, line = None, ""
    for summary, (inner, _) in zip(
        traceback.extract_tb(error.__traceback__), traceback.walk_tb(error.__traceback__), strict=False
    ):
        if "/torch/" not in summary.filename and "/outlayer_lint/tracer/" not in summary.filename:
            frame, line = inner, summary.line or ""
    return Failure(
        error,
        str(error),
        watch.op,
        watch.operands,
        module,
        entering,
        line,
        frame,
        watch.viewed,
        tuple(watch.unsqueezed),
    )


def tensors_in(thing: Any, inside: frozenset[int] = frozenset()) -> Iterator[torch.Tensor]:
    """Tensors in lists, tuples and dicts, in order; what contains itself is not entered again."""
    if isinstance(thing, torch.Tensor):
        yield thing
    elif isinstance(thing, (list, tuple, dict)) and id(thing) not in inside:
        for part in thing.values() if isinstance(thing, dict) else thing:
            yield from tensors_in(part, inside | {id(thing)})

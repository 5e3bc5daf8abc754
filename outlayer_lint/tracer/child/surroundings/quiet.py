"""What the user's code finds around it while it is traced: no command line, no download, no GPU where there is none."""

from __future__ import annotations

import argparse
import os
import re
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.overrides import TorchFunctionMode

from outlayer_lint.tracer.child.building.guesses import by_name, choices
from outlayer_lint.tracer.child.losses import written
from outlayer_lint.tracer.child.recording.marks import PROJECT, standing
from outlayer_lint.tracer.child.surroundings.absent import Absent
from outlayer_lint.tracer.child.surroundings.environments import taken_apart
from outlayer_lint.tracer.child.surroundings.stood_in import add_module
from outlayer_lint.tracer.child.surroundings.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class NoWeights(Unknown, dict[str, Any]):  # type: ignore[misc]
    """What a download or a missing checkpoint gives; `load_state_dict` leaves the model as it is.

    As a mapping it is empty; as anything else it is data whose form nobody knows.
    """

    def __iter__(self) -> Iterator[Any]:
        parts = taken_apart(sys._getframe(1))
        return iter([self[index] for index in range(parts)])

    def __len__(self) -> int:
        return 0


@contextmanager
def quiet() -> Iterator[None]:
    """An empty command line, weights that stay random, and devices that exist; all is put back at the end."""
    kept: list[tuple[Any, str, Any]] = []

    def patch(place: Any, name: str, value: Any) -> None:
        if hasattr(place, name):
            kept.append((place, name, getattr(place, name)))
            setattr(place, name, value)

    argv = sys.argv
    sys.argv = argv[:1] or ["traced"]
    _patch_options(patch)
    patch_weights(patch)
    patch(sys, "breakpointhook", lambda *_, **__: None)
    if "pdb" in sys.modules:  # of torch's own
        patch(sys.modules["pdb"], "set_trace", lambda *_, **__: None)
    patch(torch.nn.Module, "add_module", add_module(torch.nn.Module.add_module))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if torch.cuda.is_available():
                yield
            else:
                _patch_cuda(patch)
                with OnCpu():
                    yield
    finally:
        sys.argv = argv
        for place, name, value in reversed(kept):
            setattr(place, name, value)


@contextmanager
def lenient_options(made: Any = None) -> Iterator[None]:
    """Command lines that lack a required option get a guess, for scripts that are run without being asked for.

    `made`, what is made up for the script, counts options that say where data lie and have no value; it may want one.
    """
    parser = argparse.ArgumentParser
    kept = parser.parse_known_args, parser.parse_args
    _patch_options(setattr, made)
    try:
        yield
    finally:
        parser.parse_known_args, parser.parse_args = kept  # type: ignore[method-assign]


def _patch_options(patch: Callable[[Any, str, Any], None], made: Any = None) -> None:
    known = argparse.ArgumentParser.parse_known_args

    def parse_known_args(self: argparse.ArgumentParser, args: Any = None, namespace: Any = None) -> Any:
        """Defaults only; what is required is guessed."""
        del args
        for action in self._actions:
            if made is not None and not action.required and _is_open(action):
                made.unset += 1
                action.default = action.dest if made.fill else None
            if not action.required or isinstance(action, argparse._SubParsersAction):
                action.required = False
                continue
            action.required = False
            if action.default is None:
                action.default = next(iter(action.choices), None) if action.choices else _option(action)
            if made is not None:
                made.guessed[action.dest] = action.default = made.chosen.get(action.dest, action.default)
        return known(self, [], namespace)

    def parse_args(self: argparse.ArgumentParser, args: Any = None, namespace: Any = None) -> Any:
        return parse_known_args(self, args, namespace)[0]

    patch(argparse.ArgumentParser, "parse_known_args", parse_known_args)
    patch(argparse.ArgumentParser, "parse_args", parse_args)


WHERE = re.compile(r"dir|path|file|root|folder|data|corpus", re.IGNORECASE)


def _is_open(action: argparse.Action) -> bool:
    """Whether an option says where something lies, and has no value."""
    return (
        action.default is None
        and action.nargs is None
        and action.type in (None, str)
        and bool(WHERE.search(action.dest))
    )


def _option(action: argparse.Action) -> Any:
    """A value for an option that must be given: it cannot be nothing."""
    if action.type in (None, str):
        compared = next(iter(_compared(action.dest)), None)
        if compared is not None:
            return compared
    try:
        value = by_name(action.dest)
    except KeyError:
        value = 1 if action.type in {int, float} else Absent(action.dest)
    if value is None or (isinstance(value, Absent) and (action.type is str or WHERE.search(action.dest))):
        return action.dest
    return str(value) if action.type is str and not isinstance(value, Absent) else value


def _compared(name: str) -> Iterator[str]:
    """What the script, and the files beside it and below that are loaded, compare an option with."""
    home = os.path.dirname(getattr(sys.modules.get("__main__"), "__file__", None) or "")
    for module in list(sys.modules.values())[::-1]:
        path = vars(module).get("__file__") or ""  # modules that load when they are asked for something are not asked
        if path.endswith(".py") and home and path.startswith(os.path.join(home, "")) and standing(path) == PROJECT:
            known = written.expressions(path)
            yield from choices(known[0].tree, name) if known is not None else ()


def patch_weights(patch: Callable[[Any, str, Any], None]) -> None:
    """Weights that would have to be downloaded, or lie in a file that is not there, stay random."""
    load, load_state = torch.load, torch.nn.Module.load_state_dict

    def no_download(*_: Any, **__: Any) -> NoWeights:
        return NoWeights()

    def lenient(*args: Any, **kwargs: Any) -> Any:
        try:
            return load(*args, **kwargs)
        except (OSError, AttributeError, RuntimeError, ValueError, TypeError):
            return NoWeights()

    def load_state_dict(self: torch.nn.Module, state_dict: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(state_dict, Unknown) or not state_dict:
            return torch.nn.modules.module._IncompatibleKeys([], [])
        return load_state(self, state_dict, *args, **kwargs)

    def load_optimizer(self: torch.optim.Optimizer, state_dict: Any) -> None:
        if not isinstance(state_dict, Unknown) and state_dict:
            plain_optimizer(self, state_dict)

    plain_optimizer = torch.optim.Optimizer.load_state_dict
    patch(torch.optim.Optimizer, "load_state_dict", load_optimizer)
    patch(torch.hub, "load_state_dict_from_url", no_download)
    patch(torch.hub, "download_url_to_file", no_download)
    patch(torch, "load", lenient)
    patch(torch.nn.Module, "load_state_dict", load_state_dict)
    for name in ("torchvision.models._api", "torchvision._internally_replaced_utils"):
        if name in sys.modules:
            patch(sys.modules[name], "load_state_dict_from_url", no_download)
    if "timm.models._builder" in sys.modules:
        patch(sys.modules["timm.models._builder"], "load_pretrained", no_download)


def _patch_cuda(patch: Callable[[Any, str, Any], None]) -> None:
    def nothing() -> Callable[..., None]:
        """A function of its own for each name: torch keeps tables of its functions."""
        return lambda *_, **__: None

    patch(torch.nn.Module, "cuda", lambda self, *_, **__: self)
    patch(torch.Tensor, "cuda", lambda self, *_, **__: self)
    for name in ("set_device", "synchronize", "empty_cache", "manual_seed", "manual_seed_all", "init"):
        patch(torch.cuda, name, nothing())
    patch(torch.cuda, "current_device", lambda: 0)
    for kind in ("Float", "Double", "Half", "Long", "Int", "Short", "Byte", "Bool"):
        patch(torch.cuda, f"{kind}Tensor", getattr(torch, f"{kind}Tensor"))


class OnCpu(TorchFunctionMode):
    """Sends what asks for a GPU to the CPU."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Replaces devices among the arguments."""
        kwargs = kwargs or {}
        if kwargs and "device" in kwargs and _is_gpu(kwargs["device"]):
            kwargs = {**kwargs, "device": "cpu"}
        if func is torch.Tensor.to and len(args) > 1 and _is_gpu(args[1]):
            args = (args[0], "cpu", *args[2:])
        if func is torch.Tensor.type and len(args) > 1 and isinstance(args[1], str):
            args = (args[0], args[1].replace("torch.cuda.", "torch."), *args[2:])
        return func(*args, **kwargs)


def _is_gpu(device: Any) -> bool:
    if isinstance(device, torch.device):
        return bool(device.type == "cuda")
    return (isinstance(device, str) and device.startswith("cuda")) or (type(device) is int)

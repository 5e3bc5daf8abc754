"""What a function mode cannot see, wrapped while a guard watches: constructors, backward passes, distributions."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import torch

from outlayer_lint import knowledge
from outlayer_lint.tracer.child.losses import keras_watch
from outlayer_lint.tracer.child.recording.marks import here
from outlayer_lint.tracer.child.recording.recorder import BUILT

if TYPE_CHECKING:
    from outlayer_lint.tracer.child.losses.guard import Guard

DISTRIBUTIONS = "torch.distributions."


def install(guard: Guard) -> None:
    """Wrap all of it; the guard takes it back when its watch ends."""
    constructors(guard.replace)
    backward(guard)
    unwatched(guard)
    eager(guard)
    distributions(guard)
    keras_watch.install(guard)


def constructors(replace: Any) -> None:
    """Each module remembers where the project constructed it."""
    plain = torch.nn.Module.__init__

    @functools.wraps(plain)
    def built(self: Any, *args: Any, **kwargs: Any) -> None:
        plain(self, *args, **kwargs)
        self.__dict__[BUILT] = here(depth=2)

    replace(torch.nn.Module, "__init__", built)


def eager(guard: Guard) -> None:
    """Nothing is compiled: what runs then is not Python any more, and cannot be watched."""

    def compiled(model: Any = None, *_args: Any, **_kwargs: Any) -> Any:
        return (lambda function: function) if model is None else model

    guard.replace(torch, "compile", compiled)
    guard.replace(torch.nn.Module, "compile", lambda *_args, **_kwargs: None)


def backward(guard: Guard) -> None:
    """The program is ended when a backward pass is over."""
    guard.replace(torch.autograd, "backward", _followed(guard, torch.autograd.backward))


def unwatched(guard: Guard) -> None:
    """Gradients are put away without anybody looking on."""
    plain = torch.optim.Optimizer.zero_grad

    @functools.wraps(plain)
    def zero_grad(self: Any, *args: Any, **kwargs: Any) -> None:
        with torch._C.DisableTorchFunction():
            plain(self, *args, **kwargs)

    guard.replace(torch.optim.Optimizer, "zero_grad", zero_grad)


def _followed(guard: Guard, plain: Any) -> Any:
    @functools.wraps(plain)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        result = plain(*args, **kwargs)
        guard.went_back()
        return result

    return wrapped


def distributions(guard: Guard) -> None:
    """Distributions that a row describes tell what they are given."""
    for name in torch.distributions.__all__:
        found = knowledge.find(DISTRIBUTIONS + name)
        owner = getattr(torch.distributions, name, None)
        if found is not None and found[0].kind == "distribution" and "__init__" in vars(owner or object):
            guard.replace(owner, "__init__", _given(guard, found[0], vars(owner)["__init__"]))


def _given(guard: Guard, row: Any, plain: Any) -> Any:
    @functools.wraps(plain)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> None:
        bound = {**dict(zip(row.parameters, args, strict=False)), **kwargs}
        for name in row.takes:
            if isinstance(bound.get(name), torch.Tensor):
                guard.consumes(row, name, bound[name], {})
        plain(self, *args, **kwargs)

    return wrapped

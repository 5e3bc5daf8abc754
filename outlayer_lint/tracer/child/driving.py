"""Calls a function or a method that no script calls, with the models at the script's top and with made-up data.

What its parameters are called only says what is tried; what is then seen is what really happens, to the real model. A
function that cannot be called this way stays as it was: not run.
"""

from __future__ import annotations

import inspect
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import torch

from outlayer_lint.tracer.child.limits import TooLong, at_most
from outlayer_lint.tracer.child.losses.guard import Guard
from outlayer_lint.tracer.child.search.inputs import Found, search
from outlayer_lint.tracer.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SEARCH_S, CALL_S, TRIES = 2.0, 3.0, 30
LOSSES = 6
BATCHES = 2
MODEL = re.compile(r"model|net|network|module|classifier|clf", re.IGNORECASE)
OPTIMIZER = re.compile(r"optim|^opt$|solver", re.IGNORECASE)
BATCHED = re.compile(r"loader|batches|data|iterator|^dl$|_dl$|^ds$", re.IGNORECASE)
COUNT = re.compile(r"epoch|steps|^n$|num|iterations|every|_idx$", re.IGNORECASE)
TARGET = re.compile(r"^(y|ys|t|labels?|targets?|truth|gt)(_|$)|_(y|labels?|targets?)$", re.IGNORECASE)
INPUT = re.compile(r"^(x|xs|inputs?|images?|imgs?|features?|samples?|batch_x)(_|$)", re.IGNORECASE)


def driven(path: str, names: dict[str, Any], functions: Sequence[str]) -> list[Guard]:
    """What was seen in calls of functions of a script; empty where there is no model or no call comes to a loss.

    `Trainer.fit` is a method: of an object of the script, or of one that is made for the purpose.
    """
    model = _model(names, functions)
    if model is None:
        return []
    found = search(model, Target(path), budget_s=SEARCH_S, max_tries=TRIES, log=lambda _: None)
    if not isinstance(found, Found):
        return []
    best = found.hypotheses[0]
    given = (*best.args, *best.kwargs.values())
    with torch.no_grad():
        out = model(*best.args, **best.kwargs)
    if len(given) != 1:
        return []
    x = given[0]
    seen = []
    for function in functions:
        for y in _targets(out):
            guard = _called(function, names, model, x, y)
            if guard is not None:
                seen.append(guard)
                break
    return seen


def _model(names: dict[str, Any], functions: Sequence[str]) -> torch.nn.Module | None:
    """A model of the script: at its top, in an object whose method is wanted, or of a class that it defines."""
    for value in names.values():
        if is_model(value):
            return value  # type: ignore[no-any-return]
    kinds = [kind for name in functions if isinstance(kind := names.get(name.partition(".")[0]), type)]
    kinds += [kind for kind in names.values() if isinstance(kind, type) and kind.__module__ == "__main__"]
    for kind in dict.fromkeys(kinds):
        with suppress(Exception), at_most(CALL_S):  # the user's own constructors, with what they were not made for
            made = kind(**_arguments(kind, names, None, None, None))
            for value in (made, *vars(made).values()):
                if is_model(value):
                    return value  # type: ignore[no-any-return]
    return None


def is_model(value: Any) -> bool:
    """Whether something is a module with weights."""
    return isinstance(value, torch.nn.Module) and any(True for _ in value.parameters())


def _callable(name: str, names: dict[str, Any], model: Any, x: Any, y: Any) -> Callable[..., Any] | None:
    """A function by its name, or a method of an object of its class."""
    owner, _, method = name.partition(".")
    found = names.get(owner)
    if not method:
        return found if callable(found) else None
    if not isinstance(found, type):
        return None
    instance = next((value for value in (model, *names.values()) if isinstance(value, found)), None)
    instance = instance if instance is not None else found(**_arguments(found, names, model, x, y))
    bound = getattr(instance, method, None)
    return bound if callable(bound) else None


def _arguments(function: Callable[..., Any], names: dict[str, Any], model: Any, x: Any, y: Any) -> dict[str, Any]:
    """Something for each parameter that must be given; raises `KeyError` where a name says nothing."""
    return {
        each.name: _argument(each.name, names, model, x, y)
        for each in inspect.signature(function).parameters.values()
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    }


def _called(name: str, names: dict[str, Any], model: Any, x: Any, y: Any) -> Guard | None:
    """One call; what was seen, if it came to a loss that did not refuse its target."""
    try:
        with at_most(CALL_S):
            function = _callable(name, names, model, x, y)
            given = {} if function is None else _arguments(function, names, model, x, y)
    except (Exception, TooLong):  # noqa: BLE001 - a constructor of the user's, and data that it was not made for
        return None
    if function is None:
        return None
    guard = Guard(LOSSES)
    with suppress(Exception, SystemExit, TooLong), at_most(CALL_S), guard:  # data that it was not made for
        function(**given)
    return guard if any(not call.failure for call in guard.calls) else None


def _argument(name: str, names: dict[str, Any], model: Any, x: Any, y: Any) -> Any:
    """Something for a parameter; raises `KeyError` where its name says nothing."""
    if name in names:
        return names[name]
    if OPTIMIZER.search(name):
        return torch.optim.SGD(model.parameters(), lr=1e-3)
    if name == "device":
        return torch.device("cpu")
    if name == "batch":
        return x, y
    if BATCHED.search(name):
        return [(x, y)] * BATCHES
    if MODEL.search(name) and model is not None:
        return model
    if COUNT.search(name):
        return 1
    if TARGET.search(name):
        return y
    if INPUT.search(name):
        return x
    raise KeyError(name)


def _targets(out: Any) -> Iterator[torch.Tensor]:
    """What an output may be compared with: class numbers, numbers of its own shape, the same without the last dim."""
    if not isinstance(out, torch.Tensor) or not out.dim():
        return
    generator = torch.Generator().manual_seed(0)
    if out.dim() > 1 and out.shape[1] > 1:
        yield torch.randint(0, out.shape[1], (out.shape[0], *out.shape[2:]), generator=generator)
    yield torch.randint(0, 2, out.shape, generator=generator).float()
    if out.shape[-1] == 1:
        yield torch.randint(0, 2, out.shape[:-1], generator=generator).float()

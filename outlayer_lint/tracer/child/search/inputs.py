"""Finds an input that a model accepts, without being told: signature, first layers, and torch's own messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from outlayer_lint.tracer.child import adapters
from outlayer_lint.tracer.child.building.construct import Refusal
from outlayer_lint.tracer.child.building.slicing import read
from outlayer_lint.tracer.child.search.entries import parameters_of
from outlayer_lint.tracer.child.search.hints import first_states
from outlayer_lint.tracer.child.search.hunt import GOOD, MAX_ALTERNATIVES, Hunt
from outlayer_lint.tracer.child.search.noted import Note, notes
from outlayer_lint.tracer.child.search.slots import State, arguments, leaves
from outlayer_lint.tracer.child.search.vehicle import SEED, OutOfTime, Vehicle

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from outlayer_lint.tracer.target import Target


class InputSpec(NamedTuple):
    """One tensor among the inputs.

    Attributes:
        name: path of the parameter (`x`, `batch.image`, `inputs.0`).
        dtype: in the words of `target.DTYPES`.
        shape: sizes, the batch among them.
        origin: `user`, `signature`, `search`, `metadata`.
        tries: how many forwards it took.
        high: exclusive upper bound of whole numbers, 0 for others.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    origin: str
    tries: int
    high: int = 0


class Hypothesis(NamedTuple):
    """One input that the model accepts: call it `model(*args, **kwargs)`.

    `batch_dims` maps the path of each input in `specs` to the dimension that counts samples, `None` where it has none.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    specs: list[InputSpec]
    batch_dims: dict[str, int | None]


class Found(NamedTuple):
    """Inputs that were accepted, the best first, and how many forwards were tried."""

    hypotheses: list[Hypothesis]
    tries: int


def search(
    model: nn.Module,
    target: Target,
    *,
    budget_s: float,
    max_tries: int,
    log: Callable[[str], None],
    metadata: bool = True,
) -> Found | Refusal:
    """Inputs that `model` accepts, within `budget_s` seconds and `max_tries` forwards; `log` is told of each try.

    `metadata` says whether what a library knows of its own model may be asked.
    """
    try:
        known = _written(model, target)
        states, others, positional = first_states(model, classes=target.classes, known=known)
    except Exception as error:  # noqa: BLE001 - a lazy module or a strange `forward`
        return Refusal("no-input", f"the signature of forward cannot be read: {error}")
    vehicle = Vehicle(model, positional, budget_s=budget_s, log=log)
    stated = adapters.states(model, [parameter.name for parameter in parameters_of(model)]) if metadata else []
    hunt = Hunt(vehicle, target, model, max_tries, known, stated)
    for state in others:
        hunt.push(state, 0)
    try:
        hunt.go([*stated, *states])
    except OutOfTime:
        log("out of time")
    if not hunt.accepted:
        return Refusal("no-input" if hunt.has_ended else "time", hunt.furthest())
    hunt.accepted.sort(key=lambda pair: -pair[0])
    best = hunt.accepted[0]
    kept = [best, *(pair for pair in hunt.accepted[1:] if pair[0] >= min(best[0], GOOD))]
    origin = "metadata" if best[1] in stated else "signature" if vehicle.tries and best[1] in states else "search"
    tries = vehicle.tries
    return Found(
        [_hypothesis(vehicle, state, target, origin, tries) for _, state in kept[: 1 + MAX_ALTERNATIVES]], tries
    )


def _written(model: nn.Module, target: Target) -> dict[str, Note]:
    """What is written of the arguments; nothing where it cannot be read."""
    try:
        return notes(model, [parameter.name for parameter in parameters_of(model)], _text(target), target.name)
    except Exception:  # noqa: BLE001 - a class may be made of anything
        return {}


def _text(target: Target) -> str:
    """The file of a target, "" where it has none."""
    try:
        return read(target.path) if target.path.endswith(".py") else ""
    except (OSError, ValueError):
        return ""


def _hypothesis(vehicle: Vehicle, state: State, target: Target, origin: str, tries: int) -> Hypothesis:
    torch.manual_seed(SEED)
    args, kwargs = arguments(state, vehicle.positional)
    users = {given.name for given in target.inputs}
    specs = [
        InputSpec(path, slot.dtype, slot.shape, "user" if path in users else origin, tries, slot.high)
        for path, slot in leaves(state).items()
    ]
    return Hypothesis(args, kwargs, specs, {path: slot.batch for path, slot in leaves(state).items()})

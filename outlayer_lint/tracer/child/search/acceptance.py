"""Accepted is not the same as right: whether an output counts the samples of the input, and keeps them apart."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from outlayer_lint.tracer.child.search.hints import TOKENS
from outlayer_lint.tracer.child.search.shaped import contradicted
from outlayer_lint.tracer.child.search.slots import BATCH, DTYPES, Slot, State, arguments, leaves, replaced, with_batch
from outlayer_lint.tracer.child.search.watching import tensors_in
from outlayer_lint.tracer.child.surroundings.quiet import quiet

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from outlayer_lint.tracer.child.search.noted import Note
    from outlayer_lint.tracer.child.search.vehicle import Vehicle
    from outlayer_lint.tracer.child.search.watching import Outcome


KEPT_APART = 3
SHORT = 2  # what an argument that seems to lack an axis takes off the standing
CONTRADICTED = 4  # what an argument with other axes than those written of it takes off


class Standing(NamedTuple):
    """How well an accepted input does.

    `score` is 3 where an output counts the samples and keeps them apart, 2 where it counts them, 1 where only two
    samples are accepted, 0 where no output counts them; less where that is not the input that was meant, as the run
    or the author's words show. `state` may have another batch axis than the one tried, or fewer axes.
    """

    score: int
    state: State


class Judge:
    """Ranks accepted inputs; `known` is what is written of the arguments.

    Those that are `settled`, by the user or by a library, are taken as they are.
    """

    def __init__(self, vehicle: Vehicle, known: dict[str, Note], settled: Callable[[State], bool]) -> None:
        """Nothing is judged yet."""
        self.vehicle, self.known, self.settled = vehicle, known, settled

    def __call__(self, state: State, outcome: Outcome) -> Standing:
        """The standing of an accepted state; samples are exchanged with steps, steps left out, where that is better."""
        best = Standing(self._score(state, outcome), state)
        if self.settled(state):
            return best
        others = _other_axes(state) if best.score < KEPT_APART and self.vehicle.device != "meta" else ()
        for other in others:
            best = max(best, self._tried(other), key=lambda standing: standing.score)
        plain = self._without_steps(best.state)
        if plain is not None and (standing := self._tried(plain)).score >= (best.score if best.score > 1 else 0):
            best = standing
        return self._with_fractions(best)

    def _with_fractions(self, best: Standing) -> Standing:
        """The same with fractions for whole numbers of which nothing says that they must be whole."""
        for path, slot in leaves(best.state).items():
            if (
                slot.dtype == "i64"
                and len(slot.shape) > 1
                and slot.fill == "normal"
                and not TOKENS.search(path.lower())
            ):
                for high in (0, slot.high):  # numbers of any kind, or whole ones in a table of fractions
                    standing = self._tried(replaced(best.state, path, slot._replace(dtype="f32", high=high)))
                    if standing.score >= best.score:
                        best = standing
                        break
        return best

    def _tried(self, state: State) -> Standing:
        outcome = self.vehicle.real(state)
        return Standing(self._score(state, outcome) if outcome.failure is None else -CONTRADICTED, state)

    def _score(self, state: State, outcome: Outcome) -> int:
        fault = CONTRADICTED * contradicted(state, self.known) + SHORT * bool(outcome.short)
        return _score(self.vehicle, state, outcome.output) - fault

    def _without_steps(self, state: State) -> State | None:
        """The same with one id a sample: steps that do nothing are not there."""
        tensors = leaves(state)
        ids = [path for path, slot in tensors.items() if _may_be_single(path, slot, self.known)]
        others = [slot for path, slot in tensors.items() if path not in ids]
        if not ids or self.vehicle.device == "meta" or any(slot.free for slot in others):
            return None
        for path in ids:
            state = replaced(state, path, tensors[path]._replace(shape=(BATCH,), batch=0, free=()))
        return state


def _may_be_single(path: str, slot: Slot, known: dict[str, Note]) -> bool:
    """Whether ids with steps may as well have none: nothing calls them words, nothing is written of their axes."""
    if slot.dtype != "i64" or len(slot.shape) != 2 or slot.fill != "normal" or slot.batch is None:
        return False
    return 1 in slot.shape or not (TOKENS.search(path.lower()) or (path in known and known[path].rank))


def _turned(slot: Slot) -> Slot:
    """The slot with samples and steps exchanged."""
    batch = slot.batch or 0
    return slot._replace(shape=(slot.shape[1], slot.shape[0], *slot.shape[2:]), batch=1 - batch, free=(batch,))


def _score(vehicle: Vehicle, state: State, output: Any) -> int:
    shapes = _shapes(output)
    if all(slot.batch is None for slot in leaves(state).values()):
        return 1  # nothing pretends to count samples
    if not any(BATCH in shape for shape in shapes):
        return 0
    larger = vehicle.real(with_batch(state, BATCH + 1))
    if larger.failure is not None:
        return 1
    counts = _counting(shapes, _shapes(larger.output))
    if not counts:
        return 0
    return KEPT_APART if vehicle.device == "meta" or _apart(vehicle, state, counts) else 2


def _shapes(output: Any) -> list[tuple[int, ...]]:
    return [tuple(tensor.shape) for tensor in outputs_of(output)]


def outputs_of(output: Any) -> list[torch.Tensor]:
    """Tensors of a result, those in dataclasses and other objects of the model's library among them."""
    found = list(tensors_in(output))
    if not found and hasattr(output, "__dict__"):
        found = list(tensors_in(list(vars(output).values())))
    return found


def _counting(small: list[tuple[int, ...]], large: list[tuple[int, ...]]) -> list[tuple[int, int]]:
    """Outputs and the axis of each that grew by one with the number of samples."""
    return [
        (number, axis)
        for number, (one, other) in enumerate(zip(small, large, strict=False))
        if len(one) == len(other)
        for axis, (before, after) in enumerate(zip(one, other, strict=True))
        if (before, after) == (BATCH, BATCH + 1)
    ]


def _apart(vehicle: Vehicle, state: State, counts: list[tuple[int, int]]) -> bool:
    """Whether some output keeps the samples apart: another second one leaves the first as it was, and the other way.

    One way alone is no proof: steps of a causal model do not see what comes after them either.
    """
    before = _outputs(vehicle.model, vehicle.positional, state, None)
    after = [_outputs(vehicle.model, vehicle.positional, state, sample) for sample in (0, 1)]
    if before is None or None in after:
        return False
    for number, axis in counts:
        if any(number >= len(outputs) or outputs[number].shape != before[number].shape for outputs in after if outputs):
            continue
        one = before[number].detach()
        others = [outputs[number].detach() for outputs in after if outputs]
        same = [[_is_same(one, other, axis, sample) for sample in range(BATCH)] for other in others]
        if same == [[False, True], [True, False]]:
            return True
        if all(map(all, same)) and torch.equal(one.select(axis, 0), one.select(axis, 1)):
            return True  # a constant head: nothing tells samples apart
    return False


def _is_same(one: torch.Tensor, other: torch.Tensor, axis: int, sample: int) -> bool:
    if one.is_complex():
        one, other = torch.view_as_real(one), torch.view_as_real(other)
    first, second = one.select(axis, sample).float(), other.select(axis, sample).float()
    return bool(torch.allclose(first, second, rtol=1e-3, atol=1e-5, equal_nan=True))


def _outputs(
    model: nn.Module, positional: frozenset[str], state: State, changed: int | None
) -> list[torch.Tensor] | None:
    """What comes out, with another sample of that number in every input."""
    torch.manual_seed(1)
    args, kwargs = arguments(state, positional)
    if changed is not None:
        for path, slot in leaves(state).items():
            thing = _reached(dict(zip((name for name, _ in state), args, strict=False)) | kwargs, path)
            if isinstance(thing, torch.Tensor) and slot.batch is not None and slot.fill == "normal":
                _change(thing, slot, changed)
    torch.manual_seed(1)
    random.seed(1)  # such as for teacher forcing
    try:
        with quiet(), torch.no_grad():
            return outputs_of(model(*args, **kwargs))
    except Exception:  # noqa: BLE001 - the model may raise anything
        return None


def _change(tensor: torch.Tensor, slot: Slot, sample: int) -> None:
    """Another sample in its place."""
    assert slot.batch is not None  # noqa: S101 - the caller asked
    part = tensor.select(slot.batch, sample)
    dtype = DTYPES[slot.dtype]
    if dtype.is_floating_point:
        part.add_(torch.randn(part.shape).to(dtype))
    elif dtype == torch.bool:
        part.logical_not_()
    elif slot.high > 1:
        part.add_(1 + torch.randint(0, slot.high - 1, part.shape)).remainder_(slot.high)


def _reached(things: dict[str, Any], path: str) -> Any:
    name, *rest = path.split(".")
    thing = things.get(name)
    for key in rest:
        if isinstance(thing, (list, tuple)):
            thing = thing[int(key)]
        elif isinstance(thing, dict):
            thing = thing[key]
        else:
            thing = getattr(thing, key, None)
    return thing


def _other_axes(state: State) -> list[State]:
    """The state with steps and samples exchanged in one sequence, in all that are sequences of ids, in all others.

    In the first one, and in those that have as many steps as there are samples: nothing tells one from the other there.
    """
    first: list[State] = []
    together, ids = state, 0
    beside, runs = state, 0
    for path, slot in leaves(state).items():
        if slot.batch in {0, 1} and len(slot.shape) in {2, 3} and (len(slot.shape) == 3 or slot.dtype == "i64"):
            turned = _turned(slot)
            if not first or slot.shape[:2] == (BATCH, BATCH):
                first.append(replaced(state, path, turned))
            if slot.dtype == "i64" and len(slot.shape) == 2:
                together, ids = replaced(together, path, turned), ids + 1
            if slot.dtype == "f32" and len(slot.shape) == 3 and slot.free:
                beside, runs = replaced(beside, path, turned), runs + 1
    return [*first, *([together] if ids > 1 else ()), *([beside] if runs > 1 else ())]

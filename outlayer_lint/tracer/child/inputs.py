"""Finds an input that a model accepts, without being told: signature, first layers, and torch's own messages."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from outlayer_lint.tracer.child import adapters
from outlayer_lint.tracer.child.acceptance import Judge, outputs_of
from outlayer_lint.tracer.child.construct import Refusal
from outlayer_lint.tracer.child.entries import parameters_of
from outlayer_lint.tracer.child.hints import first_states
from outlayer_lint.tracer.child.joined import alike, all_single
from outlayer_lint.tracer.child.levers import levered
from outlayer_lint.tracer.child.limits import TooSlow
from outlayer_lint.tracer.child.noted import Note, notes
from outlayer_lint.tracer.child.repairs import Context, neighbours, operands_of
from outlayer_lint.tracer.child.reshaping import longer
from outlayer_lint.tracer.child.scales import divisible, masked, unmixed
from outlayer_lint.tracer.child.sizes import gap, solved
from outlayer_lint.tracer.child.slicing import read
from outlayer_lint.tracer.child.slots import BATCH, Slot, State, arguments, leaves, replaced, tensor, with_batch
from outlayer_lint.tracer.child.vehicle import SEED, SLOW, OutOfTime, Vehicle, spelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from outlayer_lint.tracer.child.watching import Failure, Outcome
    from outlayer_lint.tracer.target import Target

MORE_TRIES = 20  # after an input was accepted that no output counts the samples of
GOOD = 2  # standing from which on the search ends
MAX_ALTERNATIVES = 2
GUESSED = 1 << 40  # what no failure can come to
TWINS = 2  # cost of a repair for all arguments that are alike
AGAIN = 3  # cost of each failure that is the same as one before
SOLVES = 2  # bisections for one line of the model


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
        known = notes(model, [parameter.name for parameter in parameters_of(model)], _text(target), target.name)
        states, others, positional = first_states(model, classes=target.classes, known=known)
    except Exception as error:  # noqa: BLE001 - a lazy module or a strange `forward`
        return Refusal("no-input", f"the signature of forward cannot be read: {error}")
    vehicle = Vehicle(model, positional, budget_s=budget_s, log=log)
    stated = adapters.states(model, [parameter.name for parameter in parameters_of(model)]) if metadata else []
    hunt = _Hunt(vehicle, target, model, max_tries, known, stated)
    for number, state in enumerate((*stated, *states)):  # each is tried before one of them is repaired
        hunt.push(state, GUESSED, number)
    for state in others:
        hunt.push(state, 0)
    try:
        hunt.go()
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


def _text(target: Target) -> str:
    """The file of a target, "" where it has none."""
    try:
        return read(target.path) if target.path.endswith(".py") else ""
    except (OSError, ValueError):
        return ""


class _Hunt:
    """The queue of states, best first, and what was accepted."""

    def __init__(
        self,
        vehicle: Vehicle,
        target: Target,
        model: nn.Module,
        max_tries: int,
        known: dict[str, Note],
        stated: list[State],
    ) -> None:
        self.vehicle, self.model, self.max_tries = vehicle, model, max_tries
        self.context = Context(model, target.classes)
        self.given = _given(model, target)
        self.judge = Judge(vehicle, known, lambda state: bool(self.given) or state in stated)
        self.accepted: list[tuple[int, State]] = []
        self._queue: list[tuple[int, int, int, State]] = []
        self._known: dict[State, tuple[int, int]] = {}  # the best progress that led to a state, and its cost
        self._tried: set[State] = set()
        self._sites: dict[tuple[str, str], int] = {}  # where sizes were bisected
        self._number = 0
        self._failures: dict[tuple[int, str, str], int] = {}
        self._guessed: list[tuple[State, Failure, int, int]] = []  # failed, and not repaired yet
        self._slow: list[State] = []
        self._far: tuple[int, Failure, State] | None = None

    def push(self, state: State, progress: int, cost: int = 0) -> None:
        """A state to be tried, unless it was; what the user gave stays as given.

        Of states that came as far, those of the least `cost` go first: each repair costs as many as are likelier.
        """
        for path, slot in self.given.items():
            guessed = leaves(state).get(path)
            if guessed is not None and (guessed.dtype, len(guessed.shape)) == (slot.dtype, len(slot.shape)):
                slot = guessed._replace(shape=slot.shape, high=slot.high, free=())  # noqa: PLW2901 - lengths stay lengths
            state = replaced(state, path, slot)
        if state not in self._tried and (progress, -cost) > self._known.get(state, (-1, 0)):
            self._known[state] = (progress, -cost)
            self._number += 1
            heapq.heappush(self._queue, (-progress, cost, self._number, state))

    def go(self) -> None:
        """Tries until something good is found, the tries are spent or nothing is left."""
        last = self.max_tries
        while self._queue and self.vehicle.tries < last and self.vehicle.left_s > 0:
            key, cost, number, state = heapq.heappop(self._queue)
            if key > -GUESSED:
                self._repair_guesses()
                if self._queue and self._queue[0][:2] < (key, cost):
                    heapq.heappush(self._queue, (key, cost, number, state))
                    continue
            if key > -SLOW and self._slow and self._patiently():
                break
            if state in self._tried:
                continue
            self._tried.add(state)
            outcome = self.vehicle.run(state)
            if outcome.failure is None:
                self.accepted.append((0, state))  # should the time end while it is judged
                score, state = self.judge(state, outcome)
                self.vehicle.log(f"standing {score} of 3: {spelled(state)}")
                self.accepted[-1] = (score, state)
                if score >= GOOD:
                    break
                last = min(last, self.vehicle.tries + MORE_TRIES)
                self.push(with_batch(state, BATCH), outcome.progress)
                for other in (*masked(state), *all_single(state), *longer(state, outcome.short)):
                    self.push(other, outcome.progress)
                for shape in (tuple(tensor.shape) for tensor in outputs_of(outcome.output)):
                    for other in unmixed(state, shape[0]) if shape and shape[0] else ():
                        self.push(other, outcome.progress)
                continue
            if self._far is None or outcome.progress > self._far[0]:
                self._far = (outcome.progress, outcome.failure, state)
            if isinstance(outcome.failure.error, TooSlow):
                self._slow.append(state)
            self._guessed.append((state, outcome.failure, outcome.progress, cost + self._again(outcome)))
            if key > -GUESSED or not (self._queue and self._queue[0][0] == -GUESSED):
                self._repair_guesses()
        self._alternatives()

    def _again(self, outcome: Outcome) -> int:
        """What it costs to have failed as others did: a repair that leaves the failure as it was leads nowhere."""
        assert outcome.failure is not None  # noqa: S101 - the caller asked
        key = (outcome.progress, outcome.failure.line, outcome.failure.first_line)
        self._failures[key] = self._failures.get(key, 0) + 1
        return AGAIN * (self._failures[key] - 1)

    def _repair_guesses(self) -> None:
        failed = sorted(self._guessed, key=lambda guess: -guess[2])
        self._guessed = []
        for number, (state, failure, progress, cost) in enumerate(failed):
            self._spread(state, failure, progress, cost, solves=not number)

    def _patiently(self) -> bool:
        """Whether what took too long is accepted when it has most of the time that is left; tried once."""
        state, self._slow = self._slow[0], []
        if self.accepted:
            return False
        outcome = self.vehicle.real(state, patient=True)
        if outcome.failure is None:
            self.accepted.append((0, state))
            self.accepted[-1] = self.judge(state, outcome)
        return outcome.failure is None

    def _spread(self, state: State, failure: Failure, progress: int, cost: int, *, solves: bool) -> None:
        here = gap(failure) if solves else None
        if here is not None and here.got != here.want and _is_mixed(failure) and self._sites.get(here.site, 0) < SOLVES:
            self._sites[here.site] = self._sites.get(here.site, 0) + 1
            others = list(solved(state, failure, self.vehicle.probe))
            for other in others or levered(state, failure, self.vehicle.probe):
                self.push(other, progress + 1, cost)
        for other in divisible(state, failure):  # the model says what it wants: that goes before all guessing
            self.push(other, max(progress, self._far[0] if self._far else 0) + 1, cost)
        for more, other in enumerate(neighbours(state, failure, self.context)):
            self.push(other, progress, cost + more)
            together = alike(state, other)
            if together is not None:
                self.push(together, progress, cost + more + TWINS)

    def _alternatives(self) -> None:
        """Other ranks that are accepted as well: what is said of the model must hold for them too."""
        if not self.accepted or self.accepted[-1][0] < GOOD:
            return
        best = self.accepted[-1][1]
        for other in _other_ranks(best):
            if self.vehicle.tries >= self.max_tries + 2 * MAX_ALTERNATIVES or self.vehicle.left_s <= 0 or self.given:
                return
            outcome = self.vehicle.run(other)
            if outcome.failure is None:
                self.accepted.append(self.judge(other, outcome))

    @property
    def has_ended(self) -> bool:
        """Whether any forward came to an end, if only by failing, or none was tried."""
        return self._far is not None or not self.vehicle.tries

    def furthest(self) -> str:
        """Why nothing was accepted: the failure after most operations, and its line."""
        if self._far is None:
            return "no forward ended in time" if self.vehicle.tries else "there is nothing to try"
        _, failure, state = self._far
        message = failure.message.strip().partition("\n")[0][:200]
        line = f" at `{failure.line.strip()[:80]}`" if failure.line else ""
        return f"none of {self.vehicle.tries} inputs was accepted; with {spelled(state)}: {message}{line}"


def _is_mixed(failure: Failure) -> bool:
    """Whether weights or several arguments had a part in what failed: then none has the missing size by itself."""
    operands = operands_of(failure)
    return any(not operand.pure for operand in operands) or len({operand.sources for operand in operands}) != 1


def _other_ranks(state: State) -> list[State]:
    """The first input with steps between samples and features."""
    name, slot = state[0] if state else ("", Slot())
    tensors = leaves(state)
    if len(tensors) != 1 or slot.kind != "tensor" or slot.dtype != "f32" or len(slot.shape) != 2:
        return []
    return [((name, tensor(slot.shape[0], 5, slot.shape[1], free=(1,))),)]


def _given(model: nn.Module, target: Target) -> dict[str, Slot]:
    """Slots that the user described; without a name they are the parameters in order."""
    names = [parameter.name for parameter in parameters_of(model)]
    found: dict[str, Slot] = {}
    for number, given in enumerate(target.inputs):
        name = given.name or (names[number] if number < len(names) else f"input{number}")
        batch = 0 if given.shape else None
        high = given.high or (2 if given.dtype in {"i64", "i32"} else 0)
        found[name] = tensor(*given.shape, dtype=given.dtype, high=high, batch=batch)
    return found


def _hypothesis(vehicle: Vehicle, state: State, target: Target, origin: str, tries: int) -> Hypothesis:
    torch.manual_seed(SEED)
    args, kwargs = arguments(state, vehicle.positional)
    users = {given.name for given in target.inputs}
    specs = [
        InputSpec(path, slot.dtype, slot.shape, "user" if path in users else origin, tries, slot.high)
        for path, slot in leaves(state).items()
    ]
    return Hypothesis(args, kwargs, specs, {path: slot.batch for path, slot in leaves(state).items()})

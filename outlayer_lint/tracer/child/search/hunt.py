"""The search itself: guesses are tried, what failed is repaired, what was accepted is judged."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from outlayer_lint.tracer.child.limits import TooSlow
from outlayer_lint.tracer.child.search.acceptance import Judge, outputs_of
from outlayer_lint.tracer.child.search.asserted import asserted
from outlayer_lint.tracer.child.search.broadcast import fitted, following
from outlayer_lint.tracer.child.search.entries import parameters_of
from outlayer_lint.tracer.child.search.joined import alike, all_single
from outlayer_lint.tracer.child.search.levers import levered
from outlayer_lint.tracer.child.search.needs import need
from outlayer_lint.tracer.child.search.repairs import Context, neighbours, operands_of
from outlayer_lint.tracer.child.search.reshaping import longer, together, unbatched
from outlayer_lint.tracer.child.search.scales import divisible, masked, unmixed
from outlayer_lint.tracer.child.search.sizes import gap, solved
from outlayer_lint.tracer.child.search.slots import BATCH, Slot, State, leaves, replaced, sound, tensor, with_batch
from outlayer_lint.tracer.child.search.stated import extents, sizes
from outlayer_lint.tracer.child.search.vehicle import SLOW, Vehicle, spelled

if TYPE_CHECKING:
    from torch import nn

    from outlayer_lint.tracer.child.search.noted import Note
    from outlayer_lint.tracer.child.search.watching import Failure, Outcome
    from outlayer_lint.tracer.target import Target

MORE_TRIES = 20  # after an input was accepted that no output counts the samples of
GOOD = 2  # standing from which on the search ends
MAX_ALTERNATIVES = 2
TWINS = 2  # cost of a repair for all arguments that are alike
AGAIN = 3  # cost of each failure that is the same as one before
ASIDE = 8  # cost of a repair of none of the arguments that had a part in what failed
SOLVES = 2  # bisections for one line of the model


EACH = 3  # every third try is the cheapest state: what came furthest may have come there by accident


class Frontier:
    """States that are still to be tried, with the progress that led to them and what the repairs on the way cost.

    Those that came furthest go first and, of those, the cheapest: a repair costs as many as are likelier than it.
    """

    def __init__(self) -> None:
        """Nothing is to be tried."""
        self._furthest: list[tuple[int, int, int, State]] = []
        self._cheapest: list[tuple[int, int, int, State]] = []
        self._best: dict[State, tuple[int, int]] = {}
        self._left: set[State] = set()
        self._number = self._popped = 0

    def __bool__(self) -> bool:
        """Whether anything is left."""
        return bool(self._left)

    def push(self, state: State, progress: int, cost: int) -> None:
        """Takes a state in, unless it is there and as near."""
        if (progress, -cost) <= self._best.get(state, (-1, 0)):
            return
        self._best[state] = (progress, -cost)
        self._left.add(state)
        self._number += 1
        heapq.heappush(self._furthest, (-progress, cost, self._number, state))
        heapq.heappush(self._cheapest, (cost, -progress, self._number, state))

    def pop(self) -> tuple[State, int, int]:
        """The next state, its progress and its cost."""
        self._popped += 1
        heap = self._furthest if self._popped % EACH else self._cheapest
        while True:
            *_, state = heapq.heappop(heap)
            if state in self._left:
                self._left.remove(state)
                progress, cost = self._best[state]
                return state, progress, -cost


class Hunt:
    """One search: what is tried next, what came of it, what was accepted."""

    def __init__(
        self,
        vehicle: Vehicle,
        target: Target,
        model: nn.Module,
        max_tries: int,
        known: dict[str, Note],
        stated: list[State],
    ) -> None:
        """`known` is what is written of the arguments, `stated` what a library says of its own model."""
        self.vehicle, self.model, self._last, self.max_tries = vehicle, model, max_tries, max_tries
        self.context = Context(model, target.classes)
        self.given = _given(model, target)
        self.judge = Judge(vehicle, known, lambda state: bool(self.given) or state in stated)
        self.accepted: list[tuple[int, State]] = []
        self._frontier = Frontier()
        self._tried: set[State] = set()
        self._sites: dict[tuple[str, str], int] = {}  # where sizes were bisected
        self._failures: dict[tuple[int, str, str], int] = {}
        self._guessed: list[tuple[State, Failure, int, int]] = []  # failed, and not repaired yet
        self._slow: list[State] = []
        self._far: tuple[int, Failure, State] | None = None
        self._stated = (sizes(model), extents(model))

    def push(self, state: State, progress: int, cost: int = 0) -> None:
        """A state to be tried, unless it was; what the user gave stays as given."""
        state = self._as_given(state)
        if state not in self._tried:
            self._frontier.push(state, progress, cost)

    def _as_given(self, state: State) -> State:
        for path, slot in self.given.items():
            guessed = leaves(state).get(path)
            if guessed is not None and (guessed.dtype, len(guessed.shape)) == (slot.dtype, len(slot.shape)):
                slot = guessed._replace(shape=slot.shape, high=slot.high, free=())  # noqa: PLW2901 - lengths stay lengths
            state = replaced(state, path, slot)
        return sound(state)

    def go(self, guesses: list[State]) -> None:
        """Tries the guesses, and then what may repair them, until something good is found or nothing is left."""
        for cost, state in enumerate(map(self._as_given, guesses)):
            if self._is_over() or (state not in self._tried and self._finds(state, cost)):
                break
        else:
            self._repair_guesses()
            while self._frontier and not self._is_over():
                state, progress, cost = self._frontier.pop()
                if (progress < SLOW and self._slow and self._patiently()) or (
                    state not in self._tried and self._finds(state, cost)
                ):
                    break
                self._repair_guesses()
        self._alternatives()

    def _is_over(self) -> bool:
        return self.vehicle.tries >= self._last or self.vehicle.left_s <= 0

    def _finds(self, state: State, cost: int) -> bool:
        """Tries a state: whether it is as good as any; what it leads to is kept."""
        self._tried.add(state)
        outcome = self.vehicle.run(state)
        if outcome.failure is None:
            return self._is_good(state, outcome)
        if self._far is None or outcome.progress > self._far[0]:
            self._far = (outcome.progress, outcome.failure, state)
        if isinstance(outcome.failure.error, TooSlow):
            self._slow.append(state)
        if not _is_unfinished(outcome.failure):
            self._guessed.append((state, outcome.failure, outcome.progress, cost + self._again(outcome)))
        return False

    def _is_good(self, state: State, outcome: Outcome) -> bool:
        """Whether an accepted state needs no better one; if it does, what may be better is kept."""
        self.accepted.append((0, state))  # should the time end while it is judged
        score, state = self.judge(state, outcome)
        self.vehicle.log(f"standing {score} of 3: {spelled(state)}")
        self.accepted[-1] = (score, state)
        if score >= GOOD:
            return True
        self._last = min(self._last, self.vehicle.tries + MORE_TRIES)
        self.push(with_batch(state, BATCH), outcome.progress)
        for other in (
            *together(state, outcome.short),
            *masked(state),
            *all_single(state),
            *longer(state, outcome.short),
            *unbatched(state),
        ):
            self.push(other, outcome.progress)
        for shape in (tuple(one.shape) for one in outputs_of(outcome.output)):
            for other in unmixed(state, shape[0]) if shape and shape[0] else ():
                self.push(other, outcome.progress)
        return False

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
        fits = list(fitted(state, failure))
        for more, other in enumerate(fits):
            self.push(other, self._beyond(progress), cost + more)
        here = gap(failure) if solves and not fits else None
        mixed = _is_mixed(failure)
        shared = mixed or _is_shared(failure)
        if here is not None and here.got != here.want and shared and self._sites.get(here.site, 0) < SOLVES:
            self._sites[here.site] = self._sites.get(here.site, 0) + 1
            others = list(solved(state, failure, progress, self.vehicle.probe, self._stated)) if mixed else []
            for other in others or levered(state, failure, progress, self.vehicle.probe):
                self.push(other, self._beyond(progress), cost)
        # What the model says that it wants goes before all guessing.
        for other in (*asserted(state, failure), *divisible(state, failure)):
            self.push(other, self._beyond(progress), cost)
        fed = {path for operand in (*failure.operands, *failure.entering) for path in operand.sources}
        for more, other in enumerate(neighbours(state, failure, self.context)):
            more += ASIDE * _is_aside(state, other, fed)  # noqa: PLW2901 - of this one
            self.push(following(state, other) or other, progress, cost + more)
            self.push(other, progress, cost + more + TWINS)
            together = alike(state, other)
            if together is not None:
                self.push(together, progress, cost + more + TWINS)

    def _beyond(self, progress: int) -> int:
        """Before all guessing: arithmetic and what the model says lead on even from what did not come far itself."""
        return max(progress, self._far[0] if self._far else 0) + 1

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


def _is_unfinished(failure: Failure) -> bool:
    """Whether the model itself says that there is nothing yet: no other input helps."""
    return isinstance(failure.error, NotImplementedError) and failure.line.strip().startswith("raise")


def _is_aside(state: State, other: State, fed: set[str]) -> bool:
    """Whether a repair leaves all arguments as they were that fed what failed, where any did."""
    before, after = leaves(state), leaves(other)
    same = bool(fed & before.keys()) and before.keys() == after.keys()
    return same and all(before[path] == after[path] for path in fed & before.keys())


def _is_mixed(failure: Failure) -> bool:
    """Whether weights or several arguments had a part in what failed: then none has the missing size by itself.

    So it is where an argument meets a table that is no layer's, which cannot say its wish.
    """
    operands = operands_of(failure)
    if need(failure) is None and any(not operand.sources for operand in failure.operands):
        return True
    return any(not operand.pure for operand in operands) or len({operand.sources for operand in operands}) != 1


def _is_shared(failure: Failure) -> bool:
    """Whether several arguments had a part in the one tensor that a layer refuses."""
    wanted = need(failure)
    return wanted is not None and len(wanted.operand.sources) > 1


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

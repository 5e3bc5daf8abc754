"""Where tries run: on the CPU while that is cheap, else on a twin of the model that has shapes and no data."""

from __future__ import annotations

import copy
import importlib
import time
import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from outlayer_lint.tracer.child.limits import TooLong, TooSlow, at_most, unlimited
from outlayer_lint.tracer.child.search.slots import State, arguments, leaves
from outlayer_lint.tracer.child.search.watching import Failure, Outcome, Watch, watched
from outlayer_lint.tracer.child.surroundings.quiet import quiet

if TYPE_CHECKING:
    from collections.abc import Callable

SEED = 20
META_S = 10.0  # the same without data: an operation that torch spells out there is slow
TRY_S = 3.0  # of processor time for one forward; then a smaller input is tried
START_S = 0.1  # of a forward whatever its size, on a busy machine
DEAR_S = 0.3  # a forward that is expected to take longer runs on the twin first
HEAVY = 30_000_000  # parameters; above, even the first try runs on the twin
PATIENCE = 0.7  # of the time that is left, for a forward that failed nowhere
SLOW = 1_000_000  # progress of what ran too long: it failed nowhere
META = (
    "meta",
    "_local_scalar_dense",
    "is not on the expected device",
    "on the same device",
    "data-dependent",
    "FakeTensor",
)


class Vehicle:
    """Runs states, counts the tries and keeps the time."""

    def __init__(
        self, model: nn.Module, positional: frozenset[str], *, budget_s: float, log: Callable[[str], None]
    ) -> None:
        """`budget_s` holds for all tries together; `log` is told of each."""
        self.model, self.positional, self.log = model, positional, log
        self.tries = 0
        self._ends = time.monotonic() + budget_s
        self._twin: nn.Module | None = None
        self._no_twin = False
        self._limit_s = TRY_S
        self._rate = 0.0  # seconds per input value on the CPU
        # A model that was built without data has no other place to run.
        self.device = "meta" if any(parameter.is_meta for parameter in model.parameters()) else "cpu"
        self._heavy = sum(parameter.numel() for parameter in model.parameters() if not is_lazy(parameter)) > HEAVY

    @property
    def left_s(self) -> float:
        """Seconds of the budget that are left."""
        return self._ends - time.monotonic()

    def run(self, state: State) -> Outcome:
        """One try; where it was accepted on the twin it is confirmed on the CPU."""
        if self._is_dear(state) and (twin := self.twin()) is not None:
            outcome = self._on(twin, state, "meta")
            if outcome.failure is not None and not _is_of_meta(outcome):
                return outcome
            if outcome.failure is not None:
                self._no_twin = True
        return self.real(state)

    def probe(self, state: State) -> Outcome:
        """One try of which only the failure matters."""
        if self._is_dear(state) and (twin := self.twin()) is not None:
            outcome = self._on(twin, state, "meta")
            if outcome.failure is None or not _is_of_meta(outcome):
                return outcome
            self._no_twin = True
        return self.real(state)

    def real(self, state: State, *, patient: bool = False) -> Outcome:
        """One try of the model itself; a `patient` one may take as long as there is time."""
        self._limit_s = max(self.left_s * PATIENCE, TRY_S) if patient else self._limit_s
        outcome = self._on(self.model, state, self.device)
        # What a small forward takes says nothing of its size: told by that, its like would run here or there by chance.
        seconds = max(outcome.seconds - START_S, 0.0)
        self._rate = max(seconds / max(_volume(state), 1), self._rate * 0.5)
        return outcome

    def twin(self) -> nn.Module | None:
        """The model on the meta device, `None` where it cannot be copied."""
        if self._twin is None and not self._no_twin:
            memo: dict[int, Any] = {}
            for module in self.model.modules():
                for thing in (*module._parameters.values(), *module._buffers.values(), *vars(module).values()):
                    if isinstance(thing, nn.Parameter):
                        memo[id(thing)] = nn.Parameter(thing.detach().to("meta"), requires_grad=False)
                    elif isinstance(thing, torch.Tensor):
                        memo[id(thing)] = thing.detach().to("meta")
            try:
                with unlimited():  # the first use of the meta device imports for a second
                    importlib.import_module("torch._meta_registrations")
                self._twin = copy.deepcopy(self.model, memo)
            except Exception:  # noqa: BLE001 - what a model holds may refuse to be copied
                self._no_twin = True
        return None if self._no_twin else self._twin

    def _is_dear(self, state: State) -> bool:
        return self.device == "cpu" and not self._no_twin and (self._heavy or self._rate * _volume(state) > DEAR_S)

    def _on(self, model: nn.Module, state: State, device: str) -> Outcome:
        self.tries += 1
        began = time.process_time()
        torch.manual_seed(SEED)
        watch = Watch()
        own = model
        if any(map(is_lazy, own.parameters())):  # layers that take the sizes of the first input that they see
            model = copy.deepcopy(own)

        def call() -> Any:
            args, kwargs = arguments(state, self.positional, device)
            watch.calls = 0  # what the inputs are made with is no progress
            with quiet(), torch.no_grad():
                if device == "meta":
                    with torch.device("meta"):
                        return model(*args, **kwargs)
                return model(*args, **kwargs)

        try:
            with (
                warnings.catch_warnings(),
                at_most(max(min(self.left_s, META_S if device == "meta" else self._limit_s), 0.05)),
            ):
                warnings.simplefilter("ignore")
                output, failure, progress = watched(call, watch)
                if failure is None and model is not own:
                    model = own
                    output, failure, progress = watched(call, watch)
        except TooLong:
            if self.left_s <= 0:
                raise OutOfTime from None
            error = TooSlow("the forward took too long")
            output, progress = None, SLOW
            failure = Failure(error, str(error), "", (), None, (), "", None, ())
        seconds = time.process_time() - began
        shown = "accepted" if failure is None else f"{type(failure.error).__name__}: {failure.first_line[:120]}"
        self.log(f"try {self.tries} on {device}: {spelled(state)} -> {shown} (after {progress} calls)")
        return Outcome(output, failure, progress, seconds, frozenset(watch.short))


def is_lazy(parameter: torch.Tensor) -> bool:
    """Whether a parameter has no size yet."""
    return isinstance(parameter, nn.parameter.UninitializedTensorMixin)


class OutOfTime(Exception):
    """A forward did not end in time, or the budget is spent."""


def spelled(state: State) -> str:
    """The inputs in the words of the command line."""
    return ", ".join(
        f"{path}={slot.dtype}[{','.join(map(str, slot.shape))}]" + (f"<{slot.high}" if slot.high else "")
        for path, slot in leaves(state).items()
    )


def _volume(state: State) -> int:
    total = 0
    for slot in leaves(state).values():
        count = 1
        for size in slot.shape:
            count *= size
        total += count
    return total


def _is_of_meta(outcome: Outcome) -> bool:
    failure = outcome.failure
    return failure is not None and (
        any(word in failure.message for word in META) or isinstance(failure.error, NotImplementedError)
    )

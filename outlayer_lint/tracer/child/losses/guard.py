"""Watches the loss calls of a program that runs: what each receives, where that came from, what gradient it gives.

`guard` is a `with` statement around user code. It ends that code by an `Enough`, which is no `Exception`, after so many
loss calls: at the end of the backward pass that follows, so that the last gradient is seen as well.
"""

from __future__ import annotations

import inspect
import time
from functools import lru_cache
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.optim import optimizer as hooks

from outlayer_lint import knowledge
from outlayer_lint.tracer.child.recording import marks, numbers
from outlayer_lint.tracer.child.recording.marks import PROJECT, Mark, Place, here, standing
from outlayer_lint.tracer.child.recording.recorder import BUILT, Recorder

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from outlayer_lint.knowledge import Row
    from outlayer_lint.tracer.child.recording.numbers import Numbers
    from outlayer_lint.tracer.child.recording.recorder import Operation

FOLLOWS = 3  # so many times the losses asked for end a program that never calls `backward`
PER_PLACE = 4  # events of one place are kept: they say the same
MAX_CALLS = 400
ABSENT = object()  # of an attribute that was not there
LOOKS, EACH = 16, 8  # calls of one place whose values are looked at, then every so many


class Enough(BaseException):
    """Ends the watched program: enough was seen. Derived so that `except Exception` lets it pass."""


class Gradient(NamedTuple):
    """The gradient that reached a loss's input: its largest magnitude, and whether it was zero or not finite."""

    largest: float
    zero: bool
    finite: bool


class Call:
    """One loss call as it was seen.

    Attributes:
        row: the contract of the loss, as its arguments make it.
        name: what the user calls it (`CrossEntropyLoss`, `cross_entropy`).
        arguments: constants that differ from their defaults.
        prediction, target: where they come from, `None` where there is none.
        input, aim: what the values of prediction and target show.
        place: in the project's code; `direct` is whether the loss was called there, not in a library below it.
        built: where the loss object was constructed, `None` for a function.
        weights: lengths of the tensors among the arguments, by parameter.
        training: whether gradients were being recorded.
        result: the loss's own mark, once it was computed.
        gradient: what came back, once it did.
        failure: the message of the exception that the loss raised, "" where it did not.
    """

    __slots__ = (
        "aim", "arguments", "built", "direct", "failure", "gradient", "input", "name", "place", "prediction", "result",
        "row", "target", "training", "weights",
    )  # fmt: skip

    def __init__(self, row: Row, name: str) -> None:
        """The rest is filled in as it becomes known."""
        self.row = row
        self.name = name
        self.arguments: dict[str, Any] = {}
        self.prediction: Mark | None = None
        self.target: Mark | None = None
        self.input: Numbers | None = None
        self.aim: Numbers | None = None
        self.place: Place | None = None
        self.direct = False
        self.built: Place | None = None
        self.weights: dict[str, int] = {}
        self.training = True
        self.result: Mark | None = None
        self.gradient: Gradient | None = None
        self.failure = ""


class Guard:
    """What a watched program did: its loss calls, and every decision, logarithm and activation of its own code."""

    def __init__(self, losses: int = 4, report: Callable[[Call], None] | None = None) -> None:
        """`losses`: after how many calls the program is ended, 0 for never; `report` is told of each call."""
        self.losses = losses
        self.until = inf  # when a program that has shown a loss is ended, however few these are
        self.report = report
        self.recorder = Recorder(marks.LIBRARY)
        self.recorder.kind_of = kind_of
        self.recorder.before = self._before
        self.recorder.after = self._after
        self.calls: list[Call] = []
        self.events: list[Mark] = []
        self.consumed: list[tuple[Row, str, Mark, Place, dict[str, Any]]] = []
        self._seen: dict[tuple[object, int], int] = {}
        self._inside = False
        self.backwards = 0
        self.error: BaseException | None = None  # that ended the program
        self.made_up = False  # whether it sees what stands in for files or packages: the values mean nothing
        self._looks: dict[object, tuple[int, Numbers]] = {}
        self._unwatched: Any = None
        self._handles: list[Any] = []
        self._patches: list[tuple[Any, str, Any]] = []

    def __enter__(self) -> Self:
        """Start watching."""
        from outlayer_lint.tracer.child.losses import patches  # noqa: PLC0415 - patches wraps what it watches

        patches.install(self)
        self._handles = [
            hooks.register_optimizer_step_pre_hook(self._steps), hooks.register_optimizer_step_post_hook(self._stepped)
        ]  # fmt: skip
        self.recorder.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        """Stop watching; an `Enough` of this watch ends here."""
        self._stepped()  # where the step itself failed
        self.recorder.__exit__(kind, error, traceback)
        for handle in self._handles:
            handle.remove()
        for owner, name, before in reversed(self._patches):
            if before is ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, before)
        self._patches.clear()
        return kind is not None and issubclass(kind, Enough)

    def _steps(self, _optimizer: Any, args: Any, kwargs: Any) -> None:
        """What an optimizer does to the weights is no business of ours, but a closure computes the loss."""
        if self._unwatched is None and not any(map(callable, (*args, *kwargs.values()))):
            self._unwatched = torch._C.DisableTorchFunction()
            self._unwatched.__enter__()

    def _stepped(self, *_: object) -> None:
        if self._unwatched is not None:
            self._unwatched.__exit__(None, None, None)
            self._unwatched = None

    def replace(self, owner: Any, name: str, value: Any) -> None:
        """Put another attribute in the place of one, or of none, until the watch ends."""
        self._patches.append((owner, name, vars(owner).get(name, ABSENT)))
        setattr(owner, name, value)

    # -- what the recorder tells --------------------------------------------------------------------------------------

    def _before(self, operation: Operation, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._inside:
            return None
        found = knowledge.find(operation.name)
        assert found is not None  # noqa: S101 - its kind came from there
        if operation.kind == "sampler":
            self._sampled(found[0], args, kwargs)
            return None
        module = self.recorder.stack[-1] if self.recorder.stack else None
        return self.around(found[0], module, func, args, kwargs)

    def _sampled(self, row: Row, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        bound = by_name(row, None, args, kwargs)
        for name in row.takes or row.parameters[:1]:
            if isinstance(bound.get(name), torch.Tensor):
                self.consumes(row, name, bound[name], {})

    def around(self, row: Row, module: Any, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run one loss, having looked at what it receives. `module` is the loss object, if it is one."""
        return self._run(self._call(row, module, func, args, kwargs), lambda: func(*args, **kwargs))

    def known(
        self, row: Row, name: str, run: Callable[[], Any], prediction: Any, target: Any, arguments: dict[str, Any],
        place: Place | None,
    ) -> Any:  # fmt: skip
        """Run a loss of another library, of which all that matters is known."""
        constants = {key: value for key, value in arguments.items() if is_constant(value)}
        call = Call(row.under(constants) if row.when else row, name)
        call.arguments, call.place = constants, place
        self._looked(call, prediction, target)
        return self._run(call, run)

    def _run(self, call: Call, run: Callable[[], Any]) -> Any:
        self._enough(FOLLOWS)
        self.calls.append(call)
        self._inside = True
        try:
            result = run()
        except Exception as error:
            call.failure = f"{type(error).__name__}: {error}"[:300]
            raise
        finally:
            self._inside = False
        if isinstance(result, torch.Tensor):
            inputs = [each for each in (call.prediction, call.target) if each is not None]
            call.result = Mark(
                self.recorder.recording, "operation", call.row.name, parts=tuple(inputs), shape=tuple(result.shape),
                dtype=str(result.dtype), place=call.place,
            )  # fmt: skip
            setattr(result, marks.NAME, call.result)
        if self.report is not None:
            self.report(call)
        return result

    def _call(self, row: Row, module: Any, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        bound = by_name(row, func, args, kwargs)
        name = row.shown
        own = None if module is None else loss_row(type(module))
        if own is not None and own.family == row.family:
            row, name = own, type(module).__name__
        constants = {key: value for key, value in bound.items() if is_constant(value)}
        call = Call(row.under({k: v for k, v in constants.items() if v is not None}) if row.when else row, name)
        call.arguments = without_defaults(func, constants)
        prediction, target = bound.get(row.prediction), bound.get(row.target_parameter)
        tensors = [value for value in args if isinstance(value, torch.Tensor)]
        prediction = prediction if prediction is not None or not tensors else tensors[0]
        call.place = here(PROJECT, 4)
        self._looked(call, prediction, target)
        call.weights = {
            key: int(value.shape[0]) for key, value in bound.items()
            if key in ("weight", "pos_weight") and isinstance(value, torch.Tensor) and value.dim() == 1
        }  # fmt: skip
        near = here(marks.LIBRARY, 4)
        call.direct = near is not None and near == call.place
        call.built = None if own is None else getattr(module, "__dict__", {}).get(BUILT)
        return call

    def _looked(self, call: Call, prediction: Any, target: Any) -> None:
        if isinstance(prediction, torch.Tensor):
            call.prediction = self.recorder.mark_of(prediction)
            call.input = self._look(call.place, call.prediction, prediction)
            if prediction.requires_grad:
                prediction.register_hook(lambda grad: self._came_back(call, grad))
        if isinstance(target, torch.Tensor):
            call.target = self.recorder.mark_of(target)
            call.aim = self._look(call.place, call.target, target)
        call.training = torch.is_grad_enabled()

    def _look(self, place: Place | None, mark: Mark, tensor: Any) -> Numbers:
        """What the values show: of the first calls that receive what one operation made, then of every eighth."""
        key = place, mark.op, mark.place, mark.dtype, len(mark.shape), torch.is_grad_enabled()
        seen, last = self._looks.get(key, (0, None))
        found = numbers.look(tensor) if last is None or seen < LOOKS or not seen % EACH else last
        self._looks[key] = seen + 1, found
        return found if found is not last else found._replace(shape=tuple(tensor.shape))

    def _came_back(self, call: Call, grad: Any) -> None:
        with torch._C.DisableTorchFunction(), torch.no_grad():
            finite = bool(torch.isfinite(grad).all())
            largest = float(grad.abs().max()) if finite and grad.numel() else 0.0
        call.gradient = Gradient(largest, zero=finite and largest == 0.0, finite=finite)

    def _after(self, mark: Mark, kind: str, result: Any) -> None:
        if kind == "loss" or mark.place is None or standing(mark.place.code.co_filename) != PROJECT:
            return
        if kind == "sum" and not any(map(is_likelihood, mark.parts)):
            return
        if kind == "log" and not result.requires_grad:
            return  # nobody trains through it
        self.note(mark)

    def note(self, mark: Mark) -> None:
        """Keep an event, a few of each place."""
        if mark.place is None:
            return
        key = (mark.place.code, mark.place.instruction)
        seen = self._seen[key] = self._seen.get(key, 0) + 1
        if seen <= PER_PLACE:
            self.events.append(mark)

    def consumes(self, row: Row, name: str, tensor: Any, arguments: dict[str, Any]) -> None:
        """A distribution, sampler or metric receives a tensor."""
        place = here(marks.LIBRARY, 3)
        if place is None or standing(place.code.co_filename) != PROJECT:
            return
        key = (place.code, place.instruction)
        seen = self._seen[key] = self._seen.get(key, 0) + 1
        if seen <= PER_PLACE:
            self.consumed.append((row, name, self.recorder.mark_of(tensor), place, arguments))

    def went_back(self) -> None:
        """A backward pass has ended: a loss that is written out is seen by it alone."""
        self.backwards += 1
        self._enough(1)

    def _enough(self, times: int) -> None:
        """End the program once enough losses were seen; one that evaluates only is given a little longer."""
        seen = max(len(self.calls), self.backwards)
        if self.losses and (seen >= self.losses * times or seen >= MAX_CALLS):
            raise Enough
        if self.calls and time.monotonic() > self.until:
            raise Enough


def guard(losses: int = 4, report: Callable[[Call], None] | None = None) -> Guard:
    """Watch what runs inside of the `with`, and end it after so many loss calls."""
    return Guard(losses, report)


# -- rows -------------------------------------------------------------------------------------------------------------

NOTED = {"normalises": "activation", "bounds": "activation", "decides": "decision", "samples": "sampler"}
SUMS = ("add", "sub", "rsub", "sum", "mean")
TAKEN = ("argmax", "round", "gt", "ge", "lt", "le")


def kind_of(name: str) -> str:
    """What a guard notes an operation as: `loss`, `activation`, `decision`, `log`, `div`, `sampler`, or ""."""
    found = knowledge.find(name)
    if found is None:
        return ""
    row = found[0]
    if row.kind == "loss" and found[1] != "module":
        return "loss"
    if row.transfer == "decides" and row.how not in TAKEN:
        return ""
    if row.transfer in NOTED:
        return NOTED[row.transfer]
    if row.transfer == "interval" and row.how == "log":
        return "log"
    if row.how in SUMS:
        return "sum"
    return "div" if row.how == "div" else ""


def is_likelihood(mark: Mark) -> bool:
    """Whether a tensor is a product with a logarithm, negated or not."""
    while mark.short == "neg":
        mark = mark.parts[0]
    return mark.short == "mul" and any(each.short == "log" for each in mark.parts)


def loss_row(kind: type) -> Row | None:
    """The row of a loss class, or of the one it derives from."""
    for each in kind.__mro__:
        found = knowledge.find(f"{each.__module__}.{each.__qualname__}")
        if found is not None and found[0].kind == "loss":
            return found[0]
    return None


def by_name(row: Row, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a loss by the names of its row."""
    names = row.parameters if row.form != "module" else (*row.call, *row.constructor)
    return {**dict(zip(names, args, strict=False)), **kwargs}


def is_constant(value: Any) -> bool:
    """Whether an argument can stand in a fact."""
    return value is None or isinstance(value, (bool, int, float, str))


def without_defaults(func: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Constants that say something: those that differ from what the function assumes anyway."""
    known = defaults_of(func)
    return {
        key: value for key, value in given.items() if value is not None and not (key in known and known[key] == value)
    }


@lru_cache(maxsize=256)
def defaults_of(func: Any) -> dict[str, Any]:
    """What a function assumes for each parameter, empty where it does not tell."""
    try:
        return {name: each.default for name, each in inspect.signature(func).parameters.items()}
    except (TypeError, ValueError):
        return {}

"""One model on trial: built, fed, recorded, identified, stressed; what came out as the record of a report."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from outlayer_lint.tracer.child import hooked
from outlayer_lint.tracer.child.construct import Refusal, build
from outlayer_lint.tracer.child.inputs import Found, Hypothesis, InputSpec, search
from outlayer_lint.tracer.child.orders import KEPT
from outlayer_lint.tracer.child.recorder import record
from outlayer_lint.tracer.child.told import dtype_of, through

if TYPE_CHECKING:
    from outlayer_lint.tracer.child.serving import Announcer
    from outlayer_lint.tracer.target import Target

# The stage that a refusal comes from -> the word it is told by.
WORDS = {"import": "import", "construct": "constructor", "infer": "no-input"}


class Model(NamedTuple):
    """A model and what is known of how it came about; `inputs` where the user made them."""

    model: Any
    how: str
    at: str
    args: dict[str, Any]
    inputs: tuple[tuple[Any, ...], dict[str, Any]] | None = None


class Clock:
    """Seconds that each stage took."""

    def __init__(self, announce: Announcer) -> None:
        """`announce` is told of each stage as well."""
        self.announce = announce
        self.took: dict[str, float] = {}
        self.since = time.perf_counter()
        self.stage = ""

    def __call__(self, stage: str) -> None:
        """A stage begins, and the one before it ends."""
        now = time.perf_counter()
        if self.stage:
            self.took[self.stage] = round(self.took.get(self.stage, 0.0) + now - self.since, 4)
        self.since, self.stage = now, stage
        if stage:
            self.announce(stage)


def tried(target: Target, header: dict[str, Any], announce: Announcer) -> dict[str, Any]:
    """The record of one target, in the shape of the JSON report; a refusal has `word` and `why` instead of outputs."""
    clock = Clock(announce)
    model = _model(target, header, clock)
    if isinstance(model, Refusal):
        return _refused(model, announce)
    KEPT.append(model)
    clock("infer")
    found = _inputs(model, target, header, announce)
    built = {"how": model.how, "at": model.at, "args": model.args}
    if isinstance(found, Refusal):
        return {**_refused(found, announce), "built": built}
    clock("forward")
    best = found.hypotheses[0]
    recording = record(model.model, best.args, best.kwargs)
    clock("")
    return {
        "built": built,
        "inputs": [_input(spec, found) for spec in best.specs],
        "outputs": [
            {
                "path": output.path,
                "shape": list(output.tensor.shape),
                "dtype": dtype_of(output.tensor),
                "chain": [step._asdict() for step in output.chain],
                "through": through(output.mark),
            }
            for output in recording.outputs
        ],
        "time": clock.took,
    }


def _model(target: Target, header: dict[str, Any], clock: Clock) -> Model | Refusal:
    if not target.hook:
        found = build(target, header["root"], clock)
        return found if isinstance(found, Refusal) else Model(found.model, found.how, found.at, found.args)
    clock("import")
    try:
        hook = hooked.named(target.path, header["root"], target.hook)
    except hooked.HookError as error:
        return Refusal("import", str(error))
    clock("construct")
    return Model(hook.build(), "hook", "", {}, hooked.arguments(hook))


def _inputs(model: Model, target: Target, header: dict[str, Any], announce: Announcer) -> Found | Refusal:
    if model.inputs is None:
        budget = max(1.0, 0.6 * header["budget"])
        return search(model.model, target, budget_s=budget, max_tries=header["max_tries"], log=announce.log)
    args, kwargs = model.inputs
    given: dict[str, Any] = {**{str(number): value for number, value in enumerate(args)}, **kwargs}
    specs = [
        InputSpec(name, dtype_of(value), tuple(value.shape), "user", 0)
        for name, value in given.items()
        if hasattr(value, "shape")
    ]
    batch: dict[str, int | None] = {spec.name: 0 if spec.shape else None for spec in specs}
    return Found([Hypothesis(args, kwargs, specs, batch)], 0)


def _refused(refusal: Refusal, announce: Announcer) -> dict[str, Any]:
    return {"stage": announce.stage, "word": WORDS.get(refusal.stage, refusal.stage), "why": refusal.why}


def _input(spec: InputSpec, found: Found) -> dict[str, Any]:
    told: dict[str, Any] = {"name": spec.name, "dtype": spec.dtype, "shape": list(spec.shape), "origin": spec.origin}
    if spec.high:
        told["high"] = spec.high
    return {**told, "tries": found.tries, "alternatives": len(found.hypotheses) - 1}

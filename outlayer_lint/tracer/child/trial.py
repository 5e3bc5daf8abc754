"""One model on trial: built, fed, recorded, identified, stressed; what came out as the record of a report."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import torch

from outlayer_lint.lattice import describe_value
from outlayer_lint.reporters.json import diagnostic
from outlayer_lint.tracer.child.building import hooked
from outlayer_lint.tracer.child.building.construct import MOST_GUESSES, SETTLED, Refusal, build
from outlayer_lint.tracer.child.failures import is_ours, said, word_of, word_of_text
from outlayer_lint.tracer.child.losses.facts import Facts, judge
from outlayer_lint.tracer.child.losses.guard import Guard
from outlayer_lint.tracer.child.losses.patches import constructors
from outlayer_lint.tracer.child.losses.reading import Reader
from outlayer_lint.tracer.child.orders import ENDING, KEPT
from outlayer_lint.tracer.child.recording import gpu, numbers
from outlayer_lint.tracer.child.recording.forms import Form, emits, identify
from outlayer_lint.tracer.child.recording.marks import PROJECT, standing
from outlayer_lint.tracer.child.recording.recorder import evaluating, record, seeded
from outlayer_lint.tracer.child.recording.stress import Stress, stress
from outlayer_lint.tracer.child.search.inputs import Found, Hypothesis, InputSpec, search
from outlayer_lint.tracer.child.surroundings.quiet import quiet
from outlayer_lint.tracer.child.surroundings.stood_in import stood_in
from outlayer_lint.tracer.child.told import dtype_of, short, through
from outlayer_lint.tracer.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from outlayer_lint.lattice import Value
    from outlayer_lint.tracer.child.recording.recorder import Output, Recording, Step
    from outlayer_lint.tracer.child.serving import Announcer

# The stage that a refusal comes from -> the word it is told by.
WORDS = {"import": "import", "construct": "constructor", "infer": "no-input"}

Known = TypeVar("Known")
COUPLED = ("simplex", "logp", "unorm", "onehot")  # words that have a dim
MOST_OUTPUTS = 64
SOON = 0.25  # of the budget: a search that ended within it leaves time for another model


class Model(NamedTuple):
    """A model and what is known of how it came about; `inputs` where the user made them, `outputs` as expected.

    `replays` says whether `args` alone would build it again.
    """

    model: Any
    how: str
    at: str
    args: dict[str, Any]
    inputs: tuple[tuple[Any, ...], dict[str, Any]] | None = None
    outputs: dict[str, str] = {}  # noqa: RUF012 - never mutated
    replays: bool = True


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
    constructors(setattr)  # each layer remembers where it was constructed
    model = _model(target, header, clock)
    if isinstance(model, Refusal):
        return _refused(model, announce)
    began = time.monotonic()
    first = found = examined(model, target, header, clock)
    for passed in range(1, MOST_GUESSES):  # what took nothing may have been guessed wrongly
        taken = found.get("word") != "no-input" or model.how in SETTLED
        if taken or time.monotonic() - began > header["budget"] * SOON:
            break
        model = _model(target, header, clock, passed)
        if isinstance(model, Refusal):
            break
        found = examined(model, target, header, clock)
    return found if "outputs" in found else first


def examined(model: Model, target: Target, header: dict[str, Any], clock: Clock) -> dict[str, Any]:
    """The record of a model that is there already."""
    KEPT.append(model)
    clock("infer")
    found = _inputs(model, target, header, clock.announce)
    built = {"how": model.how, "at": model.at, "args": model.args}
    if isinstance(found, Refusal):
        return {**_refused(found, clock.announce), "built": built}
    clock("forward")
    best = found.hypotheses[0]
    notes: list[dict[str, str]] = []
    with quiet():
        recording = record(model.model, best.args, best.kwargs)
        clock("numeric")
        forms = _safely("forms", lambda: identify(model.model, best, recording), dict[str, Form](), notes)
        clock("stress")
        strained = _safely(
            "stress", lambda: stress(model.model, best, recording, forms, header["dtypes"]), dict[str, Stress](), notes
        )
        others = [_other(model.model, hypothesis) for hypothesis in found.hypotheses[1:]]
        clock("rules")
        diagnostics = _safely("rules", lambda: _judged(model.model, best), list[dict[str, Any]](), notes)
        device, driven = _on_gpu(model.model, best, recording, header, clock, notes)
    clock("")
    return {
        "built": built,
        "replays": model.replays,
        "device": device,
        "gpu": driven,
        "inputs": [_input(spec, found) for spec in best.specs],
        "outputs": [_output(output, forms, others, strained) for output in recording.outputs[:MOST_OUTPUTS]],
        "claims": list(_expected(model.outputs, forms, others)),
        "notes": [*_notes(recording), *notes],
        "diagnostics": diagnostics,
        "time": clock.took,
    }


def _on_gpu(
    model: Any,
    hypothesis: Hypothesis,
    recording: Recording,
    header: dict[str, Any],
    clock: Clock,
    notes: list[dict[str, str]],
) -> tuple[str, dict[str, Any] | None]:
    """The device, and what a GPU says where there is one."""
    device = gpu.resolved(header["device"])
    if not device:
        notes.append({"word": "device", "message": f"there is no {header['device']} here: this is of the CPU"})
    if not device.startswith("cuda"):
        return "cpu", None
    clock("gpu")
    try:
        return device, gpu.tried_on(model, hypothesis, recording, device, header["dtypes"], header["memory_of_gpu"])
    except gpu.Spoiled as spoiled:
        notes.append({"word": "device", "message": f"the GPU gave up: {spoiled}"})
        ENDING.append(device)
        return device, spoiled.told


def rehearsed() -> None:
    """Everything but the backward pass, with a model that is known."""
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Softmax(dim=1)).eval()
    found = search(model, Target("rehearsal"), budget_s=5.0, max_tries=4, log=lambda _: None)
    if isinstance(found, Found):
        best = found.hypotheses[0]
        identify(model, best, record(model, best.args, best.kwargs))
        _judged(model, best)


def _other(model: Any, hypothesis: Hypothesis) -> dict[str, Form]:
    """The forms under another input that the model accepts."""
    try:
        return identify(model, hypothesis, record(model, hypothesis.args, hypothesis.kwargs))
    except Exception:  # noqa: BLE001 - the user's code, with an input that is not the best
        return {}


def _judged(model: Any, hypothesis: Hypothesis) -> list[dict[str, Any]]:
    """What the rules say of the activations and decisions inside of the model."""
    with evaluating(model), torch.no_grad(), Guard(0) as guard:
        seeded()
        model(*hypothesis.args, **hypothesis.kwargs)
    return [diagnostic(one) for one in judge(Facts(guard).all())]


def _output(
    output: Output, forms: dict[str, Form], others: list[dict[str, Form]], strained: dict[str, Stress]
) -> dict[str, Any]:
    """One output, as the report has it."""
    form = forms.get(output.path, Form("unknown"))
    shape = list(output.tensor.shape)
    seen = numbers.look(output.tensor)
    value = Reader().value(output.mark)
    told: dict[str, Any] = {
        "path": output.path,
        "shape": shape,
        "dtype": dtype_of(output.tensor),
        "finite": seen.finite,
        "units": value.units,
        "chain": [_step(step) for step in output.chain],
        "form": {"value": form.value, "by": list(form.by), "max_err": form.max_err,
                 "ambiguous_with": list(form.ambiguous_with)},
        "emits": worded(form, value),
        "through": through(output.mark),
    }  # fmt: skip
    if any(other.get(output.path, form).value != form.value for other in others):
        told["disputed"] = sorted({other[output.path].value for other in others if output.path in other})
    if seen.low <= seen.high:
        told["range"] = [short(seen.low), short(seen.high)]
    if output.path in strained:
        told |= strained[output.path].as_json()
    return told


def worded(form: Form, value: Value) -> str:
    """What it emits, as `pairs` has it: by intervention where that is certain, else by the recorded operations."""
    word = emits(form)
    if form.value == "raw" or not word or "intervention" not in form.by:
        return describe_value(value) if value.known else ""  # what is raw is what its layer gives: a GRU's is bounded
    dim = form.value.partition("∘")[0].partition("@")[2]
    units = "" if value.units is None else f", {value.units} unit{'s' * (value.units != 1)}"
    return f"{word}({dim}){units}" if word in COUPLED and dim else f"{word}{units}"


def _step(step: Step) -> dict[str, Any]:
    own = standing(step.at.rpartition(":")[0]) == PROJECT if step.at else False
    told = {"op": step.op, "text": step.text, "module": step.module, "at": step.at if own else ""}
    return told if step.dim is None else {**told, "dim": step.dim}


def _expected(
    outputs: dict[str, str], forms: dict[str, Form], others: list[dict[str, Form]]
) -> Iterator[dict[str, str]]:
    """What is expected of outputs, against what was seen; `scores` means `out['scores']` as well."""
    for path, wanted in outputs.items():
        names = (path, f"out.{path}", f"out[{path}]", f"out['{path}']")
        found = next((form for at, form in forms.items() if at in names), None)
        name = f"{path} is {wanted}"
        if found is None:
            yield {"id": name, "verdict": "not-run", "why": f"no output is called `{path}`: {', '.join(forms)}"}
        elif found.value == wanted and all(other.get(path, found).value == wanted for other in others):
            yield {"id": name, "verdict": "confirmed", "why": f"`{path}` is {wanted} ({', '.join(found.by)})"}
        elif "intervention" in found.by and wanted not in found.ambiguous_with:
            yield {"id": name, "verdict": "refuted", "why": f"`{path}` is {found.value} ({', '.join(found.by)})"}
        else:
            yield {"id": name, "verdict": "inconclusive", "why": f"`{path}` seems to be {found.value}"}


def _safely(what: str, ask: Callable[[], Known], otherwise: Known, notes: list[dict[str, str]]) -> Known:
    """An answer, or a note on why there is none: what is known already must not be lost with it."""
    try:
        return ask()
    except Exception as error:
        if is_ours(error):
            raise
        notes.append({"word": word_of(error), "message": f"no {what}: {said(error)}"})
        return otherwise


def _notes(recording: Recording) -> Iterator[dict[str, str]]:
    """What a reader must know before believing the rest."""
    if not recording.outputs:
        yield {"word": "inconclusive", "message": "no tensor comes out of it"}
    if len(recording.outputs) > MOST_OUTPUTS:
        yield {"word": "inconclusive", "message": f"{len(recording.outputs)} outputs, of which {MOST_OUTPUTS} are told"}
    marks = (mark for output in recording.outputs for mark in output.mark.ancestors())
    missing = sorted({mark.given[0][1].removesuffix("()") for mark in marks if mark.function is stood_in})
    if missing:
        yield {"word": "environment", "message": f"layers that are missing pass their input on: {', '.join(missing)}"}
    for output in recording.outputs[:MOST_OUTPUTS]:
        if not numbers.look(output.tensor).finite:
            yield {"word": "not-finite", "message": f"`{output.path}` holds NaN or Inf with ordinary input"}


def _model(target: Target, header: dict[str, Any], clock: Clock, passed: int = 0) -> Model | Refusal:
    if not target.hook:
        found = build(
            target,
            header["root"],
            clock,
            whole=header.get("full_import", False),
            stub=header.get("stub_missing", True),
            passed=passed,
        )
        if isinstance(found, Refusal):
            return found
        return Model(found.model, found.how, found.at, found.args, outputs=target.outputs, replays=found.replays)
    clock("import")
    try:
        hook = hooked.named(target.path, header["root"], target.hook)
    except hooked.HookError as error:
        return Refusal("import", str(error))
    clock("construct")
    return Model(hook.build(), "hook", "", {}, hooked.arguments(hook), dict(hook.outputs))


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
    """A refusal; one for want of memory or of something outside says so, whatever stage it came from."""
    word = word_of_text(refusal.why)
    if word not in ("memory", "environment") or refusal.stage == "time":
        word = WORDS.get(refusal.stage, refusal.stage)
    return {"stage": announce.stage, "word": word, "why": refusal.why}


def _input(spec: InputSpec, found: Found) -> dict[str, Any]:
    told: dict[str, Any] = {"name": spec.name, "dtype": spec.dtype, "shape": list(spec.shape), "origin": spec.origin}
    if spec.high:
        told["high"] = spec.high
    return {**told, "tries": found.tries, "alternatives": len(found.hypotheses) - 1}

"""A script under watch: run until it has computed some losses, and what these were given as the record of a report."""

from __future__ import annotations

import gc
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch

from outlayer_lint.lattice import describe_value
from outlayer_lint.reporters.json import diagnostic
from outlayer_lint.source.document import Unreadable
from outlayer_lint.tracer.child import trial
from outlayer_lint.tracer.child.driving import driven
from outlayer_lint.tracer.child.failures import word_of_text
from outlayer_lint.tracer.child.limits import TooLong, at_most
from outlayer_lint.tracer.child.losses.facts import judged
from outlayer_lint.tracer.child.losses.guard import Guard
from outlayer_lint.tracer.child.recording import chains
from outlayer_lint.tracer.child.script import run_script
from outlayer_lint.tracer.child.surroundings.learning import learned
from outlayer_lint.tracer.child.surroundings.made_up import MadeUp
from outlayer_lint.tracer.child.surroundings.quiet import lenient_options
from outlayer_lint.tracer.child.told import DTYPES, short, through
from outlayer_lint.tracer.child.trial import Clock, Model
from outlayer_lint.tracer.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from outlayer_lint.diagnostic import Diagnostic
    from outlayer_lint.tracer.child.losses.facts import Facts, Site
    from outlayer_lint.tracer.child.recording.numbers import Numbers
    from outlayer_lint.tracer.child.script import Ended
    from outlayer_lint.tracer.child.serving import Announcer

SHARE = 0.6  # of the budget that a script may take once it has shown a loss
FIRST = 0.3  # of the budget that a script may take before it is tried with small batches
RUNS = 8  # of a script whose files are made up, until their sizes fit
MOST_NAMES = 8
MOST_OBJECTS = 3
LAST = 4  # operations of a chain that are told


def watched(
    path: str,
    argv: list[str],
    header: dict[str, Any],
    announce: Announcer,
    *,
    objects: bool = False,
    calls: Sequence[str] = (),
    drives: Sequence[str] = (),
) -> dict[str, Any]:
    """What the losses of a script were given, and what the rules say of it.

    `calls` are functions that are called at its end, `drives` those that need arguments. `objects`: nobody asked for
    this script itself, so options that it requires are guessed, and the models that stand at its top in the end are
    examined as it has left them.
    """
    announce("script")
    until = time.monotonic() + SHARE * header["budget"]
    stand_ins = {"stub": header["stub_missing"], "synthetic": header["synthetic_datasets"], "root": header["root"]}
    made = MadeUp(path)
    options = lenient_options(made) if objects else nullcontext()
    try:
        with options:
            for _ in range(RUNS):
                guard = Guard(header["losses"])
                guard.until = until
                with at_most(FIRST * header["budget"]) if not made.batch else nullcontext():
                    ended = run_script(path, argv, guard, **stand_ins, calls=calls, made=made)
                wrong = ended.how == "error" and not any(not call.failure for call in guard.calls)
                if not wrong or time.monotonic() > until or not learned(made, guard, ended.why, ended.line):
                    break
                guard.error = None
                ended = ended._replace(names={})  # what this run has made must not stay beside what the next one makes
                gc.collect()
    except Unreadable as error:
        return {"stage": "import", "word": "import", "why": f"line {error.line}: {error.message}"}
    guards = [(guard, "")]
    if drives and ended.how == "done":
        announce("drive")
        guards += [(seen, " (called with made-up data)") for seen in driven(path, ended.names, drives)]
    announce("numeric")
    record: dict[str, Any] = {"losses": [], "seen": [], "diagnostics": [], "notes": list(_notes(ended, made.names))}
    record["backwards"] = sum(each.backwards for each, _ in guards)
    for each, how in guards:
        _gather(record, each, how)
    if objects and ended.how == "done":
        record["objects"] = _examined(path, ended.names, header, announce)
    if not any(each.calls for each, _ in guards):
        record |= {"stage": "script", **_lossless(ended, path, record["backwards"])}
    return record


def _gather(record: dict[str, Any], guard: Guard, how: str) -> None:
    """Add what one guard saw to the record."""
    facts, found = judged(guard)
    losses = [_loss(site, facts, number, found) for number, site in enumerate(facts.sites)]
    record["losses"] += [{**loss, "how": how} for loss in losses] if how else losses
    record["seen"] += list(_seen(facts, guard))
    record["diagnostics"] += [diagnostic(one) for one in found]


def _examined(path: str, names: dict[str, Any], header: dict[str, Any], announce: Announcer) -> list[dict[str, Any]]:
    """The models at the top of a script that has ended, as they are then."""
    found: dict[int, tuple[str, torch.nn.Module]] = {}
    for name, value in names.items():
        if isinstance(value, torch.nn.Module) and any(True for _ in value.parameters()):
            found.setdefault(id(value), (name, value))
    examined = []
    for name, value in list(found.values())[:MOST_OBJECTS]:
        model = Model(value, "value", "", {})
        told = trial.examined(model, Target(path, name), header, Clock(announce))
        examined.append({**told, "name": name})
    return examined


def _notes(ended: Ended, made: Sequence[str]) -> Iterator[dict[str, str]]:
    """What was made up, and how a script ended that was not stopped."""
    if ended.missing:
        yield {"word": "environment", "message": f"stood in for: {', '.join(ended.missing)}"}
    if ended.pictures:
        yield {"word": "environment", "message": "torchvision's data sets were replaced by random pictures"}
    if made:
        message = f"made up, so that nothing is said of targets: {', '.join(sorted(set(made))[:MOST_NAMES])}"
        yield {"word": "environment", "message": message}
    if ended.how == "error":
        yield {"word": word_of_text(ended.why), "message": f"after its losses: {ended.why}"}


def _lossless(ended: Ended, path: str, backwards: int) -> dict[str, Any]:
    """Why a script came to no loss."""
    at = {"at": f"{path}:{ended.line}"} if ended.line else {}
    where = f" (line {ended.line})" if ended.line else ""
    if backwards:
        return {"word": "inconclusive", "why": f"its losses are written out: {backwards} backward passes, no loss call"}
    if ended.how == "exit":
        return {"word": "exit", "why": f"it exits with {ended.why} before any loss{where}", **at}
    if ended.how == "error" and ended.why.startswith(TooLong.__name__):
        return {"word": "time", "why": f"it comes to no loss in the time for a first try{where}", **at}
    if ended.how == "error":
        return {"word": word_of_text(ended.why), "why": f"{ended.why}{where}", **at}
    return {"word": "inconclusive", "why": "it ends without computing a loss"}


def _loss(site: Site, facts: Facts, number: int, found: list[Diagnostic]) -> dict[str, Any]:
    """One loss at one place, with the calls that were seen."""
    call = site.first
    place = call.place
    fact = facts.of_site.get(number)
    here = None if place is None else place.span
    codes = sorted({one.code for one in found if here is not None and one.span == here})
    prediction = call.prediction
    spans = [] if prediction is None else through(prediction)
    steps = [] if prediction is None else chains.chain_of(prediction, {})
    given = _numbers(call.input)
    given["last"] = [step.text for step in reversed(steps)][:LAST]
    if fact is not None:
        given["emits"] = describe_value(fact.prediction)
    return {
        "loss": call.name,
        "row": call.row.name,
        "at": "" if here is None else f"{here.path}:{here.line}",
        "calls": len(site.calls),
        "failed": sum(bool(each.failure) for each in site.calls),
        "training": call.training,
        "input": given,
        "target": _numbers(call.aim),
        "gradient": None if call.gradient is None else call.gradient._asdict(),
        "finding": codes[0] if codes else None,
        "findings": codes,
        "span": None if here is None else list(here),
        "through": spans,
    }


def _seen(facts: Facts, guard: Guard) -> Iterator[dict[str, Any]]:
    """Decisions and activations of the project's own code: where they stand and what they were given."""
    for mark in guard.events:
        if mark.place is not None and mark.parts:
            emits = describe_value(facts.reader.value(mark.parts[0]))
            yield {"span": list(mark.place.span), "op": mark.short, "emits": emits, "through": through(mark.parts[0])}
    for row, parameter, mark, place, _ in guard.consumed:
        emits = describe_value(facts.reader.value(mark))
        yield {"span": list(place.span), "op": f"{row.shown}.{parameter}", "emits": emits, "through": through(mark)}


def _numbers(seen: Numbers | None) -> dict[str, Any]:
    """What the values showed; nothing where there were none."""
    if seen is None:
        return {}
    told: dict[str, Any] = {"dtype": DTYPES.get(seen.dtype, seen.dtype), "shape": list(seen.shape)}
    if seen.low <= seen.high:
        told |= {"min": short(seen.low), "max": short(seen.high)}
    return {**told, "finite": seen.finite, "sums_to_one_over": list(seen.simplex)}

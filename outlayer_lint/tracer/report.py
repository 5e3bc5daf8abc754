"""What a trace found, as text, JSON (version 1) and SARIF."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

from outlayer_lint.diagnostic import Report, Unread
from outlayer_lint.reporters import sarif, text
from outlayer_lint.reporters.json import diagnostic
from outlayer_lint.reporters.terminal import count, paint, visible
from outlayer_lint.source.discovery import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from outlayer_lint.reporters import View
    from outlayer_lint.tracer.ends import End
    from outlayer_lint.tracer.tracing import Ran, Traced

VERSION = 1
PLACE = re.compile(r"(?P<path>/[^\n]+?):(?P<line>\d+)")
SATURATED = 0.5  # share of values at an end from which it is told
DIGITS = 4  # of seconds


def render(traced: Traced, form: str, view: View) -> str:
    """The run in one of `text`, `json`, `sarif`."""
    if form == "json":
        return json.dumps(tree(traced, view.version), indent=2) + "\n"
    if form == "sarif":
        unread = tuple(Unread(shown(one.target.path), 1, sentence(one)) for one in traced.ran if one.end.word)
        return sarif.render(Report(traced.diagnostics, unread, len(traced.ran)), view)
    return _text(traced, view)


def render_script(traced: Traced, form: str, view: View) -> str:
    """The run of a script: the findings as `check` tells them, and the losses that were seen."""
    if form == "json":
        return json.dumps(script_tree(traced, view.version), indent=2) + "\n"
    if form == "sarif":
        return render(traced, form, view)
    findings = text.render(Report(traced.diagnostics), view._replace(summary=False))
    losses = "".join(f"{line}\n" for loss in traced.losses for line in _loss(loss))
    notes = "".join(f"{sentence(one)}\n" for one in traced.ran if one.end.word)
    seen = f"{count(len(traced.losses), 'loss', 'losses')} watched"
    return f"{findings}{losses}{notes}{seen}; {_where(traced)}\n"


# --- JSON ------------------------------------------------------------------------------------------------------------


def tree(traced: Traced, version: str) -> dict[str, Any]:
    """The JSON of `trace`, version 1: fields are only ever added."""
    targets = [target_tree(one) for one in traced.ran]
    claims = [claim for target in targets for claim in target["claims"]]
    return {
        "version": VERSION,
        **_ran_on(traced, version),
        "targets": targets,
        "losses": [shown_places(loss) for loss in traced.losses],
        "diagnostics": [diagnostic(found) for found in traced.diagnostics],
        "summary": {
            "targets": len(targets),
            "traced": sum(target["stage"] == "done" for target in targets),
            **{verdict: sum(claim["verdict"] == verdict for claim in claims) for verdict in ("confirmed", "refuted")},
            "open": sum(claim["verdict"] not in ("confirmed", "refuted") for claim in claims),
        },
    }


def script_tree(traced: Traced, version: str) -> dict[str, Any]:
    """The JSON of `run`: that of `check`, with the losses beside it."""
    ended = [one for one in traced.ran if one.end.word]
    return {
        "version": VERSION,
        **_ran_on(traced, version),
        "diagnostics": [diagnostic(found) for found in traced.diagnostics],
        "errors": [{"path": shown(one.target.path), "line": 1, "message": sentence(one)} for one in ended],
        "losses": [shown_places(loss) for loss in traced.losses],
        "summary": {
            "files": len(traced.ran),
            "analysed": sum(not one.end.word for one in traced.ran),
            "losses": len(traced.losses),
            "calls": sum(loss.get("calls", 0) for loss in traced.losses),
        },
    }


def _ran_on(traced: Traced, version: str) -> dict[str, Any]:
    return {
        "tool": version,
        "torch": traced.torch,
        "device": traced.device,
        "isolation": traced.isolation,
        "wall_s": round(traced.seconds, DIGITS),
        "cpu_s": traced.cpu,
    }


def target_tree(one: Ran) -> dict[str, Any]:
    """One target as a report has it: how far it got, and what was seen."""
    end = one.end
    record = shown_places(end.record)
    notes = list(record.get("notes", ()))
    if end.word:
        notes.insert(0, {"word": end.word, "message": end.why})
    return {
        "target": name_of(one),
        "stage": "done" if not end.word else end.stage,
        "built": record.get("built"),
        "inputs": record.get("inputs", []),
        "outputs": record.get("outputs", []),
        "gpu": record.get("gpu"),
        "claims": record.get("claims", []),
        "notes": notes,
        "time": record.get("time", {}),
    }


INTERNAL = ("span", "through")  # of a record: what verdicts are found by


def shown_places(found: Any) -> Any:
    """A record with every absolute `path:line` as it is shown."""
    if isinstance(found, dict):
        kept = {key: value for key, value in found.items() if key not in INTERNAL}
        return {key: _at(value) if key == "at" else shown_places(value) for key, value in kept.items()}
    if isinstance(found, list):
        return [shown_places(value) for value in found]
    return found


def _at(place: Any) -> Any:
    match = PLACE.fullmatch(place) if isinstance(place, str) else None
    return f"{shown(match['path'])}:{match['line']}" if match is not None else place


# --- text ------------------------------------------------------------------------------------------------------------


def name_of(one: Ran) -> str:
    """`src/model.py:Net`."""
    target = one.target
    return f"{shown(target.path)}:{target.name or target.hook}".rstrip(":")


def sentence(one: Ran) -> str:
    """Why a target was not traced."""
    return f"{one.end.word}: {one.end.why}" if one.end.why else one.end.word


def _text(traced: Traced, view: View) -> str:
    lines = [line for one in traced.ran for line in _target(one, view)]
    findings = text.render(Report(traced.diagnostics), view._replace(summary=False))
    return "".join(f"{line}\n" for line in lines) + findings + f"{_summary(traced)}\n"


def _target(one: Ran, view: View) -> Iterator[str]:
    name = paint(visible(name_of(one)), "bold", view.colour)
    found = target_tree(one)
    if one.end.word:
        yield f"{name}: {paint('not traced', 'warning', view.colour)}: {visible(sentence(one))}"
    else:
        yield f"{name}: {', '.join(_built(found))}"
        for output in found["outputs"]:
            yield from _output(output)
        yield from (visible(f"  {sentence}") for sentence in _driven(found["gpu"] or {}))
        for claim in found["claims"]:
            yield f"  {claim['verdict']}: {visible(claim['why'])}"
        for note in found["notes"]:
            yield f"  {note['word']}: {visible(note['message'])}"
    if view.show_info:
        yield from (f"  | {visible(line)}" for line in one.end.log)
    yield ""


def _built(found: Mapping[str, Any]) -> Iterator[str]:
    built = found["built"] or {}
    given = ", ".join(f"{name}={value!r}" for name, value in (built.get("args") or {}).items())
    at = f" at {built['at']}" if built.get("at") else ""
    yield visible(f"built by {built.get('how', '?')}{at}{f' with {given}' if given else ''}")
    for number, spec in enumerate(found["inputs"]):
        tries = f", {count(spec['tries'], 'try', 'tries')}" if spec["tries"] and not number else ""
        yield visible(f"{spell_input(spec)} ({spec['origin']}{tries})")


def spell_input(spec: Mapping[str, Any]) -> str:
    """`x=f32[2,3,32,32]`, as `--input` takes it."""
    sizes = ",".join(map(str, spec["shape"]))
    name = f"{spec['name']}=" if spec["name"] else ""
    return f"{name}{spec['dtype']}[{sizes}]" + (f"<{spec['high']}" if spec.get("high") else "")


def _output(output: Mapping[str, Any]) -> Iterator[str]:
    shape = f"({', '.join(map(str, output['shape']))})"
    form = output.get("form") or {}
    said = [f"{output['path']} {shape} {output['dtype']}"]
    if form:
        by = f" (by {', '.join(form['by'])})" if form.get("by") else ""
        said.append(f"{form['value']}{by}")
    if output.get("emits"):
        said.append(f"emits {output['emits']}")
    if output.get("finite") is False:
        said.append("NOT FINITE")
    yield visible(f"  {': '.join(said[:2])}{''.join(f', {more}' for more in said[2:])}")
    steps = [_step(step) for step in output.get("chain", ())]
    if steps:
        yield visible(f"      {' -> '.join(steps)}")
    yield from (visible(f"      {sentence}") for sentence in _strained(output))


def _driven(gpu: Mapping[str, Any]) -> Iterator[str]:
    """What a GPU said."""
    for dtype, seen in gpu.items():
        if isinstance(seen, str):
            yield f"on the GPU: {dtype}: {seen}"
            continue
        said = [] if seen["finite"] else ["NOT FINITE"]
        said += [] if seen["agrees"] else ["decides otherwise"]
        said += [f"{seen['ms']} ms", f"{seen['peak'] >> 20} MB"]
        yield f"on the GPU in {dtype}: {', '.join(said)}"


def _strained(output: Mapping[str, Any]) -> Iterator[str]:
    """What an output does that it should not, under large scores or in training."""
    bad = [f"{key}: {value}" for key, value in (output.get("stress") or {}).items() if value not in ("ok", "not run")]
    if bad:
        yield f"unstable under large scores: {', '.join(bad)}"
    if output.get("disputed"):
        yield f"with another input that is accepted: {', '.join(output['disputed'])}"
    if output.get("training"):
        yield f"in training: {output['training']}"
    if output.get("constant"):
        yield f"constant: {output['constant']}"
    if output.get("saturation", 0) > SATURATED:
        yield f"{output['saturation']:.0%} of its values are exactly 0 or 1"
    if (output.get("grad") or {}).get("zero"):
        yield "no gradient comes back to any weight"


def _step(step: Mapping[str, Any]) -> str:
    module = f" [{step['module']}]" if step.get("module") else ""
    at = f" {step['at']}" if step.get("at") else ""
    return f"{step.get('text') or step['op']}{module}{at}"


def _loss(loss: Mapping[str, Any]) -> Iterator[str]:
    found = shown_places(dict(loss))
    given = found.get("input") or {}
    last = " -> ".join(reversed(given.get("last") or []))
    shape = f"({', '.join(map(str, given.get('shape') or []))})"
    calls = count(found.get("calls", 0), "call")
    yield visible(f"{found['at']}: {found['loss']}, {calls}, given {shape} from {last or '?'}")


def _summary(traced: Traced) -> str:
    done = sum(not one.end.word for one in traced.ran)
    words: dict[str, int] = {}
    for one in traced.ran:
        if one.end.word:
            words[one.end.word] = words.get(one.end.word, 0) + 1
    told = f"{count(len(traced.ran), 'target')}: {done} traced"
    if words:
        told += f", {len(traced.ran) - done} not ({', '.join(f'{n} {word}' for word, n in sorted(words.items()))})"
    return f"{told}. {_where(traced)}"


def _where(traced: Traced) -> str:
    torch = f"torch {traced.torch}, " if traced.torch else ""
    return f"{torch}{traced.device}, {traced.isolation or 'no'} isolation, {traced.seconds:.1f} s"


def kept(end: End) -> str:
    """A bug of the tracer's own in a line; what is needed to find it goes to a file."""
    import tempfile  # noqa: PLC0415 - when something is wrong with us

    descriptor, path = tempfile.mkstemp(".log", "outlayer-lint-")
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(str(end.record.get("trace", end.why)))
    return f"{end.why} (the details are in {path})"


def configuration(traced: Traced, root: str) -> str:
    """The configuration that would skip the search next time."""
    lines: list[str] = []
    for one in traced.ran:
        if one.end.word or one.target.hook:
            continue
        found = target_tree(one)
        path = os.path.relpath(one.target.path, root).replace(os.sep, "/")
        lines += ["[[tool.outlayer-lint.trace.target]]", f"target = {json.dumps(f'{path}:{one.target.name}')}"]
        args = (found["built"] or {}).get("args") or {}
        if args and one.end.record.get("replays", True) and (written := _toml(args)) is not None:
            lines.append(f"args = {written}")
        inputs = [spell_input(spec) for spec in found["inputs"]]
        lines += [f"input = {json.dumps(inputs)}", ""]
    return "".join(f"{line}\n" for line in lines)


def _toml(value: Any) -> str | None:
    """A value as TOML writes it, `None` where it cannot."""
    if isinstance(value, bool) or not isinstance(value, (dict, list, int, float, str)):
        return json.dumps(value) if isinstance(value, bool) else None
    if isinstance(value, dict):
        parts = {key: _toml(inner) for key, inner in value.items()}
        return "{ " + ", ".join(f"{json.dumps(k)} = {v}" for k, v in parts.items() if v is not None) + " }"
    if isinstance(value, list):
        items = [_toml(inner) for inner in value]
        return None if None in items else f"[{', '.join(map(str, items))}]"
    return json.dumps(value)

"""Static findings against what was seen at run time: confirmed, refuted, inconclusive, not run, each with a reason.

A finding is confirmed where the same check says the same of what was seen at the same place, or where the model behind
it provably gives what the finding says. It is refuted only where the value came the way that the finding describes, by
the same layer or activation, and was something else at the finding's own place, or at the model's output by an
intervention; every input that the model accepts must say so. Whatever was not reached, or came another way, stays open:
a true error is never refuted.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from outlayer_lint import knowledge
from outlayer_lint.claims import Claim, Trial
from outlayer_lint.diagnostic import AGAIN, Diagnostic, Report, Span
from outlayer_lint.facts import LossCall
from outlayer_lint.judgement import Judgement
from outlayer_lint.lattice import Emission, Tensor, Value
from outlayer_lint.source.discovery import shown
from outlayer_lint.tracer.gathered import diagnostic_of, span_of
from outlayer_lint.tracer.parent import Sandboxed
from outlayer_lint.tracer.reach import Reach
from outlayer_lint.tracer.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from outlayer_lint.tracer.configured import Configured
    from outlayer_lint.tracer.ends import End

LOSSES = 40  # of a script, so that a later loss is reached as well
WORD = re.compile(r"[a-z0-9]+")
WAY = re.compile(r"(?P<word>[a-z0-9]+)(?:\((?P<axis>-?\d+)?[^)]*\))?(?:, \d+ units?)?")
LAYER = "torch.nn.Linear"  # what stands for any layer, where a rule asks whether there is one
# A word -> those that it is a case of: what is the one is not contradicted by the other.
WIDER = {
    "simplex": {"unit", "nonneg", "bnd"}, "unit": {"nonneg", "bnd"}, "pos": {"nonneg"}, "sym1": {"bnd"},
    "unorm": {"sym1", "bnd"}, "logp": {"logunit"}, "onehot": {"simplex", "unit", "multihot", "binary", "nonneg", "bnd"},
    "multihot": {"unit", "nonneg", "bnd", "binary"}, "binary": {"unit", "nonneg", "bnd", "index", "bool"},
    "bool": {"unit", "nonneg", "bnd", "binary"}, "index": {"nonneg"}, "bnd": {"nonneg"},
}  # fmt: skip
LOSS_FACTS = ("LossCall", "LossBuilt", "Compiled")
OUTPUT_FACTS = ("LossCall", "Decision", "Consumed")  # their value is what a model returned
SILENT = frozenset(("hid", "data", "loss", "unknown", "nothing", ""))  # words that contradict nothing


class Seen(NamedTuple):
    """One place that was reached, and one value that was seen there.

    Attributes:
        span: the place.
        emits: the words of the value, empty where it is not known.
        through: the places that the value went through since its layer.
        told: the operations, for a reader.
        calls: how many times.
        how: what was run.
        loss: whether it is a loss; else a decision, an activation or a metric.
    """

    span: Span
    emits: frozenset[str]
    through: frozenset[tuple[str, int, int]]
    told: str
    calls: int
    how: str
    loss: bool


class Output(NamedTuple):
    """One output of a model that was run with every input it accepts.

    `emits` are the words of its form, by intervention, empty where it is not certain; `value` is the same as a value.
    `as_it_is`: it is the object of a script that has run, not one that was built for the purpose.
    """

    model: str
    path: str
    emits: frozenset[str]
    form: str
    through: frozenset[tuple[str, int, int]]
    value: Value
    as_it_is: bool


class Evidence(NamedTuple):
    """All that was seen."""

    found: tuple[tuple[Diagnostic, str], ...]  # what the checks say of it, and what was run
    seen: tuple[Seen, ...]
    outputs: tuple[Output, ...]
    failures: dict[str, End]  # path, or path:name, of what did not come to its end


def tried(report: Report, configured: Configured, root: str) -> tuple[Report, Sandboxed | None]:
    """The report with a verdict on each finding; what ran, `None` where there was nothing to run."""
    if not report.diagnostics:
        return report, None
    settings = configured.settings._replace(losses=max(LOSSES, configured.settings.losses))
    reach = Reach(root)
    with Sandboxed(settings, cwd=root) as sandboxed:
        judged = judge(report.diagnostics, sandboxed, reach, configured)
    return report._replace(diagnostics=judged), sandboxed


def judge(
    findings: Iterable[Diagnostic], sandboxed: Sandboxed, reach: Reach, configured: Configured
) -> tuple[Diagnostic, ...]:
    """Each finding with a verdict; what they share is run once."""
    findings = tuple(findings)
    ran = _Runs(sandboxed, reach, configured, findings)
    return tuple(one._replace(trace=verdict(one, ran.for_finding(one), reach)) for one in findings)


class _Runs:
    """What was run so far; nothing is run twice."""

    def __init__(
        self, sandboxed: Sandboxed, reach: Reach, configured: Configured, findings: Iterable[Diagnostic]
    ) -> None:
        self.lines: dict[str, list[int]] = {}
        for finding in findings:
            self.lines.setdefault(os.path.abspath(finding.span.path), []).append(finding.span.line)
        self.sandboxed = sandboxed
        self.reach = reach
        self.known = {(target.path, target.name): target for target in configured.targets}
        self.ends: dict[tuple[str, str], End] = {}

    def for_finding(self, finding: Diagnostic) -> Evidence:
        """Run what stands behind a finding: its scripts, and where these do not decide, its models."""
        path = os.path.abspath(finding.span.path)
        scripts = self.reach.scripts(path) or [path]  # a file that only defines things may define the model
        names = [(path, "") for path in scripts]
        for name in names:
            self._run(name)
            gathered = self._gathered(names[: names.index(name) + 1])
            if verdict(finding, gathered, self.reach).verdict in ("confirmed", "refuted"):
                return gathered
        models = list(dict.fromkeys(self._models(finding)))
        for model in models:
            self._run(model)
        return self._gathered([*names, *models])

    def _models(self, finding: Diagnostic) -> Iterator[tuple[str, str]]:
        places = finding.claim.places if finding.claim is not None else ()
        for span in (*places, *(related.span for related in finding.related), finding.span):
            path = os.path.abspath(span.path)
            owner = self.reach.owner(path, span.line) if span.cell is None else ""
            if owner:
                yield path, owner

    def _run(self, name: tuple[str, str]) -> None:
        if name in self.ends:
            return
        path, model = name
        if model:
            target = self.known.get(name, Target(path, model))
            order: dict[str, Any] = {"kind": "trace", "target": target.to_json()}
        else:
            calls, drives = self.reach.functions(path, self.lines.get(path, ()))
            order = {"kind": "script", "path": path, "argv": [], "calls": calls, "drives": drives, "objects": True}
        self.ends[name] = self.sandboxed.ask([[order]])[0]

    def _gathered(self, names: Iterable[tuple[str, str]]) -> Evidence:
        found: list[tuple[Diagnostic, str]] = []
        seen: list[Seen] = []
        outputs: list[Output] = []
        failures: dict[str, End] = {}
        examined: set[str] = set()
        for path, model in names:
            end = self.ends.get((path, model))
            if end is None:
                continue
            how = f"{shown(path)}:{model}" if model else shown(path)
            if end.word:
                failures[how] = end
            found.extend((diagnostic_of(tree), how) for tree in end.record.get("diagnostics", ()))
            seen.extend(_seen(end.record, how))
            if path not in examined:
                outputs.extend(_outputs(end.record, how))
            for one in end.record.get("objects", ()):
                examined.add(path)  # what was built for the purpose does not know what the script did to it
                outputs.extend(_outputs(one, f"{how}:{one['name']}", as_it_is=True))
        return Evidence(tuple(found), tuple(seen), tuple(outputs), failures)


def _seen(record: dict[str, Any], run: str) -> Iterator[Seen]:
    for loss in record.get("losses", ()):
        if loss["span"] is not None:
            given = loss["input"]
            told = " -> ".join(reversed(given.get("last", [])))
            how = f"{run}{loss.get('how', '')}"
            yield Seen(
                span_of(loss["span"]), words(given.get("emits", "")), _places(loss), told, loss["calls"], how, loss=True
            )
    for one in record.get("seen", ()):
        yield Seen(span_of(one["span"]), words(one["emits"]), _places(one), one["op"], 1, run, loss=False)


def _outputs(record: dict[str, Any], how: str, *, as_it_is: bool = False) -> Iterator[Output]:
    for output in record.get("outputs", ()):
        form = output.get("form") or {}
        sure = "intervention" in form.get("by", ()) and not (output.get("disputed") or output.get("training"))
        emits = words(output.get("emits") or "") if sure else frozenset[str]()
        value = value_of(output.get("emits") or "", output["shape"], output.get("units"))
        yield Output(how, output["path"], emits, form.get("value", ""), _places(output), value, as_it_is)


def _places(record: dict[str, Any]) -> frozenset[tuple[str, int, int]]:
    return frozenset(_place(span_of(span)) for span in record.get("through", ()))


def _place(span: Span) -> tuple[str, int, int]:
    return (span.path, span.line, span.column)


def words(emits: str) -> frozenset[str]:
    """`simplex(1), 10 units | logit` as its words; empty where anything is unknown."""
    if emits.startswith("unknown"):
        return frozenset()
    found = (WORD.match(way.strip()) for way in emits.split(" | "))
    return frozenset(match[0] for match in found if match is not None) - SILENT


def value_of(emits: str, shape: Sequence[int], units: int | None) -> Value:
    """`simplex(1), 10 units` of a tensor as a value, unknown where it is not one word."""
    match = WAY.fullmatch(emits)
    if match is None or match["word"] not in set(Emission):
        return Value(reason="unknown")
    axis = int(match["axis"]) if match["axis"] else None
    return Value([Tensor(Emission(match["word"]), axis=axis, units=units, rank=len(shape), by=LAYER, learned=LAYER)])


def suffices(finding: Diagnostic, claim: Claim, value: Value) -> bool:
    """Whether the rule says as much of a loss that is given such a value, whatever else is true of it."""
    row = knowledge.find(claim.consumer)
    if claim.about != "LossCall" or row is None:
        return False
    judgement = Judgement()
    fact = LossCall(finding.span, row[0], value)
    said = [judgement.dress(rule, one, fact, likely=False) for rule, one in judgement.of(fact) if rule == finding.rule]
    return any(one.severity.rank >= finding.severity.rank for one in said)


def contradict(claimed: Iterable[str], seen: Iterable[str]) -> bool:
    """Whether nothing that was seen can be a case of what is claimed, or the other way round."""
    claims, sight = set(claimed), set(seen)
    if not claims or not sight or (claims | sight) & SILENT:
        return False
    return not any(a == b or b in WIDER.get(a, ()) or a in WIDER.get(b, ()) for a in claims for b in sight)


def verdict(finding: Diagnostic, evidence: Evidence, reach: Reach) -> Trial:
    """What the evidence says of a finding."""
    claim = finding.claim or Claim("")
    places = frozenset(map(_place, claim.places))
    how = _confirmed(finding, evidence, places)
    if how:
        return Trial("confirmed", how)
    here = [
        one for one in evidence.seen if one.loss == (claim.about in LOSS_FACTS) and _overlap(one.span, finding.span)
    ]
    came = [one for one in here if places and one.through & places and not _within_it(one, finding, claim, places)]
    if came and all(contradict(claim.emits, one.emits) for one in came):
        seen = came[0]
        what = seen.told or "the value"
        return Trial("refuted", f"{what} gives {_told(seen.emits)} when {seen.how} runs, not {_told(claim.emits)}")
    outputs = [one for one in evidence.outputs if _made_in(claim, one)]
    outputs = [one for one in outputs if one.as_it_is] or outputs
    found = None if came or not outputs else _by_model(finding, claim, outputs, reach)
    return found or _open(here, came, outputs, evidence)


def _within_it(one: Seen, finding: Diagnostic, claim: Claim, places: frozenset[tuple[str, int, int]]) -> bool:
    """Whether a value was made inside of the expression that is judged: `a.exp() / a.exp().sum()` is said of `a`."""
    start, end = (finding.span.line, finding.span.column), (finding.span.end_line, finding.span.end_column)
    inside = (place for place in one.through - places if place[0] == finding.span.path and start <= place[1:] < end)
    return claim.about == "Applied" and any(inside)


def _made_in(claim: Claim, output: Output) -> bool:
    """Whether all that the claim tells of happens in the model: what was applied or built is where the output came by.

    The layers of a `Sequential` are applied where the model is called, which is outside.
    """
    return bool(claim.origins) and all(
        any(span is not None and _place(span) in output.through for span in origin) for origin in claim.origins
    )


def _by_model(finding: Diagnostic, claim: Claim, outputs: Sequence[Output], reach: Reach) -> Trial | None:
    """What the outputs of models say, where the whole value is made in a model and returned by it."""
    if claim.about not in OUTPUT_FACTS or not all(one.emits for one in outputs):
        return None
    one = outputs[0]
    nearest = next(span for span in claim.origins[0] if span is not None and _place(span) in one.through)
    if not reach.is_returned(os.path.abspath(nearest.path), nearest.line):
        return None
    if all(contradict(claim.emits, each.emits) for each in outputs):
        return Trial("refuted", f"`{one.model}` gives {one.form} by intervention, not {_told(claim.emits)}")
    if all(each.emits <= set(claim.emits) and suffices(finding, claim, each.value) for each in outputs):
        return Trial("confirmed", f"`{one.model}` gives {one.form} by intervention; the line itself was not run")
    return None


def _confirmed(finding: Diagnostic, evidence: Evidence, places: frozenset[tuple[str, int, int]]) -> str:
    """How the same check says the same of what was seen, "" where it does not."""
    for found, how in evidence.found:
        if found.code != finding.code:
            continue
        spots = [found.span, *(related.span for related in found.related if related.message == AGAIN)]
        if not any(_overlap(spot, finding.span) for spot in spots):
            continue
        because = {_place(related.span) for related in found.related if related.message.endswith(" here")}
        if places and because and not because & places:
            continue
        here = [one for one in evidence.seen if _overlap(one.span, finding.span)]
        calls = max((one.calls for one in here), default=0)
        run = next((one.how for one in here if one.how.startswith(how)), how)
        return f"seen when {run} runs{f', in {calls} of {calls} calls' if calls else ''}"
    return ""


def _open(here: Sequence[Seen], came: Sequence[Seen], outputs: Sequence[Output], evidence: Evidence) -> Trial:
    """Why there is no verdict."""
    if came:
        unsure = next((one for one in came if not one.emits), None)
        what = "something unknown" if unsure is not None else _told(came[0].emits)
        return Trial("inconclusive", f"{what} arrives there when {(unsure or came[0]).how} runs; the rest was not seen")
    if here:
        return Trial("inconclusive", f"another value arrives there when {here[0].how} runs")
    if outputs:
        form = outputs[0].form or "an output of no certain form"
        return Trial("inconclusive", f"`{outputs[0].model}` gives {form}; what becomes of it was not run")
    for how, end in evidence.failures.items():
        return Trial("not-run", f"{end.word}: {how}: {end.why}")
    ran = evidence.seen or evidence.outputs
    return Trial("not-run", "what was run does not come by" if ran else "no script or model leads there")


def _overlap(one: Span, other: Span) -> bool:
    return one.path == other.path and one.cell == other.cell and _within(one, other)


def _within(one: Span, other: Span) -> bool:
    """Whether two stretches of one file share a character."""
    starts = (one.line, one.column), (other.line, other.column)
    ends = (one.end_line, one.end_column), (other.end_line, other.end_column)
    return starts[0] < ends[1] and starts[1] < ends[0]


def _told(emits: Iterable[str]) -> str:
    return " or ".join(sorted(emits)) or "known"

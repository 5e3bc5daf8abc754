"""What was watched, as the facts that the checks judge: the same ones that the interpreter makes of source code.

Loss calls of one place that receive what came the same way make one fact: their values are joined, so that
what is said of them holds for all calls that were seen.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from outlayer_lint import knowledge
from outlayer_lint.facts import Applied, Consumed, Decision, Fact, LossBuilt, LossCall
from outlayer_lint.interpret.questions import applications, consumers, decisions, heads, targets
from outlayer_lint.interpret.transfers import arrays
from outlayer_lint.judgement import Judgement, merge
from outlayer_lint.lattice import Emission, Value, describe
from outlayer_lint.tracer.child.losses import aims, formulas, keras_watch, written
from outlayer_lint.tracer.child.losses.guard import SUMS
from outlayer_lint.tracer.child.losses.reading import Reader, built_at, layer_of, row_of
from outlayer_lint.tracer.child.losses.testimony import MAX_ANCESTORS, Evidence, fed_by, same_values
from outlayer_lint.tracer.child.recording import chains
from outlayer_lint.tracer.child.recording.marks import PROJECT, standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from outlayer_lint.diagnostic import Diagnostic, Span
    from outlayer_lint.interpret.transfer import Application
    from outlayer_lint.knowledge import Row
    from outlayer_lint.tracer.child.losses.guard import Call, Guard
    from outlayer_lint.tracer.child.recording.marks import Mark, Place

SYMMETRIC = ("squared", "absolute")
PAIR = 2


class Site:
    """The calls of one loss at one place that receive what came the same way."""

    __slots__ = ("calls",)

    def __init__(self, calls: list[Call]) -> None:
        """In the order in which they came, at least one."""
        self.calls = calls

    @property
    def first(self) -> Call:
        """The call whose provenance is told; all have the same."""
        return self.calls[0]


def sites(calls: Iterable[Call]) -> list[Site]:
    """The calls in groups, in the order of their first ones."""
    groups: dict[object, list[Call]] = {}
    for call in calls:
        if call.place is not None and call.prediction is not None:
            groups.setdefault(_key(call), []).append(call)
    return [Site(group) for group in groups.values()]


def _key(call: Call) -> object:
    place = call.place
    shapes = call.input and len(call.input.shape), call.aim and call.aim.dtype
    return (
        place and (place.code, place.instruction), call.name, call.training, _way(call.prediction), _made(call.target),
        tuple(sorted(call.arguments.items(), key=str)), *shapes,
    )  # fmt: skip


def _way(mark: Mark | None) -> object:
    """The operations that lead to a tensor, how often does not matter: a model with an option has several ways."""
    return mark and (_made(mark), frozenset(map(_made, mark.ancestors(MAX_ANCESTORS))))


def _made(mark: Mark | None) -> object:
    """Which operation made a tensor, and where."""
    if mark is None:
        return None
    return mark.kind, mark.op, None if mark.place is None else (mark.place.code, mark.place.instruction)


class Facts:
    """The facts of one watch."""

    def __init__(self, guard: Guard, *, trusting: bool = False) -> None:
        """Nothing is worked out before `all` is asked for. `trusting`: targets are judged even if they were made up."""
        self.guard = guard
        self.made_up = guard.made_up and not trusting
        self.reader = Reader()
        self.sites = sites(guard.calls)
        self.trained: dict[Span, dict[str, Row]] = {}
        self.of_site: dict[int, LossCall] = {}

    def all(self) -> Iterator[Fact]:
        """Every fact, losses first: decisions are judged by what the same head is trained with."""
        for number, site in enumerate(self.sites):
            fact = self.loss_call(site)
            self.of_site[number] = fact
            for span, row in heads.of(fact):
                self.trained.setdefault(span, {})[row.name] = row
            yield fact
            yield from applications.chain(fact.prediction.ways, fact.words["prediction"], "loss", ())
            yield from self.built(site)
        for mark in self.guard.events:
            yield from self.event(mark)
        for row, name, mark, place, arguments in self.guard.consumed:
            yield from self.consumed(row, name, mark, place, arguments)

    # -- losses -------------------------------------------------------------------------------------------------------

    def loss_call(self, site: Site) -> LossCall:
        """What reaches a loss."""
        call = site.first
        assert call.place is not None  # noqa: S101 - `sites` leaves others out
        assert call.prediction is not None  # noqa: S101 - the same
        source = written.at(call.place) if call.direct else None
        seen = aims.joined([each.input for each in site.calls if each.input is not None])
        answer = self.reader.answer(call.prediction)
        value = consumers.judged_value(answer)
        if all(each.kind in ("operation", "data") for each in call.prediction.ancestors(MAX_ANCESTORS)):
            value = Value(reason="batch data")  # nothing in it was ever trained
        learned = next((way.learned for way in value), "") or ("opaque" if chains.reaches(call.prediction) else "")
        value = aims.judged(value, seen, learned)
        target = self.target(site)
        span = call.place.span
        if call.row.of_keras and (given := keras_watch.loss_given(written.at(call.place))) is not None:
            span = written.span_in(call.place, given)
        fact = LossCall(
            span, call.row, value, target, arguments=call.arguments,
            weight_length=call.weights.get("weight"), pos_weight_length=call.weights.get("pos_weight"),
            classes=self.classes(site, value), mode="train" if call.training else "eval",
            words=self.words(call, source, value),
        )  # fmt: skip
        if value.reason in ("batch data", "literal tensor") and call.target is not None:
            fact.swapped = targets.from_network(self.reader.value(call.target))
            if fact.swapped and call.row.family in SYMMETRIC:
                fact.prediction = aims.target(seen, call.prediction, call.aim)
        fact.evidence = Evidence(call, fact, self.guard.events)
        return fact

    def target(self, site: Site) -> Value:
        """What stands in the target's place: a network's output by its operations, data by their values."""
        call = site.first
        if call.target is None or call.aim is None:
            return Value(reason="missing argument")
        if self.made_up and not chains.reaches(call.target):
            return Value(reason="batch data")
        seen = aims.joined([each.aim for each in site.calls if each.aim is not None])
        value = self.reader.value(call.target)
        made = value.known and any(way.learned for way in value)
        if made or chains.reaches(call.target):
            return aims.judged(value, seen, "")
        if value.known and all(map(arrays.is_noise, value)) and fed_by(call.prediction, call.target):
            # Noise that a model shall reproduce stands for data: a trial run.
            return value.map(lambda way: way.replace(emission=Emission.DATA, low=-inf, high=inf))
        counted = any(each.dtype in aims.WHOLE for each in same_values(call.target))
        shown = aims.target(seen, call.target, call.input, call.row, counted=counted)
        # How it was coded says more than what one batch happens to look like.
        coded = seen.binary and value.every(Emission.ONEHOT, Emission.MULTIHOT) is not None
        drawn = seen.whole and value.every(Emission.INDEX) is not None
        return value if coded or drawn else shown

    def classes(self, site: Site, value: Value) -> int | None:
        """One more than the largest class number, where the output has fewer units: that cannot be."""
        aim = site.first.aim
        if (
            self.made_up
            or aim is None
            or not value.known
            or value.units is None
            or not aim.dtype.startswith(("int", "uint"))
        ):
            return None
        highest = max(each.aim.high for each in site.calls if each.aim is not None)
        ignored = site.first.arguments.get("ignore_index")
        return int(highest) + 1 if highest >= value.units and highest != ignored else None

    def words(self, call: Call, source: written.Written | None, value: Value) -> dict[str, Any]:
        """What messages may quote."""
        row = call.row
        order = row.call if row.form == "module" or call.built is not None else row.parameters
        first = value.ways[0] if value.ways else None

        def text(name: str) -> str:
            return written.argument(source, order.index(name) if name in order else 99, name) or name

        return {
            "loss": call.name, "prediction": text(row.prediction), "target": text(row.target_parameter),
            "emits": describe(first) if first is not None else "",
            "activation": first.by.rpartition(".")[2] if first is not None else "",
        }  # fmt: skip

    def built(self, site: Site) -> Iterator[LossBuilt]:
        """The construction of the loss, as it is written."""
        call = site.first
        place = call.built or (call.place if call.direct else None)
        source = None if place is None else written.at(place)
        module = call.built is not None
        row = call.row
        names = row.constructor if module else row.parameters
        given = written.constants(source, names)
        if given is None or source is None:
            return
        positional = {k: v for k, v in given[0].items() if module or k not in row.call}
        keywords = {k: v for k, v in given[1].items() if k not in row.call}
        words = {**self.words(call, source, Value()), "loss": call.name}
        yield LossBuilt(
            source.span, row, positional=positional, keywords=keywords, module_call=module, words=words,
            scaled=consumers.is_weighed(source.node, source.statement),
        )  # fmt: skip

    # -- decisions, logarithms, activations ---------------------------------------------------------------------------

    def event(self, mark: Mark) -> Iterator[Fact]:
        """The facts about one operation of the project's own code."""
        found = row_of(mark)
        if found is None or mark.place is None:
            return
        row, span, source = found[0], mark.place.span, written.at(mark.place)
        shown = written.operand(source)
        app = self.reader.application(mark, row, found[1])
        if row.transfer == "decides":
            yield from self.decided(mark, app, span, shown)
        elif row.how == "log":
            yield from applications.logarithm(app, span, shown, ())
        elif row.transfer == "normalises" and app.spec(row.axis) == "implicit":
            yield from self.without_dim(mark, row, span, shown)
        elif row.how == "div":
            yield from self.by_hand(mark, row, span)
        elif row.how in SUMS:
            yield from formulas.cross_entropy(self.reader, mark)

    def decided(self, mark: Mark, app: Application, span: Span, shown: str) -> Iterator[Applied | Decision]:
        """An argmax, a round or a comparison with a number."""
        value = self.reader.value(mark.parts[0])
        batch = len(mark.parts[0].shape) > 1 and mark.parts[0].shape[0] > 1
        for fact in decisions._decided(app, span, shown, ()):
            if fact.kind == "argmax" and fact.dim == "implicit":  # several samples, or one dim that counts
                fact.operand = value if batch else value.map(lambda way: way.replace(rank=None))
            fact.trained_with = heads.trained_with(fact, self.trained)
            yield from applications.chain(fact.operand.ways, shown, "decision", ())
            yield fact

    def without_dim(self, mark: Mark, row: Row, span: Span, shown: str) -> Iterator[Applied]:
        """A softmax for which torch chooses the dim: where it was built, or where the function is called."""
        layer = layer_of(mark)
        place = None if layer is None else built_at(layer[1])
        if layer is not None:
            found = knowledge.find(layer[0])
            if found is None or place is None or standing(place.code.co_filename) != PROJECT:
                return
            words = {"operation": layer[0].rpartition(".")[2], "operand": "", "emits": "", "activation": ""}
            yield Applied(place.span, found[0], Value(reason="not called here"), axis="implicit", words=words)
            return
        value = self.reader.value(mark.parts[0])
        words = applications.words_of(value, operation=row.shown, operand=shown)
        yield Applied(span, row, value, axis="implicit", words=words)

    def by_hand(self, mark: Mark, row: Row, span: Span) -> Iterator[Applied]:
        """`exp(x) / exp(x).sum()`."""
        if len(mark.parts) < PAIR:
            return
        above, below = mark.parts[:2]
        summed = below.parts[0] if below.short == "sum" and below.parts else None
        if above.short != "exp" or summed is None or summed.short != "exp" or above.parts[0] is not summed.parts[0]:
            return
        value = self.reader.value(above.parts[0])
        source = written.at(above.place) if above.place is not None else None
        words = applications.words_of(value, operation="softmax", operand=written.operand(source) or "the scores")
        yield Applied(span, row, value, form="hand-softmax", words=words)

    def consumed(
        self, row: Row, name: str, mark: Mark, place: Place, arguments: dict[str, Any]
    ) -> Iterator[Applied | Consumed]:
        """What a distribution, a sampler or a metric is given."""
        source = written.at(place)
        index = row.parameters.index(name) if name in row.parameters else 0
        shown = written.argument(source, index, name) or written.operand(source) or name
        value = self.reader.value(mark)
        yield from applications.chain(value.ways, shown, "decision" if row.kind == "metric" else "distribution", ())
        if value.known:
            words = applications.words_of(value, consumer=row.shown, parameter=name, prediction=shown)
            yield Consumed(place.span, row, name, value, arguments=arguments, words=words)


# -- judgement --------------------------------------------------------------------------------------------------------


def judged(guard: Guard) -> tuple[Facts, list[Diagnostic]]:
    """The facts of a watch and what the checks say of them; of made-up targets, what they say whatever these are."""
    facts = Facts(guard)
    found = judge(facts.all())
    if guard.made_up:
        same = {(one.code, one.span) for one in judge(Facts(guard, trusting=True).all())}
        found = [one for one in found if (one.code, one.span) in same]
    return facts, found


def judge(facts: Iterable[Fact]) -> list[Diagnostic]:
    """What the checks say of the facts, merged as the engine merges them, in the order of places."""
    judgement = Judgement()
    gathered = [
        (judgement.dress(rule, finding, fact, likely=False), fact)
        for fact in facts
        for rule, finding in judgement.of(fact)
    ]
    return sorted(merge(gathered), key=lambda each: (each.span.path, each.span[1:5], each.code))

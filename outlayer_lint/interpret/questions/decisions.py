"""What else consumes an output: thresholds, rounds, argmax; distributions, samplers and metrics."""

from __future__ import annotations

import ast

from outlayer_lint import knowledge
from outlayer_lint.facts import Applied, Consumed, Decision, Fact
from outlayer_lint.interpret import conditions, passing
from outlayer_lint.interpret.choices import NO_CHOICE
from outlayer_lint.interpret.operators import number
from outlayer_lint.interpret.questions import applications, consumers, handwritten, seeds, standing
from outlayer_lint.interpret.questions.applications import text_of, words_of
from outlayer_lint.interpret.things import Answer, Built, Library, Method, Site
from outlayer_lint.interpret.transfer import Application, as_value
from outlayer_lint.interpret.transfers import shapes
from outlayer_lint.lattice import Emission, Tensor, Value
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.resolve.blocks import last
from outlayer_lint.resolve.walking import children, reads, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from outlayer_lint.diagnostic import Span
    from outlayer_lint.interpret.frames import Frame, World
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.questions.driver import Driver
    from outlayer_lint.interpret.questions.seeds import Seed
    from outlayer_lint.resolve.blocks import Place

WORLDS = 3
STEPS, FUEL = 6, 150  # small questions or hopeless ones
ACTIVATED = 60  # an activation is put on what a model returns, which shows soon, or it is a part of a model
PICKED = 32  # more often than not it is no output that an index picks from
MAX_DEPTH = 40
ROUNDS = frozenset(("round", "rint"))
COMPARED = frozenset(("gt", "ge", "lt", "le"))


def is_met(driver: Driver, seed: Seed, frame: Frame) -> bool:
    """Whether no condition on the way to a place is decided against it."""
    return conditions.way_to(driver.it, seed.place, frame) is not None


def contexts(driver: Driver, seed: Seed, node: ast.expr, fuel: int = FUEL) -> Iterator[tuple[World, Frame, Value]]:
    """What an expression at a seed may be, in a few worlds."""

    def ask(world: World) -> list[Answer]:
        answer = driver.it.ev(node, seed.place, driver.frame(seed, world))
        return [answer, open_behind(driver, answer, activated)]

    for world, answers in _worlds(driver, ask, fuel):
        frame = driver.frame(seed, world)
        for answer in applications.programs(answers[0]) if is_met(driver, seed, frame) else ():
            yield world, frame, as_value(answer)


def _worlds(
    driver: Driver, ask: Callable[[World], list[Answer]], fuel: int, *, near: bool = False
) -> Iterator[tuple[World, list[Answer]]]:
    far = driver.reach if fuel == FUEL and not near else 1
    most = STEPS * far if fuel == FUEL else STEPS // 2
    return driver.worlds(ask, limit=WORLDS, fuel=fuel * far, most=most, deep=far > 1, of_models=True)


def open_behind(driver: Driver, answer: Answer, touch: Callable[[Tensor], object]) -> Answer:
    """A parameter that nobody has bound yet and that a fact would depend on, though the answer itself does not."""
    hidden = driver.it.hidden
    hidden.clear()
    for thing, _ in answer:
        if isinstance(thing, Tensor):
            touch(thing)
    return tuple((thing, NO_CHOICE) for thing in hidden[:1])


def activated(way: Tensor) -> None:
    """Ask what an activation was applied to, through a few of them."""
    for each in applications.passed(way):
        _ = each.inner


def compared(driver: Driver, seed: Seed, node: ast.Compare) -> Iterator[Decision]:
    """`output > 0.5`."""
    left, right = node.left, node.comparators[0]
    it = driver.it
    for world, frame, value in contexts(driver, seed, left):
        if not value.known:
            continue
        constant = _number(it.ev(right, seed.place, frame))
        if constant is None:
            continue
        words = words_of(value, operand=text_of(left, seed.place), kind="threshold", constant=f"{constant:g}")
        span = seed.place.block.scope.file.document.span(node)
        yield Decision(span, "threshold", value, constant=constant, words=words, related=related_to(driver, world))


def _number(answer: Answer) -> float | None:
    """The one number that an answer is, by itself or in every place of a tensor: `0.5 * torch.ones_like(x)`."""
    values = {_everywhere(thing) if isinstance(thing, Tensor) else number(thing) for thing, _ in answer}
    return values.pop() if len(values) == 1 else None


def _everywhere(tensor: Tensor) -> float | None:
    return tensor.low if tensor.low == tensor.high else None


def related_to(driver: Driver, world: World) -> Any:
    """The calls of a context."""
    return consumers._callers(driver, world)  # noqa: SLF001


def called(driver: Driver, seed: Seed) -> Iterator[Fact]:
    """A call that may decide, sample, measure, or apply an activation."""
    it = driver.it
    word = last(seed.node.func).rstrip("_")
    if word == "log" and consumers.mode_of(seed) != "train":
        return

    def ask(world: World) -> list[Answer]:
        frame = driver.frame(seed, world)
        callee = it.ev(seed.node.func, seed.place, frame)
        answers = [callee]
        for thing, _ in callee:
            application = applied_row(driver, thing, seed, frame)
            if application is not None and not _is_of_numbers(application):
                if application.row.kind == "activation":
                    it.fuel = min(it.fuel, ACTIVATED)
                touch = (
                    is_batch if application.row.how == "argmax" and shapes.dim_entry(application) is None else activated
                )
                for entry in _wanted(application):
                    answer = it.force(entry)
                    answers.extend((answer, open_behind(driver, answer, touch), _way(it, seed, frame, answer)))
        return answers

    # A metric is some calls away from its model, a logarithm close to the activation that it is taken of.
    for world, answers in _worlds(driver, ask, PICKED if word in seeds.BRIEF else FUEL, near=word == "log"):
        frame = driver.frame(seed, world)
        for thing, _ in answers[0] if is_met(driver, seed, frame) else ():
            application = applied_row(driver, thing, seed, frame)
            if application is not None and not _is_of_numbers(application):
                yield from _facts(driver, seed, application, related_to(driver, world))


def _way(it: Interpreter, seed: Seed, frame: Frame, operand: Answer) -> Answer:
    """What has been activated already, with the options on the way to the place: who sets them, callers say."""
    met = [thing for thing, _ in operand if isinstance(thing, Tensor) and thing.emission in applications.ACTIVATED]
    way = conditions.way_to(it, seed.place, frame) if met and seed.place.block.condition is not None else None
    return tuple([(thing, way) for thing in met]) if way else ()


def applied_row(driver: Driver, thing: Any, seed: Seed, frame: Frame) -> Application | None:
    """The row that a call of a thing applies, with its arguments."""
    it = driver.it
    site = Site(seed.node, seed.place, frame)
    given = passing.arguments(it, seed.node, seed.place, frame)
    if isinstance(thing, Method) and thing.row is None and thing.name in seeds.UPDATING:
        thing = thing.receiver
    if isinstance(thing, Method) and thing.row is not None:
        return Application(it, thing.row, "method", given.prepend(((thing.receiver, NO_CHOICE),)), site, None)
    if isinstance(thing, Library):
        found = knowledge.find(thing.name)
        if found is not None and (found[1] != "module" or found[0].kind in ("distribution", "metric")):
            return Application(it, found[0], found[1], given, site, None)
    if isinstance(thing, Built) and thing.row.kind in ("activation", "metric"):
        return Application(it, thing.row, "module", given, site, thing)
    return None


def _is_of_numbers(application: Application) -> bool:
    """Whether it is a logarithm outside of a framework: nothing is trained through it."""
    return application.row.how == "log" and application.row.name.startswith(("numpy.", "scipy.", "math."))


def _wanted(application: Application) -> list[Any]:
    row = application.row
    if row.takes:
        return [e for name in row.takes if (e := application.entry(name)) is not None]
    entry = application.input_entry()
    return [entry] if entry is not None else []


def _facts(driver: Driver, seed: Seed, application: Application, related: Any) -> Iterator[Fact]:
    row = application.row
    span = consumers.span_of(seed)
    if row.kind in ("distribution", "sampler", "metric"):
        yield from _consumed(application, seed, span, related)
        return
    node = (
        seed.node.args[0]
        if seed.node.args and application.form != "method"
        else getattr(seed.node.func, "value", seed.node)
    )
    shown = text_of(node, seed.place)
    if application.input_entry() is None:
        return
    if row.transfer == "decides":
        yield from _decided(application, span, shown, related)
    elif row.transfer == "reduces" and row.how == "max":
        if isinstance(application.spec(row.dim), int) and _takes_places(seed):
            yield from _decided(application, span, shown, related)
    elif row.transfer == "selects" and row.how == "gather":
        dim = application.spec(row.dim)
        for answer in applications.programs(application.input()) if isinstance(dim, int) else ():
            yield from _picked(span, as_value(answer), shown, dim, related)
    elif row.transfer == "interval" and row.how == "log" and consumers.mode_of(seed) == "train":
        if found := list(applications.logarithm(application, span, shown, related)):
            from outlayer_lint.interpret.questions import sampling  # noqa: PLC0415 - for programs with such a logarithm

            if not sampling.only_drawn_from(driver, seed):  # -inf is never drawn
                yield from found
        yield from handwritten.cross_entropy(driver, seed, application, related)
    elif row.kind == "activation":
        if row.transfer == "normalises" and application.spec(row.axis) == "implicit" and _chooses(application, seed):
            value = as_value(application.input())
            yield Applied(
                span,
                row,
                value,
                axis="implicit",
                words=words_of(value, operation=row.shown, operand=shown),
                related=related,
            )
        yield from applications.activated(driver, seed, application, related)


def _chooses(application: Application, seed: Seed) -> bool:
    """Whether what is called chooses a dim that is left out: `torch.softmax` and the method of a tensor raise."""
    node, place, frame = seed.node.func, seed.place, application.site.frame
    called = application.it.ev(node, place, frame) if application.form == "function" else ()
    return bool(called) and all(".functional." in getattr(thing, "name", "") for thing, _ in called)


def _takes_places(seed: Seed) -> bool:
    """Whether of `max` over a dim the places are used: `_, label = scores.max(1)`, `scores.max(1)[1]`, `.indices`."""
    statement = seed.place.block.statements[seed.place.index]
    if isinstance(statement, ast.Assign) and statement.value is seed.node:
        target = statement.targets[0]
        if not isinstance(target, (ast.Tuple, ast.List)) or len(target.elts) != 2:
            return False
        places = target.elts[1]
        return not isinstance(places, ast.Name) or _is_read(places.id, seed.place)
    for node in walk(statement):
        if isinstance(node, ast.Subscript) and node.value is seed.node:
            return isinstance(node.slice, ast.Constant) and node.slice.value in (1, -1)
        if isinstance(node, ast.Attribute) and node.value is seed.node:
            return node.attr == "indices"
    return False


def _is_read(name: str, place: Place) -> bool:
    """Whether a name is read behind a place or elsewhere in its scope, functions inside included; `_` never is."""
    behind = place.block.statements[place.index + 1 :]  # where it is read, if it is, more often than not
    return name != "_" and any(True for tree in (*behind, place.block.scope.node) for _ in reads(tree, (name,)))


def _consumed(application: Application, seed: Seed, span: Span, related: Any) -> Iterator[Fact]:
    """What a distribution, a sampler or a metric is given, parameter by parameter."""
    row = application.row
    reaches = "decision" if row.kind == "metric" else "distribution"
    for name in row.takes or (row.prediction,):
        entry = application.entry(name) if name else None
        if entry is None:
            continue
        node = getattr(entry, "node", None)
        shown = text_of(node, seed.place) if node is not None else name
        for answer in applications.programs(application.it.force(entry)):
            yield from applications.chain([thing for thing, _ in answer], shown, reaches, related)
            value = as_value(answer)
            if value.known:
                yield Consumed(
                    span,
                    row,
                    name,
                    value,
                    arguments=consumers.constants_of(application),
                    words=words_of(value, consumer=row.shown, parameter=name, prediction=shown),
                    related=related,
                )


def _decided(application: Application, span: Span, shown: str, related: Any) -> Iterator[Decision]:
    for answer in applications.programs(application.input()):
        value = as_value(answer)
        if any(way.units == 1 for way in value) and standing.told_apart(application):
            value = value.map(lambda way: way.replace(units=None))
        if value.known:
            yield from _decision(application, value, span, shown, related)


def _decision(application: Application, value: Value, span: Span, shown: str, related: Any) -> Iterator[Decision]:
    row, it = application.row, application.it
    words = words_of(value, operand=shown, constant="")
    if row.how in ("argmax", "max"):
        given = shapes.dim_entry(application)
        dim: Any = "implicit" if given is None else it.constant(given)
        if given is None and not all(map(is_batch, value.ways)):
            value = value.map(lambda way: way.replace(rank=None))  # one sample has one dim that counts
        dim = dim if isinstance(dim, (int, str)) else "implicit" if dim is None else None
        yield Decision(span, "argmax", value, dim=dim, words={**words, "kind": "argmax"}, related=related)
    elif row.shown.rstrip("_") in ROUNDS:
        yield Decision(span, "round", value, words={**words, "kind": "round"}, related=related)
    elif row.how in COMPARED:
        constant = _number(it.force(application.given.pick(1, "other")))
        if constant is not None:
            yield Decision(
                span, "threshold", value, constant=constant,
                words={**words, "kind": "threshold", "constant": f"{constant:g}"}, related=related
            )  # fmt: skip


def picked(driver: Driver, seed: Seed, node: ast.Subscript) -> Iterator[Decision]:
    """`probs[range(len(labels)), labels]`."""
    span = seed.place.block.scope.file.document.span(node)
    for world, _, value in contexts(driver, seed, node.value, PICKED):
        yield from _picked(span, value, text_of(node.value, seed.place), 1, related_to(driver, world))


def _picked(span: Span, value: Value, shown: str, dim: int, related: Any) -> Iterator[Decision]:
    """The entry of one class is taken from each row."""
    if value.known:
        words = words_of(value, operand=shown, kind="pick", constant="")
        yield Decision(span, "pick", value, dim=dim, words=words, related=related)


def is_batch(way: Tensor, depth: int = 0) -> bool:
    """Whether a value is proved to come from several samples: followed back to data of two dims or more, not one."""
    if depth > MAX_DEPTH or shapes.is_alone(way):  # one picture of many: what it was made from is asked no more
        return False
    if not way.inner.ways:
        data = way.emission is Emission.DATA or way.source is not None
        return data and not way.inner.reason and (way.rank or 0) > 1
    return all(is_batch(inner, depth + 1) for inner in way.inner.ways)


def normalised_by_hand(driver: Driver, seed: Seed, node: ast.BinOp) -> Iterator[Fact]:
    """`exp(x) / exp(x).sum()`."""
    found = knowledge.find("torch.div")
    inside = applications.exponent_over_its_sum(seed, node)
    if found is None or inside is None:
        return
    span = seed.place.block.scope.file.document.span(node)
    for world, _, value in contexts(driver, seed, inside):
        words = words_of(value, operation="softmax", operand=text_of(inside, seed.place))
        yield Applied(span, found[0], value, form="hand-softmax", words=words, related=related_to(driver, world))


def not_called(driver: Driver, seed: Seed, node: ast.Attribute) -> Iterator[Decision]:
    """`probs.argmax` without parentheses, on a tensor, where its value is meant."""
    if not _means_value(seed, node):
        return
    for world, _, value in contexts(driver, seed, node.value):
        if value.known and value.all(lambda way: way.emission is not Emission.DATA):
            words = words_of(value, operand=text_of(node.value, seed.place), kind=node.attr, constant="")
            span = seed.place.block.scope.file.document.span(node)
            kind = "argmax" if node.attr == "argmax" else "round"
            yield Decision(span, kind, value, method=node.attr, words=words, related=related_to(driver, world))


def _means_value(seed: Seed, node: ast.Attribute) -> bool:
    """Whether a number is expected where a method stands: it is compared, tested, computed with, or kept as a value."""
    statement = seed.place.block.statements[seed.place.index]
    if isinstance(statement, ast.Assign) and statement.value is node:
        names = {target.id for target in statement.targets if isinstance(target, ast.Name)}
        return bool(names) and not any(
            _hands_over(call, names) for call in walk(seed.place.block.scope.node) if isinstance(call, ast.Call)
        )
    if isinstance(statement, (ast.If, ast.While)) and statement.test is node:
        return True
    return any(_computes(parent, node) for parent in walk(statement) if node in children(parent))


def _hands_over(call: ast.Call, names: set[str]) -> bool:
    """Whether a call calls one of these names, or passes it on to be called; `history.append(x)` only keeps it."""
    keeps = isinstance(call.func, ast.Attribute) and len(call.args) == 1
    handed = [call.func, *([] if keeps else call.args), *(k.value for k in call.keywords)]
    return any(isinstance(n, ast.Name) and n.id in names for n in handed)


def _computes(parent: ast.AST, node: ast.AST) -> bool:
    """Whether an expression uses a part of it as a number."""
    used = isinstance(parent, (ast.Compare, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.FormattedValue))
    return (
        used
        or (isinstance(parent, ast.Subscript) and parent.slice is node)
        or (isinstance(parent, ast.IfExp) and parent.test is node)
    )

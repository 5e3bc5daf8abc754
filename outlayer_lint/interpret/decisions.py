"""What else consumes an output: thresholds, rounds, argmax; distributions, samplers, metrics; activations in a row."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

from outlayer_lint import knowledge
from outlayer_lint.facts import Applied, Consumed, Decision, Fact, LossCall
from outlayer_lint.interpret import calls, consumers, transfer
from outlayer_lint.interpret.things import Answer, Built, Const, Library, Method, NO_CHOICE, Parameter, Site, Subclass
from outlayer_lint.interpret.transfer import Application, as_value
from outlayer_lint.lattice import NOTHING, Emission, Tensor, Value, describe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.diagnostic import Span
    from outlayer_lint.interpret.driver import Driver
    from outlayer_lint.interpret.frames import Frame, World
    from outlayer_lint.interpret.seeds import Seed
    from outlayer_lint.knowledge import Row
    from outlayer_lint.resolve.scopes import Place

ACTIVATIONS = (Emission.SIMPLEX, Emission.LOGP, Emission.UNIT, Emission.LOGUNIT, Emission.SYM1, Emission.NONNEG)
NEVER_CALLED = frozenset(("item", "argmax", "tolist", "numpy"))
WORLDS = 3
MAX_CHAIN = 3
ROUNDS = frozenset(("round", "rint"))


def text_of(node: ast.AST, place: Place) -> str:
    """Source of an expression, shortened."""
    return place.block.scope.file.document.segment(node)


def _words(value: Value, **more: Any) -> dict[str, Any]:
    first = value.ways[0] if value.ways else None
    return {"emits": describe(first) if first else "", "activation": first.by.rpartition(".")[2] if first else "", **more}


def contexts(driver: Driver, seed: Seed, node: ast.expr) -> Iterator[tuple[World, Frame, Value]]:
    """What an expression at a seed may be, in a few worlds."""

    def ask(world: World) -> list[Answer]:
        return [driver.it.ev(node, seed.place, driver.frame(seed, world))]

    for world, answers in driver.worlds(ask, limit=WORLDS):
        yield world, driver.frame(seed, world), as_value(answers[0])


def compared(driver: Driver, seed: Seed, node: ast.Compare) -> Iterator[Decision]:
    """`output > 0.5`."""
    if len(node.ops) != 1 or not isinstance(node.ops[0], (ast.Gt, ast.GtE, ast.Lt, ast.LtE)):
        return
    left, right = node.left, node.comparators[0]
    it = driver.it
    for world, frame, value in contexts(driver, seed, left):
        constant = it.constant(it.ev(right, seed.place, frame))
        if not value.known or not isinstance(constant, (int, float)) or isinstance(constant, bool):
            continue
        span = seed.place.block.scope.file.document.span(node)
        words = _words(value, operand=text_of(left, seed.place), kind="threshold", constant=f"{constant:g}")
        yield Decision(span, "threshold", value, constant=float(constant), words=words, related=consumers._callers(driver, world))  # noqa: SLF001


def called(driver: Driver, seed: Seed) -> Iterator[Fact]:
    """A call that may decide, sample, measure, or apply an activation."""
    it = driver.it

    def ask(world: World) -> list[Answer]:
        frame = driver.frame(seed, world)
        callee = it.ev(seed.node.func, seed.place, frame)
        answers = [callee]
        for thing, _ in callee:
            application = applied_row(driver, thing, seed, frame)
            if application is not None:
                answers.extend(it.force(e) for e in _wanted(application))
        return answers

    for world, answers in driver.worlds(ask, limit=WORLDS):
        frame = driver.frame(seed, world)
        for thing, _ in answers[0]:
            application = applied_row(driver, thing, seed, frame)
            if application is not None:
                yield from _facts(driver, seed, application, world)


def applied_row(driver: Driver, thing: Any, seed: Seed, frame: Frame) -> Application | None:
    """The row that a call of a thing applies, with its arguments."""
    it = driver.it
    site = Site(seed.node, seed.place, frame)
    given = calls.arguments(it, seed.node, seed.place, frame)
    if isinstance(thing, Method) and thing.row is not None:
        return Application(it, thing.row, "method", given.prepend(((thing.receiver, NO_CHOICE),)), site, None)
    if isinstance(thing, Library):
        found = knowledge.find(thing.name)
        if found is not None and (found[1] != "module" or found[0].kind in ("distribution", "metric")):
            return Application(it, found[0], found[1], given, site, None)
    if isinstance(thing, Built) and thing.row.kind in ("activation", "metric"):
        return Application(it, thing.row, "module", given, site, thing)
    return None


def _wanted(application: Application) -> list[Any]:
    row = application.row
    if row.takes:
        return [e for name in row.takes if (e := application.entry(name)) is not None]
    entry = application.input_entry()
    return [entry] if entry is not None else []


def _facts(driver: Driver, seed: Seed, application: Application, world: World) -> Iterator[Fact]:
    row, it = application.row, driver.it
    span = consumers.span_of(seed)
    related = consumers._callers(driver, world)  # noqa: SLF001
    shown = seed.node.args[0] if seed.node.args and application.form != "method" else getattr(seed.node.func, "value", seed.node)
    if row.kind in ("distribution", "sampler", "metric"):
        for name, entry in _given(application):
            value = as_value(it.force(entry))
            if value.known:
                node = getattr(entry, "node", None)
                words = _words(value, consumer=row.shown, parameter=name, prediction=text_of(node, seed.place) if node is not None else name)
                yield Consumed(span, row, name, value, words=words, related=related)
        return
    entry = application.input_entry()
    if entry is None:
        return
    if row.transfer == "decides":
        value = as_value(it.force(entry))
        if not value.known:
            return
        words = _words(value, operand=text_of(shown, seed.place), constant="")
        if row.how == "argmax":
            given = application.entry("dim")
            dim: Any = "implicit" if given is None else it.constant(given)
            dim = dim if isinstance(dim, (int, str)) else None
            yield Decision(span, "argmax", value, dim=dim, words={**words, "kind": "argmax"}, related=related)
        elif row.shown.rstrip("_") in ROUNDS:
            yield Decision(span, "round", value, words={**words, "kind": "round"}, related=related)
        elif row.how in ("gt", "ge", "lt", "le"):
            constant = it.constant(application.given.pick(1, "other"))
            if isinstance(constant, (int, float)) and not isinstance(constant, bool):
                yield Decision(span, "threshold", value, constant=float(constant), words={**words, "kind": "threshold", "constant": f"{constant:g}"}, related=related)
        return
    if row.transfer == "interval" and row.how == "log":
        yield from _logarithm(driver, seed, application, span, related)
    elif row.transfer == "normalises" and row.emits in (Emission.SIMPLEX, Emission.LOGP):
        axis = application.spec(row.axis)
        if axis == "implicit":
            value = as_value(it.force(entry))
            yield Applied(span, row, value, axis="implicit", words=_words(value, operation=row.shown, operand=text_of(shown, seed.place)), related=related)


def _given(application: Application) -> Iterator[tuple[str, Any]]:
    row = application.row
    for name in row.takes or (row.prediction,):
        entry = application.entry(name) if name else None
        if entry is not None:
            yield name, entry


def _logarithm(driver: Driver, seed: Seed, application: Application, span: Span, related: Any) -> Iterator[Applied]:
    value = as_value(application.input())
    if not value.known:
        return
    form = ""
    constant = None
    if value.all(lambda way: way.by == "one-minus"):
        form, value = "one-minus", Value(tuple(w for way in value for w in way.inner))
    elif value.all(lambda way: way.by == "epsilon"):
        constant, value = 1e-8, Value(tuple(w for way in value for w in way.inner))
    if not value.known:
        return
    shown = seed.node.args[0] if seed.node.args else seed.node.func
    words = _words(value, operation="log", operand=text_of(shown, seed.place))
    yield Applied(span, application.row, value, constant=constant, form=form, words=words, related=related)


def built_without_dim(driver: Driver, seed: Seed) -> Iterator[Applied]:
    """`nn.Softmax()`."""
    from outlayer_lint.interpret.frames import World  # noqa: PLC0415

    frame = driver.frame(seed, World())
    driver.it.refuel(400)
    for thing, _ in driver.it.ev(seed.node.func, seed.place, frame):
        found = knowledge.find(thing.name) if isinstance(thing, Library) else None
        if found is not None and found[1] == "module" and isinstance(found[0].axis, tuple) and found[0].axis[2] == "implicit":
            document = seed.place.block.scope.file.document
            words = {"operation": thing.name.rpartition(".")[2], "operand": "", "emits": "", "activation": ""}
            yield Applied(document.span(seed.node), found[0], Value(reason="not called here"), axis="implicit", words=words)
        return


def divided(driver: Driver, seed: Seed, node: ast.BinOp) -> Iterator[Applied]:
    """`exp(x) / exp(x).sum()`, `softmax(x) / T`."""
    row_found = knowledge.find("torch.div")
    if row_found is None:
        return
    document = seed.place.block.scope.file.document
    span = document.span(node)
    inside = _exponent_over_its_sum(driver, seed, node)
    if inside is not None:
        for world, _, value in contexts(driver, seed, inside):
            words = _words(value, operation="softmax", operand=text_of(inside, seed.place))
            yield Applied(span, row_found[0], value, form="hand-softmax", words=words, related=consumers._callers(driver, world))  # noqa: SLF001
        return
    for world, frame, value in contexts(driver, seed, node.left):
        if value.every(Emission.SIMPLEX) is None:
            continue
        constant = driver.it.constant(driver.it.ev(node.right, seed.place, frame))
        number = float(constant) if isinstance(constant, (int, float)) and not isinstance(constant, bool) else None
        right = driver.it.ev(node.right, seed.place, frame)
        if number is None and any(isinstance(t, Tensor) for t, _ in right):
            continue
        words = _words(value, operation="div", operand=text_of(node.left, seed.place))
        reaches = frozenset(("output",)) if _returned(seed, node) else frozenset()
        yield Applied(span, row_found[0], value, constant=number, parameter=number is None, reaches=reaches, words=words, related=consumers._callers(driver, world))  # noqa: SLF001


def _returned(seed: Seed, node: ast.AST) -> bool:
    statement = seed.place.block.statements[seed.place.index]
    return isinstance(statement, ast.Return) and seed.place.block.scope.name == "forward"


def _exponent_over_its_sum(driver: Driver, seed: Seed, node: ast.BinOp) -> ast.expr | None:
    """The `x` of `exp(x) / exp(x).sum(...)`, also through one name."""
    left = _definition(seed, node.left)
    argument = _argument_of(left, "exp")
    if argument is None:
        return None
    right = _definition(seed, node.right)
    summed = _argument_of(right, "sum")
    if summed is None:
        return None
    inner = _argument_of(_definition(seed, summed), "exp")
    if inner is None:
        return None
    return argument if ast.dump(inner) == ast.dump(argument) else None


def _argument_of(node: ast.expr, name: str) -> ast.expr | None:
    """The tensor of `x.name(...)` or `torch.name(x, ...)`."""
    if not isinstance(node, ast.Call):
        return None
    function = node.func
    if isinstance(function, ast.Attribute) and function.attr == name:
        if isinstance(function.value, ast.Name) and function.value.id in ("torch", "np", "numpy", "F", "math"):
            return node.args[0] if node.args else None
        return function.value
    if isinstance(function, ast.Name) and function.id == name and node.args:
        return node.args[0]
    return None


def _definition(seed: Seed, node: ast.expr) -> ast.expr:
    """The expression a name was assigned, where there is one in the same block before."""
    if isinstance(node, ast.Name):
        block = seed.place.block
        for index in reversed([i for i in block.names.get(node.id, ()) if i < seed.place.index]):
            for key, definition in block.writes.get(index, ()):
                if key == node.id and definition.kind == "assign" and definition.value is not None and not definition.path:
                    return definition.value
            break
    return node


def chain(value: Value, span: Span, words: dict[str, Any], reaches: str, related: Any) -> Iterator[Applied]:
    """Activations in a row on the way to a consumer, as `Applied` facts at the place of the later one."""
    seen: set[object] = set()
    for way in value.ways:
        at: Tensor = way
        for _ in range(MAX_CHAIN):
            row = knowledge.find(at.by) if at.by and at.emission in ACTIVATIONS else None
            if row is None or row[0].kind != "activation" or at.origin.applied is None:
                break
            operand = at.inner
            if not operand.known:
                break
            key = (at.origin.applied, at.by)
            if key not in seen and any(w.emission in ACTIVATIONS for w in operand.ways):
                seen.add(key)
                yield Applied(
                    at.origin.applied, row[0], operand, axis=at.axis, reaches=frozenset((reaches,)),
                    words=_words(operand, operation=row[0].shown, operand=words.get("prediction", "")), related=related,
                )  # fmt: skip
            if len(operand.ways) != 1:
                break
            at = operand.ways[0]


def not_called(driver: Driver, seed: Seed, node: ast.Attribute) -> Iterator[Decision]:
    """`probs.argmax` without parentheses, on a tensor."""
    for world, _, value in contexts(driver, seed, node.value):
        if value.known and value.all(lambda way: way.emission is not Emission.DATA):
            words = _words(value, operand=text_of(node.value, seed.place), kind=node.attr, constant="")
            yield Decision(seed.place.block.scope.file.document.span(node), "argmax" if node.attr == "argmax" else "round", value, method=node.attr, words=words,
                           related=consumers._callers(driver, world))  # noqa: SLF001  # fmt: skip


def trained_with(decision: Decision, trained: dict[Span, dict[str, Row]]) -> tuple[Row, ...]:
    """The losses that every learned way of the operand is trained with."""
    common: dict[str, Row] | None = None
    for way in decision.operand.ways:
        spans = way.origin.spans
        rows: dict[str, Row] = {}
        for span in spans:
            rows.update(trained.get(span, {}))
        common = rows if common is None else {n: r for n, r in common.items() if n in rows}
    return tuple((common or {}).values())


def heads_of(fact: LossCall) -> Iterator[tuple[Span, Row]]:
    """The heads that a loss trains."""
    for way in fact.prediction.ways:
        for span in way.origin.spans:
            yield span, fact.loss


__all__ = ["NOTHING", "Parameter", "Subclass", "re", "transfer"]

"""Losses as consumers: which loss a call is, what reaches it in each program, as `LossCall` and `LossBuilt` facts."""

from __future__ import annotations

import ast

from outlayer_lint import knowledge
from outlayer_lint.diagnostic import Related
from outlayer_lint.facts import Fact, LossBuilt, LossCall
from outlayer_lint.interpret import calls, classes, conditions, passing
from outlayer_lint.interpret.answers import only, unknown
from outlayer_lint.interpret.choices import NO_CHOICE, Choices, compatible
from outlayer_lint.interpret.questions import pairings, standing, targets
from outlayer_lint.interpret.questions.combinations import Menu, is_disputed, is_free, is_wanted
from outlayer_lint.interpret.things import (
    LITERAL,
    Answer,
    Built,
    Class,
    Instance,
    Library,
    Method,
    Partial,
    Sequence,
    Site,
)
from outlayer_lint.interpret.transfer import Application, as_value
from outlayer_lint.lattice import Emission, Tensor, Value
from outlayer_lint.records import TYPE_CHECKING, Any, NamedTuple
from outlayer_lint.resolve.walking import walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.diagnostic import Span
    from outlayer_lint.interpret.frames import Frame, World
    from outlayer_lint.interpret.questions.driver import Driver
    from outlayer_lint.interpret.questions.seeds import Seed
    from outlayer_lint.knowledge import Row

SQUARE = "square"  # what the rows say of operations whose mean may be a loss
EVALUATION = frozenset(("validation_step", "test_step", "predict_step", "eval_step"))


class Asked(NamedTuple):
    """One context of one consumer call, judged on its own: the fact, or why there is none."""

    fact: Fact | None
    row: Row
    value: Value
    world: World


def as_loss(driver: Driver, thing: Any, seed: Seed, frame: Frame) -> Application | None:
    """A callee as a loss applied to the arguments of the seed, `None` if it is none."""
    it = driver.it
    site = Site(seed.node, seed.place, frame)
    given = passing.arguments(it, seed.node, seed.place, frame)
    while isinstance(thing, (Partial, Method)):
        if isinstance(thing, Partial):
            given = thing.arguments.over(given)
            thing = thing.function
        elif thing.name in ("forward", "__call__"):
            thing = thing.receiver
        else:
            return None
    if isinstance(thing, Instance):
        thing = _inherited_loss(driver, thing)
    if isinstance(thing, Built) and thing.row.kind == "loss":
        return Application(it, thing.row, "module", given, site, thing)
    if isinstance(thing, Library):
        found = knowledge.find(thing.name)
        if found is not None and found[0].kind == "loss" and found[1] != "module":
            made = Application(it, found[0], found[1], given, site, None)
            if found[0].of_keras:
                from outlayer_lint.interpret.keras import losses as keras_losses  # noqa: PLC0415 - for programs that use Keras

                return keras_losses.in_order(made)
            return made
        if found is not None and found[0].how == SQUARE:
            from outlayer_lint.interpret.questions import differences  # noqa: PLC0415 - for losses that are written out

            return differences.squared(it, found[0], seed, site)
    return pairings.loss_of(it, thing, given, site) if isinstance(thing, (Library, Class)) else None


def _inherited_loss(driver: Driver, thing: Instance) -> Built | None:
    for name in ("forward", "__call__"):
        if classes.method_of(driver.it, thing.cls, name) is not None:
            return None
    for item in classes.mro(driver.it, thing.cls):
        if isinstance(item, Library):
            found = knowledge.find(item.name)
            if found is not None and found[0].kind == "loss":
                return calls.inherited(driver.it, thing, found[0], item.name)
    return None


def loss_calls(driver: Driver, seed: Seed) -> Iterator[Asked]:
    """What reaches a call that may be a loss, in every context."""
    it = driver.it

    def ask(world: World) -> list[Answer]:
        frame = driver.frame(seed, world)
        callee = it.ev(seed.node.func, seed.place, frame)
        answers = [callee]
        wrong = False
        for thing, _ in callee:
            application = as_loss(driver, thing, seed, frame)
            if application is not None:
                answers.append(prediction_of(application))
                wrong |= any(isinstance(t, Tensor) and not is_wanted(t, application.row) for t, _ in answers[-1])
        if wrong:  # a caller may decide whether the call is come to at all
            answers.append(((None, conditions.way_to(it, seed.place, frame) or NO_CHOICE),))
            if len(callee) > 1 and any(choices for _, choices in callee):  # and which loss is meant where it is
                answers.append(_given(driver, seed, frame))
        return answers

    for world, answers in driver.worlds(ask, remember=True):
        frame = driver.frame(seed, world)
        way = conditions.way_to(it, seed.place, frame)
        if way is None:
            continue
        found = [(made, own) for thing, own in answers[0] if (made := as_loss(driver, thing, seed, frame)) is not None]
        menu = [Menu(made.row, own, answer) for (made, own), answer in zip(found, answers[1:], strict=False)]
        for (application, choices), own in zip(found, menu, strict=True):
            both = compatible(choices, way)
            if both is not None and (both or any(c for _, c in own.predictions)):
                calls = driver.way(world)
                both = None if calls is None else compatible(both, calls)
            if both is not None:
                yield from _judged(driver, seed, application, menu, own, both, world, answers[0])


def _given(driver: Driver, seed: Seed, frame: Frame) -> Answer:
    """What the function around a call is given first, which is open until a caller is assumed."""
    scope = seed.place.block.scope
    names = scope.parameter_names[1 if frame.base.receiver is not None else 0 :] if scope.kind == "function" else []
    return driver.it.parameter(names[0], frame) if names else ()


def prediction_of(application: Application) -> Answer:
    """The answer in the prediction's place."""
    entry = application.entry(application.row.prediction)
    return application.it.force(entry) if entry is not None else unknown("missing argument")


def _judged(
    driver: Driver,
    seed: Seed,
    application: Application,
    menu: list[Menu],
    own: Menu,
    choices: Choices,
    world: World,
    callee: Answer,
) -> Iterator[Asked]:
    """One fact for each program that can reach the loss under its choices."""
    ways = [(thing, both) for thing, mine in own.predictions if (both := compatible(mine, choices)) is not None]
    if not ways:
        return
    forks = dict.fromkeys(frozenset(c for c in mine if c.fork) for _, mine in ways)  # in the order of the program
    for fork in forks:
        here = tuple((t, c) for t, c in ways if compatible(frozenset(x for x in c if x.fork), fork) is not None)
        if len(forks) > 1 and not fork and any(forks):
            continue
        free = (len(menu) > 1 and is_free(menu, own, fork, here)) or is_disputed(menu, own, fork, here)
        value = Value(reason="undecided condition") if free else judged_value(here)
        fact = _fact(driver, seed, application, value, world, callee, here)
        # A squared error is the same with its arguments exchanged: then what stands second is judged.
        judged = fact.target if not value.known and fact.prediction.known and fact.swapped else value
        yield Asked(fact, application.row, judged, world)


def judged_value(answer: Answer) -> Value:
    """An answer as a value to be judged: literal tensors and raw data are no predictions."""
    value = as_value(_parts(answer))
    for way in value.ways:
        if way.source is not None:
            return Value(reason="literal tensor" if root_of(way.source) == LITERAL else "batch data")
        if way.emission is Emission.DATA:
            return Value(reason="batch data")
        if way.emission is Emission.LOSS:
            return Value(reason="result of a loss")
        if targets.is_parameter(way):
            return Value(reason="literal tensor")
    return value


def root_of(source: object) -> object:
    """The word that a source begins with."""
    while isinstance(source, tuple) and source:
        source = source[0]
    return source


def _parts(answer: Answer) -> Answer:
    """A one-element sequence in the prediction's place stands for its element."""
    if len(answer) == 1 and isinstance(answer[0][0], Sequence):
        return only(answer[0][0])
    return answer


def _fact(
    driver: Driver, seed: Seed, application: Application, value: Value, world: World, callee: Answer, answer: Answer
) -> LossCall:
    row = application.row
    document = seed.place.block.scope.file.document
    arguments = constants_of(application)
    fact = targets.LazyLossCall(
        document.span(seed.node), row, value, arguments=arguments, mode=mode_of(seed),
        words=words_of(driver, seed, application, value), related=_callers(driver, world),
    )  # fmt: skip
    targets.complete(fact, targets.Question(driver, seed, application, world, callee), answer)
    return fact


def constants_of(application: Application) -> dict[str, Any]:
    """Constants among the arguments that are not inputs; `...` where one is given but not constant."""
    row = application.row
    found: dict[str, Any] = {}
    for name in row.parameters:
        if name not in row.call:
            entry = application.entry(name)
            if entry is not None:
                found[name] = application.it.constant(entry)
    return found


def mode_of(seed: Seed) -> str:
    """`eval` where no gradient can flow or the framework calls it for evaluation."""
    block = seed.place.block
    evaluates = _is_read_off(seed) or standing.within_no_grad(block) or block.scope.name in EVALUATION
    return "eval" if evaluates else "train"


def _is_read_off(seed: Seed) -> bool:
    """Whether the loss becomes a plain number where it is computed, `loss(y, p).numpy()`: nothing trains with it."""
    statement = seed.place.block.statements[seed.place.index]
    return any(
        isinstance(node, ast.Attribute) and node.value is seed.node and node.attr in ("numpy", "item")
        for node in walk(statement)
    )


def words_of(driver: Driver, seed: Seed, application: Application, value: Value) -> dict[str, Any]:
    """What messages may quote."""
    document = seed.place.block.scope.file.document
    row = application.row

    def text(name: str) -> str:
        index = row.call.index(name) if name in row.call else None
        entry = application.given.pick(index, name)
        node = getattr(entry, "node", None)
        return document.segment(node) if node is not None else name

    shown = application.built.name.rpartition(".")[2] if application.built is not None else row.shown
    first = value.ways[0] if value.ways else None
    return {
        "loss": shown, "prediction": text(row.prediction) if row.prediction else "",
        "target": text(row.target_parameter) if row.target_parameter else "",
        "activation": first.by.rpartition(".")[2] if first is not None else "",
    }  # fmt: skip


def _callers(driver: Driver, world: World) -> tuple[Related, ...]:
    places = []
    for scope, binding in world.bindings.items():
        if binding is not None:
            places.append(
                Related(
                    driver.it.span(binding.call, binding.place),
                    f"`{scope.owner.name if scope.name == '__init__' and scope.owner else scope.name}` called here",
                )
            )
    return tuple(places[:3])


def losses_built(driver: Driver, seed: Seed) -> Iterator[LossBuilt]:
    """The construction of a loss object, or a functional loss call, as written."""
    it = driver.it
    world = driver.world({}, {})
    it.fuel = 400
    frame = driver.frame(seed, world)
    for thing, _ in it.ev(seed.node.func, seed.place, frame):
        if not isinstance(thing, Library):
            continue
        found = knowledge.find(thing.name)
        if found is None or found[0].kind != "loss":
            continue
        row, form = found
        module = form == "module"
        names = row.constructor if module else row.parameters
        positional: dict[str, Any] = {}
        keywords: dict[str, Any] = {}
        tensors: list[str] = []
        for name, node in zip(names, seed.node.args, strict=False):
            if isinstance(node, ast.Starred):
                break
            if not module and name in row.call:
                continue
            positional[name] = _plain(it, node, seed, frame)
            if module and name in ("weight", "size_average", "reduce") and _is_output(driver, node, seed):
                tensors.append(name)
        for keyword in seed.node.keywords:
            if keyword.arg:
                keywords[keyword.arg] = _plain(it, keyword.value, seed, frame)
        document = seed.place.block.scope.file.document
        words = {
            "loss": thing.name.rpartition(".")[2],
            "prediction": _written(seed, row, row.prediction), "target": _written(seed, row, row.target_parameter),
            "activation": "",
        }  # fmt: skip
        if positional.get("size_average") is ... and tensors == ["weight"] and _is_predicted(driver, seed):
            tensors.append("size_average")  # whatever it holds, beside a prediction it is no flag
        if module and len(tensors) < 2 and "size_average" not in tensors:  # a weight alone is a weight
            tensors = []
        yield LossBuilt(
            document.span(seed.node),
            row,
            positional=positional,
            keywords=keywords,
            tensors=tuple(tensors),
            module_call=module,
            scaled=is_weighed(seed.node, seed.place.block.statements[seed.place.index]),
            words=words,
        )
        return


def _written(seed: Seed, row: Row, parameter: str) -> str:
    """The argument of a functional loss as it is written: torch takes the prediction first, Keras the target."""
    nodes = {k.arg: k.value for k in seed.node.keywords}
    index = row.parameters.index(parameter) if parameter in row.parameters else len(seed.node.args)
    node = nodes.get(parameter, seed.node.args[index] if index < len(seed.node.args) else None)
    return "" if node is None else seed.place.block.scope.file.document.segment(node)


def is_weighed(loss: ast.expr, statement: ast.stmt) -> bool:
    """Whether a loss's value is weighed where it is computed: `KLDivLoss()(p, q) * (alpha * T * T)`.

    A squared temperature alone makes up for the softened targets and is no weight.
    """
    factors: list[str] = []
    for node in walk(statement):
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div)):
            for operand, other in ((node.left, node.right), (node.right, node.left)):
                if any(part is loss for part in _product(operand)):
                    factors.extend(ast.dump(part) for part in _product(other))
    return len(set(factors)) > 1


def _product(node: ast.expr) -> Iterator[ast.expr]:
    """The factors of a product, a square as its base, a call of a call as its callee."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div)):
        yield from _product(node.left)
        yield from _product(node.right)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        yield node.left
    else:
        yield node
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Call):
            yield node.func


def _plain(it: Any, node: ast.expr, seed: Seed, frame: Frame) -> Any:
    value = it.constant(it.ev(node, seed.place, frame))
    return value if isinstance(value, (str, int, float, bool, type(None))) else ...


def _is_predicted(driver: Driver, seed: Seed) -> bool:
    """Whether the first argument came out of a layer to which something was given; a weight is given nothing."""
    answer = driver.it.ev(seed.node.args[0], seed.place, driver.frame(seed, driver.world({}, {})))
    made = [t for t, _ in answer if isinstance(t, Tensor) and t.learned and (t.inner.ways or t.inner.reason)]
    return bool(answer) and len(made) == len(answer)


def _is_output(driver: Driver, node: ast.expr, seed: Seed) -> bool:
    """Whether an argument is a tensor that a model or a batch made, in every context asked about."""

    def ask(world: World) -> list[Answer]:
        return [driver.it.ev(node, seed.place, driver.frame(seed, world))]

    answers = [answers[0] for _, answers in driver.worlds(ask, limit=2, fuel=400)]
    return bool(answers) and all(
        answer and all(isinstance(t, Tensor) and t.emission is not Emission.LOSS for t, _ in answer)
        for answer in answers
    )


def span_of(seed: Seed) -> Span:
    """Where the call stands."""
    return seed.place.block.scope.file.document.span(seed.node)

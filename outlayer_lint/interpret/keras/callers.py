"""Functions that are passed to `compile` as losses or metrics: the framework calls them with targets and outputs."""

from __future__ import annotations

import ast

from outlayer_lint.interpret import classes, families
from outlayer_lint.interpret.questions.seeds import Seed, calls_at
from outlayer_lint.interpret.things import Class, Dictionary, Function, Instance, Partial, Sequence
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.interpret.frames import World
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.questions.driver import Driver
    from outlayer_lint.interpret.things import Answer, Entry
    from outlayer_lint.resolve.scopes import Scope

CALLED = ("call", "__call__")
MAX_CALLS, WORLDS, FUEL = 12, 3, 600
TARGETS = 2  # a loss is called with targets and outputs


def handed_over(driver: Driver, scope: Scope) -> list[tuple[Seed, World]]:
    """The calls `loss(y_true, y_pred)` that compile calls bring about, written out, each with its world."""
    tokens = _tokens(scope)
    if not tokens or len(scope.parameter_names) < TARGETS:
        return []
    found: dict[int, tuple[Seed, World]] = {}
    for token in tokens:
        for file in driver.project.importers(scope.file, token):
            if not file.has_word("compile"):
                continue
            for seed in calls_at(file, file.lines_calling("compile"), ("compile",))[:MAX_CALLS]:
                found.update((id(handed[0].node), handed) for handed in _passed_at(driver, seed, scope))
    return list(found.values())


def _tokens(scope: Scope) -> list[str]:
    """Names that a compile call must mention to pass the function: its own, its maker's, its class's.

    A lambda may stand in the call itself.
    """
    if scope.owner is not None:
        return [scope.owner.name] if scope.name in CALLED else []
    names = [scope.name if scope.kind == "function" else "compile"]
    parent = scope.parent
    while parent is not None and parent.kind == "function":
        names.append(parent.name)
        parent = parent.parent
    return names


def _passed_at(driver: Driver, seed: Seed, scope: Scope) -> Iterator[tuple[Seed, World]]:
    function = seed.node.func
    if not isinstance(function, ast.Attribute):
        return
    losses = [k.value for k in seed.node.keywords if k.arg == "loss"] or seed.node.args[1:2]
    metrics = [k.value for k in seed.node.keywords if k.arg == "metrics"] or seed.node.args[2:3]
    for node in (*losses, *metrics):

        def ask(world: World, node: ast.expr = node) -> list[Answer]:
            return [driver.it.ev(node, seed.place, driver.frame(seed, world))]

        for world, answers in list(driver.worlds(ask, limit=WORLDS, fuel=FUEL)):
            positions = [i for thing, _ in answers[0] for i in _positions(driver.it, thing, scope)]
            if positions:
                index = positions[0] if node in losses else None
                yield Seed(_written(driver, seed, node, function.value, index), seed.place, seed.overlay), world
                return


def _positions(it: Interpreter, thing: Any, scope: Scope) -> Iterator[int | str | None]:
    """The heads that a function is the loss of: by position or name, `None` for all."""
    if isinstance(thing, Sequence):
        entries: list[tuple[int | str, Entry]] = list(enumerate(thing.items))
    elif isinstance(thing, Dictionary):
        entries = [(str(key), item) for key, item in thing.items.items()]
    else:
        if _means(it, thing, scope):
            yield None
        return
    for index, entry in entries:
        if any(True for t, _ in it.force(entry) for _ in _positions(it, t, scope)):
            yield index


def _means(it: Interpreter, thing: Any, scope: Scope) -> bool:
    while isinstance(thing, Partial):
        thing = thing.function
    if isinstance(thing, Function):
        return thing.scope is scope
    if isinstance(thing, (Instance, Class)) and scope.owner is not None:
        cls = thing.cls if isinstance(thing, Instance) else thing
        found = classes.method_of(it, cls, scope.name)
        return found is not None and found[1] is scope
    return False


def _written(driver: Driver, seed: Seed, node: ast.expr, model: ast.expr, index: int | str | None) -> ast.Call:
    """`loss(model.targets, model.output)`; one head of several has a name that no attribute can have."""
    key = (id(node), index)
    if key not in driver.handed:
        names = ("targets", "output" if index is None else f"{families.HEAD}{index}")
        values = [ast.copy_location(ast.Attribute(model, name, ast.Load()), seed.node) for name in names]
        driver.handed[key] = ast.copy_location(ast.Call(node, list(values), []), seed.node)
    return driver.handed[key]

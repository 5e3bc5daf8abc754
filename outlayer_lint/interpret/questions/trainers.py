"""Who calls a Lightning step: `trainer.fit(model, datamodule=data)` draws batches from a loader and hands them over.

Written out as the calls that the trainer makes: `model.training_step(next(iter(data.train_dataloader())), 0)`. A
trainer of transformers is built with its model and hands it to its own `compute_loss(model, inputs)`.
"""

from __future__ import annotations

import ast

from outlayer_lint.interpret import classes
from outlayer_lint.interpret.frames import Binding, World
from outlayer_lint.interpret.questions.seeds import Seed, calls_at
from outlayer_lint.interpret.things import Answer, Class, Instance, Library
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.resolve.blocks import Place
from outlayer_lint.resolve.walking import walk

if TYPE_CHECKING:
    from outlayer_lint.interpret.questions.driver import Driver
    from outlayer_lint.resolve.scopes import Scope

# Step -> (methods of a trainer that run it, the loader it is fed from, keywords of such loaders, their position).
STEPS = {
    "training_step": (("fit",), "train_dataloader", ("train_dataloaders", "train_dataloader"), 1),
    "validation_step": (("fit", "validate"), "val_dataloader", ("val_dataloaders", "dataloaders"), 2),
    "test_step": (("test",), "test_dataloader", ("dataloaders", "test_dataloaders"), 1),
    "predict_step": (("predict",), "predict_dataloader", ("dataloaders",), 1),
}
HUGGING = ("transformers.", "sentence_transformers.", "trl.", "setfit.")
MAX_FITS = 12
FUEL = 400


def find(driver: Driver, scope: Scope) -> list[tuple[Binding, World]]:
    """The bindings of a step's batch: one for each `fit` of such a model, else its own loader."""
    assert scope.owner is not None
    order = classes.mro(driver.it, driver.it.class_of(scope.owner, driver.it.nowhere))
    if not any(isinstance(c, Library) and c.name.rpartition(".")[2] == "LightningModule" for c in order):
        return []
    methods, source, keywords, position = STEPS[scope.name]
    found: list[tuple[Binding, World]] = []
    seeds: list[Seed] = []
    for name in methods:
        for file in driver.project.users(scope.file, name):
            if len(seeds) < MAX_FITS and b"Trainer" in file.words:
                seeds.extend(calls_at(file, file.lines_calling(name), (name,)))
    for seed in seeds[:MAX_FITS]:
        given = {k.arg: k.value for k in seed.node.keywords if k.arg}
        model = given.get("model", seed.node.args[0] if seed.node.args else None)
        if model is None or not isinstance(seed.node.func, ast.Attribute) or seed.overlay:
            continue
        second = seed.node.args[1] if len(seed.node.args) > 1 else None
        data = given.get("datamodule", second)
        at = position if seed.node.func.attr == "fit" else 1
        loader = next((given[k] for k in keywords if k in given), None)
        if loader is None and "datamodule" not in given and len(seed.node.args) > at:
            loader = seed.node.args[at]
        for world, things in _asked(driver, seed, [seed.node.func.value, model, data or model]):
            trainer, models, holders = things
            if any(isinstance(t, Instance) for t, _ in trainer) or not _runs(driver, models, scope):
                continue
            feed = loader
            holder = next((t for t, _ in holders if isinstance(t, Instance)), None)
            if holder is not None and data is not None and classes.method_of(driver.it, holder.cls, source):
                feed = _call(data, source)
            elif feed is None and data is None and _defines(driver, models, source):
                feed = _call(model, source)
            if feed is not None:
                found.append((Binding(_step(seed.node, feed, scope.name), seed.place), world))
            break
    if not found and classes.method_of(driver.it, driver.it.class_of(scope.owner, driver.it.nowhere), source):
        receiver: ast.expr = ast.Name(scope.parameter_names[0], ast.Load())
        call = _step(scope.node, _call(receiver, source), scope.name)
        return [(Binding(call, Place(scope.block, 0)), World())]
    return found


def of_constructor(driver: Driver, scope: Scope) -> list[tuple[Binding, World]]:
    """The bindings of `compute_loss` of a trainer of transformers: one for each place where such a trainer is built."""
    assert scope.owner is not None
    order = classes.mro(driver.it, driver.it.class_of(scope.owner, driver.it.nowhere))
    if not any(isinstance(c, Library) and c.name.startswith(HUGGING) and c.name.endswith("Trainer") for c in order):
        return []
    found: list[tuple[Binding, World]] = []
    owners = {scope.owner, *(cls.scope for cls in driver.subclasses(scope.owner))}
    for owner in sorted(owners, key=lambda owner: owner.name):
        for file in driver.project.importers(owner.file, owner.name):
            for seed in calls_at(file, file.lines_calling(owner.name), (owner.name,)):
                given = {k.arg: k.value for k in seed.node.keywords if k.arg}
                model = given.get("model", seed.node.args[0] if seed.node.args else None)
                if model is None or seed.overlay or len(found) >= MAX_FITS:
                    continue
                for world, things in driver.callee(seed):
                    if any(isinstance(thing, Class) and thing.scope in owners for thing in things):
                        call = driver.written_out(seed.node, ast.Name(scope.name, ast.Load()), [model])
                        found.append((Binding(ast.fix_missing_locations(call), seed.place), world))
                        break
    return found


def _asked(driver: Driver, seed: Seed, nodes: list[ast.expr]) -> list[tuple[World, list[Answer]]]:
    """What trains what with which data: the same for every step that is asked about."""
    if seed.node not in driver.fits:
        fuel = driver.it.fuel

        def ask(world: World) -> list[Answer]:
            return [driver.it.ev(node, seed.place, driver.frame(seed, world)) for node in nodes]

        driver.fits[seed.node] = list(driver.worlds(ask, limit=2, fuel=FUEL))
        driver.it.fuel = fuel
    return driver.fits[seed.node]


def _runs(driver: Driver, models: Answer, scope: Scope) -> bool:
    """Whether the step of one of these models is the one asked about."""
    for thing, _ in models:
        found = classes.method_of(driver.it, thing.cls, scope.name) if isinstance(thing, Instance) else None
        if found is not None and found[1] is scope:
            return True
    return False


def _defines(driver: Driver, models: Answer, name: str) -> bool:
    return any(isinstance(t, Instance) and classes.method_of(driver.it, t.cls, name) is not None for t, _ in models)


def _call(holder: ast.expr, name: str) -> ast.expr:
    return ast.Call(ast.Attribute(holder, name, ast.Load()), [], [])


def _step(near: Any, loader: ast.expr, name: str) -> ast.Call:
    batch = ast.Call(ast.Name("next", ast.Load()), [ast.Call(ast.Name("iter", ast.Load()), [loader], [])], [])
    call = ast.Call(ast.Name(name, ast.Load()), [batch, ast.Constant(0)], [])
    for node in walk(call):
        if isinstance(node, ast.expr) and not hasattr(node, "lineno"):
            ast.copy_location(node, near)
    return call

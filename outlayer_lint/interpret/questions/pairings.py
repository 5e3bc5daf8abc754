"""Trainers that are handed a model and a loss, and compute the one of what the other returns: skorch, Ignite."""

from __future__ import annotations

from outlayer_lint import knowledge
from outlayer_lint.interpret import calls, classes
from outlayer_lint.interpret.answers import join, only, unknown
from outlayer_lint.interpret.choices import restrict
from outlayer_lint.interpret.frames import Arguments
from outlayer_lint.interpret.things import Answer, Built, Class, Deferred, Instance, Library
from outlayer_lint.interpret.transfer import Application
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.resolve.blocks import dotted

if TYPE_CHECKING:
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.things import Site

ANY = Arguments(more_positional=True, more_keywords=True)


def loss_of(it: Interpreter, thing: Any, given: Arguments, site: Site) -> Application | None:
    """The loss that a trainer computes, applied to what its model returns; `None` for what is no such trainer."""
    trainer = _trainer(it, thing, given, site)
    if trainer is None:
        return None
    pair = trainer.row.trains
    model = trainer.entry(pair["model"])
    if model is None or any(trainer.entry(name) is not None for name in pair.get("unless", ())):
        return None
    criterion = trainer.entry(pair["criterion"])
    named = only(Library(pair["default"])) if "default" in pair else ()
    losses = named if criterion is None else it.force(criterion)
    if len(losses) != 1:
        return None

    def prediction() -> Answer:
        outputs = []
        for handed, choices in it.force(model):
            for net, own in _made(it, handed, site):
                output = calls.call(it, net, Arguments((unknown("batch data"),)), site)
                outputs.append(restrict(restrict(output, own), choices))
        return join(outputs)

    # Behind a constructor of the project's own the model has another name than at the call.
    shown = model if isinstance(thing, Library) else given.pick(0, pair["model"]) or model
    output = Deferred(prediction, getattr(shown, "node", None))
    return _applied(it, losses[0][0], Arguments((output, unknown("batch data"))), site, pair)


def _trainer(it: Interpreter, thing: Any, given: Arguments, site: Site) -> Application | None:
    """A call as the construction of a trainer: of a library's, or of a class that derives from one."""
    row, name = _row(thing) if isinstance(thing, Library) else None, getattr(thing, "name", "")
    if isinstance(thing, Class) and _may_derive(it, thing):
        for item in classes.mro(it, thing):
            if isinstance(item, Library) and (row := _row(item)) is not None:
                built = calls.inherited(it, Instance(thing, site, given), row, item.name)
                replaced = any(_defines(c, row.trains.get("replaced-by", ())) for c in classes.mro(it, thing))
                return None if built is None or replaced else Application(it, row, "module", Arguments(), site, built)
    if row is None:
        return None
    return Application(it, row, "module", Arguments(), site, Built(row, name, given, site))


def _row(thing: Library) -> knowledge.Row | None:
    found = knowledge.find(thing.name)
    return found[0] if found is not None and found[0].kind == "trainer" else None


def _may_derive(it: Interpreter, cls: Class) -> bool:
    bases = cls.scope.node.bases  # type: ignore[attr-defined]
    if it.trainers is None:
        it.trainers = frozenset(name.rpartition(".")[2] for name, _, _ in knowledge.spellings(("trainer",)))
    return any(dotted(base).rpartition(".")[2] in it.trainers for base in bases)


def _defines(item: Any, names: tuple[str, ...]) -> bool:
    return isinstance(item, Class) and any(name in item.scope.block.names for name in names)


def _made(it: Interpreter, thing: Any, site: Site) -> Answer:
    """An object of a class that is handed over as a class, to be built with arguments we do not see."""
    found = knowledge.find(thing.name) if isinstance(thing, Library) else None
    if isinstance(thing, Class) or (found is not None and found[1] == "module"):
        return calls.call(it, thing, ANY, site)
    return only(thing)


def _applied(it: Interpreter, thing: Any, given: Arguments, site: Site, pair: dict[str, Any]) -> Application | None:
    made = _made(it, thing, site)
    loss = made[0][0] if len(made) == 1 else None
    found = knowledge.find(loss.name) if isinstance(loss, (Built, Library)) else None
    if found is None or found[0].kind != "loss" or found[0].family in pair.get("not", ()):
        return None
    return Application(it, found[0], found[1], given, site, loss if isinstance(loss, Built) else None)

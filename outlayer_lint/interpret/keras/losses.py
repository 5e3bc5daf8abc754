"""What a `loss=` or `metrics=` argument may be: a name, a class, an object, a function; alone, in a list, in a dict."""

from __future__ import annotations

from outlayer_lint import knowledge
from outlayer_lint.interpret import calls, classes
from outlayer_lint.interpret.frames import Arguments
from outlayer_lint.interpret.things import (
    Built,
    Class,
    Const,
    Dictionary,
    Function,
    Instance,
    Library,
    Method,
    Partial,
    Sequence,
    Site,
)  # fmt: skip
from outlayer_lint.interpret.transfer import Application
from outlayer_lint.knowledge import Row
from outlayer_lint.lattice import Emission, Tensor
from outlayer_lint.records import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from outlayer_lint.facts import LossCall
    from outlayer_lint.interpret.choices import Choices
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.keras.compile import Program
    from outlayer_lint.interpret.keras.models import Head
    from outlayer_lint.interpret.things import Answer, Entry
    from outlayer_lint.lattice import Value

OWN = Row("own function", {"is": "loss", "family": "", "form": "function"})


class Named(NamedTuple):
    """One consumer that was given to `compile`: its row, its object where it has one, and as what it was written."""

    row: Row | None  # `None`: no loss for this head
    built: Built | None
    shown: str
    extra: Arguments = Arguments()

    @property
    def own(self) -> bool:
        """Whether it is a function or class of the project."""
        return self.row is OWN


NOTHING = Named(None, None, "")


def meant(it: Interpreter, thing: Any, kind: str, site: Site) -> Named | None:
    """What one alternative of a `loss=` or metric means, `None` where that is not known."""
    extra = Arguments()
    while isinstance(thing, Partial):
        extra = thing.arguments.over(extra)
        thing = thing.function
    if isinstance(thing, Sequence) and len(thing.items) == 1 and not thing.open:
        inner = it.force(thing.items[0])
        return meant(it, inner[0][0], kind, site) if len(inner) == 1 else None
    if isinstance(thing, (Sequence, Dictionary)) and kind == "loss":
        return Named(OWN, None, "losses")  # of the parts of one head, which are not told apart
    if isinstance(thing, Const):
        if thing.value is None:
            return NOTHING
        found = knowledge.alias(kind, thing.value) if isinstance(thing.value, str) else None
        return None if found is None else _of_row(found, thing.value, site, extra)
    if isinstance(thing, Library):
        found = knowledge.find(thing.name)
        if found is None or found[0].kind not in ("loss", "metric"):
            return None
        return _of_row(found, thing.name.rpartition(".")[2], site, extra)
    if isinstance(thing, Built):
        if thing.row.kind not in ("loss", "metric"):
            return None
        return Named(thing.row, thing, thing.name.rpartition(".")[2])
    if isinstance(thing, (Function, Method)):
        return Named(OWN, None, _name_of(thing)) if isinstance(thing, Function) else None
    if isinstance(thing, (Instance, Class)):
        return _of_class(it, thing, site)
    return None


def _of_row(found: tuple[Row, str], shown: str, site: Site, extra: Arguments) -> Named:
    row, form = found
    built = Built(row, row.name, Arguments(), site) if form == "module" else None
    return Named(row, built, shown, extra)


def _name_of(thing: Function) -> str:
    return thing.scope.name


def _of_class(it: Interpreter, thing: Instance | Class, site: Site) -> Named | None:
    """An object of the project's: with a `call` of its own, or with all of it from a library's loss."""
    cls = thing.cls if isinstance(thing, Instance) else thing
    if any(classes.method_of(it, cls, name) is not None for name in ("call", "__call__", "forward")):
        return Named(OWN, None, cls.scope.name)
    made = thing if isinstance(thing, Instance) else Instance(thing, site, Arguments())
    for base in classes.mro(it, cls):
        if isinstance(base, Library) and (found := knowledge.find(base.name)) is not None and found[0].kind == "loss":
            built = calls.inherited(it, made, found[0], base.name)
            return None if built is None else Named(found[0], built, cls.scope.name)
    return None


def applied(it: Interpreter, named: Named, prediction: Entry, target: Entry, site: Site) -> Application:
    """The consumer applied to a head and its targets."""
    row = named.row
    assert row is not None
    given = Arguments((), {**named.extra.keywords, row.target_parameter: target, row.prediction: prediction})
    return Application(it, row, "module" if named.built is not None else "function", given, site, named.built)


def in_order(application: Application) -> Application:
    """TensorFlow before 1.0 took the output first: of two positional arguments the one that a network made is that."""
    row, given = application.row, application.given
    names = (row.target_parameter, row.prediction)
    if (
        not row.name.startswith("tensorflow.nn.")
        or given.keywords.keys() & {*names}
        or len(given.positional) < len(names)
    ):
        return application
    places = [row.parameters.index(name) for name in names]
    if max(places) >= len(given.positional):
        return application
    target, prediction = (given.positional[place] for place in places)
    fed = [thing for thing, _ in application.it.force(prediction)]
    made = [thing for thing, _ in application.it.force(target)]
    if not all(isinstance(t, Tensor) and t.source is not None for t in fed):
        return application
    if not all(isinstance(t, Tensor) and t.learned and t.source is None for t in made):
        return application
    kept = dict(zip(row.parameters[2:], given.positional[2:], strict=False))
    turned = Arguments((), {**kept, **given.keywords, row.prediction: target, row.target_parameter: prediction})
    return Application(application.it, row, application.form, turned, application.site, None)


def by_shape(row: Row, value: Value, trained: tuple[LossCall, ...], early: Callable[[], bool]) -> Row:
    """What "accuracy" or "crossentropy" stands for, by the units of the output and the targets; else the row itself.

    `early`: whether the program is written for a Keras that takes a binary loss for a sign of one unit.
    """
    if not row.by_shape:
        return row
    binary = bool(trained) and all(call.loss.family == "binary" for call in trained)
    meant = "one-unit" if value.units == 1 or (binary and early()) else ""
    if not meant and value.units is not None:
        wanted = {tuple(call.loss.target) for call in trained if call.loss is not OWN}
        if wanted == {(Emission.INDEX,)}:
            meant = "index-target"
        elif wanted and all(Emission.INDEX not in words for words in wanted):
            meant = "otherwise"
    found = knowledge.find(row.by_shape.get(meant, "")) if meant else None
    return row if found is None else found[0]


class Shape(NamedTuple):
    """An argument of `compile` taken apart: entries by position or by name."""

    form: str  # `one`, `list` or `dict`
    keys: tuple[str, ...]
    entries: tuple[Entry, ...]
    choices: Choices


def shapes(answer: Answer) -> list[Shape]:
    """Each alternative of an argument that may be a single one, a list or a dict; empty where it is open-ended."""
    found: list[Shape] = []
    for thing, choices in answer:
        if isinstance(thing, Sequence):
            if thing.open:
                return []
            found.append(Shape("list", (), thing.items, choices))
        elif isinstance(thing, Dictionary):
            if thing.open:
                return []
            found.append(Shape("dict", tuple(map(str, thing.items)), tuple(thing.items.values()), choices))
        else:
            found.append(Shape("one", (), (((thing, choices),),), choices))
    found = [shape for shape in found if shape.entries]  # an empty list is one that a loop is yet to fill
    # A list that a loop fills under conditions has as many entries as nobody knows, unless whole programs choose.
    lengths = {len(shape.entries) for shape in found if shape.form == "list"}
    if len(lengths) > 1 and not any(choice.fork for shape in found for choice in shape.choices):
        return []
    return found


def metrics(it: Interpreter, entry: Entry | None, heads: list[str]) -> list[list[Entry]]:
    """The metrics of each head: by name, by equal count, or all of them for the only one."""
    nothing: list[list[Entry]] = [[] for _ in heads]
    found = shapes(it.force(entry)) if entry is not None else []
    if len(found) != 1:
        return nothing
    form, keys, entries, _ = found[0]
    if form == "dict":
        if len(heads) == len(entries) == 1:
            return [_several(it, entries[0])]
        by_name = dict(zip(keys, entries, strict=True))
        return [_several(it, by_name[name]) if name in by_name else [] for name in heads]
    if form == "list" and len(heads) > 1:
        return [_several(it, each) for each in entries] if len(entries) == len(heads) else nothing
    return [[each for given in entries for each in _several(it, given)] for _ in heads]


def _several(it: Interpreter, entry: Entry) -> list[Entry]:
    found = shapes(it.force(entry))
    return list(found[0].entries) if len(found) == 1 and found[0].form == "list" else [entry]


def unrelated(models: Iterable[list[tuple[Any, Choices]]], losses: Answer, way: Choices) -> bool:
    """Whether one thing decides on the model and another on the loss, as far as is known: which go together is open.

    Then a model is judged with a loss only as one of those that it may be compiled with.
    """
    about_models = {c.key for ways in models for _, choices in ways for c in choices - way}
    about_losses = {c.key for _, choices in losses for c in choices - way}
    return bool(about_models and about_losses) and not about_models & about_losses


def meant_of(programs: list[Program]) -> list[Program]:
    """Of several ways to build a model, and of several losses, those where each output has a loss."""
    exact = {id(p.heads) for p in programs if _exact(p)}  # of the losses that one way to build it may have
    programs = [p for p in programs if id(p.heads) not in exact or _exact(p)]
    return [p for p in programs if paired(p.heads, p.losses) is not None] or programs


def _exact(program: Program) -> bool:
    count = 1 if program.losses.form == "one" else len(program.losses.entries)
    return count == len(program.heads)


def paired(heads: list[Head], shape: Shape) -> list[Entry | None] | None:
    """The loss of each head: by name or by equal count, else `None`."""
    entries = shape.entries
    if shape.form == "one":
        return [entries[0] for _ in heads]
    if shape.form == "dict":
        by_name = dict(zip(shape.keys, entries, strict=True))
        if len(heads) == 1 and len(entries) == 1:
            return [entries[0]]
        if not any(head.name in by_name for head in heads):
            return None
        return [by_name.get(head.name) if head.name else None for head in heads]
    if len(entries) == len(heads):
        return list(entries)
    return None

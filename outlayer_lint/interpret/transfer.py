"""Rows at work: one call plus its contract to an answer. Library objects, and the dispatch by transfer word."""

from __future__ import annotations

from outlayer_lint import knowledge
from outlayer_lint.interpret import attributes, calls, containers, layers
from outlayer_lint.interpret.answers import lift, only, unknown
from outlayer_lint.interpret.data import datasets
from outlayer_lint.interpret.frames import Arguments
from outlayer_lint.interpret.things import (
    Answer,
    Built,
    Const,
    Dictionary,
    Entry,
    Foreign,
    Parameter,
    Sequence,
    Site,
    Subclass,
    Unknown,
)
from outlayer_lint.interpret.transfers import arrays, tensors
from outlayer_lint.interpret.transfers.arithmetic import real
from outlayer_lint.interpret.transfers.coupling import Follower
from outlayer_lint.lattice import Emission, Origin, Spot, Tensor, Value
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlayer_lint.diagnostic import Span
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.knowledge import Row

# Evaluations for what stands behind an answer that has been given: small questions or hopeless ones.
BEHIND, BEHIND_LAYER = 300, 120


class Application:
    """A row applied at a site: arguments by parameter, inputs, where it stands and where its object was built."""

    __slots__ = ("built", "form", "given", "it", "row", "site")

    def __init__(self, it: Interpreter, row: Row, form: str, given: Arguments, site: Site, built: Built | None) -> None:
        """For a module `given` are the call's arguments and `built` has the constructor's."""
        self.it = it
        self.form = form
        self.given = given
        self.site = site
        self.built = built
        under = row.under(self._constants(row)) if row.when else row
        self.row = under if under is not None else row

    def _constants(self, row: Row) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for case in row.when:
            name = case["argument"]
            entry = self._entry(row, name)
            if entry is not None:
                found[name] = self.it.constant(entry)
        return found

    def _entry(self, row: Row, name: str) -> Entry | None:
        given, names = self.given, row.parameters
        if self.built is not None:
            inside = name in row.call
            given, names = (self.given, row.call) if inside else (self.built.arguments, row.constructor)
        index = names.index(name) if name in names else None
        for spelled in row.keywords(name):
            if spelled in given.keywords:
                return given.keywords[spelled]
        return given.pick(index, name)

    def entry(self, name: str) -> Entry | None:
        """The argument for a parameter, `None` where it is left out."""
        return self._entry(self.row, name)

    def rest(self) -> tuple[Entry, ...]:
        """The positional arguments of a variadic parameter (`permute(0, 2, 1)`)."""
        if self.built is not None:
            return self.built.arguments.positional
        index = self.row.parameters.index(self.row.variadic) if self.row.variadic else self.row.inputs
        return self.given.positional[index:]

    def spec(self, spec: Any) -> Any:
        """The value of a spec: a literal, an argument's constant, its default; `None` where not known."""
        if not isinstance(spec, tuple):
            return spec
        entry = self.entry(spec[1])
        if entry is None:
            given = self.built.arguments if self.built is not None else self.given
            return None if given.more_keywords else spec[2]
        value = self.it.constant(entry)
        if value is ...:
            return None
        if spec[0] == "item":
            return (
                value[spec[3]]
                if isinstance(value, tuple) and len(value) > spec[3]
                else value
                if not isinstance(value, tuple)
                else None
            )
        return spec[2] if value is None else value

    def number(self, spec: Any) -> float | None:
        """The value of a spec where that is a number that a tensor can hold."""
        return real(self.spec(spec))

    def opened(self, spec: Any) -> bool:
        """Whether a spec's argument is given, and what it is cannot be told."""
        if not isinstance(spec, tuple):
            return False
        entry = self.entry(spec[1])
        if entry is None:
            given = self.built.arguments if self.built is not None else self.given
            return bool(given.more_keywords or given.more_positional)
        return self.it.constant(entry) is not None

    def lazy(self, spec: Any) -> Any:
        """A spec of units, worked out only when asked for."""
        if not isinstance(spec, tuple):
            return spec

        def ask() -> int | None:
            value = self.spec(spec)
            if value is None and (entry := self.entry(spec[1])) is not None:
                self.it.hidden.extend(thing for thing, _ in self.it.force(entry) if isinstance(thing, Parameter))
            return value if isinstance(value, int) else None

        return ask

    def input_entry(self, index: int = 0) -> Entry | None:
        """The tensor input, not evaluated."""
        names = self.row.call
        return self.given.pick(index, names[index] if index < len(names) else "input")

    def input(self, index: int = 0) -> Answer:
        """The tensor input."""
        return self.it.force(self.input_entry(index))

    def inner(self, index: int = 0) -> Callable[[], Value]:
        """The input as a value, worked out only when asked for."""
        entry = self.input_entry(index)

        def ask() -> Value:
            it = self.it
            purse = BEHIND_LAYER if self.row.transfer == "learned" else BEHIND
            purse = min(purse, it.fuel) if it.behind else purse  # on the way to such an answer there is one purse
            fuel, it.fuel = it.fuel, purse
            it.behind += 1
            try:
                answer = it.force(entry) if entry is not None else ()
                it.hidden.extend(thing for thing, _ in answer if isinstance(thing, (Parameter, Subclass)))
                return as_value(answer)
            finally:
                it.behind -= 1
                it.fuel = max(fuel - (purse - it.fuel), 0)

        return ask

    @property
    def span(self) -> Span:
        """Where the call stands."""
        return self.it.span(self.site.node, self.site.place)

    @property
    def spot(self) -> Spot:
        """Where the call stands, for whom it may concern."""
        return self.it.spot(self.site)

    @property
    def origin(self) -> Origin:
        """Where the call stands, and where the object was built."""
        return Origin(self.spot, None if self.built is None else self.it.spot(self.built.site))


def as_value(answer: Answer) -> Value:
    """An answer as a lattice value: known only if every alternative is a tensor."""
    ways: list[Tensor] = []
    reasons: list[str] = []
    for thing, _ in answer:
        if isinstance(thing, Tensor):
            ways.append(thing)
        else:
            reasons.append(reason_of(thing))
    return Value(reason=min(reasons)) if reasons else Value(ways)


def reason_of(thing: Any) -> str:
    """Why a thing is not a known tensor."""
    if isinstance(thing, Unknown):
        return thing.reason
    if isinstance(thing, Parameter):
        return "parameter nobody binds"
    if isinstance(thing, Subclass):
        return "abstract method"
    if isinstance(thing, Const):
        return "literal tensor"
    if isinstance(thing, (Sequence, Dictionary)):
        return "container of outputs"
    if isinstance(thing, Foreign):
        return "third-party object"
    return "not a tensor"


def apply(it: Interpreter, app: Application) -> Answer:
    """The result of a row's call, and of the activation that a layer puts on it."""
    answer = _applied(it, app)
    if app.row.activation is None:
        return answer
    from outlayer_lint.interpret.keras import layers as keras_layers  # noqa: PLC0415 - for programs that use Keras

    return keras_layers.activated(it, app, answer)


def _applied(it: Interpreter, app: Application) -> Answer:
    row = app.row
    if row.returns is not None and row.transfer not in ("recurrent", "loads"):
        return structured(it, app, row.returns)
    word = row.transfer
    special = SPECIAL.get(word)
    if special is not None:
        return special(it, app)
    function = tensors.TRANSFER.get(word)
    if function is None:
        return unknown("no transfer function", ("row", row.name, id(app.site.node), id(app.site.frame.base)))
    answer = function(it, app)
    # A row of data says itself where its results come from.
    return arrays.carried(it, app, answer) if word in arrays.CARRYING and row.kind != "data" else answer


def structured(it: Interpreter, app: Application, tree: Any) -> Answer:
    """Several results: a tuple or an output object whose leaves are emissions or words."""
    if isinstance(tree, dict) and "emits" not in tree:
        return only(Dictionary({key: structured(it, app, leaf) for key, leaf in tree.items()}, kind="output"))
    if isinstance(tree, tuple):
        return only(Sequence(tuple(structured(it, app, leaf) for leaf in tree), kind="tuple"))
    if isinstance(tree, dict):
        return only(tensors.leaf(it, app, tree))
    if tree == "emits" and app.row.kind == "data":
        return only(tensors.leaf(it, app, {"emits": tree}))
    if isinstance(tree, Emission):
        layer = app.row.kind in ("layer", "model")
        axis = app.spec(app.row.axis) if layer else None
        if tree in (Emission.INDEX, Emission.BOOL):
            return only(Follower(tree, by=app.row.name, gradient=False, inner=app.inner(), origin=app.origin))
        both = app.row.how == "bidirectional"
        units = (
            app.lazy(app.row.units)
            if not both and (layer or tree in (Emission.LOGIT, Emission.SIMPLEX, Emission.LOGP))
            else None
        )
        rank = app.row.rank if isinstance(app.row.rank, int) else None
        return only(
            Tensor(tree, by=app.row.name, learned=app.row.name if layer else "", units=units,
                   class_axis=axis if isinstance(axis, int) else None, rank=rank, inner=app.inner(), origin=app.origin)
        )  # fmt: skip
    if tree == "keeps":
        word = app.row.transfer
        if word in ("reduces", "selects"):
            return tensors.TRANSFER.get(word, tensors.keeps)(it, app)
        names = app.row.parameters if word == "wraps" else ()
        return app.input(next((names.index(name) for name in ("model", "module") if name in names), 0))
    return unknown("part of a library's result", (id(app.site.node), id(app.site.frame.base)))


# -- library objects --------------------------------------------------------------------------------------------------


def called(it: Interpreter, thing: Built, given: Arguments, site: Site) -> Answer:
    """Call a library object: a layer, an activation, a container, a model with a replaced head."""
    row = thing.row
    if row.of_keras:
        from outlayer_lint.interpret.keras import layers as keras_layers  # noqa: PLC0415 - for programs that use Keras

        return keras_layers.called(it, thing, given, site)
    return run(it, thing, given, site)


def run(it: Interpreter, thing: Built, given: Arguments, site: Site) -> Answer:
    """Call a library object by its row alone."""
    row = thing.row
    if row.transfer == "contains":
        return layers.run_container(it, thing, given, site)
    if row.transfer == "wraps":
        return lift(calls.wrapped(it, thing), lambda inner: calls.call(it, inner, given, site))
    if row.kind == "model" and thing.overrides:
        replaced = _replaced_head(it, thing, given, site)
        if replaced is not None:
            return replaced
    app = Application(it, row, "module", given, site, thing)
    if row.kind == "distribution":
        return unknown("distribution called")
    return apply(it, app)


def _replaced_head(it: Interpreter, thing: Built, given: Arguments, site: Site) -> Answer | None:
    """The output of a ready-made model whose last part was replaced; `heads` are dotted paths to it."""
    heads = thing.row.heads
    tops = {head.partition(".")[0] for head in heads}
    features = unknown("hidden features", ("features", id(thing.site.node)))
    rank = thing.row.rank  # a classifier is fed rows of features, and gives rows
    hidden = only(Tensor(Emission.HID, rank=rank, by=thing.row.name)) if isinstance(rank, int) else features
    for override in reversed(thing.overrides):
        path = ".".join(map(str, override.path))
        if override.path[0] not in tops:
            continue
        if path not in heads and not any(head.startswith(path + ".") for head in heads):
            return unknown("part of a ready-made model replaced")
        made = lift(it.force(override.lazy), lambda head: calls.call(it, head, Arguments((hidden,)), site))
        return lift(made, lambda t: features if isinstance(t, Tensor) and t.emission is Emission.HID else only(t))
    return None


def method(it: Interpreter, thing: Built, name: str, given: Arguments, site: Site) -> Answer:
    """A method of a library object."""
    row = thing.row
    if name in ("forward", "__call__"):
        return called(it, thing, given, site)
    if row.of_keras:
        from outlayer_lint.interpret.keras import models as keras_models  # noqa: PLC0415 - for programs that use Keras

        found = keras_models.method(it, thing, name, given, site)
        if found is not None:
            return found
    if row.kind == "container":
        content = layers.parts(it, thing)
        first = content[0][0] if len(content) == 1 else None
        if isinstance(first, (Dictionary, Sequence)) and name in ("values", "items", "keys", "get", "children", "pop"):
            return (
                containers.method(it, first, "values" if name == "children" else name, given, site)
                if isinstance(first, Dictionary)
                else only(first)
            )
    if row.how == "pipeline":
        from outlayer_lint.interpret.data import pipelines  # noqa: PLC0415 - for programs that use Keras

        return pipelines.method(it, pipelines.opened(it, thing), name, given, site)
    if row.transfer == "wraps":
        inner = calls.wrapped(it, thing)
        return lift(
            inner, lambda t: lift(attributes.attribute(it, t, name, site), lambda f: calls.call(it, f, given, site))
        )
    word = row.methods.get(name)
    if word == "self":
        return only(thing)
    if word is not None:
        return tensors.by_method(it, thing, word, given, site)
    by_name = knowledge.find(f"{thing.name}.{name}")
    if by_name is not None:
        return calls.apply_row(it, by_name[0], "function", given, site)
    if row.kind == "loss":
        return called(it, thing, given, site) if name == "forward" else only(thing)
    if row.kind == "distribution":
        return unknown("sample of a distribution", ("sample", id(site.node), id(site.frame.base)))
    return unknown("unknown method of a library object", (id(site.node), id(site.frame.base)))


def _wraps(it: Interpreter, app: Application) -> Answer:
    if app.row.how == "prepare":
        entries = app.given.positional if app.form == "function" else app.given.positional[app.row.inputs - 1 :]
        given = tuple(map(it.force, entries))
        several = Sequence(given, open=bool(app.given.more_positional), kind="tuple")
        return given[0] if len(given) == 1 else only(several)
    return app.input()


def _loads(it: Interpreter, app: Application) -> Answer:
    if app.row.how == "weights" and app.form == "method":
        return app.input()
    if app.row.how == "data":
        return datasets.loaded(it, app)
    return unknown("loaded from disk", ("loaded", id(app.site.node)))


def _calls(it: Interpreter, app: Application) -> Answer:
    """A row that calls its first argument on the rest (`checkpoint(f, x)`, `data_parallel(model, x)`)."""
    if app.built is not None:  # an object that was built around a function: `Lambda(f)`
        function, given = app.entry(app.row.constructor[0]), app.given
        if (more := app.entry("arguments")) is not None:  # keywords for the function, kept with the layer
            kept = [thing for thing, _ in it.force(more)]
            known = {k: v for thing in kept if isinstance(thing, Dictionary) for k, v in thing.items.items()}
            closed = len(kept) == 1 and isinstance(kept[0], Dictionary) and not kept[0].open
            given = Arguments(given.positional, {**known, **given.keywords}, more_keywords=not closed)
        return lift(it.force(function), lambda f: calls.call(it, f, given, app.site))
    rest = Arguments(app.given.positional[1:], {k: v for k, v in app.given.keywords.items() if k in ("input", "x")})
    return lift(it.force(app.given.pick(0, "function")), lambda f: calls.call(it, f, rest, app.site))


def _object(it: Interpreter, app: Application) -> Answer:
    return only(Built(app.row, app.row.name, app.given, app.site))


SPECIAL: dict[str, Callable[[Interpreter, Application], Answer]] = {
    "wraps": _wraps, "loads": _loads, "calls": _calls, "contains": _object, "yields": _object,
}  # fmt: skip

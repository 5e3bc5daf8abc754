"""Keras models as objects: running them, their layers, their outputs, and what their methods give."""

from __future__ import annotations

import ast

from outlayer_lint import knowledge
from outlayer_lint.interpret import calls, classes, construction, containers, families, layers, passing
from outlayer_lint.interpret.answers import lift, only, unknown
from outlayer_lint.interpret.frames import Arguments
from outlayer_lint.interpret.keras import layers as keras_layers
from outlayer_lint.interpret.things import (
    Answer,
    Built,
    Const,
    Deferred,
    Dictionary,
    Instance,
    Library,
    Method,
    Override,
    Sequence,
    Site,
    Subclass,
    Unknown,
)
from outlayer_lint.interpret.transfers import arrays, shapes
from outlayer_lint.interpret.transfers.coupling import on_tensors
from outlayer_lint.lattice import Emission, Tensor
from outlayer_lint.records import TYPE_CHECKING, Any, NamedTuple
from outlayer_lint.resolve.blocks import Place

if TYPE_CHECKING:
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.things import Entry

GRAPH = ("outputs", "output")  # Keras 1 said `Model(input=..., output=...)`


class Head(NamedTuple):
    """One output of a model."""

    name: str
    answer: Answer


def is_model(it: Interpreter, thing: object) -> bool:
    """Whether a thing is a model or a layer of Keras."""
    if isinstance(thing, Built):
        return thing.row.of_keras and thing.row.kind in ("container", "model", "layer", "wrapper")
    return families.is_keras_class(it, thing)


# -- running ----------------------------------------------------------------------------------------------------------


def outputs_given(it: Interpreter, thing: Built) -> Answer:
    """The `outputs` a functional model was built with; a list of one is that one."""
    names = thing.row.constructor
    for name in GRAPH:
        entry = thing.arguments.pick(names.index(name) if name in names else None, name)
        if entry is not None:
            return lift(it.force(entry), lambda t: _alone(it, t))
    return unknown("model without outputs", ("outputs", id(thing.site.node)))


def _alone(it: Interpreter, thing: Any) -> Answer:
    if isinstance(thing, Sequence) and not thing.open and len(thing.items) == 1:
        return it.force(thing.items[0])
    return only(thing)


def features(thing: Built | Instance) -> Answer:
    """Stands for what a model is called with, where only its output is asked for: data, as of an `Input`."""
    mark = ("features", id(thing.site.node) if thing.site is not None else id(thing))
    return only(Tensor(Emission.DATA, by="keras.Input", source=(arrays.DRAWN, mark, shapes.ONE)))


def output(it: Interpreter, thing: Built | Instance) -> Answer:
    """What a model gives, whatever it is called with."""
    for override in reversed(thing.overrides):
        if override.path == ("output",):
            return it.force(override.lazy)
    site = thing.site
    if site is None:  # the object whose method is asked about
        assert isinstance(thing, Instance)
        name = ast.Name(thing.cls.scope.name, ast.Load())
        site = Site(name, Place(thing.cls.scope.block, 0), classes.class_frame(thing.cls))
    if isinstance(thing, Instance):
        given = keras_layers.in_mode(it, thing, Arguments((features(thing),)), keras_layers.MODES[it.is_training])
        return calls.call_instance(it, thing, given, site)
    return calls.call(it, thing, Arguments((features(thing),)), site)


def heads(it: Interpreter, thing: Any, model: Any = None) -> list[Head] | None:
    """The parts of one alternative of a model's output, `None` where their number is not known."""
    if isinstance(thing, Sequence):
        if thing.open:
            return None
        answers = [it.force(item) for item in thing.items]
        inside = _inside(it, model, answers) or answers
        return [Head(_named(it, own), answer) for own, answer in zip(inside, answers, strict=True)]
    if isinstance(thing, Dictionary):
        if thing.open:
            return None
        return [Head(str(key), it.force(item)) for key, item in thing.items.items()]
    return [Head(_named(it, only(thing)), only(thing))]


def _inside(it: Interpreter, model: Any, answers: list[Answer]) -> list[Answer] | None:
    """The outputs that a functional model was built with, where these are what the model itself gave."""
    if not isinstance(model, Built) or not _gave(model, [alternative for answer in answers for alternative in answer]):
        return None
    given = outputs_given(it, model)
    whole = given[0][0] if len(given) == 1 else None
    if not isinstance(whole, Sequence) or whole.open or len(whole.items) != len(answers):
        return None
    return [it.force(item) for item in whole.items]


def _gave(model: Built, answer: list[Any] | Answer) -> bool:
    """Whether the layer that outputs came out of is the model itself."""
    layers_behind = [keras_layers.layer_of(t) for t, _ in answer if isinstance(t, Tensor)]
    return any(getattr(layer, "site", None) is model.site for layer in layers_behind)


def _head(it: Interpreter, thing: Any, whole: Any, wanted: str) -> Answer:
    """One head of a model's output, by position or by name; the only one stands for itself."""
    found = heads(it, whole, thing)
    if found is None:
        return unknown("container of outputs")
    if wanted.isdigit() and int(wanted) < len(found):
        return found[int(wanted)].answer
    named = [head for head in found if head.name == wanted]
    return named[0].answer if len(named) == 1 else found[0].answer if len(found) == 1 else unknown("unknown key")


def name_of_only(it: Interpreter, model: Any, answer: Answer) -> str:
    """The name of the one output of a model: that of the layer it comes from, not that of the model itself."""
    if isinstance(model, Built) and _gave(model, answer):
        return _named(it, outputs_given(it, model))
    return _named(it, answer)


def _named(it: Interpreter, answer: Answer) -> str:
    names = {keras_layers.name_of(it, keras_layers.layer_of(t)) for t, _ in answer if isinstance(t, Tensor)}
    return names.pop() if len(names) == 1 else ""


# -- the layers of a model --------------------------------------------------------------------------------------------


def parts(it: Interpreter, thing: Built) -> Answer:
    """The layers that a `Sequential` is constructed with: a list, given by position or by its name."""
    names = thing.row.constructor
    entry = thing.arguments.pick(0, names[0] if names else "layers")
    if entry is None:
        return only(Sequence(()))
    return lift(
        it.force(entry),
        lambda t: only(Sequence(())) if isinstance(t, Const) and t.value is None else layers.iterable(it, t),
    )


def inherited_additions(it: Interpreter, thing: Instance, built: Built) -> Built:
    """A class derived from `Sequential` that adds its layers in `__init__`."""
    init = classes.method_of(it, thing.cls, "__init__")
    if init is None or built.row.how != "sequence":
        return built
    frame = construction.constructor_frame(it, thing, init[0], init[1], None)
    if frame is None:
        return built
    extras: list[Any] = []
    for place, node in construction.calls_named(init[1].block, "add"):
        if any(block.kind == "loop" for block in _around(place.block)):
            extras.append(("open", Arguments()))
        extras.append(("add", passing.arguments(it, node, place, frame.inside(place.block))))
    return Built(built.row, built.name, built.arguments, built.site, tuple(extras), built.overrides)


def _around(block: Any) -> list[Any]:
    found = []
    while block is not None:
        found.append(block)
        block = block.parent
    return found


def layers_of(it: Interpreter, thing: Built | Instance) -> Answer:
    """`model.layers`: of a sequential model all; of another only the last one may be known."""
    if isinstance(thing, Built) and thing.row.transfer == "contains" and thing.row.how == "sequence":

        def numbered(content: Any) -> Answer:
            if not isinstance(content, Sequence):
                return only(content)
            items = tuple(_with_output(it, item, thing, content, i) for i, item in enumerate(content.items))
            tail = tuple(_with_output(it, item, thing, content, i - len(content.tail))
                         for i, item in enumerate(content.tail))  # fmt: skip
            return only(Sequence(items, open=content.open, tail=tail, middle=content.middle))

        return lift(layers.parts(it, thing), numbered)
    whole = output(it, thing)
    last = [keras_layers.layer_of(t) for t, _ in whole if isinstance(t, Tensor)]
    if not last or any(layer is not last[0] for layer in last) or len(last) != len(whole) or last[0] is None:
        return only(Sequence((), open=True))
    return only(Sequence((), open=True, tail=(only(_given_output(last[0], whole)),)))


def _with_output(it: Interpreter, item: Entry, thing: Built, content: Sequence, index: int) -> Entry:
    """A layer of a sequential model that knows what it gives there."""

    def before() -> Answer:
        if index >= 0:
            kept = Sequence(content.items[: index + 1])
        else:
            end = len(content.tail) + index + 1
            kept = Sequence(content.items, open=True, tail=content.tail[:end], middle=content.middle)
        cut = Built(thing.row, thing.name, Arguments((only(kept),)), thing.site, (("replaced", None),))
        return output(it, cut)

    def make() -> Answer:
        return lift(it.force(item), lambda layer: only(_given_output(layer, Deferred(before))))

    return Deferred(make)


def _given_output(layer: Any, entry: Entry) -> Any:
    override = Override(("output",), entry)  # type: ignore[arg-type] # forced like any other entry
    if isinstance(layer, Built):
        return Built(layer.row, layer.name, layer.arguments, layer.site, layer.extras, (*layer.overrides, override))
    if isinstance(layer, Instance):
        copy = Instance(layer.cls, layer.site, layer.arguments, (*layer.overrides, override))
        copy.root = layer.root
        return copy
    return layer


# -- attributes and methods -------------------------------------------------------------------------------------------


def attribute(it: Interpreter, thing: Built | Instance, name: str) -> Answer | None:
    """What a model or layer offers by itself, `None` where it is not one of these."""
    if name.startswith(families.HEAD) and is_model(it, thing):
        return lift(output(it, thing), lambda whole: _head(it, thing, whole, name.removeprefix(families.HEAD)))
    if name not in families.ATTRIBUTES or not is_model(it, thing):
        return None
    if isinstance(thing, Instance) and any(o.path[0] == name for o in thing.overrides) and name != "output":
        return None
    if name in ("output", "outputs"):
        return output(it, thing)
    if name == "layers":
        return layers_of(it, thing)
    mark = id(thing.site.node) if thing.site is not None else id(thing)
    if name == "targets":
        return only(Tensor(Emission.DATA, source=("targets", mark)))
    return unknown("model input", (name, mark))


def offered(it: Interpreter, thing: Instance, name: str, answer: Answer) -> Answer:
    """What an object of a class derived from a Keras model has from there; `answer` is what the class itself says."""
    if not all(isinstance(t, (Unknown, Subclass)) for t, _ in answer) or not families.is_keras_class(it, thing):
        return answer
    return only(Method(thing, name)) if name in families.METHODS else attribute(it, thing, name) or answer


def method(it: Interpreter, thing: Built | Instance, name: str, given: Arguments, site: Site) -> Answer | None:
    """What a method of a model gives, `None` where it is not one of these."""
    if name in families.PREDICTING:
        whole = Arguments((given.pick(0, "x") or features(thing),))
        if isinstance(thing, Instance):
            whole = keras_layers.in_mode(it, thing, whole, keras_layers.MODES[False])
        answer = calls.call(it, thing, whole, site)
        return on_tensors(answer, lambda t: t.replace(gradient=False))
    if name in families.GROWING:
        return only(Tensor(Emission.LOGIT, by="keras.layers.Layer.add_weight", learned="keras.layers.Layer.add_weight"))
    if name == "get_layer":
        return _get_layer(it, thing, given, site)
    return None


def _get_layer(it: Interpreter, thing: Built | Instance, given: Arguments, site: Site) -> Answer:
    wanted = it.constant(given.pick(0, "name")) if given.pick(0, "name") is not None else ...
    index = it.constant(given.keywords["index"]) if "index" in given.keywords else ...
    missing = unknown("hidden features", ("layer", id(site.node), id(site.frame.base)))

    def one(content: Any) -> Answer:
        if not isinstance(content, Sequence):
            return missing
        if isinstance(index, int):
            return containers.at(it, content, index)
        for item in (*content.items, *content.tail):
            answer = it.force(item)
            if answer and all(keras_layers.name_of(it, t) == wanted for t, _ in answer):
                return answer
        return missing

    return lift(layers_of(it, thing), one) if isinstance(wanted, str) or isinstance(index, int) else missing


def library_class(it: Interpreter, thing: Instance, name: str) -> bool:
    """Whether one of the library's bases of an object is a given row."""
    return any(
        isinstance(base, Library) and (found := knowledge.find(base.name)) is not None and found[0].name == name
        for base in classes.mro(it, thing.cls)
    )


def returned(model: Any) -> frozenset[str]:
    """What a library's model returns beside its outputs once it is given labels: the loss that it computes itself."""
    row = getattr(model, "row", None)
    cases = [case["then"].get("returns") for case in (row.when if row is not None else ())]
    return frozenset(name for case in cases if isinstance(case, dict) for name, word in case.items() if word == "loss")

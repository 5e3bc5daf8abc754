"""Which rows and classes belong to Keras and TensorFlow; the rest about these is loaded by programs that use them."""

from __future__ import annotations

from outlayer_lint import knowledge
from outlayer_lint.interpret import classes
from outlayer_lint.interpret.things import Built, Instance, Library
from outlayer_lint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from outlayer_lint.interpret.interpreter import Interpreter

ABSTRACT = frozenset(("Layer", "Network", "Container", "Trainer", "Wrapper"))
BUILT = frozenset(("layer", "container", "model", "wrapper", "activation"))

# What objects of a Keras model or layer have from the library.
PREDICTING = frozenset(("predict", "predict_on_batch", "predict_proba", "predict_generator", "predict_step"))
GROWING = frozenset(("add_weight", "add_variable"))
METHODS = frozenset(("get_layer", *PREDICTING, *GROWING))
ATTRIBUTES = frozenset(("output", "outputs", "layers", "targets", "input", "inputs"))
HEAD = "output:"  # begins the name of one of several heads, as those who hand over a loss for it write it
PIPELINE = "pipeline"  # the kind of a sequence that is a `tf.data.Dataset`


def is_keras_class(it: Interpreter, thing: object) -> bool:
    """Whether an object's class has a layer or model of Keras among its bases."""
    if not isinstance(thing, Instance):
        return False
    return any(isinstance(base, Library) and _is_base(base.name) for base in classes.mro(it, thing.cls))


def is_kind_of(thing: Built, name: str) -> bool | None:
    """Whether a layer or model of Keras has a class of the library among its bases; itself is not asked about."""
    last = name.rpartition(".")[2]
    if last == "Model":
        return thing.row.kind in ("model", "container")
    if last in ABSTRACT:
        return True if last == "Layer" and thing.row.kind in BUILT else None
    return False if knowledge.find(name) is not None or not name.startswith(knowledge.KERAS) else None


def _is_base(name: str) -> bool:
    """Whether a library's class is a layer or a model; the plain `Layer` has no row, as it does nothing by itself."""
    if not name.startswith(knowledge.KERAS):
        return False
    if name.rpartition(".")[2] in ABSTRACT:
        return True
    found = knowledge.find(name)
    return found is not None and found[0].of_keras and found[0].kind in BUILT


def offers(name: str) -> bool:
    """Whether models have an attribute of that name from the library."""
    return name in METHODS or name in ATTRIBUTES or name.startswith(HEAD)

"""The rows about Keras are claims: every spelling exists, the parameters are Keras's, its strings are known."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pytest
from keras_rows import GONE, NAMES, THERE, keras, resolve, torch
from rows import row

from outlayer_lint.knowledge import Row, alias, find
from outlayer_lint.knowledge.table import load

pytestmark = pytest.mark.filterwarnings("ignore")  # of NumPy about torch
ALIASES = [(kind, text) for kind, texts in load()["aliases"].items() for text in texts]
N, C = 6, 5

# ---- Names and parameters -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_spelling_exists_or_is_known_to_be_gone(name: str) -> None:
    if name.removeprefix("keras.") in GONE:
        with pytest.raises(AttributeError):
            resolve(name)
    else:
        assert resolve(name) is not None


def real(name: str) -> dict[str, inspect.Parameter]:
    """The parameters as Keras has them, empty where it takes anything."""
    found = inspect.signature(resolve(name)).parameters
    if any(one.kind is one.VAR_POSITIONAL for one in found.values()):
        return {}
    return {key: one for key, one in found.items() if one.kind is not one.VAR_KEYWORD}


@pytest.mark.parametrize("name", THERE)
def test_parameters_are_keras_own_in_its_order(name: str) -> None:
    found = find(name)
    assert found is not None
    of, form = found
    known = list(real(name))
    claimed = list(of.constructor if form == "module" else of.parameters)
    if form == "method":
        known, claimed = known[1:], claimed[1:]
    for mine, theirs in zip(claimed, known, strict=False):
        assert theirs in of.keywords(mine), f"{claimed} where Keras has {known}"
    # A function shares the row of its class, which takes a few more.
    more = set(claimed[len(known) :]) if known else set()
    assert more <= {"reduction", "normalize", "path"}, more


WORDS = {"all": None, "implicit": None}  # how rows say that Keras takes none


@pytest.mark.parametrize("name", THERE)
def test_defaults_are_keras_own(name: str) -> None:
    of, known = row(name), real(name)
    for field in ("axis", "dim", "units", "low", "high", "activation", "threshold", "reduction"):
        spec = getattr(of, field)
        if not isinstance(spec, tuple) or spec[0] != "argument" or not known:
            continue
        one = next((known[word] for word in of.keywords(spec[1]) if word in known), None)
        if one is None:
            assert (field, of.form) == ("reduction", "function")  # a class takes it
        elif one.default is not one.empty:
            said = WORDS.get(spec[2], spec[2])
            assert one.default == said or (one.default is None and field == "threshold"), f"{field}: {spec}"


@pytest.mark.parametrize("name", [n for n in THERE if n.startswith("keras.layers.")])
def test_layers_that_take_an_activation_say_so(name: str) -> None:
    of = row(name)
    assert ("activation" in real(name)) is (of.activation is not None) or of.how == "cell"


@pytest.mark.parametrize("module", ["layers", "losses", "metrics", "activations"])
def test_what_has_no_row(module: str) -> None:
    known = {name for name in dir(getattr(keras, module)) if not name.startswith("_")}
    without = {name for name in known if find(f"keras.{module}.{name}") is None}
    plumbing = {"get", "serialize", "deserialize", "Loss", "Metric", "Mean", "Sum", "MeanMetricWrapper", "InputSpec"}
    if module == "layers":
        return  # transformations of pictures and sound are not heads
    assert without <= plumbing | {"concordance_correlation", "pearson_correlation"}


@pytest.mark.parametrize("name", [
    "tensorflow.keras.layers.Dense", "tensorflow.python.keras.layers.core.Dense", "keras.src.layers.core.dense.Dense",
    "tensorflow.compat.v1.keras.layers.Dense", "tf_keras.layers.Dense", "keras.api.layers.Dense",
    "keras.layers.core.Dense", "tensorflow.contrib.keras.layers.Dense", "tensorflow.layers.Dense",
])  # fmt: skip
def test_other_packages_have_the_same_layers(name: str) -> None:
    assert row(name) is row("keras.layers.Dense")


def test_old_keywords() -> None:
    assert row("keras.layers.Dense").keywords("units") == ("units", "output_dim")
    assert "nb_filter" in row("keras.layers.Convolution2D").keywords("filters")
    assert "alpha" in row("keras.layers.LeakyReLU").keywords("negative_slope")
    assert "nb_classes" in row("keras.utils.np_utils.to_categorical").keywords("num_classes")


# ---- Strings --------------------------------------------------------------------------------------------------------

FORMERLY = {  # strings that Keras 3 does not take any more, or that `compile` takes by itself
    "activation": {"Softmax", "ReLU", "LeakyReLU", "PReLU", "ELU", "ThresholdedReLU"},
    "loss": {
        "kullback_leibler_divergence", "logcosh", "huber_loss", "cosine_proximity", "cosine", "crossentropy", "ce",
    },
    "metric": {
        "kullback_leibler_divergence", "cosine_proximity", "fbeta_score", "accuracy", "acc", "crossentropy", "ce",
    },
}  # fmt: skip
GETTERS: dict[str, Any] = {
    "activation": keras.activations.get, "loss": keras.losses.get, "metric": keras.metrics.get,
}  # fmt: skip
NEEDS = {"MeanIoU", "IoU", "OneHotIoU", "OneHotMeanIoU"}  # cannot be built from a string alone


def plain(text: str) -> str:
    return text.replace("_", "").lower()


@pytest.mark.parametrize(("kind", "text"), ALIASES)
def test_strings_mean_what_keras_takes_them_for(kind: str, text: str) -> None:
    found = alias(kind, text)
    assert found is not None
    of, form = found
    assert of.kind == kind
    if text in FORMERLY[kind] or text == "Accuracy":
        return
    if of.name.rpartition(".")[2] in NEEDS:
        with pytest.raises(TypeError):
            GETTERS[kind](text)
        return
    meant = GETTERS[kind](text)
    name = getattr(meant, "__name__", type(meant).__name__)
    same = alias(kind, name)  # "mse" is what "mean_squared_error" is
    assert same is not None
    assert plain(name) == plain(of.name.rpartition(".")[2]) or described(of) == described(same[0])
    assert (form == "module") is not hasattr(meant, "__code__") or kind == "activation"


def described(of: Row) -> tuple[object, ...]:
    """Whatever the row says of the prediction and the target."""
    return of.family, of.wants, of.accepts, of.target, of.takes, of.parameters, of.emits, of.low, of.high


@pytest.mark.parametrize("kind", ["activation", "loss", "metric"])
def test_every_string_that_keras_takes_is_known(kind: str) -> None:
    package = importlib.import_module(f"keras.src.{'losses' if kind == 'loss' else kind + 's'}")
    ours = {text for of, text in ALIASES if of == kind}
    abstract = {
        "Loss", "LossFunctionWrapper", "Metric", "metric", "MeanMetricWrapper", "mean_metric_wrapper", "Mean", "mean",
        "Sum", "sum",
    }  # fmt: skip
    needs = {"threshold"}  # no string alone will do
    for one in ("PrecisionAtRecall", "RecallAtPrecision", "SensitivityAtSpecificity", "SpecificityAtSensitivity"):
        needs |= {text for text in package.ALL_OBJECTS_DICT if plain(text) == plain(one)}
    assert set(package.ALL_OBJECTS_DICT) - ours <= abstract | needs


@pytest.mark.parametrize("text", ["Sigmoid", "logsoftmax", "exp", "identity", "none", "", "Dense"])
def test_strings_that_mean_nothing(text: str) -> None:
    assert alias("activation", text) is None
    with pytest.raises(ValueError, match="Could not interpret"):
        keras.activations.get(text)
    assert alias("optimizer", "adam") is None


def test_strings_that_hang_on_shapes() -> None:
    for kind, text in (("loss", "crossentropy"), ("metric", "accuracy"), ("metric", "acc"), ("metric", "ce")):
        found = alias(kind, text)
        assert found is not None
        assert set(found[0].by_shape) == {"one-unit", "index-target", "otherwise"}
        for name in found[0].by_shape.values():
            assert row(name).kind == kind
            resolve(name)
        assert not found[0].wants
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(C, "softmax")])
    model.compile(loss="crossentropy", metrics=["accuracy"])
    model.train_on_batch(torch.randn(N, 3), torch.arange(N) % C)
    inside = [one for metric in model.metrics for one in getattr(metric, "metrics", [])]
    assert "SparseCategoricalAccuracy" in {type(one).__name__ for one in inside}
    assert "sparse_categorical_crossentropy" in str(model._compile_loss._flat_losses[0].loss)  # noqa: SLF001

"""The rows about other libraries, run against those that are installed."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from rows import row

from outlayer_lint.knowledge import find
from outlayer_lint.knowledge.table import load
from outlayer_lint.lattice import Emission

LIBRARIES = (
    "numpy scipy sklearn einops torchmetrics kornia segmentation_models_pytorch timm monai torch_geometric "
    "pytorch_metric_learning torchvision transformers pandas copy functools random"
).split()
# Spellings that only older or newer releases have.
ELSEWHEN = frozenset(
    (
        "numpy.round_ numpy.row_stack torchmetrics.Perplexity timm.models.layers.DropPath "
        "timm.models.layers.drop_path kornia.losses.BinaryFocalLossWithLogits pandas.DataFrame.applymap"
    ).split()
)


def resolve(name: str) -> Any:
    parts = name.split(".")
    found: Any = importlib.import_module(parts[0])
    for cut, part in enumerate(parts[1:], 2):
        try:
            found = getattr(found, part)
        except AttributeError:
            found = importlib.import_module(".".join(parts[:cut]))
    return found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("library", LIBRARIES)
def test_every_spelling_exists(library: str) -> None:
    pytest.importorskip(library, reason=f"{library} is not installed", exc_type=ImportError)
    missing = []
    for name in load()["names"]:
        if name.startswith(f"{library}.") and name not in ELSEWHEN:
            try:
                resolve(name)
            except (AttributeError, ImportError):
                missing.append(name)
    assert missing == []


# ---- NumPy ----------------------------------------------------------------------------------------------------------


def test_numpy() -> None:
    numpy: Any = pytest.importorskip("numpy")
    x = numpy.random.default_rng(0).normal(size=(3, 4))
    for name in ("mean", "max", "argmax", "std", "all"):
        of = row(f"numpy.{name}")
        assert getattr(numpy, name)(x, axis=1).shape == (3,)
        assert of.dim[1] == "axis"
        assert getattr(x, name)(axis=1).shape == (3,)
        assert find(f"numpy.ndarray.{name}") == (of, "method")
    assert int(x.argmax()) < 12  # without an axis, of the flattened array
    assert row("numpy.argmax").dim == ("argument", "axis", "implicit")
    assert row("numpy.round").under({"decimals": 2}).transfer == "keeps"
    eye = row("numpy.eye")
    assert numpy.eye(4)[[0, 3]].sum(eye.axis).tolist() == [1, 1]
    assert row("numpy.random.randint").under({"low": 5}).units == ("argument", "low", None)
    assert row("numpy.random.randint").under({"low": 0, "high": 5}).units == ("argument", "high", None)
    assert numpy.random.randint(5, size=200).max() == 4


def test_choice_refuses_scores() -> None:
    numpy: Any = pytest.importorskip("numpy")
    assert row("numpy.random.choice").takes == {"p": (Emission.SIMPLEX, Emission.ONEHOT)}
    generator = numpy.random.default_rng(0)
    assert generator.choice(3, p=[0.2, 0.3, 0.5]) < 3
    for scores in ([1.0, 2.0, -0.5], [0.9, 0.8, 0.7]):
        with pytest.raises(ValueError, match=r"[Pp]robabilities"):
            generator.choice(3, p=scores)


def test_scipy() -> None:
    special: Any = pytest.importorskip("scipy.special", reason="scipy is not installed")
    numpy: Any = pytest.importorskip("numpy")
    x = numpy.linspace(-50, 50, 60).reshape(3, 20)
    assert row("scipy.special.softmax").axis == ("argument", "axis", None)
    assert numpy.allclose(special.softmax(x, axis=1).sum(1), 1)
    assert numpy.allclose(special.softmax(x).sum(), 1)  # no axis: over everything
    assert special.expit(x).min() >= 0


# ---- scikit-learn ---------------------------------------------------------------------------------------------------

MADE: dict[Emission, Any] = {
    Emission.UNIT: [0.1, 0.8, 0.4, 0.9], Emission.SIMPLEX: [0.1, 0.8, 0.4, 0.9], Emission.LOGIT: [-2.0, 1.5, -0.5, 3.0],
    Emission.BINARY: [0, 1, 0, 1], Emission.BOOL: [False, True, False, True], Emission.INDEX: [0, 1, 0, 1],
    Emission.ONEHOT: [0, 1, 0, 1], Emission.MULTIHOT: [0, 1, 0, 1], Emission.SYM1: [-0.9, 0.8, -0.2, 0.9],
    Emission.UNORM: [-0.5, 0.5, -0.5, 0.5], Emission.NONNEG: [0.5, 2.0, 0.1, 3.0], Emission.POS: [0.5, 2.0, 0.1, 3.0],
    Emission.BND: [-0.3, 2.0, 0.1, 3.0], Emission.LOGP: [-0.3, -2.0, -0.1, -3.0],
    Emission.LOGUNIT: [-0.3, -2.0, -0.1, -3.0],
}  # fmt: skip
PLAIN = (
    "log_loss brier_score_loss accuracy_score f1_score confusion_matrix cohen_kappa_score hinge_loss mean_squared_error"
).split()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [*PLAIN, "mean_squared_log_error", "roc_auc_score", "average_precision_score"])
def test_sklearn_metrics(name: str) -> None:
    metrics: Any = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    of = row(f"sklearn.metrics.{name}")
    metric = getattr(metrics, name)
    assert of.prediction == of.parameters[1]
    assert of.target_parameter == of.parameters[0]
    for emission in of.takes.get(of.prediction, (Emission.LOGIT, Emission.UNIT)):
        assert metric([0, 1, 0, 1], MADE[emission]) is not None
    if Emission.LOGIT not in of.takes.get(of.prediction, (Emission.LOGIT,)):
        with pytest.raises(ValueError):  # noqa: PT011 - each metric says it in its own words
            metric([0, 1, 0, 1], [-3.0, 1.5, -1.5, 3.0])


SCALERS = (
    "StandardScaler RobustScaler PowerTransformer MinMaxScaler MaxAbsScaler Normalizer QuantileTransformer Binarizer"
).split()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SCALERS)
def test_scalers(name: str) -> None:
    preprocessing: Any = pytest.importorskip("sklearn.preprocessing", reason="scikit-learn is not installed")
    numpy: Any = pytest.importorskip("numpy")
    of = row(f"sklearn.preprocessing.{name}")
    scaler = getattr(preprocessing, name)()
    assert set(of.methods) == {
        m for m in ("fit", "transform", "fit_transform", "inverse_transform") if hasattr(scaler, m)
    }
    y = scaler.fit_transform(numpy.random.default_rng(0).normal(5, 3, (80, 4)))
    low, high = {
        Emission.LOGIT: (None, None), Emission.BND: (0, 1), Emission.SYM1: (-1, 1), Emission.UNORM: (-1, 1),
        Emission.UNIT: (0, 1), Emission.BINARY: (0, 1),
    }[of.emits or Emission.LOGIT]  # fmt: skip
    if low is None or high is None:
        assert y.min() < 0 < y.max()
    else:
        assert y.min() >= low - 1e-9
        assert y.max() <= high + 1e-9
    if of.emits is Emission.UNORM:
        assert numpy.allclose((y**2).sum(of.axis), 1)


@pytest.mark.parametrize("name", ["load_iris", "load_wine", "load_breast_cancer", "load_digits"])
def test_sklearn_data(name: str) -> None:
    datasets: Any = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    of = row(f"sklearn.datasets.{name}")
    loaded = getattr(datasets, name)()
    classes = of.units if isinstance(of.units, int) else of.units[2]
    assert set(loaded.target) == set(range(classes))
    assert list(of.returns) == ["data", "target"]
    assert len(of.under({"return_X_y": True}).returns) == len(getattr(datasets, name)(return_X_y=True))


def test_sklearn_made_data() -> None:
    datasets: Any = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    assert set(datasets.make_moons()[1]) == {0, 1}
    assert set(datasets.make_blobs()[1]) == set(range(row("sklearn.datasets.make_blobs").under({}).units))
    assert set(datasets.make_classification()[1]) == {0, 1}
    assert datasets.make_multilabel_classification()[1].shape[1] == 5
    assert datasets.make_regression()[1].min() < 0
    diabetes = row("sklearn.datasets.load_diabetes")
    target = datasets.load_diabetes().target
    assert (target.min(), target.max()) == (diabetes.low, diabetes.high)


# ---- Losses of other libraries --------------------------------------------------------------------------------------


def test_monai_flags() -> None:
    torch: Any = pytest.importorskip("torch", reason="torch is not installed")
    losses: Any = pytest.importorskip("monai.losses", reason="monai is not installed", exc_type=ImportError)
    z, y = torch.randn(2, 3, 8, 8), torch.nn.functional.one_hot(torch.randint(3, (2, 8, 8)), 3).movedim(-1, 1)
    of = row("monai.losses.DiceLoss")
    assert of.under({"softmax": True}).applies == "softmax"
    assert torch.allclose(losses.DiceLoss(softmax=True)(z, y), losses.DiceLoss()(z.softmax(1), y))
    assert row("monai.losses.DiceCELoss").wants == (Emission.LOGIT,)


def test_smp_flags() -> None:
    torch: Any = pytest.importorskip("torch", reason="torch is not installed")
    losses: Any = pytest.importorskip(
        "segmentation_models_pytorch.losses",
        reason="segmentation-models-pytorch is not installed",
        exc_type=ImportError,
    )
    z, y = torch.randn(2, 3, 8, 8), torch.randint(3, (2, 8, 8))
    of = row("segmentation_models_pytorch.losses.DiceLoss")
    assert of.under({"mode": "multiclass"}).applies == "softmax"
    assert Emission.SIMPLEX in of.under({"mode": "multiclass", "from_logits": False}).wants
    applied = losses.DiceLoss("multiclass", from_logits=False)(z.softmax(1), y)
    assert torch.allclose(losses.DiceLoss("multiclass")(z, y), applied, atol=1e-6)


# ---- pandas ----------------------------------------------------------------------------------------------------------

NEEDED: dict[str, list[Any]] = {
    "query": ["x > 1"], "nlargest": [2, "x"], "nsmallest": [2, "x"], "set_index": ["k"], "drop": [0], "astype": [float],
    "fillna": [0], "filter": [["x", "y"]], "clip": [0, 1], "reindex": [[0, 1]], "add_prefix": ["a"],
    "add_suffix": ["a"], "map": [abs], "replace": [1, 2], "rename": [{}], "select_dtypes": ["number"], "pop": ["y"],
    "isin": [[1]], "between": [0, 1],
}  # fmt: skip


def test_pandas_keeps_its_ranks() -> None:
    pandas: Any = pytest.importorskip("pandas")
    for name in load()["names"]:
        of, _, method = name.rpartition(".")
        if of not in ("pandas.DataFrame", "pandas.Series") or method in ("merge", "join", "applymap", "factorize"):
            continue
        table = pandas.DataFrame({"x": [1, 2, 3], "y": [0.5, 2.0, 1.0], "k": [1, 2, 3]})
        thing = table if of.endswith("Frame") else table["y"]
        given = ["x"] if name == "pandas.DataFrame.sort_values" else NEEDED.get(method, ())
        given = [thing > 1] if method in ("where", "mask") else given
        made = getattr(thing, method)(*given)
        rank = len(getattr(made, "shape", (len(made),)))
        claimed = {"column": 1, "popped": 1, "mapped": 1, "table": 2}.get(row(name).how, thing.ndim)
        if row(name).how != "renumbered":
            assert rank == claimed, name


def test_pandas_makes_tables() -> None:
    pandas: Any = pytest.importorskip("pandas")
    table = pandas.DataFrame({"x": [1, 2], "y": ["a", "b"]})
    assert table["y"].reset_index().ndim == 2
    assert table["y"].reset_index(drop=True).ndim == 1
    assert pandas.concat([table["x"], table["x"]]).ndim == 1
    assert pandas.concat([table["x"], table["x"]], axis=1).ndim == 2
    assert pandas.get_dummies(table["y"]).to_numpy().sum(row("pandas.get_dummies").axis).tolist() == [1, 1]
    assert pandas.get_dummies(table["y"], drop_first=True).to_numpy().tolist() == [[False], [True]]
    assert table["y"].astype("category").cat.codes.tolist() == [0, 1]
    assert table.iloc[:, -1].ndim == table.loc[:, "x"].ndim == table.iloc[0].ndim == 1
    assert table.iloc[:, -1:].ndim == table.loc[table["x"] > 1, ["x"]].ndim == table[table.columns[:-1]].ndim == 2

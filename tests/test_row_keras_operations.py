"""What the rows about Keras's operations and data claim, run on random numbers."""

from __future__ import annotations

from typing import Any

import pytest
from keras_rows import RUN, array, keras, resolve, torch
from rows import row

from outlayer_lint.knowledge import find
from outlayer_lint.lattice import Emission

pytestmark = pytest.mark.filterwarnings("ignore")  # of NumPy about torch

# ---- Operations -----------------------------------------------------------------------------------------------------


def test_which_axis_is_decided_over() -> None:
    x = torch.randn(4, 6)
    assert array(keras.ops.argmax(x)).dim() == 0
    assert row("keras.backend.argmax").dim == ("argument", "axis", -1)
    assert row("keras.ops.argmax").dim == ("argument", "axis", "implicit")


COMPUTED: dict[str, Any] = {
    "mean": lambda x: x.mean(), "sum": lambda x: x.sum(), "prod": lambda x: x.prod(), "max": lambda x: x.max(),
    "min": lambda x: x.min(), "std": lambda x: x.std(correction=0), "var": lambda x: x.var(correction=0),
    "logsumexp": lambda x: x.flatten().logsumexp(0), "any": lambda x: x.bool().any(), "all": lambda x: x.bool().all(),
    "median": lambda x: x.flatten().quantile(0.5), "norm": lambda x: x.norm(), "exp": torch.exp, "expm1": torch.expm1,
    "exp2": torch.exp2, "log": torch.log, "log1p": torch.log1p, "log2": torch.log2, "log10": torch.log10,
    "sqrt": torch.sqrt, "rsqrt": torch.rsqrt, "square": torch.square, "abs": torch.abs, "neg": torch.neg,
    "reciprocal": torch.reciprocal, "round": torch.round, "floor": torch.floor, "ceil": torch.ceil,
    "trunc": torch.trunc, "sign": torch.sign, "ravel": torch.ravel, "cumsum": lambda x: x.flatten().cumsum(0),
    "cumprod": lambda x: x.flatten().cumprod(0),
}  # fmt: skip
UNARY = [
    n for n in RUN if n.startswith("keras.ops.") and (f := find(n)) and f[0].inputs == 1
    and f[0].how in COMPUTED and f[0].kind == "operation" and "nan" not in n
    and n.rpartition(".")[2] not in ("percentile", "quantile", "average")
]  # fmt: skip


@pytest.mark.parametrize("name", UNARY)
def test_operations_compute_what_their_word_says(name: str) -> None:
    of, x = row(name), torch.rand(3, 4) + 0.5
    y = array(resolve(name)(x))
    assert torch.allclose(y.double(), COMPUTED[of.how](x).double().reshape(y.shape), atol=1e-4), of.how


BINARY: dict[str, Any] = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "max": torch.maximum, "min": torch.minimum,
    "pow": torch.pow, "gt": torch.gt, "lt": torch.lt, "ge": torch.ge, "le": torch.le, "eq": torch.eq, "ne": torch.ne,
}  # fmt: skip


@pytest.mark.parametrize("name", [
    n for n in RUN if n.startswith("keras.ops.") and (f := find(n)) and f[0].how in BINARY
    and f[0].inputs == 2 and f[0].transfer in ("combines", "decides")
])  # fmt: skip
def test_operations_of_two(name: str) -> None:
    x, y = torch.rand(3, 4) + 0.5, torch.rand(3, 4) + 0.5
    made = array(resolve(name)(x, y))
    assert torch.allclose(made.double(), BINARY[row(name).how](x, y).double())


def test_one_hot_and_shape_operations() -> None:
    y = array(keras.ops.one_hot(torch.tensor([0, 2]), 4))
    assert y.tolist() == [[1, 0, 0, 0], [0, 0, 1, 0]]
    x = torch.randn(2, 3, 4)
    assert array(keras.ops.transpose(x, (0, 2, 1))).shape == (2, 4, 3)
    assert array(keras.ops.transpose(x)).shape == (4, 3, 2)
    assert row("keras.ops.transpose").under({}).how == "reverse"
    assert row("keras.ops.transpose").under({"dims": (0, 2, 1)}).how == "permute"
    assert row("keras.backend.expand_dims").dim == ("argument", "axis", -1)
    assert array(keras.ops.clip(x, -0.5, 0.5)).abs().max() <= 0.5
    assert len(keras.ops.split(x, 2, axis=2)) == 2
    assert row("keras.ops.split").under({"indices_or_sections": [1, 2]}).how == "size"


# ---- Data -----------------------------------------------------------------------------------------------------------


def test_to_categorical() -> None:
    of = row("tensorflow.keras.utils.to_categorical")
    y = keras.utils.to_categorical([0, 2, 1], 4)
    assert y.shape == (3, 4)
    assert (y.sum(-1) == 1).all()
    assert (of.emits, of.how, of.axis) == (Emission.ONEHOT, "onehot", -1)


def test_labels_of_folders(tmp_path: Any) -> None:
    of = row("tensorflow.keras.preprocessing.image_dataset_from_directory")
    assert of.emits is Emission.INDEX
    assert of.under({"label_mode": "categorical"}).emits is Emission.ONEHOT
    assert of.under({"label_mode": "binary"}).emits is Emission.BINARY
    assert of.under({"label_mode": ...}).emits is None
    assert isinstance(of.under({"label_mode": None}).yields, dict)
    flow = row("keras.preprocessing.image.ImageDataGenerator.flow_from_directory")
    made = {"categorical": Emission.ONEHOT, "binary": Emission.BINARY, "sparse": Emission.INDEX, "input": Emission.DATA}
    pytest.importorskip("PIL", reason="Keras reads pictures with Pillow")
    for folder in ("cats", "dogs"):
        (tmp_path / folder).mkdir()
        keras.utils.save_img(tmp_path / folder / "one.png", torch.zeros(8, 8, 3).numpy())
    generator = resolve("keras.preprocessing.image.ImageDataGenerator")(rescale=1 / 255)
    for mode, emission in made.items():
        assert flow.under({"class_mode": mode}).emits is emission
        _, y = next(generator.flow_from_directory(tmp_path, (8, 8), class_mode=mode, shuffle=False))
        wanted = {"categorical": [[1, 0], [0, 1]], "binary": [0, 1], "sparse": [0, 1]}.get(mode)
        assert y.shape == (2, 8, 8, 3) if wanted is None else y.tolist() == wanted


def test_data_sets() -> None:
    for name, classes in (("mnist", 10), ("fashion_mnist", 10), ("cifar10", 10), ("reuters", 46)):
        (_, label), (_, other) = row(f"tensorflow.keras.datasets.{name}.load_data").returns
        assert label == other
        assert (label["emits"], label["units"]) == (Emission.INDEX, classes)
    hundred = row("keras.datasets.cifar100.load_data")
    assert (hundred.units, hundred.under({"label_mode": "coarse"}).units) == (100, 20)
    assert row("keras.datasets.imdb.load_data").returns[0][1]["emits"] is Emission.BINARY

"""Data sets that are known: random samples with the sizes, ranges and numbers of classes of the real ones."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS, TESTED = 256, 64
WORDS = "the quick brown fox jumps over the lazy dog and runs away from all that it has seen before".split()


class Known(NamedTuple):
    """The shape of a sample, how many classes there are (0 for a number), and how the real set has them.

    `column`: labels stand in a column; `words`: samples are lists of ids; `rows`: how many to train and to test with.
    """

    shape: tuple[int, ...]
    classes: int
    column: bool = False
    words: bool = False
    rows: tuple[int, int] = (0, 0)


OF_KERAS = {
    "mnist": Known((28, 28), 10, rows=(60_000, 10_000)),
    "fashion_mnist": Known((28, 28), 10, rows=(60_000, 10_000)),
    "cifar10": Known((32, 32, 3), 10, column=True, rows=(50_000, 10_000)),
    "cifar100": Known((32, 32, 3), 100, column=True, rows=(50_000, 10_000)),
    "imdb": Known((80,), 2, words=True),
    "reuters": Known((80,), 46, words=True),
    "boston_housing": Known((13,), 0),
    "california_housing": Known((8,), 0),
}
OF_SKLEARN = {"fetch_california_housing": Known((8,), 0), "fetch_covtype": Known((54,), 7)}


def keras_data(replace: Callable[[Any, str, Any], None], text: str) -> None:
    """Put random samples in the place of Keras' data sets, where Keras is loaded; its weights stay random.

    A data set is as large as the real one where the script, whose `text` is given, counts on that.
    """
    for name, known in OF_KERAS.items():
        for home in (f"keras.datasets.{name}", f"keras.src.datasets.{name}"):
            if home in sys.modules:
                replace(sys.modules[home], "load_data", _loader(known, text))
                if known.words:
                    replace(
                        sys.modules[home],
                        "get_word_index",
                        lambda *_, **__: dict(zip(WORDS, range(1, 99), strict=False)),
                    )
    applications = [module for name, module in sys.modules.items() if name.startswith("keras.src.applications.")]
    for module in applications:
        if hasattr(module, "file_utils"):
            replace(module.file_utils, "get_file", lambda *_, **__: "")
            break
    model = getattr(sys.modules.get("keras.src.models.model"), "Model", None)
    if model is not None:
        replace(model, "load_weights", lambda *_, **__: None)


def sklearn_data(replace: Callable[[Any, str, Any], None]) -> None:
    """Put random samples in the place of the data sets that scikit-learn would download."""
    home = sys.modules.get("sklearn.datasets")
    for name, known in OF_SKLEARN.items() if home is not None else ():
        replace(home, name, _bunch(known))


def _loader(known: Known, text: str) -> Callable[..., Any]:
    rows, tested = known.rows if any(str(each) in text for each in known.rows if each) else (ROWS, TESTED)

    def load_data(*_: Any, **kwargs: Any) -> Any:
        return _samples(known, rows, 0, kwargs.get("num_words")), _samples(known, tested, 1, kwargs.get("num_words"))

    return load_data


def _bunch(known: Known) -> Callable[..., Any]:
    def fetch(*_: Any, return_X_y: bool = False, as_frame: bool = False, **__: Any) -> Any:  # noqa: N803 - as scikit-learn has it
        x, y = _samples(known, ROWS, 0, None)
        if as_frame:
            pandas = __import__("pandas")
            x, y = pandas.DataFrame(x).add_prefix("x"), pandas.Series(y, name="target")
        names = [f"x{index}" for index in range(known.shape[0])]
        bunch = sys.modules["sklearn.utils"].Bunch(data=x, target=y + (known.classes > 0), feature_names=names)
        return (bunch.data, bunch.target) if return_X_y else bunch

    return fetch


def _samples(known: Known, rows: int, seed: int, words: int | None) -> tuple[Any, Any]:
    numpy: Any = __import__("numpy")
    chance = numpy.random.default_rng(seed)
    if known.words:
        ids = chance.integers(1, words or 1000, (rows, *known.shape))
        x = numpy.empty(rows, dtype=object)
        x[:] = [list(map(int, row)) for row in ids]
    elif known.classes and len(known.shape) > 1:
        x = chance.integers(0, 256, (rows, *known.shape), dtype="uint8")
    else:
        x = chance.normal(size=(rows, *known.shape)) * 3 + 5
    if not known.classes:
        return x, chance.uniform(5, 50, rows)
    y = numpy.concatenate([numpy.arange(known.classes), chance.integers(0, known.classes, rows)])[:rows]
    y = chance.permutation(y).astype("uint8" if len(known.shape) > 1 else "int64")
    return x, y[:, None] if known.column else y

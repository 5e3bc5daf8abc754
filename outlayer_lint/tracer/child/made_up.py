"""Data that a script asks for and the sandbox does not have: data sets that are known, and files that are not there.

Known data sets have the sizes, ranges and numbers of classes of the real ones. What stands in for a file means nothing:
its sizes are guessed, corrected by what the script's model accepts, and no rule may judge by its values.
"""

from __future__ import annotations

import ast
import linecache
import re
import sys
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from outlayer_lint.tracer.child import written
from outlayer_lint.tracer.child.inputs import Found, search
from outlayer_lint.tracer.child.marks import PROJECT, here
from outlayer_lint.tracer.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlayer_lint.tracer.child.guard import Guard

ROWS, TESTED = 256, 64
SEARCH_S, TRIES = 3.0, 30
MOST_COLUMNS = 60
MOST_CHOICES = 40
SMALL_BATCH = 2
LARGE = re.compile(r"^TooLong|^MemoryError|can't allocate memory")
STEPS, MOST_DIMS = 16, 3
IDEAS = ("exist", "fill", "deep", "deep")  # see `MadeUp`; folders in folders are tried as well
LABEL = re.compile(r"label|target|class|species|survived|outcome|diagnosis|(^|[_./ ])(y|gt)([_. \d]|$)", re.IGNORECASE)
TEXT = re.compile(r"text|review|comment|sentence|tweet|title|content|message|question|caption|word", re.IGNORECASE)
MASK = re.compile(r"mask|label|seg|annot|(^|[/_])gt([/_.]|$)|truth", re.IGNORECASE)
PICTURE = re.compile(r"image|img|file|path|photo", re.IGNORECASE)
RANK = re.compile(
    r"too many indices|axis \d+ is out of bounds|Dimension out of range|tuple index out of range|axes don't match"
)
COUNT = re.compile(r"of size (\d+)")
SHAPE = re.compile(r"shape '?[\[(]([-\d, ]+)[\])]")
RESHAPED = re.compile(r"cannot reshape array of size (\d+) into shape \(([-\d, ]+)\)")
MISSED = re.compile(r"^KeyError: (.*)|^AttributeError: 'DataFrame' object has no attribute ('\w+')", re.DOTALL)
WORDS = "the quick brown fox jumps over the lazy dog and runs away from all that it has seen before".split()


# -- data sets that are known -----------------------------------------------------------------------------------------


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


# -- files that are not there -----------------------------------------------------------------------------------------


class MadeUp:
    """What stands in for the missing files of one script, over several runs of it.

    Attributes:
        names: the files that were made up in the last run.
        shape: of one sample of an array; `high` is the exclusive bound where samples are ids, else 0.
        more: columns of a table besides those that the script names.
    """

    def __init__(self, path: str) -> None:
        """`path` of the script."""
        self.path = path
        self.names: list[str] = []
        self.shape: tuple[int, ...] = (8,)
        self.high = 0
        self.more = 6
        self.tried = 0
        self.idea: tuple[Any, ...] = ()  # the last one: its name, what was before it, where the script had failed
        self.had: list[str] = []
        self.guessed: dict[str, Any] = {}  # options that have a guess, and what was chosen for them since
        self.chosen: dict[str, Any] = {}
        self.columns: list[str] = []  # that a table turned out to have
        self.tables = 0
        self.created: set[Any] = set()  # folders that the script made in earlier runs
        self.asked = self.listed = 0  # questions whether something exists, folders that were listed
        self.exist = 0  # whether what is asked for exists
        self.deep = 0  # folders in a folder before there are files
        self.fill = 0  # whether options that say where data lie have a value
        self.batch = 0  # samples of a batch at most, 0 for as many as the script wants
        self.unset = 0  # options of that kind that have none
        self.labels: tuple[tuple[int, ...], int] = ((), 2)  # shape of one label, classes (0 for floats of 0 and 1)

    # What readers give.

    def array(self, said: str) -> Any:
        """An array for a file or a name."""
        numpy: Any = __import__("numpy")
        chance = numpy.random.default_rng(len(said))
        if LABEL.search(said):
            shape, classes = self.labels
            drawn = chance.integers(0, classes or 2, (ROWS, *shape))
            return drawn if classes else drawn.astype("float32")
        if self.high:
            return chance.integers(0, self.high, (ROWS, *self.shape))
        return chance.normal(size=(ROWS, *self.shape)).astype("float32")

    def pixels(self) -> Any:
        """A picture as torchvision reads it."""
        torch = sys.modules["torch"]
        return torch.randint(0, 256, (3, 128, 128), dtype=torch.uint8)

    def noise(self, samples: int) -> Any:
        """A sound."""
        return __import__("numpy").random.default_rng(0).normal(size=samples).astype("float32") / 9

    def table(self, header: Any = "infer", names: Any = None, usecols: Any = None, **_: Any) -> Any:
        """A data frame with the columns that the reader is told, or that the script names."""
        pandas, numpy = __import__("pandas"), __import__("numpy")
        chance = numpy.random.default_rng(0)
        columns: dict[Any, Any] = {}
        self.tables += 1
        place = here(PROJECT, 3)
        asked = _columns(self.path) if place is None else [*_columns(self.path), *_columns(place.code.co_filename)]
        wanted: list[Any] = [*self.columns, *dict.fromkeys(asked), *(f"x{index}" for index in range(self.more))]
        if names is not None or header is None:
            wanted = list(names) if names is not None else list(range(self.more + 1))
        if isinstance(usecols, (list, tuple)):
            wanted = list(usecols)
        for name in wanted:
            columns[name] = _column(str(name), chance, self.labels[1])
        return pandas.DataFrame(columns)

    # What a failed run teaches.

    def learned(self, guard: Guard, why: str, line: int = 0) -> bool:
        """Whether another run with other ideas may come further than one that failed, in this line, for that reason.

        An idea that makes the script fail earlier than without it is given up.
        """
        if self.idea and line < self.idea[2]:
            setattr(self, *self.idea[:2])
        self.idea = ()
        if LARGE.search(why) and not self.batch:
            self.batch = SMALL_BATCH
            return True
        if self._other_option(guard.error):
            return True
        return bool(self.names and self._sizes(guard, why, linecache.getline(self.path, line))) or self._otherwise(line)

    def _other_option(self, error: BaseException | None) -> bool:
        """Whether a guessed option was looked up in vain in a table, whose first key is chosen then."""
        key = error.args[0] if isinstance(error, KeyError) and error.args else None
        name = next((name for name, value in self.guessed.items() if value == key and isinstance(key, str)), None)
        step = error.__traceback__ if error is not None else None
        while name is not None and step is not None:
            frame, step = step.tb_frame, step.tb_next
            for table in (*frame.f_locals.values(), *frame.f_globals.values()) if step is None else ():
                keys = list(table) if isinstance(table, dict) else []
                if 1 < len(keys) <= MOST_CHOICES and all(
                    isinstance(each, str) and each.isidentifier() for each in keys
                ):
                    self.chosen[name] = keys[0]
                    return True
        return False

    def _sizes(self, guard: Guard, why: str, line: str) -> bool:
        failed = guard.calls[-1] if guard.calls and guard.calls[-1].failure else None
        if failed is not None and failed.input is not None:
            return self._other_labels(failed.input.shape)
        if (missed := MISSED.search(why)) is not None and self._more_columns(missed[1] or missed[2]):
            return True
        if RANK.search(why):
            return self._more_dims(labels=LABEL.search(line) is not None)
        if (fit := RESHAPED.search(why)) is not None:
            wanted = [int(each) for each in re.findall(r"-?\d+", fit[2])]
            sample = prod(abs(each) for each in (wanted if int(fit[1]) == prod(self.shape) else wanted[1:]))
            was, self.shape = self.shape, (sample,)
            return was != self.shape
        if (shape := SHAPE.search(why)) and (count := COUNT.search(why)):
            wanted = [int(each) for each in re.findall(r"-?\d+", shape[1])]
            if self._by_reshape(wanted, int(count[1])):
                return True
        return guard.recorder.outermost is not None and self._by_model(*guard.recorder.outermost)

    def _more_columns(self, text: str) -> bool:
        """Columns that a table turned out to lack."""
        names = [name for name in re.findall(r"'([^']+)'", text) if name not in self.columns]
        names = [name for name in names if name not in ("str", "object")]
        self.columns += names
        return bool(names) and self.tables > 0

    def _more_dims(self, *, labels: bool) -> bool:
        """One more dim of what has too few."""
        if labels:
            was, self.labels = self.labels, ((1,), self.labels[1])
            return was != self.labels
        if len(self.shape) < MOST_DIMS:
            self.shape = (STEPS, *self.shape)
            return True
        return False

    def _otherwise(self, line: int) -> bool:
        """Another idea of what there is: what was asked for exists, options have values, files lie in folders."""
        possible = {"exist": self.asked, "fill": self.unset, "deep": self.listed}
        name = next((name for name in IDEAS if possible[name] and self.had.count(name) < IDEAS.count(name)), "")
        if name:
            self.idea = (name, getattr(self, name), line)
            self.had.append(name)
            setattr(self, name, self.had.count(name))
        return bool(name)

    def _other_labels(self, out: tuple[int, ...]) -> bool:
        """Labels as a loss may want them that is given such an output."""
        units = out[1] if len(out) > 1 else 1
        kinds: list[tuple[tuple[int, ...], int]] = [(out[2:], units)] if units > 1 else []
        kinds += [(out[1:], 0), (out[1:-1], 0), (out[1:], max(units, 2))]
        self.tried += 1
        if self.tried > len(kinds):
            return False
        self.labels = kinds[self.tried - 1]
        return True

    def _by_reshape(self, wanted: list[int], size: int) -> bool:
        before = prod(wanted[:-1])
        if len(self.shape) > 1 and before > 0 and wanted[-1] > 0 and size == before * self.shape[-1]:
            self.shape = (*self.shape[:-1], wanted[-1])
            return True
        sample = 1
        for each in wanted[1:] if len(wanted) > 2 else wanted:
            sample *= max(each, 1)
        return self._wider(sample - size // ROWS) if size % ROWS == 0 else False

    def _wider(self, by: int) -> bool:
        if not by or self.more + by < 0:
            return False
        self.more += by
        if len(self.shape) == 1:
            self.shape = (max(self.shape[0] + by, 1),)
        return True

    def _by_model(self, model: Any, given: Any) -> bool:
        """The sizes that the model accepts that the script called last."""
        found = search(model, Target(self.path), budget_s=SEARCH_S, max_tries=TRIES, log=lambda _: None)
        if not isinstance(found, Found) or not found.hypotheses[0].specs:
            return False
        spec = found.hypotheses[0].specs[0]
        wanted, was = tuple(spec.shape[1:]), tuple(getattr(given, "shape", ()))[1:]
        if len(wanted) == 1 == len(was):
            return self._wider(wanted[0] - was[0])
        if (wanted, spec.high or 0) == (self.shape, self.high) or not wanted:
            return False
        self.shape, self.high = wanted, spec.high or 0
        return True


class Arrays(dict[str, Any]):
    """An archive of arrays: every name gives one."""

    def __init__(self, made: MadeUp, said: str) -> None:
        """`said` is what the file is called."""
        super().__init__()
        self.made, self.said = made, said
        self.files: list[str] = []

    def __missing__(self, key: str) -> Any:
        self[key] = self.made.array(f"{self.said} {key}")
        return self[key]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was opened."""


def picture(pictures: Any, path: str) -> Any:
    """A picture of random colours, of two classes where its path speaks of a mask; `pictures` is `PIL.Image`."""
    numpy: Any = __import__("numpy")
    if MASK.search(path):
        return pictures.fromarray(numpy.random.default_rng(0).integers(0, 2, (128, 128), dtype="uint8"))
    return pictures.fromarray(numpy.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype="uint8"))


def _columns(path: str) -> list[str]:
    """Names that stand in brackets, or in a `drop`, somewhere in a script."""
    known = written.expressions(path)
    found: dict[str, None] = {}
    tables = _tables(known[0].tree) if known is not None else set()
    for node in ast.walk(known[0].tree) if known is not None else ():
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in tables:
            plain = hasattr(__import__("pandas").DataFrame, node.attr)
            found.update({} if plain else {node.attr: None})
        parts: list[ast.AST] = []
        if isinstance(node, ast.Subscript):
            parts = [node.slice, *getattr(node.slice, "elts", ())]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("drop", "pop"):
            parts = [
                each
                for value in (*node.args, *(k.value for k in node.keywords))
                for each in (value, *getattr(value, "elts", ()))
            ]
        found.update((p.value, None) for p in parts if isinstance(p, ast.Constant) and isinstance(p.value, str))
    return list(found)[:MOST_COLUMNS]


def _tables(tree: ast.Module) -> set[str]:
    """Names that a `read_csv` or the like is assigned to."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and isinstance(node.targets[0], ast.Name):
            called = node.value.func
            if isinstance(called, ast.Attribute) and called.attr.startswith("read_"):
                found.add(node.targets[0].id)
    return found


def _column(name: str, chance: Any, classes: int) -> Any:
    if LABEL.search(name):
        return chance.integers(0, classes or 2, ROWS)
    if TEXT.search(name):
        return [" ".join(chance.choice(WORDS, 12)) for _ in range(ROWS)]
    if PICTURE.search(name):
        return [f"{index}.png" for index in range(ROWS)]
    return chance.normal(size=ROWS)

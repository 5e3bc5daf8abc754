"""What stands in for the files that a script asks for and the sandbox does not have: arrays, tables, pictures, sounds.

It means nothing: its sizes are guessed, corrected by what the script's model accepts (`learning`), and no rule may
judge by its values.
"""

from __future__ import annotations

import ast
import re
import sys
from math import prod
from typing import Any, Self

from outlayer_lint.tracer.child.losses import written
from outlayer_lint.tracer.child.recording.marks import PROJECT, here
from outlayer_lint.tracer.child.surroundings.known import ROWS, WORDS

MOST_COLUMNS = 60
SIDE = 128
LOW, TOKENS = 50, 100_000
MOST_NUMBERS = 4_000_000
LABEL = re.compile(r"label|target|class|species|survived|outcome|diagnosis|(^|[_./ ])(y|gt)([_. \d]|$)", re.IGNORECASE)
TEXT = re.compile(r"text|review|comment|sentence|tweet|title|content|message|question|caption|word", re.IGNORECASE)
MASK = re.compile(r"mask|label|seg|annot|(^|[/_])gt([/_.]|$)|truth", re.IGNORECASE)
PICTURE = re.compile(r"image|img|file|path|photo", re.IGNORECASE)


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
        self.side, self.drawn = SIDE, 0  # of a picture, and how many were asked for
        self.tried = 0
        self.idea: tuple[Any, ...] = ()  # the last one: its name, what was before it, where the script had failed
        self.had: list[str] = []
        self.guessed: dict[str, Any] = {}  # options that have a guess, and what was chosen for them since
        self.chosen: dict[str, Any] = {}
        self.sizes: dict[str, int] = {}  # bytes of files that are read as such
        self.read = "", 0  # the last of them, and its size
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
        rows = min(ROWS, max(MOST_NUMBERS // max(prod(self.shape), 1), 2))
        if self.high:
            return chance.integers(0, self.high, (rows, *self.shape))
        return chance.normal(size=(rows, *self.shape)).astype("float32")

    def row(self, dtype: Any) -> Any:
        """Numbers in a row, as from a file without any form."""
        return __import__("numpy").random.default_rng(0).integers(0, LOW, TOKENS).astype(dtype)

    def pixels(self) -> Any:
        """A picture as torchvision reads it."""
        torch = sys.modules["torch"]
        self.drawn += 1
        return torch.randint(0, 256, (3, self.side, self.side), dtype=torch.uint8)

    def picture(self, pictures: Any, path: str) -> Any:
        """A picture as PIL reads it."""
        self.drawn += 1
        return picture(pictures, path, self.side)

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


def picture(pictures: Any, path: str, side: int = SIDE) -> Any:
    """A picture of random colours, of two classes where its path speaks of a mask; `pictures` is `PIL.Image`."""
    numpy: Any = __import__("numpy")
    if MASK.search(path):
        return pictures.fromarray(numpy.random.default_rng(0).integers(0, 2, (side, side), dtype="uint8"))
    return pictures.fromarray(numpy.random.default_rng(0).integers(0, 256, (side, side, 3), dtype="uint8"))


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

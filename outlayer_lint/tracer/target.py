"""What is to be traced: which file and which name in it, with which arguments and which input.

`src/model.py:Net` is a class or a factory in a file, `src/model.py` every root class of it, `package.module:Net` the
same by import name, a folder every file below it. An input is written `x=f32[2,3,32,32]`, ids below 5000
`i64[2,16]<5000`.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from outlayer_lint.config import Refused, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DTYPES = ("f32", "f16", "bf16", "f64", "i64", "i32", "i16", "i8", "u8", "bool", "c64")
TASKS = ("multiclass", "multilabel", "binary", "regression", "segmentation", "lm")
SPEC = re.compile(
    r"(?:(?P<name>[A-Za-z_][\w.]*)=)?(?P<dtype>[a-z]+\d*)\[(?P<shape>[\d,\s]*)\](?:<(?P<high>\d+))?", re.ASCII
)
PLACE = re.compile(r"(?P<path>.+?):(?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)")
MAX_VALUES = 1 << 28  # of an input: a gigabyte of float32


class InputGiven(NamedTuple):
    """One input as the user wrote it.

    `name` is the parameter of `forward`, with a dot for the key of a dict (`batch.image`), or "" for the next one by
    position; `high` bounds whole numbers from above, exclusive, 0 where nothing was said.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    high: int = 0


class Target(NamedTuple):
    """One model to trace.

    Attributes:
        path: the file, absolute.
        name: a class or a function in it, dotted where nested; "" for every root class.
        args: keyword arguments of the constructor or the factory, as the user gave them.
        inputs: of `forward`, as the user gave them; empty where they are to be found.
        classes: how many there are to tell apart, `None` where nobody said.
        task: one of `TASKS`, or "".
        outputs: path of an output -> the form that is expected of it (`raw`, `softmax@1`).
        hook: name of a target of the hook file, which then builds the model and its inputs; `path` is that file.
    """

    path: str
    name: str = ""
    args: dict[str, Any] = {}  # noqa: RUF012 - never mutated
    inputs: tuple[InputGiven, ...] = ()
    classes: int | None = None
    task: str = ""
    outputs: dict[str, str] = {}  # noqa: RUF012 - never mutated
    hook: str = ""

    def to_json(self) -> dict[str, Any]:
        """As it crosses the channel; `of_json` reads it back."""
        return {**self._asdict(), "inputs": [list(given) for given in self.inputs]}

    @staticmethod
    def of_json(tree: Mapping[str, Any]) -> Target:
        """What `to_json` wrote."""
        inputs = tuple(InputGiven(name, dtype, tuple(shape), high) for name, dtype, shape, high in tree["inputs"])
        return Target(**{**tree, "inputs": inputs})


def parse_input(text: str) -> InputGiven:
    """`x=f32[2,3,32,32]`, `i64[2,16]<5000`; raises `Refused` where it is neither."""
    match = SPEC.fullmatch(text.strip())
    if match is None:
        raise Refused(f"an input is written name=dtype[sizes], as in `x=f32[2,3,32,32]`; found `{text}`")
    dtype = match["dtype"]
    if dtype not in DTYPES:
        raise Refused(f"input `{text}`: no dtype is called `{dtype}`; known are {', '.join(DTYPES)}")
    sizes = [size.strip() for size in match["shape"].split(",")] if match["shape"].strip() else []
    if not all(sizes):
        raise Refused(f"input `{text}`: a size is missing")
    shape = tuple(int(size) for size in sizes)
    values = 1
    for size in shape:
        values *= size
    if values > MAX_VALUES:
        raise Refused(f"input `{text}` has {values} values; more than {MAX_VALUES} are not traced")
    high = int(match["high"] or 0)
    if match["high"] is not None and (high < 1 or dtype[0] not in "iu"):
        raise Refused(f"input `{text}`: a bound is for whole numbers, as in `i64[2,16]<5000`, and at least 1")
    return InputGiven(match["name"] or "", dtype, shape, high)


def spell(given: InputGiven) -> str:
    """What `parse_input` reads."""
    sizes = ",".join(map(str, given.shape))
    named = f"{given.name}=" if given.name else ""
    return f"{named}{given.dtype}[{sizes}]" + (f"<{given.high}" if given.high else "")


def parse_args(text: str) -> dict[str, Any]:
    """Keyword arguments from JSON; raises `Refused` where it is no object."""
    import json  # noqa: PLC0415 - only where it was given

    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(f"--args: not valid JSON: {error}") from None
    if not isinstance(found, dict):
        raise Refused(f"--args: expected an object such as '{{\"num_classes\": 10}}', found `{text}`")
    return found


def find(word: str, *, starts: Iterable[str] = ()) -> Target:
    """The file and the name that a word of the command line means; a folder comes back with its own path.

    `starts` are folders that imports start from, besides the working directory.
    Raises `Refused` where there is no such file.
    """
    if os.path.exists(word):
        return Target(os.path.abspath(word))
    match = PLACE.fullmatch(word)
    if match is not None and os.path.isfile(match["path"]):
        return _known(Target(os.path.abspath(match["path"]), match["name"]))
    if match is not None and os.path.isdir(match["path"]):
        raise Refused(f"{match['path']} is a folder: name the file that defines `{match['name']}`")
    module = match["path"] if match is not None else word
    if re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*", module):
        path = _module(module, (os.getcwd(), *starts))
        if path:
            return _known(Target(path, match["name"] if match is not None else ""))
    folder = os.path.dirname(module)
    hint = nearest(os.path.basename(module), os.listdir(folder or ".")) if os.path.isdir(folder or ".") else ""
    raise Refused(f"no such file, folder or module: {module}{hint}")


def _known(target: Target) -> Target:
    """The target, unless its name stands nowhere in the file."""
    try:
        with open(target.path, encoding="utf-8-sig", errors="replace") as file:
            words = set(re.findall(r"[^\W\d]\w*", file.read()))
    except OSError as error:
        raise Refused(f"cannot read {target.path}: {error.strerror}") from None
    for part in target.name.split(".") if target.name else ():
        if part not in words:
            raise Refused(f"{os.path.basename(target.path)} has no `{part}`{nearest(part, words)}")
    return target


def _module(dotted: str, starts: Iterable[str]) -> str:
    """The file of a module, "" where none of the folders has it. Nothing is imported."""
    parts = dotted.split(".")
    for start in dict.fromkeys(os.path.abspath(start) for start in starts):
        for folder in (start, os.path.join(start, "src")):
            stem = os.path.join(folder, *parts)
            for path in (f"{stem}.py", os.path.join(stem, "__init__.py")):
                if os.path.isfile(path):
                    return path
    return ""

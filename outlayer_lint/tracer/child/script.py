"""Runs a training script as `python SCRIPT ARGS` would, under a guard, with what it lacks made up."""

from __future__ import annotations

import importlib
import os
import re
import sys
import types
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from outlayer_lint.source.document import Document, Unreadable
from outlayer_lint.tracer.child import adapters
from outlayer_lint.tracer.child.losses.guard import Enough
from outlayer_lint.tracer.child.recording.recorder import seeded
from outlayer_lint.tracer.child.surroundings import (
    environments,
    files,
    folders,
    former,
    known,
    quiet,
    stand_ins,
    unknown,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlayer_lint.tracer.child.losses.guard import Guard
    from outlayer_lint.tracer.child.surroundings.made_up import MadeUp

MAX_MESSAGE = 400
MOST_NEIGHBOURS = 60
WRAPPED = (
    "keras", "timm", "pandas", "sklearn.datasets", "PIL.Image", "h5py", "scipy.io", "scipy.io.wavfile", "scipy.misc",
    "yaml", "gymnasium", "soundfile", "librosa", "joblib", "torchvision.transforms", "torchvision.io",
)  # fmt: skip
RELATIVE = re.compile(rb"^[ \t]*from[ \t]+\.", re.MULTILINE)


class Ended(NamedTuple):
    """How a script ended.

    `how` is `enough` (stopped after the losses asked for), `done` (it ran to its end), `exit` or `error`; `why` is its
    exit code or the exception; `line` is the last line of the script that was running then, 0 where that is unknown.
    `missing` are packages that were made up, `pictures` whether a data set was; `names` stand at the script's top.
    """

    how: str
    why: str = ""
    line: int = 0
    missing: tuple[str, ...] = ()
    pictures: bool = False
    names: dict[str, Any] = {}  # noqa: RUF012 - never mutated


def run_script(
    path: str,
    argv: Sequence[str],
    guard: Guard,
    *,
    stub: bool = True,
    synthetic: bool = True,
    calls: Sequence[str] = (),
    root: str = "",
    made: MadeUp | None = None,
) -> Ended:
    """Run a script or a notebook until it ends, fails, or the guard has seen enough.

    `sys.argv`, `sys.path`, `__main__` and what was replaced are put back. Raises `Unreadable` where the file cannot be
    read or does not parse; the guard's own findings are with the guard. `calls` are functions of the script, without
    arguments, that are called when it has come to its end. `root` is the project's folder: its packages can be imported
    from anywhere in it, as if it were installed; `made` stands in for files that are not there.
    """
    path = os.path.abspath(path)
    with open(path, "rb") as file:
        document = Document(path, path, file.read())
    try:
        code = compile(document.tree, path, "exec")
    except (ValueError, SyntaxError) as error:
        raise Unreadable(getattr(error, "lineno", None) or 1, str(error)) from None
    module, home = _module(path, document.data)
    before = sys.argv, sys.path[:], sys.modules.get("__main__")
    missing = stand_ins.Missing()
    sys.argv, sys.path[:0] = [path, *argv], [os.path.dirname(path)]
    sys.path += [*_folders(path, root), *home]
    sys.modules["__main__"] = module
    if stub:
        sys.meta_path.append(missing)
    _libraries(document.data, path)
    flow = sys.modules.get("tensorflow") if b"tensorflow" in document.data else None
    if flow is not None and not hasattr(flow, "__file__"):
        missing.names.append("tensorflow")  # Keras stands in for a part of it, and this for the rest
    pictures: list[str] = []
    ended = Ended("done")
    environments.ASKED.clear()
    unknown.ALIVE.clear()
    guard.recorder.unknown, guard.recorder.known = unknown.ALIVE, unknown.known
    seeded()
    try:
        # A run that was stopped inside of `no_grad` may have left it to the next one.
        with torch.enable_grad(), guard, stand_ins.boards() if stub else nullcontext():
            stand_ins.machine(guard.replace, made.batch if made is not None else 0)
            former.given_back(guard.replace)
            if not torch.cuda.is_available():
                guard.recorder.device = stand_ins.on_cpu
            if synthetic:
                pictures = _data(guard, document.data, made, root)
            ended = _run(code, module, path, guard)
            for name in calls if ended.how == "done" else ():
                _run(compile(f"{name}()", "<call>", "exec"), module, path, guard)
    finally:
        guard.made_up = bool(environments.ASKED) or (made is not None and bool(made.names))
        sys.argv, sys.path[:] = before[0], before[1]
        if before[2] is not None:
            sys.modules["__main__"] = before[2]
        if stub:
            sys.meta_path.remove(missing)
            missing.forget()
    return ended._replace(missing=tuple(missing.names), pictures=bool(pictures), names=module.__dict__)


def _module(path: str, data: bytes) -> tuple[types.ModuleType, list[str]]:
    """What the script is run as, and where the imports of its own package start."""
    module = types.ModuleType("__main__")
    module.__file__ = path
    if b"get_ipython" in data:  # a notebook that was exported
        module.__dict__["get_ipython"] = stand_ins.Stand
    if RELATIVE.search(data) and os.path.isfile(os.path.join(os.path.dirname(path), "__init__.py")):
        module.__package__, home = _package(path)  # it can only be meant to be run with `-m`
        return module, [home]
    return module, []


def _data(guard: Guard, data: bytes, made: MadeUp | None, root: str) -> list[str]:
    """Stand in for data sets, weights and files; the data sets of torchvision among them."""
    known.keras_data(guard.replace, data.decode("utf-8", "replace"))
    known.sklearn_data(guard.replace)
    pictures = stand_ins.data_sets(guard.replace, data.decode("utf-8", "replace")) if b"torchvision" in data else []
    quiet.patch_weights(guard.replace)
    environments.installed(guard.replace)
    if made is not None:
        files.Files(guard.replace, made, root)
        folders.Folders(guard.replace, made, root)
    return pictures


def _libraries(data: bytes, path: str) -> None:
    """Have what is to be wrapped loaded before the watch begins, Keras on torch and hubs without a network."""
    adapters.before_import(data.decode("utf-8", "replace"))
    data += _neighbours(path)
    for name in WRAPPED:
        if name.partition(".")[0].encode() in data:
            with suppress(Exception):  # not installed: then it is a missing package
                importlib.import_module(name)


def _neighbours(path: str) -> bytes:
    """The text of the files that lie in a script's folder and below it, as many as are read in no time."""
    found: list[str] = []
    for folder, _, names in os.walk(os.path.dirname(path)):
        found += [os.path.join(folder, name) for name in names if name.endswith(".py")]
        if len(found) > MOST_NEIGHBOURS:
            break
    text = []
    for each in found[:MOST_NEIGHBOURS]:
        with suppress(OSError), open(each, "rb") as file:
            text.append(file.read(1 << 16))
    return b"".join(text)


def _package(path: str) -> tuple[str, str]:
    """The package that a file is a part of, and the folder that its imports start from."""
    parts: list[str] = []
    folder = os.path.dirname(path)
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        parts.insert(0, os.path.basename(folder))
        folder = os.path.dirname(folder)
    return ".".join(parts), folder


def _folders(path: str, root: str) -> list[str]:
    """Where the project's own packages lie: the folders above a script, up to the project's."""
    found = []
    folder = os.path.dirname(os.path.dirname(path))
    while root and (folder + os.sep).startswith(os.path.join(root, "")):
        found.append(folder)
        folder = os.path.dirname(folder)
    return [root, os.path.join(root, "src"), *found] if root else []  # as if installed: not what lies nearest


def _run(code: types.CodeType, module: types.ModuleType, path: str, guard: Guard) -> Ended:
    try:
        exec(code, module.__dict__)  # noqa: S102 - what was asked for
    except Enough:
        return Ended("enough")
    except SystemExit as error:
        return Ended("exit", str(error.code), _line(error, path))
    except BaseException as error:  # noqa: BLE001 - whatever the user's code raises ends here
        guard.error = error
        return Ended("error", f"{type(error).__name__}: {error}"[:MAX_MESSAGE], _line(error, path))
    return Ended("done")


def _line(error: BaseException, path: str) -> int:
    """The last line of the script itself that was running."""
    line, step = 0, error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == path:
            line = step.tb_lineno
        step = step.tb_next
    return line

"""Files and folders that are not there: made up by what is read from them, when the project's own code asks for them.

What a reader of pictures asks for is a picture, what is unpickled is unknown, lines are lines of small numbers. A
folder that is not there, or holds nothing that was there before, lists files; in a further run folders of files, should
the first fail.
"""

from __future__ import annotations

import builtins
import glob
import io
import json
import os
import pathlib
import pickle
import re
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from outlayer_lint.tracer.child import written
from outlayer_lint.tracer.child.absent import Absent
from outlayer_lint.tracer.child.made_up import Arrays, assigned, picture
from outlayer_lint.tracer.child.marks import FRAMEWORK, PROJECT, here, standing
from outlayer_lint.tracer.child.unknown import Text, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from outlayer_lint.tracer.child.made_up import MadeUp

FILES, FOLDERS = 16, 3
LINES = 64
RATE = 16_000  # of sound
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".gif", ".webp", ".ppm", ".pgm")
# Of programs, of the system and of what a library keeps for itself: never data of the project.
OTHERS = re.compile(
    r"\.(pyc?|so|pth|egg|zip|cfg|toml|dist-info|lock|exe|dll)$|^/(proc|sys|dev|etc|usr|bin|run|var)/|/\.|(^|/)(logs?|runs|cache)(/|$)"
)
WEIGHTS = re.compile(
    r"check_?points?|ckpt|weights|\bbest|resume|\.(pth?|pth\.tar|bin|safetensors|model)$", re.IGNORECASE
)
EXTENSION = re.compile(
    r"^\*?(\.(?:jpe?g|png|bmp|tiff?|npy|npz|wav|flac|mp3|txt|csv|json|mat|pkl|h5|hdf5|nii|nii\.gz|xml|dcm|pt))$"
)
OPENS = re.compile(rb"Image\.open|imread|read_image|decode_image")
BETWEEN = {".csv": ",", ".tsv": "\t"}


class Opened(io.StringIO):
    """A text file that is made up; `said` is what it is called."""

    said = ""

    def read(self, *args: Any) -> Any:
        """All of it."""
        return Text(super().read(*args))

    def readline(self, *args: Any) -> Any:
        """A line."""
        return Text(super().readline(*args))

    __next__ = readline  # type: ignore[assignment]

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        return iter(self.readlines())

    def readlines(self, *args: Any) -> Any:
        """Lines."""
        del args
        return [Text(line) for line in str.splitlines(super().read(), keepends=True)]


class Raw(io.BytesIO):
    """The same for bytes."""

    said = ""


class Lost:
    """What the project's code asks for and does not find, in one run of a script."""

    def __init__(self, replace: Callable[[Any, str, Any], None], made: MadeUp, root: str) -> None:
        """`replace` puts a function in the place of another one until the run is over; `root` is the project's."""
        self.root = os.path.join(os.path.abspath(root or os.path.dirname(made.path)), "")
        self.replace = replace
        self.made = made
        self.began = time.time()
        made.names = []
        Unknown._made = staticmethod(made.array)  # type: ignore[assignment]
        made.asked = made.listed = 0
        self._readers()
        self._open()
        self._loaders()
        self._folders()
        self._questions()

    def is_data(self, asked: Any) -> bool:
        """Whether the project's own code asks for this path, and it can be data."""
        if not isinstance(asked, (str, os.PathLike)):
            return False
        shown: Any = os.fspath(asked)
        if isinstance(shown, bytes):
            return False
        path = os.path.abspath(shown)
        shown = path.removeprefix(self.root)
        if OTHERS.search(shown) or path.startswith((sys.prefix, sys.base_prefix)):
            return False
        return standing(path) == PROJECT and asks()

    def told(self, asked: Any) -> str:
        """Words for what was asked for: the file's name and those of what is bound to it."""
        shown = os.fspath(asked)
        self.made.names.append(os.path.basename(shown.rstrip("/")) or shown)
        place = here(PROJECT, 3)
        stem = os.path.splitext(os.path.basename(shown))[0]
        return f"{stem} {' '.join(assigned(place)) if place is not None else ''}"

    # -- readers of other libraries -----------------------------------------------------------------------------------

    def _standing_in(self, owner: Any, name: str, make: Callable[..., Any], *, told: bool = False) -> None:
        """`make` is given the file and its words; where it is to be `told`, the options by name as well."""
        plain = getattr(owner, name, None)
        if plain is None:
            return

        def read(*args: Any, **kwargs: Any) -> Any:
            asked = args[0] if args else next(iter(kwargs.values()), None)
            more = kwargs if told else {}
            if isinstance(asked, (Opened, Raw, Unknown)):
                return make(asked, getattr(asked, "said", ""), **more)
            if isinstance(asked, (str, os.PathLike)) and is_there(asked):
                return plain(*args, **kwargs)
            if not self.is_data(asked) and not (isinstance(asked, str) and "://" in asked and asks()):
                return plain(*args, **kwargs)
            return make(asked, self.told(asked), **more)

        self.replace(owner, name, read)

    def _readers(self) -> None:
        made = self.made
        loaded = sys.modules.get

        def arrays(asked: Any, said: str) -> Any:
            return Arrays(made, said) if str(asked).endswith(".npz") else made.array(said)

        for name in ("load", "loadtxt", "genfromtxt", "fromfile", "memmap"):
            self._standing_in(loaded("numpy"), name, arrays)
        for name in (
            "read_csv",
            "read_excel",
            "read_parquet",
            "read_table",
            "read_json",
            "read_pickle",
            "read_feather",
        ):
            self._standing_in(loaded("pandas"), name, lambda _, __, **more: made.table(**more), told=True)
        for name in ("read_image", "decode_image"):
            self._standing_in(loaded("torchvision.io"), name, lambda _, __: made.pixels())
        self._standing_in(loaded("PIL.Image"), "open", lambda asked, _: picture(loaded("PIL.Image"), str(asked)))
        for owner, name in (("h5py", "File"), ("scipy.io", "loadmat"), ("tarfile", "open"), ("zipfile", "ZipFile"),
                            ("joblib", "load"), ("nibabel", "load")):  # fmt: skip
            if loaded(owner) is not None and getattr(loaded(owner), "__file__", None):
                self._standing_in(loaded(owner), name, lambda _, said: Unknown(said))
        self._standing_in(loaded("scipy.io.wavfile"), "read", lambda *_: (RATE, made.noise(RATE)))
        for owner in ("soundfile", "librosa"):
            if loaded(owner) is not None and getattr(loaded(owner), "__file__", None):
                for name in ("load", "read"):
                    self._standing_in(loaded(owner), name, lambda *_: (made.noise(RATE), RATE))

    def _open(self) -> None:
        plain = builtins.open

        def opened(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            file = os.fspath(file) if isinstance(file, Absent) else file  # as a number it would be a descriptor
            try:
                return plain(file, mode, *args, **kwargs)
            except (FileNotFoundError, NotADirectoryError):
                outside = standing(sys._getframe(1).f_code.co_filename) != FRAMEWORK  # torch does without weights
                if not isinstance(mode, str) or "r" not in mode or not outside or not self.is_data(file):
                    raise
                said = self.told(file)
            shown = os.fspath(file)
            found: Any = Raw(self._bytes(shown)) if "b" in mode else Opened(self._lines(shown))
            found.said, found.name = said, shown
            return found

        for owner in (builtins, io):
            self.replace(owner, "open", opened)

    def _lines(self, path: str) -> str:
        numpy: Any = __import__("numpy")
        chance = numpy.random.default_rng(len(path))
        between = BETWEEN.get(os.path.splitext(path)[1], " ")
        rows = chance.integers(0, 2, (LINES, self.made.shape[0] + 1))
        return "\n".join(between.join(map(str, row)) for row in rows) + "\n"

    def _bytes(self, path: str) -> bytes:
        kind = os.path.splitext(path)[1].lower()
        pictures = sys.modules.get("PIL.Image")
        if kind in PICTURES and pictures is not None:
            into = io.BytesIO()
            picture(pictures, path).save(into, "PNG")
            return into.getvalue()
        return self._lines(path).encode()

    def _loaders(self) -> None:
        """What is unpickled, or parsed, out of a file that is made up."""

        def loading(owner: Any, name: str) -> None:
            plain = getattr(owner, name, None)
            if plain is None:
                return

            def load(source: Any, *args: Any, **kwargs: Any) -> Any:
                if isinstance(source, (Opened, Raw)):
                    return Unknown(source.said)
                return Unknown() if type(source) is Text else plain(source, *args, **kwargs)

            self.replace(owner, name, load)

        for owner, names in (
            (pickle, ("load", "loads")), (json, ("load", "loads")),
            (sys.modules.get("yaml"), ("load", "safe_load", "full_load")), (sys.modules.get("dill"), ("load",)),
        ):  # fmt: skip
            for name in names if owner is not None else ():
                loading(owner, name)

    # -- folders ------------------------------------------------------------------------------------------------------

    def is_empty(self, folder: str, names: list[str]) -> bool:
        """Whether a folder that is there holds nothing, and was there before the program began."""
        if any(not name.startswith(".") and "readme" not in name.lower() for name in names):
            return False
        with suppress(OSError):
            return os.stat(folder).st_ctime < self.began
        return False

    def within(self, folder: str) -> list[str]:
        """What a folder that is made up holds."""
        levels = [part for part in os.path.normpath(folder).split(os.sep) if part.startswith("folder")]
        self.made.listed += 1
        self.made.names.append(os.path.basename(os.path.normpath(folder)))
        if len(levels) < self.made.deep:
            return [f"folder{index}" for index in range(FOLDERS)]
        return [f"{index}{self._extension()}" for index in range(FILES)]

    def _extension(self) -> str:
        """The kind of file that the code that lists a folder, or the script, speaks of or opens."""
        place = here(PROJECT, 3)
        for path in ([place.code.co_filename] if place is not None else []) + [self.made.path]:
            known = written.expressions(path)
            if known is None:
                continue
            found = [match[1] for match in map(EXTENSION.match, strings(known[0].tree)) if match is not None]
            opens = OPENS.search(known[0].data) is not None
            kinds = [kind for kind in found if not opens or kind in PICTURES]
            if kinds:
                return kinds[0]
        return PICTURES[0]

    def _folders(self) -> None:
        listdir, walk, scandir = os.listdir, os.walk, os.scandir
        self.listdir = listdir
        globbed, found_below, children = glob.glob, pathlib.Path.glob, pathlib.Path.iterdir

        def listed(path: Any = ".") -> Any:
            try:
                names = listdir(path)
            except OSError:
                if not self.is_data(path):
                    raise
                return self.within(os.fspath(path))
            empty = (
                isinstance(path, (str, os.PathLike)) and self.is_data(path) and self.is_empty(os.fspath(path), names)
            )
            return self.within(os.fspath(path)) if empty else names

        def walked(top: Any, *args: Any, **kwargs: Any) -> Any:
            if not self.is_data(top) or (is_there(top) and not self.is_empty(os.fspath(top), listdir(top))):
                return walk(top, *args, **kwargs)
            return iter(list(self._walk(os.fspath(top), 0)))

        def scanned(path: Any = ".") -> Any:
            if is_there(path) or not self.is_data(path):
                return scandir(path)
            return Entries([Entry(os.fspath(path), name) for name in self.within(os.fspath(path))])

        def matching(pattern: Any, *args: Any, **kwargs: Any) -> Any:
            found = globbed(pattern, *args, **kwargs)
            return found if found or not isinstance(pattern, (str, os.PathLike)) else self._matching(os.fspath(pattern))

        def below(self_: Any, pattern: str) -> Any:
            found = list(found_below(self_, pattern))
            return found or [type(self_)(each) for each in self._matching(os.path.join(self_, pattern))]

        def entries(self_: Any) -> Any:
            return (self_ / name for name in listed(self_)) if not is_there(self_) else children(self_)

        for owner, name, value in (
            (os, "listdir", listed), (os, "walk", walked), (os, "scandir", scanned), (glob, "glob", matching),
            (pathlib.Path, "glob", below), (pathlib.Path, "iterdir", entries),
            (pathlib.Path, "rglob", lambda self_, pattern: below(self_, f"**/{pattern}")),
        ):  # fmt: skip
            self.replace(owner, name, value)

    def _walk(self, top: str, depth: int) -> Iterator[tuple[str, list[str], list[str]]]:
        names = self.within(top)
        folders = [name for name in names if "." not in name]
        yield top, folders, [name for name in names if "." in name]
        for name in folders:
            yield from self._walk(os.path.join(top, name), depth + 1)

    def _matching(self, pattern: str) -> list[str]:
        home = pattern
        while glob.has_magic(home):
            home = os.path.dirname(home)
        if not home or not self.is_data(home) or home == pattern:
            return []
        if is_there(home) and not self.is_empty(home, self.listdir(home)):
            return []
        self.made.names.append(os.path.basename(home))
        self.made.listed += 1
        if pattern.endswith(".*"):
            pattern = pattern[:-2] + self._extension()
        rest = [part for part in os.path.relpath(pattern, home).split(os.sep) if part != "**"]
        found = [home]
        for depth, part in enumerate(rest):
            last = depth == len(rest) - 1
            every = ("folder*" if self.made.deep else f"*{self._extension()}") if last and part == "*" else part
            numbers = range(FILES if last else FOLDERS) if glob.has_magic(every) else range(1)
            found = [os.path.join(each, re.sub(r"\[.*?\]|[*?]", str(n), every)) for each in found for n in numbers]
        return found

    # -- questions ----------------------------------------------------------------------------------------------------

    def _questions(self) -> None:
        """Whether something exists: at first it does not; in a further run all does that was asked for."""

        def asking(owner: Any, name: str, kind: str) -> None:
            plain = getattr(owner, name)

            def asked(path: Any, *args: Any, **kwargs: Any) -> bool:
                found = plain(path, *args, **kwargs)
                if found or not self.is_data(path) or WEIGHTS.search(os.fspath(path)):
                    return bool(found)
                named = os.path.basename(os.path.normpath(os.fspath(path)))
                if re.match(r"folder\d+$", named) or re.match(r"\d+\.\w+$", named):  # we said so
                    return (kind != "file") if "." not in named else kind != "folder"
                self.made.asked += 1
                return self.made.exist > 0 and (kind == "any" or ("." in named) == (kind == "file"))

            self.replace(owner, name, asked)

        for owner in (os.path, pathlib.Path):
            for name, kind in (("exists", "any"), ("isfile", "file"), ("isdir", "folder")):
                called = {"isfile": "is_file", "isdir": "is_dir"}.get(name, name) if owner is pathlib.Path else name
                asking(owner, called, kind)
        plain = os.path.getsize
        self.replace(os.path, "getsize", lambda path: plain(path) if is_there(path) else 1 << 16)


class Entry:
    """What `os.scandir` tells of a file that is made up."""

    def __init__(self, folder: str, name: str) -> None:
        """Its folder and its name."""
        self.name, self.path = name, os.path.join(folder, name)

    def is_dir(self, **_: Any) -> bool:
        """By its name."""
        return "." not in self.name

    def is_file(self, **_: Any) -> bool:
        """By its name."""
        return "." in self.name

    def __fspath__(self) -> str:
        return self.path


class Entries(list[Entry]):
    """What `os.scandir` gives."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was opened."""

    close = __exit__


def is_there(path: Any) -> bool:
    """Whether something exists, whatever the program is told."""
    try:
        os.stat(path)
    except (OSError, ValueError):
        return False
    return True


def asks() -> bool:
    """Whether it is the project's own code that asks, itself or through a library: not an import."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        path = frame.f_code.co_filename
        if "importlib" in path:
            return False
        if standing(path) == PROJECT:
            return True
        frame = frame.f_back
    return False


def strings(tree: Any) -> Iterator[str]:
    """The string constants of a program."""
    import ast  # noqa: PLC0415 - of no use elsewhere here

    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value

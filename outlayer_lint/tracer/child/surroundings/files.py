"""Files that are not there: made up by what is read from them, when the project's own code asks for them.

What a reader of pictures asks for is a picture, what is unpickled is unknown, lines are lines of small numbers.
"""

from __future__ import annotations

import builtins
import csv
import gzip
import io
import json
import os
import pickle
import re
import sys
from typing import TYPE_CHECKING, Any

import torch

from outlayer_lint.tracer.child.recording.marks import FRAMEWORK, standing
from outlayer_lint.tracer.child.surroundings.absent import Absent
from outlayer_lint.tracer.child.surroundings.lost import Lost, asks, is_there
from outlayer_lint.tracer.child.surroundings.made_up import Arrays
from outlayer_lint.tracer.child.surroundings.unknown import Text, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LINES = 240
RATE = 16_000  # of sound
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".gif", ".webp", ".ppm", ".pgm")
OPTIONAL = re.compile(
    r"/site-packages/(?!PIL/|pandas/|numpy/|imageio/|yaml/|scipy/|torchvision/|torchaudio/|librosa/|skimage/|joblib/)"
)
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


def made_up(asked: Any) -> bool:
    """Whether it is no file, by whatever name: a number out of a table that is made up itself."""
    return not isinstance(asked, (str, bytes, os.PathLike, int)) and not hasattr(asked, "read")


class Files(Lost):
    """Readers of files, `open` and what parses an open file."""

    def install(self) -> None:
        """See the class."""
        self.made.names = []
        Unknown._made = staticmethod(self.made.array)  # type: ignore[assignment]
        self._readers()
        self._open()
        self._loaders()
        self._downloads()

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
            if made_up(asked) and self.made.names and asks():
                return make("", "", **more)
            if isinstance(asked, (str, os.PathLike)) and is_there(asked):
                try:
                    return plain(*args, **kwargs)
                except ImportError:  # its reader is not installed
                    return make(asked, self.told(asked), **more)
            if not self.is_data(asked) and not (isinstance(asked, str) and "://" in asked and asks()):
                return plain(*args, **kwargs)
            return make(asked, self.told(asked), **more)

        self.replace(owner, name, read)

    def _readers(self) -> None:
        made = self.made
        loaded = sys.modules.get

        def arrays(asked: Any, said: str, dtype: Any = None, **_: Any) -> Any:
            if dtype is str or (isinstance(dtype, str) and "U" in dtype.upper()[:2]):
                return loaded("numpy").array([f"{index}{PICTURES[0]}" for index in range(LINES)])  # type: ignore[union-attr]
            return Arrays(made, said) if str(asked).endswith(".npz") else made.array(said)

        for name in ("load", "loadtxt", "genfromtxt"):
            self._standing_in(loaded("numpy"), name, arrays, told=True)
        for name in ("fromfile", "memmap"):
            self._standing_in(loaded("numpy"), name, lambda _, __, dtype="uint8", **___: made.row(dtype), told=True)
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
        self._standing_in(loaded("PIL.Image"), "open", lambda asked, _: made.picture(loaded("PIL.Image"), str(asked)))
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
                caller = sys._getframe(1).f_code.co_filename
                # Torch does without weights, and hubs look for what is optional.
                outside = standing(caller) != FRAMEWORK and OPTIONAL.search(caller) is None
                if isinstance(mode, str) and outside and mode[:1] in "wax":
                    return io.BytesIO() if "b" in mode else io.StringIO()  # a folder that only git does not keep
                if not isinstance(mode, str) or "r" not in mode or not outside or not self.is_data(file):
                    raise
            return self._handle(file, mode)

        for owner in (builtins, io):
            self.replace(owner, "open", opened)

    def _handle(self, file: Any, mode: str) -> Any:
        """A file that is made up, open."""
        shown = os.fspath(file)
        found: Any = Raw(self._bytes(shown)) if "b" in mode else Opened(self._lines(shown))
        found.said, found.name = self.told(file), shown
        return found

    def _downloads(self) -> None:
        """There is no network: what would be downloaded is a file that is not there."""

        def attempted(owner: Any, name: str, otherwise: Callable[..., Any]) -> None:
            plain = getattr(owner, name)

            def download(*args: Any, **kwargs: Any) -> Any:
                try:
                    return plain(*args, **kwargs)
                except OSError:
                    if not asks():
                        raise
                    return otherwise(*args, **kwargs)

            self.replace(owner, name, download)

        request = sys.modules.get("urllib.request")
        if request is not None:
            attempted(request, "urlretrieve", lambda url, filename="", *_, **__: (filename or url, None))
            attempted(request, "urlopen", lambda *_, **__: Raw(self._bytes("")))
        plain = torch.from_numpy
        self.replace(
            torch, "from_numpy", lambda array: plain(array.__array__() if isinstance(array, Unknown) else array)
        )

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
            self.made.picture(pictures, path).save(into, "PNG")
            return into.getvalue()
        made = self.made
        found = self._lines(path).encode()
        if path in made.sizes:
            found = (found * (made.sizes[path] // len(found) + 1))[: made.sizes[path]]
        made.read = path, len(found)
        return found

    def _loaders(self) -> None:
        """What is unpickled, or parsed, out of a file that is made up."""
        rows, dicts, unzipped, commands = csv.reader, csv.DictReader, gzip.open, os.popen

        def read(source: Any, *args: Any, **kwargs: Any) -> Any:
            lines = isinstance(source, Opened)
            return (line.split() for line in source.readlines()) if lines else rows(source, *args, **kwargs)

        def named(source: Any, *args: Any, **kwargs: Any) -> Any:
            lines = isinstance(source, Opened)
            return (Unknown(source.said) for _ in range(LINES)) if lines else dicts(source, *args, **kwargs)

        def unzip(file: Any, mode: str = "rb", *args: Any, **kwargs: Any) -> Any:
            if is_there(file) or "r" not in mode or not self.is_data(file):
                return unzipped(file, mode, *args, **kwargs)
            return self._handle(file, "r" if "t" in mode else "rb")

        def command(line: str, *args: Any) -> Any:
            return io.StringIO("24 80") if "stty size" in line else commands(line, *args)  # there is no terminal

        for place, name, value in (
            (csv, "reader", read),
            (csv, "DictReader", named),
            (gzip, "open", unzip),
            (os, "popen", command),
        ):
            self.replace(place, name, value)

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

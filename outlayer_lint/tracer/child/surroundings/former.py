"""What libraries had once and scripts still ask for: given back under its old name for as long as a script runs."""

from __future__ import annotations

import collections
import collections.abc
import functools
import inspect
import sys
import time
from typing import TYPE_CHECKING, Any

import torch

from outlayer_lint.tracer.child.surroundings import stand_ins

if TYPE_CHECKING:
    from collections.abc import Callable

NUMPY = {"int": int, "float": float, "bool": bool, "object": object, "str": str, "complex": complex}
# Names that numpy 2 knows by another one.
NUMPY_NOW = {
    "Inf": "inf", "infty": "inf", "NaN": "nan", "NAN": "nan", "float_": "float64", "complex_": "complex128",
    "unicode_": "str_", "string_": "bytes_", "product": "prod", "cumproduct": "cumprod", "alltrue": "all",
    "sometrue": "any", "row_stack": "vstack", "trapz": "trapezoid", "in1d": "isin",
}  # fmt: skip
TRANSFORMS = {"Scale": "Resize", "RandomSizedCrop": "RandomResizedCrop"}
PICTURE = {"ANTIALIAS": "LANCZOS", "LINEAR": "BILINEAR", "CUBIC": "BICUBIC"}


def given_back(replace: Callable[[Any, str, Any], None]) -> None:
    """Put all of it in its old place, where it is missing."""

    def again(owner: Any, name: str, value: Any) -> None:
        if owner is not None and value is not None and not _has(owner, name):
            replace(owner, name, value)

    loaded = sys.modules.get
    for name, kind in NUMPY.items():
        again(loaded("numpy"), name, kind)
    for old, new in NUMPY_NOW.items():
        again(loaded("numpy"), old, getattr(loaded("numpy"), new, None))
    numpy: Any = loaded("numpy")
    if numpy is not None:
        replace(numpy, "array", _ragged(numpy.array))
    for name in ("Callable", "Iterable", "Mapping", "MutableMapping", "Sequence", "Sized", "Hashable"):
        again(collections, name, getattr(collections.abc, name))
    for old, new in TRANSFORMS.items():
        again(loaded("torchvision.transforms"), old, getattr(loaded("torchvision.transforms"), new, None))
    for old, new in PICTURE.items():
        again(loaded("PIL.Image"), old, getattr(loaded("PIL.Image"), new, None))
    for name in ("imread", "imresize"):
        again(loaded("scipy.misc"), name, stand_ins.READERS[name])
    again(time, "clock", time.perf_counter)
    again(inspect, "getargspec", inspect.getfullargspec)
    again(torch, "np", loaded("numpy"))
    again(torch.utils.data.dataloader._BaseDataLoaderIter, "next", _next)
    frame = getattr(loaded("pandas"), "DataFrame", None)
    again(frame, "append", _appended)
    again(frame, "as_matrix", lambda self, columns=None: (self if columns is None else self[columns]).values)
    again(loaded("urllib"), "URLopener", getattr(loaded("urllib.request"), "FancyURLopener", None))


def _next(self: Any) -> Any:
    return next(self)


def _ragged(plain: Any) -> Any:
    """`numpy.array` of rows that differ in length, which are objects then."""

    @functools.wraps(plain)
    def array(thing: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return plain(thing, *args, **kwargs)
        except ValueError as error:
            if "inhomogeneous" not in str(error) or args or "dtype" in kwargs:
                raise
            return plain(thing, dtype=object, **kwargs)

    return array


def _appended(self: Any, other: Any, ignore_index: bool = False, **_: Any) -> Any:  # noqa: FBT001, FBT002 - as pandas had it
    pandas: Any = sys.modules["pandas"]
    rows = other if isinstance(other, (pandas.DataFrame, pandas.Series)) else pandas.DataFrame([other])
    return pandas.concat([self, rows], ignore_index=ignore_index)


def _has(owner: Any, name: str) -> bool:
    """Whether it is there; numpy warns of what is not."""
    return name in vars(owner) or any(name in vars(each) for each in getattr(owner, "__mro__", ()))

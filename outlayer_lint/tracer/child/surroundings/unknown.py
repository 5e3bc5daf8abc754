"""Stands in for data whose form nobody knows: it becomes what the program takes it for, when it takes it for something.

An item, an attribute and an element of it are further ones, each the same whenever it is asked for; taken apart, it has
as many parts as the program wants. Numpy gets an array of it; a layer, a model or a loss the tensor that it can take.
"""

from __future__ import annotations

import itertools
import operator
import re
import sys
from typing import TYPE_CHECKING, Any, Self

import torch
from torch.utils.data._utils import collate

from outlayer_lint.tracer.child.losses.written import assigned
from outlayer_lint.tracer.child.recording.marks import PROJECT, here
from outlayer_lint.tracer.child.surroundings.environments import ASKED, is_entered, taken_apart, unpacked
from outlayer_lint.tracer.child.surroundings.needed import arguments, needed
from outlayer_lint.tracer.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SEARCH_S, TRIES = 3.0, 30
ITEMS = 64  # elements, where nothing else says how many
DEEPEST = 6  # elements of elements; below there are none
ALIVE: list[bool] = []  # empty as long as there is none
# What gives the same data again, of another type or in another place.
SAME = frozenset(
    "to cuda cpu float double half long int contiguous detach clone numpy astype copy squeeze unsqueeze requires_grad_ "
    "type pin_memory todense toarray tocsr tocoo tocsc decode cache shuffle batch".split()
)
ARRAYS = frozenset(
    "shape dtype ndim size dim reshape view transpose permute mean std max min sum T flatten ravel nonzero argmax "
    "tolist swapaxes cumsum item".split()
)
KEPT = (torch.nn.Module, torch.optim.Optimizer, torch.utils.data.DataLoader)
BETWEEN = re.compile(r"[\s,;|:/]+")  # words of a made-up line
COPIES = frozenset(("tensor", "as_tensor", "from_numpy", "asarray"))
DICTS = {"items": "items", "keys": "keys", "get": "_got"}
TEXTS = frozenset("split strip rstrip lstrip lower upper replace startswith endswith splitlines".split())


class Unknown:
    """See the module. `said` are the words by which the program knows it; they tell labels from the rest."""

    _made: Callable[[str], Any] | None = None  # gives an array for some words
    _said: str = ""  # these of one that was made without `__init__`
    _depth: int = 0
    _value: Any = None

    def __init__(self, said: str = "", depth: int = 0) -> None:
        """`depth` counts the elements of elements that it is one of."""
        self.__dict__.update(_said=said, _depth=depth, _parts={}, _value=None)
        if not ALIVE:
            ALIVE.append(True)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = self.__dict__.get("_value")
        if value is not None:
            return getattr(value, name)
        if name == "values":
            return Values(self)
        if name in DICTS:
            return getattr(self._as_dict() if name != "get" else self, DICTS[name])
        if name in SAME:
            return lambda *_, **__: self
        if name in ARRAYS:
            return getattr(self._tensor() if name in ("dim", "size", "view", "permute") else self.__array__(), name)
        if name in TEXTS:
            return getattr(Text(str(self)), name)
        return self[name]

    # As a collection.

    def __getitem__(self, key: Any) -> Any:
        value = self.__dict__.get("_value")
        if value is not None and not isinstance(key, str):
            return value[key]
        if isinstance(key, slice):
            return self
        if isinstance(key, int) and self._depth and not -ITEMS <= key < ITEMS:
            raise IndexError(key)
        parts = self.__dict__.setdefault("_parts", {})
        name = key if isinstance(key, (str, int)) else type(key).__name__
        if name not in parts:
            said = f"{self._said} {key}" if isinstance(key, str) else self._said
            parts[name] = Unknown(said, self._depth + (not isinstance(key, str)))
        return parts[name]

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, (str, int)):
            self.__dict__.setdefault("_parts", {})[key] = value

    def __iter__(self) -> Iterator[Any]:
        ASKED.append("items")
        if self._value is not None:
            return iter(self._value)
        parts = taken_apart(sys._getframe(1)) or taken_apart(sys._getframe(2))
        names = self._names() if parts else []
        if len(names) == parts > 0:
            return iter([self[name] for name in names])
        if parts:  # each is as whole as it is itself
            return iter([self[str(index)] for index in range(parts)])
        return iter([self[index] for index in range(ITEMS if self._depth < DEEPEST else 0)])

    @staticmethod
    def _names() -> list[str]:
        """What the parts are bound to."""
        place = here(PROJECT, 3)
        return assigned(place) if place is not None else []

    def __next__(self) -> Any:
        return self[0]

    def __len__(self) -> int:
        ASKED.append("length")
        return ITEMS if self._value is None else len(self._value)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str)

    def __reversed__(self) -> Iterator[Any]:
        return iter(self)

    def _as_dict(self) -> dict[str, Any]:
        own = [key for key in self.__dict__.get("_parts", {}) if isinstance(key, str)]
        return {key: self[key] for key in own or map(str, range(ITEMS))}

    def _got(self, key: Any, _default: Any = None) -> Any:
        return self[key]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What comes out of a function that is not there: what it is given, or another one of its kind."""
        back = given_back(args, kwargs, sys._getframe(1))
        return Unknown(self._said, self._depth) if back is None else back

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Lets every exception pass."""

    # As text, a number, an array, a tensor.

    def __str__(self) -> str:
        return "1"

    def __format__(self, spec: str) -> str:
        try:
            return format(1, spec)
        except ValueError:
            return format("1", spec)

    def __fspath__(self) -> str:
        return f"{'_'.join(self._said.split()) or 'made'}_up"

    def __bool__(self) -> bool:
        return True

    def __index__(self) -> int:
        ASKED.append("number")
        return 1

    __int__ = __index__

    def __float__(self) -> float:
        return float(self.__index__())

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        ASKED.append("array")
        value = self.__dict__.get("_value")
        if value is None:
            make = Unknown._made
            value = self.__dict__["_value"] = make(self._said) if make is not None else torch.zeros(1).numpy()
            if self._depth:  # an element of what is an array as a whole
                value = self.__dict__["_value"] = value[0]
        value = value.detach().numpy() if isinstance(value, torch.Tensor) else value
        return __import__("numpy").asarray(value, dtype=dtype)

    def _tensor(self) -> torch.Tensor:
        found = self.__dict__.get("_value")
        if not isinstance(found, torch.Tensor):
            array = self.__array__()
            found = self.__dict__["_value"] = torch.as_tensor(array)
        return found

    def become(self, tensor: torch.Tensor) -> torch.Tensor:
        """From now on it is this tensor."""
        ASKED.append("tensor")
        self.__dict__["_value"] = tensor
        return tensor

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run an operation with what it needs in the place of what is unknown."""
        return func(
            *known(func, args), **dict(zip(kwargs or {}, known(func, tuple((kwargs or {}).values())), strict=True))
        )


class Values(Unknown):
    """`table.values` is the array of a table; called, it gives the values of a dict."""

    def __init__(self, of: Unknown) -> None:
        """`of` is what has the values."""
        super().__init__(of._said, of._depth)
        self.__dict__["_of"] = of

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Those of a dict."""
        return self._of._as_dict().values()


def gathered(batch: list[Any], *, collate_fn_map: Any = None) -> Any:
    """A batch of unknown samples is unknown; of samples that became tensors it is a tensor."""
    del collate_fn_map
    values = [each.__dict__.get("_value") for each in batch]
    whole = all(isinstance(value, torch.Tensor) and value.shape == values[0].shape for value in values)
    return torch.stack(values) if whole else Unknown(batch[0]._said)


collate.default_collate_fn_map[Unknown] = gathered


def given_back(args: tuple[Any, ...], kwargs: dict[str, Any], frame: Any) -> Any:
    """What a function that is not there gives back of what it is given, `None` where that is nothing.

    A model, an array, a loss that is prepared, changed or scaled; several where the program takes several; arrays by
    their names, as augmentations do.
    """
    if kwargs and not args:
        return kwargs if any(hasattr(value, "shape") for value in kwargs.values()) else None
    parts = unpacked(frame)
    if 1 < parts <= len(args):
        return args[:parts]
    keeps = args and (hasattr(args[0], "shape") or isinstance(args[0], KEPT)) and not isinstance(args[0], Unknown)
    return args[0] if keeps and not is_entered(frame) else None


def known(func: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of an operation or a model, with tensors in the place of what is unknown."""
    if not any(isinstance(each, Unknown) for each in args):
        return args
    if isinstance(func, torch.nn.Module):
        taken = iter(_inputs(func, len(args)))
        return tuple(_as(each, next(taken, None)) if isinstance(each, Unknown) else each for each in args)
    others = [each for each in args if isinstance(each, torch.Tensor)]
    name = getattr(func, "__name__", "")
    if name in COPIES:
        return tuple(each.__array__() if isinstance(each, Unknown) else each for each in args)
    return tuple(_as(each, needed(name, others)) if isinstance(each, Unknown) else each for each in args)


def _as(unknown: Unknown, tensor: torch.Tensor | None) -> Any:
    """What it is already, else the tensor, else what its words say."""
    if unknown.__dict__.get("_value") is not None or tensor is None:
        return unknown._tensor()
    return unknown.become(tensor)


def _inputs(model: torch.nn.Module, count: int) -> list[Any]:
    """What a model takes, found once."""
    found = model.__dict__.get("_outlayer_inputs")
    if found is None:
        from outlayer_lint.tracer.child.search.inputs import Found, search  # noqa: PLC0415 - for models that need it

        with torch._C.DisableTorchFunction(), torch.no_grad():
            result = search(model, Target(""), budget_s=SEARCH_S, max_tries=TRIES, log=lambda _: None)
        found = arguments(result.hypotheses[0], count) if isinstance(result, Found) else []
        model.__dict__["_outlayer_inputs"] = found
    return [each for each in found if isinstance(each, torch.Tensor)]


def _numeric(name: str) -> Any:
    plain = getattr(operator, name.strip("_"), None)
    if plain is not None:
        return lambda self, other: plain(_number(self), other) if not isinstance(other, Unknown) else self
    turned = getattr(operator, name.strip("_")[1:])
    return lambda self, other: turned(other, _number(self))


def _number(unknown: Unknown) -> Any:
    """What is calculated with."""
    value = unknown.__dict__.get("_value")
    return int(unknown) if value is None else value


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    for _full in (f"__{_name}__", f"__r{_name}__"):
        setattr(Unknown, _full, _numeric(_full))
for _name in ("__lt__", "__le__", "__gt__", "__ge__"):
    setattr(Unknown, _name, _numeric(_name))


COMPARED, NAMES = itertools.count(), 3


class Text(str):
    """Text that is made up: its words are small numbers, and split by whatever it falls into its words."""

    __slots__ = ()

    def split(self, sep: str | None = None, maxsplit: int = -1) -> list[Any]:  # type: ignore[override]
        """Lines at a line break, words at anything else, as many as the program takes."""
        if sep is not None and "\n" in sep:
            return [Text(line) for line in str.splitlines(self)]
        words = Words([Text(word) for word in BETWEEN.split(self) if word] or [Text("1")])
        wanted = unpacked(sys._getframe(1)) or (maxsplit + 1 if maxsplit > 0 else 0)
        return (words * wanted)[:wanted] if wanted else words

    def splitlines(self, keepends: bool = False) -> list[Any]:  # type: ignore[override]  # noqa: FBT001, FBT002
        """Lines."""
        return [Text(line) for line in str.splitlines(self, keepends)]

    def decode(self, *_: object) -> Text:
        """It is text already."""
        return self

    def __eq__(self, other: object) -> bool:
        """A word is each third name that it is compared with: one of the classes, not always the same."""
        if str.__eq__(self, other) or not isinstance(other, str) or not other[:1].isalpha() or " " in self:
            return str.__eq__(self, other) is True
        return next(COMPARED) % NAMES == 0

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


class Words(list[Any]):
    """The words of a made-up line, which has as many as are asked for."""

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(key % len(self) if isinstance(key, int) else key)

    def __iter__(self) -> Iterator[Any]:
        parts = taken_apart(sys._getframe(1))
        return iter([self[index] for index in range(parts)]) if parts else super().__iter__()


def _kept(name: str) -> Any:
    plain = getattr(str, name)
    return lambda self, *args: Text(plain(self, *args))


for _name in ("strip", "rstrip", "lstrip", "lower", "upper", "replace", "__getitem__", "removesuffix"):
    setattr(Text, _name, _kept(_name))

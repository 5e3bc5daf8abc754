"""Stands in for what cannot be had here: a missing package, a file that was never downloaded, an option nobody gave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

COUNT = 10  # what it is as a number where its name says nothing: a plausible count of anything
MODULES = ("Module", "Model", "Net", "Network")  # ends of the names of base classes that run


class Absent:
    """Answers any attribute, call or item with another of its kind; a number as its name suggests, as a truth false.

    `layers` says of all whether what a missing class or factory gave, called with a tensor, passes it on as a layer;
    `known` are numbers of the project's configuration by their last word.
    """

    layers = False
    known: Mapping[str, Any] = {}

    def __init__(self, path: str, guess: Callable[[str], Any] | None = None) -> None:
        """`path` says where it came from; `guess` answers attributes, raising `KeyError` where it has no idea."""
        self.__dict__["_path"], self.__dict__["_guess"] = path, guess

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "vectors" and (self._guess is None or "." in self._path):  # of a vocabulary
            self.__dict__[name] = _table()
            return self.__dict__[name]
        try:
            value = self._guess(name) if self._guess is not None else Absent(f"{self._path}.{name}")
        except KeyError:
            value = Absent(f"{self._path}.{name}")
        self.__dict__[name] = value
        return value

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Another of its kind; a lone function or class is given back, as by a decorator."""
        if len(args) == 1 and not kwargs and callable(args[0]) and not isinstance(args[0], Absent):
            return args[0]
        if Absent.layers and self._path.endswith(")") and _is_tensor(args[:1]):
            from outlayer_lint.tracer.child.surroundings.stood_in import stood_in  # noqa: PLC0415 - it builds on this

            return stood_in(args[0], self._path)
        return Absent(f"{self._path}()")

    def __getitem__(self, key: Any) -> Any:
        return getattr(self, key) if isinstance(key, str) and key.isidentifier() else Absent(f"{self._path}[]")

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, str):
            self.__dict__[key] = value

    def __contains__(self, key: Any) -> bool:
        return key in self.__dict__

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        """A class derived from it: from `nn.Module` where the name says so, else from nothing."""
        return (_module_class(),) if self._path.endswith(MODULES) else ()

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return COUNT

    def __index__(self) -> int:
        return int(_number(self)) or COUNT

    def __int__(self) -> int:
        return int(_number(self)) or COUNT

    def __float__(self) -> float:
        return float(_number(self))

    def __bool__(self) -> bool:
        return False

    def __fspath__(self) -> str:
        return str(self.__dict__["_path"]).replace(".", "/")

    def __repr__(self) -> str:
        return f"<absent {self._path}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def get(self, key: Any, default: Any = None) -> Any:
        """As a dict would: what is known of the key, else the default."""
        found = self[key]
        return default if isinstance(found, Absent) and default is not None else found

    def __add__(self, other: Any) -> Any:
        return _number(self) + other

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return _number(self) - other

    def __rsub__(self, other: Any) -> Any:
        return other - _number(self)

    def __mul__(self, other: Any) -> Any:
        return _number(self) * other

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Any:
        return _number(self) // other

    def __rfloordiv__(self, other: Any) -> Any:
        return other // _number(self)

    def __mod__(self, other: Any) -> Any:
        return _number(self) % other

    def __rmod__(self, other: Any) -> Any:
        return other % _number(self)

    def __pow__(self, other: Any) -> Any:
        return _number(self) ** other

    def __rpow__(self, other: Any) -> Any:
        return other ** _number(self)

    def __neg__(self) -> Any:
        return -_number(self)

    def __truediv__(self, other: Any) -> Any:
        return _number(self) / other

    def __rtruediv__(self, other: Any) -> Any:
        return other / _number(self)

    def __eq__(self, other: object) -> bool:
        return self is other or (type(other) in {int, float} and other == _number(self))

    __hash__ = object.__hash__

    def __lt__(self, other: Any) -> bool:
        return bool(other > _number(self))

    def __gt__(self, other: Any) -> bool:
        return bool(other < _number(self))

    def __le__(self, other: Any) -> bool:
        return bool(other >= _number(self))

    def __ge__(self, other: Any) -> bool:
        return bool(other <= _number(self))


def _is_tensor(values: tuple[Any, ...]) -> bool:
    from torch import Tensor  # noqa: PLC0415 - this room is loaded before torch is

    return bool(values) and isinstance(values[0], Tensor)


def _number(absent: Absent) -> Any:
    """What it is as a number: what its last name suggests (`config["dropout"]`), else a plausible count."""
    from outlayer_lint.tracer.child.building.guesses import by_name  # noqa: PLC0415 - which knows this room

    path, _, word = str(absent.__dict__["_path"]).rpartition(".")
    if path and type(Absent.known.get(word)) in {int, float}:
        return Absent.known[word]
    try:
        found = by_name(word) if len(word) > 1 else COUNT
    except KeyError:
        return COUNT
    return found if type(found) in {int, float} and found else COUNT


def _table() -> Any:
    """Vectors of words: as many as `guesses` counts words, as wide as those that are published."""
    import torch  # noqa: PLC0415 - this room is loaded before torch is

    return torch.rand(200, 300)


def _module_class() -> type:
    from torch import nn  # noqa: PLC0415 - this room is loaded before torch is

    class Stand(nn.Module):
        """What a base class of a missing package is replaced by; unknown methods do nothing."""

        def __init__(self, *_: Any, **__: Any) -> None:
            super().__init__()

        def __getattr__(self, name: str) -> Any:
            try:
                return super().__getattr__(name)
            except AttributeError:
                if name.startswith("__"):
                    raise
                return Absent(name)

    return Stand

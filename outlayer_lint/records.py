"""Tuples with named fields, written as `typing.NamedTuple` is, without the time that `typing` takes.

A run of the linter makes fifty such classes and needs nothing else of `typing`: importing it, and having it parse every
annotation, is an eighth of the time in which a small file is checked. Type checkers see the real one.
"""

from __future__ import annotations

from collections import namedtuple

__all__ = ["TYPE_CHECKING", "Any", "NamedTuple"]

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any, NamedTuple
else:
    Any = object  # in an alias of types, which nobody asks at run time
    GIVEN = frozenset(("__annotations__", "__module__", "__qualname__"))

    class _Record(type):
        """Turns the body of a class into a named tuple: annotations are its fields, values their defaults."""

        def __new__(cls, name: str, _bases: tuple[type, ...], body: dict[str, Any]) -> type:
            fields = body.get("__annotations__", {})
            defaults = [body.pop(field) for field in fields if field in body]
            made = namedtuple(name, fields, defaults=defaults, module=body["__module__"])  # noqa: PYI024
            made.__annotations__ = fields
            made.__qualname__ = body["__qualname__"]
            for key, value in body.items():
                if key not in GIVEN:
                    setattr(made, key, value)
            return made

    NamedTuple = type.__new__(_Record, "NamedTuple", (), {})

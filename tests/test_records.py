"""Records are what `typing.NamedTuple` would have made of them."""

from __future__ import annotations

import pickle
import typing

from outlayer_lint.records import NamedTuple


class Point(NamedTuple):
    """A place."""

    x: int
    y: int = 0
    name: str | None = None

    @property
    def far(self) -> bool:
        return self.x > 10

    def moved(self, by: int) -> Point:
        return self._replace(x=self.x + by)


class Plain(typing.NamedTuple):
    """A place."""

    x: int
    y: int = 0
    name: str | None = None


def test_a_record_is_a_tuple_with_named_fields() -> None:
    point = Point(3, name="a")
    assert tuple(point) == (3, 0, "a")
    assert tuple(point) == tuple(Plain(3, name="a"))
    assert hash(point) == hash(Plain(3, name="a"))
    assert repr(point) == repr(Plain(3, name="a")).replace("Plain", "Point")
    assert (Point._fields, Point._field_defaults, Point.__match_args__) == (
        Plain._fields,
        Plain._field_defaults,
        Plain.__match_args__,
    )
    assert not hasattr(point, "__dict__")


def test_its_body_is_kept() -> None:
    assert Point.__doc__ == "A place."
    assert (Point.__module__, Point.__qualname__) == (__name__, "Point")
    assert set(Point.__annotations__) == {"x", "y", "name"}
    assert Point(11).far
    assert not Point(3).far
    assert Point(3).moved(9) == Point(12)
    assert pickle.loads(pickle.dumps(Point(3))) == Point(3)

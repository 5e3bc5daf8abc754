"""Which models a file defines: root classes, factories and models that stand at its top. Nothing is executed here."""

from __future__ import annotations

from typing import NamedTuple


class Named(NamedTuple):
    """One thing that can be built.

    `kind` is `class`, `factory` (a function that returns a model) or `value` (a model bound at the top of the file);
    `line` counts from 1.
    """

    name: str
    kind: str
    line: int


def located(path: str, text: str) -> list[Named]:
    """Root classes and factories of a file, in order of appearance; [] where it cannot be parsed."""
    raise NotImplementedError

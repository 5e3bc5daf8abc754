"""Where the source of a notebook's cells stands in its JSON, for editors that show a notebook as the file it is."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from typing import Any

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]')
CHARACTER = re.compile(r"\\u[dD][89abAB]\w\w\\u[dD][c-fC-F]\w\w|\\u\w{4}|\\.|[^\\]", re.DOTALL)


def stored(cells: Any) -> str:
    """A notebook's JSON, given for each cell whether it is code and its text."""
    made = [{"cell_type": "code" if code else "markdown", "source": text} for code, text in cells]
    return json.dumps({"cells": made, "nbformat": 4})


class Written:
    """One notebook's JSON."""

    def __init__(self, text: str) -> None:
        """Looks for the sources; the rest is passed over."""
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._length = len(text)
        self.cells: dict[int, list[list[int]]] = {}  # cell -> line -> where in the text its characters begin
        self._ends: dict[int, int] = {}
        path: list[Any] = []  # a key in an object, a count in a list, of the place that was reached
        key = False
        for match in TOKEN.finditer(text):
            word = match[0]
            if word in "{[":
                path.append(0 if word == "[" else "")
                key = word == "{"
            elif word in "}]":
                path = path[:-1]
            elif word == ",":
                key = bool(path) and isinstance(path[-1], str)
                if path and not key:
                    path[-1] += 1
            elif word == ":":
                key = False
            elif key:
                path[-1] = word[1:-1]
            elif len(path) in (4, 3) and path[0] == "cells" and path[2] == "source":  # in a list, or by itself
                self._add(path[1], match.start() + 1, word[1:-1])

    def _add(self, cell: int, start: int, raw: str) -> None:
        lines = self.cells.setdefault(cell, [[]])
        for match in CHARACTER.finditer(raw):
            lines[-1].append(start + match.start())
            if match[0] == "\\n":
                lines.append([])
        self._ends[cell] = start + len(raw)

    def place_of(self, cell: int, line: int, column: int) -> tuple[int, int]:
        """Line and column, from 0, in the JSON, of a place in a cell, from 1."""
        lines = self.cells.get(cell, [])
        if not 0 < line <= len(lines):
            return 0, 0
        characters = lines[line - 1]
        if column - 1 < len(characters):
            at = characters[column - 1]
        elif characters:
            at = characters[-1] + 1
        else:
            at = self._ends[cell]
        row = bisect_right(self._starts, at) - 1
        return row, at - self._starts[row]

    def source_of(self, row: int, column: int) -> tuple[int, int, int] | None:
        """Cell, and line and column in it, from 1, of a place in the JSON, from 0."""
        at = self._starts[row] + column if row < len(self._starts) else self._length
        for cell, lines in self.cells.items():
            for number, characters in enumerate(lines, 1):
                if characters and characters[0] <= at <= characters[-1] + 1:
                    return cell, number, bisect_right(characters, at)
        return None

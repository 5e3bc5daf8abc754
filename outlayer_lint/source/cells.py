"""Where the lines of a notebook's cells stand in its file: for edits to the byte, and for hosts that know lines only.

A notebook is JSON; a line of a cell is a part of a string, with its own escapes.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from json.decoder import scanstring  # type: ignore[attr-defined] # undocumented, and there since Python 2.6

from outlayer_lint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SPACE = re.compile(r"[ \t\r\n\ufeff]*")
BREAK = re.compile(r"(?:\\r\\n|\\n|\\r)|\\.|[^\\]+", re.DOTALL)  # a line end, an escape, text


def line_in_file(text: str, cell: int, line: int) -> tuple[int, int] | None:
    """Where a line of a cell begins and ends in the notebook's text; `None` in a file that is built otherwise."""
    pieces = _pieces(text).get(cell)
    if pieces is None:
        return None
    at = 1
    found: tuple[int, int] | None = None
    for first, last in pieces:
        begin = first
        for match in BREAK.finditer(text, first, last):
            if match[0] in ("\\n", "\\r", "\\r\\n"):
                if at == line:
                    return begin, match.start()
                at, begin = at + 1, match.end()
        if at == line:  # the line goes on in the next piece, or this is the last
            found = begin, last
    return found


@lru_cache(maxsize=8)  # a report asks for several lines of a notebook, whose pictures take long to skip
def _pieces(text: str) -> dict[int, list[tuple[int, int]]]:
    return dict(_sources(text))


def _sources(text: str) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Number of each cell -> where the strings of its source are, without their quotes."""
    try:
        for key, at in _members(text, 0, "{"):
            if key == "cells":
                for number, (_, start) in enumerate(_members(text, at, "[")):
                    for name, place in _members(text, start, "{"):
                        if name == "source":
                            yield number, list(_strings(text, place))
    except (ValueError, IndexError, RecursionError):
        return


def _strings(text: str, at: int) -> Iterator[tuple[int, int]]:
    starts = [at] if text[at] == '"' else [place for _, place in _members(text, at, "[")]
    for start in starts:
        yield start + 1, scanstring(text, start + 1)[1] - 1


def _members(text: str, at: int, opening: str) -> Iterator[tuple[str, int]]:
    """Key ("" in a list) and beginning of each value of an object or a list."""
    decode = json.JSONDecoder().raw_decode
    at = _skip(text, at)
    if text[at] != opening:
        return
    at = _skip(text, at + 1)
    while text[at] not in "]}":
        key = ""
        if opening == "{":
            key, at = scanstring(text, at + 1)
            at = _skip(text, _skip(text, at) + 1)
        yield key, at
        at = _skip(text, decode(text, at)[1])
        if text[at] == ",":
            at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    match = SPACE.match(text, at)
    return at if match is None else match.end()

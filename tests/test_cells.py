"""Where the lines of cells stand in a notebook's file, however the file was written."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlayer_lint.source.cells import line_in_file

LINES = st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=8), min_size=1)


def pieces(text: str, cuts: list[int]) -> list[str]:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[a:b] for a, b in pairwise(places)]


@given(
    cells=st.lists(LINES, min_size=1, max_size=3),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    cuts=st.lists(st.integers(0, 99), max_size=3),
    joined=st.booleans(),
    indent=st.sampled_from([None, 1, 4]),
    ascii_=st.booleans(),
)
def test_every_line_of_every_cell_is_found(  # noqa: PLR0913 - a file can be written in many ways
    *, cells: list[list[str]], end: str, cuts: list[int], joined: bool, indent: int | None, ascii_: bool
) -> None:
    book: dict[str, Any] = {"metadata": {"cells": [3]}, "cells": [{"cell_type": "markdown", "source": "x\ny"}]}
    for lines in cells:
        text = end.join(lines)
        source: str | list[str]
        # A line end of two characters is never cut in two.
        source = text if joined or end == "\r\n" else pieces(text, cuts)
        book["cells"].append({"outputs": [{"source": ["no"]}], "source": source, "cell_type": "code"})
    written = json.dumps(book, indent=indent, ensure_ascii=ascii_)
    for number, lines in enumerate(cells, 1):
        source = book["cells"][number]["source"]
        for at, line in enumerate(lines, 1):
            place = line_in_file(written, number, at)
            if place is None:
                assert not "".join(lines)  # a source without any string
                continue
            told = json.loads(f'"{written[place[0] : place[1]]}"')
            assert line.endswith(told)
            assert told == line or not isinstance(source, str)
            if at < len(lines) and end in ("\n", "\r"):
                after = written[place[1] :]
                assert after.startswith((json.dumps(end)[1:-1], '"'))
        assert line_in_file(written, number, len(lines) + 1) is None
    assert line_in_file(written, len(cells) + 1, 1) is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "3", '{"cells": 3}', '{"cells": [3, null, {}]}', '{"cells": [{"source":']
)
def test_what_is_no_notebook_has_no_lines(text: str) -> None:
    assert line_in_file(text, 0, 1) is None


def test_a_mark_at_the_beginning_does_not_matter() -> None:
    assert line_in_file('\ufeff{"cells":[{"source":["ab"]}]}', 0, 1) == (23, 25)

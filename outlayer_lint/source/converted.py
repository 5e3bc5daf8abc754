"""Scripts that `jupyter nbconvert --to script` made of notebooks: code that a magic hides in a text is code again.

`get_ipython().run_cell_magic('time', '', 'model.fit(x)')` becomes the lines of its text, each of which knows where it
was written. What is of no interest to the program stays the call it is.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_right

from outlayer_lint.records import TYPE_CHECKING, NamedTuple
from outlayer_lint.source.notebook import FOREIGN, WRITES, module_written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from outlayer_lint.source.notebook import Cell

CALL = r"(?m)^([ \t]*)get_ipython\(\)\.(run_cell_magic|run_line_magic|magic)\((.*)\)[ \t]*;?[ \t]*(?:#.*)?$"
TIMED = ("time", "timeit")
ESCAPE = r"""(?s)\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[\\'"abfnrtv])|[^\\\n]"""
Body = list[tuple[str, list[int]]]  # the lines of a text, and where in the line as written their characters stand


class Magic(NamedTuple):
    """A call of a magic that was given code."""

    indent: str
    name: str
    argument: str
    body: Body

    @property
    def text(self) -> str:
        """The code."""
        return "\n".join(line for line, _ in self.body)


class Converted:
    """A script with what was hidden in it; the interface is a `Notebook`'s, without cells.

    Attributes:
        lines: what is parsed.
        columns: line of what is parsed -> where each of its characters stands in the line as written, from 0.
        parts: modules that the script writes, by path as written.
        cells: none.
        shifts: none.
    """

    __slots__ = ("_places", "_written", "cells", "columns", "lines", "parts", "shifts")

    def __init__(self, text: str) -> None:
        """Nothing is expanded yet."""
        self._written = text.split("\n")
        self._places: list[int] = []  # of each line of `lines`, the line as written
        self.lines: list[str] = []
        self.columns: dict[int, list[int]] = {}
        self.parts: tuple[str, ...] = ()
        self.cells: tuple[Cell, ...] = ()
        self.shifts: dict[int, int] = {}

    def add(self, written: int, line: str, columns: list[int] | None = None) -> None:
        """One more line to parse."""
        self.lines.append(line)
        self._places.append(written)
        if columns is not None:
            self.columns[len(self.lines)] = columns

    def expand(self, written: int, magic: Magic) -> None:
        """The lines of the code that a magic was given."""
        indent = magic.indent
        for line, columns in magic.body:
            self.add(written, indent + line, [*range(len(indent)), *columns])

    def place(self, line: int) -> tuple[None, int]:
        """No cell, and the line as written."""
        return None, self._places[line - 1] if 0 < line <= len(self._places) else line

    def line_of(self, _: int | None, line: int) -> int:
        """The first line to parse that a line as written has become."""
        at = bisect_right(self._places, line - 1)
        return at + 1 if at < len(self._places) and self._places[at] == line else line

    def written(self) -> list[str]:
        """For each line to parse the line as written, once."""
        return [
            self._written[at - 1] if number == 0 or self._places[number - 1] != at else ""
            for number, at in enumerate(self._places)
        ]

    def recover(self, _: Callable[[str], SyntaxError | None]) -> Iterator[tuple[int, int, str]]:
        """There is nothing that could be left out."""
        return iter(())


def convert(text: str, parses: Callable[[str], SyntaxError | None], part: str = "") -> Converted | None:
    """What is hidden in a script, or in the module `part` that it writes; `None` where nothing is."""
    magics = {}
    for match in re.finditer(CALL, text):
        magic = _magic(match)
        if magic is not None:
            magics[text.count("\n", 0, match.start()) + 1] = magic
    if part:
        return _module(text, magics, part)
    written = [module_written(magic.argument)[0] for magic in magics.values() if magic.name in WRITES]
    parts = tuple(dict.fromkeys(filter(None, written)))
    runs = {n: m for n, m in magics.items() if m.name not in FOREIGN and parses(f"{m.text}\n") is None}
    if not runs and not parts:
        return None
    script = _script(text, runs)
    if runs and parses("\n".join(script.lines)) is not None:  # something else is wrong, and told as it was written
        script = _script(text, {})
    script.parts = parts
    return script


def _script(text: str, runs: dict[int, Magic]) -> Converted:
    script = Converted(text)
    for number, line in enumerate(text.split("\n"), 1):
        if number in runs:
            script.expand(number, runs[number])
        else:
            script.add(number, line)
    return script


def _module(text: str, magics: dict[int, Magic], part: str) -> Converted:
    module = Converted(text)
    for number, magic in magics.items():
        name, appends = module_written(magic.argument) if magic.name in WRITES else ("", False)
        if name == part:
            module = module if appends else Converted(text)
            module.expand(number, magic)
    return module


def _magic(match: re.Match[str]) -> Magic | None:
    try:
        call = ast.parse(f"f({match[3]})", mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    given = call.args if isinstance(call, ast.Call) else []
    texts = [each for each in given if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    if len(texts) != len(given):
        return None
    name, argument, cut = "", "", 0
    match match[2], [str(each.value) for each in texts]:
        case ("run_cell_magic", [name, argument, _]) | ("run_line_magic", [name, argument]):
            pass
        case "magic", [line]:  # as older versions wrote it
            name, _, argument = line.lstrip("%").partition(" ")
            cut = len(line) - len(argument)
        case _:
            return None
    if match[2] != "run_cell_magic" and (name not in TIMED or argument.startswith("-")):
        return None
    body = _lines(match[3], texts[-1], match.start(3) - match.start(), cut)
    return None if body is None else Magic(match[1], name, argument, body)


def _lines(source: str, literal: ast.Constant, start: int, cut: int) -> Body | None:
    """The lines of a text without its first characters, where it is written on one line."""
    ahead, end = literal.col_offset - len("f("), (literal.end_col_offset or 0) - len("f(")
    written = source.encode()[ahead:end].decode()
    quoted = re.fullmatch(r"""[uU]?(['"])(.*)\1""", written)
    if quoted is None:
        return None
    begin = start + len(source.encode()[:ahead].decode()) + quoted.start(2)
    value = str(literal.value)
    places = [begin + match.start() for match in re.finditer(ESCAPE, quoted[2])]
    if len(places) != len(value):
        return None
    places.append(begin + len(quoted[2]))
    lines: Body = []
    at = cut
    for line in value[cut:].split("\n"):
        lines.append((line, places[at : at + len(line) + 1]))
        at += len(line) + 1
    return lines

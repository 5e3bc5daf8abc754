"""Notebooks as one program: the code cells in order, magics blanked, with a way back to cell and line.

Every line keeps its place, so a position in the joined text is a position in a cell. The number of a cell counts all
cells of the file, from 0.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from outlayer_lint.records import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_BYTES = 64_000_000  # pictures in outputs are large and harmless
MAX_MAGICS = 20  # of one cell that are looked at one by one

# Cell magics whose body is another language, or a file of its own.
FOREIGN = frozenset(
    "bash bigquery cmd cython file html javascript js latex markdown perl powershell pypy python2 r ruby script sh "
    "shell sql svg system sx writefile writetemplate".split()
)
WRITES = ("writefile", "file")  # the cell magics that make a module of their cell
TIMED = re.compile(r"(\s*)(%(?:time|timeit)[ \t]+)(?=[^\s-])")
MAGIC = re.compile(
    r"""\s*(?:
        %{1,2}[A-Za-z_]            # %matplotlib, %%time further down
      | !                          # !pip install
      | \?                         # ?help
      | [\w.\[\]*]+\?{1,2}\s*$     # help?
      | [\w\[\]., '"]+=\s*[!%]\s*[A-Za-z~./{]  # files = !ls
      | (?:pip3?|conda|apt|apt-get|cd|ls|mkdir|git|wget|unzip)\s+[^\s=(.,:\[]  # automagic
    )""",
    re.VERBOSE,
)
AUTOMATIC = ("pip", "conda", "apt", "cd", "ls", "mkdir", "git", "wget", "unzip")


class NotANotebook(ValueError):
    """The bytes are not a notebook; the message says why."""


class Cell(NamedTuple):
    """A code cell: its number in the file, the line of the joined text it begins at, and its lines as written."""

    number: int
    first: int
    lines: list[str]


class Notebook:
    """The joined program.

    Attributes:
        cells: the code cells in order.
        lines: what is parsed, line by line: magics and what could not be parsed are blank.
        shifts: joined line -> characters that were cut off its front (`%time model.fit()`).
        columns: none; a converted script has some.
        parts: modules that cells write, by path as written.
    """

    __slots__ = ("_firsts", "cells", "columns", "lines", "parts", "shifts")

    def __init__(self, cells: list[Cell], parses: Callable[[str], SyntaxError | None]) -> None:
        """`parses` tells what is wrong with a piece of source, or `None`."""
        self.cells = cells
        self._firsts = [cell.first for cell in cells]
        self.shifts: dict[int, int] = {}
        self.columns: dict[int, list[int]] = {}
        self.parts: tuple[str, ...] = ()
        self.lines: list[str] = []
        for cell in cells:
            lines = cell.lines
            if _has_magics(lines):
                lines, shifts = _without_magics(lines, parses)
                self.shifts.update((cell.first + at, shift) for at, shift in shifts.items())
            self.lines.extend(lines)

    def place(self, line: int) -> tuple[int, int]:
        """Cell and line in the cell of a joined line."""
        at = max(bisect_right(self._firsts, line) - 1, 0)
        if not self.cells:
            return 0, line
        cell = self.cells[at]
        return cell.number, line - cell.first + 1

    def line_of(self, number: int | None, line: int) -> int:
        """The joined line of a cell's line."""
        return next((cell.first + line - 1 for cell in self.cells if cell.number == number), line)

    def written(self) -> list[str]:
        """The lines as the author wrote them."""
        return [line for cell in self.cells for line in cell.lines]

    def recover(self, parses: Callable[[str], SyntaxError | None]) -> Iterator[tuple[int, int, str]]:
        """Blank the cells that do not parse by themselves; yields cell, line in it and what is wrong."""
        from outlayer_lint.source.unparsed import modern  # noqa: PLC0415 - for notebooks that do not parse

        for cell in self.cells:
            last = cell.first - 1 + len(cell.lines)
            text = "\n".join(self.lines[cell.first - 1 : last]) + "\n"
            error = parses(text)
            older = None if error is None else modern(text, parses)
            if older is not None:
                self.lines[cell.first - 1 : last] = older.split("\n")[: len(cell.lines)]
            elif error is not None:
                self.lines[cell.first - 1 : last] = [""] * len(cell.lines)
                yield cell.number, min(error.lineno or 1, len(cell.lines)), error.msg


def read(data: bytes, parses: Callable[[str], SyntaxError | None], part: str = "") -> Notebook:
    """Read a notebook of format 3 or 4, or the module `part` that its cells write.

    One in another language has no cells; raises `NotANotebook`.
    """
    import json  # noqa: PLC0415 - for notebooks only

    try:
        book = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise NotANotebook("the notebook is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise NotANotebook(f"not JSON (line {error.lineno}): {error.msg}") from None
    except (RecursionError, ValueError):
        raise NotANotebook("not JSON: nested too deeply or a number without end") from None
    if not isinstance(book, dict):
        raise NotANotebook("not a notebook: the file holds no JSON object")
    sheets = book.get("worksheets")
    cells = book.get("cells")
    if isinstance(sheets, list):
        cells = [cell for sheet in sheets for cell in _list(sheet, "cells")]
    if not isinstance(cells, list):
        raise NotANotebook("not a notebook: there is no list of cells")
    code = list(_code(cells)) if _language(book) in ("python", "") else []
    written = _written(code)
    notebook = Notebook(written.get(part, []) if part else code, parses)
    notebook.parts = tuple(written)
    return notebook


def _written(cells: list[Cell]) -> dict[str, list[Cell]]:
    """Module -> the cells that write it, as `%%writefile` leaves it: replaced, or appended to with `-a`."""
    modules: dict[str, list[Cell]] = {}
    for cell in cells:
        at = _beginning(cell.lines)
        magic = re.match(r"%%(\w+)[ \t]+(.*)", cell.lines[at])
        name, appends = module_written(magic[2]) if magic and magic[1].lower() in WRITES else ("", False)
        if name:
            before = modules.get(name, []) if appends else []
            first = before[-1].first + len(before[-1].lines) if before else 1
            modules[name] = [*before, Cell(cell.number, first, [*[""] * (at + 1), *cell.lines[at + 1 :]])]
    return modules


def module_written(argument: str) -> tuple[str, bool]:
    """The path of the module that `%%writefile` is told to write, "" where it is none, and whether it is appended to.

    Folders that only the running notebook knows (`{folder}/net.py`, `/content/net.py`) are left out: imports of such
    modules work because that folder is on the path.
    """
    words = [word.strip("\"'") for word in re.findall(r"""\"[^"]*\"|'[^']*'|\S+""", argument)]
    path = next((word for word in words if not word.startswith("-")), "").replace("\\", "/")
    *folders, name = path.split("/")
    if not name.endswith(".py") or not name[:-3].isidentifier():
        return "", False
    if folders and (folders[0] == "" or folders[0][:1] == "~" or ":" in folders[0]):
        folders = []
    known = [folder for folder in folders if not set("{}$") & set(folder)]
    return "/".join([*known, name]), any(word in ("-a", "--append") for word in words)


def _has_magics(lines: list[str]) -> bool:
    """Whether a line looks like a magic; a look at single characters spares most cells the pattern."""
    text = "\n".join(lines)
    signs = "%" in text or "!" in text or "?" in text
    return (signs or any(line.lstrip().startswith(AUTOMATIC) for line in lines)) and any(map(MAGIC.match, lines))


def _beginning(lines: list[str]) -> int:
    """The line at which the code of a cell begins: a `%%` may stand below comments."""
    return next((at for at, line in enumerate(lines) if line.strip() and line.lstrip()[0] != "#"), 0)


def _code(cells: list[Any]) -> Iterator[Cell]:
    first = 1
    for number, cell in enumerate(cells):
        if isinstance(cell, dict) and cell.get("cell_type") == "code" and cell.get("language", "python") == "python":
            source = cell.get("source", cell.get("input", ""))
            if isinstance(source, list):
                source = "".join([part for part in source if isinstance(part, str)])
            if isinstance(source, str):
                # A lone surrogate is legal in JSON and in no source file.
                text = source.encode("utf-8", "replace").decode("utf-8")
                lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", " ").split("\n")
                yield Cell(number, first, lines)
                first += len(lines)


def _language(book: dict[str, Any]) -> str:
    metadata = book.get("metadata")
    for section, key in (("language_info", "name"), ("kernelspec", "language")):
        about = metadata.get(section) if isinstance(metadata, dict) else None
        name = about.get(key) if isinstance(about, dict) else None
        if isinstance(name, str):
            return name.lower()
    return ""


def _list(table: Any, key: str) -> list[Any]:
    value = table.get(key) if isinstance(table, dict) else None
    return value if isinstance(value, list) else []


def _without_magics(lines: list[str], parses: Callable[[str], SyntaxError | None]) -> tuple[list[str], dict[int, int]]:
    """The cell with its magics blanked, and what was cut off the front of a line."""
    first = _beginning(lines)
    if lines[first].startswith("%%"):
        word = re.match(r"%%(\w*)", lines[first])
        blank = [""] * len(lines)
        if word is None or word[1].lower() in FOREIGN:
            return blank, {}
        body, shifts = _without_magics([*blank[: first + 1], *lines[first + 1 :]], parses)
        return (blank, {}) if parses("\n".join(body) + "\n") else (body, shifts)
    if parses("\n".join(lines) + "\n") is None:  # what looks like a magic is the inside of a string or an expression
        return lines, {}
    suspects = [at for at, line in enumerate(lines) if MAGIC.match(line)]
    # Blank what the parser stumbles upon, one by one, and the rest of the suspects not: they may stand in a string.
    chosen: list[int] = []
    for _ in range(min(len(suspects), MAX_MAGICS)):
        error = parses("\n".join(_blanked(lines, chosen)[0]) + "\n")
        if error is None:
            break
        chosen.extend([at for at in suspects if at < (error.lineno or 1) and at not in chosen][-1:])
    attempt = _blanked(lines, chosen)
    return attempt if parses("\n".join(attempt[0]) + "\n") is None else _blanked(lines, suspects)


def _blanked(lines: list[str], magics: list[int]) -> tuple[list[str], dict[int, int]]:
    kept = list(lines)
    shifts: dict[int, int] = {}
    for at in magics:
        line = lines[at]
        timed = TIMED.match(line)
        if timed:  # the statement that is timed is part of the program
            kept[at] = timed[1] + line[timed.end() :]
            shifts[at] = len(timed[2])
            continue
        indent = line[: len(line) - len(line.lstrip())]
        kept[at] = f"{indent}pass" if indent else ""  # a block must not become empty
        while lines[at].rstrip().endswith("\\") and at + 1 < len(lines):
            at += 1  # noqa: PLW2901 - the shell command goes on
            kept[at] = ""
    return kept, shifts

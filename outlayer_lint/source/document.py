"""One file: its text, its tree, parsed when first asked for, and where things stand in it."""

from __future__ import annotations

import ast
import os
import re
import stat
import warnings

from outlayer_lint.diagnostic import Span, Unread
from outlayer_lint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from outlayer_lint.source.converted import Converted
    from outlayer_lint.source.notebook import Notebook

MAX_BYTES = 5_000_000
MAX_LINE = 1_000_000
SILENT = [("ignore", None, Warning, None, 0)]  # the filter that ignores all warnings
REWRITTEN = "rewritten before it was judged"
SALVAGED = "left out before the rest was judged"
SHORT = 60  # characters of source that a message quotes
# Not compiled here: few runs need any of these, and all of them together cost as much as a small file.
CODING = rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)"
BLANK = rb"[ \t\f]*(?:#.*)?\r?$"
NOQA = r"(?i)#\s*noqa\b(?:\s*:\s*(?P<codes>[A-Z]+[0-9]*(?:[\s,]+[A-Z]+[0-9]+)*))?"
CODE = r"(?i)[A-Z]+[0-9]+"


class Unreadable(Exception):
    """A file that cannot be analysed: where it fails and why, as an entry of `errors`."""

    def __init__(self, line: int, message: str) -> None:
        """`message` has no period and names no path."""
        super().__init__(message)
        self.line = line
        self.message = message


class Document:
    """A Python file or a notebook.

    Attributes:
        path: absolute.
        display: the path as it is reported; all spans carry it.
        data: the bytes on disk.
        is_notebook: whether it is one; then lines of the text are lines of all code cells joined.
        part: the module that is meant, where the file is one that writes modules (`%%writefile`).
        unread: parts that were left out, known once `tree` was asked for.
    """

    __slots__ = (
        "_later",
        "_lines",
        "_noqa",
        "_notebook",
        "_text",
        "_tree",
        "data",
        "display",
        "is_notebook",
        "part",
        "path",
        "sparse",
        "unread",
    )

    def __init__(  # noqa: PLR0913 - of a file, of one that somebody has parsed, of a part of one
        self, path: str, display: str, data: bytes, tree: ast.Module | None = None, *, sparse: bool = False,
        part: str = "",
    ) -> None:  # fmt: skip
        """`tree` may be given where somebody parsed already (flake8); `sparse`: bodies are parsed when filled."""
        self.path = path
        self.display = display
        self.data = data
        self.is_notebook = display.endswith(".ipynb")
        self.unread: tuple[Unread, ...] = ()
        self.sparse = sparse
        self.part = part
        self._tree = tree
        self._later: dict[ast.AST, tuple[int, int]] = {}
        self._text: str | None = None
        self._lines: list[str] | None = None
        self._noqa: dict[int, frozenset[str]] | None = None
        self._notebook: Notebook | Converted | None = None

    @property
    def text(self) -> str:
        """The source with line ends as Python sees them, magics of notebooks blank. Raises `Unreadable`."""
        if self._text is None:
            self._text = self._joined() if self.is_notebook else self._plain()
        return self._text

    @property
    def parts(self) -> tuple[str, ...]:
        """The modules that cells of this document write, by path as written. Raises `Unreadable`."""
        _ = self.text
        return () if self._notebook is None else self._notebook.parts

    def holds(self, cell: int) -> bool:
        """Whether a cell of the notebook belongs to what is meant. Raises `Unreadable`."""
        _ = self.text
        return self._notebook is not None and any(each.number == cell for each in self._notebook.cells)

    @property
    def tree(self) -> ast.Module:
        """The syntax tree. Raises `Unreadable`; a notebook goes without the cells that do not parse.

        Of a sparse document, bodies of top-level definitions are empty until `fill` is called.
        """
        if self._tree is None:
            text = self.text
            if self.sparse and not self.is_notebook and self._outlined(text):
                return self.tree
            try:
                self._tree = parse(text, self.display)
            except SyntaxError as error:
                if self._notebook is None:
                    self._tree = self._older(text, error)
                else:
                    self._tree = self._recovered(self._notebook)
        return self._tree

    def _outlined(self, text: str) -> bool:
        from outlayer_lint.source.outline import outline  # noqa: PLC0415 - for projects of some size only

        drawn = outline(text)
        if drawn is None:
            return False
        try:
            tree = parse(drawn.text, self.display)
        except SyntaxError:
            return False
        later = drawn.fits(tree)
        if later is None:
            return False
        self._tree = tree
        self._later.update(later)
        return True

    def fill(self, node: ast.AST) -> None:
        """Parse the body of a definition that was left for later. Raises `Unreadable`."""
        part = self._later.pop(node, None)
        if part is None:
            return
        line: int = node.lineno  # type: ignore[attr-defined] # only definitions are left for later
        text = "\n" * (line - 1) + self.text[part[0] : part[1]]
        try:
            filled = parse(text, self.display)
        except SyntaxError as error:
            filled = self._older(text, error)
        node.body = getattr(filled.body[0], "body", []) or node.body  # type: ignore[attr-defined]

    def _older(self, text: str, error: SyntaxError) -> ast.Module:
        """The tree of what an older Python reads, which is told among what could not be read. Raises `Unreadable`."""
        from outlayer_lint.source.unparsed import modern, rewrites, unreadable  # noqa: PLC0415 - for what does not parse

        fault = unreadable(error, text)
        rewritten, how = modern(text, _fault), REWRITTEN
        if rewritten is None:
            from outlayer_lint.source.salvaged import salvaged  # noqa: PLC0415 - for files that are broken

            attempts = (salvaged(attempt, _fault) for attempt in (text, *rewrites(text)))
            rewritten, how = next((left for left in attempts if left is not None), None), SALVAGED
        if rewritten is None:
            raise fault from None
        self.unread = (*self.unread, Unread(self.display, fault.line, f"{fault.message}, {how}"))
        return parse(rewritten, self.display)

    @property
    def lines(self) -> list[str]:
        """The lines as written, magics included; joined line n is `lines[n - 1]`."""
        if self._lines is None:
            text = self.text
            self._lines = text.split("\n") if self._notebook is None else self._notebook.written()
        return self._lines

    @property
    def noqa(self) -> dict[int, frozenset[str]]:
        """Joined line -> codes (upper case) that its `# noqa` lists; empty for one that silences everything."""
        if self._noqa is None:
            self._noqa = {}
            if b"noqa" in self.data.lower():
                for number, line in enumerate(self.lines, 1):
                    match = re.search(NOQA, line) if "#" in line else None
                    if match:
                        self._noqa[number] = frozenset(code.upper() for code in re.findall(CODE, match["codes"] or ""))
        return self._noqa

    def place(self, line: int) -> tuple[int | None, int]:
        """Cell (`None` where there are none) and line in it, of a joined line."""
        _ = self.text
        return (None, line) if self._notebook is None else self._notebook.place(line)

    def line_of(self, span: Span) -> int:
        """The joined line that a span of this document begins on."""
        _ = self.text
        if self._notebook is None:
            return span.line
        return self._notebook.line_of(span.cell, span.line)

    def span(self, node: ast.AST) -> Span:
        """Where a node stands, for readers."""
        line, column, end_line, end_column = _range(node)
        start = self._column(line, column)
        end = self._column(end_line, end_column)
        if self._notebook is None:
            return Span(self.display, line, start, end_line, end)
        cell, first = self._notebook.place(line)
        return Span(self.display, first, start, self._notebook.place(end_line)[1], end, cell)

    def segment(self, node: ast.AST) -> str:
        """The source of an expression on one line, shortened to what a message can quote."""
        words = " ".join(self._source(node).split())
        if len(words) <= SHORT:
            return words
        if isinstance(node, ast.Call):
            called = " ".join(self._source(node.func).split())
            if len(called) <= SHORT - len("(...)"):
                return f"{called}(...)"
        return f"{words[: SHORT - 3].rstrip()}..."

    def line_text(self, span: Span) -> str:
        """The line that a span begins on, as written."""
        line = self.line_of(span)
        return self.lines[line - 1] if 0 < line <= len(self.lines) else ""

    def _source(self, node: ast.AST) -> str:
        """The source of a node without the comments between its lines."""
        line, column, end_line, end_column = _range(node)
        parsed = self.lines if self._notebook is None else self._notebook.lines
        lines = parsed[line - 1 : end_line]
        if not lines:
            return ""
        lines[-1] = _upto(lines[-1], end_column)
        lines[0] = lines[0][len(_upto(lines[0], column)) :]
        if len(lines) > 1 and not any(quote in text for text in lines for quote in "\"'"):
            lines = [text.partition("#")[0] for text in lines]
        return "\n".join(lines)

    def _column(self, line: int, column: int) -> int:
        """From a count of UTF-8 bytes, from 0, to one of characters, from 1."""
        if self._notebook is not None and line in self._notebook.columns:
            columns = self._notebook.columns[line]
            return columns[min(len(_upto(self._notebook.lines[line - 1], column)), len(columns) - 1)] + 1
        shift = self._notebook.shifts.get(line, 0) if self._notebook else 0
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        return (column if text.isascii() else len(_upto(text[shift:], column))) + shift + 1

    def _plain(self) -> str:
        text = decoded(self.data)
        if b"get_ipython()." in self.data:
            from outlayer_lint.source.converted import convert  # noqa: PLC0415 - for scripts that were notebooks

            converted = convert(text, _fault, self.part)
            if converted is not None:
                self._notebook = converted
                return "\n".join(converted.lines)
        return text

    def _joined(self) -> str:
        from outlayer_lint.source.notebook import NotANotebook, read  # noqa: PLC0415 - for notebooks only

        try:
            self._notebook = read(self.data, _fault, self.part)
        except NotANotebook as error:
            raise Unreadable(1, str(error)) from None
        return _bounded("\n".join(self._notebook.lines))

    def _recovered(self, notebook: Notebook | Converted) -> ast.Module:
        self.unread = tuple(
            Unread(self.display, line, f"cell {cell}: {message}") for cell, line, message in notebook.recover(_fault)
        )
        self._text = "\n".join(notebook.lines)
        try:
            return parse(self._text, self.display)
        except SyntaxError as error:
            from outlayer_lint.source.unparsed import unreadable  # noqa: PLC0415 - for notebooks that do not parse

            fault = unreadable(error, self._text)
            raise Unreadable(notebook.place(fault.line)[1], fault.message) from None


def load(path: str, display: str) -> Document:
    """The document of a file. Raises `Unreadable`."""
    return Document(path, display, contents(path))


def contents(path: str) -> bytes:
    """The bytes of a file that may be anything: a pipe, a device, a gigabyte. Raises `Unreadable`."""
    limit = MAX_BYTES
    if path.endswith(".ipynb"):
        from outlayer_lint.source.notebook import MAX_BYTES as limit  # noqa: PLC0415, N811 - for notebooks only
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable(1, "not a regular file")
        if status.st_size > limit:
            raise Unreadable(1, f"larger than {limit // 1_000_000} MB")
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except OSError as error:
        raise Unreadable(1, f"cannot be read: {error.strerror}") from None


def decoded(data: bytes) -> str:
    """The text of a Python file by the rules of PEP 263. Raises `Unreadable`."""
    if len(data) > MAX_BYTES:
        raise Unreadable(1, f"larger than {MAX_BYTES // 1_000_000} MB")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable(1, "UTF-16, which Python does not read")
    if b"\0" in data:
        raise Unreadable(data.count(b"\n", 0, data.index(b"\0")) + 1, "contains NUL bytes")
    data = data.removeprefix(b"\xef\xbb\xbf")
    encoding = _coding(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable(line, f"not {encoding}: byte 0x{data[error.start]:02x}") from None
    except LookupError:
        raise Unreadable(1, f"unknown encoding `{encoding}`") from None
    except (UnicodeError, ValueError):  # codecs that are no encodings, such as `idna`
        raise Unreadable(1, f"not {encoding}") from None
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _bounded(text)


def encoded(text: str) -> bytes:
    """The bytes that `decoded` makes this text of: what an editor would save."""
    data = text.encode("utf-8", "surrogatepass")
    coding = _coding(data)
    if coding.lower() in ("utf-8", "utf8"):
        return data
    try:
        return text.encode(coding)
    except (UnicodeError, LookupError, ValueError):
        return data


def _coding(data: bytes) -> str:
    head = data.split(b"\n", 2)[:2]
    for line in head if b"coding" in b"".join(head) else ():
        match = re.match(CODING, line)
        if match:
            return match[1].decode("ascii", "replace")
        if not re.match(BLANK, line):
            break
    return "utf-8"


def _bounded(text: str) -> str:
    if len(text) > MAX_LINE:
        start = 0
        for number, line in enumerate(text.split("\n"), 1):
            if len(line) > MAX_LINE:
                raise Unreadable(number, "a line longer than 1 MB")
            start += len(line)
        if start > MAX_BYTES:
            raise Unreadable(1, f"larger than {MAX_BYTES // 1_000_000} MB")
    return text


def parse(text: str, name: str) -> ast.Module:
    """`ast.parse` that is silent and raises nothing but `SyntaxError`, whatever it is given."""
    if warnings.filters[:1] != SILENT:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return parse(text, name)
    try:
        return ast.parse(text, name)
    except (MemoryError, RecursionError):
        raise SyntaxError("nested too deeply") from None
    except (ValueError, OverflowError) as error:
        raise SyntaxError(str(error)) from None


def _fault(text: str) -> SyntaxError | None:
    try:
        parse(text, "<cell>")
    except SyntaxError as error:
        return error
    return None


def _range(node: ast.AST) -> tuple[int, int, int, int]:
    """Lines and byte columns; a module or the like begins at the beginning."""
    line = getattr(node, "lineno", 1)
    column = getattr(node, "col_offset", 0)
    return line, column, getattr(node, "end_lineno", None) or line, getattr(node, "end_col_offset", None) or column


def _upto(text: str, column: int) -> str:
    """The beginning of a line, up to a count of UTF-8 bytes."""
    return text[:column] if text.isascii() else text.encode("utf-8", "replace")[:column].decode("utf-8", "replace")

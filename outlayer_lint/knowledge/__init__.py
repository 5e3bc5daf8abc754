"""What libraries promise and what rules say: the contracts and pages of `rules/`, loaded row by row.

`find` answers for any spelling of a callable, `pages` has the rules by name. The rows come out of one marshalled table
(see `table`); nothing here parses TOML or Markdown, and a row is built when first asked for.
"""

from __future__ import annotations

import marshal

from outlayer_lint.diagnostic import Severity
from outlayer_lint.knowledge.row import KERAS, Row
from outlayer_lint.knowledge.table import KnowledgeError, body_of, load
from outlayer_lint.records import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "KERAS", "Grade", "KnowledgeError", "Page", "Row", "alias", "extend", "find", "methods", "pages", "spellings",
    "subscriptions",
]  # fmt: skip

FORMS = ("function", "module", "method")
MAX_SPELLINGS = 16  # of one name: real ones have five; a table of one's own may rewrite in a circle


class Grade(NamedTuple):
    """One severity of a rule: what earns it and what is said then."""

    severity: Severity
    evidence: str
    message: str


class Page:
    """A rule's page: the header at once, the text when asked for."""

    __slots__ = ("_body", "code", "grades", "name", "since", "summary")

    def __init__(
        self, name: str, code: str, since: str, summary: str, grades: Mapping[str, tuple[str, str, str]]
    ) -> None:
        """`grades` as the table has them: (severity, evidence, message) by name."""
        self.name = name
        self.code = code
        self.since = since
        self.summary = summary
        self.grades = {grade: Grade(Severity(s), evidence, message) for grade, (s, evidence, message) in grades.items()}
        self._body: str | None = None

    @property
    def body(self) -> str:
        """The whole page as Markdown."""
        if self._body is None:
            self._body = body_of(self.name)
        return self._body

    @property
    def prose(self) -> list[str]:
        """The lines of the page below its header."""
        lines = self.body.splitlines()
        fences = [at for at, line in enumerate(lines) if line.startswith("```")]
        return lines[fences[1] + 1 :] if len(fences) > 1 and lines[fences[0]].strip() == "```toml" else lines


class _Shelf:
    """The loaded table and what was built from it so far."""

    __slots__ = ("found", "pages", "read", "rows", "table")

    def __init__(self) -> None:
        self.table: dict[str, Any] = load()
        self.read: dict[int, tuple[str, dict[str, Any]]] = {}
        self.rows: dict[tuple[int, str], Row] = {}
        self.found: dict[str, tuple[Row, str] | None] = {}
        self.pages: dict[str, Page] | None = None

    def row(self, number: int, spelled: str, form: str) -> Row:
        if number not in self.read:
            self.read[number] = marshal.loads(self.table["rows"][number])  # noqa: S302 - compiled by us
        name, fields = self.read[number]
        # `cos` shares the row of `sin`, but a message that calls it `sin` would be wrong. `nn.Softmax` is `softmax`.
        alike = form == fields["form"] or (fields["form"] != "module" and form != "module")
        if "*" in name or (alike and _bare(spelled) != _bare(name)):
            name = spelled
        key = (number, name)
        if key not in self.rows:
            self.rows[key] = Row(name, fields)
        return self.rows[key]

    def look(self, name: str) -> tuple[Row, str] | None:
        names: dict[str, int] = self.table["names"]
        spelled = [name]
        for one in spelled:  # which grows: `tensorflow.keras.layers.core.Dense` is two prefixes away
            for prefix, short in self.table["spellings"].get(one.partition(".")[0], ()):
                shorter = _shortened(one, prefix, short)
                if shorter and shorter not in spelled and len(spelled) < MAX_SPELLINGS:
                    spelled.append(shorter)
        for one in spelled:
            if one in names:
                return self.found_row(one, names[one])
        patterns = self.table["patterns"]
        for one in spelled:
            for pattern, code in patterns.get(one.partition(".")[0], ()):
                if _fits(one, pattern):
                    return self.found_row(one, code)
        return None

    def found_row(self, spelled: str, code: int) -> tuple[Row, str]:
        return self.row(code // 3, spelled, FORMS[code % 3]), FORMS[code % 3]


def _bare(name: str) -> str:
    """The last segment, in-place or not."""
    return name.rpartition(".")[2].rstrip("_")


def _shortened(name: str, prefix: str, short: str) -> str:
    """`name` with its prefix rewritten, "" where it has another; a `*` at the end of a prefix is one segment.

    A name that begins with a longer prefix already (`dgl.nn.pytorch.` for `dgl.nn.`) is spelled out, not spelled again.
    """
    one = prefix.endswith(".*.")
    prefix = prefix[:-2] if one else prefix
    if not name.startswith(prefix) or (len(short) > len(prefix) and name.startswith(short)):
        return ""
    rest = name[len(prefix) :].partition(".")[2] if one else name[len(prefix) :]
    return short + rest if rest else ""


def _fits(name: str, pattern: str) -> bool:
    """Whether the name has the pattern's form: `*` is any part of one segment, `**` of several."""
    head, star, tail = pattern.partition("*")
    if not star or not name.startswith(head) or not name.endswith(tail[tail.rfind("*") + 1 :]):
        return name == pattern
    rest = name[len(head) :]
    deep = tail.startswith("*")
    tail = tail[deep:]
    for end in range(len(rest) + 1):
        if end and rest[end - 1] == "." and not deep:
            return False
        if _fits(rest[end:], tail):
            return True
    return False


_shelf: _Shelf | None = None


def _get() -> _Shelf:
    global _shelf  # noqa: PLW0603 - loaded once, by need
    if _shelf is None:
        _shelf = _Shelf()
    return _shelf


def find(name: str) -> tuple[Row, str] | None:
    """The row of a qualified name in any spelling, and how that spelling is called: `function`, `module`, `method`."""
    shelf = _get()
    try:
        return shelf.found[name]
    except KeyError:
        found = shelf.found[name] = shelf.look(name)
        return found


def alias(kind: str, text: str) -> tuple[Row, str] | None:
    """The row that a string stands for as an `activation`, `loss` or `metric` (`loss="mse"`), and how that is called.

    `None` for a string that is not known: it is unknown, and never the default.
    """
    name = _get().table["aliases"].get(kind, {}).get(text)
    return None if name is None else find(name)


def methods(name: str, of: str = "torch.Tensor") -> tuple[Row, str] | None:
    """The row of a method by its bare name."""
    return find(f"{of}.{name}")


def pages() -> dict[str, Page]:
    """All rules by name, in the order of their codes."""
    shelf = _get()
    if shelf.pages is None:
        shelf.pages = {name: Page(name, *header) for name, header in shelf.table["pages"].items()}
    return shelf.pages


def spellings(kinds: Iterable[str]) -> list[tuple[str, str, str]]:
    """Every spelling of the rows of some kinds: (spelling, how it is called, kind)."""
    table, wanted = _get().table, frozenset(kinds)
    chosen = {number: kind for number, kind in enumerate(table["kinds"]) if kind in wanted}
    return [(name, FORMS[code % 3], chosen[code // 3]) for name, code in table["names"].items() if code // 3 in chosen]


def subscriptions() -> dict[str, tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]]:
    """Name of a fact class -> the rules whose checks judge it, with the loss families and emissions it is about.

    `()` stands for all of them.
    """
    found: dict[str, tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]] = _get().table["subscriptions"]
    return found


def extend(paths: Iterable[str]) -> None:
    """Add rows of the user's own (`contracts = ["team.toml"]`); they win over ours. Raises `KnowledgeError`."""
    from outlayer_lint.knowledge.build import merged  # noqa: PLC0415 - tomllib is for those who ask

    shelf = _get()
    shelf.table = merged(shelf.table, paths)
    shelf.read.clear()
    shelf.rows.clear()
    shelf.found.clear()

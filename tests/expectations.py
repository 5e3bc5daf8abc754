"""`# want` and its relatives: what a fixture or a page says must be found in it, and the comparison with what was."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from outlayer_lint.config import Config
from outlayer_lint.knowledge import pages
from outlayer_lint.source.document import Unreadable, load

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from outlayer_lint.diagnostic import Diagnostic

MARKER = re.compile(
    r"#\s*(?P<kind>want|missing|spurious|emits)\b(?P<severity>\[(?:error|warning|info)\])?"
    r"(?::\s*(?P<words>[^#]*[^#\s]))?\s*(?=#|$)"
)
LIKE_A_MARKER = re.compile(r"#\s*(?:want|missing|spurious|emits)\b")
EITHER = "error or warning"


class Marker(NamedTuple):
    """One expectation: `word` is a rule's name, or what an expression emits."""

    kind: str
    file: str
    cell: int | None
    line: int
    word: str
    severity: str

    @property
    def place(self) -> str:
        cell = "" if self.cell is None else f":cell{self.cell}"
        return f"{self.file}{cell}:{self.line}"


def markers(path: Path, shown: str, rule: str | None) -> Iterator[Marker]:
    """The markers of a file; `rule` is what a bare `# want` means."""
    document = load(str(path), shown)
    try:
        lines = document.lines
    except Unreadable:
        return
    alone = [line.lstrip().startswith("#") and MARKER.search(line) is not None for line in lines]
    for at, line in enumerate(lines):
        found = list(MARKER.finditer(line))
        assert len(found) == len(LIKE_A_MARKER.findall(line)), f"{shown}: not understood: {line.strip()}"
        target = at
        while alone[target]:
            target += 1
        cell, number = document.place(target + 1)
        for marker in found:
            words = marker["words"] or rule or ""
            severity = (marker["severity"] or "").strip("[]")
            kind = marker["kind"]
            for word in [words] if kind == "emits" else words.split(","):
                assert kind == "emits" or word.strip() in pages(), f"{shown}: no such rule: `{word.strip()}`"
                yield Marker(kind, shown, cell, number, word.strip(), severity or (EITHER if kind == "want" else ""))


def compare(expected: Iterable[Marker], diagnostics: Iterable[Diagnostic], rule: str | None) -> tuple[str, str]:
    """What was found and what was wanted, a line each; info of rules that are not the subject does not count."""
    wanted = {(m.place, m.word): m for m in expected if m.kind in ("want", "spurious")}
    missing = {(m.place, m.word) for m in expected if m.kind == "missing"}
    found = set()
    for d in diagnostics:
        key = (Marker("", d.span.path, d.span.cell, d.span.line, "", "").place, d.rule)
        marker = wanted.get(key)
        if marker is None and d.severity == "info" and d.rule != rule:
            continue
        fits = marker is not None and (not marker.severity or str(d.severity) in marker.severity)
        hint = "  <- no longer missing: write `want`" if key in missing else ""
        found.add(" ".join((*key, marker.severity if fits and marker else str(d.severity))) + hint)
    return "\n".join(sorted(found)), "\n".join(sorted(" ".join((*key, m.severity)) for key, m in wanted.items()))


def settings(folder: Path) -> Config:
    """The configuration of a case: none."""
    return Config(root=str(folder))

"""Small programs, written to a folder and asked about: what must be found in them stands on their lines.

`# want` (a finding of the rule in question), `# want: other-rule` and `# emits: ...` are those of `expectations`;
`# emits: unknown` accepts every reason. The first line of each program is `IMPORTS`.
"""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

from expectations import Marker, compare, markers, settings

from outlayer_lint.engine import check, reveal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from outlayer_lint.diagnostic import Diagnostic, Report

RULE = "softmax-into-cross-entropy"
IMPORTS = "import torch, torch.nn as nn, torch.nn.functional as F\n"


def written(folder: Path, program: str | Mapping[str, str]) -> dict[str, str]:
    """Write a program of one or several files; returns name -> source as it was written."""
    files = {"program.py": program} if isinstance(program, str) else program
    sources = {name: IMPORTS + dedent(text) for name, text in files.items()}
    (folder / ".git").mkdir(parents=True, exist_ok=True)  # the project's root, whatever is asked about
    for name, text in sources.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return sources


def asked(folder: Path, *paths: str) -> Report:
    """The report about some files (or the whole folder), with paths relative to the folder."""
    report = check([folder / path for path in paths] or [folder], settings(folder))
    assert not report.broken
    assert not report.errors
    return report._replace(diagnostics=tuple(_relative(folder, d) for d in report.diagnostics))


def _relative(folder: Path, diagnostic: Diagnostic) -> Diagnostic:
    def shown(path: str) -> str:
        return path.removeprefix(f"{folder}/")

    related = tuple(r._replace(span=r.span._replace(path=shown(r.span.path))) for r in diagnostic.related)
    return diagnostic._replace(span=diagnostic.span._replace(path=shown(diagnostic.span.path)), related=related)


def emission(folder: Path, name: str, line: int) -> str:
    """What the widest expression on a line emits, without the reason where it is unknown."""
    told = reveal(folder / name, line, settings(folder))
    widest = max(told, key=lambda entry: (entry[0].end_line, entry[0].end_column - entry[0].column), default=None)
    return "nothing" if widest is None else "unknown" if widest[2].startswith("unknown") else widest[2]


def hold(folder: Path, program: str | Mapping[str, str], *, rule: str = RULE, ask: Sequence[str] = ()) -> Report:
    """Everything that the program says about itself is so, and nothing else is found; returns the report."""
    sources = written(folder, program)
    expected = [marker for name in sources for marker in markers(folder / name, name, rule)]
    report = asked(folder, *ask)
    found, wanted = compare(expected, report.diagnostics, rule)
    assert found == wanted
    told = [marker for marker in expected if marker.kind == "emits"]
    assert [_line(m, emission(folder, m.file, m.line)) for m in told] == [_line(m, m.word) for m in told]
    return report


def _line(marker: Marker, word: str) -> str:
    return f"{marker.place}: {word}"

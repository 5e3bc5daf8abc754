"""Small programs, written to a folder and asked about: what must be found in them stands on their lines.

`# want` (a finding of the rule in question), `# want: other-rule` and `# emits: ...` are those of `expectations`;
`# emits: unknown` accepts every reason. The first line of each file is `IMPORTS`.
"""

from __future__ import annotations

import sys
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
from expectations import Marker, compare, markers, settings

from outlayer_lint.engine import RECURSION, check, reveal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from outlayer_lint.diagnostic import Diagnostic, Report

    Program = str | Mapping[str, str]  # one file, or name -> source

RULE = "softmax-into-cross-entropy"
sys.setrecursionlimit(RECURSION)  # as the engine does; hypothesis objects to a change in the middle of a test
IMPORTS = "import torch, torch.nn as nn, torch.nn.functional as F\n"


def cases(programs: Mapping[str, Program], wrong: Mapping[str, str]) -> list[Any]:
    """Parameters for a test, by title; `wrong` says of a title what the engine does not do yet."""
    assert wrong.keys() <= programs.keys()
    marks = {title: pytest.mark.xfail(reason=reason, strict=True) for title, reason in wrong.items()}
    return [pytest.param(each, id=title, marks=marks.get(title, ())) for title, each in programs.items()]


def written(folder: Path, program: Program) -> dict[str, str]:
    """Write a program of one or several files; returns name -> source as it was written."""
    files = {"program.py": program} if isinstance(program, str) else program
    sources = {name: IMPORTS + dedent(text).lstrip("\n") for name, text in files.items()}
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
        return path.removeprefix(f"{folder.as_posix()}/")

    related = tuple(r._replace(span=r.span._replace(path=shown(r.span.path))) for r in diagnostic.related)
    return diagnostic._replace(span=diagnostic.span._replace(path=shown(diagnostic.span.path)), related=related)


def emission(path: Path, line: int) -> str:
    """What the widest expression on a line emits, without the reason where it is unknown."""
    told = reveal(path, line, settings(path.parent))
    widest = max(told, key=lambda entry: (entry[0].end_line, entry[0].end_column - entry[0].column), default=None)
    return "unknown" if widest is None or widest[2].startswith("unknown") else widest[2]


def hold(folder: Path, program: Program, *, rule: str = RULE, ask: Sequence[str] = ()) -> Report:
    """Everything that the program says about itself is so, and nothing else is found; returns the report."""
    sources = written(folder, program)
    expected = [marker for name in sources for marker in markers(folder / name, name, rule)]
    report = asked(folder, *ask)
    found, wanted = compare(expected, report.diagnostics, rule)
    assert found == wanted
    told = [marker for marker in expected if marker.kind == "emits"]
    assert [_line(m, emission(folder / m.file, m.line)) for m in told] == [_line(m, m.word) for m in told]
    return report


def _line(marker: Marker, word: str) -> str:
    return f"{marker.place}: {word}"

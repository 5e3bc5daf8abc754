"""Every fixture says on its lines what must be found there; nothing else may be.

A file directly in a rule's folder is a case, a sub-folder is a project. Each is linted in a folder of its own, so that
nothing around it helps or disturbs.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
from expectations import Marker, compare, markers, settings

from outlayer_lint.engine import check, reveal
from outlayer_lint.knowledge import pages

FIXTURES = Path(__file__).parents[1] / "fixtures"
SUFFIXES = (".py", ".ipynb")
NOT_FOR_US = ("broken", "tracer")  # test_bad_input.py, test_tracer_hostile.py


class Case(NamedTuple):
    """Sources of one folder that are linted together, and the rule that a bare `# want` means there."""

    folder: Path
    files: tuple[str, ...]  # empty: all below
    rule: str | None

    def __str__(self) -> str:
        return str(self.folder.relative_to(FIXTURES))


def cases() -> list[Case]:
    found = []
    for folder in sorted(path for path in FIXTURES.iterdir() if path.is_dir() and path.name not in NOT_FOR_US):
        rule = folder.name if folder.name in pages() else None
        files = tuple(sorted(path.name for path in folder.iterdir() if path.suffix in SUFFIXES))
        if files:
            found.append(Case(folder, files, rule))
        projects = [path for path in folder.iterdir() if path.is_dir() and path.name != "__pycache__"]
        found.extend(Case(path, (), rule) for path in sorted(projects))
    return found


def laid_out(case: Case, folder: Path) -> list[str]:
    """Copy the case; returns its sources, relative."""
    if case.files:
        for name in case.files:
            shutil.copy(case.folder / name, folder / name)
        return list(case.files)
    shutil.copytree(case.folder, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in SUFFIXES)


def expectations(case: Case, folder: Path, files: list[str]) -> list[Marker]:
    return [marker for name in files for marker in markers(folder / name, name, case.rule)]


@pytest.mark.parametrize("case", cases(), ids=str)
def test_a_fixture_gets_what_it_wants(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = laid_out(case, tmp_path)
    report = check(files, settings(tmp_path))
    assert not report.broken
    assert not report.errors
    assert not [one.message for one in report.diagnostics if re.search(r"\{\w+\}", one.message)]
    expected = expectations(case, tmp_path, files)
    found, wanted = compare(expected, report.diagnostics, case.rule)
    assert found == wanted
    for marker in expected:
        if marker.kind == "emits":
            told = reveal(tmp_path / marker.file, marker.line, settings(tmp_path), marker.cell)
            widest = max(
                told, key=lambda entry: (entry[0].end_line, entry[0].end_column - entry[0].column), default=None
            )
            assert f"{marker.place}: {widest[2] if widest else 'nothing'}" == f"{marker.place}: {marker.word}"


def test_every_rule_has_at_least_three_mistakes() -> None:
    mistakes: Counter[str] = Counter()
    for case in cases():
        for path in case.folder.rglob("*"):
            if path.suffix in SUFFIXES and (not case.files or path.name in case.files):
                found = markers(path, path.name, case.rule)
                mistakes.update(marker.word for marker in found if marker.kind in ("want", "missing"))
    few = {name: mistakes[name] for name, page in pages().items() if page.code[3] != "0" and mistakes[name] < 3}
    assert not few


def test_a_folder_is_named_after_a_rule_or_says_what_it_holds() -> None:
    known = {*pages(), "clean", "inference", "broken", "tour", "tracer"}
    assert {path.name for path in FIXTURES.iterdir() if path.is_dir()} <= known

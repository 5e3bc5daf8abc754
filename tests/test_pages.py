"""Pages keep their promises: complete, paired with a check, Bad is flagged, Good is clean, and what can run runs."""

from __future__ import annotations

import importlib.util
import json
import re
import string
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from expectations import compare, markers, settings

from outlayer_lint.engine import check
from outlayer_lint.knowledge import Page, pages

ROOT = Path(__file__).parents[1]
RULES = ROOT / "rules"
CHECKS = ROOT / "outlayer_lint/checks"
SECTIONS = ["Harm", "Bad", "Good", "Fix", "When to keep it", "Source"]
FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    """A program of a page."""

    page: Page
    section: str
    number: int
    program: str
    runs: bool

    def __str__(self) -> str:
        return f"{self.page.name}-{self.section}-{self.number}"


def sections(page: Page) -> dict[str, str]:
    """Heading -> text, the fences kept whole."""
    found: dict[str, str] = {}
    heading, fenced = "", False
    for line in page.body.splitlines(keepends=True):
        fenced ^= line.startswith("```")
        if not fenced and line.startswith("## "):
            heading = line[3:].strip()
        found[heading] = found.get(heading, "") + line
    return found


def examples() -> list[Example]:
    return [
        Example(page, section, number, fence["text"], fence["info"].split()[1:] == ["run"])
        for page in pages().values()
        for section, text in sections(page).items()
        if section in ("Bad", "Good")
        for number, fence in enumerate(FENCE.finditer(text))
        if fence["info"].split()[:1] == ["python"]
    ]


@pytest.mark.parametrize("page", pages().values(), ids=lambda page: page.name)
def test_a_page_is_complete(page: Page) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", page.name)
    assert re.fullmatch(r"OLL\d{3}", page.code)
    assert re.fullmatch(r"\d+\.\d+", page.since)
    assert page.body.startswith(f"# {page.name}\n")
    headings = list(sections(page))
    assert [heading for heading in headings if heading in SECTIONS] == SECTIONS
    assert page.summary.endswith(".")
    assert page.grades
    for grade in page.grades.values():
        assert grade.evidence
        assert grade.message[0] in string.ascii_uppercase + "`{" + string.ascii_lowercase
        assert not grade.message.endswith(".")
        assert "\n" not in grade.message
        list(string.Formatter().parse(grade.message))
    both = {example.section for example in examples() if example.page.name == page.name}
    assert both == {"Bad", "Good"}


def test_pages_and_checks_are_pairs() -> None:
    decided = {name for name, page in pages().items() if not page.code.startswith("OLL0")}
    modules = {path.stem.replace("_", "-") for path in CHECKS.glob("*.py") if path.stem != "__init__"}
    assert decided == modules


def test_pages_are_all_there_and_codes_are_unique() -> None:
    assert {path.stem for path in RULES.glob("*.md")} == set(pages())
    codes = [page.code for page in pages().values()]
    assert len(codes) == len(set(codes))


def test_rules_hold_no_python() -> None:
    assert not [*RULES.rglob("*.py")]  # hatchling would refuse to build


def about_the_program() -> list[Example]:
    """Without the page about baselines: its mistake is not in the program, see test_baseline.py."""
    return [example for example in examples() if example.page.name != "stale-baseline-entry"]


@pytest.mark.parametrize("example", about_the_program(), ids=str)
def test_an_example_is_what_it_says(example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "program.py"
    path.write_text(example.program)
    report = check(["program.py"], settings(tmp_path))
    assert not report.broken
    assert not report.errors
    expected = list(markers(path, "program.py", example.page.name))
    assert bool(expected) is (example.section == "Bad")
    found, wanted = compare(expected, report.diagnostics, example.page.name)
    assert found == wanted


RUNNER = """\
import json, sys, traceback, warnings
import torch
torch.set_num_threads(1)
warnings.simplefilter("ignore")
failures = {}
for name, program in json.load(sys.stdin).items():
    torch.manual_seed(0)
    try:
        exec(compile(program, name, "exec"), {"__name__": "__main__"})
    except Exception:
        failures[name] = traceback.format_exc(limit=-1)
print(json.dumps(failures), file=sys.stderr)
"""


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch")
def test_what_can_run_runs(tmp_path: Path) -> None:
    programs = {str(example): example.program for example in examples() if example.runs}
    assert programs
    done = subprocess.run(
        [sys.executable, "-c", RUNNER],
        input=json.dumps(programs),
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        timeout=600,
    )
    assert json.loads(done.stderr.splitlines()[-1]) == {}

"""`outlayer-lint baseline` and `--baseline`: an old project starts clean and fails on what is new."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from commandline import MODEL, THRESHOLD, TRAIN, notebook, outlayer, written

from outlayer_lint.knowledge import pages

if TYPE_CHECKING:
    from pathlib import Path

FILE = "outlayer-baseline.json"
USE = ("--baseline", FILE)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A project with two findings and a baseline."""
    written(tmp_path, model=MODEL, train=TRAIN, decide=THRESHOLD)
    done = outlayer(tmp_path, "baseline", ".")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Wrote {FILE}: 2 findings in 2 files accepted.\n")
    return tmp_path


def entries(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / FILE).read_text(encoding="utf-8"))["findings"]
    return found


def concise(folder: Path, *options: str) -> list[str]:
    return outlayer(folder, "--format", "concise", "-q", *options).out.splitlines()


def test_an_old_project_starts_clean(old: Path) -> None:
    done = outlayer(old, ".", *USE)
    assert (done.code, done.err) == (0, "")
    assert "The baseline accepts 2 findings.\n" in done.out
    assert json.loads(outlayer(old, ".", *USE, "--format", "json").out)["summary"]["accepted"] == 2
    assert outlayer(old, ".").code == 1


def test_the_file_is_one_line_an_entry_and_sorted(old: Path) -> None:
    assert [(e["path"], e["code"], e["count"]) for e in entries(old)] == [
        ("decide.py", "OLL701", 1),
        ("train.py", "OLL101", 1),
    ]
    assert entries(old)[1]["text"] == "loss = criterion(net(x), y)"
    assert len((old / FILE).read_text().splitlines()) == 5 + 2
    before = (old / FILE).read_bytes()
    assert outlayer(old, "baseline", ".").code == 0
    assert (old / FILE).read_bytes() == before
    assert sorted(p.name for p in old.iterdir()) == [".git", "decide.py", "model.py", FILE, "train.py"]


def test_moved_and_indented_lines_stay_accepted(old: Path) -> None:
    moved = TRAIN.replace("for x, y", "if True:\n  for x, y").replace("    loss", "      loss")
    written(old, model=f'"""Moved."""\n\n\n{MODEL}', train=f"# moved\n\n{moved}", decide=f"\n\n\n{THRESHOLD}")
    assert concise(old, ".", *USE) == []


def test_what_is_new_fails(old: Path) -> None:
    written(old, decide=THRESHOLD + "positive = net(x).ge(0.5)\n")
    assert outlayer(old, ".", *USE).code == 1
    assert [line.split()[0] for line in concise(old, ".", *USE)] == ["decide.py:9:12:"]
    written(old, decide=THRESHOLD, new=THRESHOLD)
    assert [line.split()[0] for line in concise(old, ".", *USE)] == ["new.py:8:7:"]


def test_a_second_line_like_the_first_is_new(tmp_path: Path) -> None:
    function = THRESHOLD.partition("net = ")[2].replace("\n", "\n    ").rstrip()
    first, second = (f"def {name}():\n    net = {function}\n\n\n" for name in ("first", "second"))
    head = "import torch\nfrom torch import nn\n\n\n"
    written(tmp_path, decide=head + first)
    outlayer(tmp_path, "baseline", ".")
    written(tmp_path, decide=head + first + second)
    assert [line.split()[0] for line in concise(tmp_path, ".", *USE)] == ["decide.py:18:11:"]
    outlayer(tmp_path, "baseline", ".")
    assert [entry["count"] for entry in entries(tmp_path)] == [2]
    assert concise(tmp_path, ".", *USE) == []
    written(tmp_path, decide=head + first)
    assert [line.split()[1] for line in concise(tmp_path, ".", *USE)] == ["OLL002"]


def test_another_activation_behind_the_same_line_is_new(old: Path) -> None:
    written(old, model=MODEL.replace("Softmax", "LogSoftmax").replace("self.softmax", "self.log"))
    codes = [re.findall(r"OLL\d+", line)[0] for line in concise(old, ".", *USE, "--show", "info")]
    assert sorted(codes) == ["OLL002", "OLL104"]


def test_a_repaired_mistake_is_reported_as_stale(old: Path) -> None:
    written(old, model=MODEL.replace("self.softmax(self.head(x))", "self.head(x)"))
    done = outlayer(old, ".", *USE)
    assert done.code == 1
    assert "warning[OLL002]: the baseline accepts `softmax-into-cross-entropy` in train.py, which is not" in done.out
    assert f"--> {FILE}:5:3" in done.out
    assert outlayer(old, ".", *USE, "--ignore", "OLL002").code == 0
    assert outlayer(old, ".", *USE, "--fail-on", "error").code == 0
    assert "2 findings" not in outlayer(old, "baseline", ".").out
    assert concise(old, ".", *USE) == []


def test_stale_entries_are_judged_only_where_their_file_was_asked_about(old: Path) -> None:
    written(old, model=MODEL.replace("self.softmax(self.head(x))", "self.head(x)"))
    assert concise(old, "decide.py", "model.py", *USE) == []
    assert len(concise(old, "train.py", *USE)) == 1
    (old / "decide.py").unlink()
    assert len(concise(old, "train.py", *USE)) == 1
    assert len(concise(old, ".", *USE)) == 2  # its file is gone from the folder that was asked about
    written(old, train="def (:\n")
    assert [line for line in concise(old, ".", *USE) if "train.py, which" in line] == []


def test_deselected_rules_make_nothing_stale(old: Path) -> None:
    assert concise(old, ".", *USE, "--select", "OLL7,OLL002") == []
    assert outlayer(old, "baseline", ".", "--select", "OLL7").code == 0
    assert [entry["code"] for entry in entries(old)] == ["OLL701", "OLL101"]


def test_a_baseline_of_some_files_leaves_the_rest_alone(old: Path) -> None:
    written(old, decide=THRESHOLD.replace("0.5", "0.25"), train=TRAIN.replace("y)", "y) * 2"))
    done = outlayer(old, "baseline", "train.py")
    assert "1 entry about other files or rules kept.\n" in done.out
    assert [(entry["path"], "* 2" in entry["text"]) for entry in entries(old)] == [
        ("decide.py", False),
        ("train.py", True),
    ]


def test_the_configuration_may_name_it_and_paths_hang_on_its_folder(old: Path) -> None:
    (old / "pyproject.toml").write_text(f'[tool.outlayer-lint]\nbaseline = "ci/{FILE}"\n')
    assert outlayer(old, ".").code == 2
    (old / "ci").mkdir()
    done = outlayer(old, "baseline")
    assert done.out == f"Wrote ci/{FILE}: 2 findings in 2 files accepted.\n"
    assert "../train.py" in (old / "ci" / FILE).read_text()
    assert outlayer(old, ".").code == 0
    assert outlayer(old / "ci", "..").code == 0
    assert outlayer(old, ".", "--isolated").code == 1


def test_notebooks_and_names_of_any_kind(tmp_path: Path) -> None:
    written(tmp_path)
    cells = ("import torch", THRESHOLD)
    for name in ("book.ipynb", "übung 日本.ipynb"):
        (tmp_path / name).write_text(notebook(*cells), encoding="utf-8")
    outlayer(tmp_path, "baseline", ".")
    assert {entry["path"] for entry in entries(tmp_path)} == {"book.ipynb", "übung 日本.ipynb"}
    (tmp_path / "book.ipynb").write_text(notebook("# a new cell", *cells, joined=True), encoding="utf-8")
    assert concise(tmp_path, ".", *USE) == []


def test_every_host_sees_the_same(old: Path) -> None:
    assert "OLL" not in outlayer(old, ".", *USE, "--format", "github").out
    assert json.loads(outlayer(old, ".", *USE, "--format", "sarif").out)["runs"][0]["results"] == []
    assert outlayer(old, "-", "--stdin-filename", "train.py", *USE, stdin=TRAIN.encode()).code == 0


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("<<<<<<< ours\n", f"{FILE}:1: not a baseline, because not JSON: "),
        ("[]", f"{FILE}: not a baseline: there is no list `findings`"),
        ('{"version": 2, "findings": []}', f"{FILE}: expected a baseline of version 1, found version 2"),
        ('{"version": 1, "findings": [3]}', f"{FILE}: findings[0]: expected a table, found 3"),
        (
            '{"version": 1, "findings": [{"code": "OLL101"}]}',
            f"{FILE}: findings[0]: `rule` must be a string, found None",
        ),
    ],
)
def test_what_is_no_baseline_is_refused(old: Path, text: str, sentence: str) -> None:
    (old / FILE).write_text(text)
    for command in ((".", *USE), ("baseline", ".")):
        done = outlayer(old, *command)
        assert (done.code, done.out) == (2, "")
        assert sentence in done.err
        assert done.err.count("\n") == 1
    assert (old / FILE).read_text() == text


def test_a_baseline_that_is_not_there_is_refused(old: Path) -> None:
    done = outlayer(old, ".", "--baseline", "none.json")
    assert done.err == ("outlayer-lint: error: no such baseline: none.json; `outlayer-lint baseline` writes one\n")
    assert done.code == 2


def test_nothing_is_written_where_nothing_was_read(tmp_path: Path) -> None:
    written(tmp_path)
    assert outlayer(tmp_path, "baseline", ".").code == 2
    assert not (tmp_path / FILE).exists()


def test_the_page_shows_a_baseline_that_is_stale_and_one_that_is_not(tmp_path: Path) -> None:
    body = pages()["stale-baseline-entry"].body
    written(tmp_path, program=re.findall(r"```python run\n(.*?)```", body, re.DOTALL)[0])
    found = []
    for text in re.findall(r"```json\n(.*?)```", body, re.DOTALL):
        (tmp_path / FILE).write_text(text)
        found.append(len(concise(tmp_path, ".", *USE)))
    assert found == [1, 0]

"""What the user does not want to hear, through the command line: comments, files, folders, and `--add-noqa`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import MODEL, THRESHOLD, TRAIN, notebook, outlayer, written

SPOKEN = "loss = criterion(net(x), y)"


def concise(folder: Path, *options: str) -> list[str]:
    """Place and code of each line."""
    done = outlayer(folder, *(options or (".",)), "--format", "concise", "-q")
    return [" ".join(line.split()[:2]) for line in done.out.splitlines()]


@pytest.mark.parametrize(
    ("comment", "left"),
    [
        ("# noqa", []),
        ("#NOQA", []),
        ("# noqa: OLL101", []),
        ("# noqa:oll101", []),
        ("# noqa: E501,OLL1", []),
        ("# noqa: E501 OLL101 because", []),
        ("# type: ignore  # noqa: OLL101", []),
        ("# noqa: E501", ["train.py:9:12: OLL101"]),
        ("# noqa: OLL701", ["train.py:9:12: OLL101", "train.py:9:34: OLL001"]),
        ("# noqa: OLL101,OLL203", ["train.py:9:34: OLL001"]),
        ("# nosec", ["train.py:9:12: OLL101"]),
    ],
)
def test_a_comment_on_the_line(tmp_path: Path, comment: str, left: list[str]) -> None:
    written(tmp_path, model=MODEL, train=TRAIN.replace(SPOKEN, f"{SPOKEN}  {comment}"))
    assert concise(tmp_path) == left


def test_a_comment_in_the_context_counts_as_well(tmp_path: Path) -> None:
    written(tmp_path, model=MODEL, train=TRAIN.replace(SPOKEN, f"{SPOKEN}  # noqa: OLL101"))
    assert concise(tmp_path, "model.py") == []
    written(tmp_path, train=f"# outlayer-lint: ignore-file\n{TRAIN}")
    assert concise(tmp_path, "model.py") == []
    written(tmp_path, train=TRAIN)
    assert concise(tmp_path, "model.py") == ["train.py:9:12: OLL101"]
    (tmp_path / "pyproject.toml").write_text('[tool.outlayer-lint]\nper-file-ignores = { "train.py" = ["OLL101"] }\n')
    assert concise(tmp_path, "model.py") == []


def test_idle_comments_are_judged_only_in_files_asked_about(tmp_path: Path) -> None:
    written(tmp_path, model=MODEL, train=TRAIN.replace("import torch\n", "import torch  # noqa: OLL203\n"))
    assert concise(tmp_path, "model.py") == ["train.py:9:12: OLL101"]
    assert concise(tmp_path, "train.py") == ["train.py:1:15: OLL001", "train.py:9:12: OLL101"]


def test_a_comment_at_another_place_of_the_same_mistake_is_not_idle(tmp_path: Path) -> None:
    twice = TRAIN.replace(SPOKEN, f"{SPOKEN}  # noqa: OLL101") + "    criterion(net(x), y)  # noqa: OLL101\n"
    written(tmp_path, model=MODEL, train=twice)
    assert concise(tmp_path) == []


def test_a_file_that_wants_to_be_left_alone(tmp_path: Path) -> None:
    written(tmp_path, model=MODEL, train=f"#  Outlayer-Lint: ignore-file\n{TRAIN}")
    assert concise(tmp_path) == []
    written(tmp_path, train=f'TEXT = "# outlayer-lint: ignore-file"\n{TRAIN}')
    assert concise(tmp_path) == ["train.py:10:12: OLL101"]


def test_files_spared_some_rules(tmp_path: Path) -> None:
    for name in ("examples/deep", "src"):
        written(tmp_path / name, model=MODEL, train=TRAIN, decide=THRESHOLD)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.outlayer-lint.per-file-ignores]\n"examples/**/*.py" = ["OLL1"]\n"decide.py" = ["ALL"]\n'
    )
    assert concise(tmp_path) == ["src/train.py:9:12: OLL101"]


def test_ruff_leaves_our_codes_alone_as_the_readme_says(tmp_path: Path) -> None:
    pytest.importorskip("ruff", reason="needs ruff")
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"```toml\n(\[tool\.ruff\.lint\]\n.*?)```", readme, re.DOTALL)
    (tmp_path / "train.py").write_text("x = 1  # noqa: OLL101\n")
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--select", "RUF", "train.py"]
    for configuration, code in (("", 1), (table, 0)):
        (tmp_path / "pyproject.toml").write_text(configuration)
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr


# --- --add-noqa -------------------------------------------------------------------------------------------------------


def test_add_noqa_changes_nothing_but_the_lines_with_findings(tmp_path: Path) -> None:
    odd = f"\ufeff# -*- coding: utf-8 -*-\n\ttitle = 'ü'\n{THRESHOLD}".replace("\ttitle", "title").replace("\n", "\r\n")
    last = THRESHOLD.rstrip("\n")
    written(tmp_path, model=MODEL, train=TRAIN, windows=odd, last=last, clean="import torch   \n")
    latin = f"# coding: latin-1\nname = 'é'\n{THRESHOLD}".encode("latin-1")
    (tmp_path / "latin.py").write_bytes(latin)
    mode = (tmp_path / "train.py").stat().st_mode | 0o100  # where the system has it
    (tmp_path / "train.py").chmod(mode)
    mode = (tmp_path / "train.py").stat().st_mode
    done = outlayer(tmp_path, ".", "--add-noqa")
    assert done == (0, "Added 4 ignores in 4 files.\n", "")
    spoken, added = "print(net(x) > 0.5)", "print(net(x) > 0.5)  # noqa: OLL701"
    read = {path.name: path.read_bytes() for path in tmp_path.glob("*.py")}
    assert read == {
        "model.py": MODEL.encode(),
        "train.py": TRAIN.replace(SPOKEN, f"{SPOKEN}  # noqa: OLL101").encode(),
        "windows.py": odd.replace(spoken, added).encode(),
        "last.py": last.replace(spoken, added).encode(),
        "latin.py": latin.replace(spoken.encode(), added.encode()),
        "clean.py": b"import torch   \n",
    }
    assert (tmp_path / "train.py").stat().st_mode == mode
    assert sorted(path.name for path in tmp_path.iterdir()) == [".git", *sorted(read)]
    assert outlayer(tmp_path, ".").code == 0
    assert outlayer(tmp_path, ".", "--add-noqa").out == "Added 0 ignores in 0 files.\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  # noqa: E501", "  # noqa: E501, OLL101"),
        ("  # noqa: E501,W291 so be it", "  # noqa: E501,W291, OLL101 so be it"),
        ("  # type: ignore", "  # type: ignore  # noqa: OLL101"),
        ("  ", "  # noqa: OLL101  "),
        ("\t# why", "\t# why  # noqa: OLL101"),
        ("[0], '''\n'''", None),
        (" + \\\n        0", None),
    ],
)
def test_add_noqa_joins_what_stands_on_the_line(tmp_path: Path, before: str, after: str | None) -> None:
    text = TRAIN.replace(SPOKEN, SPOKEN + before)
    written(tmp_path, model=MODEL, train=text)
    done = outlayer(tmp_path, ".", "--add-noqa")
    if after is None:
        assert (tmp_path / "train.py").read_text() == text
        note = "outlayer-lint: train.py:9: the line has no room for a comment, so OLL101 stays\n"
        assert done == (1, "Added 0 ignores in 0 files.\n", note)
    else:
        assert (tmp_path / "train.py").read_bytes().decode() == TRAIN.replace(SPOKEN, SPOKEN + after)
        assert done.code == 0


@pytest.mark.parametrize("joined", [False, True])
def test_add_noqa_in_a_notebook_keeps_every_other_byte(tmp_path: Path, *, joined: bool) -> None:
    cells = ("import torch\n%matplotlib inline\nname = 'a\\tb \\\\ \"é\"'", THRESHOLD)
    text = notebook(*cells, joined=joined)
    path = tmp_path / "book.ipynb"
    path.write_bytes(text.encode())
    assert outlayer(tmp_path, ".", "--add-noqa") == (0, "Added 1 ignore in 1 file.\n", "")
    assert path.read_bytes().decode() == text.replace("> 0.5)", "> 0.5)  # noqa: OLL701")
    assert json.loads(path.read_text(encoding="utf-8"))["nbformat"] == 4
    assert outlayer(tmp_path, ".").code == 0


def test_add_noqa_leaves_files_alone_that_were_not_asked_about(tmp_path: Path) -> None:
    written(tmp_path, model=MODEL, train=TRAIN)
    done = outlayer(tmp_path, "model.py", "--add-noqa")
    assert done.code == 1
    assert done.err == "outlayer-lint: train.py was not asked about, so no `# noqa` was added there\n"
    assert (tmp_path / "train.py").read_text() == TRAIN


def test_add_noqa_takes_what_was_selected(tmp_path: Path) -> None:
    written(tmp_path, model=MODEL, train=TRAIN, decide=THRESHOLD)
    assert outlayer(tmp_path, ".", "--add-noqa", "--select", "OLL7").code == 0
    assert concise(tmp_path) == ["train.py:9:12: OLL101"]
    for arguments, sentence in ((("-",), "path `-`"), ((".", "--statistics"), "--statistics")):
        done = outlayer(tmp_path, *arguments, "--add-noqa", stdin=b"")
        assert (done.code, done.out) == (2, "")
        assert sentence in done.err

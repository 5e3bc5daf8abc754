"""The hook, run by the real pre-commit in a scratch repository, installed from this checkout."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODEL = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        return self.head(x)
"""
TRAIN = """\
from torch import nn

from model import Net


def train(loader, optimizer):
    net = Net()
    criterion = nn.CrossEntropyLoss()
    for x, y in loader:
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
"""
WRONG = MODEL.replace("self.head(x)", "self.head(x).softmax(dim=1)")
FOUND = "train.py:10:16: OLL101 "
CONFIG = """\
repos:
  - repo: {repository}
    rev: {revision}
    hooks:
      - id: outlayer-lint
        args: [--format, concise, --quiet]
"""
GIT = ("git", "-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false")


def git(folder: Path, *argv: str) -> str:
    done = subprocess.run([*GIT, *argv], cwd=folder, capture_output=True, text=True, check=True, env=environment())
    return done.stdout.strip()


def environment() -> dict[str, str]:
    """Without what a git hook, or pytest's own environment, would pass on."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PYTHONPATH"))}


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, Path]:
    """The checkout as a repository of hooks, with what is not committed yet; its revision; and pre-commit's home."""
    pytest.importorskip("pre_commit", reason="pre-commit is not installed")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    scratch = tmp_path_factory.mktemp("hooks")
    repository = scratch / "outlayer-lint"
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("fixtures", "tests", "benchmarks")):
            (repository / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, repository / name)
    git(repository, "init", "-q")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "as it stands")
    return repository, git(repository, "rev-parse", "HEAD"), scratch / "home"


@pytest.fixture
def project(tmp_path: Path, hooks: tuple[Path, str, Path]) -> Path:
    """A committed project without a mistake and with the hook."""
    folder = tmp_path / "project"
    folder.mkdir()
    repository, revision, _ = hooks
    for name, text in {
        "model.py": MODEL,
        "train.py": TRAIN,
        "notes.txt": "softmax\n",
        ".pre-commit-config.yaml": CONFIG.format(repository=repository.as_posix(), revision=revision),
    }.items():
        (folder / name).write_text(text, "utf-8")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "a project")
    return folder


def hook(folder: Path, home: Path, *argv: str) -> tuple[int, str, list[str]]:
    """Exit code, the hook's verdict, and the findings."""
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "run", "--color", "never", *argv],
        cwd=folder, env={**environment(), "PRE_COMMIT_HOME": str(home)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    told = done.stdout + done.stderr
    if re.search(r"Could not find a version|No matching distribution|ConnectionError|Network is unreachable", told):
        pytest.skip("the package index cannot be reached")
    verdict = re.search(r"outlayer-lint\.+(?:\(.*\))?(\w+)", told)
    assert verdict, told
    return done.returncode, verdict[1], [line for line in done.stdout.splitlines() if re.search(r": OLL\d{3} ", line)]


def stage(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, "utf-8")
    git(folder, "add", "-A")


def test_a_softmax_in_one_file_meets_the_loss_in_another(project: Path, hooks: tuple[Path, str, Path]) -> None:
    stage(project, model_py=WRONG)
    code, verdict, findings = hook(project, hooks[2])
    assert (code, verdict) == (1, "Failed")
    assert [line[: len(FOUND)] for line in findings] == [FOUND]


def test_nothing_wrong_and_nothing_to_read(project: Path, hooks: tuple[Path, str, Path]) -> None:
    stage(project, notes_txt="sigmoid\n")
    assert hook(project, hooks[2]) == (0, "Skipped", [])
    stage(project, model_py=MODEL + "\n")
    assert hook(project, hooks[2]) == (0, "Passed", [])
    assert hook(project, hooks[2], "--all-files") == (0, "Passed", [])


def test_a_file_that_has_no_part_in_it_is_not_blamed(project: Path, hooks: tuple[Path, str, Path]) -> None:
    stage(project, model_py=WRONG)
    git(project, "commit", "-qnm", "committed past the hook")
    stage(project, other_py="import torch\n\nprint(torch.rand(3))\n")
    assert hook(project, hooks[2]) == (0, "Passed", [])
    assert hook(project, hooks[2], "--all-files")[0] == 1


def test_an_ignore_in_the_untouched_file_counts(project: Path, hooks: tuple[Path, str, Path]) -> None:
    stage(project, train_py=TRAIN.replace("y)\n", "y)  # noqa: OLL101\n"))
    git(project, "commit", "-qnm", "we know")
    stage(project, model_py=WRONG)
    assert hook(project, hooks[2]) == (0, "Passed", [])


def test_a_notebook(project: Path, hooks: tuple[Path, str, Path]) -> None:
    source = "%matplotlib inline\n" + TRAIN.replace("model import Net", "model import Net as Model").replace(
        "Net()", "Model()"
    )
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "# Training"},
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source},
    ]
    book = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})
    stage(project, model_py=WRONG, train_ipynb=book)
    git(project, "rm", "-qf", "train.py")
    code, _, findings = hook(project, hooks[2])
    assert code == 1
    assert [line[:31] for line in findings] == ["train.ipynb:cell1:11:16: OLL101"]


def test_a_mistyped_configuration_fails_the_hook(project: Path, hooks: tuple[Path, str, Path]) -> None:
    stage(project, model_py=MODEL + "\n", pyproject_toml="[tool.outlayer-lint]\nselekt = []\n")
    code, verdict, findings = hook(project, hooks[2])
    assert (code, verdict, findings) == (1, "Failed", [])

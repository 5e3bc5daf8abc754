"""A project that stays in memory says what a fresh run says, and reads again only what changed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from outlayer_lint.config import Config
from outlayer_lint.engine import check, reveal
from outlayer_lint.lattice import describe_value
from outlayer_lint.server.warm import Warm

if TYPE_CHECKING:
    from outlayer_lint.diagnostic import Report

TOUR = Path(__file__).parents[1] / "fixtures" / "tour"
# One edit after the other: file, what is replaced, by what.
EDITS = (
    ("models.py", "nn.Softmax(dim=1)", "nn.Identity()"),
    ("models.py", "nn.Identity()", "nn.Softmax(dim=1)"),
    ("models.py", "class SexNet", "class Renamed"),
    ("train.py", "SexNet", "Renamed"),
    ("train.py", "import torch\n", "import torch (\n"),
    ("train.py", "import torch (\n", "import torch\n"),
    ("data.py", "StandardScaler()", "MinMaxScaler()"),
    ("losses.py", "softmax(", "log_softmax("),
    ("train.py", "nn.CrossEntropyLoss()", "nn.NLLLoss()"),
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "tour"
    shutil.copytree(TOUR, root)
    (root / "pyproject.toml").write_text("[tool.outlayer-lint]\n", encoding="utf-8")
    return root


def played(warm: Warm) -> Report:
    steps = warm.check()
    while True:
        try:
            next(steps)
        except StopIteration as done:
            report: Report = done.value
            return report


def test_edits_in_buffers_are_judged_as_if_saved(root: Path) -> None:
    warm = Warm(str(root))
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(root.glob("*.py"))}
    for path, text in texts.items():
        warm.open(str(path), text)
    reports = set()
    for name, old, new in (("train.py", "", ""), *EDITS):
        path = root / name
        assert old in texts[path]
        texts[path] = texts[path].replace(old, new)
        warm.open(str(path), texts[path])
        said = played(warm)
        for saved, text in texts.items():
            saved.write_text(text, encoding="utf-8")
        fresh = check(sorted(root.glob("*.py")), Config())
        assert said == fresh, (name, new)
        reports.add(fresh.diagnostics)
    assert len(reports) > 5  # the edits mattered


def test_an_expression_is_what_a_fresh_run_says_it_is(root: Path) -> None:
    warm = Warm(str(root))
    path = root / "train.py"
    text = path.read_text(encoding="utf-8")
    warm.open(str(path), text)
    played(warm)
    asked = 0
    for number, line in enumerate(text.splitlines(), 1):
        fresh = {(span.column, said): emits for span, said, emits, _ in reveal(path, number, Config())}
        for span, said, value, _ in warm.reveal(str(path), number, len(line) - len(line.lstrip()) + 9):
            assert fresh[span.column, said] == describe_value(value)
            asked += value.known
    assert asked > 2


def test_what_did_not_change_is_kept(root: Path) -> None:
    warm = Warm(str(root))
    train, models = str(root / "train.py"), str(root / "models.py")
    warm.open(train, Path(train).read_text(encoding="utf-8"))
    played(warm)
    before = dict(warm.project.files)
    scope = before[models].scope
    warm.open(train, Path(train).read_text(encoding="utf-8") + "\n")
    played(warm)
    assert {path for path, file in warm.project.files.items() if file is not before[path]} == {train}
    assert warm.project.files[models].scope is scope
    Path(models).write_text(Path(models).read_text(encoding="utf-8") + "\n\n", encoding="utf-8")
    (root / "new.py").write_text("import torch\n", encoding="utf-8")
    played(warm)
    assert warm.project.files[models] is not before[models]
    assert str(root / "new.py") in warm.project.files
    warm.close(train)
    assert played(warm).files == 0


def test_what_is_excluded_is_not_judged(root: Path) -> None:
    warm = Warm(str(root))
    (root / "pyproject.toml").write_text('[tool.outlayer-lint]\nexclude = ["train.py"]\n', encoding="utf-8")
    warm.open(str(root / "train.py"), (root / "train.py").read_text(encoding="utf-8"))
    assert played(warm).diagnostics == ()

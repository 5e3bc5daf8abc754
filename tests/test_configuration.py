"""Configuration and options as users give and mistake them, through the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import MODEL, THRESHOLD, TRAIN, notebook, outlayer, written

import outlayer_lint
from outlayer_lint.cli.progress import Bar
from outlayer_lint.config import KEYS

FOUND = ["train.py:9:12: OLL101"]
ROW = '["lib.f"]\nis = "activation"\nemitz = "logit"\n'
SQUASH = """\
["team.ops.squash"]
is         = "activation"
parameters = ["input", "dim"]
transfer   = "normalises"
emits      = "simplex"
axis       = { argument = "dim" }
"""


def concise(folder: Path, *options: str) -> list[str]:
    """Place and code of each line."""
    done = outlayer(folder, *(options or (".",)), "--format", "concise", "-q")
    return [" ".join(line.split()[:2]) for line in done.out.splitlines()]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return written(tmp_path, model=MODEL, train=TRAIN)


def configured(folder: Path, table: str) -> None:
    (folder / "pyproject.toml").write_text(f"[tool.outlayer-lint]\n{table}\n", encoding="utf-8")


# --- what cannot be meant ---------------------------------------------------------------------------------------------

MISTAKES = [
    ('selct = ["OLL1"]', "has no key `selct`; did you mean `select`?"),
    ("per_file_ignores = {}", "has no key `per_file_ignores`; did you mean `per-file-ignores`?"),
    ('fail_on = "error"', "has no key `fail_on`; did you mean `fail-on`?"),
    ("line-length = 88", "has no key `line-length`"),
    ('select = "OLL1"', "select: expected a list of strings, found 'OLL1'"),
    ("ignore = [101]", "ignore: expected a list of strings, found [101]"),
    ('select = ["OLL999"]', "select: no rule is called `OLL999`"),
    ('ignore = ["softmax-into-crossentropy"]', "did you mean `softmax-into-cross-entropy`?"),
    ('extend-select = [""]', "extend-select: no rule is called ``"),
    ('per-file-ignores = { "a.py" = ["OLL1O1"] }', "per-file-ignores: no rule is called `OLL1O1`; did you mean"),
    ('per-file-ignores = { "a.py" = "OLL101" }', 'per-file-ignores."a.py": expected a list of strings'),
    ('severity = { OLL102 = "warn" }', "severity.OLL102: expected one of error, warning, info, found 'warn'"),
    ('severity = { E501 = "error" }', "severity: no rule is called `E501`"),
    ('severity = "error"', "severity: expected a table, found 'error'"),
    ('fail-on = "never"', "fail-on: expected one of error, warning, info, found 'never'"),
    ("exclude = 3", "exclude: expected a list of strings, found 3"),
    ('respect-gitignore = "no"', "respect-gitignore: expected true or false, found 'no'"),
    ('contracts = ["none.toml"]', "contracts: no such file: none.toml"),
    ('contracts = ["rows.toml"]', "rows.toml: [lib.f] emitz"),
    ('src = ["lib"]', "src: no such folder: lib"),
    ('baseline = "none.json"', "none.json; `outlayer-lint baseline` writes one"),
    ('baseline = "model.py"', "model.py:1: not a baseline, because not JSON"),
    ('select = ["OLL1"', "not valid TOML"),
    ('select = ["OLL1"]\nselect = []', "not valid TOML"),
]


@pytest.mark.parametrize(("table", "sentence"), MISTAKES, ids=[table for table, _ in MISTAKES])
def test_a_misconfiguration_is_answered_with_one_sentence(project: Path, table: str, sentence: str) -> None:
    (project / "rows.toml").write_text(ROW)
    configured(project, table)
    done = outlayer(project, ".")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("outlayer-lint: error: ")
    assert done.err.count("\n") == 1
    assert sentence in done.err
    assert str(project) in done.err  # which of the many files with that name


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[tool.outlayer_lint]\nselect = []\n", "the table [tool.outlayer_lint]; did you mean [tool.outlayer-lint]?"),
        ("[tool.OutlayerLint]\n", "did you mean [tool.outlayer-lint]?"),
        ("[tool]\noutlayer-lint = 3\n", "tool.outlayer-lint is not a table"),
        ("# outlayer-lint\n\xff", "not valid TOML"),
    ],
)
def test_a_file_that_is_meant_for_us_and_is_not(project: Path, text: str, sentence: str) -> None:
    (project / "pyproject.toml").write_text(text, encoding="latin-1")
    done = outlayer(project, ".")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert sentence in done.err


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (("--config", "model.py", "--isolated"), "--config names a configuration file and --isolated ignores all"),
        (("--config", "."), "no such configuration file: ."),
        (("--config", "empty.toml"), "empty.toml: there is no table [tool.outlayer-lint]"),
        (("--baseline", "."), "cannot read the baseline .: Is a directory"),
        (("--output", "."), "cannot write .: "),
        (("--fail-on", "fatal"), "--fail-on: expected one of error, warning, info"),
        (("--no-respect-gitignores",), "did you mean `--no-respect-gitignore`?"),
        (("--statistics", "--format", "junit"), "--statistics can be told as text, concise or json, not as junit"),
        (("-", "--add-noqa"), "--add-noqa writes files"),
        (("--exclude",), "--exclude needs a value: PATTERNS"),
    ],
)
def test_options_that_cannot_be_meant(project: Path, argv: tuple[str, ...], sentence: str) -> None:
    (project / "empty.toml").touch()
    done = outlayer(project, *argv)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert sentence in done.err


# --- keys -------------------------------------------------------------------------------------------------------------


def test_every_key_has_its_say(project: Path) -> None:
    assert concise(project) == FOUND
    for table in (
        'select = ["OLL2"]',
        'ignore = ["softmax-into-cross-entropy"]',
        'per-file-ignores = { "t*.py" = ["OLL1"] }',
        'exclude = ["train.py", "model.py"]',
        'severity = { OLL101 = "info" }',
    ):
        configured(project, table)
        assert concise(project) == [], table
    configured(project, 'select = []\nextend-select = ["OLL101"]')
    assert concise(project) == FOUND
    configured(project, 'severity = { OLL1 = "warning" }\nfail-on = "error"')
    assert outlayer(project, ".").code == 0
    assert "warning[OLL101]" in outlayer(project, ".").out
    assert outlayer(project, ".", "--fail-on", "warning").code == 1
    assert outlayer(project, ".", "--isolated").code == 1
    configured(project, "trace = true")
    assert outlayer(project, ".").code == 2
    assert len(KEYS) == 12


def test_rows_of_the_users_own(tmp_path: Path) -> None:
    text = TRAIN.replace("from model import Net", "from team.ops import squash").replace("Net()", "nn.Linear(4, 3)")
    written(tmp_path, train=text.replace("criterion(net(x), y)", "criterion(squash(net(x), 1), y)"))
    assert concise(tmp_path) == []
    (tmp_path / "team.toml").write_text(SQUASH)
    configured(tmp_path, 'contracts = ["team.toml"]')
    assert concise(tmp_path) == FOUND


def test_imports_start_from_the_folders_of_src(tmp_path: Path) -> None:
    root = written(tmp_path / "repo")
    written(root / "libs/one", model=MODEL)
    written(root / "libs/two", model=MODEL.replace("self.softmax(self.head(x))", "self.head(x)"))
    written(root / "app", train=TRAIN)
    for folder in ("libs/one", "libs/two", "app"):
        (root / folder / ".git").rmdir()
    assert concise(root) == []  # two modules may be meant
    for chosen, found in (("one", ["app/train.py:9:12: OLL101"]), ("two", [])):
        configured(root, f'src = ["libs/{chosen}", "app"]')
        assert concise(root) == found
    configured(root, "")
    written(tmp_path / "shared", package=MODEL)
    (root / "app/train.py").write_text(TRAIN.replace("from model", "from package"))
    assert concise(root) == []
    configured(root, 'src = ["../shared"]')
    assert concise(root) == ["app/train.py:9:12: OLL101"]
    assert "simplex" in outlayer(root, "reveal", "app/train.py:9").out


def test_the_nearest_file_upwards_counts(project: Path) -> None:
    configured(project, 'ignore = ["OLL1"]')
    written(project / "inner", model=MODEL, train=TRAIN)
    assert concise(project / "inner") == []
    (project / "inner/pyproject.toml").write_text('[project]\nname = "inner"\n')
    assert concise(project / "inner") == []
    configured(project / "inner", "")
    assert concise(project / "inner") == FOUND
    (project / "other.toml").write_text('[tool.outlayer-lint]\nselect = ["OLL2"]\n')
    assert concise(project / "inner", ".", "--config", "../other.toml") == []


def test_settings_are_shown_in_the_notation_of_the_file(project: Path) -> None:
    configured(project, 'select = ["OLL101"]\nseverity = { OLL101 = "info" }\nsrc = ["."]')
    done = outlayer(project, ".", "--show-settings", "--fail-on", "error", "--no-respect-gitignore")
    assert (done.code, done.err) == (0, "")
    (project / "shown.toml").write_text(f"[tool.outlayer-lint]\n{done.out}".replace('baseline = ""\n', ""))
    again = outlayer(project, ".", "--show-settings", "--config", "shown.toml")
    assert again.out.splitlines()[1:] == done.out.splitlines()[1:]
    assert 'fail-on = "error"\n' in again.out
    assert "respect-gitignore = false\n" in again.out


# --- which files ------------------------------------------------------------------------------------------------------


def test_what_git_ignores_is_left_out_unless_asked(project: Path) -> None:
    written(project / "gen", train=TRAIN, model=MODEL)
    (project / ".gitignore").write_text("gen/\n")
    shown = outlayer(project, "--show-files").out.splitlines()
    assert shown == ["model.py", "train.py"]
    assert outlayer(project, "--show-files", "--no-respect-gitignore").out.splitlines() == [
        "gen/model.py",
        "gen/train.py",
        "model.py",
        "train.py",
    ]
    assert len(concise(project, ".", "--no-respect-gitignore")) == 2
    assert outlayer(project, "--show-files", "gen/train.py").out == "gen/train.py\n"


def test_named_files_are_read_unless_exclusion_is_forced(project: Path) -> None:
    written(project / "third_party", train=TRAIN, model=MODEL)
    written(project / ".venv", train=TRAIN)
    configured(project, 'exclude = ["third_party"]')
    named = ("third_party/train.py", ".venv/train.py", "train.py")
    assert len(outlayer(project, "--show-files", *named).out.splitlines()) == 3
    assert outlayer(project, "--show-files", "--force-exclude", *named).out == "train.py\n"
    assert concise(project, "--force-exclude", *named) == FOUND
    done = outlayer(project, "third_party/train.py", "--force-exclude")
    assert (done.code, done.err) == (0, "")
    asked = ("-", "--stdin-filename", "third_party/train.py")
    assert outlayer(project, *asked, stdin=TRAIN.encode()).code == 1
    assert outlayer(project, *asked, "--force-exclude", stdin=TRAIN.encode()).code == 0
    assert outlayer(project, "--show-files", *asked).out == "third_party/train.py\n"


def test_standard_input_stands_for_the_file_of_that_name(project: Path) -> None:
    done = outlayer(project, "-", "--stdin-filename", "train.py", "--format", "concise", "-q", stdin=TRAIN.encode())
    assert done.out.startswith("train.py:9:12: OLL101 ")
    assert outlayer(project, "-", "--stdin-filename", "train.py", stdin=b"x = 1\n").code == 0
    text = notebook("import torch", THRESHOLD).encode()
    done = outlayer(project, "-", "--stdin-filename", "new/book.ipynb", "--format", "concise", "-q", stdin=text)
    assert done.out.startswith("new/book.ipynb:cell2:8:7: OLL701 ")
    assert outlayer(project, "-", "--format", "concise", "-q", stdin=THRESHOLD.encode()).out.startswith("-:8:7: ")


@pytest.mark.skipif(sys.platform == "win32", reason="names that Windows does not allow")
def test_control_characters_never_reach_the_terminal(tmp_path: Path) -> None:
    name = "evil\x1b]0;owned\x07.py"
    written(tmp_path)
    (tmp_path / name).write_text(THRESHOLD.replace("> 0.5)", "> 0.5)  # \x1b[2J\x9b31m"), encoding="utf-8")
    (tmp_path / "broken\x1b[31m.py").write_text("def (:\n")
    commands = [(".", "--format", form) for form in ("text", "concise", "github", "junit")]
    for argv in (*commands, ("--show-files",), ("pairs",), (".", "--add-noqa"), ("no\x1bsuch",)):
        done = outlayer(tmp_path, *argv)
        assert not set("\x1b\x07\x9b") & set(done.out + done.err), argv
    assert r"evil\x1b]0;owned\x07.py" in outlayer(tmp_path, "--show-files").out
    for form in ("json", "gitlab", "sarif"):
        text = outlayer(tmp_path, ".", "--format", form).out
        assert not set("\x1b\x07\x9b") & set(text), form
        json.loads(text)


# --- a terminal -------------------------------------------------------------------------------------------------------


WITH_PATIENCE = "from outlayer_lint.cli import progress, run; progress.PATIENCE = {}; run()"


def in_a_terminal(folder: Path, *argv: str, patience: float = 600.0, **environment: str) -> str:
    """What a person would see: both streams are a terminal's. A run longer than `patience` seconds has a bar."""
    pty = pytest.importorskip("pty", reason="needs a terminal of Unix")
    master, slave = pty.openpty()
    path = str(Path(outlayer_lint.__file__).parents[1])
    base = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "CI")}
    with subprocess.Popen(
        [sys.executable, "-c", WITH_PATIENCE.format(patience), *argv],
        cwd=folder,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**base, "PYTHONPATH": path, "TERM": "xterm", **environment},
    ):
        os.close(slave)
        seen = b""
        try:
            while part := os.read(master, 65536):
                seen += part
        except OSError:  # the other end is closed
            pass
    os.close(master)
    return seen.decode()


def test_colours_in_a_terminal_only(project: Path) -> None:
    assert "\x1b[1;31merror[OLL101]" in in_a_terminal(project, ".")
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        seen = in_a_terminal(project, ".", **environment)
        assert "error[OLL101]" in seen
        assert "\x1b" not in seen
    assert "\x1b" not in in_a_terminal(project, ".", "--color", "never")
    assert "\x1b[1;31m" in in_a_terminal(project, ".", "--color", "always", NO_COLOR="1")


def test_a_short_run_has_no_bar(project: Path) -> None:
    pytest.importorskip("rich", reason="the bar is drawn by rich")
    assert "following outputs" not in in_a_terminal(project, ".")
    assert "following outputs" in in_a_terminal(project, ".", patience=0.0)


def test_a_long_run_has_a_bar_that_goes_away(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("rich", reason="the bar is drawn by rich")
    monkeypatch.setattr("outlayer_lint.cli.progress.PATIENCE", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    bar = Bar()
    for done in range(3):
        bar(done, 3)
    bar.stop()
    out, err = capsys.readouterr()
    assert out == ""
    assert "following outputs" in err
    assert err.endswith(("\x1b[2K", "\x1b[?25h", "\x1b[1A\x1b[2K"))


def test_without_rich_there_is_no_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("outlayer_lint.cli.progress.PATIENCE", 0.0)
    for name in ("rich", "rich.console", "rich.progress"):
        monkeypatch.setitem(sys.modules, name, None)
    bar = Bar()
    bar(1, 2)
    bar(2, 2)
    bar.stop()
    assert capsys.readouterr() == ("", "")

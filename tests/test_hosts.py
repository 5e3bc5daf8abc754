"""flake8 and pylint, the real programs, with the plugins in them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from outlayer_lint import engine
from outlayer_lint.cli.catalogue import worst
from outlayer_lint.knowledge import pages

ROOT = Path(__file__).parents[1]
FIXTURES = ROOT / "fixtures"
PROJECTS = (
    "tour",
    "softmax-into-cross-entropy/leaves",
    "keras-activation-with-from-logits/flowers",
    "metric-threshold-on-logits/polyps",
    "non-log-input-to-kl-div/ranking",
)
LOCAL = "[flake8:local-plugins]\nextension =\n    OLL = outlayer_lint.flake8_plugin:Plugin\n"
INSTALLED = any(entry.name == "OLL" for entry in entry_points(group="flake8.extension"))
WRONG = """\
from torch import nn
from torch.nn import functional as F

criterion = nn.CrossEntropyLoss()


def step(net, x, y):
    return criterion(F.softmax(net(x), dim=1), y)
"""
MISTYPED = '[tool.outlayer-lint]\nselekt = ["OLL1"]\n'
AT = "train.py:8:12: OLL101 "


@pytest.fixture
def flake8() -> None:
    pytest.importorskip("flake8", reason="flake8 is not installed")


@pytest.fixture
def pylint() -> None:
    pytest.importorskip("pylint", reason="pylint is not installed")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with one mistake."""
    return repository(tmp_path, {"train.py": WRONG})


def repository(folder: Path, files: dict[str, str]) -> Path:
    (folder / ".git").mkdir(parents=True)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def copied(name: str, folder: Path) -> Path:
    shutil.copytree(FIXTURES / name, folder, ignore=shutil.ignore_patterns("*.ipynb", "__pycache__"))
    (folder / ".git").mkdir()
    return folder


def program(folder: Path, module: str, *argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYLINTHOME": str(folder / ".pylint")}
    return subprocess.run(
        [sys.executable, "-m", module, *argv],
        cwd=folder, env=environment, input=stdin, capture_output=True, text=True, check=False,
    )  # fmt: skip


def told(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines of a report, without what is particular to a host."""
    assert done.stderr == ""
    assert done.returncode in (0, 1)
    return sorted(line.removeprefix("./") for line in done.stdout.splitlines())


def alone(folder: Path, *argv: str) -> list[str]:
    return told(program(folder, "outlayer_lint", *(argv or (".",)), "--format", "concise", "--quiet"))


def with_flake8(folder: Path, *argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    config = folder / ".flake8"
    if not INSTALLED and LOCAL not in (config.read_text("utf-8") if config.exists() else ""):
        with config.open("a", encoding="utf-8") as file:
            file.write(LOCAL)
    return program(folder, "flake8", *argv, stdin=stdin)


# --- flake8 -----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("flake8")
@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("name", PROJECTS)
def test_flake8_agrees_finding_for_finding(name: str, jobs: str, tmp_path: Path) -> None:
    folder = copied(name, tmp_path / "repository")
    expected = alone(folder)
    assert expected
    assert told(with_flake8(folder, "--select", "OLL", "--jobs", jobs)) == expected


@pytest.mark.usefixtures("flake8")
def test_flake8_is_told_of_a_file_what_lies_in_it(tmp_path: Path) -> None:
    folder = copied("tour", tmp_path / "repository")
    expected = [line for line in alone(folder) if line.startswith("train.py:")]
    assert len(expected) == 3
    assert told(with_flake8(folder, "--select", "OLL", "train.py", "models.py")) == expected


def test_the_entry_point_is_declared() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        declared = tomllib.load(file)["project"]["entry-points"]["flake8.extension"]
    assert declared == {"OLL": "outlayer_lint.flake8_plugin:Plugin"}


@pytest.mark.usefixtures("flake8")
def test_flake8_reports_ours_among_its_own_and_without_being_asked(project: Path) -> None:
    (project / "train.py").write_text("import os\n" + WRONG, encoding="utf-8")
    lines = told(with_flake8(project))
    assert [re.sub(r"(\w\d+) .*", r"\1", line) for line in lines] == ["train.py:1:1: F401", "train.py:9:12: OLL101"]


@pytest.mark.usefixtures("flake8")
def test_flake8_decides_what_is_selected_and_silenced(project: Path) -> None:
    silenced = WRONG.replace("y)\n", "y)  # noqa: OLL101\n") + "\n\nx = 1  # noqa: OLL203\n"
    (project / "train.py").write_text(silenced, encoding="utf-8")
    assert told(with_flake8(project, "--select", "OLL")) == alone(project)
    assert [line[:20] for line in alone(project)] == ["train.py:11:8: OLL00"]
    assert told(with_flake8(project, "--select", "OLL", "--disable-noqa"))[0].startswith(AT)
    assert told(with_flake8(project, "--select", "OLL2,E")) == []
    assert told(with_flake8(project, "--select", "OLL", "--per-file-ignores", "train.py:OLL")) == []


@pytest.mark.usefixtures("flake8")
def test_flake8_reads_a_buffer(project: Path) -> None:
    argv = ("--select", "OLL", "--stdin-display-name", "train.py", "-")
    assert told(with_flake8(project, *argv, stdin=WRONG.replace("F.softmax(net(x), dim=1)", "net(x)"))) == []
    lines = told(with_flake8(project, *argv, stdin=f"# coding: latin-1\n# \u00e9\n{WRONG}"))
    assert [line[:23] for line in lines] == ["train.py:10:12: OLL101 "]


@pytest.mark.usefixtures("flake8")
def test_a_buffer_meets_the_rest_of_its_project(tmp_path: Path) -> None:
    folder = copied("tour", tmp_path / "repository")
    text = (folder / "train.py").read_text("utf-8")
    lines = told(with_flake8(folder, "--select", "OLL", "--stdin-display-name", "train.py", "-", stdin=text))
    assert lines == [line for line in alone(folder) if line.startswith("train.py:")]


OWN = """\
["torch.nn.functional.softmax"]
is = "activation"
emits = "logit"
"""


@pytest.mark.usefixtures("flake8")
def test_flake8_is_given_rows_of_our_own(project: Path) -> None:
    (project / "team.toml").write_text(OWN, "utf-8")
    assert told(with_flake8(project, "--select", "OLL"))[0].startswith(AT)
    assert told(with_flake8(project, "--select", "OLL", "--outlayer-contracts", "team.toml")) == []
    (project / ".flake8").write_text("[flake8]\noutlayer-contracts = team.toml\n", "utf-8")
    assert told(with_flake8(project, "--select", "OLL")) == []


@pytest.mark.usefixtures("flake8")
def test_flake8_takes_our_options_as_its_own(tmp_path: Path) -> None:
    folder = copied("tour", tmp_path / "repository")
    (folder / "pyproject.toml").write_text('[tool.outlayer-lint]\nignore = ["OLL1", "OLL6"]\n', "utf-8")
    assert told(with_flake8(folder, "--select", "OLL")) == alone(folder)
    other = tmp_path / "other.toml"
    other.write_text('[tool.outlayer-lint]\nselect = ["OLL605"]\n', "utf-8")
    (folder / ".flake8").write_text("[flake8]\nselect = OLL\noutlayer-config = ../other.toml\n", "utf-8")
    (line,) = told(with_flake8(folder))
    assert "OLL605" in line
    assert told(with_flake8(folder, "--outlayer-config", "pyproject.toml")) == alone(folder)


@pytest.mark.usefixtures("flake8")
def test_flake8_tells_info_when_asked(tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    repository(folder, {"train.py": WRONG.replace("softmax", "log_softmax")})
    assert told(with_flake8(folder, "--select", "OLL")) == alone(folder) == []
    expected = alone(folder, ".", "--show", "info")
    assert told(with_flake8(folder, "--select", "OLL", "--outlayer-show", "info")) == expected
    assert "OLL104" in expected[0]


@pytest.mark.usefixtures("flake8")
@pytest.mark.parametrize(
    ("files", "argv", "sentence"),
    [
        ({"pyproject.toml": MISTYPED}, (), "no key `selekt`; did you mean `select`?"),
        ({}, ("--outlayer-contracts", "team.toml"), "team.toml"),
        ({}, ("--outlayer-config", "none.toml"), "no such configuration file"),
    ],
)
def test_a_configuration_that_cannot_be_meant_is_a_finding(
    project: Path, files: dict[str, str], argv: tuple[str, ...], sentence: str
) -> None:
    for name, text in files.items():
        (project / name).write_text(text, "utf-8")
    (project / "b.py").write_text("import os\n", "utf-8")
    done = with_flake8(project, "--jobs", "1", *argv)
    ours = [line for line in told(done) if "OLL" in line]
    assert len(ours) == 1
    assert ": OLL000 " in ours[0]
    assert sentence in ours[0]
    assert "b.py:1:1: F401" in done.stdout


@pytest.mark.usefixtures("flake8")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_bug_of_ours_is_one_line_and_flake8_goes_on(
    project: Path, jobs: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def check(*_: object, **__: object) -> None:
        raise TypeError("wrong\nlike this")

    monkeypatch.setattr(engine, "check", check)
    (project / "a.py").write_text("import os\n", "utf-8")
    assert in_process(project, jobs, monkeypatch) == 1
    out, err = capfd.readouterr()
    assert out.splitlines() == ["./a.py:1:1: F401 'os' imported but unused"]
    assert err == "outlayer-lint: internal error, please report it: TypeError: wrong\\x0alike this\n"


@pytest.mark.usefixtures("flake8")
@pytest.mark.parametrize(("jobs", "option", "times"), [("1", "", 1), ("2", "", 1), ("2", "--extend-ignore=E,W,OLL", 0)])
def test_a_project_is_analysed_once(
    jobs: str, option: str, times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied("tour", tmp_path / "repository")
    log = tmp_path / "log"
    log.write_text("", "utf-8")
    real = engine.check
    seen: list[Any] = []

    def check(*args: Any, **options: Any) -> Any:
        seen.append(options["trees"])
        with log.open("a", encoding="utf-8") as file:
            file.write("analysed\n")
        return real(*args, **options)

    monkeypatch.setattr(engine, "check", check)
    assert in_process(folder, jobs, monkeypatch, *filter(None, [option])) == (1 if times else 0)
    assert log.read_text("utf-8").count("\n") == times
    if jobs == "1":
        ((path, (text, tree)),) = seen[0].items()
        assert text == Path(path).read_text("utf-8")
        assert tree.body


def in_process(folder: Path, jobs: str, monkeypatch: pytest.MonkeyPatch, *argv: str) -> int:
    """Run flake8 in this process, so that what it calls can be replaced."""
    from flake8.main.application import Application  # noqa: PLC0415 - skipped where there is none

    monkeypatch.chdir(folder)
    if not INSTALLED:
        (folder / ".flake8").write_text(LOCAL, "utf-8")
    application = Application()
    application.run(["--jobs", jobs, *(argv or ["--extend-ignore=E,W"])])
    return int(application.exit_code())


# --- pylint -----------------------------------------------------------------------------------------------------------

PLUGIN = ("--load-plugins=outlayer_lint.pylint_plugin", "--disable=all", "--enable=outlayer")


def with_pylint(folder: Path, *argv: str, stdin: str = "") -> list[dict[str, Any]]:
    done = program(folder, "pylint", *PLUGIN, "--output-format=json2", *argv, stdin=stdin)
    assert done.stderr == ""
    messages: list[dict[str, Any]] = json.loads(done.stdout)["messages"]
    return messages


def placed(messages: list[dict[str, Any]]) -> list[tuple[object, ...]]:
    return sorted((m["path"], m["line"], m["column"] + 1, m["symbol"], m["message"]) for m in messages)


def expected(folder: Path) -> list[tuple[object, ...]]:
    report = json.loads(program(folder, "outlayer_lint", ".", "--format", "json").stdout)
    return sorted(
        (d["path"], d["line"], d["column"], d["rule"], d["message"])
        for d in report["diagnostics"]
        if d["severity"] != "info"
    )


@pytest.mark.usefixtures("pylint")
@pytest.mark.parametrize(("name", "jobs"), [("tour", "1"), ("tour", "2"), ("softmax-into-cross-entropy/leaves", "1")])
def test_pylint_agrees_finding_for_finding(name: str, jobs: str, tmp_path: Path) -> None:
    folder = copied(name, tmp_path / "repository")
    found = with_pylint(folder, "--recursive=y", f"--jobs={jobs}", ".")
    assert placed(found) == expected(folder)


@pytest.mark.usefixtures("pylint")
def test_pylint_has_numbers_and_symbols(tmp_path: Path) -> None:
    folder = copied("tour", tmp_path / "repository")
    found = {(m["messageId"], m["symbol"], m["obj"], m["confidence"]) for m in with_pylint(folder, "train.py")}
    assert ("E5101", "softmax-into-cross-entropy", "main", "HIGH") in found
    assert ("W5502", "relu-on-regression-output", "main", "HIGH") in found


def test_numbers_are_what_pylint_takes() -> None:
    pytest.importorskip("pylint", reason="pylint is not installed")
    from outlayer_lint.pylint_plugin import message_id  # noqa: PLC0415

    numbers = {message_id(page): page for page in pages().values()}
    assert len(numbers) == len(pages())
    for number, page in numbers.items():
        assert re.fullmatch(r"[EWR](5[1-9]|60)\d\d", number)
        assert number[0] == {"error": "E", "warning": "W", "info": "R"}[worst(page)]
        assert number[2:] == page.code[3:] or page.code.startswith("OLL0")


@pytest.mark.usefixtures("pylint")
def test_pylint_disables_in_a_block_and_by_symbol(project: Path) -> None:
    silent = WRONG.replace("    return", "    # pylint: disable=softmax-into-cross-entropy\n    return")
    (project / "a.py").write_text(silent, "utf-8")
    (project / "b.py").write_text(WRONG.replace("y)\n", "y)  # pylint: disable=E5101\n"), "utf-8")
    (project / "c.py").write_text("import torch\n", "utf-8")
    assert [m["path"] for m in with_pylint(project, "a.py", "b.py", "c.py", "train.py")] == ["train.py"]


@pytest.mark.usefixtures("pylint")
def test_pylint_reads_a_buffer_and_tells_info_when_asked(project: Path) -> None:
    buffer = WRONG.replace("softmax", "log_softmax")
    assert with_pylint(project, "--from-stdin", "train.py", stdin=buffer) == []
    (found,) = with_pylint(project, "--outlayer-show=info", "--from-stdin", "train.py", stdin=buffer)
    assert (found["messageId"], found["symbol"]) == ("R5104", "log-softmax-into-cross-entropy")


@pytest.mark.usefixtures("pylint")
def test_pylint_says_what_cannot_be_meant(project: Path) -> None:
    (project / "pyproject.toml").write_text(MISTYPED, "utf-8")
    (message,) = with_pylint(project, "train.py")
    assert message["symbol"] == "outlayer-refused"
    assert "no key `selekt`; did you mean `select`?" in message["message"]


@pytest.mark.usefixtures("pylint")
def test_pylint_is_sent_to_a_file_that_the_project_leaves_out(project: Path) -> None:
    for name in ("model", "train"):
        (project / "build" / "lib").mkdir(parents=True, exist_ok=True)
        (project / "build" / "lib" / f"{name}.py").write_text(WRONG, "utf-8")
    found = with_pylint(project, "build/lib/train.py", "build/lib/model.py", "train.py")
    assert len(found) == 3

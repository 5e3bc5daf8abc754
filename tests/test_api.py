"""The interface for Python programs, as the README promises it."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import outlayer_lint
from outlayer_lint import Config, Diagnostic, Refused, Report, Severity, Span, lint
from outlayer_lint.cli import main

PROGRAM = """\
import torch.nn.functional as F
from torch import nn

net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=1))
def step(x, y):
    return F.cross_entropy(net(x), y)
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "train.py"
    path.write_text(PROGRAM, encoding="utf-8")
    return path


def test_a_report_says_what_the_command_line_says(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = lint([program])
    (found,) = report.diagnostics
    assert isinstance(report, Report)
    assert isinstance(found, Diagnostic)
    assert (found.code, found.severity, found.span) == ("OLL101", Severity.ERROR, Span("train.py", 6, 12, 6, 38))
    assert main(["--format", "json", str(program)]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [(d["code"], d["line"], d["message"]) for d in told["diagnostics"]] == [("OLL101", 6, found.message)]
    assert [(p.consumer, p.verdict) for p in report.pairs] == [("cross_entropy", "contradicted")]


def test_a_configuration_is_made_as_it_is_written(program: Path) -> None:
    assert lint(["train.py"], Config.of(ignore=["OLL101"])).diagnostics == ()
    (found,) = lint([program], Config.of(select=["OLL1"], severity={"OLL101": "info"})).diagnostics
    assert found.severity is Severity.INFO
    (program.parent / "pyproject.toml").write_text("[tool.outlayer-lint]\nignore = ['OLL1']\n", encoding="utf-8")
    assert lint([program]).diagnostics == ()
    assert len(lint([program], Config()).diagnostics) == 1
    with pytest.raises(Refused, match="did you mean `fail-on`"):
        Config.of(fail_one="error")


def test_text_need_not_be_on_disk(program: Path) -> None:
    program.unlink()
    report = lint([], Config(), stdin=("train.py", PROGRAM.encode()))
    assert [found.code for found in report.diagnostics] == ["OLL101"]
    assert lint([], stdin=("train.py", PROGRAM.encode())) == report


def test_what_cannot_be_done_is_refused(program: Path) -> None:
    with pytest.raises(Refused, match="no such file or folder: nowhere"):
        lint(["nowhere"])
    (program.parent / "rows.toml").write_text("[colours]\n", encoding="utf-8")
    with pytest.raises(Refused, match=r"rows\.toml"):
        lint([program], Config.of(contracts=["rows.toml"]))
    assert issubclass(Refused, ValueError)


def test_the_interface_is_what_was_promised() -> None:
    assert list(inspect.signature(lint).parameters)[:2] == ["paths", "config"]
    assert Diagnostic._fields[:8] == (
        "code", "rule", "severity", "certainty", "message", "span", "related", "fix",
    )  # fmt: skip
    assert Report._fields[:5] == ("diagnostics", "errors", "files", "analysed", "pairs")
    assert Span._fields == ("path", "line", "column", "end_line", "end_column", "cell")
    for name in outlayer_lint.__all__:
        assert getattr(outlayer_lint, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'lnit'"):
        outlayer_lint.lnit  # noqa: B018


def test_importing_it_loads_nothing() -> None:
    code = "import sys; before = set(sys.modules); import outlayer_lint; print(*sorted(set(sys.modules) - before))"
    environment = {**os.environ, "PYTHONPATH": str(Path(outlayer_lint.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == ["__future__", "outlayer_lint"]

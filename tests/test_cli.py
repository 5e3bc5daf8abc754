"""The command line, the configuration and the formats; the engine is a stub but for the last section."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import outlayer_lint
from outlayer_lint.cli import main
from outlayer_lint.config import Config, Refused, load
from outlayer_lint.diagnostic import Diagnostic, Fix, Pair, Related, Report, Severity, Span, Unread
from outlayer_lint.knowledge import pages
from outlayer_lint.lattice import Emission, Tensor
from outlayer_lint.reporters import FORMATS, View, render

RULES = {name: page.code for name, page in pages().items()}
RULE, CODE = next((name, code) for name, code in RULES.items() if code != "OLL001")

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Carry out a command line in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def carry_out(*argv: str) -> tuple[int, str, str]:
        code = main(argv)
        out, err = capsys.readouterr()
        return code, out, err

    return carry_out


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An engine that reports what a test wants and remembers what it was asked."""
    stub = ModuleType("outlayer_lint.engine")
    told: dict[str, Any] = {"report": Report(files=1), "revealed": []}

    def check(paths: Sequence[str], config: Config, *, stdin: tuple[str, bytes] | None = None, **_: object) -> Report:
        told.update(paths=list(paths), config=config, stdin=stdin)
        report = told["report"]
        assert isinstance(report, Report)
        return report

    stub.__dict__.update(check=check, reveal=lambda *asked: told.update(asked=asked) or told["revealed"], told=told)
    monkeypatch.setitem(sys.modules, "outlayer_lint.engine", stub)
    monkeypatch.setattr(outlayer_lint, "engine", stub, raising=False)
    return stub


def finding(
    severity: str = "error", path: str = "train.py", line: int = 2, code: str = CODE, **about: Any
) -> Diagnostic:
    span = Span(path, line, 8, line, 22)
    return Diagnostic(code, RULE, Severity(severity), "proved", "`loss` is given `probs`", span, **about)


# --- commands ---------------------------------------------------------------------------------------------------------


def test_version_help_and_nothing(run: Run) -> None:
    assert run("--version") == (0, f"outlayer-lint {outlayer_lint.__version__}\n", "")
    assert run("--help")[0] == 0
    assert "outlayer-lint explain" in run("--help")[1]
    assert run()[0] == 2
    code, out, _ = run("check", "--help")
    assert code == 0
    assert "--extend-select" in out


def test_rules_lists_every_page(run: Run) -> None:
    code, out, err = run("rules")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == sorted(RULES.values())
    rows = json.loads(run("rules", "--format", "json")[1])
    assert {row["rule"]: row["code"] for row in rows} == RULES
    assert set(rows[0]["grades"][next(iter(rows[0]["grades"]))]) == {"severity", "evidence", "message"}


@pytest.mark.parametrize("word", [CODE, CODE.lower(), RULE])
def test_explain_prints_the_page(run: Run, word: str) -> None:
    code, out, err = run("explain", word)
    assert (code, err) == (0, "")
    assert out.startswith(f"{CODE}  {RULE}")
    assert "## Bad" in out
    assert "```toml" not in out


def test_explain_offers_the_nearest(run: Run) -> None:
    code, out, err = run("explain", RULE[:-1])
    assert (code, out) == (2, "")
    assert f"did you mean `{RULE}`?" in err


def test_clean_removes_the_cache_and_nothing_else(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "train.py").touch()
    assert run("clean")[:2] == (0, "Nothing to remove: there is no .outlayer_lint_cache.\n")
    (tmp_path / ".outlayer_lint_cache/deep").mkdir(parents=True)
    assert run("clean")[:2] == (0, "Removed .outlayer_lint_cache.\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".git", "train.py"]


def test_reveal(run: Run, engine: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a.py").touch()
    engine.told["revealed"] = [(Span("a.py", 3, 5, 3, 9), "f(x)", "simplex(1)", "softmax applied at a.py:3:5")]
    assert run("reveal", "a.py:3") == (0, "3:5  f(x)  simplex(1)  softmax applied at a.py:3:5\n", "")
    assert engine.told["asked"][0:2] == (Path("a.py"), 3)
    assert run("reveal", "a.py:cell2:3")[0] == 0
    assert engine.told["asked"][3] == 2
    engine.told["revealed"] = []
    assert run("reveal", "a.py:4")[1].startswith("No expression")
    assert run("reveal", "a.py")[0] == 2
    assert run("reveal", "b.py:3")[0] == 2


def test_pairs(run: Run, engine: ModuleType) -> None:
    at = Span("a.py", 3, 5, 3, 9)
    head = Span("m.py", 7, 9, 7, 20)
    output = Tensor(Emission.SIMPLEX, axis=1, units=10)
    engine.told["report"] = Report(
        files=2,
        pairs=(
            Pair(at, "cross_entropy", "contradicted", output, head, "OLL101"),
            Pair(at._replace(path="n.ipynb", cell=4), "mse_loss", "unresolved", reason="parameter nobody binds"),
        ),
    )
    code, out, _ = run("pairs")
    assert code == 0
    assert out.splitlines() == [
        "a.py:3:5: contradicted: cross_entropy receives simplex(1), 10 units from the head at m.py:7:9 (OLL101)",
        "n.ipynb:cell4:3:5: unresolved: mse_loss receives something unknown: parameter nobody binds",
        "2 pairs in 2 files: 0 consistent, 1 contradicted, 1 unresolved.",
        "  1 unresolved: parameter nobody binds",
    ]
    told = json.loads(run("pairs", "--format", "json")[1])
    assert told["version"] == 1
    assert told["pairs"] == [
        {
            "path": "a.py", "cell": None, "line": 3, "consumer": "cross_entropy", "verdict": "contradicted",
            "emits": "simplex(1), 10 units", "units": 10, "head": {"path": "m.py", "cell": None, "line": 7},
            "code": "OLL101", "reason": None,
        },
        {
            "path": "n.ipynb", "cell": 4, "line": 3, "consumer": "mse_loss", "verdict": "unresolved", "emits": None,
            "units": None, "head": None, "code": None, "reason": "parameter nobody binds",
        },
    ]  # fmt: skip


# --- exit codes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("report", "options", "code"),
    [
        (Report(files=1), "", 0),
        (Report((finding("error"),), files=1), "", 1),
        (Report((finding("warning"),), files=1), "", 1),
        (Report((finding("info"),), files=1), "", 0),
        (Report((finding("info"),), files=1), "--fail-on info", 1),
        (Report((finding("warning"),), files=1), "--fail-on error", 0),
        (Report((finding("error"),), files=1), "--exit-zero", 0),
        (Report(), "", 2),
        (Report(errors=(Unread("a.py", 1, "invalid syntax"),), files=1), "", 2),
        (Report(errors=(Unread("a.py", 1, "invalid syntax"),), files=1), "--exit-zero", 2),
        (Report(errors=(Unread("a.py", 1, "invalid syntax"),), files=2), "", 0),
        (Report(errors=(Unread("a.py", 1, "invalid syntax"),), files=2), "--strict", 2),
        (Report(errors=(Unread("a.ipynb", 1, "cell 3: invalid syntax"),), files=1), "", 0),
        (Report((finding(),), files=1, broken=("softmax-into-cross-entropy failed on a.py",)), "", 2),
        (Report((finding(),), files=1, broken=("softmax-into-cross-entropy failed on a.py",)), "--exit-zero", 2),
    ],
)
def test_exit_codes(run: Run, engine: ModuleType, report: Report, options: str, code: int) -> None:
    engine.told["report"] = report
    for form in ("text", "concise", "json"):
        assert run(".", "--format", form, *options.split())[0] == code


def test_our_own_failure_is_told_on_standard_error(run: Run, engine: ModuleType) -> None:
    engine.told["report"] = Report((finding(),), files=1, broken=("x failed on a.py: KeyError",))
    code, out, err = run("--format", "json", ".")
    assert code == 2
    assert len(json.loads(out)["diagnostics"]) == 1
    assert err == "outlayer-lint: internal error: x failed on a.py: KeyError\n"


# --- options ----------------------------------------------------------------------------------------------------------


def test_check_is_the_default_command(run: Run, engine: ModuleType) -> None:
    run("a.py", "--quiet", "b.py")
    assert engine.told["paths"] == ["a.py", "b.py"]
    run("check")
    assert engine.told["paths"] == ["."]
    run("check", "check")
    assert engine.told["paths"] == ["check"]
    run("check", "-q", "a.py", "--select=OLL1,OLL2", "b.py", "--select", CODE, "--", "--odd.py")
    assert engine.told["paths"] == ["a.py", "b.py", "--odd.py"]
    assert engine.told["config"].layers[-1].select == ("OLL1", "OLL2", CODE)


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (("check", "--selct", "OLL101"), "has no option `--selct`; did you mean `--select`?"),
        (
            ("check", "--format", "txt"),
            f"--format: expected one of {', '.join(FORMATS)}, found `txt`",
        ),
        (("check", "--fail-on", "fatal"), "--fail-on: expected one of error, warning, info, found `fatal`"),
        (("check", "--select", "OLL999"), "command line: select: no rule is called `OLL999`"),
        (("check", "--ignore", f"{RULE}s"), f"no rule is called `{RULE}s`; did you mean `{RULE}`?"),
        (("explian", "OLL101"), "no such file, folder or command: explian; did you mean `explain`?"),
        (("check", "--config", "none.toml"), "no such configuration file: none.toml"),
        (("check", "--stdin-filename", "a.py"), "--stdin-filename goes with the path `-`"),
        (("check", "-", "a.py"), "`-` cannot be combined with other paths"),
        (("explain",), "`outlayer-lint explain` needs RULE: a code (OLL101) or a name"),
        (("explain", "OLL101", "OLL102"), "`outlayer-lint explain` does not take `OLL102`"),
        (("check", "--select"), "--select needs a value: RULES"),
        (("check", "--quiet=yes"), "--quiet takes no value"),
        (("check", "--output", "none/out.json"), "cannot write none/out.json: No such file or directory"),
    ],
)
def test_what_cannot_be_meant_is_refused(run: Run, engine: ModuleType, argv: tuple[str, ...], sentence: str) -> None:
    assert engine.told["report"].files
    code, out, err = run(*argv)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.startswith("outlayer-lint: error: ")
    assert err.count("\n") == 1


def test_a_missing_path_is_refused(run: Run) -> None:
    code, out, err = run("check", "--show-files", "nothing.py")
    assert (code, out, err) == (2, "", "outlayer-lint: error: no such file or folder: nothing.py\n")


def test_standard_input(run: Run, engine: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"import torch\nloss = f(probs, target)\n")))
    engine.told["report"] = Report((finding(path="lib/train.py"),), files=1)
    code, out, _ = run("-", "--stdin-filename", "lib/train.py")
    assert code == 1
    assert engine.told["stdin"] == ("lib/train.py", b"import torch\nloss = f(probs, target)\n")
    assert engine.told["paths"] == []
    assert "2 | loss = f(probs, target)" in out


def test_output_goes_to_a_file(run: Run, engine: ModuleType, tmp_path: Path) -> None:
    engine.told["report"] = Report((finding(),), files=1)
    assert run(".", "--format", "json", "--output", "out.json") == (1, "", "")
    assert json.loads((tmp_path / "out.json").read_text())["version"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]


def test_statistics(run: Run, engine: ModuleType) -> None:
    engine.told["report"] = Report((finding(), finding("info"), finding(code="OLL999")), files=1)
    assert run(".", "--statistics")[1] == f"2  {CODE}  {RULE}\n1  OLL999  {RULE}\n"
    assert json.loads(run(".", "--statistics", "--format", "json")[1])[0] == {"code": CODE, "rule": RULE, "count": 2}


def test_show_files_and_show_settings(run: Run, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("a.py", "b/c.ipynb", "b/d.txt"):
        (tmp_path / name).touch()
    assert run("--show-files", ".")[:2] == (0, "a.py\nb/c.ipynb\n")
    assert run("--show-files", ".", "--exclude", "b")[:2] == (0, "a.py\n")
    (tmp_path / "pyproject.toml").write_text(f'[tool.outlayer-lint]\nselect = ["{RULE}"]\nfail-on = "error"\n')
    code, out, _ = run("--show-settings")
    assert code == 0
    assert f'select = ["{CODE}"]' in out
    assert 'fail-on = "error"' in out
    assert out.startswith(f"# from {tmp_path}")


def test_info_is_counted_and_shown_on_request(run: Run, engine: ModuleType) -> None:
    engine.told["report"] = Report((finding("info"),), files=3, analysed=1)
    hidden = run(".", "--format", "concise")[1]
    assert hidden == (
        "Nothing found. 3 files read, 1 with something to judge.\n"
        "1 more of severity info, which depend on what is not known: --show info lists them.\n"
    )
    shown = run(".", "--format", "concise", "--show", "info")[1]
    assert shown.startswith(f"train.py:2:8: {CODE} ")
    assert "Found 1 info." in shown
    assert json.loads(run(".", "--format", "json")[1])["diagnostics"][0]["severity"] == "info"


def test_colours_only_where_they_are_welcome(run: Run, engine: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.told["report"] = Report((finding(),), files=1)
    assert "\x1b[" not in run(".")[1]
    assert "\x1b[" in run(".", "--color", "always")[1]
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in run(".")[1]
    assert "\x1b[" not in run(".", "--color", "never")[1]
    assert "\x1b[" not in run(".", "--format", "json")[1]
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in run(".")[1]


# --- formats ----------------------------------------------------------------------------------------------------------

SOURCE = {
    "train.py": ["", "loss = f(probs, target)  # 日本", "\t日本 = f(probs, target)", f"{'x' * 200} = {'y' * 200}"],
    "model.py": ["probs = softmax(x)"],
}


def line_text(span: Span) -> str:
    lines = SOURCE.get(span.path, [])
    return lines[span.line - 1] if span.line <= len(lines) else ""


def told(report: Report, **view: Any) -> str:
    return render(report, "text", View(line_text, **view))


def test_a_block_shows_the_line_the_caret_and_the_related_place() -> None:
    related = Related(Span("model.py", 1, 9, 1, 19), "softmax applied here")
    fix = Fix("unwrap", "pass the raw scores")
    assert told(Report((finding(related=(related,), fix=fix),), files=1), summary=False) == (
        f"error[{CODE}]: `loss` is given `probs`\n"
        " --> train.py:2:8\n"
        "  |\n"
        "2 | loss = f(probs, target)  # 日本\n"
        "  |        ^^^^^^^^^^^^^^\n"
        " ::: model.py:1:9\n"
        "  |\n"
        "1 | probs = softmax(x)\n"
        "  |         ---------- softmax applied here\n"
        "  = fix: pass the raw scores\n"
        f"  = {RULE}, proved\n"
        "\n"
    )


def test_carets_stand_under_what_they_mean() -> None:
    wide = finding()._replace(span=Span("train.py", 3, 7, 3, 21))
    lines = told(Report((wide,), files=1), summary=False).splitlines()
    assert lines[3] == "3 |     日本 = f(probs, target)"
    assert lines[4] == "  |            ^^^^^^^^^^^^^^"


def test_a_long_line_is_cut_around_the_caret() -> None:
    long = finding()._replace(span=Span("train.py", 4, 201, 4, 202))
    lines = told(Report((long,), files=1), summary=False).splitlines()
    assert len(lines[3]) < 140
    assert lines[3].startswith("4 | ...xxx")
    assert lines[3].endswith("yyy...")
    assert lines[4].index("^") == lines[3].index(" = ")


def test_a_place_without_source_is_still_told() -> None:
    gone = finding(path="gone.py", related=(Related(Span("gone.py", 9, 1, 9, 2), "built here"),))
    assert "built here" in told(Report((gone,), files=1), summary=False)


def test_nothing_raw_reaches_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    nasty = "evil\x1b]0;owned\x07\u202e\u200b\udcff\r.py"
    monkeypatch.setitem(SOURCE, nasty, ["x = '\x1b[2J'", "y = '\x9b31m'"])
    diagnostic = finding(path=nasty, line=1, related=(Related(Span(nasty, 2, 1, 2, 2), "here\x1b[0m"),))
    diagnostic = diagnostic._replace(message="say `\x1b[31m`")
    report = Report((diagnostic,), (Unread(nasty, 1, "bad\x1b"),), files=2)
    for form in ("text", "concise"):
        text = render(report, form, View(line_text))
        assert not set("\x1b\x07\r\x9b\u202e\u200b\udcff") & set(text)
        assert r"\x1b]0;owned\x07\u202e\u200b\xff\x0d.py" in text


def test_the_closing_lines_count_and_do_not_claim_too_much() -> None:
    at = Span("a.py", 1, 1, 1, 2)
    pairs = (Pair(at, "f", "consistent"), Pair(at, "f", "unresolved", reason="budget"), Pair(at, "g", "consistent"))
    text = told(Report((finding(), finding(), finding("warning")), files=12, analysed=5, pairs=pairs))
    assert text.endswith(
        "Found 2 errors and 1 warning. 12 files read, 5 with something to judge.\n"
        "3 pairs of an output and its consumer: 2 consistent, 1 unresolved; `outlayer-lint pairs` says why.\n"
    )


def test_a_notebook_place_names_its_cell() -> None:
    in_cell = finding()._replace(span=Span("n.ipynb", 3, 5, 3, 9, 2))
    assert render(Report((in_cell,), files=1), "concise", View()).startswith("n.ipynb:cell2:3:5: ")


def test_json_is_a_promise() -> None:
    related = Related(Span("m.ipynb", 1, 9, 1, 19, 0), "softmax applied here")
    at = Span("a.py", 1, 1, 1, 2)
    report = Report(
        (finding(related=(related,), fix=Fix("unwrap", "remove it", "safe")), finding("info")),
        (Unread("broken.py", 3, "invalid syntax"),),
        files=12,
        analysed=5,
        pairs=(Pair(at, "f", "consistent"), *[Pair(at, "f", "unresolved", reason=r) for r in ("b", "a", "a")]),
    )
    text = json.loads(render(report, "json", View()))
    assert list(text) == ["version", "diagnostics", "errors", "summary"]
    assert text["diagnostics"][0] == {
        "code": CODE, "rule": RULE, "severity": "error", "certainty": "proved", "message": "`loss` is given `probs`",
        "path": "train.py", "cell": None, "line": 2, "column": 8, "end_line": 2, "end_column": 22, "trace": None,
        "related": [
            {
                "path": "m.ipynb", "cell": 0, "line": 1, "column": 9, "end_line": 1, "end_column": 19,
                "message": "softmax applied here",
            }
        ],
        "fix": {"safety": "safe", "message": "remove it", "edits": []},
    }  # fmt: skip
    assert text["diagnostics"][1]["fix"] is None
    assert text["errors"] == [{"path": "broken.py", "line": 3, "message": "invalid syntax"}]
    assert text["summary"] == {
        "files": 12,
        "analysed": 5,
        "accepted": 0,
        "pairs": {"consistent": 1, "contradicted": 0, "unresolved": 3, "reasons": {"a": 2, "b": 1}},
    }


# --- configuration ----------------------------------------------------------------------------------------------------


def configured(folder: Path, table: str) -> Config:
    (folder / "pyproject.toml").write_text(f"[tool.outlayer-lint]\n{table}\n")
    return load(str(folder))


SOME = {"softmax-into-cross-entropy": "OLL101", "sigmoid-into-logits-bce": "OLL102", "kl-div-mean-reduction": "OLL606"}


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        ("", "101 102 606"),
        ('select = ["OLL1"]', "101 102"),
        ('select = ["oll101", "kl-div-mean-reduction"]', "101 606"),
        ('ignore = ["OLL1"]', "606"),
        ('ignore = ["OLL1"]\nselect = ["OLL", "OLL102"]', "102 606"),
        ('ignore = ["OLL101"]\nextend-select = ["OLL101"]', "102 606"),
        ('select = []\nextend-select = ["OLL6"]', "606"),
        ('select = ["ALL"]\nignore = ["sigmoid-into-logits-bce"]', "101 606"),
    ],
)
def test_the_more_specific_selector_wins(tmp_path: Path, table: str, codes: str) -> None:
    assert configured(tmp_path, table).enabled(SOME) == {f"OLL{number}" for number in codes.split()}


def test_the_command_line_is_stronger_than_the_file(run: Run, engine: ModuleType, tmp_path: Path) -> None:
    configured(tmp_path, f'ignore = ["{CODE}"]\nfail-on = "error"\nexclude = ["gen/"]')
    run(".", "--select", CODE, "--fail-on", "info", "--exclude", "a/b,c")
    config = engine.told["config"]
    assert config.enabled(RULES) == {CODE}
    assert config.fail_on == "info"
    assert config.exclude == ("gen", f"{tmp_path}/a/b", "c")
    run(".", "--extend-select", CODE)
    assert CODE in engine.told["config"].enabled(RULES)
    run(".", "--isolated")
    assert engine.told["config"].fail_on == "warning"


def test_every_key_is_read(tmp_path: Path) -> None:
    config = configured(
        tmp_path,
        'contracts = ["team.toml"]\nsrc = ["lib", "."]\nbaseline = "old.json"\nrespect-gitignore = false\n'
        'severity = { OLL1 = "warning", OLL101 = "info" }\n'
        'per-file-ignores = { "tests/*" = ["OLL1"], "x.py" = ["ALL"] }',
    )
    assert config.contracts == (f"{tmp_path}/team.toml",)
    assert config.src == (f"{tmp_path}/lib", str(tmp_path))
    assert config.baseline == f"{tmp_path}/old.json"
    assert config.respect_gitignore is False
    assert config.levels(SOME) == {"OLL101": "info", "OLL102": "warning"}
    (in_tests, some), (in_x, every) = config.per_file(SOME)
    assert set(some) == {"OLL101", "OLL102"}
    assert set(every) == set(SOME.values())
    assert in_tests(f"{tmp_path}/tests/deep/a.py")
    assert not in_tests(f"{tmp_path}/lib/tests/a.py")
    assert in_x(f"{tmp_path}/lib/x.py")


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ('selekt = ["OLL1"]', "has no key `selekt`; did you mean `select`?"),
        ("extend-exclude = []", "has no key `extend-exclude`; did you mean"),
        ("select = 1", "[tool.outlayer-lint] select: expected a list of strings, found 1"),
        ('fail-on = "warn"', "fail-on: expected one of error, warning, info, found 'warn'; did you mean `warning`?"),
        ('severity = { OLL101 = "off" }', "severity.OLL101: expected one of"),
        ("respect-gitignore = 1", "respect-gitignore: expected true or false, found 1"),
        ("per-file-ignores = []", "per-file-ignores: expected a table"),
        ('per-file-ignores = { "a" = "b" }', 'per-file-ignores."a": expected a list of strings'),
        ("baseline = 3", "baseline: expected a string"),
        ("select = [", "not valid TOML"),
    ],
)
def test_a_bad_configuration_names_file_table_and_key(run: Run, tmp_path: Path, table: str, sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        configured(tmp_path, table)
    assert sentence in str(refused.value)
    assert str(refused.value).startswith(str(tmp_path / "pyproject.toml"))
    code, out, err = run("check", ".")
    assert (code, out) == (2, "")
    assert sentence in err


def test_the_nearest_file_with_our_table_counts(tmp_path: Path) -> None:
    inner = tmp_path / "a/b"
    inner.mkdir(parents=True)
    configured(tmp_path, 'fail-on = "info"')
    (tmp_path / "a/pyproject.toml").write_text('[project]\ndependencies = ["outlayer-lint"]\n')
    assert load(str(inner)).fail_on == "info"
    assert load(str(inner), isolated=True).fail_on == "warning"
    with pytest.raises(Refused, match="there is no table"):
        load(str(inner), config=str(tmp_path / "a/pyproject.toml"))


# --- the real thing, in a process of its own --------------------------------------------------------------------------

PROGRAM = """\
import torch
from torch import nn

model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3), nn.Softmax(dim=1))
criterion = nn.CrossEntropyLoss()
loss = criterion(model(torch.randn(2, 4)), torch.tensor([0, 1]))
loss.backward()
"""


def process(*argv: str, folder: Path, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "outlayer_lint", *argv],
        cwd=folder,
        input=stdin,
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(outlayer_lint.__file__).parents[1]), **environment},
    )


def test_a_file_from_end_to_end(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(PROGRAM)
    done = process("train.py", folder=tmp_path)
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"error[OLL101]" in done.stdout
    assert b"--> train.py:6:8" in done.stdout
    assert b"::: train.py:4:" in done.stdout
    same = process("--format", "json", "-", "--stdin-filename", "train.py", folder=tmp_path, stdin=PROGRAM.encode())
    found = json.loads(same.stdout)["diagnostics"]
    assert [(d["code"], d["path"], d["line"]) for d in found] == [("OLL101", "train.py", 6)]
    report = outlayer_lint.lint([tmp_path / "train.py"])
    assert [(d.code, d.span.line) for d in report.diagnostics] == [("OLL101", 6)]
    assert isinstance(report.diagnostics[0], outlayer_lint.Diagnostic)


def test_every_statement_on_a_line_is_asked_about(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(PROGRAM.replace("[0, 1]))\nloss", "[0, 1])); loss"))
    assert b"train.py:6:8: OLL101" in process("train.py", "--format", "concise", folder=tmp_path).stdout
    told = process("reveal", "train.py:6", folder=tmp_path).stdout.decode()
    assert [line.split()[0] for line in told.splitlines() if "criterion" in line or "backward" in line] == [
        "6:8",
        "6:67",
    ]


def test_a_reader_that_has_seen_enough(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(PROGRAM)
    command = f'"{sys.executable}" -m outlayer_lint rules | true; echo "${{PIPESTATUS[0]}}"'
    environment = {**os.environ, "PYTHONPATH": str(Path(outlayer_lint.__file__).parents[1])}
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=True, cwd=tmp_path, env=environment)
    assert done.stderr == b""
    assert done.stdout == b"0\n"


def test_a_terminal_that_cannot_say_everything(tmp_path: Path) -> None:
    (tmp_path / "日本.py").write_text(PROGRAM)
    done = process(".", folder=tmp_path, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 1
    assert b"\\u65e5\\u672c.py:6:8" in done.stdout


def test_starting_loads_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(PROGRAM)
    code = (
        "import sys; before = set(sys.modules); from outlayer_lint.cli import main; main(['train.py']); "
        "print(*sorted((set(sys.modules) - before) & set(sys.argv[1].split())))"
    )
    heavy = (
        "dataclasses inspect tomllib importlib.metadata json pathlib pathspec shutil tokenize asyncio logging "
        "torch typing"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(outlayer_lint.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code, heavy], capture_output=True, check=True, cwd=tmp_path, env=environment
    )
    assert done.stdout.splitlines()[-1] == b""


def test_without_its_extra_the_server_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("lsprotocol", "pygls"):
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("rim", "protocol"):
        monkeypatch.delitem(sys.modules, f"outlayer_lint.server.{name}", raising=False)
    code, out, err = run("server")
    assert (code, out) == (2, "")
    assert "pip install 'outlayer-lint[server]'" in err

"""The formats for machines, as their hosts read them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest
from commandline import MODEL, THRESHOLD, TRAIN, notebook, outlayer, written

from outlayer_lint.diagnostic import Diagnostic, Related, Report, Severity, Span, Unread
from outlayer_lint.knowledge import pages
from outlayer_lint.reporters import FORMATS, View, render

if TYPE_CHECKING:
    from pathlib import Path

CELLS = (
    "import torch\nfrom torch import nn\nn = 'a\\tb \\\\ é'\nnet = nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=1))",
    "criterion = nn.CrossEntropyLoss()\nloss = criterion(net(torch.randn(2, 4)), torch.tensor([0, 1]))",
)
ODD = "a b,c%é.py" if sys.platform == "win32" else "a b,c:d%é.py"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An error over two files, a warning, a notebook, a file that does not parse, and one with an odd name."""
    folder = written(tmp_path_factory.mktemp("project"), model=MODEL, train=TRAIN, decide=THRESHOLD, broken="def (:\n")
    (folder / "book.ipynb").write_text(notebook(*CELLS), encoding="utf-8")
    (folder / ODD).write_text(THRESHOLD, encoding="utf-8")
    return folder


def told(folder: Path, form: str, *options: str) -> str:
    done = outlayer(folder, ".", "--format", form, *options)
    assert (done.code, done.err) == (1, "")
    return done.out


def results(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)["runs"][0]["results"]
    return found


def test_every_format_tells_the_same_findings(project: Path) -> None:
    expected = sorted((d["code"], d["path"]) for d in json.loads(told(project, "json"))["diagnostics"])
    assert {code for code, _ in expected} == {"OLL101", "OLL701"}
    assert len(expected) == 4
    sarif = [
        (r["ruleId"], unquote(r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]))
        for r in results(told(project, "sarif"))
    ]
    gitlab = [
        (i["check_name"], i["location"]["path"])
        for i in json.loads(told(project, "gitlab"))
        if i["check_name"] != "not-read"
    ]
    cases = ET.fromstring(told(project, "junit").encode()).iter("testcase")
    junit = [(str(c.get("name"))[:6], c.get("file")) for c in cases if c.find("failure") is not None]
    assert sorted(sarif) == sorted(gitlab) == sorted(junit) == expected
    commands = re.findall(r"(?m)^::(?:error|warning) .*title=(OLL\d+) ", told(project, "github"))
    assert sorted(commands) == [code for code, _ in expected]


# --- GitHub's annotations ---------------------------------------------------------------------------------------------


def test_github_annotations(project: Path) -> None:
    lines = told(project, "github").splitlines()
    train = next(line for line in lines if "file=train.py" in line)
    escaped = ODD.replace("%", "%25").replace(",", "%2C").replace(":", "%3A")
    assert train.startswith(
        "::error file=train.py,line=9,endLine=9,col=12,endColumn=32,title=OLL101 softmax-into-cross-entropy::"
    )
    assert "%0Amodel.py:11:16: softmax applied here%0Amodel.py:8:24: softmax built here%0Afix: " in train
    assert any(line.startswith(f"::warning file={escaped},line=8,") for line in lines)
    assert any(line.startswith("::warning file=broken.py,line=1,title=not read::") for line in lines)


def test_github_annotations_escape_what_could_end_a_command() -> None:
    at = Span("a.py", 3, 1, 5, 2)
    report = Report((Diagnostic("OLL101", "r", Severity.INFO, "proved", "50 %\r\n::error::x", at),), files=1)
    assert render(report, "github", View()) == ""
    text = render(report, "github", View(show_info=True))
    assert text == "::notice file=a.py,line=3,endLine=5,title=OLL101 r::50 %25\\x0d\\x0a::error::x\n"


# --- GitLab's code quality --------------------------------------------------------------------------------------------


def test_gitlab_issues(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI_PROJECT_DIR", raising=False)
    issues = json.loads(told(project, "gitlab"))
    assert len({issue["fingerprint"] for issue in issues}) == len(issues) == 5
    by_path = {issue["location"]["path"]: issue for issue in issues}
    assert by_path["train.py"]["severity"] == "critical"
    assert by_path["train.py"]["location"]["positions"] == {
        "begin": {"line": 9, "column": 12}, "end": {"line": 9, "column": 32},
    }  # fmt: skip
    assert by_path["decide.py"]["severity"] == "major"
    assert by_path["broken.py"]["location"]["lines"]["begin"] == 1
    monkeypatch.setenv("CI_PROJECT_DIR", str(project.parent))
    assert f"{project.name}/train.py" in {i["location"]["path"] for i in json.loads(told(project, "gitlab"))}


# --- JUnit ------------------------------------------------------------------------------------------------------------


def test_junit_suites(project: Path) -> None:
    top = ET.fromstring(told(project, "junit").encode())
    assert (top.tag, top.get("tests"), top.get("failures"), top.get("errors")) == ("testsuites", "5", "4", "1")
    assert {suite.get("name") for suite in top} == {"train.py", "decide.py", "book.ipynb", "broken.py", ODD}
    failure = next(f for f in top.iter("failure") if "OLL101" in str(f.get("type")))
    assert failure.text is not None
    assert "softmax applied here" in failure.text


def test_junit_fails_only_what_fails_the_run(project: Path) -> None:
    top = ET.fromstring(told(project, "junit", "--fail-on", "error").encode())
    assert (top.get("tests"), top.get("failures")) == ("5", "2")
    assert [case.get("file") for case in top.iter("testcase") if case.find("system-out") is not None] == [
        ODD,
        "decide.py",
    ]


def test_junit_of_a_clean_run_and_of_odd_characters(tmp_path: Path) -> None:
    done = outlayer(written(tmp_path, model=MODEL), ".", "--format", "junit")
    assert done.code == 0
    assert [case.get("name") for case in ET.fromstring(done.out.encode()).iter("testcase")] == ["nothing found"]
    nasty = "\x00\x1b<&\"'\udcff\ufffe.py"
    report = Report(errors=(Unread(nasty, 1, "bad\x0b & <worse>"),), files=1)
    case = next(ET.fromstring(render(report, "junit", View()).encode()).iter("error"))
    assert case.get("message") == r"bad\x0b & <worse>"


# --- SARIF ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def sarif_schema(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The official schema, as the npm package of its authors carries it; never a part of this repository."""
    pytest.importorskip("jsonschema", reason="needs jsonschema")
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs npm to fetch the schema")
    folder = tmp_path_factory.mktemp("schema")
    command = [npm, "pack", "--silent", "@microsoft/jest-sarif"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"the schema cannot be fetched: {error}")
    with tarfile.open(next(folder.glob("*.tgz"))) as package:
        name = next(n for n in package.getnames() if "/schemas/sarif-2.1.0" in n)
        file = package.extractfile(name)
        assert file is not None
        return json.load(file)


def validated(text: str, schema: Any) -> None:
    import jsonschema  # noqa: PLC0415

    kind = jsonschema.validators.validator_for(schema)
    checker = kind(schema, format_checker=kind.FORMAT_CHECKER)
    assert [f"{list(e.absolute_path)}: {e.message}" for e in checker.iter_errors(json.loads(text))] == []


def test_sarif_is_valid(project: Path, sarif_schema: Any, tmp_path: Path) -> None:
    validated(told(project, "sarif"), sarif_schema)
    clean = outlayer(written(tmp_path, model=MODEL), ".", "--format", "sarif")
    assert clean.code == 0
    validated(clean.out, sarif_schema)
    outside = Span("/tmp/é x.py", 1, 1, 1, 2)
    report = Report(
        (Diagnostic("OLL101", "r", Severity.INFO, "likely", "m", outside, (Related(outside, "`f` called here"),)),),
        (Unread("n.ipynb", 1, "not JSON"),),
        files=2,
        broken=("a rule failed",),
    )
    validated(render(report, "sarif", View()), sarif_schema)


def test_sarif_tells_the_way_from_activation_to_loss(project: Path) -> None:
    (found,) = [r for r in results(told(project, "sarif")) if "train.py" in json.dumps(r["locations"])]
    assert (found["ruleId"], found["level"]) == ("OLL101", "error")
    (flow,) = found["codeFlows"]
    steps = [step["location"] for step in flow["threadFlows"][0]["locations"]]
    assert [step["message"]["text"] for step in steps[:-1]] == ["softmax built here", "softmax applied here"]
    assert steps[-1]["message"] == found["message"]
    places = [step["physicalLocation"] for step in steps]
    assert [place["artifactLocation"]["uri"] for place in places] == ["model.py", "model.py", "train.py"]
    assert [place["region"]["startLine"] for place in places] == [8, 11, 9]
    assert found["locations"][0]["physicalLocation"]["region"] == {
        "startLine": 9, "startColumn": 12, "endLine": 9, "endColumn": 32,
    }  # fmt: skip


def test_sarif_follows_prediction_and_target_apart() -> None:
    def at(line: int) -> Span:
        return Span("a.py", line, 1, line, 2)

    related = (
        Related(at(3), "relu applied here"),
        Related(at(2), "relu built here"),
        Related(at(6), "StandardScaler applied here"),
        Related(at(5), "StandardScaler built here"),
        Related(at(8), "`train` called here"),
        Related(at(9), "the same output is used here"),
    )
    report = Report((Diagnostic("OLL502", "r", Severity.WARNING, "proved", "m", at(7), related),), files=1)
    flows = results(render(report, "sarif", View()))[0]["codeFlows"]
    lines = [
        [s["location"]["physicalLocation"]["region"]["startLine"] for s in flow["threadFlows"][0]["locations"]]
        for flow in flows
    ]
    assert lines == [[2, 3, 8, 7], [5, 6, 7]]


def test_sarif_rules_carry_their_pages(project: Path) -> None:
    run = json.loads(told(project, "sarif"))["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["OLL101", "OLL701"]
    assert rules[0]["shortDescription"]["text"] == pages()["softmax-into-cross-entropy"].summary
    assert "## Fix" in rules[0]["help"]["markdown"]
    assert "```python\n" in rules[0]["help"]["markdown"]
    assert all(rules[r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"])
    (unread,) = run["invocations"][0]["toolExecutionNotifications"]
    assert unread["message"]["text"].startswith("not read: ")


def marks(folder: Path) -> list[str]:
    found = results(outlayer(folder, ".", "--format", "sarif").out)
    return [result["partialFingerprints"]["outlayerLint/v1"] for result in found]


def test_sarif_fingerprints_survive_moved_lines(tmp_path: Path) -> None:
    folder = written(tmp_path, model=MODEL, train=TRAIN, decide=THRESHOLD)
    before = marks(folder)
    assert len(set(before)) == len(before) == 2
    written(tmp_path, model=f"# new\n\n{MODEL}", train=TRAIN.replace("net = Net()", "\n\nepochs = 3\nnet = Net()"))
    assert marks(folder) == before
    written(tmp_path, train=TRAIN.replace("criterion(net(x), y)", "criterion(net(x), y) * 2"))
    after = marks(folder)
    assert len(set(after) - set(before)) == 1
    twice = THRESHOLD + "other = nn.Linear(4, 1)\nprint(net(x) > 0.5)\n"
    written(tmp_path, decide=twice, train=TRAIN)
    assert set(before) <= set(marks(folder))


# --- notebooks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("joined", [False, True])
def test_hosts_that_know_lines_get_the_line_of_the_file(tmp_path: Path, *, joined: bool) -> None:
    text = notebook(*CELLS, joined=joined)
    (tmp_path / "book.ipynb").write_text(text, encoding="utf-8")
    line = next(n for n, written_line in enumerate(text.split("\n"), 1) if "loss = criterion" in written_line)
    assert told(tmp_path, "github").startswith(
        f"::error file=book.ipynb,line={line},title=OLL101 softmax-into-cross-entropy::book.ipynb:cell2:2:8: "
    )
    assert json.loads(told(tmp_path, "gitlab"))[0]["location"]["positions"]["begin"] == {"line": line, "column": 1}
    (result,) = results(told(tmp_path, "sarif"))
    location = result["locations"][0]
    assert location["physicalLocation"]["region"] == {"startLine": line}
    assert location["properties"] == {"cell": 2, "line": 2, "column": 8}
    assert f'line="{line}"' in told(tmp_path, "junit")


# --- where it goes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_output_goes_to_a_file_in_every_format(project: Path, tmp_path: Path, form: str) -> None:
    target = tmp_path / "out"
    done = outlayer(project, ".", "--format", form, "--output", str(target))
    assert done == (1, "", "")
    assert target.read_text(encoding="utf-8") == told(project, form)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.skipif(sys.platform == "win32", reason="links and permissions of Unix")
def test_output_through_a_link_keeps_link_and_permissions(project: Path, tmp_path: Path) -> None:
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    assert outlayer(project, ".", "--format", "json", "-o", str(link)).code == 1
    assert link.is_symlink()
    assert json.loads(real.read_text())["version"] == 1
    assert real.stat().st_mode & 0o777 == 0o640
    assert outlayer(project, ".", "-o", "/dev/null") == (1, "", "")


def test_statistics_in_all_sensible_formats(project: Path) -> None:
    text = "2  OLL101  softmax-into-cross-entropy\n2  OLL701  probability-threshold-on-logits\n"
    assert outlayer(project, ".", "--statistics") == (1, text, "")
    assert outlayer(project, ".", "--statistics", "--format", "concise").out == text
    told_ = json.loads(outlayer(project, ".", "--statistics", "--format", "json").out)
    assert [entry["count"] for entry in told_] == [2, 2]
    done = outlayer(project, ".", "--statistics", "--format", "sarif")
    assert done == (2, "", "outlayer-lint: error: --statistics can be told as text, concise or json, not as sarif\n")

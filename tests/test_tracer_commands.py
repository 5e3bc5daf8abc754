"""`trace`, `run` and `check --trace` as a user types them. Each starts a sandbox, so a test asks for much."""

from __future__ import annotations

import importlib.util
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from commandline import MODEL, TRAIN, outlayer, written

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="tracing needs torch"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="tracing needs fork"),
]

CONV = """\
import torch
from torch import nn
from torch.nn import functional as F


class Digits(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc = nn.Linear(4 * 26 * 26, classes)

    def forward(self, image):
        scores = self.fc(F.relu(self.conv(image)).flatten(1))
        weights = scores.exp()
        return {"scores": scores, "hand": weights / weights.sum(1, keepdim=True), "both": [torch.sigmoid(scores)]}


def build():
    return Digits(7)
"""
REFUSED = """\
import torch
from torch import nn


class Never(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)
        raise RuntimeError("not today")

    def forward(self, x):
        return self.fc(x)


class Slow(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x):
        while True:
            pass
"""
HOOKED = """\
import torch
from torch import nn


def squash(module, inputs, output):
    return torch.sigmoid(output)


net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
net.register_forward_hook(squash)
criterion = nn.BCELoss()
for _ in range(20):
    x, y = torch.randn(8, 4), torch.randint(0, 2, (8, 1)).float()
    criterion(net(x), y).backward()
"""
DRIVEN = """\
import torch
from torch import nn

from model import Net

net = Net()


def train(model, loader, optimizer):
    criterion = nn.CrossEntropyLoss()
    for x, y in loader:
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()


def start(loader):
    train(net, loader, torch.optim.SGD(net.parameters(), lr=0.1))
"""
HOOKS = """\
import torch

from model import Net


def targets():
    yield Target("mine", build=Net, inputs=lambda: (torch.randn(5, 4),), outputs={"out": "softmax@1"})
"""


def told(folder: Path, *argv: str, code: int = 0) -> dict[str, Any]:
    done = outlayer(folder, *argv, "--format", "json")
    assert done.code == code, done
    found: dict[str, Any] = json.loads(done.out)
    return found


def test_every_model_of_a_folder_is_traced_and_told(tmp_path: Path) -> None:
    folder = written(tmp_path, model=MODEL, conv=CONV, refused=REFUSED, plain="import os\n")
    found = told(folder, "trace", ".", "--budget", "5s", code=1)
    (written_by_hand,) = found["diagnostics"]
    assert (written_by_hand["code"], written_by_hand["line"]) == ("OLL905", 15)
    assert found["version"] == 1
    assert found["isolation"] in ("pid+net+fs", "pid+net", "process")
    by_name = {target["target"]: target for target in found["targets"]}
    assert list(by_name) == ["conv.py:Digits", "model.py:Net", "refused.py:Never", "refused.py:Slow"]
    digits = {output["path"]: output for output in by_name["conv.py:Digits"]["outputs"]}
    assert [(path, out["form"]["value"]) for path, out in digits.items()] == [
        ("out['scores']", "raw"), ("out['hand']", "softmax@1"), ("out['both'][0]", "sigmoid"),
    ]  # fmt: skip
    assert by_name["conv.py:Digits"]["built"] == {"how": "call-site", "at": "conv.py:19", "args": {"classes": 7}}
    assert by_name["conv.py:Digits"]["inputs"][0]["shape"] == [2, 1, 28, 28]
    (out,) = by_name["model.py:Net"]["outputs"]
    assert (out["shape"], out["dtype"], out["units"], out["emits"]) == ([2, 3], "f32", 3, "simplex(1), 3 units")
    assert [(step["op"], step["at"]) for step in out["chain"]] == [
        ("linear", "model.py:11"),
        ("softmax", "model.py:11"),
    ]
    assert out["stress"] == {"fp32@100": "ok"}
    assert [(by_name[f"refused.py:{name}"]["notes"][0]["word"]) for name in ("Never", "Slow")] == [
        "constructor",
        "time",
    ]
    assert found["summary"]["targets"] == 4
    assert found["summary"]["traced"] == 2
    again = told(folder, "trace", "conv.py", "model.py", code=1)
    for first, second in zip(found["targets"][:2], again["targets"], strict=True):
        assert {**first, "time": {}} == {**second, "time": {}}
    strict = outlayer(folder, "trace", "refused.py:Never", "--strict")
    assert strict.code == 2
    assert "refused.py:Never: not traced: constructor: " in strict.out
    assert "not today" in strict.out
    assert "Traceback" not in strict.out + strict.err


def test_what_is_said_about_a_target_is_followed(tmp_path: Path) -> None:
    folder = written(tmp_path, conv=CONV)
    argv = ("--args", '{"classes": 5}', "--input", "image=f32[3,1,28,28]", "--explain")
    done = outlayer(folder, "trace", "conv.py:Digits", *argv, "--fail-on", "error")
    assert done.code == 0
    assert "conv.py:Digits: built by user with classes=5, image=f32[3,1,28,28] (user" in done.out
    assert "out['hand'] (3, 5) f32: softmax@1 (by intervention), emits simplex(1), 5 units" in done.out
    assert "1 target: 1 traced." in done.out
    printed = outlayer(folder, "trace", "conv:build", "--print-config").out
    assert printed.startswith('[[tool.outlayer-lint.trace.target]]\ntarget = "conv.py:build"\n')
    assert 'input = ["image=f32[2,1,28,28]"]' in printed


def test_configured_and_hooked_targets_are_traced_by_name(tmp_path: Path) -> None:
    folder = written(tmp_path, model=MODEL, outlayer_trace=HOOKS)
    (folder / "pyproject.toml").write_text(
        '[[tool.outlayer-lint.trace.target]]\ntarget = "model.py:Net"\ninput = ["x=f32[6,4]"]\n'
        'outputs = { out = "raw" }\n'
    )
    found = told(folder, "trace", code=1)  # what was expected of an output is not so
    assert [target["target"] for target in found["targets"]] == ["model.py:Net", "outlayer_trace.py:mine"]
    first, second = found["targets"]
    assert first["outputs"][0]["shape"] == [6, 3]
    assert [claim["verdict"] for claim in first["claims"]] == ["refuted"]
    assert (second["built"]["how"], second["outputs"][0]["shape"]) == ("hook", [5, 3])
    assert [claim["verdict"] for claim in second["claims"]] == ["confirmed"]
    assert found["summary"] == {"targets": 2, "traced": 2, "confirmed": 1, "refuted": 1, "open": 0}


def test_a_script_is_watched_and_judged_as_check_judges_it(tmp_path: Path) -> None:
    folder = written(tmp_path, model=MODEL, train=TRAIN)
    found = told(folder, "run", "train.py", code=1)
    (finding,) = found["diagnostics"]
    (static,) = told(folder, "check", "train.py", code=1)["diagnostics"]
    place = ("code", "severity", "path", "line", "column", "end_line", "end_column", "message")
    assert {key: finding[key] for key in place} == {key: static[key] for key in place}
    (loss,) = found["losses"]
    assert (loss["loss"], loss["at"], loss["calls"], loss["finding"]) == ("CrossEntropyLoss", "train.py:9", 1, "OLL101")
    assert loss["input"]["shape"] == [2, 3]
    assert loss["target"]["dtype"] == "i64"
    (folder / "train.py").write_text(TRAIN.replace("criterion(net(x), y)", "criterion(net(x), y)  # noqa: OLL101"))
    sarif = outlayer(folder, "run", "train.py", "--format", "sarif")
    assert sarif.code == 0
    assert json.loads(sarif.out)["runs"][0]["results"] == []
    nothing = outlayer(folder, "run", "model.py", "--strict")
    assert nothing.code == 2
    assert "model.py" not in nothing.err
    assert "inconclusive: it ends without computing a loss" in nothing.out


def test_findings_are_confirmed_refuted_or_left_open(tmp_path: Path) -> None:
    folder = written(tmp_path, model=MODEL, train=TRAIN, hooked=HOOKED, driven=DRIVEN)
    plain = told(folder, "check", ".", code=1)
    assert [finding["trace"] for finding in plain["diagnostics"]] == [None, None, None]
    found = told(folder, "check", "--trace", ".", code=1)
    traced = {finding["path"]: finding["trace"] for finding in found["diagnostics"]}
    assert {path: trace["verdict"] for path, trace in traced.items()} == {
        "driven.py": "confirmed", "hooked.py": "refuted", "train.py": "confirmed",
    }  # fmt: skip
    assert traced["driven.py"]["why"] == "seen when driven.py (called with made-up data) runs, in 2 of 2 calls"
    assert traced["train.py"]["why"] == "seen when train.py runs, in 1 of 1 calls"
    assert traced["hooked.py"]["why"] == "Linear(8->1) -> sigmoid gives unit when hooked.py runs, not logit"
    bare = [{**finding, "trace": None} for finding in found["diagnostics"]]
    assert bare == plain["diagnostics"]
    text = outlayer(folder, "check", "--trace", "hooked.py")
    assert text.code == 0
    assert text.out.startswith("refuted[OLL203]: ")
    assert "Nothing found." in text.out
    assert "Run to see: 1 refuted." in text.out
    sarif = json.loads(outlayer(folder, "check", "--trace", "hooked.py", "--format", "sarif").out)
    (result,) = sarif["runs"][0]["results"]
    assert result["suppressions"][0]["kind"] == "external"
    assert "refuted by trace" in result["suppressions"][0]["justification"]


def test_the_configuration_may_ask_for_it(tmp_path: Path) -> None:
    folder = written(tmp_path, model=MODEL, train=TRAIN)
    (folder / "pyproject.toml").write_text("[tool.outlayer-lint.trace]\nenabled = true\n")
    done = outlayer(folder, "check", "--format", "concise", "train.py")
    walled = "not traced: " not in done.err  # without namespaces it is not done unless it is typed
    assert ("[confirmed by trace: " in done.out) == walled
    assert "by trace" not in outlayer(folder, "check", "--no-trace", "train.py").out
    assert "by trace" not in outlayer(folder, "check", "--isolated", "train.py").out

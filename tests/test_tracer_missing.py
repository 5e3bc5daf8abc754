"""What is missing is stood in for and named: layers of packages that are not installed, data sets among the options."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the child needs torch")

from outlayer_lint.tracer.child.building.construct import Built, build
from outlayer_lint.tracer.child.building.locate import located
from outlayer_lint.tracer.child.search.inputs import Found, search
from outlayer_lint.tracer.target import Target

ROOT = Path(__file__).parents[1]

LAYERS = """
import torch
import torch.nn as nn
from layers_nobody_has import Regular, Squeeze

class Before(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3), Regular(0.1), nn.ReLU())
        self.regular = Regular(0.2)
        self.fc = nn.Linear(8, 5)
    def forward(self, x):
        x = self.regular(self.body(x))
        return torch.softmax(self.fc(x.mean((2, 3))), 1)

class Behind(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 5), Squeeze())
    def forward(self, x):
        return self.net(x)
"""


def test_a_missing_layer_passes_on_and_nothing_is_said_of_what_comes_out_of_it(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text(LAYERS, encoding="utf-8")
    command = [sys.executable, "-m", "outlayer_lint", "trace", "--format", "json", "--isolation", "auto", "nets.py"]
    ran = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, check=False)
    before, behind = json.loads(ran.stdout)["targets"]
    assert before["outputs"][0]["form"]["value"] == "softmax@1"
    assert behind["outputs"][0]["form"]["value"] == "unknown"
    assert not behind["outputs"][0]["emits"]
    for target, name in ((before, "Regular"), (behind, "Squeeze")):
        notes = [note["message"] for note in target["notes"] if note["word"] == "environment"]
        assert notes == [f"layers that are missing pass their input on: {name}"]


def made(folder: Path, text: str, name: str, passed: int = 0) -> Built:
    (folder / "nets.py").write_text(textwrap.dedent(text), encoding="utf-8")
    built = build(Target(str(folder / "nets.py"), name), str(folder), lambda _: None, passed=passed)
    assert isinstance(built, Built), built
    return built


def accepted(built: Built) -> dict[str, tuple[int, ...]]:
    found = search(built.model, Target("nets.py", "Net"), budget_s=20.0, max_tries=60, log=lambda _: None)
    assert isinstance(found, Found), found
    return {spec.name: spec.shape for spec in found.hypotheses[0].specs}


def test_a_call_site_that_gives_no_running_model_gives_way(tmp_path: Path) -> None:
    text = """
    import torch.nn as nn
    class Net(nn.Module):
        def __init__(self, both=False):
            super().__init__()
            self.rnn = nn.LSTM(6, 4, bidirectional=both)
            self.fc = nn.Linear(8 if both else 4, 2)
        def forward(self, x):
            return self.fc(self.rnn(x)[1][0][-1])
    if __name__ == "__main__":
        Net(both=True)
    """
    first, second = (made(tmp_path, text, "Net", passed) for passed in (0, 1))
    assert (first.how, first.args) == ("call-site", {"both": True})
    assert (second.how, second.args) == ("defaults", {})
    assert accepted(second)["x"][-1] == 6


def test_an_option_whose_value_a_script_replaces_is_stood_in_for(tmp_path: Path) -> None:
    text = """
    import argparse
    import torch.nn as nn
    parser = argparse.ArgumentParser()
    parser.add_argument("--dataset", default="reviews")
    class Net(nn.Module):
        def __init__(self, config):
            super().__init__()
            self.embed = nn.Embedding.from_pretrained(config.dataset.words.vectors)
            self.fc = nn.Linear(300, 2)
        def forward(self, x):
            return self.fc(self.embed(x).mean(1))
    if __name__ == "__main__":
        config = parser.parse_args()
        Net(config)
    """
    assert made(tmp_path, text, "Net").model.embed.embedding_dim == 300


def test_labels_of_a_loss_inside_of_a_model_are_zeros_and_ones(tmp_path: Path) -> None:
    text = """
    import torch
    import torch.nn as nn
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(6, 1)
        def forward(self, x, marks):
            probs = torch.sigmoid(self.fc(x)).squeeze(-1)
            return nn.functional.binary_cross_entropy(probs, marks, reduction="none")
    """
    shapes = accepted(made(tmp_path, text, "Net"))
    assert shapes["marks"] == shapes["x"][:-1]


def test_losses_and_classes_of_stubs_are_no_models() -> None:
    text = """
    import torch.nn as nn
    from torch.nn.modules.loss import _Loss
    class Masked(_Loss):
        def __init__(self, reduction="mean"):
            super().__init__()
            self.reduction = reduction
        def forward(self, x, y):
            return (x - y).abs().mean()
    class Coder(nn.Module):
        def __init__(self, width=4):
            super().__init__()
            self.out = nn.Linear(width, width)
        def encode(self, x):
            pass
        def forward(self, x):
            z = self.encode(x)
            return self.out(z)
    class Narrow(Coder):
        def encode(self, x):
            return x * 2
    """
    assert [named.name for named in located("nets.py", textwrap.dedent(text))] == ["Narrow"]


def test_a_file_whose_name_holds_a_dot_is_no_module_of_a_package(tmp_path: Path) -> None:
    text = "import torch.nn as nn\nclass Net(nn.Linear):\n    def __init__(self):\n        super().__init__(3, 2)\n"
    (tmp_path / "3.train.py").write_text(text, encoding="utf-8")
    assert isinstance(build(Target(str(tmp_path / "3.train.py"), "Net"), str(tmp_path), lambda _: None), Built)


def test_what_derives_from_a_plain_class_beside_it_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "base.py").write_text("from abc import ABC\nclass Base(ABC):\n    pass\n", encoding="utf-8")
    text = "from .base import Base\nimport nets\nclass Pair(Base):\n    def __init__(self):\n"
    text += "        self.net = nets.Net()\n"
    text += "    def forward(self):\n        self.out = self.net(self.x)\n"
    assert located(str(tmp_path / "pair.py"), text) == []
    (tmp_path / "base.py").write_text("import torch\nclass Base(torch.nn.Module):\n    pass\n", encoding="utf-8")
    assert [named.name for named in located(str(tmp_path / "pair.py"), text)] == ["Pair"]


def test_an_option_that_an_embedding_is_made_from_is_a_table(tmp_path: Path) -> None:
    text = """
    import torch.nn as nn
    class Net(nn.Module):
        def __init__(self, config):
            super().__init__()
            self.embedding = nn.Embedding.from_pretrained(config.embedding, freeze=False)
            self.fc = nn.Linear(config.embed_dim, 2)
        def forward(self, x):
            return self.fc(self.embedding(x).mean(1))
    """
    model = made(tmp_path, text, "Net").model
    assert model.embedding.embedding_dim == model.fc.in_features

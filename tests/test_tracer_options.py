"""Where the arguments of a constructor come from beside its call site: the class around, configuration files, words."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

torch = pytest.importorskip("torch", reason="the child needs torch")

from outlayer_lint.tracer.child.building.configurations import of_file
from outlayer_lint.tracer.child.building.construct import Built, build
from outlayer_lint.tracer.child.search.inputs import Found, search
from outlayer_lint.tracer.target import Target

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def built(folder: Path, files: Mapping[str, str], file: str, name: str) -> Built:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(textwrap.dedent(text), encoding="utf-8")
    made = build(Target(str(folder / file), name), str(folder), lambda _: None)
    assert isinstance(made, Built), made
    return made


LAYER = """
import torch.nn as nn
class Layer(nn.Module):
    def __init__(self, width, attend, after):
        super().__init__()
        self.attend, self.after, self.norm = attend, after, nn.LayerNorm(width)
    def forward(self, x):
        return self.after(self.norm(x + self.attend(x, x, x)[0]))
"""
WHOLE = """
from copy import deepcopy
import torch.nn as nn
from layer import Layer
class Whole(nn.Module):
    def __init__(self, width, heads=3):
        super().__init__()
        self.attend = nn.MultiheadAttention(width, heads, batch_first=True)
        self.after = nn.Linear(width, 7)
        self.layer = Layer(width, deepcopy(self.attend), self.after)
    def forward(self, x):
        return self.layer(x)
"""


def test_a_call_site_inside_of_a_class_reads_what_the_class_has_set(tmp_path: Path) -> None:
    files = {"layer.py": LAYER, "whole.py": WHOLE, "train.py": "from whole import Whole\nnet = Whole(48)\n"}
    model = built(tmp_path, files, "layer.py", "Layer").model
    assert isinstance(model.attend, torch.nn.MultiheadAttention)
    assert (model.attend.embed_dim, model.attend.num_heads, model.after.out_features) == (48, 3, 7)


CONFIGURED = """
import torch.nn as nn
class Net(nn.Module):
    def __init__(self, model_cfg):
        super().__init__()
        self.fc = nn.Linear(model_cfg["inputs"]["width"], model_cfg.get("outputs"))
    def forward(self, x):
        return self.fc(x)
"""


def test_options_have_the_values_of_configuration_files(tmp_path: Path) -> None:
    config = "model:\n  inputs:\n    width: 21  # columns\n  outputs: 6\n  rate: 1e-3\n  name: 'plain'\n  more: |\n"
    model = built(tmp_path, {"net.py": CONFIGURED, "conf/base.yaml": config}, "net.py", "Net").model
    assert (model.fc.in_features, model.fc.out_features) == (21, 6)
    known = of_file(str(tmp_path / "conf" / "base.yaml"))
    assert known == {"width": 21, "outputs": 6, "rate": 0.001, "name": "plain"}
    (tmp_path / "conf" / "wide.json").write_text('{"model": {"in-width": 9, "deep": {"layers": [1, 2]}}}')
    assert of_file(str(tmp_path / "conf" / "wide.json")) == {"in_width": 9, "layers": [1, 2]}
    (tmp_path / "conf" / "broken.json").write_text("{")
    assert of_file(str(tmp_path / "conf" / "broken.json")) == {}


KINDS = """
import torch.nn as nn
class Cell(nn.Module):
    def __init__(self, kind, way=None):
        super().__init__()
        if kind == "gated":
            self.body = nn.GRU(8, 8, batch_first=True)
        elif kind == "plain":
            self.body = nn.RNN(8, 8, batch_first=True)
        if way.startswith("up"):
            self.out = nn.Linear(8, 4)
        self.act = {"tanh": nn.Tanh(), "relu": nn.ReLU()}[kind.lower() and "relu"]
    def forward(self, x):
        return self.out(self.body(x)[0])
"""
STACK = """
import torch.nn as nn
import cells
class Stack(nn.Module):
    def __init__(self, kind, way=None):
        super().__init__()
        self.cell = cells.Cell(kind, way)
    def forward(self, x):
        return self.cell(x)
class Padded(nn.Module):
    def __init__(self, image_size=None, mean=None, std=0.5):
        super().__init__()
        assert image_size is not None
        self.fc = nn.Linear(image_size, 3)
    def forward(self, x):
        return self.fc(x)
"""


def test_words_come_from_the_class_that_they_are_handed_on_to(tmp_path: Path) -> None:
    model = built(tmp_path, {"cells.py": KINDS, "stack.py": STACK}, "stack.py", "Stack").model
    assert isinstance(model.cell.body, torch.nn.GRU)
    assert model.cell.out.out_features == 4
    assert built(tmp_path, {}, "stack.py", "Padded").model.fc.in_features > 1


SCORED = """
import torch
import torch.nn as nn
class Scored(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k = nn.Linear(8, 8), nn.Linear(8, 8)
    def forward(self, x, other, other_mask):
        # x: (batch, steps, 8), other: (batch, others, 8)
        breakpoint()
        n = x.size(0)
        scores = self.q(x).view(n, -1, 4, 2).transpose(1, 2) @ self.k(other).view(n, -1, 4, 2).permute(0, 2, 3, 1)
        return scores.masked_fill(other_mask.unsqueeze(1) == 0, -1e9).softmax(-1)
class Tall(nn.Module):
    def __init__(self):
        super().__init__()
        self.cnn = nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), nn.Conv2d(4, 4, 3, 2, 1), nn.MaxPool2d((8, 1)))
        self.rnn = nn.GRU(4, 6)
    def forward(self, x):
        steps = self.cnn(x).squeeze(2).permute(2, 0, 1)
        return self.rnn(steps)[0]
"""


def test_masks_fit_the_scores_and_heights_are_squeezed_away(tmp_path: Path) -> None:
    shapes = {}
    for name in ("Scored", "Tall"):
        model = built(tmp_path, {"net.py": SCORED}, "net.py", name).model
        found = search(model, Target("net.py", name), budget_s=20.0, max_tries=70, log=lambda _: None)
        assert isinstance(found, Found), found
        shapes[name] = {spec.name: spec.shape for spec in found.hypotheses[0].specs}
    scored = shapes["Scored"]
    assert len(scored["other_mask"]) == 3
    assert scored["other_mask"][-1] == scored["other"][1]
    assert 32 <= shapes["Tall"]["x"][2] < 64


READ_ELSEWHERE = """
import torch
import torch.nn as nn
from configs_nobody_has import Configs
class Net(nn.Module):
    def __init__(self, body, width):
        super().__init__()
        self.body, self.fc = body, nn.Linear(width, 3)
    def forward(self, x):
        return self.fc(self.body(x))
def main():
    config = Configs.load("conf.yaml")
    body = nn.Linear(config.data.columns, config.model.wide)
    Net(body, config.model.wide)
class Leads(nn.Module):
    def __init__(self, leads=12):
        super().__init__()
        self.leads, self.conv = leads, nn.Conv1d(1, 4, 3)
        self.fc = nn.Linear(4 * leads, 2)
    def forward(self, x):
        parts = [self.conv(x[:, lead:lead + 1]).mean(-1) for lead in range(self.leads)]
        return self.fc(torch.cat(parts, 1))
"""


def test_configurations_that_a_missing_package_reads_and_parts_behind_the_end(tmp_path: Path) -> None:
    files = {"net.py": READ_ELSEWHERE, "conf.yaml": "data:\n  columns: 19\nmodel:\n  wide: 23\n"}
    model = built(tmp_path, files, "net.py", "Net").model
    assert (model.body.weight.shape, model.fc.in_features) == ((23, 19), 23)
    leads = built(tmp_path, files, "net.py", "Leads").model
    found = search(leads, Target("net.py", "Leads"), budget_s=20.0, max_tries=70, log=lambda _: None)
    assert isinstance(found, Found), found
    assert found.hypotheses[0].specs[0].shape[1] == 12


FED = """
import torch
import torch.nn as nn
class Frames(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(4, 8, 8, 4), nn.ReLU(), nn.Conv2d(8, 8, 4, 2), nn.Flatten(), nn.Linear(648, 3)
        )
    def forward(self, seen):
        return self.net(seen.permute(0, 3, 1, 2))
class Around(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.fc = nn.Embedding(30, 5), nn.Linear(20, 30)
    def forward(self, words):
        return self.fc(self.embed(words).view((1, -1)))
class Beside(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(26, 4)
    def forward(self, nodes, links):
        return self.fc(torch.cat([nodes, links @ nodes], dim=1))
class Noise(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.ConvTranspose2d(40, 3, 4)
    def forward(self, z):
        return self.up(z.view(z.size(0), z.size(1), 1, 1))
"""


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Frames", {"seen": (2, 84, 84, 4)}),
        ("Around", {"words": (4,)}),
        ("Beside", {"nodes": (2, 13), "links": (2, 2)}),
        ("Noise", {"z": (2, 40)}),
    ],
)
def test_what_the_eleventh_set_taught(tmp_path: Path, name: str, wanted: dict[str, tuple[int, ...]]) -> None:
    model = built(tmp_path, {"fed.py": FED}, "fed.py", name).model
    found = search(model, Target("fed.py", name), budget_s=20.0, max_tries=90, log=lambda _: None)
    assert isinstance(found, Found), found
    assert {spec.name: spec.shape for spec in found.hypotheses[0].specs} == wanted

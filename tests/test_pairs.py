"""What `pairs` connects: outputs that stand second in a symmetric loss, and parts built where nothing was given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from outlayer_lint import engine
from outlayer_lint.config import Config

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """\
import torch
from torch import nn
from torch.nn import functional as F
"""
SECOND = {
    "drawn": "net = nn.Linear(3, 2)\nF.mse_loss(torch.rand(4, 2), net(torch.randn(4, 3)))\n",
    "an object": "net = nn.Linear(3, 2)\ny = torch.zeros(4, 2)\nnn.SmoothL1Loss()(y, net(torch.randn(4, 3)))\n",
    "the input itself": """\
coder = nn.Sequential(nn.Linear(8, 2), nn.Linear(2, 8))
def rebuilt(samples):
    return F.l1_loss(samples, coder(samples))
rebuilt(torch.randn(5, 8))
""",
}
BUILT = {
    "a head, in a branch": """\
class Scorer(nn.Module):
    def __init__(self, width, head=None):
        super().__init__()
        if head is None:
            self.head = nn.Linear(width, 1)
        else:
            self.head = head
        self.error = nn.MSELoss()
    def error_of(self, rows, y):
        return self.error(self.head(rows), y)
""",
    "a head, afterwards": """\
class Scorer(nn.Module):
    def __init__(self, head=None):
        super().__init__()
        self.head = head
        if not head:
            self.head = nn.Linear(6, 1)
    def error_of(self, rows, y):
        return F.mse_loss(self.head(rows), y)
""",
    "a loss": """\
class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.tag = nn.Linear(6, 9)
    def step(self, words, y, criterion=None):
        criterion = criterion or nn.CrossEntropyLoss()
        return criterion(self.tag(words), y)
""",
    "an output": """\
class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.tag = nn.Linear(6, 9)
    def forward(self, words):
        return self.tag(words)
    def cost(self, words, y, scores=None):
        scores = scores if scores is not None else self(words)
        return F.cross_entropy(scores, y)
""",
}
OPEN = {
    "parameter nobody binds": """\
class Masker(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(6, 2)
    def cost(self, x, y, squash=None):
        out = self.out(x)
        if squash is not None:
            out = squash(out)
        return F.binary_cross_entropy(out, y)
""",
    "caller not followed": """\
class Masker(nn.Module):
    def measured(self, scores, y):
        return F.cross_entropy(scores, y)
class Weigher(nn.Module):
    def measured(self, scores):
        return scores.sum()
def fit(any_of_them, x, y):
    return any_of_them.measured(x, y)
""",
    "literal tensor": "F.mse_loss(torch.rand(4, 2), torch.rand(4, 2))\n",
}


def pairs(folder: Path, text: str) -> list[tuple[str, str]]:
    (folder / "program.py").write_text(HEAD + text, encoding="utf-8")
    return [(pair.verdict, pair.reason) for pair in engine.check([folder], Config()).pairs]


@pytest.mark.parametrize("text", SECOND.values(), ids=SECOND)
def test_a_symmetric_loss_may_take_the_output_second(text: str, tmp_path: Path) -> None:
    assert pairs(tmp_path, text) == [("consistent", "")]


def test_where_no_network_stands_second_nothing_is_exchanged(tmp_path: Path) -> None:
    text = "net = nn.Linear(3, 2)\nF.kl_div(torch.rand(4, 2), net(torch.randn(4, 3)))\n"
    assert pairs(tmp_path, text)[0][0] != "consistent"


@pytest.mark.parametrize("text", BUILT.values(), ids=BUILT)
def test_what_is_built_where_nothing_was_given_is_meant(text: str, tmp_path: Path) -> None:
    assert pairs(tmp_path, text) == [("consistent", "")]


@pytest.mark.parametrize("reason", OPEN)
def test_what_is_not_known_stays_open(reason: str, tmp_path: Path) -> None:
    assert pairs(tmp_path, OPEN[reason]) == [("unresolved", reason)]

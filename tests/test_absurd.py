"""No file takes longer than ten seconds, whatever it contains."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from programs import asked, written

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 10.0
MODEL_AND_TRAINER = """\
class Net{0}(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)
    def forward(self, x):
        return F.softmax(self.fc(x), 1)
class Trainer{0}:
    def __init__(self, model):
        self.model, self.criterion = model, nn.CrossEntropyLoss()
    def step(self, x, y):
        return self.criterion(self.model(x), y)
Trainer{0}(Net{0}()).step(x, y)
"""
BRANCH = """\
    if a == {0}:
        z = F.softmax(z, dim=1)
    elif a > {0}:
        z = torch.sigmoid(z)
"""
LOOP = """\
    for j in range(a):
        z = z + {0}
        if j > {0}:
            z = z.view(-1, 3)
            continue
        z = F.relu(z)
"""
FUNCTION = """\
def f{0}(net, x, y):
    z = torch.sigmoid(net(x))
    return criterion(z, y)
f{0}(nn.Linear(3, 3), x, y)
"""


def repeated(text: str, times: int) -> str:
    return "".join(text.format(number) for number in range(times))


PROGRAMS = {
    "one name in thousands of branches and loops": (
        "def f(z, y, a):\n"
        + "".join(BRANCH.format(n) + LOOP.format(n) * (n % 10 == 0) for n in range(2000))
        + "    return F.cross_entropy(z, y)\nf(nn.Linear(4, 3)(x), y, 4)\n"
    ),
    "thousands of losses of one chain": (
        "def f(z, y):\n"
        + repeated("    z = torch.sigmoid(z)\n    loss{0} = F.cross_entropy(z, y)\n", 5000)
        + "f(nn.Linear(3, 3)(x), y)\n"
    ),
    "thousands of functions with a loss": "criterion = nn.CrossEntropyLoss()\n" + repeated(FUNCTION, 2500),
    "hundreds of classes with methods of one name": repeated(MODEL_AND_TRAINER, 500),
    "thousands of classes, each derived from the one before": (
        "class Net0(nn.Module):\n    def forward(self, x):\n        return F.softmax(x, 1)\n"
        + "".join(f"class Net{n}(Net{n - 1}):\n    pass\n" for n in range(1, 3000))
        + "F.cross_entropy(Net2999()(x), y)\n"
    ),
    "a literal of thousands of layers": "nets = {{{}}}\nF.cross_entropy(nets[k](x).softmax(1), y)\n".format(
        repeated("'{0}': nn.Linear(3, {0}),", 30000)
    ),
    "numbers and texts that do not fit into memory": (
        "a, b, c = 10**10**10, 'a' * 10**11, [0] * 10**10\nF.cross_entropy(nn.Linear(4, a)(x) * len(b) + len(c), y)\n"
        "d = 2\nfor _ in range(64):\n    d = d * d\nF.cross_entropy(nn.Linear(3, d)(x), y)\n"
    ),
    "layers made in loops without end": (
        "net = nn.Sequential(*[nn.Linear(4, 4) for _ in range(10**9)])\nF.cross_entropy(net(x), y)\n"
    ),
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_absurd_programs_end(program: str, tmp_path: Path) -> None:
    written(tmp_path, program)
    start = time.process_time()
    asked(tmp_path)
    assert time.process_time() - start < SECONDS

"""The command line as a user types it, in this process: what it says and how it ends."""

from __future__ import annotations

import contextlib
import io
import sys
from typing import TYPE_CHECKING, NamedTuple
from unittest import mock

from outlayer_lint.cli import main

if TYPE_CHECKING:
    from pathlib import Path

MODEL = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 3)
        self.softmax = nn.Softmax(dim=1)

    def forward(self, x):
        return self.softmax(self.head(x))
"""
TRAIN = """\
import torch
from torch import nn

from model import Net

net = Net()
criterion = nn.CrossEntropyLoss()
for x, y in [(torch.randn(2, 4), torch.tensor([0, 1]))]:
    loss = criterion(net(x), y)
    loss.backward()
"""
THRESHOLD = """\
import torch
from torch import nn

net = nn.Linear(4, 1)
criterion = nn.BCEWithLogitsLoss()
x, y = torch.randn(2, 4), torch.rand(2, 1)
loss = criterion(net(x), y)
print(net(x) > 0.5)
"""


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


def outlayer(folder: Path, *argv: str, stdin: bytes = b"") -> Done:
    """Carry out `outlayer-lint ...` in a folder."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
    given = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
    streams = mock.patch.multiple(sys, stdin=given, stdout=out, stderr=err)
    with streams, contextlib.chdir(folder), mock.patch.dict("os.environ", {"NO_COLOR": "1"}):
        code = main(argv)
    told = []
    for stream in (out, err):
        stream.flush()
        told.append(stream.buffer.getvalue().decode())
    return Done(code, *told)


def written(folder: Path, **files: str) -> Path:
    """Write files named without their `.py`; a root of their own, so that nothing around them counts."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".git").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8", newline="")
    return folder


def notebook(*cells: str, joined: bool = False) -> str:
    """A notebook with a title before these code cells; `joined`: each cell is one string, on one line of JSON."""
    import json  # noqa: PLC0415

    book = {
        "cells": [
            {"cell_type": "markdown", "metadata": {}, "source": ["# é\n", "title"]},
            *(
                {
                    "cell_type": "code",
                    "execution_count": None,
                    "metadata": {},
                    "outputs": [{"name": "stdout", "output_type": "stream", "text": ["é\n"]}],
                    "source": cell if joined else cell.splitlines(keepends=True),
                }
                for cell in cells
            ),
        ],
        "metadata": {"language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(book, indent=None if joined else 1, ensure_ascii=joined) + "\n"

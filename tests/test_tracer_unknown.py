"""Data, folders, packages and options of unknown form become what a script takes them for."""

from __future__ import annotations

import collections
import contextlib
from typing import TYPE_CHECKING, Any

import pytest

torch = pytest.importorskip("torch")

from outlayer_lint.tracer.child.watched import watched

if TYPE_CHECKING:
    from pathlib import Path


class Silent:
    """Is told of each stage and of each try."""

    def __call__(self, _: str) -> None:
        """Says nothing."""

    def log(self, _: str) -> None:
        """Says nothing."""


HEADER = {
    "losses": 4, "budget": 20.0, "stub_missing": True, "synthetic_datasets": True, "max_tries": 30, "dtypes": ["fp32"],
    "device": "cpu", "memory_of_gpu": 0,
}  # fmt: skip
ANNOUNCE: Any = Silent()


def ran(text: str, folder: Path) -> dict[str, Any]:
    (folder / "setup.py").touch()
    path = folder / "script.py"
    path.write_text(text)
    with contextlib.chdir(folder):
        return watched(str(path), [], {**HEADER, "root": str(folder)}, ANNOUNCE, objects=True)


def shapes(text: str, folder: Path) -> list[list[int]]:
    """Of what the losses were given that did not fail."""
    record = ran(text, folder)
    assert record["losses"], record
    return [loss["input"]["shape"] for loss in record["losses"] if not loss["failed"]]


def test_lines_have_the_words_that_are_taken(tmp_path: Path) -> None:
    text = """
import torch
pairs = [line.strip().split("\\t") for line in open("data/pairs.txt", encoding="utf-8")]
rows = torch.tensor([[float(left), float(right)] for left, right, _ in (line.split(",") for line in open("t.csv"))])
torch.nn.functional.mse_loss(torch.nn.Linear(2, 1)(rows), torch.ones(len(pairs), 1)).backward()
"""
    assert shapes(text, tmp_path) == [[240, 1]]


def test_what_is_unpickled_is_taken_apart_as_the_script_wants(tmp_path: Path) -> None:
    text = """
import pickle, torch
with open("train.pkl", "rb") as file:
    x, y, vocabulary = pickle.load(file)
net = torch.nn.Sequential(torch.nn.Linear(13, 3))
torch.nn.functional.cross_entropy(net(torch.tensor(x).float()), torch.tensor(y)).backward()
assert "word" in vocabulary
"""
    assert shapes(text, tmp_path) == [[256, 3]]


def test_a_batch_of_a_missing_package_is_what_the_model_takes(tmp_path: Path) -> None:
    text = """
import torch, textbatches
train, valid = textbatches.Iterator.splits(textbatches.Reviews(), batch_size=3)
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.out = torch.nn.Embedding(50, 8), torch.nn.Linear(8, 2)
    def forward(self, ids):
        return self.out(self.table(ids).mean(1))
net = Net()
for batch in train:
    torch.nn.functional.cross_entropy(net(batch.text).softmax(1), batch.label).backward()
"""
    record = ran(text, tmp_path)
    assert [loss["finding"] for loss in record["losses"]] == ["OLL101"]
    assert record["losses"][0]["calls"] == 4


def test_a_folder_holds_files_or_folders_as_the_script_wants(tmp_path: Path) -> None:
    text = """
import os, numpy as np, torch
found, kind = [], ".npy"
for label, name in enumerate(sorted(os.listdir("data/train"))):
    for file in os.listdir(os.path.join("data/train", name)) if os.path.isdir(f"data/train/{name}") else []:
        found.append((np.load(os.path.join("data/train", name, file)), label))
os.makedirs("runs_of_mine")
assert not os.listdir("runs_of_mine") and not os.path.exists("best_weights")
x = torch.stack([torch.from_numpy(each).mean(0) for each, _ in found])
torch.nn.functional.cross_entropy(torch.nn.Linear(8, 3)(x), torch.tensor([label for _, label in found])).backward()
"""
    assert shapes(text, tmp_path) == [[48, 3]]


@pytest.mark.parametrize(
    ("package", "call"),
    [
        ("import fire", "fire.Fire(main)"),
        ("import tyro", "tyro.cli(main)"),
        ("import click", "click.option('--rate', default=0.5)(main); click.command()(main)()"),
        ("import hydra", "hydra.main(config_path='conf')(lambda cfg: main(cfg.model.hidden_size))()"),
        ("from absl import app", "app.run(lambda argv: main(len(argv)))"),
        (
            "from argparse import ArgumentParser",
            "p = ArgumentParser(); p.add_argument('--rate', required=True); main(p.parse_args().rate)",
        ),
    ],
)  # fmt: skip
def test_options_that_a_package_reads_have_a_guess(tmp_path: Path, package: str, call: str) -> None:
    text = f"""
import torch
{package}
def main(rate):
    assert rate is not None
    torch.nn.functional.mse_loss(torch.nn.Linear(2, 1)(torch.ones(3, 2)), torch.ones(3, 1)).backward()
if __name__ == "__main__":
    {call}
"""
    assert shapes(text, tmp_path) == [[3, 1]]


def test_a_folder_that_no_option_names_gets_a_name(tmp_path: Path) -> None:
    text = """
import argparse, os, numpy as np, torch
parser = argparse.ArgumentParser()
parser.add_argument("--data_dir")
x = torch.from_numpy(np.load(os.path.join(parser.parse_args().data_dir, "x.npy")))
torch.nn.functional.mse_loss(torch.nn.Linear(8, 1)(x), torch.ones(256, 1)).backward()
"""
    assert shapes(text, tmp_path) == [[256, 1]]


def test_what_libraries_had_once_is_given_back(tmp_path: Path) -> None:
    text = """
import collections, time, numpy as np, torch
assert isinstance(len, collections.Callable) and np.int is int and time.clock() > 0
data = torch.utils.data.TensorDataset(torch.ones(4, 2), torch.ones(4, 1))
x, y = iter(torch.utils.data.DataLoader(data, batch_size=2)).next()
torch.nn.functional.mse_loss(torch.nn.Linear(2, 1)(x), y).backward()
"""
    assert shapes(text, tmp_path) == [[2, 1]]
    assert not hasattr(collections, "Callable")


def test_a_part_that_a_library_has_no_more_is_stood_in_for(tmp_path: Path) -> None:
    text = """
import torch, numpy as np
from numpy.lib.of_old import thing
try:
    from numpy.lib.optional import other
except ImportError:
    other = 3
class Rows(torch.utils.data.Dataset):
    table = np.zeros((2, 3, 4))
    def __len__(self):
        return 2
    def __getitem__(self, index):
        self.table[index] = np.load(f"rows/{index}.npy")[0]
        return torch.from_numpy(self.table[index]).float()
for x in torch.utils.data.DataLoader(Rows(), batch_size=4, drop_last=True):
    torch.nn.functional.mse_loss(torch.nn.Linear(4, other)(x), torch.ones(2, 3, 3)).backward()
"""
    assert shapes(text, tmp_path) == [[2, 3, 3]]


def test_the_values_of_a_table_and_those_of_a_dict(tmp_path: Path) -> None:
    text = """
import torch, torch.nn as nn, no_such_tables as pd
table = pd.read_csv("prices.csv")
goal = torch.tensor(table["price"].values, dtype=torch.float32)
parts = [part for part in table.values()]
net = nn.Linear(goal.shape[-1], 1)
loss = nn.functional.mse_loss(net(goal), torch.zeros(len(goal), 1))
loss.backward()
"""
    assert len(shapes(text, tmp_path)) == 1


def test_a_script_begins_with_gradients_whatever_ran_before(tmp_path: Path) -> None:
    text = """
import torch
assert torch.is_grad_enabled()
torch.set_grad_enabled(False)
torch.nn.functional.mse_loss(torch.nn.Linear(2, 1)(torch.ones(4, 2)), torch.ones(4, 1))
"""
    for before in (True, False):
        with torch.set_grad_enabled(before):
            assert shapes(text, tmp_path) == [[4, 1]]
            assert shapes(text, tmp_path) == [[4, 1]]
            assert torch.is_grad_enabled() is before

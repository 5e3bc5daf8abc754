"""What stands in for data sets and files that are not there, and that nothing is said of targets because of it."""

from __future__ import annotations

import contextlib
import importlib.util
from typing import TYPE_CHECKING, Any

import pytest

torch = pytest.importorskip("torch")

from outlayer_lint.tracer.child.watched import watched

if TYPE_CHECKING:
    from pathlib import Path


def silent(_: str) -> None:
    """Is told of each stage."""


SILENT: Any = silent


HEADER = {
    "losses": 4, "budget": 20.0, "stub_missing": True, "synthetic_datasets": True, "root": "", "max_tries": 30,
    "dtypes": ["fp32"], "device": "cpu", "memory_of_gpu": 0,
}  # fmt: skip


def ran(text: str, folder: Path) -> dict[str, Any]:
    (folder / "setup.py").touch()
    path = folder / "script.py"
    path.write_text(text)
    with contextlib.chdir(folder):
        return watched(str(path), [], {**HEADER, "root": str(folder)}, SILENT)


ARRAYS = """
import numpy as np, torch
from torch import nn
x = torch.from_numpy(np.load("features.npy")).float()
y = torch.from_numpy(np.load("labels.npy"))
net = nn.Sequential(nn.Linear(21, 16), nn.ReLU(), nn.Linear(16, 4), nn.Softmax(dim=1))
loss = nn.{loss}(net(x), {y})
loss.backward()
"""


def test_an_array_gets_the_size_that_the_model_takes(tmp_path: Path) -> None:
    record = ran(ARRAYS.format(loss="CrossEntropyLoss()", y="y"), tmp_path)
    assert [loss["finding"] for loss in record["losses"]] == ["OLL101"]
    assert record["losses"][0]["input"]["shape"] == [256, 4]
    assert any("features.npy, labels.npy" in note["message"] for note in record["notes"])


def test_labels_get_the_kind_that_the_loss_takes(tmp_path: Path) -> None:
    record = ran(ARRAYS.format(loss="BCELoss()", y="y"), tmp_path)
    assert record["losses"][-1]["target"]["dtype"] == "f32"
    assert record["losses"][-1]["target"]["shape"] == [256, 4]


def test_nothing_is_said_of_made_up_targets(tmp_path: Path) -> None:
    text = ARRAYS.replace("nn.Softmax(dim=1)", "nn.Tanh()").format(loss="MSELoss()", y="5 * y[:, None].float() - 9")
    (tmp_path / "told").mkdir()
    told = text.replace('np.load("features.npy")', "np.zeros((9, 21))").replace(
        'np.load("labels.npy")', "np.arange(9) % 4"
    )
    seen = ran(told, tmp_path / "told")["diagnostics"], ran(text, tmp_path)["diagnostics"]
    assert [[(one["code"], one["severity"]) for one in found] for found in seen] == [
        [("OLL503", "warning")], [("OLL503", "info")],
    ]  # fmt: skip


def test_a_table_has_the_columns_that_are_named(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    text = """
import pandas as pd, torch
from torch import nn
frame = pd.read_csv("people.csv")
y = torch.tensor(frame["survived"].values).float()
x = torch.tensor(frame.drop(columns=["survived"])[["age", "fare"]].values).float()
net = nn.Linear(2, 1)
loss = nn.BCELoss()(net(x).squeeze(1), y)
loss.backward()
"""
    assert [loss["finding"] for loss in ran(text, tmp_path)["losses"]] == ["OLL203"]


def test_a_column_may_be_an_attribute(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    text = """
import pandas as pd, torch
cars = pd.read_csv("https://example.org/cars.csv")
x, y = torch.tensor(cars.weight.values).float()[:, None], torch.tensor(cars["mpg"].values).float()[:, None]
torch.nn.functional.mse_loss(torch.nn.Linear(1, 1)(x).relu(), y).backward()
"""
    assert [loss["input"]["shape"] for loss in ran(text, tmp_path)["losses"]] == [[256, 1]]


def test_a_file_that_is_there_is_read(tmp_path: Path) -> None:
    text = """
import numpy as np, torch
np.save("there.npy", np.ones((3, 2)))
assert np.load("there.npy").shape == (3, 2)
x = torch.from_numpy(np.load("there.npy")).float()
torch.nn.functional.mse_loss(torch.zeros(3, 2, requires_grad=True), x).backward()
"""
    record = ran(text, tmp_path)
    assert len(record["losses"]) == 1
    assert record["notes"] == []


def test_packages_of_the_project_are_found_from_anywhere_in_it(tmp_path: Path) -> None:
    (tmp_path / "setup.py").touch()
    (tmp_path / "heads.py").write_text("def head(z):\n    return z.sigmoid()\n")
    script = tmp_path / "examples" / "deep" / "train.py"
    script.parent.mkdir(parents=True)
    script.write_text(
        "import torch\nfrom heads import head\nz = torch.nn.Linear(3, 1)(torch.randn(4, 3))\n"
        "torch.nn.BCEWithLogitsLoss()(head(z), torch.zeros(4, 1)).backward()\n"
    )
    record = watched(str(script), [], {**HEADER, "root": str(tmp_path)}, SILENT)
    assert [loss["finding"] for loss in record["losses"]] == ["OLL102"]


def test_a_missing_package_counts_as_one(tmp_path: Path) -> None:
    text = """
import torch
from mpi4py_that_is_missing import MPI
workers = MPI.COMM_WORLD.Get_size()
net = torch.nn.Linear(4, 2 * workers)
torch.nn.functional.cross_entropy(net(torch.randn(int(8 / workers), 4)), torch.zeros(8, dtype=torch.long)).backward()
"""
    assert len(ran(text, tmp_path)["losses"]) == 1


def test_what_a_missing_package_gives_is_no_target(tmp_path: Path) -> None:
    text = """
import torch
from scaling_that_is_missing import Scaler
y = torch.tensor(Scaler().fit_transform([1, 2]), dtype=torch.float32)
net = torch.nn.Sequential(torch.nn.Linear(6, 1), torch.nn.Sigmoid())
torch.nn.MSELoss()(net(torch.randn(100, 6)), y).backward()
"""
    assert [one["severity"] for one in ran(text, tmp_path)["diagnostics"]] in ([], ["info"])


def test_old_tutorials_get_their_digits(tmp_path: Path) -> None:
    text = """
import torch
from tensorflow.examples.tutorials.mnist import input_data
mnist = input_data.read_data_sets("data", one_hot=True)
x, y = mnist.train.next_batch(7)
assert y.sum(1).tolist() == [1.0] * 7
score = torch.nn.Linear(x.shape[1], 1)(torch.from_numpy(x)).sigmoid()
torch.nn.functional.binary_cross_entropy_with_logits(score, torch.ones(7, 1)).backward()
"""
    if importlib.util.find_spec("tensorflow") is not None:
        pytest.skip("TensorFlow is installed: it is asked itself")
    assert [loss["finding"] for loss in ran(text, tmp_path)["losses"]] == ["OLL102"]


def test_a_written_out_loss_is_told_as_one(tmp_path: Path) -> None:
    record = ran("import torch\n((torch.nn.Linear(3, 1)(torch.ones(2, 3)) - 1) ** 2).mean().backward()\n", tmp_path)
    assert (record["word"], record["backwards"]) == ("inconclusive", 1)
    assert "written out" in record["why"]


ENVIRONMENT = """
import {gym}
import torch
from torch import nn
env = {gym}.make("CartPole-v0")
policy = nn.Sequential(nn.Linear(env.observation_space.shape[0], 8), nn.ReLU(), nn.Linear(8, env.action_space.n))
policy.append(nn.Softmax(-1))
{reset} = env.reset()
{step} = env.step(env.action_space.sample())
target = torch.tensor([env.action_space.sample()])
nn.functional.cross_entropy(policy(torch.as_tensor(state).float()[None]), target).backward()
"""


@pytest.mark.parametrize(("reset", "step"), [("state", "state, r, done, _"), ("state, _", "state, r, end, cut, _")])
def test_an_environment_speaks_as_the_program_does(tmp_path: Path, reset: str, step: str) -> None:
    if importlib.util.find_spec("gym") is not None:
        pytest.skip("gym is installed: the real one is used")
    record = ran(ENVIRONMENT.format(gym="gym", reset=reset, step=step), tmp_path)
    assert [loss["finding"] for loss in record["losses"]] == ["OLL101"]


def test_pictures_of_a_folder_that_is_not_there(tmp_path: Path) -> None:
    pytest.importorskip("PIL.Image")
    text = """
import glob, numpy as np, torch
from PIL import Image
files = sorted(glob.glob("/nowhere/photos/*.png"))
x = torch.stack([torch.from_numpy(np.array(Image.open(each))).permute(2, 0, 1).float() for each in files])
net = torch.nn.Conv2d(3, 1, 3)
torch.nn.functional.binary_cross_entropy_with_logits(net(x).mean((2, 3)).sigmoid(), torch.ones(len(x), 1)).backward()
"""
    assert [loss["finding"] for loss in ran(text, tmp_path)["losses"]] == ["OLL102"]


TRAINER = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(10, 3)

    def forward(self, x):
        return self.fc(x).softmax(dim=1)

class Trainer:
    def __init__(self, {parameters}):
        self.model = {model}
        self.loader = train_loader
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)

    def fit(self, epochs):
        for _ in range(epochs):
            for x, y in self.loader:
                loss = self.criterion(self.model(x), y)
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()

    def explode(self, something):
        raise KeyError(something)
"""


@pytest.mark.parametrize(("parameters", "model"), [("train_loader", "Net()"), ("model, train_loader, lr=1.0", "model")])
def test_a_method_that_nobody_calls_is_driven(tmp_path: Path, parameters: str, model: str) -> None:
    path = tmp_path / "trainer.py"
    path.write_text(TRAINER.format(parameters=parameters, model=model))
    wanted = ["Trainer.explode", "Trainer.missing", "Nobody.fit", "Trainer.fit"]
    record = watched(str(path), [], {**HEADER, "root": str(tmp_path)}, SILENT, drives=wanted)
    assert [(loss["finding"], loss["calls"], loss["how"]) for loss in record["losses"]] == [
        ("OLL101", 2, " (called with made-up data)")
    ]


def test_a_made_up_target_does_not_make_a_finding_either(tmp_path: Path) -> None:
    text = """
import torch
from scaling_that_is_missing import Scaler
net = torch.nn.Sequential(torch.nn.Linear(6, 1), torch.nn.Sigmoid())
x = torch.randn(100, 6) * len(Scaler())
torch.nn.MSELoss()(net(torch.randn(100, 6)), torch.rand(100, 1)).backward()
"""
    assert ran(text, tmp_path)["diagnostics"] == []

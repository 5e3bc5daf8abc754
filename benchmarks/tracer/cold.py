"""G16 and G19: what one cold `trace` takes, what a hundred models take in one run, and whether two runs say the same.

`python benchmarks/tracer/cold.py [--models 100] [FOLDER]`: the models of a folder (default: those of the fixtures). Wall
clock of a cold run is the median of three; processor time is of the whole run, start of torch included.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NOT_FOR_US = ("tracer", "broken")
CLASS = re.compile(r"(?m)^class (\w+)\(nn\.Module\)")
STUDENT = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU())
        self.classifier = nn.Sequential(nn.Linear(16 * 8 * 8, 84), nn.ReLU(), nn.Linear(84, classes))

    def forward(self, x):
        return self.classifier(torch.flatten(self.features(x), 1))
"""


def traced(folder: Path, *words: str) -> tuple[dict[str, Any], float, float]:
    """The report, seconds of wall clock, seconds of processor time."""
    command = [sys.executable, "-m", "outlayer_lint", "trace", *words, "--format", "json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    began = time.monotonic()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    wall, report = time.monotonic() - began, json.loads(done.stdout)
    return report, wall, report["cpu_s"]


def without_times(target: dict[str, Any]) -> str:
    """A target as it should be the next time."""
    return json.dumps({key: value for key, value in target.items() if key != "time"})


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        (place / "setup.py").touch()
        (place / "student.py").write_text(STUDENT)
        cold = [traced(place, "student.py") for _ in range(options.turns)]
        print(f"one student model, cold: {statistics.median(wall for _, wall, _ in cold):.2f} s wall, "
              f"{statistics.median(cpu for _, _, cpu in cold):.2f} s CPU")  # fmt: skip
        if options.folder:
            shutil.copytree(options.folder, place / "models")
        else:
            ignored = shutil.ignore_patterns("__pycache__", *NOT_FOR_US)
            shutil.copytree(ROOT / "fixtures", place / "models", ignore=ignored)
        located = [f"{path}:{name}" for path in sorted(place.rglob("*.py")) for name in CLASS.findall(path.read_text())]
        names = located[:: max(1, len(located) // options.models)][: options.models]
        first, wall, cpu = traced(place, *names)
        second, _, _ = traced(place, *names)
        words = Counter(
            target["notes"][0]["word"] if target["stage"] != "done" else "done" for target in first["targets"]
        )
        print(f"{len(names)} models in one run: {wall:.1f} s wall, {cpu:.1f} s CPU; {dict(words)}")
        pairs = list(zip(first["targets"], second["targets"], strict=True))
        same = [one for one, two in pairs if without_times(one) == without_times(two)]
        print(f"the same on two runs: {len(same)} of {len(pairs)} ({len(same) / len(pairs):.1%})")
        for one, two in pairs:
            if without_times(one) != without_times(two):
                print(f"  differs: {one['target']}: {one['stage']} {two['stage']}")


if __name__ == "__main__":
    main()

"""How much a check costs: against `ast.parse` of the same files, and one file against a bare interpreter.

    python benchmarks/speed.py FOLDER...

Both sides of a ratio are measured in the same run, turn by turn, in CPU seconds, so that the machine does not matter.
"""

from __future__ import annotations

import argparse
import ast
import gc
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import outlayer_lint
from outlayer_lint.config import Config
from outlayer_lint.engine import check
from outlayer_lint.source.discovery import sources

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlayer_lint.diagnostic import Report

PROGRAM = """\
from torch import nn

model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 5), nn.Softmax(dim=1))
criterion = nn.CrossEntropyLoss()


def fit(loader, optimizer):
    for x, y in loader:
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
"""


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of this process."""
    gc.collect()
    start = time.process_time()
    work()
    return time.process_time() - start


def child_seconds(*command: str, folder: str) -> float:
    """CPU seconds of a process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def parse_all(paths: list[str]) -> int:
    """Read and parse every Python file; returns the number of lines."""
    lines = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in paths:
            data = Path(path).read_bytes()
            lines += data.count(b"\n")
            try:
                ast.parse(data)
            except (SyntaxError, ValueError, RecursionError):
                continue
    return lines


def trees(folders: list[str], rounds: int) -> None:
    """The cost of checking whole folders."""
    print(f"{'folder':<40} {'files':>6} {'lines':>9} {'ast.parse':>10} {'check':>8} {'ratio':>6}  findings, pairs")
    for folder in folders:
        found, _ = sources([folder])
        python = [path for path in found if path.endswith(".py")]
        lines = parse_all(python)
        report: Report | None = None

        def lint(folder: str = folder) -> None:
            nonlocal report
            report = check([folder], Config(root=folder))

        turns = [(seconds(lambda: parse_all(python)), seconds(lint)) for _ in range(rounds)]  # noqa: B023 - called at once
        parsing, checking = (median(turn[side] for turn in turns) for side in (0, 1))
        ratio = median(checked / parsed for parsed, checked in turns)
        told = f"{len(report.diagnostics)}, {len(report.pairs)}" if report else ""
        name = folder if len(folder) <= 40 else f"...{folder[-37:]}"  # noqa: PLR2004 - the column's width
        print(f"{name:<40} {len(found):>6} {lines:>9} {parsing:>9.3f}s {checking:>7.3f}s {ratio:>6.2f}  {told}")


def start_up(rounds: int) -> None:
    """The cost of one small file in an empty folder, whole process."""
    commands = {
        "python -c pass": ["-c", "pass"],
        "outlayer-lint --version": ["-m", "outlayer_lint", "--version"],
        "outlayer-lint rules": ["-m", "outlayer_lint", "rules"],
        "outlayer-lint empty.py": ["-m", "outlayer_lint", "empty.py"],
        "outlayer-lint train.py": ["-m", "outlayer_lint", "train.py"],
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {"train.py": PROGRAM, "empty.py": "x = 1\n"}.items():
            (Path(folder) / name).write_text(text)
        link = Path(folder) / "outlayer_lint"  # so that a checkout needs no installation
        link.symlink_to(Path(outlayer_lint.__file__).parent)
        turns = [
            {name: child_seconds(sys.executable, *command, folder=folder) for name, command in commands.items()}
            for _ in range(rounds)
        ]
    for name in commands:
        ratio = median(turn[name] / turn["python -c pass"] for turn in turns)
        print(f"{name:<40} {median(turn[name] for turn in turns) * 1000:>7.1f} ms {ratio:>6.2f}")


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", metavar="FOLDER", help="trees to check")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each measurement (default: 5)")
    arguments = parser.parse_args()
    if arguments.folders:
        trees(arguments.folders, arguments.rounds)
        print()
    start_up(arguments.rounds * 3)


if __name__ == "__main__":
    main()

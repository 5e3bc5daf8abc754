"""What a check costs: against reading and parsing the same files, and against a bare interpreter.

    python benchmarks/speed.py FOLDER...

Both sides of a ratio are whole processes of the interpreter that runs this, measured turn by turn in CPU seconds (user
and system), so that neither the machine nor its load matters much. README.md beside this file names the targets.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NoReturn

import outlayer_lint
from outlayer_lint.config import Config, Refused
from outlayer_lint.engine import check
from outlayer_lint.interpret.questions.inquiry import Inquiry
from outlayer_lint.source.discovery import sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from outlayer_lint.resolve.sourcefile import SourceFile

IN_ALL, EACH, NINE_IN_TEN, SINGLE, ANY_FILE = 1.5, 4.0, 0.9, 5.0, 10.0  # the targets
LINTER = ("-c", "from outlayer_lint.cli import run; run()")  # what the console script does
PARSER = (str(Path(__file__).with_name("parse.py")),)
WIDTH = 48  # of the column of paths
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


def fail(sentence: str) -> NoReturn:
    """End with exit code 2."""
    sys.stderr.write(f"speed.py: {sentence}\n")
    raise SystemExit(2)


def cpu_seconds(*command: str, folder: str = ".", text: str = "") -> float:
    """What a process of this interpreter takes, started as an installation would be: with its bytecode at hand."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["PYTHONPATH"] = str(Path(outlayer_lint.__file__).parents[1])  # so that a checkout needs no installation
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        (sys.executable, *command), cwd=folder, env=environment, input=text, text=True, capture_output=True, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        fail(
            f"the measured process ended with exit code {done.returncode}: {done.stderr.strip() or done.stdout.strip()}"
        )
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def python_files(folder: str) -> list[str]:
    """What a check of the folder reads."""
    try:
        found, _ = sources([folder])
    except Refused as refusal:
        fail(str(refusal))
    if not found:
        fail(f"no Python file or notebook in {folder}")
    return [str(path) for path in found]


def tree(folder: str, runs: int) -> dict[str, Any]:
    """The cost of checking a whole folder, the least of several runs."""
    files = python_files(folder)
    listed = "".join(f"{os.path.abspath(path)}\n" for path in files)

    def parse() -> float:
        return cpu_seconds(*PARSER, text=listed)

    def lint() -> float:
        return cpu_seconds(*LINTER, "check", "--isolated", "--exit-zero", "--quiet", folder)

    lint()  # bytecode and the table of rows are written, the files are in memory
    turns = [(parse(), lint()) for _ in range(runs)]
    parsing, checking = (min(turn[side] for turn in turns) for side in (0, 1))
    return {"folder": folder, "files": len(files), "parse": parsing, "check": checking, "ratio": checking / parsing}


def total(trees: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """All folders together, and how many of them keep to the target for one."""
    files, parsing, checking = (sum(row[key] for row in trees) for key in ("files", "parse", "check"))
    within = sum(row["ratio"] <= EACH for row in trees) / len(trees)
    return {"files": files, "parse": parsing, "check": checking, "ratio": checking / parsing, "within": within}


def start_up(turns: int) -> dict[str, dict[str, float]]:
    """The cost of one small file in a folder of its own, without a framework and with one; the median of many turns."""
    commands = {
        "python -c pass": ("-c", "pass"),
        "outlayer-lint --version": (*LINTER, "--version"),
        "outlayer-lint plain.py": (*LINTER, "plain/plain.py"),
        "outlayer-lint train.py": (*LINTER, "torch/train.py"),
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {"plain/plain.py": "x = 1\n", "torch/train.py": PROGRAM}.items():
            path = Path(folder, name)
            path.parent.mkdir()
            path.write_text(text, encoding="utf-8")
        rows = [
            {name: cpu_seconds(*command, folder=folder) for name, command in commands.items()} for _ in range(turns + 1)
        ]
    del rows[0]  # it writes bytecode
    return {
        name: {
            "seconds": median(row[name] for row in rows),
            "ratio": median(row[name] / row["python -c pass"] for row in rows),
        }
        for name in commands
    }


def slowest(folders: Sequence[str], number: int) -> list[dict[str, Any]]:
    """The files whose own questions took longest, in one process; what several files need, the first to ask pays."""
    taken: dict[str, float] = {}

    def timed(ask: Callable[[Inquiry, SourceFile], Any]) -> Callable[[Inquiry, SourceFile], Any]:
        def asked(inquiry: Inquiry, file: SourceFile) -> Any:
            start = time.process_time()
            try:
                return ask(inquiry, file)
            finally:
                taken[file.path] = taken.get(file.path, 0.0) + time.process_time() - start

        return asked

    whole = {name: getattr(Inquiry, name) for name in ("ask", "ask_further")}
    for name, ask in whole.items():
        setattr(Inquiry, name, timed(ask))
    try:
        for folder in folders:
            check([folder], Config(root=folder))
    finally:
        for name, ask in whole.items():
            setattr(Inquiry, name, ask)
    order = sorted(taken.items(), key=lambda entry: -entry[1])
    return [{"file": path, "seconds": seconds} for path, seconds in order[:number]]


def told(report: dict[str, Any]) -> Iterator[str]:
    """The figures for people, each beside its target."""
    if report["folders"]:
        yield f"{'':<{WIDTH}} {'files':>6} {'ast.parse':>10} {'check':>9} {'ratio':>6}"
        for row in (*report["folders"], {"folder": "in all", **report["total"]}):
            name = row["folder"] if len(row["folder"]) <= WIDTH else f"...{row['folder'][3 - WIDTH :]}"
            yield f"{name:<{WIDTH}} {row['files']:>6} {row['parse']:>9.2f}s {row['check']:>8.2f}s {row['ratio']:>6.2f}"
        within = report["total"]["within"]
        yield f"targets: {IN_ALL:g} in all, {NINE_IN_TEN:.0%} of the folders within {EACH:g} (now {within:.0%})"
        yield ""
    for name, row in report["single"].items():
        yield f"{name:<{WIDTH}} {row['seconds'] * 1000:>28.1f} ms {row['ratio']:>5.2f}"
    yield f"target for a single file: {SINGLE:g}"
    if report["slowest"]:
        yield ""
        for row in report["slowest"]:
            yield f"{row['seconds']:>8.2f}s  {row['file']}"
        yield f"target for any file: {ANY_FILE:g}s"


def positive(text: str) -> int:
    """An argument that counts something."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a number from 1 on, found `{text}`")
    return int(text)


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", metavar="FOLDER", help="repositories to check, each for itself")
    parser.add_argument("--runs", type=positive, default=3, metavar="N", help="of each folder (default: 3)")
    parser.add_argument("--turns", type=positive, default=25, metavar="N", help="of the single file (default: 25)")
    parser.add_argument("--slowest", type=positive, metavar="N", help="also name the N files that took longest")
    parser.add_argument("--json", action="store_true", help="figures as JSON, in seconds")
    arguments = parser.parse_args()
    if arguments.slowest and not arguments.folders:
        fail("--slowest needs a folder to look in")
    for folder in arguments.folders:
        python_files(folder)  # a folder that cannot be measured is refused before an hour of measuring
    trees = [tree(folder, arguments.runs) for folder in arguments.folders]
    report = {
        "python": sys.version.split()[0],
        "folders": trees,
        "total": total(trees) if trees else None,
        "single": start_up(arguments.turns),
        "slowest": slowest(arguments.folders, arguments.slowest) if arguments.slowest else [],
    }
    print(json.dumps(report, indent=2) if arguments.json else "\n".join(told(report)))


if __name__ == "__main__":
    main()

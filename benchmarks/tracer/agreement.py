"""How far the tracer and the static analysis say the same of a line that both can judge.

`python benchmarks/tracer/agreement.py [PATH...]`: scripts and folders, `pages` for the programs of the rules' pages
(default: those and the torch fixtures). Each program runs under the guard; findings of both sides are compared on the
lines that were reached.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import forked
import torch

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from outlayer_lint.config import Config
from outlayer_lint.engine import check
from outlayer_lint.knowledge import pages
from outlayer_lint.tracer.child.losses.facts import Facts, judged
from outlayer_lint.tracer.child.losses.guard import guard
from outlayer_lint.tracer.child.script import run_script

FENCE = re.compile(r"^```python run\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
SECONDS = 60.0
INSIDE = "the targets that were seen lie inside of what the output can reach"
UNCALLED = "a method that is not called is no operation"
ABSENT = "where scikit-learn is not installed, nothing is known of what it makes"
EXPLAINED = {  # (file, or the end of its path, and code) -> why only one side speaks
    ("right_heads.py", "OLL503"): INSIDE,
    ("backtest.py", "OLL502"): INSIDE,
    ("logged_scalar.py", "OLL714"): UNCALLED,
    ("trading_heads.py", "OLL714"): UNCALLED,
    ("mnist_autoencoder.py", "OLL504"): "flattened random pictures are not known for pictures: 503 says the same",
    ("mnist_autoencoder.py", "OLL503"): "see OLL504",
    ("rewrapped_output.py", "OLL713"): "the values leave torch through NumPy",
    ("smoothed.py", "OLL202"): "the rows do sum to one, which only their values show",
    ("synthetic_classes.py", "OLL307"): "a few batches prove no number of classes from above",
    ("noise_prediction.py", "OLL503"): "noise that is fed to a model and asked back stands for data in a trial run",
    (
        "keras_labels.py",
        "OLL601",
    ): "where Keras is not installed, data are made up, and a call that fails proves nothing",
    ("criteria/focal.py", "OLL102"): "run by itself it is given scores; the script beside it gives it probabilities",
    ("emotions.py", "OLL402"): ABSENT,
    ("tags.py", "OLL611"): ABSENT,
    ("bounded_quantities.py", "OLL404"): ABSENT,
    ("inline.py", "OLL912"): "the logarithms of the formula have names, through which only the tracer sees it",
    ("program.py", "OLL001"): "comments are not run",
    ("wine/train.py", "OLL405"): "torch refuses the two shapes before there is a loss",
}
LOSSES = 40  # a page or a fixture may have many


def traced(path: str) -> dict[str, Any]:
    """Findings as (line, code, severity), the lines that were reached, and how it ended."""
    watch = guard(LOSSES)
    ended = run_script(path, [], watch)
    facts = list(Facts(watch).all())
    found = [(d.span.line, d.code, str(d.severity)) for d in judged(watch)[1] if d.span.path == path]
    reached = {fact.span.line for fact in facts if fact.span.path == path}
    return {"found": found, "reached": sorted(reached), "ended": list(ended[:3]), "calls": len(watch.calls)}


def static(path: str) -> set[tuple[int, str, str]]:
    """The same of the engine."""
    report = check([path], Config())
    return {(d.span.line, d.code, str(d.severity)) for d in report.diagnostics if d.span.path.endswith(Path(path).name)}


def apart(path: Path, base: Path, scratch: Path) -> str:
    """A copy of a program, or of the folder it is a part of, as a project of its own."""
    inside = path.relative_to(base)
    top = base / inside.parts[0]
    place = scratch / f"{len(list(scratch.iterdir()))}"
    place.mkdir()
    (place / "setup.py").touch()
    if top.is_dir():
        shutil.copytree(top, place / top.name)
    else:
        shutil.copy(top, place / top.name)
    return str(place / inside)


def programs(arguments: list[str], scratch: Path) -> list[str]:
    """The files to compare."""
    found = []
    for each in () if arguments == ["pages"] else map(Path, arguments):
        files = sorted(each.rglob("*.py")) if each.is_dir() else [each]
        found += [apart(path, each if each.is_dir() else each.parent, scratch) for path in files]
    if arguments and arguments != ["pages"]:
        return found
    for page in pages().values():
        for number, match in enumerate(FENCE.finditer(page.body)):
            path = scratch / f"{page.name.replace('-', '_')}_{number}" / "program.py"
            path.parent.mkdir()
            (path.parent / "setup.py").touch()
            path.write_text(match["text"])
            found.append(str(path))
    if arguments:
        return found
    for path in sorted((ROOT / "fixtures").rglob("*.py")):
        text = path.read_text(errors="replace")
        if "torch" in text and "tracer" not in path.parts and "broken" not in path.parts:
            found.append(apart(path, ROOT / "fixtures" / path.relative_to(ROOT / "fixtures").parts[0], scratch))
    return found


def main() -> None:
    """Print each difference that is not explained, then the sums."""
    torch.set_num_threads(1)
    forked.warm()
    sums = Counter[str]()
    with tempfile.TemporaryDirectory() as scratch, contextlib.suppress(KeyboardInterrupt):
        for path in programs(sys.argv[1:], Path(scratch)):
            seen = forked.run(partial(traced, os.path.abspath(path)), SECONDS)
            if "failed" in seen:
                print(f"{path}: {seen['failed']}", seen.get("trace", ""))
                continue
            lines = set(seen["reached"])
            found = {(line, code) for line, code, _ in seen["found"]}
            expected = {(line, code) for line, code, _ in static(path) if line in lines}
            ends = (os.path.basename(path), "/".join(Path(path).parts[-2:]))
            known = {each for each in expected ^ found if any((end, each[1]) in EXPLAINED for end in ends)}
            sums["programs"] += 1
            sums["reached a loss"] += bool(seen["calls"])
            sums["findings of both"] += len(expected & found)
            sums["differences explained"] += len(known)
            for mark, difference in (("static only", expected - found), ("traced only", found - expected)):
                sums[mark] += len(difference - known)
                for line, code in sorted(difference - known):
                    print(f"{path}:{line}: {code} {mark}", seen["ended"])
    print(dict(sums))


if __name__ == "__main__":
    main()

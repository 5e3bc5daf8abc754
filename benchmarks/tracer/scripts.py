"""G12: of real training scripts, how many come to a loss in the sandbox, and what is said of the losses they come to.

    python benchmarks/tracer/scripts.py FOLDER... [--half first|second|both] [--most 8] [--only PART] [--json FILE]

FOLDER holds repositories. Counted is every file that imports torch, calls `.backward()` somewhere that its top-level
statements lead to (by the names of functions, methods and classes of the file), and is excluded by none of these:

* it does not parse as Python 3;
* it is distributed: it names `torch.distributed`, `init_process_group`, `mp.spawn`, `deepspeed` or `horovod`;
* it is a test (`test_*.py`, or below a folder `test` or `tests`).

Of each repository at most `--most` files are taken, by the hash of their path, so that no repository outweighs the
rest. `--half` takes repositories by the hash of their name: `first` is what the stand-ins were written against.
Nothing is installed for a script, no option is given on its command line (required ones are guessed, as in `check
--trace`), there is no network, and missing files stay missing. A line for each script, findings below it.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import re
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from outlayer_lint.tracer.parent import Sandboxed
from outlayer_lint.tracer.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

DISTRIBUTED = re.compile(
    r"torch\.distributed|from torch import distributed|init_process_group|mp\.spawn|deepspeed|horovod"
)
TEST = re.compile(r"(^|/)tests?(/|$)|/test_[^/]*$|_test\.py$")
DEFINES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def hashed(text: str) -> int:
    """The same on every machine."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)


def scripts(folder: Path, most: int) -> list[Path]:
    """The files of one repository that count."""
    found = [path for path in sorted(folder.rglob("*.py")) if path.is_file() and counts(path, folder)]
    return sorted(found, key=lambda path: hashed(str(path.relative_to(folder))))[:most]


def counts(path: Path, folder: Path) -> bool:
    """Whether a file is a training script; see the module for what is excluded."""
    if TEST.search(str(path.relative_to(folder))):
        return False
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    if "torch" not in text or ".backward(" not in text or DISTRIBUTED.search(text):
        return False
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return "torch" in imported(tree) and goes_back(tree)


def imported(tree: ast.Module) -> set[str]:
    """The packages that a file imports."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


def goes_back(tree: ast.Module) -> bool:
    """Whether the statements at the top lead to a `.backward()`, by the names of what the file defines."""
    bodies: dict[str, list[ast.AST]] = {}
    for node in ast.walk(tree):
        if isinstance(node, DEFINES):
            bodies.setdefault(node.name, []).append(node)
    todo: list[ast.AST] = [node for node in tree.body if not isinstance(node, DEFINES)]
    met: set[str] = set()
    while todo:
        for node in ast.walk(todo.pop()):
            name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
            if name == "backward":
                return True
            if name in bodies and name not in met:
                met.add(name)
                todo += bodies[name]
    return False


def tried(path: Path, folder: Path, budget: float, losses: int = 16) -> dict[str, Any]:
    """What came of one script."""
    settings = Settings(root=str(folder), budget=budget, losses=losses)
    order = {"kind": "script", "path": str(path), "argv": [], "objects": True}
    with Sandboxed(settings, cwd=str(path.parent)) as sandboxed:
        end = sandboxed.ask([[order]])[0]
    record = end.record
    return {
        "path": str(path),
        "repository": folder.name,
        "word": end.word,
        "why": end.why,
        "seconds": round(end.seconds, 1),
        "losses": [
            [one["loss"], one["at"], one["calls"] - one["failed"]]
            for one in record.get("losses", ())
            if one["calls"] > one["failed"]
        ],
        "backwards": record.get("backwards", 0),
        "notes": [one["message"] for one in record.get("notes", ())],
        "found": [
            [one["code"], one["severity"], one["path"], one["line"], one["message"]]
            for one in record.get("diagnostics", ())
        ],
    }  # fmt: skip


def repositories(folders: list[str], half: str) -> Iterator[Path]:
    """Each repository once, whatever commits of it are there."""
    met = set()
    for top in map(Path, folders):
        for folder in sorted(top.iterdir()):
            name = folder.name.partition("@")[0]
            if folder.is_dir() and name not in met and (half == "both" or (hashed(name) % 2 == 0) == (half == "first")):
                met.add(name)
                yield folder


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--half", default="both")
    parser.add_argument("--most", type=int, default=8)
    parser.add_argument("--only", default="")
    parser.add_argument("--budget", type=float, default=20.0)
    parser.add_argument("--losses", type=int, default=16, help="calls that are watched of each script")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--json", default="")
    options = parser.parse_args()
    rows = []
    began = time.monotonic()
    for folder in repositories(options.folders, options.half):
        for path in scripts(folder, options.most):
            name = f"{folder.name.partition('@')[0]}/{path.relative_to(folder)}"
            if options.only not in name:
                continue
            if options.list:
                print(name)
                continue
            row = tried(path, folder, options.budget, options.losses)
            rows.append(row)
            calls = sum(each[2] for each in row["losses"])
            how = "loss" if calls else "back" if row["backwards"] else "-"
            print(f"{how:5}{calls:4} {name} [{row['word']}] {row['why'][:170]}", flush=True)
            for one in row["found"]:
                print("        ", *one)
    if options.json:
        Path(options.json).write_text("".join(json.dumps(row) + "\n" for row in rows))
    called = [row for row in rows if row["losses"]]
    reached = [row for row in rows if row["losses"] or row["backwards"]]
    words = [str(row["word"]) for row in rows if not (row["losses"] or row["backwards"])]
    print(dict(Counter(words)))
    print(
        f"{len(rows)} scripts of {len({row['repository'] for row in rows})} repositories, {len(reached)} go back "
        f"from a loss or call one, {len(called)} of them a loss of torch, {sum(one[2] for row in called for one in row['losses'])} calls, "
        f"{sum(len(row['found']) for row in rows)} findings; {time.monotonic() - began:.0f} s"
    )


if __name__ == "__main__":
    main()

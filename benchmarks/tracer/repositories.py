"""G6: of the root models of real repositories, how many are imported, built, fed and run with no hint.

    unshare -n python benchmarks/tracer/repositories.py FOLDER... [--explain] [--only PART] [--json FILE]

A root is what `located` calls one: no other class of its file builds it. Of those the ones that no model of another file
of the project builds either are counted apart: the rest are layers. It executes the code of those repositories: each file in a forked process with limits on time, memory and file size, in
an empty working directory. Run it without a network. A line for every root that failed, then the figures.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import resource
import select
import signal
import sys
import tempfile
import time
import warnings
from typing import Any

import torch

from outlayer_lint.tracer.child.building.construct import MOST_GUESSES, SETTLED, Refusal, build
from outlayer_lint.tracer.child.building.locate import located
from outlayer_lint.tracer.child.search.inputs import search
from outlayer_lint.tracer.child.surroundings.absent import Absent
from outlayer_lint.tracer.child.surroundings.stood_in import StoodIn
from outlayer_lint.tracer.target import Target

FILE_S, BUDGET_S, TRIES = 90, 15.0, 70
MEMORY = 10 << 30


def main() -> int:
    """Measures folders."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--only", default="", help="paths that contain this")
    parser.add_argument("--explain", action="store_true")
    parser.add_argument("--json", default="")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for folder in options.folders:
        mine = [
            row
            for path in _files(folder)
            if options.only in path
            for row in _traced(path, folder, explain=options.explain)
        ]
        for row in mine:
            if row["stage"] != "done":
                print(
                    f"{row['stage']:12} {os.path.relpath(row['path'], folder)}:{row['name']}: {row['why']}", flush=True
                )
        inner = _built_by_models(_files(folder))
        for row in mine:
            row["part"] = any(row["name"] in names for path, names in inner.items() if path != row["path"])
        _summary(os.path.basename(folder), mine)
        rows += mine
    if len(options.folders) > 1:
        _summary("in all", rows)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    return 0


def _summary(name: str, rows: list[dict[str, Any]]) -> None:
    imported = [row for row in rows if row["stage"] != "import"]
    built = [row for row in imported if row["stage"] != "constructor"]
    done = [row for row in built if row["stage"] == "done"]
    right = [row for row in done if row["standing"] == "counts"]
    print(
        f"{name}: {len(rows)} roots, {len(imported)} imported, {len(built)} built, {len(done)} ran, {len(right)} count samples"
    )
    whole = [row for row in rows if not row["part"]]
    print(
        f"    of {len(whole)} that no model of the project builds "
        f"{sum(row in built for row in whole)} built, {sum(row in done for row in whole)} ran; "
        f"{sum(row['stood_in'] for row in done)} ran with layers that are stood in for"
    )


def _built_by_models(paths: list[str]) -> dict[str, set[str]]:
    """File -> names that its classes with a `forward` call, and that it imports."""
    found: dict[str, set[str]] = {}
    for path in paths:
        try:
            with open(path, encoding="utf-8") as file:
                tree = ast.parse(file.read())
        except (OSError, SyntaxError, ValueError):
            continue
        imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
        names = {alias.asname or alias.name for node in imports for alias in node.names}
        models = [
            node
            for node in tree.body
            if isinstance(node, ast.ClassDef)
            and any(getattr(one, "name", "") in {"forward", "call"} for one in node.body)
        ]
        calls = [node for model in models for node in ast.walk(model) if isinstance(node, ast.Call)]
        plain = {node.func.id for node in calls if isinstance(node.func, ast.Name)}
        found[path] = plain if "*" in names else plain & names
        found[path] |= {
            node.func.attr
            for node in calls
            if isinstance(node.func, ast.Attribute)
            if isinstance(node.func.value, ast.Name) and node.func.value.id in names
        }
    return found


def _files(folder: str) -> list[str]:
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        found += [os.path.join(place, name) for name in sorted(names) if name.endswith(".py")]
    return found


def _traced(path: str, folder: str, *, explain: bool) -> list[dict[str, Any]]:
    try:
        with open(path, encoding="utf-8") as file:
            roots = [named for named in located(path, file.read()) if named.kind != "value"]
    except (OSError, ValueError):
        return []
    if not roots:
        return []
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _child(path, folder, roots, writer, explain=explain)
    os.close(writer)
    text, ends = b"", time.monotonic() + FILE_S
    while time.monotonic() < ends and select.select([reader], [], [], max(ends - time.monotonic(), 0))[0]:
        piece = os.read(reader, 1 << 16)
        if not piece:
            break
        text += piece
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reader)
    rows = [json.loads(line) for line in text.decode().splitlines()]
    seen = {row["name"] for row in rows}
    lost = [
        {"path": path, "name": named.name, "stage": "crash", "why": "the process ended or took too long"}
        for named in roots
        if named.name not in seen
    ]
    return rows + lost


def _child(path: str, folder: str, roots: list[Any], writer: int, *, explain: bool) -> None:
    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 24, 1 << 24))
    torch.set_num_threads(1)
    os.chdir(tempfile.mkdtemp())
    os.environ.update(HF_HUB_OFFLINE="1", MPLBACKEND="Agg", KERAS_BACKEND="torch")
    warnings.simplefilter("ignore")
    if not explain:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
    for named in roots:
        row = _row(path, named.name, folder, explain=explain)
        os.write(writer, (json.dumps(row) + "\n").encode())
    os._exit(0)


def _row(path: str, name: str, folder: str, *, explain: bool) -> dict[str, Any]:
    first: dict[str, Any] = {}
    for passed in range(MOST_GUESSES):
        found = _tried(path, name, folder, passed, explain=explain)
        first = first or found
        if found["stage"] == "done" or found.get("how") in SETTLED:
            break
    return found if found["stage"] == "done" else first


def _tried(path: str, name: str, folder: str, passed: int, *, explain: bool) -> dict[str, Any]:
    target = Target(path, name)
    row: dict[str, Any] = {"path": path, "name": name}
    built = build(target, folder, lambda _: None, passed=passed)
    if isinstance(built, Refusal):
        return {**row, "stage": built.stage, "why": built.why}
    row |= {"how": built.how, "args": built.args}
    log = print if explain else (lambda _: None)
    found = search(built.model, target, budget_s=BUDGET_S, max_tries=TRIES, log=log)
    if isinstance(found, Refusal):
        return {**row, "stage": found.stage, "why": f"({built.how} {str(built.args)[:80]}) {found.why}"}
    best = found.hypotheses[0]
    inputs = {spec.name: [spec.dtype, *spec.shape] for spec in best.specs}
    row |= {"stage": "done", "tries": found.tries, "inputs": inputs, "standing": _standing(built.model, best)}
    return {**row, "stood_in": _has_stood_in(built.model)}


def _has_stood_in(model: Any) -> bool:
    """Whether a layer of a package that is missing passes its input on."""
    missing = (
        isinstance(value, Absent) and repr(value).endswith("()>")
        for module in model.modules()
        for value in vars(module).values()
    )
    return any(missing) or any(isinstance(module, StoodIn) for module in model.modules())


def _standing(model: Any, best: Any) -> str:
    from outlayer_lint.tracer.child.search.acceptance import outputs_of  # noqa: PLC0415

    with torch.no_grad():
        try:
            outputs = outputs_of(model(*best.args, **best.kwargs))
        except Exception:  # noqa: BLE001 - such as a device that is not here
            return "outside the search it fails"
    return "counts" if any(2 in output.shape for output in outputs) else "does not count"


if __name__ == "__main__":
    sys.exit(main())

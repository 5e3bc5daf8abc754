"""G5: hand-made models as students write them, each with the input it was made for behind `# takes:`.

    python benchmarks/tracer/students.py [first ... eleventh] [--explain] [--only CLASS]

`x=f32[B,*,7]`: the samples are counted by axis 0, the steps are free, there are 7 features; `|` separates inputs that are
equally right, `nothing` says that no input can be accepted. `fixtures/tracer/students/first` was looked at while the rules
were made; every other set was written before anything was tuned on it, and run once like that.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch

from outlayer_lint.tracer.child.building.construct import Built, build
from outlayer_lint.tracer.child.building.locate import located
from outlayer_lint.tracer.child.search.inputs import Found, search
from outlayer_lint.tracer.target import Target

if TYPE_CHECKING:
    from outlayer_lint.tracer.child.search.inputs import Hypothesis, InputSpec

STUDENTS = Path(__file__).parents[2] / "fixtures" / "tracer" / "students"
TAKES = re.compile(r"^(?:class|def) (\w+).*# takes: (.*)$", re.MULTILINE)
BUDGET_S, TRIES = 60.0, 120


class Row(NamedTuple):
    """One model: the stage it came to, whether names, ranks, dtypes and batch axes are right, and the sizes too."""

    name: str
    stage: str
    what: str
    right: bool = False
    exact: bool = False
    tries: int = 0
    seconds: float = 0.0


def wanted(path: Path) -> dict[str, str]:
    """Class -> what it takes."""
    return dict(TAKES.findall(path.read_text(encoding="utf-8")))


def measured(path: Path, only: str = "", *, explain: bool = False) -> list[Row]:
    """A row for each model of a file."""
    found = {named.name for named in located(str(path), path.read_text(encoding="utf-8"))}
    return [
        _row(path, name, takes, name in found, explain=explain)
        for name, takes in wanted(path).items()
        if only in name
    ]  # fmt: skip


def _row(path: Path, name: str, takes: str, is_root: bool, *, explain: bool) -> Row:  # noqa: FBT001
    if not is_root:
        return Row(name, "locate", "not located")
    began = time.process_time()
    target = Target(str(path), name)
    built = build(target, str(path.parent), lambda _: None)
    if not isinstance(built, Built):
        return Row(name, built.stage, built.why, seconds=time.process_time() - began)
    log = print if explain else (lambda _: None)
    try:
        result = search(built.model, target, budget_s=BUDGET_S, max_tries=TRIES, log=log)
    except Exception as error:  # noqa: BLE001 - a fault of the search is a figure as well
        return Row(name, "crash", repr(error), seconds=time.process_time() - began)
    seconds = time.process_time() - began
    if not isinstance(result, Found):
        return Row(name, "no-input", result.why, right=takes == "nothing", exact=takes == "nothing", seconds=seconds)
    best = result.hypotheses[0]
    shown = " ".join(f"{spec.name}={spec.dtype}{list(spec.shape)}@{best.batch_dims[spec.name]}" for spec in best.specs)
    right, exact = (
        any(fits(best, choice.split(), exact=exact) for choice in takes.split(" | ")) for exact in (False, True)
    )
    return Row(name, "done", f"{shown}, wanted {takes}", right, exact, result.tries, seconds)


def fits(best: Hypothesis, takes: list[str], *, exact: bool) -> bool:
    """Whether the inputs are those, name by name; the sizes only where it has to be `exact`."""
    specs = {spec.name: spec for spec in best.specs}
    words = dict(word.split("=") for word in takes if "=" in word)
    return specs.keys() == words.keys() and all(
        _fits(specs[name], words[name], best.batch_dims[name], exact=exact) for name in specs
    )


def _fits(spec: InputSpec, word: str, batch: int | None, *, exact: bool) -> bool:
    dtype, sizes = word.rstrip("]").split("[")
    axes = sizes.split(",") if sizes else []
    if spec.dtype != dtype or len(axes) != len(spec.shape) or ("B" in axes and batch != axes.index("B")):
        return False
    return not exact or all(
        axis in {"*", "B"} or int(axis) == size for axis, size in zip(axes, spec.shape, strict=True)
    )


def main() -> int:
    """Measures one half, or both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "half",
        nargs="*",
        default=[
            "first",
            "second",
            "third",
            "fourth",
            "fifth",
            "sixth",
            "seventh",
            "eighth",
            "ninth",
            "tenth",
            "eleventh",
        ],
    )
    parser.add_argument("--explain", action="store_true")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    os.chdir(tempfile.mkdtemp())
    for half in options.half:
        rows = [
            row
            for path in sorted((STUDENTS / half).glob("*.py"))
            for row in measured(path, options.only, explain=options.explain)
        ]
        for row in rows:
            if not row.exact:
                print(f"{row.name}: {row.stage}: {row.what}")
        ran = sum(row.stage == "done" or (row.right and row.stage == "no-input") for row in rows)
        right, exact = sum(row.right for row in rows), sum(row.exact for row in rows)
        tries = sorted(row.tries for row in rows if row.stage == "done") or [0]
        seconds = sorted(row.seconds for row in rows) or [0.0]
        print(
            f"{half}: {len(rows)} models, {ran} fed or rightly refused, {right} with the right rank and batch, {exact} in the very size"
        )
        print(
            f"tries: median {tries[len(tries) // 2]}, p90 {tries[len(tries) * 9 // 10]}; CPU s: median {seconds[len(seconds) // 2]:.2f}, most {seconds[-1]:.2f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

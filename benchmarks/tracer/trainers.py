"""Six ways to train, each with a mistake and without (goal G13): what is found, and where.

`python benchmarks/tracer/trainers.py`: the scripts of fixtures/tracer/losses/trainers. Those whose package is not
installed are named as such.
"""

from __future__ import annotations

import contextlib
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import forked

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from expectations import markers
from watched import NEEDS, told

SECONDS = 120.0


def main() -> None:
    """A line for each script, then the sum."""
    os.environ["KERAS_BACKEND"] = "torch"
    right = ran = 0
    for path in sorted((ROOT / "fixtures" / "tracer" / "losses" / "trainers").iterdir()):
        if path.suffix not in (".py", ".ipynb"):
            continue
        needed = NEEDS.get(path.stem.partition("_")[0], "torch")
        with contextlib.suppress(ImportError):
            __import__(needed)
        if needed not in sys.modules:
            print(f"{path.stem:24}{needed} is not installed")
            continue
        seen: dict[str, Any] = forked.run(partial(told, str(path)), SECONDS)
        wanted = sorted((each.cell, each.line, each.word) for each in markers(path, path.name, None))
        found = sorted((one["cell"], one["line"], one["rule"]) for one in seen.get("found", ()))
        ran += 1
        right += bool(found == wanted and seen.get("calls"))
        print(
            f"{path.stem:24}{seen.get('calls', 0):3} calls  {found or 'nothing found'}  {'' if found == wanted else 'WRONG'}"
        )
    print(f"{right} of {ran} as wanted")


if __name__ == "__main__":
    main()

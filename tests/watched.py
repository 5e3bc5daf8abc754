"""Runs scripts under a guard and tells, a line of JSON each, what the checks say of them. A process of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import warnings
from typing import Any

from outlayer_lint.tracer.child.losses.facts import Facts, judge
from outlayer_lint.tracer.child.losses.guard import guard
from outlayer_lint.tracer.child.script import run_script

NEEDS = {"keras": "keras", "lightning": "lightning", "hf": "transformers", "accelerated": "accelerate"}


def told(path: str) -> dict[str, Any]:
    """Findings by place, how the script ended and what it was stopped at."""
    watch = guard(0 if "trainers" not in path else 4)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        ended = run_script(path, [], watch)
    found = [
        {
            "rule": one.rule, "severity": str(one.severity), "line": one.span.line, "cell": one.span.cell,
            "column": one.span.column, "message": one.message,
        }
        for one in judge(Facts(watch).all())
        if one.span.path == path
    ]  # fmt: skip
    return {"path": path, "found": found, "how": ended.how, "why": ended.why, "calls": len(watch.calls)}


def main() -> None:
    """The scripts on the command line; one whose package is missing is told as such."""
    os.environ["KERAS_BACKEND"] = "torch"
    warnings.simplefilter("ignore")
    for path in sys.argv[1:]:
        needed = NEEDS.get(os.path.basename(path).partition("_")[0].partition(".")[0], "torch")
        try:
            __import__(needed)
        except ImportError:
            record = {"path": path, "missing": needed}
        else:
            record = told(path)
        sys.stdout.write(json.dumps(record) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

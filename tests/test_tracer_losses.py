"""Every kind of finding that can be seen at run time is found in a script that runs, and not in its twin.

The fixtures say on their lines what must be found; the file's name is the rule that a bare `# want` means.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from expectations import compare, markers

from outlayer_lint.diagnostic import Diagnostic, Severity, Span
from outlayer_lint.knowledge import pages

pytest.importorskip("torch", reason="torch is not installed: nothing can be run")

ROOT = Path(__file__).parents[1]
LOSSES = ROOT / "fixtures" / "tracer" / "losses"
SCRIPTS = sorted(LOSSES.glob("*.py"))
APART = sorted((LOSSES / "apart").glob("*.py"))
TRAINERS = sorted(path for path in (LOSSES / "trainers").iterdir() if path.suffix in (".py", ".ipynb"))


@lru_cache(maxsize=3)
def told(paths: tuple[Path, ...], folder: Path) -> dict[str, dict[str, Any]]:
    """What the checks say of each script, all in one process."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests")))}
    run = subprocess.run(
        [sys.executable, "-W", "ignore", str(ROOT / "tests" / "watched.py"), *map(str, paths)],
        capture_output=True, text=True, cwd=folder, env=environment, check=False,
    )  # fmt: skip
    assert not run.returncode, run.stderr[-2000:]
    return {one["path"]: one for one in map(json.loads, run.stdout.splitlines())}


def findings(record: dict[str, Any], shown: str) -> list[Diagnostic]:
    rules = pages()
    return [
        Diagnostic(
            rules[one["rule"]].code, one["rule"], Severity(one["severity"]), "proved", one["message"],
            Span(shown, one["line"], one["column"], one["line"], one["column"] + 1, one["cell"]),
        )
        for one in record["found"]
    ]  # fmt: skip


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_mistake_is_seen_where_it_is_made_and_nowhere_else(path: Path, folder: Path) -> None:
    rule = path.stem.replace("_", "-")
    record = told(tuple(SCRIPTS), folder)[str(path)]
    found, wanted = compare(markers(path, path.name, rule), findings(record, path.name), rule)
    assert wanted
    assert found == wanted


@pytest.mark.parametrize("path", APART, ids=lambda path: path.stem)
def test_what_looks_like_a_mistake_and_is_none_is_told_apart(path: Path, folder: Path) -> None:
    record = told(tuple(APART), folder)[str(path)]
    found, wanted = compare(markers(path, path.name, None), findings(record, path.name), None)
    assert record["how"] == "done"
    assert found == wanted


@pytest.mark.parametrize("path", TRAINERS, ids=lambda path: path.stem)
def test_a_trainer_calls_the_loss_and_the_guard_sees_it(path: Path, folder: Path) -> None:
    record = told(tuple(TRAINERS), folder)[str(path)]
    if "missing" in record:
        pytest.skip(f"{record['missing']} is not installed")
    found, wanted = compare(markers(path, path.name, None), findings(record, path.name), None)
    assert record["calls"]
    assert found == wanted
    assert bool(wanted) != path.stem.endswith("_right")


def test_every_kind_that_can_be_seen_has_a_script() -> None:
    unseen = {  # metrics, Keras's bookkeeping and what never becomes a call
        "accuracy-metric-on-regression", "accuracy-string-on-multilabel", "cosine-loss-on-single-unit",
        "decision-method-not-called", "f1-argmax-on-single-unit", "keras-activation-with-from-logits",
        "keras-logits-without-from-logits", "logits-used-as-probabilities", "loss-built-with-tensors",
        "loss-count-vs-outputs", "metric-label-format", "metric-needs-decided-values", "metric-threshold-on-logits",
        "one-loss-for-unlike-heads", "sigmoid-for-single-label", "sparse-vs-one-hot-labels",
    }  # fmt: skip
    checked = {path.stem.replace("_", "-") for path in (ROOT / "outlayer_lint" / "checks").glob("[a-z]*.py")}
    assert checked - unseen == {path.stem.replace("_", "-") for path in SCRIPTS}

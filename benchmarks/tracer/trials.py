"""Findings of the fixtures put to trial: what every mistake that is marked there comes to when it is run.

`python benchmarks/tracer/trials.py [--slice 0/8] [RULE...]`: a line for each finding that is not confirmed, then a
table. The fixtures' findings are true, so each that is refuted is a bug of the tracer or a wrong fixture.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from outlayer_lint.config import Config
from outlayer_lint.engine import check
from outlayer_lint.knowledge import pages
from outlayer_lint.tracer.configured import Configured
from outlayer_lint.tracer.parent import Sandboxed
from outlayer_lint.tracer.reach import Reach
from outlayer_lint.tracer.settings import Settings
from outlayer_lint.tracer.verdicts import LOSSES, judge

FIXTURES = ROOT / "fixtures"


def cases(rules: list[str]) -> list[Path]:
    """Fixture files and projects of rules, each linted by itself."""
    folders = [FIXTURES / rule for rule in rules] if rules else [FIXTURES / name for name in pages()]
    found: list[Path] = []
    for folder in folders:
        if folder.is_dir():
            found += sorted(p for p in folder.iterdir() if p.is_dir() or p.suffix in (".py", ".ipynb"))
    return [path for path in found if path.name != "__pycache__" and not path.name.endswith(".fixed.py")]


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rules", nargs="*")
    parser.add_argument("--slice", default="0/1")
    parser.add_argument("--budget", type=float, default=8.0)
    options = parser.parse_args()
    which, of = map(int, options.slice.split("/"))
    tally: dict[str, Counter[str]] = {}
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        settings = Settings(root=scratch, losses=LOSSES, budget=options.budget)
        with Sandboxed(settings, cwd=scratch) as sandboxed:
            for number, case in enumerate(cases(options.rules)[which::of]):
                _case(case, Path(scratch) / str(number), sandboxed, settings, tally)
    total: Counter[str] = sum(tally.values(), Counter())
    for rule, counts in sorted(tally.items()):
        print(f"{rule:45} {dict(counts)}")
    print(f"{total.total()} findings: {dict(total)}; {time.monotonic() - began:.0f} s")


def _case(case: Path, place: Path, sandboxed: Sandboxed, settings: Settings, tally: dict[str, Counter[str]]) -> None:
    place.mkdir()
    (place / ".git").mkdir()
    at = place / case.name
    if case.is_dir():
        shutil.copytree(case, at, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(case, at)
    report = check([str(at)], Config(), claims=True)
    configured = Configured(settings, (), enabled=False, hooks="")
    for finding in judge(report.diagnostics, sandboxed, Reach(str(place)), configured):
        trial = finding.trace
        if trial is None:
            continue
        tally.setdefault(finding.rule, Counter())[trial.verdict] += 1
        if trial.verdict != "confirmed":
            where = f"{case.parent.name}/{case.name}:{finding.span.path.rpartition('/')[2]}:{finding.span.line}"
            print(
                f"{trial.verdict:12} {finding.code} {where} {finding.claim and finding.claim.emits} {trial.why[:150]}",
                flush=True,
            )


if __name__ == "__main__":
    main()

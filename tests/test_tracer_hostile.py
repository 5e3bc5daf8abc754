"""Programs that would do harm, or would never end: each ends classified, in time, and leaves nothing behind.

The first line of each says how it is run and by which words its end may be told, the second which walls it needs.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from outlayer_lint.tracer.ends import NOTES, End
from outlayer_lint.tracer.parent import Sandboxed
from outlayer_lint.tracer.settings import Settings
from outlayer_lint.tracer.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSTILE = Path(__file__).parents[1] / "fixtures" / "tracer" / "hostile"
PROGRAMS = sorted(HOSTILE.glob("*.py"))
HEAD = re.compile(rb"# (?P<how>trace|run): (?P<words>[\w |-]+)\n(?:# needs: (?P<needs>\w+)\n)?")
BUDGET = 1.5
LATE = 1.0  # seconds past the limit, the promise
BUSY = 1.5  # more, for a machine that others use as well
PLACES = ("/etc", "/usr/local/bin", "/var/tmp", os.path.expanduser("~"))

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="tracing needs torch"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="tracing needs fork"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("hostile") / "programs"
    shutil.copytree(HOSTILE, found)
    return found


@pytest.fixture(scope="module")
def sandboxed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandboxed]:
    scratch = tmp_path_factory.mktemp("scratch")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(scratch))
        with Sandboxed(Settings(budget=BUDGET, root=str(folder)), cwd=str(folder)) as found:
            found.ask([[{"kind": "locate", "paths": []}]])
            assert processes_in(scratch)
            yield found
    assert not processes_in(scratch)
    assert not list(scratch.iterdir())


def processes_in(scratch: Path) -> list[str]:
    """Processes that live in a sandbox whose folder lies there."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"HOME={scratch}".encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def order_of(program: Path) -> dict[str, object]:
    match = HEAD.match(program.read_bytes())
    assert match is not None, "the first line says how the program is run"
    if match["how"] == b"run":
        return {"kind": "script", "path": str(program), "argv": []}
    return {"kind": "trace", "target": Target(str(program), "Net").to_json()}


@pytest.mark.parametrize("name", [path.name for path in PROGRAMS])
def test_a_hostile_program_ends_classified(name: str, sandboxed: Sandboxed, folder: Path) -> None:
    head = HEAD.match((HOSTILE / name).read_bytes())
    assert head is not None
    needs = (head["needs"] or b"").decode()
    if needs not in sandboxed.level:
        pytest.skip(f"the wall `{needs}` does not stand here: {sandboxed.level}")
    program = folder / name
    before = time.monotonic()
    end = sandboxed.ask([[order_of(program)]])[0]
    took = time.monotonic() - before
    assert end.word in {word.strip().replace("done", "") for word in head["words"].decode().split("|")}, end
    assert end.word in ("", *NOTES)
    assert "Traceback" not in end.why
    assert end.seconds <= BUDGET + LATE + BUSY
    assert took <= 30  # where the sandbox is lost, torch is imported again
    assert (folder / name).read_bytes() == (HOSTILE / name).read_bytes()
    assert not any(os.path.lexists(os.path.join(place, "outlayer-was-here")) for place in (*PLACES, str(folder)))


def test_a_program_after_them_all_is_traced(sandboxed: Sandboxed, folder: Path) -> None:
    end: End = sandboxed.ask([[{"kind": "locate", "paths": [str(folder / "loop_in_init.py")]}]])[0]
    assert end.record["located"] == {str(folder / "loop_in_init.py"): [["Net", "class", 7]]}


def test_there_are_sixty(sandboxed: Sandboxed) -> None:
    assert len(PROGRAMS) >= 60
    assert sandboxed.torch

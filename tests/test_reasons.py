"""Every reason that the engine can give is explained in docs/reasons.md."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
GIVEN = re.compile(r"""(?:\bunknown|\bUnknown)\(\s*"([a-z][a-z' -]+)"|\breason="([a-z][a-z' -]+)\"""")


def reasons() -> set[str]:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "outlayer_lint").rglob("*.py")]
    return {first or second for source in sources for first, second in GIVEN.findall(source)}


def test_every_reason_is_explained() -> None:
    explained = set(re.findall(r"`([^`]+)`", (ROOT / "docs" / "reasons.md").read_text(encoding="utf-8")))
    inner = {"index", "not called here", "unknown"}  # never the reason of a pair: an index, a constructor seen alone
    assert reasons() - explained - inner == set()


def test_there_are_reasons_to_explain() -> None:
    assert "parameter nobody binds" in reasons()
    assert len(reasons()) > 30

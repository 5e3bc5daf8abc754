"""Starts the child for targets or a script, gathers its records, and says how each of them ended."""

from __future__ import annotations

from typing import Any, NamedTuple

# The word for an end that brought no result, of each kind a sentence in `report`.
NOTES = (
    "import", "constructor", "no-input", "time", "memory", "crash", "exit", "environment", "device", "inconclusive",
)  # fmt: skip


class End(NamedTuple):
    """How one target ended.

    Attributes:
        stage: `done`, or the stage it got to: `import`, `construct`, `infer`, `forward`, `numeric`, `script`.
        word: one of `NOTES`, "" where it is done.
        why: a sentence, "" where it is done.
        record: what the child found out, in the shape of a target of the JSON report; empty where nothing.
        log: lines about the search.
        seconds: how long it took, start of the child not counted.
    """

    stage: str
    word: str
    why: str
    record: dict[str, Any]
    log: tuple[str, ...] = ()
    seconds: float = 0.0

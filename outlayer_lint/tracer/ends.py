"""How one order to the child ended, and the order itself while it runs."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

# The word for an end that brought no result; `report` has a sentence for each.
NOTES = (
    "import", "constructor", "no-input", "time", "memory", "crash", "exit", "environment", "device", "inconclusive",
    "internal",
)  # fmt: skip


class End(NamedTuple):
    """How one order ended.

    Attributes:
        stage: `done`, or the stage it got to: `import`, `construct`, `infer`, `forward`, `numeric`, `script`.
        word: one of `NOTES`, "" where it is done.
        why: a sentence, "" where it is done.
        record: what the child found out, in the shape of a target of the JSON report; empty where nothing.
        log: lines about the search.
        seconds: how long it took, the start of the child not counted.
    """

    stage: str
    word: str
    why: str
    record: dict[str, Any]
    log: tuple[str, ...] = ()
    seconds: float = 0.0


class Order:
    """One thing asked of the child, and what came of it so far."""

    __slots__ = ("began", "body", "end", "log", "number", "stage")

    def __init__(self, number: int, body: dict[str, Any]) -> None:
        """`body` is what crosses the channel besides the number."""
        self.number = number
        self.body = body
        self.began = 0.0
        self.stage = ""
        self.log: list[str] = []
        self.end: End | None = None

    def close(self, word: str, why: str, stage: str = "", record: dict[str, Any] | None = None) -> None:
        """The end, unless there is one."""
        if self.end is None:
            seconds = time.monotonic() - self.began if self.began else 0.0
            self.end = End(stage or self.stage or "start", word, why, record or {}, tuple(self.log), seconds)

    def take(self, result: dict[str, Any]) -> None:
        """A result came: the end of an order that got to say something itself."""
        word = str(result.get("word", ""))
        if not word:
            self.close("", "", "done", result)
            return
        stage = str(result.get("stage", "")) or self.stage
        self.close(word if word in NOTES else "inconclusive", str(result.get("why", "")), stage, result)

    @property
    def during(self) -> str:
        """The stage it is in, as the end of a sentence."""
        return f" during `{self.stage}`" if self.stage else ""

"""A bar for runs that take long, on a terminal, where `rich` is installed; nothing otherwise."""

from __future__ import annotations

import sys
import time

from outlayer_lint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

PATIENCE = 1.0  # seconds before there is a bar; importing rich takes a tenth of that
PERIOD = 0.1  # seconds between two pictures


class Bar:
    """Called with how many of how many steps are done."""

    def __init__(self, *, plain: bool = False) -> None:
        """The clock starts now; `plain` has no colours."""
        self._plain = plain or None  # `None`: rich asks NO_COLOR
        self._due = time.monotonic() + PATIENCE
        self._live: Any = None
        self._task: Any = None

    def __call__(self, done: int, steps: int) -> None:
        """Draw, if it is time to."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + PERIOD
        if self._live is None and not self._begin():
            self._due = float("inf")
            return
        self._live.update(self._task, completed=done, total=steps, refresh=True)

    def stop(self) -> None:
        """Leave the terminal as it was."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _begin(self) -> bool:
        try:
            from rich.console import Console  # noqa: PLC0415 - optional, and for long runs only
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415
        except ImportError:
            return False
        columns = (TextColumn("following outputs"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
        console = Console(file=sys.stderr, no_color=self._plain)
        self._live = Progress(*columns, TimeRemainingColumn(), console=console, transient=True, auto_refresh=False)
        self._live.start()
        self._task = self._live.add_task("", total=None)
        return True

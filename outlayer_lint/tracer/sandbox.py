"""Where the child runs: namespaces where the system permits, limits, a scrubbed environment, and its end.

The ladder, from the top: namespaces of files, processes and network (`pid+net+fs`: the file system is read-only, what
a program writes below the project lands on a layer that is thrown away); the same without that layer (`pid+net`); a
process group of its own with sockets blocked in Python (`process`). Which one was reached is part of every report.
"""

from __future__ import annotations

from typing import NamedTuple


class Ended(NamedTuple):
    """How a process ended: its exit code, or the signal that killed it."""

    code: int | None
    signal: int | None

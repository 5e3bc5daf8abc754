r"""Lines of JSON between the parent and the child, over a descriptor that nobody else knows.

Every line carries a nonce: what a traced program writes into the descriptor by chance or by design is counted and
dropped. A line begins with a line end of its own, so that garbage before it spoils nothing. Nothing is ever unpickled.
"""

from __future__ import annotations

import json
import os
from math import isfinite
from typing import Any

CAP = 4 << 20  # bytes that one target may send
LINE = 1 << 20  # bytes of one record
KEY = "n"  # where the nonce stands

_write, _dumps, _pid = os.write, json.dumps, os.getpid  # before a traced program can replace them


class Writer:
    """The sending end. Only the process that made it may send: a fork of it is the traced program's own."""

    def __init__(self, fd: int, nonce: str) -> None:
        """`fd` is open for writing."""
        self.fd = fd
        self.nonce = nonce
        self.owner = _pid()

    def send(self, kind: str, **fields: Any) -> bool:
        """Send a record; says whether it could be."""
        if _pid() != self.owner:
            return False
        try:
            data = _dumps({KEY: self.nonce, "kind": kind, **_finite(fields)}, allow_nan=False).encode("ascii")
        except (ValueError, TypeError, RecursionError) as error:
            data = _dumps({KEY: self.nonce, "kind": "unsendable", "of": kind, "why": str(error)[:300]}).encode("ascii")
        if len(data) > LINE:
            data = _dumps({KEY: self.nonce, "kind": "unsendable", "of": kind, "why": f"{len(data)} bytes"}).encode()
        data = b"\n" + data + b"\n"
        while data:
            try:
                data = data[_write(self.fd, data) :]
            except OSError:
                return False
        return True


def _finite(tree: Any) -> Any:
    """The same without numbers that JSON has no words for: those become null."""
    if isinstance(tree, float):
        return tree if isfinite(tree) else None
    if isinstance(tree, dict):
        return {key: _finite(value) for key, value in tree.items()}
    return [_finite(value) for value in tree] if isinstance(tree, (list, tuple)) else tree


class Reader:
    """The receiving end: bytes in, records out."""

    def __init__(self, nonce: str) -> None:
        """Only lines with this nonce count."""
        self.nonce = nonce
        self.rest = b""
        self.foreign = 0
        self.received = 0  # bytes since `again`

    def again(self) -> None:
        """Another target begins: its cap is its own."""
        self.received = 0

    @property
    def flooded(self) -> bool:
        """Whether more came than one target may send."""
        return self.received > CAP

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The records that are complete by now."""
        self.received += len(data)
        *lines, self.rest = (self.rest + data).split(b"\n")
        if len(self.rest) > 2 * LINE:
            self.rest = b""
            self.foreign += 1
        return [record for line in lines if line and (record := self._record(line)) is not None]

    def _record(self, line: bytes) -> dict[str, Any] | None:
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict) and found.get(KEY) == self.nonce and isinstance(found.get("kind"), str):
            return found
        self.foreign += 1
        return None

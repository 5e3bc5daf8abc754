"""Where the compiled table is: shipped in a wheel, else beside our bytecode and rebuilt when `rules/` changed."""

from __future__ import annotations

import marshal
import os
import sys

from outlayer_lint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SHIPPED = os.path.join(PACKAGE, "knowledge", "table.marshal")
VERSION = 2  # of the table's layout


class KnowledgeError(ValueError):
    """A row or page says something that cannot be meant; the message names file, table and key."""


def rules_folder() -> str:
    """`rules/`: inside the package once installed, beside it in a checkout."""
    bundled = os.path.join(PACKAGE, "rules")
    return bundled if os.path.isdir(bundled) else os.path.join(os.path.dirname(PACKAGE), "rules")


def load() -> dict[str, Any]:
    """The table, from the quickest place that is up to date."""
    try:
        # The loader and not `open`: a wheel may be imported from a zip.
        shipped: bytes = __loader__.get_data(SHIPPED)  # type: ignore[name-defined]
    except OSError:
        return _checkout()
    table: dict[str, Any] = marshal.loads(shipped)  # noqa: S302 - compiled by our build hook
    return table


def _checkout() -> dict[str, Any]:
    stamp = stamp_of(rules_folder(), os.path.join(PACKAGE, "checks"), os.path.dirname(__file__))
    cache = os.path.join(PACKAGE, "__pycache__", f"knowledge.{sys.implementation.cache_tag}.marshal")
    try:
        with open(cache, "rb") as file:
            kept_stamp, kept = marshal.loads(file.read())  # noqa: S302 - written by us, beside our own bytecode
        if kept_stamp == stamp:
            table: dict[str, Any] = kept
            return table
    except (OSError, EOFError, ValueError, TypeError):
        pass
    from outlayer_lint.knowledge.build import build  # noqa: PLC0415 - only where something changed

    table = build(rules_folder(), os.path.join(PACKAGE, "checks"))
    _keep(cache, marshal.dumps((stamp, table), 4))
    return table


def _keep(cache: str, data: bytes) -> None:
    """Write atomically, so that two runs at once never read half; where it cannot be written, go without."""
    half = f"{cache}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(cache), exist_ok=True)
        with open(half, "wb") as file:
            file.write(data)
        os.replace(half, cache)
    except OSError:
        return


def stamp_of(*folders: str) -> tuple[Any, ...]:
    """Changes when a file of these folders is added, removed or written."""
    found: list[tuple[str, int, int]] = []
    for folder in folders:
        for place in (folder, os.path.join(folder, "contracts")):
            try:
                with os.scandir(place) as entries:
                    for entry in entries:
                        if entry.name.endswith((".toml", ".md", ".py")):
                            stat = entry.stat()
                            found.append((entry.path, stat.st_mtime_ns, stat.st_size))
            except OSError:
                continue
    return (VERSION, *sorted(found))


def body_of(rule: str) -> str:
    """The text of a rule's page."""
    try:
        data: bytes = __loader__.get_data(os.path.join(PACKAGE, "rules", f"{rule}.md"))  # type: ignore[name-defined]
    except OSError:
        with open(os.path.join(rules_folder(), f"{rule}.md"), "rb") as file:
            data = file.read()
    return data.decode("utf-8")

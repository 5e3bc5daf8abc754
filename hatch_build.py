"""Build hook: a wheel ships `rules/` compiled, so that starting up reads no TOML. A checkout compiles for itself."""

from __future__ import annotations

import marshal
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class RulesTable(BuildHookInterface):  # type: ignore[type-arg]
    """Compiles the contracts and pages into `outlayer_lint/knowledge/table.marshal`."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the table to a standard wheel; an editable one stays live."""
        if version == "editable":
            return
        root = Path(self.root)
        sys.path.insert(0, self.root)
        try:
            from outlayer_lint.knowledge.build import build  # noqa: PLC0415 - only importable from here on
        finally:
            sys.path.remove(self.root)
        table = build(str(root / "rules"), str(root / "outlayer_lint" / "checks"))
        self._folder = tempfile.TemporaryDirectory()
        compiled = Path(self._folder.name, "table.marshal")
        compiled.write_bytes(marshal.dumps(table, 4))  # version 4 is read by every Python from 3.4 on
        build_data["force_include"][str(compiled)] = "outlayer_lint/knowledge/table.marshal"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove the compiled table."""
        if version != "editable":
            self._folder.cleanup()

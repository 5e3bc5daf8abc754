"""A project that stays in memory: what has not changed is not read again, and open buffers stand in for their files."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from outlayer_lint.config import load
from outlayer_lint.diagnostic import Report
from outlayer_lint.engine import judge, prepare, ready
from outlayer_lint.resolve.project import Project
from outlayer_lint.resolve.sourcefile import SourceFile
from outlayer_lint.source import discovery
from outlayer_lint.source.document import encoded

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from outlayer_lint.config import Config
    from outlayer_lint.diagnostic import Span
    from outlayer_lint.interpret.questions.inquiry import Inquiry
    from outlayer_lint.lattice import Value


class Warm:
    """One project and its open buffers."""

    def __init__(self, root: str) -> None:
        """Nothing is read before it is needed."""
        self.root = root
        self.config: Config | None = None
        self.buffers: dict[str, bytes] = {}
        self.project = Project(root, ())
        self._stamps: dict[str, object] = {}
        self._named: object = None  # folders and files that the configuration named when they were read
        self._asking: Inquiry | None = None

    def open(self, path: str, text: str) -> None:
        """From now on this text stands for the file."""
        self.buffers[path] = encoded(text)

    def close(self, path: str) -> None:
        """The file speaks for itself again."""
        self.buffers.pop(path, None)

    def check(self) -> Generator[None, None, Report]:
        """Lint the open buffers, a step for each file of the project. Abandon it when a buffer changes.

        Raises `config.Refused` or `KnowledgeError` where the configuration cannot be used.
        """
        self.refresh()
        config = self.settings()
        asked = [path for path in self.buffers if not discovery.is_excluded(path, config)]
        if not asked:
            return Report()
        return (yield from judge(self.project, asked, config))

    def settings(self) -> Config:
        """The configuration in force, read once for each `refresh`."""
        if self.config is None:
            config = load(self.root)
            named = (config.src, [(path, _stamp(path)) for path in config.contracts])
            if named != self._named:
                ready(config)
                self._named = named
            self.config = config
        return self.config

    def refresh(self) -> None:
        """Look for what changed on disk or in a buffer, and forget what was concluded from it."""
        self.config = None
        config = self.settings()
        stamps: dict[str, object] = {path: _stamp(path) for path in discovery.context(self.root, config)}
        stamps.update(self.buffers)
        if stamps != self._stamps or self.project.starts != config.src:
            self._adopt(stamps)

    def edited(self) -> None:
        """Take over what changed in buffers; the disk is not looked at."""
        stamps = {**self._stamps, **self.buffers}
        if stamps != self._stamps:
            self._adopt(stamps)

    def _adopt(self, stamps: dict[str, object]) -> None:
        project = Project(self.root, sorted(stamps), starts=self.settings().src)
        project.whole = frozenset(self.buffers)
        for path, file in project.files.items():
            kept = self.project.files.get(path)
            if kept is not None and self._stamps.get(path) == stamps[path]:
                kept.project = project
                project.files[path] = kept
            elif path in self.buffers:
                project.files[path] = SourceFile(path, file.display, project, self.buffers[path])
        self.project, self._stamps, self._asking = project, stamps, None

    def reveal(
        self, path: str, line: int, column: int, cell: int | None = None
    ) -> Iterator[tuple[Span, str, Value, str]]:
        """The expressions at a place and what each emits, outermost first."""
        self.edited()
        file = self.project.files.get(path)
        inquiry = self.inquiry()
        if inquiry is None or file is None:
            return
        yield from inquiry.reveal(file, line, cell, column)

    def inquiry(self) -> Inquiry | None:
        """What answers questions about single expressions."""
        if self._asking is None:
            self._asking = prepare(self.project)
        return self._asking

    def line_text(self, span: Span) -> str:
        """The line that a span begins on, "" where it is not to be had."""
        file: Any = self.project.files.get(os.path.abspath(span.path))
        with suppress(Exception):
            return str(file.document.line_text(span))
        return ""

    def text(self, path: str) -> str:
        """The text of a file or buffer as it is stored, "" where there is none."""
        data = self.buffers.get(path)
        if data is None and path in self.project.files:
            data = self.project.files[path].data
        return (data or b"").decode("utf-8", "replace")


def _stamp(path: str) -> object:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size

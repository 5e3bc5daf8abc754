"""What plugins share: one analysis for a process, told file by file, and no exception into the host.

A plugin is shown one file at a time, yet a finding needs the project. So the first file that is shown starts the
analysis of everything asked about, and the others are looked up in its report.
"""

from __future__ import annotations

import gc
import os
import sys

from outlayer_lint.config import Refused, load, matcher
from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.source.discovery import asked_about, common_parent, project_root
from outlayer_lint.source.document import encoded

if TYPE_CHECKING:
    import ast
    from collections.abc import Sequence
    from typing import ClassVar

    from outlayer_lint.config import Config
    from outlayer_lint.diagnostic import Diagnostic, Report


class Guest:
    """The findings of one process of a host."""

    frozen: ClassVar[bool] = False

    def __init__(  # noqa: PLR0913 - what the user of a host can decide
        self,
        paths: Sequence[str] | None,
        *,
        config: str = "",
        isolated: bool = False,
        contracts: Sequence[str] = (),
        show_info: bool = False,
        noqa: bool = True,
    ) -> None:
        """What is asked about is told by `paths`; without them it is the project of each file that is shown.

        Args:
            paths: as the user of the host gave them.
            config: file with our table, instead of the nearest `pyproject.toml`.
            isolated: whether all configuration files are ignored.
            contracts: files with rows of the user's own, besides the configured ones.
            show_info: whether findings of severity info are told.
            noqa: whether `# noqa` counts; a host that has its own comments may know better.
        """
        self.paths = None if paths is None else [path for path in paths if os.path.lexists(path)]
        self.show_info = show_info
        self._refusal = ""  # why nothing can be said
        self._options = (config, isolated, tuple(contracts), noqa)
        self._config: Config | None = None
        self._found: dict[str, list[Diagnostic]] | None = None
        self._complained = self._told = False

    def refusal_once(self) -> str:
        """Why nothing can be said, a bad configuration for instance; told the first time only."""
        told, self._told = self._told, self._told or bool(self._refusal)
        return "" if told else self._refusal

    def prepare(self) -> None:
        """Analyse now, before the host splits into processes, what is asked about."""
        if self.paths:
            self._guarded(None, "", None, buffer=False)

    def about(
        self, path: str, text: str = "", tree: ast.Module | None = None, *, buffer: bool = False
    ) -> list[Diagnostic]:
        """The findings whose own place lies in a file.

        Args:
            path: of the file.
            text: its source, with `tree`, or of a buffer.
            tree: of that source, if the host has parsed it.
            buffer: whether `text` counts instead of what is on disk.
        """
        return self._guarded(path, text, tree, buffer=buffer)

    def _guarded(self, path: str | None, text: str, tree: ast.Module | None, *, buffer: bool) -> list[Diagnostic]:
        if self._refusal:
            return []
        limit = sys.getrecursionlimit()
        try:
            if buffer and path is not None:
                found = self._check([], text, {path: (text, tree)}, name=path).get(os.path.abspath(path), [])
            else:
                found = self._look_up(path, text, tree)
        except Exception as error:  # noqa: BLE001 - whatever we did wrong, the host goes on
            if isinstance(error, Refused) or type(error).__name__ == "KnowledgeError":
                self._refusal = str(error)
            else:
                self._complain(f"{type(error).__name__}: {error}")
                self._found = {} if self._found is None else self._found
            return []
        finally:
            sys.setrecursionlimit(limit)  # the engine needs much, the host may rely on its own
        return [d for d in found if self.show_info or d.severity != "info"]

    def _look_up(self, path: str | None, text: str, tree: ast.Module | None) -> list[Diagnostic]:
        given = {} if path is None else {path: (text, tree)}
        full = "" if path is None else os.path.abspath(path)
        if self._found is None:
            self._found = self._check([project_root(full)] if self.paths is None else self.paths, "", given)
        if full not in self._found and self.paths is None and not self._is_excluded(full):
            # A file that the project leaves out, and yet the host was sent to it: so were its neighbours.
            beside = [entry.path for entry in os.scandir(os.path.dirname(full)) if entry.name.endswith(".py")]
            self._found = {**self._check([full, *beside], "", given), **self._found}
        return self._found.get(full, [])

    def _check(
        self, paths: list[str], text: str, given: dict[str, tuple[str, ast.Module | None]], name: str = ""
    ) -> dict[str, list[Diagnostic]]:
        """Absolute path -> findings, an entry for each file asked about."""
        config = self._settings(paths or [name or "."])
        stdin = (name, encoded(text)) if name else None
        asked = [] if stdin else asked_about(paths, config)[0]
        if not asked and stdin is None:
            return {}

        from outlayer_lint.engine import check  # noqa: PLC0415 - the most expensive import, so the last

        trees = {os.path.abspath(path): (source, tree) for path, (source, tree) in given.items() if tree is not None}
        if Guest.frozen:
            gc.unfreeze()  # a host that stays for a second analysis gets the memory of the first back
        report = check(paths, config, stdin=stdin, trees=trees)
        # Trees and frames refer to each other: to tell at the host's exit that they are garbage takes as long as the
        # analysis.
        gc.freeze()
        Guest.frozen = True
        self._tell_bugs(report)
        found: dict[str, list[Diagnostic]] = {path: [] for path in asked}
        for diagnostic in report.diagnostics:
            found.setdefault(os.path.abspath(diagnostic.span.path), []).append(diagnostic)
        return found

    def _settings(self, paths: Sequence[str]) -> Config:
        if self._config is None:
            from outlayer_lint.knowledge import pages  # noqa: PLC0415

            file, isolated, contracts, noqa = self._options
            config = load(common_parent(paths), config=file, isolated=isolated)
            config.enabled({name: page.code for name, page in pages().items()})  # refuses unknown rules
            self._config = config._replace(contracts=(*config.contracts, *contracts), noqa=noqa)
        return self._config

    def _is_excluded(self, path: str) -> bool:
        patterns = self._config.exclude if self._config else ()
        excluded = matcher(patterns)
        while patterns and path != os.path.dirname(path):
            if excluded(path):
                return True
            path = os.path.dirname(path)
        return False

    def _tell_bugs(self, report: Report) -> None:
        for sentence in report.broken:
            self._complain(sentence)

    def _complain(self, sentence: str) -> None:
        """One line for all that we did wrong in this process."""
        if not self._complained and sys.stderr is not None:
            from outlayer_lint.reporters.terminal import visible  # noqa: PLC0415

            self._complained = True
            sys.stderr.write(f"outlayer-lint: internal error, please report it: {visible(sentence)}\n")

"""Finds output-layer mistakes in PyTorch source: activations and losses that contradict each other.

>>> from outlayer_lint import lint
>>> report = lint(["train.py"])
>>> [diagnostic.code for diagnostic in report.diagnostics]
['OLL101']
"""

from __future__ import annotations

TYPE_CHECKING = False  # what `typing` says, without importing it
if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from typing import Any

    from outlayer_lint.config import Config
    from outlayer_lint.diagnostic import Diagnostic, Report

__all__ = ["Diagnostic", "__version__", "lint"]

__version__ = "0.1.0"


def lint(paths: Iterable[str | os.PathLike[str]], *, config: Config | None = None) -> Report:
    """Lint files and folders as `outlayer-lint check` does, with the configuration found beside them or the one given.

    Nothing of the code that is read is imported or run. Raises `config.Refused` for a path or a configuration that
    cannot be used.
    """
    from outlayer_lint import config as configuration  # noqa: PLC0415 - `import outlayer_lint` costs nothing
    from outlayer_lint.engine import check  # noqa: PLC0415
    from outlayer_lint.source.discovery import common_parent  # noqa: PLC0415

    asked = [path if isinstance(path, str) else path.__fspath__() for path in paths]
    return check(asked, config or configuration.load(common_parent(asked)))


def __getattr__(name: str) -> Any:
    if name == "Diagnostic":
        from outlayer_lint.diagnostic import Diagnostic  # noqa: PLC0415

        return Diagnostic
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

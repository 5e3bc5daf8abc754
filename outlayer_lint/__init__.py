"""Finds output-layer mistakes in PyTorch and Keras source: activations and losses that contradict each other.

>>> from outlayer_lint import Config, lint
>>> report = lint(["src"], Config.of(select=["OLL1"]))
>>> [(str(found.severity), found.code, found.span.path, found.span.line) for found in report.diagnostics]
[('error', 'OLL101', 'src/train.py', 58)]

What `__all__` names is the whole interface and is kept stable: see "From Python" in the README.
"""

from __future__ import annotations

TYPE_CHECKING = False  # what `typing` says, without importing it
if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from typing import Any

    from outlayer_lint.config import Config, Refused
    from outlayer_lint.diagnostic import Diagnostic, Fix, Pair, Related, Report, Severity, Span, Unread

__all__ = [
    "Config", "Diagnostic", "Fix", "Pair", "Refused", "Related", "Report", "Severity", "Span", "Unread", "__version__",
    "lint",
]  # fmt: skip

__version__ = "0.1.0"


def lint(
    paths: Iterable[str | os.PathLike[str]],
    config: Config | None = None,
    *,
    stdin: tuple[str, bytes] | None = None,
    uses: bool = False,
    keep: list[object] | None = None,
) -> Report:
    """Lint files and folders as `outlayer-lint check` does. Nothing of the code that is read is imported or run.

    Args:
        paths: files, notebooks and folders; the rest of their project is read as context.
        config: `Config.of(...)`; without one, that of the nearest `pyproject.toml`, as on the command line.
        stdin: instead of `paths`, the name and the bytes of one file, which need not be on disk.
        uses: whether `Report.uses` is wanted, every model output and who takes it up.
        keep: takes what was built on the way, for a process that ends right after and need not wait until it is freed.

    Raises:
        Refused: (a `ValueError`) for a path or a configuration that cannot be used; the message is one sentence.
            What cannot be read inside of a folder is no exception but an entry of `Report.errors`.
    """
    from outlayer_lint import config as configuration  # noqa: PLC0415 - `import outlayer_lint` costs nothing
    from outlayer_lint.engine import check  # noqa: PLC0415

    asked = [path if isinstance(path, str) else path.__fspath__() for path in paths]
    if config is None:
        from outlayer_lint.source.discovery import common_parent  # noqa: PLC0415

        config = configuration.load(common_parent(asked or [stdin[0] if stdin else "."]))
    try:
        return check(asked, config, stdin=stdin, keep=keep, uses=uses)
    except ValueError as error:
        # The rows and pages have an error class of their own, which a run that ends well need not load.
        if type(error).__name__ != "KnowledgeError":
            raise
        raise configuration.Refused(str(error)) from error


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    home = "config" if name in ("Config", "Refused") else "diagnostic"
    return getattr(import_module(f"{__name__}.{home}"), name)

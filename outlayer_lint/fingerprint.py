"""What a finding is known by when lines move: its rule, its file, the text of its line and of the lines behind it.

Two findings that agree in all of this are told apart by their number, counted from the top.
"""

from __future__ import annotations

import os
from hashlib import blake2b

from outlayer_lint.diagnostic import AGAIN
from outlayer_lint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from outlayer_lint.diagnostic import Diagnostic, Span

VERSION = "outlayerLint/v1"  # of the recipe, as the key that SARIF wants


def fingerprint(diagnostic: Diagnostic, line_text: Callable[[Span], str]) -> str:
    """The same wherever the lines stand, however they are indented, and at how many other places the mistake shows."""
    spans = (diagnostic.span, *(related.span for related in diagnostic.related if related.message != AGAIN))
    words = [diagnostic.code, *(" ".join(line_text(span).split()) for span in spans)]
    return _hashed("\n".join(words))


def numbered(diagnostics: Iterable[Diagnostic], line_text: Callable[[Span], str]) -> Iterator[tuple[Diagnostic, str]]:
    """Each diagnostic with a fingerprint that no other of the report has; the file's name is a part of it."""
    seen: dict[str, int] = {}
    for diagnostic in diagnostics:
        alike = f"{diagnostic.span.path}\n{fingerprint(diagnostic, line_text)}"
        seen[alike] = seen.get(alike, 0) + 1
        yield diagnostic, _hashed(f"{alike}\n{seen[alike]}")


def relative(path: str, folder: str) -> str:
    """A path as seen from a folder, with `/`; absolute where there is no way (another drive)."""
    try:
        path = os.path.relpath(path, folder)
    except ValueError:
        path = os.path.abspath(path)
    return path.replace(os.sep, "/")


def _hashed(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

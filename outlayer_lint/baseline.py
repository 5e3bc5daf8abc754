"""The accepted findings of an old project: a JSON file, one entry a line, of which only what is new fails.

An entry accepts `count` findings of one rule in one file with one fingerprint. One that accepts more than was found is
reported itself, as OLL002, so that the file can only shrink.
"""

from __future__ import annotations

import json
import os

from outlayer_lint.config import Refused
from outlayer_lint.diagnostic import Diagnostic, Span
from outlayer_lint.fingerprint import fingerprint, relative
from outlayer_lint.knowledge import pages
from outlayer_lint.records import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

NAME = "outlayer-baseline.json"
STALE = "OLL002"
VERSION = 1
SHORT = 80  # characters of the source line that an entry quotes
FIELDS: dict[str, type] = {"code": str, "rule": str, "path": str, "text": str, "fingerprint": str, "count": int}

Key = tuple[str, str, str]


class Entry(NamedTuple):
    """`times` findings of a rule in a file that are accepted; `text` is for readers of the file only."""

    code: str
    rule: str
    path: str
    text: str
    fingerprint: str
    times: int

    @property
    def key(self) -> Key:
        """What findings and entries must agree in. A code stays what it is when its rule is renamed."""
        return self.code, self.path, self.fingerprint


def read(path: str) -> list[Entry]:
    """The entries of a baseline file. Raises `Refused`."""
    try:
        with open(path, "rb") as file:
            data = json.loads(file.read().decode("utf-8-sig"))
    except FileNotFoundError:
        raise Refused(f"no such baseline: {path}; `outlayer-lint baseline` writes one") from None
    except OSError as error:
        raise Refused(f"cannot read the baseline {path}: {error.strerror}") from None
    except json.JSONDecodeError as error:
        raise Refused(f"{path}:{error.lineno}: not a baseline, because not JSON: {error.msg}") from None
    except (ValueError, RecursionError):
        raise Refused(f"{path}: not a baseline, because not JSON in UTF-8") from None
    version = data.get("version") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(data.get("findings"), list):
        raise Refused(f"{path}: not a baseline: there is no list `findings`")
    if version != VERSION:
        raise Refused(f"{path}: expected a baseline of version {VERSION}, found version {version!r}")
    return [_entry(item, f"{path}: findings[{at}]") for at, item in enumerate(data["findings"])]


def _entry(item: Any, where: str) -> Entry:
    if not isinstance(item, dict):
        raise Refused(f"{where}: expected a table, found {item!r}")
    for key, kind in FIELDS.items():
        value = item.get(key)
        if type(value) is not kind or (isinstance(value, int) and value < 1):
            wanted = "a number from 1" if kind is int else "a string"
            raise Refused(f"{where}: `{key}` must be {wanted}, found {value!r}")
    return Entry(*(item[key] for key in FIELDS))


def written(entries: Iterable[Entry]) -> str:
    """The file: an entry a line, in an order that does not depend on where in its file a finding stands."""
    lines = [_dumped(entry) for entry in sorted(entries, key=_order)]
    body = ",\n".join(f"  {line}" for line in lines)
    return f'{{\n "version": {VERSION},\n "findings": [\n{body}{chr(10) if body else ""} ]\n}}\n'


def _dumped(entry: Entry) -> str:
    fields = dict(zip(FIELDS, entry, strict=True))
    line = json.dumps(fields, ensure_ascii=False)
    try:
        line.encode()
    except UnicodeEncodeError:  # bytes of a file name that are no text
        return json.dumps(fields)
    return line


def _order(entry: Entry) -> tuple[str, ...]:
    return entry.path, entry.code, entry.text, entry.fingerprint


def entries(
    diagnostics: Iterable[Diagnostic], line_text: Callable[[Span], str], folder: str
) -> Iterator[tuple[Diagnostic, Entry]]:
    """Each diagnostic and what accepts it in a baseline that lies in `folder`."""
    for diagnostic in diagnostics:
        span = diagnostic.span
        text = " ".join(line_text(span).split())[:SHORT]
        path = relative(os.path.abspath(span.path), folder)
        yield diagnostic, Entry(diagnostic.code, diagnostic.rule, path, text, fingerprint(diagnostic, line_text), 1)


def together(found: Iterable[Entry]) -> list[Entry]:
    """Equal entries as one that counts them."""
    counted: dict[Key, Entry] = {}
    for entry in found:
        known = counted.get(entry.key)
        counted[entry.key] = entry if known is None else known._replace(times=known.times + entry.times)
    return list(counted.values())


def judged(path: str, asked: Iterable[str], named: Iterable[str]) -> bool:
    """Whether a run sees all of a file: it was asked about, or is gone from a folder that was."""
    if path in asked:
        return True
    return not os.path.lexists(path) and any(path.startswith(os.path.join(folder, "")) for folder in named)


def apply(
    diagnostics: Sequence[Diagnostic], path: str, line_text: Callable[[Span], str], selected: Iterable[str]
) -> tuple[list[Diagnostic], list[Entry]]:
    """The diagnostics that no entry of the baseline accepts, and what is left of the entries of selected rules."""
    left = {entry.key: entry for entry in together(read(path))}
    new = []
    for diagnostic, entry in entries(diagnostics, line_text, os.path.dirname(os.path.abspath(path))):
        accepted = left.get(entry.key)
        if accepted is None or not accepted.times:
            new.append(diagnostic)
        else:
            left[entry.key] = accepted._replace(times=accepted.times - 1)
    chosen = frozenset(selected)
    return new, [entry for entry in left.values() if entry.times and entry.code in chosen]


def stale(remaining: Iterable[Entry], path: str, display: str) -> Iterator[Diagnostic]:
    """A diagnostic for each entry that accepts more than was found."""
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        lines = file.read().split("\n")
    page = next(page for page in pages().values() if page.code == STALE)
    grade = page.grades["stale"]
    for entry in remaining:
        at = next((n for n, line in enumerate(lines, 1) if entry.fingerprint in line and entry.code in line), 1)
        text = lines[at - 1] if lines else ""
        start = len(text) - len(text.lstrip()) + 1
        span = Span(display, at, start, at, max(start + 1, len(text.rstrip(" ,")) + 1))
        words = {"accepted": entry.rule, "path": entry.path, "text": entry.text}
        yield Diagnostic(page.code, page.name, grade.severity, "proved", grade.message.format(**words), span)

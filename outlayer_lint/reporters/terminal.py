"""What all formats for people share: places in words, colours, nothing that could harm a terminal."""

from __future__ import annotations

import re

from outlayer_lint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from outlayer_lint.diagnostic import Diagnostic, Report, Span

STYLES = {
    "error": "\x1b[1;31m", "warning": "\x1b[1;33m", "info": "\x1b[1;36m", "bold": "\x1b[1m", "frame": "\x1b[1;34m",
    "dim": "\x1b[2m", "struck": "\x1b[9m",
}  # fmt: skip
UNSEEN = (
    "[\x00-\x1f\x7f-\x9f\xad"  # controls
    "\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffe\uffff\U000e0000-\U000e007f"  # no width, direction, tags
    "\ud800-\udfff]"  # bytes of a file name that are no text
)
BYTES = 0xDC00  # where Python puts them


def visible(text: str) -> str:
    """The text with everything unprintable spelled out."""
    return text if text.isascii() and text.isprintable() else re.sub(UNSEEN, _spelled, text)


def _spelled(match: re.Match[str]) -> str:
    code = ord(match[0])
    byte = code - BYTES if code & ~0xFF == BYTES else code
    return f"\\x{byte:02x}" if byte == byte & 0xFF else f"\\u{code:04x}"


def paint(text: str, style: str, colour: bool) -> str:  # noqa: FBT001 - every call passes the view's
    """The text in a style, where colours are welcome."""
    return f"{STYLES[style]}{text}\x1b[0m" if colour and text else text


def place(span: Span) -> str:
    """`path:line:column`, in a notebook `path:cell2:3:5`."""
    cell = "" if span.cell is None else f"cell{span.cell}:"
    return f"{visible(span.path)}:{cell}{span.line}:{span.column}"


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def told(report: Report, *, show_info: bool) -> tuple[list[Diagnostic], int]:
    """The diagnostics to show one by one, and how many of severity info are only counted."""
    shown = [d for d in report.diagnostics if show_info or d.severity != "info"]
    return shown, len(report.diagnostics) - len(shown)


def closing(report: Report, hidden: int) -> str:
    """The lines after the findings: how many, in how much, and what could not be followed."""
    refuted = [d for d in report.diagnostics if d.trace is not None and d.trace.verdict == "refuted"]
    severities = [str(d.severity) for d in report.diagnostics if d not in refuted]
    found = [count(severities.count(s), s) for s in ("error", "warning") if s in severities]
    if "info" in severities and not hidden:
        found.append(f"{severities.count('info')} info")
    looked = f"{count(report.files, 'file')} read, {report.analysed} with something to judge"
    lines = [f"Found {joined(found)}. {looked}." if found else f"Nothing found. {looked}."]
    if hidden:
        lines.append(f"{hidden} more of severity info, which depend on what is not known: --show info lists them.")
    verdicts = [d.trace.verdict for d in report.diagnostics if d.trace is not None]
    if verdicts:
        tally = [
            f"{verdicts.count(v)} {v}" for v in ("confirmed", "refuted", "inconclusive", "not-run") if v in verdicts
        ]
        lines.append(f"Run to see: {joined(tally)}.")
    if report.accepted:
        lines.append(f"The baseline accepts {count(report.accepted, 'finding')}.")
    pairs = [pair.verdict for pair in report.pairs]
    if pairs:
        words = [f"{pairs.count(v)} {v}" for v in ("consistent", "contradicted", "unresolved") if v in pairs]
        why = "; `outlayer-lint pairs` says why" if "unresolved" in pairs else ""
        lines.append(f"{count(len(pairs), 'pair')} of an output and its consumer: {', '.join(words)}{why}.")
    return "".join(f"{line}\n" for line in lines)


def joined(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last

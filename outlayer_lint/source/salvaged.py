"""A Python file without the few statements that do not parse, as a notebook goes without such cells."""

from __future__ import annotations

import re

from outlayer_lint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_LENGTH = 200_000  # what is longer was not written by hand
MAX_FAULTS, MAX_MAGICS = 8, 20  # a file with more of them is no program yet
OUTERMOST = re.compile(r"(?!else\b|elif\b|except\b|finally\b)[^\s#)\]}]")
NAME = r"[A-Za-z_][\w.]*"
BOUND = re.compile(
    rf"(?m)^[ \t]*(?:(?:async[ \t]+)?def[ \t]+(\w+)|class[ \t]+(\w+)|(?:async[ \t]+)?for[ \t]+([\w, \t]+?)[ \t]+in\b|"
    rf"({NAME}(?:[ \t]*,[ \t]*{NAME})*)[ \t]*(?:\[[^\n=]*\][ \t]*)?(?::[^\n=]+)?(?:[-+*/|&@]|//|\*\*)?=(?!=))"
)
CHANGED = re.compile(rf"(?m)^[ \t]*({NAME})\.\w+[ \t]*\(")  # `model.add(...)`, `rows.append(...)`
IMPORTED = re.compile(r"(?m)^[ \t]*(?:\w+[ \t]+\S+[ \t]+)?import[ \t]+([^\n#]+)")
CONFLICT = re.compile(r"(?ms)^<{7}[^\n]*\n(.*?)^={7}\n(.*?)^>{7}[^\n]*$")  # what a merge left behind
NOWHERE = "statement_that_does_not_parse"  # stands for what a name was bound to: nothing defines it


def salvaged(text: str, parses: Callable[[str], SyntaxError | None]) -> str | None:
    """The same lines with what does not parse blanked, or `None` where too much of it does not.

    Names that were bound or changed there stand for nothing known. Of a merge's conflict the first part is kept.
    """
    if len(text) > MAX_LENGTH:
        return None
    text = CONFLICT.sub(lambda both: "\n" + both[1] + "\n" * (1 + both[2].count("\n")), text)
    modules = {name for part in IMPORTED.findall(text) for name in _imported(part)}
    faults, written = 0, _statements(text)
    for _ in range(MAX_MAGICS):
        fault = parses(text)
        if fault is None:
            return text if 2 * _statements(text) > written else None
        lines = text.split("\n")
        at = min(max(fault.lineno or 1, 1), len(lines)) - 1
        faults += not lines[at].lstrip().startswith(("%", "!"))
        if faults > MAX_FAULTS:
            return None
        for first, stop in _extents(lines, at):
            tried = "\n".join((*lines[:first], *_blanked(lines[first:stop], modules), *lines[stop:]))
            if _behind(parses(tried), lines, stop):
                text = tried
                break
        else:
            return None
    return None


def _statements(text: str) -> int:
    """How many lines say something."""
    return sum(1 for line in text.split("\n") if line.strip() and line.strip() != "pass" and NOWHERE not in line)


def _behind(fault: SyntaxError | None, lines: list[str], stop: int) -> bool:
    """Whether nothing is wrong up to there, nor with the block that may follow."""
    if fault is None:
        return True
    block = isinstance(fault, IndentationError) and not any(
        line.strip() for line in lines[stop : (fault.lineno or 1) - 1]
    )
    return (fault.lineno or 1) > stop and not block


def _extents(lines: list[str], at: int) -> Iterator[tuple[int, int]]:
    """What may have to go: the line itself, then the statement of the module around it, decorators included."""
    if lines[at].strip():
        yield at, at + 1
    first = at
    while first and not OUTERMOST.match(lines[first]):
        first -= 1
    stop = at + 1
    while stop < len(lines) and not OUTERMOST.match(lines[stop]):
        stop += 1
    while first and lines[first - 1].startswith("@"):
        first -= 1
    yield first, stop


def _blanked(lines: list[str], modules: set[str]) -> list[str]:
    """As many lines that bind the same names."""
    text, alone = "\n".join(lines), len(lines) == 1
    indent = re.match(r"[ \t]*", text)
    before = indent[0] if indent is not None else ""
    word = re.match(r"(?:return|yield)\b", text[len(before) :]) if alone else None
    if word is not None:
        return [f"{before}{word[0]} {NOWHERE}"]
    names = [name for groups in BOUND.findall(text) for group in groups for name in re.findall(NAME, group)]
    names += [name for name in CHANGED.findall(text) if name.partition(".")[0] not in modules]
    names += [name for part in IMPORTED.findall(text) for name in _imported(part)]
    if not alone:  # of the names in a class or a function, none is the module's
        names = [root for name in names if (root := name.partition(".")[0]) not in ("self", "cls")]
    known = [name for name in dict.fromkeys(names) if name not in ("self", "cls")]
    return [before + " = ".join((*known, NOWHERE)) if known else f"{before}pass", *[""] * (len(lines) - 1)]


def _imported(part: str) -> list[str]:
    """The names that `import ...` binds."""
    found = [re.findall(r"[A-Za-z_]\w*", each) for each in part.split(",")]
    return [word for words in found if words for word in (words[0], words[-1])]

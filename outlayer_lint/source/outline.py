"""Parse a file's top level first, and the body of a function or class when somebody looks inside.

Most of a big file is never asked about. Its outline is the text with the bodies of its top-level functions and classes
left blank; it parses in a fraction of the time. Wherever the outline could mean something else than the file, the whole
file is parsed at once.
"""

from __future__ import annotations

import ast
import re

MIN_BYTES = 4_000  # a smaller file is parsed as fast as it is taken apart
MIN_BODY = 300
MAX_HEADER = 80  # lines of a signature
DEFINES = r"(?m)^(?:class|def|async def)\b"
OUTSIDE = r"\n(?=[^\s#])"
QUOTES = ('"""', "'''")
Defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Outline:
    """A text with blank bodies, and where those bodies are."""

    __slots__ = ("bodies", "text")

    def __init__(self, text: str, bodies: dict[int, tuple[int, int, int]]) -> None:
        """`bodies`: line of a definition -> its last line, and the range of the definition in the file's text."""
        self.text = text
        self.bodies = bodies

    def fits(self, tree: ast.Module) -> dict[ast.AST, tuple[int, int]] | None:
        """The definitions whose bodies are to be parsed later, or `None` where the outline misread the file."""
        later: dict[ast.AST, tuple[int, int]] = {}
        for node in tree.body:
            if isinstance(node, Defined) and node.lineno in self.bodies:
                last, start, end = self.bodies[node.lineno]
                node.end_lineno = last
                later[node] = (start, end)
        return later if len(later) == len(self.bodies) else None


def outline(text: str) -> Outline | None:
    """The outline of a file, or `None` where nothing would be saved."""
    if len(text) < MIN_BYTES:
        return None
    parts: list[str] = []
    bodies: dict[int, tuple[int, int, int]] = {}
    outside = re.compile(OUTSIDE)
    done, line, counted = 0, 1, 0
    for match in re.finditer(DEFINES, text):
        start = match.start()
        if start < done:
            continue
        head = _header(text, start)
        if head is None:
            continue
        after = outside.search(text, head - 1)
        end = len(text) if after is None else after.start() + 1
        body = text[head:end]
        if len(body) < MIN_BODY:
            continue
        if any(body.count(quote) % 2 for quote in QUOTES):
            return None
        line += text.count("\n", counted, start)
        counted = start
        lines = text.count("\n", head, end)
        parts.append(text[done:head])
        parts.append(" pass" + "\n" * lines)
        last = line + text.count("\n", start, head + len(body.rstrip()))
        bodies[line] = (last, start, end)
        done = end
    if not bodies:
        return None
    parts.append(text[done:])
    return Outline("".join(parts), bodies)


def _header(text: str, start: int) -> int | None:
    """Where the body of a definition begins, on a line of its own; `None` where it stands behind the colon."""
    at = start
    round_, square, curly = 0, 0, 0
    for _ in range(MAX_HEADER):
        end = text.find("\n", at)
        if end < 0:
            return None
        code = text[at:end]
        round_ += code.count("(") - code.count(")")
        square += code.count("[") - code.count("]")
        curly += code.count("{") - code.count("}")
        if not (round_ or square or curly):
            if "#" in code and '"' not in code and "'" not in code:
                code = code.partition("#")[0]
            return end + 1 if code.rstrip().endswith(":") else None
        at = end + 1
    return None

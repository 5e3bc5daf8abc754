"""What today's parser refuses: the sentence that says why, and older Python as it is written today.

`print`, `except`, `raise`, `async=` are rewritten; lines stay, and most columns.
"""

from __future__ import annotations

import io
import re
import token
import tokenize

from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.source.document import SHORT, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_LENGTH = 500_000  # what is longer was not written by hand, and tokens are slow to read
STATEMENTS = ("print", "exec")
COMPOUND = frozenset(("if", "elif", "else", "for", "while", "try", "except", "finally", "with"))
INFIX = frozenset(("and", "or", "in", "is", "if", "else"))
LAYOUT = frozenset((token.NL, token.COMMENT, token.INDENT, token.DEDENT, token.ENCODING))
# What today's tokenizer stumbles over: `10L`, `0777`, `ur"x"`, `x` between backticks, `x.cuda(async=True)`.
WORDS = (
    (re.compile(r"(?<![\w.])(0[xX][\da-fA-F]+|\d+)[lL]\b"), r"\1 "),
    (re.compile(r"(?<![\w.])0(?=[0-7]+\b(?!\.))"), " "),
    (re.compile(r"(?<!\w)[uU](?=[rR][\"'])"), " "),
    (re.compile(r"`([^`\n]*)`"), r"(\1)"),
    (re.compile("<>"), "!="),
    (re.compile(r"\basync\b(?!\s+(?:def|for|with)\b)"), "_sync"),
)
PYTHON2 = r"\s*(?:print|exec)\s+[^\s=(]|.*\bexcept\s+[\w.]+\s*,\s*\w+\s*:|\s*raise\s+\w+\s*,"
TABS = re.compile(r"(?m)^[ ]*\t[ \t]*")

Edit = tuple[int, int, int, str]  # line, from column, to column, what stands there instead


def unreadable(error: SyntaxError, text: str) -> Unreadable:
    """Where a text fails to parse and why, as an entry of `errors`."""
    line = max(error.lineno or 1, 1)
    lines = text.split("\n")
    culprit = lines[line - 1].lstrip() if line <= len(lines) else ""
    if culprit.startswith(("%", "!")):
        return Unreadable(line, "an IPython magic in a Python file")
    if re.match(PYTHON2, culprit):
        return Unreadable(line, f"Python 2 (`{culprit[:SHORT].strip()}`)")
    return Unreadable(min(line, len(lines)), error.msg)


def modern(text: str, parses: Callable[[str], SyntaxError | None]) -> str | None:
    """The same lines for today's parser, or `None` where it stumbles over them still.

    What is rewritten begins where it did; behind it on its line, columns may be off by a few. A tab in the
    indentation counts to the next multiple of eight, as Python 2 had it.
    """
    return next((rewritten for rewritten in rewrites(text) if parses(rewritten) is None), None)


def rewrites(text: str) -> Iterator[str]:
    """The same lines for today's parser, as far as each attempt comes."""
    if len(text) > MAX_LENGTH:
        return
    tried = {text}
    attempts = [made for attempt in (text, TABS.sub(_wide, text)) for made in (attempt, _words(attempt))]
    for source in dict.fromkeys(attempts):
        rewritten = _rewritten(source)
        if rewritten is not None and rewritten not in tried:
            tried.add(rewritten)
            yield rewritten


def _wide(match: re.Match[str]) -> str:
    return match[0].expandtabs(8)


def _words(text: str) -> str:
    for pattern, instead in WORDS:
        text = pattern.sub(instead, text)
    return text


def _rewritten(text: str) -> str | None:
    try:
        edits = list(_edits(text))
    except (tokenize.TokenError, SyntaxError):
        return None
    lines = text.split("\n")
    for line, start, stop, instead in sorted(edits, reverse=True):
        row = lines[line - 1]
        lines[line - 1] = row[:start] + instead + row[stop:]
    return "\n".join(lines)


def _edits(text: str) -> Iterator[Edit]:
    """What to write instead, statement by statement."""
    tokens = [t for t in tokenize.generate_tokens(io.StringIO(text).readline) if t.type not in LAYOUT]
    statement: list[tokenize.TokenInfo] = []
    depth = 0
    for each in tokens:
        ends = each.type in (token.NEWLINE, token.ENDMARKER) or (not depth and each.string == ";")
        if ends:
            yield from _of_statement(statement)
            statement = []
            continue
        statement.append(each)
        if each.type == token.OP:
            depth += (each.string in "([{") - (each.string in ")]}")
            if each.string == ":" and not depth and statement[0].string in COMPOUND:
                yield from _of_statement(statement)
                statement = []


def _of_statement(tokens: list[tokenize.TokenInfo]) -> Iterator[Edit]:
    if len(tokens) < 2:  # noqa: PLR2004 - a word alone is as it was
        return
    word, following = tokens[0].string, tokens[1]
    if word in STATEMENTS and _begins_operand(following):
        yield from _called(tokens)
    elif word in ("except", "raise"):
        comma = next(_commas(tokens), None)
        if comma is not None:
            (line, start), (_, stop) = comma.start, comma.end
            if word == "except":
                yield line, start, stop, " as"
            else:
                yield line, start, stop, "("
                yield (*tokens[-1].end, tokens[-1].end[1], ")")


def _begins_operand(following: tokenize.TokenInfo) -> bool:
    if following.type == token.NAME:
        return following.string not in INFIX
    apart = following.line[following.start[1] - 1 : following.start[1]].isspace()  # `print [1]` is no `print[1]`
    return following.type != token.OP or following.string in ("{", ">>") or (apart and following.string == "[")


def _called(tokens: list[tokenize.TokenInfo]) -> Iterator[Edit]:
    """`print x` as `print(x)`: the bracket takes the place of the blank; `print >>file, x` as `print( file, x)`."""
    (line, stop), following = tokens[0].end, tokens[1]
    if following.string == ">>":
        yield (*following.start, following.end[1], " (")
    else:
        yield line, stop, stop + (following.start > tokens[0].end), "("
    yield (*tokens[-1].end, tokens[-1].end[1], ")")


def _commas(tokens: list[tokenize.TokenInfo]) -> Iterator[tokenize.TokenInfo]:
    """The commas outside of brackets."""
    depth = 0
    for each in tokens:
        if each.type == token.OP:
            depth += (each.string in "([{") - (each.string in ")]}")
            if each.string == "," and not depth:
                yield each

"""What a file shows by its text: words, calls, bindings and bases, found before anything of it is parsed."""

from __future__ import annotations

import re
from bisect import bisect_left

from outlayer_lint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# Possessive: an identifier gives nothing back, which is ten times as fast over a whole file.
CALLED = r"\b(\w++)\s*+(?:\[[^\]\n]*+\]\s*+)?\("
CLASS = r"\nclass[ \t]++(\w++)"
NAME = rb"[\w\x80-\xff]++"
DERIVED = rb"class[ \t]++([\w\x80-\xff]++)[ \t]*+\(([^)]*)\)"
WORD_BYTES = bytes(c if c > 127 or chr(c).isalnum() or c == 95 else 32 for c in range(256))
ASSIGNED = r"\s*((?:[\w.]+\s*,\s*)*[\w.]+)\s*(?::[^=]+)?=(?!=)"
KEYWORD = r"(\w+)\s*=\s*[\w.]*$"


def phrases(*texts: bytes) -> dict[bytes, bytes]:
    """Texts to search for, each with the longest of its words: where that is missing, there is no need to search."""
    return {text: max(text.translate(WORD_BYTES).split(), key=len) for text in texts}


def encoded(words: Iterable[str]) -> dict[bytes, str]:
    """Words by their bytes, to look for all of them in a file."""
    return {word.encode(): word for word in words}


class Searched:
    """A text and its bytes, searched for words."""

    __slots__ = ("_digest", "_tokens")

    def __init__(self) -> None:
        """Nothing is searched for yet."""
        self._digest: bytes | None = None
        self._tokens: set[bytes] | None = None

    @property
    def text(self) -> str:
        """The decoded text."""
        raise NotImplementedError

    @property
    def words(self) -> bytes:
        """The bytes to search for words."""
        raise NotImplementedError

    @property
    def digest(self) -> bytes:
        """Its different words, one to a line: what stands in a word of the file stands here, in a fifth of the text."""
        if self._digest is None:
            self._digest = b"\n".join(self.tokens)
        return self._digest

    @property
    def tokens(self) -> set[bytes]:
        """The identifiers, numbers and words of texts."""
        if self._tokens is None:
            self._tokens = set(self.words.translate(WORD_BYTES).split())
        return self._tokens

    def has_word(self, word: str) -> bool:
        """Whether it is an identifier, number or word of a text here."""
        return word.encode() in self.tokens

    def among(self, words: Mapping[bytes, str]) -> set[str]:
        """Those of some `encoded` words that stand here."""
        return {words[word] for word in self.tokens & words.keys()}

    def containing(self, parts: Iterable[bytes]) -> set[str]:
        """Its words with one of the `parts` (lower case) inside, in either case."""
        digest, found = self.digest, set()
        lowered = digest.lower()
        for part in parts:
            at = lowered.find(part)
            while at >= 0:
                end = lowered.find(b"\n", at)
                end = len(lowered) if end < 0 else end
                found.add(digest[lowered.rfind(b"\n", 0, at) + 1 : end])
                at = lowered.find(part, end)
        return {word.decode("utf-8", "replace") for word in found}

    def holds(self, phrases: Mapping[bytes, bytes]) -> bool:
        """Whether one of the `phrases` stands in the file."""
        digest = self.digest
        return any(word in digest and phrase in self.words for phrase, word in phrases.items())

    def derived(self) -> list[tuple[str, list[str]]]:
        """The classes with the words of their bases, renamed ones by both names, found by a search of the bytes."""
        data, found, derived = self.words, [], re.compile(DERIVED).match
        at = data.find(b"class ")
        while at >= 0:
            if match := derived(data, at):
                found.append((match[1].decode("utf-8", "replace"), re.findall(NAME, match[2])))
            at = data.find(b"class ", at + 6)
        renamed = self._renamed({base for _, bases in found for base in bases}) if found else {}
        for _, bases in found if renamed else ():
            bases.extend([renamed[base] for base in bases if base in renamed])
        return [(name, [base.decode("utf-8", "replace") for base in bases]) for name, bases in found]

    def _renamed(self, wanted: set[bytes]) -> dict[bytes, bytes]:
        """What stands before `as` and one of these words, by the word: `import Network as Base`."""
        data, word, renamed = self.words, re.compile(NAME).match, {}
        at = data.find(b" as ")
        while at >= 0:
            new = word(data, at + 4)
            if new is not None and new[0] in wanted:
                before = re.search(NAME + rb"$", data[data.rfind(b"\n", 0, at) + 1 : at])
                if before is not None:
                    renamed[new[0]] = before[0]
            at = data.find(b" as ", at + 4)
        return renamed

    def defining(self, name: str) -> int:
        """How many functions of that name the text defines."""
        text, after = self.text, len(name) + 4
        at, count = text.find(f"def {name}"), 0
        while at >= 0:
            before = text[text.rfind("\n", 0, at) + 1 : at].strip()
            count += text[at + after : at + after + 1] in ("(", " ", "[") and before in ("", "async")
            at = text.find(f"def {name}", at + after)
        return count

    def lines_calling(self, *names: str) -> list[int]:
        """Lines on which one of these words stands before a parenthesis."""
        return self.lines_at(sorted({at for name in names for at in self._before_parenthesis(name)}))

    def standing(self, word: str) -> Iterator[int]:
        """Where the text has the word, and not as a part of a longer one."""
        text = self.text
        at = text.find(word)
        while at >= 0:
            end = at + len(word)
            before, after = text[at - 1 : at], text[end : end + 1]
            if not (before.isalnum() or before == "_" or after.isalnum() or after == "_"):
                yield at
            at = text.find(word, end)

    def only_calls(self, word: str) -> bool:
        """Whether the text binds nothing to the word but plain functions, and does nothing with it but call it.

        In doubt it does more: a class, a property, a result that is called again, a word of a comment.
        """
        text = self.text
        for at in self.standing(word):
            start, after = text.rfind("\n", 0, at) + 1, at + len(word)
            if not text.startswith(("(", " ("), after) or ")(" in text[after : text.find("\n", after)]:
                return False
            before = text[start:at].strip()
            if before.endswith("class"):
                return False
            if before.endswith("def") and "property" in self._above(start):
                return False
        return True

    def _above(self, start: int) -> str:
        """The decorator above the line that starts there, comments and blank lines between them or not."""
        above = ""
        while start > 0 and (not above or above.startswith("#")):
            end, start = start - 1, self.text.rfind("\n", 0, start - 1) + 1
            above = self.text[start:end].strip()
        return above if above.startswith("@") else ""

    def is_calling(self, name: str) -> bool:
        """Whether the word stands before a parenthesis."""
        return self.has_word(name) and any(True for _ in self._before_parenthesis(name))

    def _before_parenthesis(self, name: str) -> Iterator[int]:
        """Where the word stands before a parenthesis, or before `[...](`."""
        text, called = self.text, re.compile(CALLED)
        at = text.find(name)
        while at >= 0:
            end = at + len(name)
            before, after = text[at - 1 : at], text[end : end + 1]
            if after in "([ " and not (before.isalnum() or before == "_") and called.match(text, at):
                yield at
            at = text.find(name, end)

    def lines_beside(self, name: str, words: Iterable[str]) -> list[int]:
        """Lines that define `name` in a class that calls one of the words, and is built in no other of the file."""
        text, define = self.text, f"def {name}("
        beside = sorted(at for word in words for at in self._before_parenthesis(word))
        parts: dict[int, bool] = {}
        lines = []
        at = text.find(define) if beside else -1
        while at >= 0:
            start = max(text.rfind("\nclass ", 0, at), 0)
            end = text.find("\nclass ", at)
            first = bisect_left(beside, start)
            if first < len(beside) and (end < 0 or beside[first] < end):
                if start not in parts:
                    parts[start] = self._is_built_in_another(start)
                if not parts[start]:
                    lines.append(at)
            at = text.find(define, at + len(define))
        return self.lines_at(lines)

    def _is_built_in_another(self, start: int) -> bool:
        """Whether a method of another class plainly calls the class that begins there."""
        from outlayer_lint.source.outline import OUTSIDE  # noqa: PLC0415 - for files with activations in models only

        text = self.text
        named = re.compile(CLASS).match(text, start)
        outside = re.compile(OUTSIDE)
        for at in self._before_parenthesis(named[1]) if named else ():
            line = text.rfind("\n", 0, at) + 1
            if text[line : line + 5].isspace():
                around = text.rfind("\nclass ", 0, at)
                if around not in (-1, start) and outside.search(text, around + 1, at) is None:
                    return True
        return False

    def lines_at(self, positions: Iterable[int]) -> list[int]:
        """The lines of ascending positions, each once."""
        text = self.text
        lines: list[int] = []
        last, line = 0, 1
        for at in positions:
            line += text.count("\n", last, at)
            last = at
            if not lines or lines[-1] != line:
                lines.append(line)
        return lines

    def bound_to(self, word: str, after: str = "") -> list[str]:
        """Names (last parts) that a line assigns, or passes as a keyword, something written with `word`.

        `after` is a pattern for what has to follow the word.
        """
        names: list[str] = []
        text, follows = self.text, re.compile(after).match
        at = text.find(word)
        while at >= 0:
            start = text.rfind("\n", 0, at) + 1
            before = text[start:at]
            end = at + len(word)
            inside = text[at - 1 : at].isidentifier() or text[end : end + 1].isidentifier()
            if "=" in before and not inside and (not after or follows(text, end)):
                if target := re.match(ASSIGNED, before):
                    names.extend(each.strip().rpartition(".")[2] for each in target[1].split(","))
                if keyword := re.search(KEYWORD, before):
                    names.append(keyword[1])
            at = text.find(word, at + len(word))
        return names

    def lines_with(self, pattern: str, words: Iterable[str]) -> list[int]:
        """Lines on which one of the words occurs and the pattern matches; only those lines are looked at closely."""
        text = self.text
        found = {match.start() for word in words for match in self.matches(pattern, word)}
        return self.lines_at(sorted({text.rfind("\n", 0, at) + 1 for at in found}))

    def matches(self, pattern: str, word: str) -> Iterator[re.Match[str]]:
        """The first match of the pattern on each line with the word."""
        text, search = self.text, re.compile(pattern).search
        at = text.find(word)
        while at >= 0:
            start, end = text.rfind("\n", 0, at) + 1, text.find("\n", at)
            end = len(text) if end < 0 else end
            if match := search(text, start, end):
                yield match
            at = text.find(word, end)

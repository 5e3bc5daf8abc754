"""Where questions begin: calls that look like consumers, found by words in the bytes and confirmed by evaluation."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, NamedTuple

from outlayer_lint.resolve.scopes import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.resolve.project import SourceFile

# Names that people give to losses. Only which calls are looked at depends on them; what a name holds is evaluated.
LIKELY_LOSS = r"\w*(?:loss|crit|objective|cost|entropy|bce|nll|mse|error|kl_?d)\w*"
BOUND_BY_HAND = re.compile(r"(\w+)\s*(?::[^=\n]+)?=\s*[^=\n]*?\b(\w+)\s*\(")


class Seed(NamedTuple):
    """A call to be asked about; `overlay` are the comprehensions and lambdas around it, the outermost first."""

    node: ast.Call
    place: Place
    overlay: tuple[ast.AST, ...]


class Vocabulary:
    """The words of the rows that begin a question, by kind of consumer."""

    def __init__(self, spellings: list[tuple[str, str, str]]) -> None:
        """(spelling, form, kind) of all consumers."""
        functions: set[str] = set()
        classes: set[str] = set()
        for spelling, form, kind in spellings:
            if kind == "loss":
                (classes if form == "module" else functions).add(spelling.rpartition(".")[2])
        self.functions = functions
        self.classes = classes
        self.loss_class = re.compile(r"\b(?:" + "|".join(sorted(classes)) + r")\b") if classes else re.compile(r"(?!)")
        self.relevant = re.compile(
            rb"(?i)loss|crit|objective|entropy|" + b"|".join(sorted(w.lower().encode() for w in functions | classes if "loss" not in w.lower()))
        )

    def names_bound(self, text: str) -> set[str]:
        """Names that a file binds to something built from a loss class."""
        names = set()
        for match in self.loss_class.finditer(text):
            start = text.rfind("\n", 0, match.start()) + 1
            end = text.find("\n", match.end())
            line = text[start : end if end >= 0 else len(text)]
            if bound := re.match(r"\s*(?:self\.|cls\.)?([\w.]+)\s*(?::[^=]+)?=(?!=)", line):
                names.add(bound[1].rpartition(".")[2])
            names.update(m[1] for m in re.finditer(r"(\w+)\s*=\s*[\w.]*" + re.escape(match[0]) + r"\b", line))
        return names


def calls_at(file: SourceFile, lines: list[int], wanted: re.Pattern[str]) -> list[Seed]:
    """The calls on these lines whose last name is wanted, each once."""
    found: dict[int, Seed] = {}
    for line in lines:
        place = file.locate(line)
        if place is None:
            continue
        for node, overlay in _calls(place):
            if _name(node, wanted) and id(node) not in found:
                found[id(node)] = Seed(node, place, overlay)
    return list(found.values())


def _name(node: ast.Call, wanted: re.Pattern[str]) -> bool:
    function = node.func
    if isinstance(function, ast.Attribute):
        if function.attr in ("forward", "__call__"):
            inner = function.value
            name = inner.attr if isinstance(inner, ast.Attribute) else getattr(inner, "id", "")
            if wanted.fullmatch(name):
                return True
        return bool(wanted.fullmatch(function.attr))
    if isinstance(function, ast.Name):
        return bool(wanted.fullmatch(function.id))
    if isinstance(function, ast.Call):  # nn.CrossEntropyLoss()(x, y)
        return _name(function, wanted)
    if isinstance(function, ast.Subscript):  # losses["cls"](x, y)
        inner = function.value
        name = inner.attr if isinstance(inner, ast.Attribute) else getattr(inner, "id", "")
        return bool(wanted.fullmatch(name))
    return False


def _calls(place: Place) -> Iterator[tuple[ast.Call, tuple[ast.AST, ...]]]:
    """All calls in a statement's own expressions, with what encloses them."""
    statement = place.block.statements[place.index]
    for field, value in ast.iter_fields(statement):
        if field in ("body", "orelse", "finalbody", "handlers", "cases"):
            continue
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, ast.AST):
                yield from _inside(item, ())


def _inside(node: ast.AST, overlay: tuple[ast.AST, ...]) -> Iterator[tuple[ast.Call, tuple[ast.AST, ...]]]:
    if isinstance(node, ast.Call):
        yield node, overlay
    if isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp, ast.Lambda)):
        overlay = (*overlay, node)
    for child in ast.iter_child_nodes(node):
        yield from _inside(child, overlay)

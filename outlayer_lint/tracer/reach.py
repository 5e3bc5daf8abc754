"""Which scripts lead to a file, and which class a line belongs to: what has to be run to put a finding to trial.

Read from the source alone and generous: a script that turns out not to come by costs time and decides nothing.
"""

from __future__ import annotations

import ast
import os
import re
from typing import TYPE_CHECKING

from outlayer_lint.source.discovery import walk
from outlayer_lint.source.document import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<level>\.*)(?P<source>[\w.]*)[ \t]+import[ \t]+(?P<names>\([^)]*\)|[^\n#]*)"
    r"|import[ \t]+(?P<modules>[^\n#]*))",
    re.MULTILINE,
)
MOST_FILES = 2000
MOST_SCRIPTS = 3  # of one finding
WORKS = (ast.For, ast.While, ast.With, ast.Try)


FORWARD = ("forward", "call", "__call__")


class Reach:
    """The files of a project, who imports whom, and what can be run."""

    def __init__(self, root: str) -> None:
        """Nothing is read before it is asked for."""
        self.root = root
        self._texts: dict[str, str] = {}
        self._importers: dict[str, list[str]] | None = None
        self._trees: dict[str, ast.Module | None] = {}

    def scripts(self, path: str) -> list[str]:
        """Scripts that come by a file, the nearest first: itself, those that import it, those that import these."""
        found: list[str] = []
        level, met = [path], {path}
        while level and len(found) < MOST_SCRIPTS:
            found.extend(file for file in sorted(level) if self.is_script(file))
            level = [one for file in level for one in self.importers.get(file, ()) if one not in met]
            met.update(level)
        return found[:MOST_SCRIPTS]

    def is_script(self, path: str) -> bool:
        """Whether running the file does something, besides defining things."""
        if path.endswith(".ipynb"):
            return True
        tree = self.tree(path)
        return tree is not None and any(map(_works, tree.body))

    def owner(self, path: str, line: int) -> str:
        """The class or the model at the top of a file that a line belongs to, "" where there is none."""
        node = self._top(path, line)
        if isinstance(node, ast.ClassDef):
            return node.name
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and isinstance(node.targets[0], ast.Name):
            return node.targets[0].id
        return ""

    def _top(self, path: str, line: int) -> ast.stmt | None:
        tree = self.tree(path)
        body = () if tree is None else tree.body
        return next((node for node in body if node.lineno <= line <= (node.end_lineno or line)), None)

    def functions(self, path: str, lines: Iterable[int]) -> tuple[list[str], list[str]]:
        """Functions at the top of a file that lines belong to: those without required arguments, and the others.

        Methods of classes are among the others, as `Trainer.fit`.
        """
        free: dict[str, None] = {}
        bound: dict[str, None] = {}
        for line in lines:
            node = self._top(path, line)
            if isinstance(node, ast.FunctionDef):
                given = node.args
                required = len(given.posonlyargs) + len(given.args) - len(given.defaults)
                named = any(default is None for default in given.kw_defaults)
                (bound if required or named else free)[node.name] = None
            elif isinstance(node, ast.ClassDef):
                bound.update((f"{node.name}.{each}", None) for each in _driven(node, line))
        return list(free), list(bound)

    def is_returned(self, path: str, line: int) -> bool:
        """Whether a line stands in the `forward` of a class that hands out what it computes by returning it alone.

        One that keeps it as an attribute, or does something else in training, may hand out something else. A model that
        is put together at the top of a file has no other way.
        """
        node = self._top(path, line)
        for method in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(method, ast.FunctionDef) and method.lineno <= line <= (method.end_lineno or line):
                return method.name in FORWARD and not any(map(_hands_out, ast.walk(method)))
        return isinstance(node, ast.Assign)

    def tree(self, path: str) -> ast.Module | None:
        """The syntax of a file, `None` where it has none."""
        if path not in self._trees:
            self._trees[path] = None
            if path.endswith(".py"):
                try:
                    self._trees[path] = parse(self._text(path), path)
                except SyntaxError:
                    pass
        return self._trees[path]

    @property
    def importers(self) -> dict[str, list[str]]:
        """File -> the files that import it."""
        if self._importers is None:
            files = [path for path in walk(self.root)[:MOST_FILES] if path.endswith(".py")]
            by_name: dict[str, list[str]] = {}
            for path in files:
                stem = os.path.relpath(path, self.root)[:-3].removesuffix(f"{os.sep}__init__").split(os.sep)
                for start in range(len(stem)):
                    by_name.setdefault(".".join(stem[start:]), []).append(path)
            self._importers = {}
            for path in files:
                for name in dict.fromkeys(_imported(self._text(path))):
                    for found in by_name.get(name, ()):
                        if found != path:
                            self._importers.setdefault(found, []).append(path)
        return self._importers

    def _text(self, path: str) -> str:
        if path not in self._texts:
            try:
                with open(path, encoding="utf-8-sig", errors="replace") as file:
                    self._texts[path] = file.read()
            except OSError:
                self._texts[path] = ""
        return self._texts[path]


def _driven(node: ast.ClassDef, line: int) -> Iterator[str]:
    """The method that a line stands in, if it is one that somebody would call."""
    for each in node.body:
        if not isinstance(each, ast.FunctionDef) or not each.lineno <= line <= (each.end_lineno or line):
            continue
        if each.name not in FORWARD and not each.name.startswith("__") and not each.decorator_list:
            yield each.name


def _hands_out(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and (isinstance(node.ctx, ast.Store) or node.attr == "training")


def _imported(text: str) -> Iterator[str]:
    """Dotted names that may be modules of the project."""
    for match in IMPORT.finditer(text):
        if match["modules"] is not None:
            yield from (name.split(" as ")[0].strip() for name in match["modules"].split(","))
            continue
        source = match["source"]
        if source:
            yield source
        for name in _names(match["names"]):
            yield f"{source}.{name}" if source else name


def _names(text: str) -> Iterable[str]:
    return [name.split(" as ")[0].strip() for name in text.strip("()").replace("\n", ",").split(",") if name.strip()]


def _works(node: ast.stmt) -> bool:
    """Whether a statement at the top of a file does something."""
    if isinstance(node, ast.If):
        return "__name__" in ast.dump(node.test) or any(map(_works, node.body))
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Call)
    return isinstance(node, (*WORKS, ast.Assign)) and (not isinstance(node, ast.Assign) or _calls_loss(node))


def _calls_loss(node: ast.Assign) -> bool:
    """`loss = criterion(net(x), y)` at the top of a file."""
    return isinstance(node.value, ast.Call) and any(isinstance(inner, ast.Call) for inner in node.value.args)

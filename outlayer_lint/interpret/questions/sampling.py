"""Whether samples are all that is drawn from a result: where it goes, through names, attributes and shapes."""

from __future__ import annotations

import ast

from outlayer_lint import knowledge
from outlayer_lint.interpret.frames import World
from outlayer_lint.interpret.questions.applications import is_of_a_stranger
from outlayer_lint.interpret.things import Library
from outlayer_lint.interpret.transfers.arrays import SHAPING
from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.resolve.walking import children, reads, walk

if TYPE_CHECKING:
    from outlayer_lint.interpret.questions.driver import Driver
    from outlayer_lint.interpret.questions.seeds import Seed

SHAPES = SHAPING | {"keeps"}


def only_drawn_from(driver: Driver, seed: Seed) -> bool:
    """Whether all that is done with a result is to draw samples: it is handed to samplers, as it is or scaled."""
    uses = _Uses(driver, seed)
    return uses.are_draws(seed.node) and uses.draws > 0


class _Uses:
    """Where the result of one call goes, in its function and, by an attribute, in its file."""

    def __init__(self, driver: Driver, seed: Seed) -> None:
        self.driver, self.seed = driver, seed
        self.frame = driver.frame(seed, World())
        self.draws = 0
        self._followed: set[str] = set()
        self._parents: dict[ast.AST, ast.AST] = {}
        self._note(seed.place.block.statements[seed.place.index])

    def _note(self, node: ast.AST) -> None:
        file = self.seed.place.block.scope.file
        for parent in walk(node):
            if isinstance(parent, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                file.body(parent)  # it may have been left for later
            for child in children(parent):
                self._parents[child] = parent

    def are_draws(self, node: ast.AST) -> bool:
        """Whether this use of the result, and all that follow from it, end in a sampler."""
        while True:
            parent = self._parents.get(node)
            if isinstance(parent, ast.Call) and node is not parent.func:
                kind = self._kind(parent.func)
                if kind == "sampler":
                    self.draws += 1
                    return True
                if kind != "shape":
                    return False
            elif isinstance(parent, ast.Assign) and parent.value is node:
                return all(map(self._is_read_by_draws, parent.targets))
            elif not isinstance(parent, (ast.BinOp, ast.keyword)) and not (
                isinstance(parent, ast.Subscript) and parent.value is node
            ):
                return False
            node = parent

    def _kind(self, function: ast.expr) -> str:
        kinds = set()
        for thing, _ in self.driver.it.ev(function, self.seed.place, self.frame):
            found = knowledge.find(thing.name) if isinstance(thing, Library) else None
            row = found[0] if found is not None else None
            sampler = row is not None and row.kind == "sampler"
            kinds.add("sampler" if sampler else "shape" if row is not None and row.transfer in SHAPES else "")
        return kinds.pop() if len(kinds) == 1 else ""

    def _is_read_by_draws(self, target: ast.expr) -> bool:
        scope, file = self.seed.place.block.scope, self.seed.place.block.scope.file
        if isinstance(target, ast.Name):
            key, within = target.id, scope.node
        elif isinstance(target, ast.Attribute) and scope.owner is not None and file.scope is not None:
            key, within = target.attr, file.scope.node
            if any(other.has_word(key) for other in self.driver.project.importers(file, scope.owner.name)
                   if other is not file):  # fmt: skip
                return False
        else:
            return False
        if key in self._followed:
            return True
        self._followed.add(key)
        self._note(within)
        read = reads(within, (key,), type(target))
        return all(is_of_a_stranger(self.driver, node, scope) or self.are_draws(node) for node in read)

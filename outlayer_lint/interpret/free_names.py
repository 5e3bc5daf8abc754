"""Names that a function reads from its module, as they are where the function is called: cell by cell, line by line."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from outlayer_lint.interpret.things import Function, join
from outlayer_lint.resolve.scopes import Place

if TYPE_CHECKING:
    from outlayer_lint.interpret.frames import Frame
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.things import Answer
    from outlayer_lint.resolve.scopes import Block

MAX_CALLS = 6


def at_calls(it: Interpreter, name: str, block: Block, at: Frame, above: Frame) -> Answer | None:
    """A name that the module writes several times, as the calls of a function see it that nothing has called yet."""
    scope = at.scope
    if not at.is_root or scope.kind != "function" or scope.parent is not block.scope or len(block.names[name]) < 2:
        return None
    binding = at.world.bindings.get(scope)
    if binding is not None:
        places = [binding.place] if binding.place.block.scope is block.scope else []
    else:
        calls = _calls(at, block)
        places = [place for place in calls if _is_meant(it, at, place, above)]
        if not calls and scope.file.path.endswith(".ipynb"):
            places = _from_the_start(at, block)
    if not places or len(places) > MAX_CALLS:
        return None
    return join([it.defined(name, place, above) for place in places])


def _is_meant(it: Interpreter, at: Frame, place: Place, above: Frame) -> bool:
    """Whether the function's name still, or already, stands for it there."""
    things = it.defined(at.scope.name, place, above)
    return any(isinstance(thing, Function) and thing.scope is at.scope for thing, _ in things)


def _calls(at: Frame, block: Block) -> list[Place]:
    """Where the module itself calls the function."""
    file = at.scope.file
    found: dict[tuple[int, int], Place] = {}
    for line in file.lines_calling(at.scope.name):
        place = file.locate(line)
        if place is None or place.block.scope is not block.scope:
            continue
        if not isinstance(place.block.statements[place.index], (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found[id(place.block), place.index] = place
    return list(found.values())


def _from_the_start(at: Frame, block: Block) -> list[Place]:
    """From a function's own cell to the last one: `%timeit f()` and a cell that was deleted call it unseen."""
    defined = [Place(block, index) for index, node in enumerate(block.statements) if node is at.scope.node]
    return [*defined, Place(block, len(block.statements))]

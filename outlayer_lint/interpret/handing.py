"""What functions do to an object that they are handed: `replace_head(net, 10)`, as a statement of its own."""

from __future__ import annotations

import ast

from outlayer_lint.interpret import passing
from outlayer_lint.interpret.answers import unknown
from outlayer_lint.interpret.frames import MAX_DEPTH, Frame
from outlayer_lint.interpret.things import Answer, Built, Function, Instance
from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.resolve.blocks import Place

if TYPE_CHECKING:
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.resolve.blocks import Block, Definition
    from outlayer_lint.resolve.scopes import Scope

GROWS = frozenset("append extend insert add_module register_module pop remove clear".split())
CHANGED = ("model", "container")
FOLLOWED = frozenset(("setattr", "setitem", "mutate", "call"))  # what changes an object and leaves the name its own


def after(it: Interpreter, answer: Answer, key: str, definition: Definition, place: Place, frame: Frame) -> Answer:
    """The object that a definition gave, as those functions leave it that it was handed to before a place."""
    block, until = place.block, place.index
    while block is not definition.block:
        if block.parent is None:
            return answer
        block, until = block.parent, block.index
    for index, node, position in _handed(block).get(key, ()):
        if definition.index < index < until:
            answer = _left(it, answer, node, position, Place(block, index), frame)
    return answer


def may_change(answer: Answer) -> bool:
    """Whether what was given is an object that has parts to be changed."""
    return any(isinstance(t, Instance) or (isinstance(t, Built) and t.row.kind in CHANGED) for t, _ in answer)


def _handed(block: Block) -> dict[str, list[tuple[int, ast.Call, int]]]:
    """Names that functions are given by statements of a block: where, by which call, at which position."""
    if block.handed is None:
        block.handed = {}
        for index, statement in enumerate(block.statements):
            call = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
                for position, argument in enumerate(call.args):
                    if isinstance(argument, ast.Name):
                        block.handed.setdefault(argument.id, []).append((index, call, position))
    return block.handed


def _left(it: Interpreter, before: Answer, node: ast.Call, position: int, place: Place, frame: Frame) -> Answer:
    called = it.ev(node.func, place, frame)
    function = called[0][0] if len(called) == 1 else None
    if not isinstance(function, Function) or function.scope.kind != "function":
        return before
    scope = function.scope
    name = scope.parameter_names[position] if position < len(scope.parameter_names) else ""
    changes = _changes(scope, name)
    if changes is False:
        return before
    if changes is None or frame.depth >= MAX_DEPTH or frame.chain_has(scope, 1):
        return unknown("changed by a function", ("handed", id(node), id(frame.base)))
    inside = Frame(
        scope, frame.world, function.frame, arguments=passing.arguments(it, node, place, frame), caller=frame,
        place=place,
    )  # fmt: skip
    return it.before(name, Place(scope.block, len(scope.block.statements)), inside)


def _changes(scope: Scope, name: str) -> bool | None:
    """Whether a function writes to a parameter, `None` where it does more than can be followed."""
    names = scope.block.names
    if not name or not (name in names or any(key.startswith(name + ".") for key in names)):
        return False
    definitions = _definitions(scope.block)
    own = {definition.kind for key, definition in definitions if key == name}
    parts = [definition for key, definition in definitions if key.startswith(name + ".")]
    if not parts and not own & FOLLOWED:
        return False
    return None if own - FOLLOWED or f"{name}.*" in names or any(map(_grows, parts)) else True


def _grows(definition: Definition) -> bool:
    function = definition.value.func if isinstance(definition.value, ast.Call) else None
    return definition.kind == "mutate" and isinstance(function, ast.Attribute) and function.attr in GROWS


def _definitions(block: Block) -> list[tuple[str, Definition]]:
    found = [pair for pairs in block.writes.values() for pair in pairs]
    for subs in block.subs.values():
        for sub in subs:
            found.extend(_definitions(sub))
    return found

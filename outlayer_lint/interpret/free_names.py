"""Names that a scope reads from further out, as they are where a function is called: cell by cell, line by line.

What functions write to them (`global model`) counts where the module itself leaves them empty.
"""

from __future__ import annotations

import ast

from outlayer_lint.interpret import conditions, imports
from outlayer_lint.interpret.answers import join
from outlayer_lint.interpret.things import Const, Function, Unbound, Unknown
from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.resolve.blocks import Place

if TYPE_CHECKING:
    from outlayer_lint.interpret.frames import Frame
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.things import Answer
    from outlayer_lint.resolve.blocks import Block
    from outlayer_lint.resolve.scopes import Scope

MAX_CALLS = 6


def outer(it: Interpreter, name: str, scope: Scope, frame: Frame) -> Answer:
    """A name read in an inner scope and bound further out."""
    parent, above = scope.parent, frame.parent
    at = frame.base
    while parent is not None and above is not None:
        while above.binds is not None and above.parent is not None:
            if name in above.binds:
                return above.binds[name]
            above = above.parent
        if parent.kind != "class":
            block = parent.block
            if name in block.names and name not in parent.globals:
                # What the call sees, where the call stands in that scope; else what is left at its end.
                end = Place(block, len(block.statements))
                place, caller = at.place, at.caller
                while caller is not None and caller.scope is not parent:
                    place, caller = caller.place, caller.caller
                if place is not None and caller is not None and place.block.scope is parent:
                    answer = it.defined(name, place, caller)
                    if not all(isinstance(t, Unknown) for t, _ in answer):
                        return answer
                answer = at_calls(it, name, block, at, above) or it.defined(name, end, above)
                return answer if parent.kind != "module" else rebound(it, name, answer, at, above)
            if parent.kind == "function" and name in parent.parameter_names:
                return it.parameter(name, above)
        parent, above = parent.parent, above.parent
    file = scope.file
    module = it.module_frame(file)
    if module is not None and name in module.scope.block.names:
        return it.defined(name, Place(module.scope.block, len(module.scope.block.statements)), module)
    if module is not None and (found := imports.wildcard(it, name, module)):
        return found
    builtin = imports.builtin(name)
    return builtin if module is None else rebound(it, name, builtin, at, module)


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
        if not calls and scope.file.is_notebook:
            places = _from_the_start(at, block)
    if not places or len(places) > MAX_CALLS:
        return None
    return join([it.defined(name, place, above) for place in places])


def shared(it: Interpreter, name: str, place: Place, frame: Frame) -> Answer:
    """A name that a function declares `global` or `nonlocal`: what it has written so far, else what stands outside."""
    answer = it.defined(name, place, frame, fallback=False)
    kept = tuple((thing, choices) for thing, choices in answer if thing is not Unbound)
    if kept and len(kept) == len(answer) and not _is_empty(kept):
        return kept
    outside = outer(it, name, place.block.scope, frame)
    return conditions.meaningful(join([kept, outside])) if kept and not _is_empty(kept) else outside


def rebound(it: Interpreter, name: str, answer: Answer, at: Frame, module: Frame) -> Answer:
    """What functions of a module put in the place of a name that the module leaves empty (`model = None`)."""
    file = module.scope.file
    if not file.has_global or not _is_empty(answer):
        return answer
    found: list[Answer] = []
    for line in file.lines_with(rf"\bglobal\b[^\n#]*\b{name}\b", ("global ",)):
        place = file.locate(line)
        scope = None if place is None else place.block.scope
        if scope is None or scope is at.scope or name not in scope.globals or name not in scope.block.names:
            continue
        end = Place(scope.block, len(scope.block.statements))
        written = it.defined(name, end, it.root(scope, at.world), fallback=False)
        found.append(tuple((thing, choices) for thing, choices in written if thing is not Unbound))
    return conditions.meaningful(join(found)) if any(found) else answer


def _is_empty(answer: Answer) -> bool:
    """Whether nothing but `None` stands in a name, or nothing at all."""
    return all(
        (isinstance(thing, Const) and thing.value is None)
        or (isinstance(thing, Unknown) and thing.reason in ("undefined name", "unknown name"))
        for thing, _ in answer
    )


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

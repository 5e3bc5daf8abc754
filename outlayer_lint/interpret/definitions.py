"""What the definitions of a name give: each that reaches a place, under the conditions on its way, joined."""

from __future__ import annotations

import ast

from outlayer_lint.interpret import (
    attributes,
    conditions,
    effects,
    free_names,
    handing,
    imports,
    iteration,
    mutation,
    operators,
    registries,
)
from outlayer_lint.interpret.answers import join, lift, only, unknown
from outlayer_lint.interpret.choices import NO_CHOICE, Choices, compatible, restrict
from outlayer_lint.interpret.things import Answer, Function, Lazy, Site, Unbound
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.resolve.blocks import Definition, Place
from outlayer_lint.resolve.reaching import LIMIT

if TYPE_CHECKING:
    from outlayer_lint.interpret.frames import Frame
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.resolve.reaching import Reach


def joined(it: Interpreter, key: str, place: Place, frame: Frame, *, fallback: bool) -> Answer:
    """Join the definitions of a key that reach a place and whose conditions are not decided against."""
    answers: list[Answer] = []
    looped: set[int] = set()
    unbound: list[Choices] = []
    binds = False
    reaches = it.reached(key, place)
    if len(reaches) >= LIMIT:
        return unknown("too many alternatives")
    only_one = reaches[0].definition if len(reaches) == 1 else None
    if only_one is not None and not reaches[0].loops:  # most names
        answer = _straight(it, key, only_one, frame)
        handed = only_one.kind == "assign" and handing.may_change(answer)
        return handing.after(it, answer, key, only_one, place, frame) if handed else answer
    for reach in reaches:
        # The only definition there is holds wherever it is read: nothing to tell apart.
        choices = NO_CHOICE if only_one is not None else _conditions(it, reach, frame)
        if choices is None:
            continue
        definition = reach.definition
        if definition is None:
            unbound.append(choices)
            continue
        binds |= definition.kind not in ("call", "mutate", "setattr", "setitem")
        if reach.loops and definition.kind in ("mutate", "setitem", "augment"):
            loop = reach.loops[0][0]
            if id(loop) not in looped:
                looped.add(id(loop))
                answers.append(restrict(mutation.loop_effect(it, key, definition, loop, frame), choices))
            continue
        if reach.loops and definition.kind == "call":
            if id(definition) not in looped:
                looped.add(id(definition))
                answers.append(restrict(effects.repeated(it, key, definition, reach, frame), choices))
            continue
        drawn = definition.node if definition.kind == "for" else None
        where = frame.inside(definition.block, reach.loops, drawn)
        answer = _given(it, key, definition, where)
        answers.append(restrict(answer, choices))
    if fallback and unbound:
        scope = place.block.scope
        if scope.kind == "function" and key in scope.parameter_names:
            value = it.parameter(key, frame)
            answers.extend(restrict(value, c) for c in unbound[:4])
        elif scope.kind == "class" or (scope.kind == "module" and not answers):
            answers.append(free_names.outer(it, key, scope, frame))
        elif not answers:
            answers.append(
                free_names.outer(it, key, scope, frame) if scope.kind != "module" else unknown("undefined name")
            )
        elif not binds:  # a name from further out, which some ways change and some do not
            answers.extend(restrict(free_names.outer(it, key, scope, frame), c) for c in unbound[:4])
    elif unbound and not fallback:
        answers.extend(((Unbound, c),) for c in unbound[:4])
    if not answers:
        return unknown("undefined name")
    return conditions.meaningful(join(answers))


def _straight(it: Interpreter, key: str, definition: Definition, frame: Frame) -> Answer:
    """What the only definition gives, which no loop was entered for."""
    if frame.loops:
        frame = frame.inside(definition.block, (), definition.node if definition.kind == "for" else None)
    answer = _given(it, key, definition, frame)
    return answer if len(answer) < 2 else conditions.meaningful(answer)


def _conditions(it: Interpreter, reach: Reach, frame: Frame) -> Choices | None:
    """The choices on the way of a definition, or `None` where a condition is decided against it."""
    choices: Choices = NO_CHOICE
    for test, polarity, place, around in reach.conditions:
        where = frame.inside(place.block, reach.loops) if frame.loops or reach.loops else frame
        decided = conditions.decide(it, test, polarity, place, where)
        both = None if decided is None else compatible(choices, decided) if choices else decided
        if both is None:
            if around:  # we are asked about this branch, so it is taken, whatever defaults say
                continue
            return None
        choices = both
    return choices


def _given(it: Interpreter, key: str, definition: Definition, frame: Frame) -> Answer:
    """What one definition gives to a key."""
    place = Place(definition.block, definition.index)
    kind, node, value = definition.kind, definition.node, definition.value
    if kind == "assign" and value is not None:
        answer = it.follow(it.ev(value, place, frame), definition.path)
        if definition.block.scope.kind == "module" and registries.starts_empty(value):
            return registries.filled(it, key, frame, answer)
        return answer
    if kind == "def":
        memo = ("def", id(node))
        if memo not in frame.memo:
            made: Any = Function(definition.block.scope.child(node), frame)
            frame.memo[memo] = only(made)
        return frame.memo[memo]
    if kind == "class":
        return only(it.class_in(definition.block.scope.child(node), frame))
    if kind == "import":
        return imports.imported(it, definition, frame)
    if kind == "for" and value is not None:
        state = frame.loops.get(node)  # type: ignore[call-overload]
        return it.follow(iteration.iterated(it, value, place, frame, state), definition.path)
    if kind == "with" and value is not None:
        return it.follow(iteration.entered(it, it.ev(value, place, frame)), definition.path)
    if kind == "augment" and value is not None:
        before = it.before(key, place, frame)
        operation = node.op  # type: ignore[attr-defined]
        return operators.binary(it, operation, before, it.ev(value, place, frame), Site(value, place, frame), node)
    if kind == "mutate" and isinstance(value, ast.Call):
        return mutation.mutated(it, it.before(key, place, frame), value, place, frame)
    if kind == "call" and isinstance(value, ast.Call):
        return effects.called(it, it.before(key, place, frame), value, place, frame)
    if kind == "setattr" and value is not None:
        path, how, unpack = definition.path
        lazy = Lazy(value, place, frame, unpack)
        return lift(it.before(key, place, frame), lambda thing: only(attributes.overridden(it, thing, path, lazy, how)))
    if kind == "setitem" and value is not None:
        index, how, unpack = definition.path
        lazy = Lazy(value, place, frame, unpack)
        return mutation.stored(it, it.before(key, place, frame), index, lazy, how, place, frame)
    return unknown("unknown")

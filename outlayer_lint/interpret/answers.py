"""Answers put together: one alternative, none that is known, several joined, a function applied to each."""

from __future__ import annotations

from outlayer_lint.interpret.choices import NO_CHOICE, comparable, compatible
from outlayer_lint.interpret.things import (
    WHOLE,
    Built,
    Const,
    Function,
    Library,
    Parameter,
    Subclass,
    Unknown,
    Written,
)
from outlayer_lint.lattice import Tensor
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from outlayer_lint.interpret.things import Alternative, Answer

MAX_WAYS, MAX_PROGRAMS = 16, 8


def only(thing: object) -> Answer:
    """An answer with one alternative and no choice."""
    return ((thing, NO_CHOICE),)


def unknown(reason: str, key: object = None) -> Answer:
    """An answer that is not known."""
    return ((Unknown(reason, key), NO_CHOICE),)


def join(answers: Iterable[Answer]) -> Answer:
    """All alternatives, equal ones once, under what their choices have in common."""
    every = [alternative for answer in answers for alternative in answer]
    if len(every) < 2:
        return tuple(every)
    found: dict[object, Alternative] = {}
    for thing, choices in every:
        key = identity(thing)
        before = found.get(key)
        if before is None:
            found[key] = (thing, choices)
        elif before[1] and before[1] != choices:
            found[key] = (before[0], before[1] & choices)
    if len(found) <= MAX_WAYS:
        return tuple(found.values())
    # Whole programs are judged each on its own, so that the first of them stand for the zoo.
    whole = all(isinstance(t, WHOLE) or (isinstance(t, Built) and t.row.kind == "model") for t, _ in every)
    return tuple(found.values())[:MAX_PROGRAMS] if whole else unknown("too many alternatives")


def zoo(ways: list[Answer]) -> list[Answer]:
    """The first of a long table of builders or classes, which stand for all; nothing where it holds anything else."""
    known = [way for way in ways if not any(isinstance(t, Unknown) for t, _ in way)]
    for thing, _ in (alternative for way in known for alternative in way):
        if not isinstance(thing, (Function, *WHOLE)) or (isinstance(thing, Function) and thing.scope.kind == "lambda"):
            return []
    return known[:MAX_PROGRAMS]


def identity(thing: object) -> object:
    """What makes two things the same alternative."""
    kind = type(thing)
    if kind is Unknown:
        return ("unknown", thing.reason, thing.key)  # type: ignore[attr-defined]
    if kind is Const:
        value = thing.value  # type: ignore[attr-defined]
        return ("const", type(value), comparable(value))
    if kind is Library:
        return ("library", thing.name)  # type: ignore[attr-defined]
    if kind is Parameter:
        return (thing.key, thing.offset)  # type: ignore[attr-defined]
    if kind is Subclass:
        return thing.key  # type: ignore[attr-defined]
    if isinstance(thing, Tensor):
        return (thing, *thing.origin.mark)
    if kind is Written:
        return ("written", thing.reason, thing.key, thing.overrides)  # type: ignore[attr-defined]
    return id(thing)


def lift(answer: Answer, transfer: Callable[[Any], Answer]) -> Answer:
    """Apply a function to each alternative; its own choices are added."""
    if len(answer) == 1 and not answer[0][1]:
        return transfer(answer[0][0])
    results: list[Answer] = []
    for thing, choices in answer:
        ways = []
        for result, more in transfer(thing):
            both = compatible(choices, more)
            if both is not None:
                ways.append((result, both))
        results.append(tuple(ways))
    return join(results)

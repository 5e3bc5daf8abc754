"""Choices: how undecided conditions went on the way to an alternative, and which alternatives go together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from outlayer_lint.interpret.things import Answer

MAX_CHOICES = 8
MAX_REMEMBERED = 100_000


class Choice(NamedTuple):
    """A fact about an undecided condition. `fork` marks choices between whole objects: different programs."""

    key: object
    equal: bool
    value: object
    fork: bool = False


Choices = frozenset[Choice]
NO_CHOICE: Choices = frozenset()
_MET: dict[tuple[Choices, Choices], Choices | None] = {}  # which sets go together: the same few meet again and again


def compatible(a: Choices, b: Choices) -> Choices | None:
    """Both sets of choices together, or `None` where they contradict each other."""
    if not a:
        return b
    if not b or a == b or b <= a:
        return a
    pair = (a, b)
    if pair not in _MET:
        if len(_MET) > MAX_REMEMBERED:
            _MET.clear()
        _MET[pair] = _together(a, b)
    return _MET[pair]


def _together(a: Choices, b: Choices) -> Choices | None:
    both = a | b
    chosen: dict[object, object] = {}
    for choice in both:
        if choice.equal:
            value = comparable(choice.value)
            if chosen.setdefault(choice.key, value) != value:
                return None
    for choice in both:
        if not choice.equal and choice.key in chosen and chosen[choice.key] == comparable(choice.value):
            return None
    if len(both) > MAX_CHOICES:  # what is remembered of a path is bounded; forks are always kept
        return a | {choice for choice in b if choice.fork}
    return both


def comparable(value: object) -> object:
    """A value, or its text where it cannot be looked up."""
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value


def restrict(answer: Answer, choices: Choices) -> Answer:
    """The alternatives that are possible together with some choices, with these added."""
    if not choices:
        return answer
    ways = []
    for thing, own in answer:
        both = compatible(own, choices)
        if both is not None:
            ways.append((thing, both))
    return tuple(ways)

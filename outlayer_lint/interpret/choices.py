"""Choices: how undecided conditions went on the way to an alternative, and which alternatives go together."""

from __future__ import annotations

from outlayer_lint.records import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from outlayer_lint.interpret.things import Answer

MAX_CHOICES = 8
OFFERED = "offered"  # marks one of those that a name given at run time may stand for
MAX_REMEMBERED = 100_000
TESTS = ("truth", "compare", "in")  # words of keys in front of the key of the value under test
FEW = (1, 2)  # counts of classes, or of units, below which there is none or one
BY_DATA = ("test", "shape", "len")


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
        bounded = type(choice.key) is tuple and choice.key[0] == "compare"
        if bounded and (_is_beyond(choice, chosen) or _is_corner(choice, both)):
            return None
    if len(both) > MAX_CHOICES:  # of a long chain of `elif`, what the last test says tells the others
        both = frozenset(choice for choice in both if choice.equal or choice.key not in chosen)
    if len(both) > MAX_CHOICES:  # what is remembered of a path is bounded; forks are always kept
        return a | {choice for choice in b if choice.fork}
    return both


def _is_beyond(choice: Choice, chosen: dict[object, object]) -> bool:
    """Whether a number that was chosen elsewhere (`n == 1`) is on the other side of a bound (`n > 1`)."""
    told: Any = choice.key
    _, key, order, bound = told
    number = chosen.get(key)
    if not isinstance(number, (int, float)) or not isinstance(bound, (int, float)) or order not in ("Gt", "Lt"):
        return False
    return (number > bound if order == "Gt" else number < bound) is not choice.value


def _is_corner(choice: Choice, both: Choices) -> bool:
    """Whether of `n <= 2` only what `n == 2` leaves is meant: who writes both for a count of classes means two."""
    told: Any = choice.key
    _, key, order, bound = told
    if choice.value is not (order == "Lt") or order not in ("Gt", "Lt") or type(bound) is not int:
        return False
    most = bound - int(order == "Lt")
    return most in FEW and any(c.key == key and not c.equal and c.value == most for c in both)


def of_options(choices: Choices) -> Choices:
    """Those that an option of the program decides. What a shape, or a test that says nothing, decides is none."""
    return frozenset(choice for choice in choices if choice.fork or not _by_data(choice.key))


def _by_data(key: object) -> bool:
    """Whether the value under test is a part of a shape, or has no key of its own."""
    while isinstance(key, tuple) and key:
        if any(part in BY_DATA for part in key if isinstance(part, str)):
            return True
        key = key[1] if key[0] in TESTS else key[0]
    return False


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
        both = compatible(own, choices) if own else choices
        if both is not None:
            ways.append((thing, both))
    return tuple(ways)

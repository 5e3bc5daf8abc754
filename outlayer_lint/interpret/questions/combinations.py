"""Losses and models that are chosen each for itself: which of them nobody needs to choose together."""

from __future__ import annotations

from outlayer_lint.interpret.choices import OFFERED
from outlayer_lint.lattice import Emission, Tensor
from outlayer_lint.records import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlayer_lint.interpret.choices import Choices
    from outlayer_lint.interpret.things import Answer
    from outlayer_lint.knowledge import Row


class Menu(NamedTuple):
    """One of the losses that a call may be, when it is that one, and all predictions it may get."""

    row: Row
    choices: Choices
    predictions: Answer


def fits(answer: Answer, row: Row) -> bool:
    """Whether a loss takes everything an answer may be; where it takes any, scores."""
    tensors = [thing for thing, _ in answer if isinstance(thing, Tensor)]
    return len(tensors) == len(answer) > 0 and all(is_wanted(way, row) for way in tensors)


def is_wanted(way: Tensor, row: Row) -> bool:
    """Whether a loss takes such a prediction; where it takes any, a score."""
    if row.wants:
        return way.emission in row.wants or way.emission in row.accepts
    return way.emission is Emission.LOGIT


def is_free(menu: Sequence[Menu], own: Menu, fork: Choices, here: Answer) -> bool:
    """Whether a loss and a model that do not go together were chosen apart, and each has a partner that fits it.

    `here` is what the loss gets in the program of this `fork`. One option chooses among models that end in logits or in
    log-probabilities, another one between cross-entropy and the negative log-likelihood: which of the four
    combinations are meant, the user knows.
    """
    asked = {choice.key for choice in own.choices}
    models = {choice.key for choice in fork} - asked
    if not asked or not models or fits(here, own.row):
        return False
    if not any(fits(here, other.row) for other in menu if other.row is not own.row):
        return False
    others: dict[Choices, list[tuple[object, Choices]]] = {}
    for thing, choices in own.predictions:
        others.setdefault(frozenset(choice for choice in choices if choice.fork), []).append((thing, choices))
    return any(fits(tuple(answer), own.row) for answer in others.values())


def is_disputed(menu: Sequence[Menu], own: Menu, fork: Choices, here: Answer) -> bool:
    """Whether one of those that a name may stand for does not go with the other side, yet another one of them does."""
    if fits(here, own.row):
        return False
    if _is_offered(fork) and any(fits((way,), own.row) for way in own.predictions):
        return True
    return _is_offered(own.choices) and any(fits(here, other.row) for other in menu)


def _is_offered(choices: Choices) -> bool:
    return any(choice.key[:1] == (OFFERED,) for choice in choices if isinstance(choice.key, tuple))

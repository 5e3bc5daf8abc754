"""Losses that are written out, recognised by what was computed: `y * log(p) + (1 - y) * log(1 - p)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outlayer_lint.facts import Applied
from outlayer_lint.interpret.questions import applications
from outlayer_lint.lattice import Emission, Value
from outlayer_lint.tracer.child.losses import written
from outlayer_lint.tracer.child.losses.reading import row_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.tracer.child.losses.reading import Reader
    from outlayer_lint.tracer.child.recording.marks import Mark

ROWS = (Emission.ONEHOT, Emission.SIMPLEX)
PAIR = 2


def cross_entropy(reader: Reader, mark: Mark) -> Iterator[Applied]:
    """A sum of both halves of a binary cross-entropy, or over rows of labels; further terms make it another loss.

    The labels are recognised by their complement in the binary form, by their values in the other.
    """
    halves = [found for each in mark.parts if (found := half(each)) is not None]
    if mark.short in ("sum", "mean"):
        form = "hand-categorical" if halves and is_rows(reader, halves[0][0]) else ""
        stands = plain(mark.parts[0])
    else:
        both = len(halves) == PAIR and any(complementary(*pair) for pair in (halves, halves[::-1]))
        form, stands = "hand-binary" if both else "", mark
    if not form:
        return
    labels, logarithm = halves[0]
    if form == "hand-binary" and complement(labels) is not None:
        labels, logarithm = halves[1]
    probability = without_epsilon(logarithm.parts[0])
    row, value = row_of(logarithm), reader.value(logarithm.parts[0])
    if value.all(lambda way: way.by == "epsilon") is not None:
        value = Value(tuple(inner for way in value for inner in way.inner))
    if row is None or stands.place is None or not value.known or labels is probability:
        return  # the last is an entropy
    source = None if logarithm.place is None else written.at(logarithm.place)
    words = applications.words_of(value, operation="log", operand=written.operand(source))
    yield Applied(stands.place.span, row[0], value, form=form, words=words)


def half(mark: Mark) -> tuple[Mark, Mark] | None:
    """The factor and the logarithm of `y * log(p)`, negated or not."""
    mark = plain(mark)
    if mark.short != "mul" or len(mark.parts) != PAIR:
        return None
    first, second = map(plain, mark.parts)
    return (first, second) if second.short == "log" else (second, first) if first.short == "log" else None


def plain(mark: Mark) -> Mark:
    """A tensor without its sign."""
    while mark.short == "neg":
        mark = mark.parts[0]
    return mark


def complementary(one: tuple[Mark, Mark], other: tuple[Mark, Mark]) -> bool:
    """Whether the second half is `(1 - y) * log(1 - p)` of the first."""
    rest, inner = complement(other[0]), complement(without_epsilon(other[1].parts[0]))
    return rest is one[0] and inner is not None and inner is without_epsilon(one[1].parts[0])


def complement(mark: Mark) -> Mark | None:
    """The `x` of `1 - x`."""
    given = mark.given[0]
    return mark.parts[0] if mark.short == "rsub" and 1 in given[1:2] else None


def without_epsilon(mark: Mark) -> Mark:
    """The `p` of `p + eps`."""
    return mark.parts[0] if mark.short == "add" and len(mark.parts) == 1 else mark


def is_rows(reader: Reader, labels: Mark) -> bool:
    """Whether a factor holds rows of labels that no network made."""
    value = reader.value(labels)
    return value.all(lambda way: way.emission in ROWS and not way.learned) is not None

"""What is left of a tensor that a statement writes to: `x.clamp_(0, 1)`, `x[index] = value`."""

from __future__ import annotations

import ast
from math import inf

from outlayer_lint import knowledge
from outlayer_lint.interpret import calls, operators
from outlayer_lint.interpret.answers import join, only, unknown
from outlayer_lint.interpret.things import (
    LITERAL,
    Answer,
    Const,
    Lazy,
    Parameter,
    Sequence,
    Site,
    Subclass,
    Symbol,
    Unknown,
)
from outlayer_lint.interpret.transfers.arithmetic import real
from outlayer_lint.lattice import Emission, Tensor
from outlayer_lint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from outlayer_lint.interpret.frames import Arguments
    from outlayer_lint.interpret.interpreter import Interpreter

ROWS = 2
COUNTER = "loop counter"


def in_place(it: Interpreter, thing: Tensor, name: str, given: Arguments, site: Site) -> Answer:
    """`x.clamp_(0, 1)` as a statement."""
    found = knowledge.methods(name) or knowledge.methods(name.rstrip("_"))
    return only(thing) if found is None else calls.apply_row(it, found[0], "method", given.prepend(only(thing)), site)


def _open_in(value: Answer) -> Parameter | Subclass | Unknown | None:
    """What a caller could settle, or what is not known of the value and why."""
    things = [t for t, _ in value if isinstance(t, (Parameter, Subclass, Unknown))]
    return min(things, key=lambda t: isinstance(t, Unknown), default=None)


def assigned(it: Interpreter, thing: Tensor, lazy: Lazy, how: str, index: Lazy) -> Answer:
    """`x[index] = value`: the parts join."""
    if how == "assign" and _fills_rows(it, thing, lazy, index):
        source = (thing.source, "written", id(lazy.node))
        return only(thing.replace(emission=Emission.ONEHOT, axis=-1, low=0.0, high=1.0, source=source))
    if how != "assign" or thing.emission is Emission.DATA:
        return only(thing.replace(units=None) if thing.emission is Emission.INDEX else thing)
    value = it.force(lazy)
    ways = [t for t, _ in value if isinstance(t, Tensor)]
    if len(ways) != len(value):
        numbers = [number for t, _ in value if isinstance(t, Const) and (number := real(t.value)) is not None]
        if thing.source is None or len(numbers) < len(value):
            if (left := _open_in(value)) is not None:
                return only(left)
            return (
                only(thing.replace(certainty="likely"))
                if all(isinstance(t, Const) for t, _ in value)
                else unknown("written by index")
            )
        ends = min(thing.low, *numbers), max(thing.high, *numbers)
        if len(value) > 1 and not set(numbers) <= {0.0, 1.0}:
            # Computed from several alternatives, which need not go together.
            source = (thing.source, "written", id(lazy.node))
            return only(thing.replace(emission=Emission.DATA, low=-inf, high=inf, source=source))
        labels = thing.emission is Emission.BINARY and set(numbers) <= {0.0, 1.0}
        kept = labels or thing.emission is Emission.INDEX
        return only(
            thing.replace(
                emission=thing.emission if kept else operators.word(ends), low=ends[0], high=ends[1],
                # Classes that are renamed may become fewer.
                units=None if thing.emission is Emission.INDEX else thing._units,  # noqa: SLF001
                source=(thing.source, "written", id(lazy.node)),
            )
        )  # fmt: skip
    if all(way.emission is thing.emission for way in ways):
        return only(thing.replace(units=None) if thing.emission is Emission.INDEX else thing)
    if thing.source is not None and isinstance(thing.source, tuple) and thing.source[:1] == (LITERAL,):
        return join([only(way.replace(units=None)) for way in ways])
    low, high = min([thing.low, *(w.low for w in ways)]), max([thing.high, *(w.high for w in ways)])
    return only(
        thing.replace(
            emission=operators.word((low, high)),
            axis=None,
            low=low,
            high=high,
            certainty="likely",
            inner=None,
            learned="",
        )
    )


def _fills_rows(it: Interpreter, thing: Tensor, lazy: Lazy, index: Lazy) -> bool:
    """`zeros[np.arange(n), labels] = 1`: one column of each row."""
    node = index.node
    if not isinstance(node, ast.Tuple) or len(node.elts) != ROWS or thing.emission is not Emission.BINARY or thing.high:
        return False
    if isinstance(node.elts[1], ast.Slice) or it.constant(lazy) not in (1, 1.0, True):
        return False
    return all(_counts(it, rows) for rows, _ in it.ev(node.elts[0], index.place, index.frame))


def _counts(it: Interpreter, rows: object) -> bool:
    """Whether these are row numbers one after the other: `arange(n)`, `range(n)`."""
    if isinstance(rows, Sequence):
        numbers = [it.constant(item) for item in rows.items]
        middle = it.force(rows.middle)[0][0] if rows.middle else None
        counted = isinstance(middle, Symbol) or (isinstance(middle, Unknown) and middle.reason == COUNTER)
        return counted if rows.open else ... not in numbers and len(set(numbers)) == len(numbers)
    return isinstance(rows, Tensor) and rows.by.rpartition(".")[2] == "arange"

"""Several sequences whose lengths depend on each other: what the constructor was told of lengths and of features.

A forecaster is built from a configuration (`seq_len`, `label_len`, `pred_len`, `enc_in`, `dec_in`) and takes a history,
a future and the marks of both. Nothing in its layers says that the steps of one argument are those of another.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import nn

from outlayer_lint.tracer.child.search.entries import entry
from outlayer_lint.tracer.child.search.slots import BATCH, TIME, Slot, State, tensor
from outlayer_lint.tracer.child.surroundings.absent import Absent

if TYPE_CHECKING:
    from collections.abc import Iterator

LENGTH = re.compile(
    r"(^|_)(len(gth)?|window|look_?back|horizon|(time_?)?steps|timesteps|context|history|block_size)(_|$)|"
    r"^(window_size|n_?(hist|pred|ctx)|input_size_?t)$"
)
AHEAD = re.compile(r"(^|_)(pred\w*|horizon|label|target|tgt|trg|out(put)?|dec(oder)?|future|forecast\w*)(_|$)|^y$|_y$")
PLAIN = frozenset("x y in out input inputs batch seq sequence data feat feats features mark time stamp series".split())
MOST = 4096  # steps that are tried
RANK = 3  # of samples, steps and features


class Told(NamedTuple):
    """Numbers by name: `lengths` of what lies behind and `ahead`, and `features` (every other number)."""

    lengths: dict[str, int]
    ahead: dict[str, int]
    features: dict[str, int]


def told(model: nn.Module) -> Told:
    """What the constructor was told, as `construct` kept it."""
    numbers: dict[str, int] = vars(model).get("_traced_told", {})
    lengths = {name: size for name, size in numbers.items() if LENGTH.search(name.lower()) and 1 < size <= MOST}
    ahead = {name: size for name, size in lengths.items() if AHEAD.search(name.lower())}
    behind = {name: size for name, size in lengths.items() if name not in ahead}
    features = {name: size for name, size in numbers.items() if name not in lengths and 0 < size <= MOST}
    return Told(behind, ahead, features)


def numbers_of(arguments: dict[str, Any], reader: ast.AST | None) -> dict[str, int]:
    """Whole numbers among the arguments of a constructor: by name, by key, or as attributes of an options object.

    Of options only what `reader`, the definition of the class, mentions, in that order, unless it mentions none.
    """
    words = list(dict.fromkeys(_mentioned(reader))) if reader is not None else []
    found: dict[str, int] = {}
    for name, argument in arguments.items():
        known = _flat(argument) if isinstance(argument, dict) else _attributes(argument)
        read = {key: known[key] for key in words if key in known}
        known = {**read, **known} if isinstance(argument, Absent) else read or known  # it keeps what was read of it
        found |= {
            key: value
            for key, value in {**known, name: argument}.items()
            if type(value) is int and isinstance(key, str)
        }
    return found


def _flat(tree: dict[Any, Any]) -> dict[Any, Any]:
    """The leaves of nested dicts by their last key."""
    found: dict[Any, Any] = {}
    for key, value in tree.items():
        found |= _flat(value) if isinstance(value, dict) else {key: value}
    return found


def _mentioned(reader: ast.AST) -> Iterator[str]:
    for node in ast.walk(reader):
        match node:
            case ast.Attribute(attr=word) | ast.Constant(value=str(word)):
                yield word
            case _:
                pass


def _attributes(thing: Any) -> dict[str, Any]:
    if isinstance(thing, (str, bytes, int, float, list, tuple)) or type(thing).__module__.partition(".")[0] == "torch":
        return {}
    found = dict(vars(thing)) if hasattr(thing, "__dict__") else {}
    if not isinstance(thing, type):
        found = {**dict(vars(type(thing))), **found}
    return {key: value for key, value in found.items() if not key.startswith("_")}


def tied(state: State, model: nn.Module) -> Iterator[State]:
    """States in which every sequence has the steps and the features that the constructor was told for it."""
    known = told(model)
    sequences = [name for name, slot in state if slot.kind == "tensor" and (_may_run(slot) or _features(name, known))]
    if len(sequences) < 2:
        return
    past = next(iter(known.lengths.values()), 0)
    if past:
        for rank in (0, RANK):
            for ahead in _aheads(known, past):
                yield tuple(
                    (name, _run(name, slot, state, known, ahead if is_ahead(name) else past, rank))
                    for name, slot in state
                )


def alongside(state: State, model: nn.Module) -> Iterator[State]:
    """The state whose arguments all run along the same steps, ids with a table among them."""
    sequences = [name for name, slot in state if slot.kind == "tensor" and _may_run(slot)]
    known = told(model)
    runs = any(slot.free == (1,) or (slot.batch == 1 and len(slot.shape) == RANK) for _, slot in state)
    if len(sequences) < (1 if runs else 3) or len(state) < 2 or known.lengths:
        return
    steps = next((slot.shape[1] for _, slot in state if slot.free == (1,)), TIME)
    run = tuple((name, _run(name, slot, state, known, steps)) for name, slot in state)
    yield tuple(
        (name, slot._replace(shape=(BATCH, steps), free=(1,)) if _is_table(model, name, slot) else slot)
        for name, slot in run
    )


def _is_table(model: nn.Module, name: str, slot: Slot) -> bool:
    met = entry(model, name, strict=True) if slot.dtype == "i64" and slot.shape == (BATCH,) else None
    return met is not None and isinstance(met.leaf, nn.Embedding)


def is_ahead(name: str) -> bool:
    """Whether an argument is the future by its name, or what a decoder is given."""
    return AHEAD.search(name.lower()) is not None


def _aheads(known: Told, past: int) -> list[int]:
    """Lengths of what lies ahead: all that is told of it in a row, the last of it alone, as long as the past."""
    sizes = list(known.ahead.values())
    return list(dict.fromkeys([sum(sizes), sizes[-1], past])) if sizes else [past]


def _may_run(slot: Slot) -> bool:
    return slot.dtype == "f32" and len(slot.shape) in {2, 3} and slot.batch == 0


def _run(name: str, slot: Slot, state: State, known: Told, steps: int, rank: int = 0) -> Slot:
    """The argument along `steps` steps; with `rank` steps stand before features whatever its first layer says."""
    if slot.kind != "tensor":
        return slot
    if slot.fill == "lengths":
        return slot._replace(high=steps + 1)
    if slot.dtype != "f32":
        return slot._replace(shape=(BATCH, steps)) if slot.free == (1,) else slot
    features = _features(name, known)
    if rank and features and slot.batch == 0 and (len(slot.shape) != rank or slot.free == (2,)):
        return tensor(BATCH, steps, features, free=(1,))
    if not _may_run(slot):
        return slot
    width = slot.shape[-1]
    if len(slot.shape) == RANK and slot.free == (2,):  # channels before steps
        return tensor(BATCH, slot.shape[1], steps, free=(2,))
    if features and (width in {*known.lengths.values(), *known.ahead.values()} or slot == state[0][1]):
        width = features
    return tensor(BATCH, steps, width, free=(1,))


def _features(name: str, known: Told) -> int:
    """The number that is told under a word of the argument: `enc_in` for `x_enc`."""
    words = set(name.lower().split("_")) - PLAIN
    sizes = [
        size for key, size in known.features.items() if words & (set(key.lower().split("_")) - PLAIN) and _is_width(key)
    ]
    return sizes[0] if sizes else 0


def _is_width(key: str) -> bool:
    return re.search(r"(^|_)(in|dim|size|features?|channels?|vars?|n)(_|$)", key.lower()) is not None

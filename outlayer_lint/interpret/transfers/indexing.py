"""What `x[...]` does to the shape of a tensor."""

from __future__ import annotations

import ast

from outlayer_lint.interpret.things import Library, Unknown
from outlayer_lint.interpret.transfers import shapes
from outlayer_lint.interpret.transfers.coupling import (
    COUPLED,
    loosened,
    rank_after,
    same,
    shifted,
)  # fmt: skip
from outlayer_lint.lattice import SCRAMBLED, Emission, Tensor
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.resolve.blocks import last

if TYPE_CHECKING:
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.things import Answer, Site


def without_first_dim(t: Tensor) -> Tensor:
    """One row of a tensor."""
    rank = rank_after(t, lambda r: r - 1 if r else None)
    source = t.source if t.source is None else (t.source, "row")
    if t.emission in (Emission.DATA, Emission.INDEX):
        return t.replace(rank=rank, source=source, inner=None)
    kept = (loosened(t) if same(t.axis, 0, t) else t).replace(source=source)
    classes = shifted(t.class_axis, 0, -1, t)
    axis = shifted(kept.axis, 0, -1, t) if kept.emission in COUPLED else kept.axis
    return kept.replace(axis=axis, class_axis=classes, units=t._units if classes is not None else None, rank=rank)  # noqa: SLF001


def indexed(it: Interpreter, t: Tensor, index: ast.expr, site: Site) -> Tensor:
    """`x[...]`: which dims were cut, and what that leaves of a coupling and of the units."""
    kinds = _kinds(it, index, site)
    rank = None if "some" in kinds else rank_after(t, lambda r: r - kinds.count("one") + kinds.count("new"))
    if t.source is not None and kinds == ["some"]:
        rank = taken_rank(it, t, index, site)
    if kinds == ["one"] and isinstance(t.source, tuple) and t.source[2:] == (shapes.ROWS_OF_ONE,):
        t = shapes.alone(t)
    elif t.source is not None and t.emission not in (Emission.DATA, Emission.INDEX):
        t = t.replace(source=(t.source, ast.unparse(index)[:40]))
    if t.emission in (Emission.DATA, Emission.INDEX):
        cut = t.replace(source=(t.source, ast.unparse(index)[:40]), inner=None, rank=rank)
        if kinds == ["some"] and t.emission is Emission.INDEX and _is_mask(it.ev(index, site.place, site.frame)):
            cut = cut.replace(units=None)  # what is left may be of fewer classes
        return shapes.alone(cut) if kinds[:1] == ["new"] or _single(it, index, site) else cut
    cut_classes, classes = _landed(t.class_axis, kinds, t.rank)
    cut_axis, axis = _landed(t.axis, kinds, t.rank) if t.emission in COUPLED else (False, t.axis)
    kept = loosened(t) if cut_axis is not False else t
    whole = cut_classes is False
    found = kept.replace(
        axis=axis if kept.emission in COUPLED else kept.axis, units=t._units if whole else None, rank=rank,  # noqa: SLF001
        class_axis=classes if whole else None,
    )  # fmt: skip
    if kinds == ["some"] and by_value(t, it.ev(index, site.place, site.frame)):
        found = found.replace(certainty="likely")
    data = t.source is not None and not t.learned
    return shapes.alone(found) if data and (kinds[:1] == ["new"] or _single(it, index, site)) else found


def by_value(t: Tensor, mask: Answer) -> bool:
    """Whether a mask compares a probability itself, `p > 0`: what it picks or spares has a bound that is not proved."""
    if t.emission not in (Emission.SIMPLEX, Emission.UNIT) or t.origin.applied is None:
        return False
    masks = [thing for thing, _ in mask if isinstance(thing, Tensor) and thing.emission is Emission.BOOL]
    return any(way.origin.applied == t.origin.applied for thing in masks for way in thing.inner)


def _is_mask(index: Answer) -> bool:
    """Whether an index picks by a condition."""
    return any(isinstance(thing, Tensor) and thing.emission is Emission.BOOL for thing, _ in index)


def _single(it: Interpreter, index: ast.expr, site: Site) -> bool:
    """Whether an index takes a range of one: `x[3:4]`, `x[i : i + 1]`."""
    first = index.elts[0] if isinstance(index, ast.Tuple) and index.elts else index
    if not isinstance(first, ast.Slice) or first.step is not None or first.upper is None:
        return False
    ends = [first.lower or ast.Constant(0), first.upper]
    low, high = (it.constant(it.ev(end, site.place, site.frame)) for end in ends)
    if isinstance(low, int) and isinstance(high, int):
        return high - low == 1
    return ast.unparse(first.upper) in {f"{ast.unparse(ends[0])} + 1", f"1 + {ast.unparse(ends[0])}"}


def _kinds(it: Interpreter, index: ast.expr, site: Site) -> list[str]:
    """What each part of an index does to its dim."""
    kinds: list[str] = []
    for entry in list(index.elts) if isinstance(index, ast.Tuple) else [index]:
        if isinstance(entry, ast.Slice):
            kinds.append("all" if entry.lower is None and entry.upper is None else "range")
        elif isinstance(entry, ast.Constant) and entry.value is Ellipsis:
            kinds.append("...")
        elif (isinstance(entry, ast.Constant) and entry.value is None) or last(entry) == "newaxis":
            kinds.append("new")
        else:
            answer = it.ev(entry, site.place, site.frame)
            value = it.constant(answer)
            one = isinstance(value, int) and not isinstance(value, bool)
            if value is None or all(isinstance(t, Library) and t.name.endswith(".newaxis") for t, _ in answer):
                kinds.append("new")
            else:
                kinds.append("one" if one or (value is ... and is_drawn(it, entry, site)) else "some")
    return kinds


def _landed(axis: Any, kinds: list[str], rank: int | None) -> tuple[bool | None, Any]:
    """Whether an index cuts a dim (`None`: may be), and where the dim stands afterwards."""
    if not isinstance(axis, int):
        return None, None
    if axis == SCRAMBLED:
        return False, axis
    split = kinds.index("...") if "..." in kinds else len(kinds)
    before, after = kinds[:split], kinds[split + 1 :]
    if rank is not None:
        missing = rank - sum(kind != "new" for kind in (*before, *after))
        if missing < 0 or not -rank <= axis < rank:
            return None, None
        before, after, axis = [*before, *["all"] * missing, *after], [], axis % rank
    names, steps = (before, 1) if axis >= 0 else (list(reversed(after)), -1)
    wanted = axis if axis >= 0 else -axis - 1
    dims = [at for at, kind in enumerate(names) if kind != "new"]
    if wanted < len(dims):
        at = dims[wanted]
        if names[at] != "all":
            return (None if names[at] == "some" else True), None
        near, far = names[:at], names[at + 1 :]
    elif axis < 0 and sum(kind != "new" for kind in before) > 1 and "..." not in kinds:
        return None, None  # how far the index reaches from the front is not known
    elif axis >= 0 and after:
        return None, None
    else:
        near, far = names, ["some"]
    if "some" not in near:
        moved = wanted - near.count("one") + near.count("new")
        return False, moved if steps > 0 else -moved - 1
    if rank is not None and "some" not in far:
        return False, -1 - (rank - 1 - wanted - far.count("one") + far.count("new"))
    return False, None


# -- what stands between the brackets ----------------------------------------------------------------------------------


def taken_rank(it: Interpreter, t: Tensor, index: ast.expr, site: Site) -> int | None:
    """The rank of `x[index]` where the index is an array: its dims stand in place of the first one."""
    if t.rank is None:
        return None
    ranks = {_index_rank(thing) for thing, _ in it.ev(index, site.place, site.frame)}
    known = ranks.pop() if len(ranks) == 1 else None
    return None if known is None else t.rank - 1 + known


def is_index(thing: Any) -> bool:
    """Whether a thing is the number that a loader asks for one example by."""
    return isinstance(thing, Unknown) and thing.reason == "index"


def is_drawn(it: Interpreter, index: ast.expr, site: Site) -> bool:
    """Whether `index` takes one example, as a loader asks for it."""
    return all(is_index(thing) for thing, _ in it.ev(index, site.place, site.frame))


def _index_rank(thing: Any) -> int | None:
    if not isinstance(thing, Tensor) or thing.rank is None:
        return None
    return thing.rank if thing.emission is not Emission.BOOL else 2 - thing.rank if thing.rank == 1 else None

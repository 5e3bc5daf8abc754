"""Which axis of which argument moves the size that does not fit: each is made one longer, the rest is arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outlayer_lint.tracer.child.search.reshaping import MAX_SIZE, lengthened
from outlayer_lint.tracer.child.search.sizes import gap
from outlayer_lint.tracer.child.search.slots import State, leaves, replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from outlayer_lint.tracer.child.search.watching import Failure, Outcome

MOST = 12  # axes that are tried for one failure


def levered(state: State, failure: Failure, progress: int, run: Callable[[State], Outcome]) -> Iterator[State]:
    """States in which one axis has the size that closes the gap of a failure. Each axis costs a forward or two."""
    first = gap(failure)
    if first is None or first.got == first.want:
        return
    fed = {path for operand in (*failure.operands, *failure.entering) for path in operand.sources}
    tensors = leaves(state)
    axes = [(path, axis) for path in tensors if path in fed or not fed for axis in range(len(tensors[path].shape))]
    axes.sort(key=lambda place: place[1] == tensors[place[0]].batch)
    moves = False
    for path, axis in axes[:MOST]:
        slot = tensors[path]
        if slot.fill == "lengths" or (axis == slot.batch and moves):
            continue
        for step in (1, slot.shape[axis]):  # strides and pools do not see a single one more
            longer = replaced(state, path, lengthened(slot, axis, slot.shape[axis] + step))
            outcome = run(longer)
            if outcome.failure is None or outcome.progress > progress:
                moves = True
                yield longer
                break
            here = gap(outcome.failure)
            if here is None or here.site != first.site:
                break
            moved = (here.got - here.want) - (first.got - first.want)
            if moved:
                moves = True
                size = slot.shape[axis] + (first.want - first.got) * step // moved
                if 0 < size <= MAX_SIZE and not (first.want - first.got) * step % moved:
                    yield replaced(state, path, lengthened(slot, axis, size))
                break

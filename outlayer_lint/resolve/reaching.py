"""Reaching definitions: which writes of a name may be what a use reads, and under which conditions.

Asked backwards from the use, within one scope; a loop's body is entered from behind as well.
"""

from __future__ import annotations

import ast
from bisect import bisect_left

from outlayer_lint.records import TYPE_CHECKING, NamedTuple
from outlayer_lint.resolve.blocks import Block, Definition, Place
from outlayer_lint.resolve.branches import is_exhaustive, leaves

if TYPE_CHECKING:
    from collections.abc import Iterable

Condition = tuple[ast.expr, bool, Place, bool]

LIMIT = 48  # definitions that are told apart; a list of this length was cut short
MAX_CONDITIONS = 12  # conditions remembered of one path


class Reach(NamedTuple):
    """A definition that reaches a use, the conditions on its way, and the loops entered from behind.

    `loops` lists (loop statement, "last" or "earlier"). A definition of `None` means: none in this scope on that path.
    """

    definition: Definition | None
    conditions: tuple[Condition, ...]
    loops: tuple[tuple[ast.stmt, str], ...]


def reaching(key: str, place: Place, limit: int = LIMIT) -> list[Reach]:
    """Definitions of `key` that may reach `place`, nearest first, within the scope of the place."""
    found: list[Reach] = []
    fallen = _backwards(key, place.block, place.index, (), (), found, limit, set())
    found.extend(Reach(None, c, l) for c, l in fallen)
    return found


Path = tuple[tuple[Condition, ...], tuple[tuple[ast.stmt, str], ...]]


def _backwards(
    key: str, block: Block, index: int, conditions: tuple[Condition, ...],
    loops: tuple[tuple[ast.stmt, str], ...], found: list[Reach], limit: int, seen: set[tuple[int, int]],
) -> list[Path]:  # fmt: skip
    """Walk up from `index`, then out of the block. Returns the paths on which no definition was met."""
    open_paths = _within(key, block, index, [(conditions, loops)], found, limit)
    if not open_paths or block.parent is None:
        return open_paths
    parent, statement = block.parent, block.statement
    if block.kind == "loop" and statement is not None:
        for name, definition in parent.writes.get(block.index, ()):
            if name == key and definition.kind in ("for", "assign"):  # each turn begins with it: no earlier one is left
                found.extend(Reach(definition, c, l) for c, l in open_paths)
                return []
    if block.kind == "loop" and id(statement) not in {id(s) for s, _ in loops}:
        again: list[Reach] = []
        earlier = [(c, (*l, (statement, "earlier"))) for c, l in open_paths]
        _within(key, block, len(block.statements), earlier, again, limit)  # type: ignore[arg-type]
        found.extend(again)
    if block.kind in ("with", "handler", "case") or (block.kind == "then" and statement is not None):
        hit = [d for n, d in parent.writes.get(block.index, ()) if n == key]
        if hit:
            found.extend(Reach(hit[-1], c, l) for c, l in open_paths)
            return []
    if block.kind == "loop-else" and statement is not None:
        inner = [sub for sub in parent.subs.get(block.index, ()) if sub.kind == "loop"]
        direct = [d for n, d in parent.writes.get(block.index, ()) if n == key]
        open_paths = _through(key, parent, block.index, inner, direct, open_paths, found, limit)
    if block.kind == "finally" and statement is not None:
        for sub in parent.subs.get(block.index, ()):
            if sub.kind == "try":
                open_paths = _within(key, sub, len(sub.statements), open_paths, found, limit)
    out: list[Path] = []
    for c, l in open_paths[:limit]:
        extra = ((block.condition[0], block.condition[1], Place(parent, block.index), True),) if block.condition else ()
        kept = (*c, *extra) if len(c) < MAX_CONDITIONS else c
        out.extend(_backwards(key, parent, block.index, kept, l, found, limit, seen))
    return out


def _within(key: str, block: Block, index: int, paths: list[Path], found: list[Reach], limit: int) -> list[Path]:
    """Walk up inside one block from `index`; definitions go to `found`, unfinished paths come back."""
    places = block.names.get(key)
    if not places:
        return paths
    if len(found) >= limit:
        return []
    at = bisect_left(places, index) - 1
    while at >= 0 and paths:
        i = places[at]
        at -= 1
        direct = [d for n, d in block.writes.get(i, ()) if n == key]
        subs = block.subs.get(i)
        if subs:
            paths = _through(key, block, i, subs, direct, paths, found, limit)
            continue
        if direct:
            definition = direct[-1]
            found.extend(Reach(definition, c, l) for c, l in paths[: max(1, limit - len(found))])
            return []
    return paths


def _through(
    key: str,
    block: Block,
    i: int,
    subs: list[Block],
    direct: list[Definition],
    paths: list[Path],
    found: list[Reach],
    limit: int,
) -> list[Path]:
    """Pass a compound statement backwards: into each of its blocks from the end."""
    node = block.statements[i]
    after: list[Path] = []
    if isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
        paths = _after_all_turns(key, node, subs, paths, found, limit)
        fresh = [(c, l) for c, l in paths if not any(s is node for s, _ in l)]
        left = paths
        for sub in subs:
            if sub.kind == "loop":
                earlier = [(c, (*l, (node, "earlier"))) for c, l in fresh]
                if not (
                    _last_turn(key, sub, node, fresh, found, limit)
                    and (direct or _within(key, sub, len(sub.statements), earlier, found, limit))
                ):
                    left = []  # a loop whose body always writes the key is taken to run at least once
        if direct:  # the loop variable itself, read after the loop
            found.extend(Reach(direct[-1], c, (*l, (node, "last"))) for c, l in left)
            return []
        return left
    if isinstance(node, (ast.With, ast.AsyncWith)):
        rest = _within(key, subs[0], len(subs[0].statements), paths, found, limit)
        if rest and direct:
            found.extend(Reach(direct[-1], c, l) for c, l in rest)
            return []
        return rest
    if isinstance(node, (ast.Try, ast.TryStar)):
        final = [s for s in subs if s.kind == "finally"]
        if final:
            paths = _within(key, final[0], len(final[0].statements), paths, found, limit)
        place = Place(block, i)
        guards = [s.guard for s in subs if s.guard is not None and key in s.names]  # names written together
        for sub in subs:
            if sub.kind != "finally" and not sub.ends and paths:
                tests = tuple((g, g is sub.guard, place, False) for g in guards if sub.guard in (None, g))
                entered = [((*c, *tests) if len(c) < MAX_CONDITIONS else c, l) for c, l in paths] if tests else paths
                after += _within(key, sub, len(sub.statements), entered, found, limit)
        return _distinct(after, limit)
    if isinstance(node, ast.If):
        place = Place(block, i)
        for sub in subs:
            if sub.ends:
                continue
            test = (node.test, sub.kind == "then", place, False)
            entered = [((*c, test) if len(c) < MAX_CONDITIONS else c, l) for c, l in paths]
            after += _within(key, sub, len(sub.statements), entered, found, limit)
        if direct and after:
            found.extend(Reach(direct[-1], c, l) for c, l in after)
            return []
        return _distinct(after, limit)
    for sub in subs:  # match
        if not sub.ends:
            entered = paths
            if sub.condition is not None:
                test = (*sub.condition, Place(block, i), False)
                entered = [((*c, test) if len(c) < MAX_CONDITIONS else c, l) for c, l in paths]
            after += _within(key, sub, len(sub.statements), entered, found, limit)
    return _distinct(after if is_exhaustive(node) else after + paths, limit)


def _last_turn(key: str, body: Block, loop: ast.stmt, paths: list[Path], found: list[Reach], limit: int) -> list[Path]:
    """Pass the last turn of a loop backwards: from its end, and from where a test leaves it before `key` is written."""
    written = body.names[key][-1] if key in body.names else -1
    cuts = [
        (i, sub, sub.condition)
        for i, subs in (body.subs.items() if written >= 0 else ())
        for sub in (subs if isinstance(body.statements[i], ast.If) else ())
        if sub.ends and sub.condition is not None and isinstance(sub.statements[-1], (ast.Break, ast.Continue))
        and (key in sub.names or written > i)
    ]  # fmt: skip
    passed = [
        _under(path, [(c[0], not c[1], Place(body, i), False) for i, _, c in cuts], loop, "last") for path in paths
    ]
    after = _within(key, body, len(body.statements), passed, found, limit)
    for i, sub, (test, polarity) in cuts:
        turns = ("last", "earlier") if isinstance(sub.statements[-1], ast.Break) else ("last",)
        entered = [
            _under(path, [(test, polarity, Place(body, i), False)], loop, turn) for path in paths for turn in turns
        ]
        after = after + _within(
            key, body, i, _within(key, sub, len(sub.statements), entered, found, limit), found, limit
        )
    return after


def _under(path: Path, tests: list[Condition], loop: ast.stmt, turn: str) -> Path:
    fits = len(path[0]) + len(tests) <= MAX_CONDITIONS
    return ((*path[0], *tests) if fits else path[0], (*path[1], (loop, turn)))


def _after_all_turns(
    key: str, node: ast.stmt, subs: list[Block], paths: list[Path], found: list[Reach], limit: int
) -> list[Path]:
    """Pass the `else` of a loop backwards: it runs unless the loop was left by `break`."""
    for sub in subs:
        if sub.kind == "loop-else":
            left = leaves(node)
            after = [] if sub.ends else _within(key, sub, len(sub.statements), paths, found, limit)
            return _distinct([*after, *paths], limit) if left else after
    return paths


def _distinct(paths: Iterable[Path], limit: int) -> list[Path]:
    unique: dict[object, Path] = {}
    for path in paths:
        unique.setdefault((tuple((id(e), p) for e, p, *_ in path[0]), tuple((id(s), w) for s, w in path[1])), path)
    if len(unique) > limit:  # too many ways: forget the conditions, keep one way for each set of loops
        unique = {tuple((id(s), w) for s, w in path[1]): ((), path[1]) for path in unique.values()}
    return list(unique.values())

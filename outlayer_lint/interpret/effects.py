"""What methods do to their own object: `net.set_head(nn.Linear(8, 3))`, `self.build(10)` in a constructor.

Nothing is carried out. The object afterwards refers to the frame of the call, and an attribute is looked up among what
that method writes when it is read; what it does not write is as it was before.
"""

from __future__ import annotations

import ast

from outlayer_lint.interpret import attributes, calls, classes, conditions, instances, passing
from outlayer_lint.interpret.answers import join, lift, only, unknown
from outlayer_lint.interpret.choices import NO_CHOICE, Choices, compatible, restrict
from outlayer_lint.interpret.frames import MAX_DEPTH, Frame
from outlayer_lint.interpret.things import Answer, Instance, Unbound, Unknown
from outlayer_lint.records import TYPE_CHECKING, Any, NamedTuple
from outlayer_lint.resolve.blocks import Place
from outlayer_lint.resolve.walking import walk

if TYPE_CHECKING:
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.things import Class, Site
    from outlayer_lint.resolve.blocks import Block, Definition
    from outlayer_lint.resolve.reaching import Reach
    from outlayer_lint.resolve.scopes import Scope

MAX_NESTED = 4  # methods that call methods


class Effect(NamedTuple):
    """What a method has written to its receiver when it comes to a place; `again`: it may have done so many times."""

    frame: Frame
    until: Place | None = None  # `None`: when it returns
    again: bool = False


def called(
    it: Interpreter, before: Answer, node: ast.Call, place: Place, frame: Frame, *, again: bool = False
) -> Answer:
    """The effect of the statement `x.method(...)` on `x`."""
    return lift(before, lambda thing: only(_after(it, thing, node, place, frame, again=again)))


def repeated(it: Interpreter, key: str, definition: Definition, reach: Reach, frame: Frame) -> Answer:
    """The effect of such a statement in a loop, seen from behind the loop or from its next turn."""
    body: Block | None = definition.block
    while body is not None and body.statement is not reach.loops[0][0]:
        body = body.parent
    assert body is not None
    assert body.parent is not None
    assert isinstance(definition.value, ast.Call)
    before = it.before(key, Place(body.parent, body.index), frame.inside(body.parent))
    inside = frame.inside(definition.block, reach.loops)
    return called(it, before, definition.value, Place(definition.block, definition.index), inside, again=True)


def returned(it: Interpreter, answer: Answer, thing: Instance, frame: Frame) -> Answer:
    """What a method returns that returns its object: the object as the method leaves it."""
    if not _sets(it, thing.cls, frame.scope, None):
        return answer
    key = ("returned", id(frame))
    if key not in thing.cache:
        thing.cache[key] = thing.then(effect=Effect(frame))
    return tuple((thing.cache[key] if t is thing else t, c) for t, c in answer)


def _after(it: Interpreter, thing: Any, node: ast.Call, place: Place, frame: Frame, *, again: bool) -> Any:
    assert isinstance(node.func, ast.Attribute)
    if isinstance(node.func.value, ast.Call) and not _is_super(node.func.value):  # `net.widen(4).finish_with("relu")`
        ways = [t for t, _ in it.ev(node, place, frame) if isinstance(t, Instance)]
        return ways[0] if len(ways) == 1 and isinstance(thing, Instance) and ways[0].root is thing.root else thing
    found = _method(it, thing.cls, place.block.scope, node) if isinstance(thing, Instance) else None
    if found is None or not _sets(it, thing.cls, found[1], None):
        return thing
    key = ("after", id(node), id(frame), again)
    if key not in thing.cache:
        made = Frame(
            found[1], frame.world, classes.class_frame(found[0]), arguments=passing.arguments(it, node, place, frame),
            receiver=thing, caller=frame, place=place,
        )  # fmt: skip
        thing.cache[key] = thing.then(effect=Effect(made, again=again))
    return thing.cache[key]


def _sets(it: Interpreter, cls: Class, scope: Scope, name: str | None, depth: int = MAX_NESTED) -> bool:
    """Whether a method writes an attribute (`None`: any) of its object, itself or through methods it calls."""
    asked = (scope, name, depth)
    if asked not in cls.sets:
        cls.sets[asked] = _found_to_set(it, cls, scope, name, depth)
    return cls.sets[asked]


def _found_to_set(it: Interpreter, cls: Class, scope: Scope, name: str | None, depth: int) -> bool:
    if scope.kind != "function" or not scope.parameter_names or scope.has_decorator("staticmethod", "classmethod"):
        return False
    names, receiver = scope.block.names, scope.parameter_names[0] + "."
    if any(key.startswith(receiver) for key in names) if name is None else receiver + name in names:
        return True
    return depth > 0 and any(
        _sets(it, cls, found[1], name, depth - 1)
        for _, call in scope.self_calls
        if (found := _method(it, cls, scope, call)) is not None
    )


def _method(it: Interpreter, cls: Class, scope: Scope, call: ast.Call) -> tuple[Class, Scope] | None:
    """What `self.method(...)` or `super().method(...)` calls."""
    assert isinstance(call.func, ast.Attribute)
    after = scope.owner if _is_super(call.func.value) else None
    return classes.method_of(it, cls, call.func.attr, after=after)


def _is_super(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"


def read(it: Interpreter, thing: Instance, effect: Effect, name: str, site: Site | None, skip: Scope | None) -> Answer:
    """An attribute of an object on which a method was called."""
    key = (name, None if skip is None else id(skip), it.era)
    if key not in thing.cache:
        thing.cache[key] = unknown("cycle")
        answer = _read(it, thing, effect, name, site, skip)
        if it.fuel <= 0:
            del thing.cache[key]
            return answer
        thing.cache[key] = answer
    return thing.cache[key]  # type: ignore[no-any-return]


def _read(it: Interpreter, thing: Instance, effect: Effect, name: str, site: Site | None, skip: Scope | None) -> Answer:
    frame = effect.frame
    before = frame.receiver
    assert isinstance(before, Instance)

    def earlier() -> Answer:
        if frame.scope.name == "__init__" and frame.scope.owner is not None:
            found = attributes.from_bases(it, before, name, frame.scope, frame)
        else:
            found = instances.of_instance(it, before, name, site, skip)
        return tuple((instances.rebound(t, before, thing), c) for t, c in found)

    answer = left(it, thing.cls, effect, name)
    if answer is None or _undefined(answer):
        return earlier()
    ways = [tuple((t, c) for t, c in answer if t is not Unbound)]
    ways += [restrict(earlier(), c) for t, c in answer if t is Unbound]
    return join(ways)


def _undefined(answer: Answer) -> bool:
    return len(answer) == 1 and isinstance(answer[0][0], Unknown) and answer[0][0].reason == "undefined name"


def left(it: Interpreter, cls: Class, effect: Effect, name: str) -> Answer | None:
    """What a method leaves in an attribute of its object: `None` where it does not write it, `Unbound` on some ways."""
    frame = effect.frame
    scope = frame.scope
    if not scope.parameter_names or not _sets(it, cls, scope, name):
        return None
    if frame.depth >= MAX_DEPTH or (frame.caller is not None and frame.caller.chain_has(scope, 2)):
        return unknown("recursion")
    key = f"{scope.parameter_names[0]}.{name}"
    if effect.again and _accumulates(scope, key):
        return unknown("changed in a loop")
    if effect.until is not None:
        return _until(it, cls, frame, effect.until, name, key)
    ways = [restrict(_until(it, cls, frame, place, name, key), choices) for place, choices in _ends(it, frame)]
    return join(ways) or unknown("undefined name")


def _ends(it: Interpreter, frame: Frame) -> list[tuple[Place, Choices]]:
    """Where a method returns, the end included, and under which choices."""
    memo: dict[Any, Any] = frame.memo
    if ("ends", it.era) in memo:
        return memo["ends", it.era]  # type: ignore[no-any-return]
    block = frame.scope.block
    ends: list[tuple[Place, Choices]] = []
    outer = it.pause()
    fallen = calls.exits(it, block, frame, NO_CHOICE, ends)
    if fallen is not None:
        ends.append((Place(block, len(block.statements)), fallen))
    if it.resume(outer):
        memo["ends", it.era] = ends
    return ends


def _until(it: Interpreter, cls: Class, frame: Frame, until: Place, name: str, key: str) -> Answer:
    """What stands in the attribute before a statement of the method: its own writes, or those of methods it calls."""
    scope = frame.scope
    nested = [
        (place, call, choices)
        for place, call in scope.self_calls
        if _line(place) < _line(until)
        and (found := _method(it, cls, scope, call)) is not None
        and _sets(it, cls, found[1], name)
        and (choices := _taken(it, place, frame)) is not None
    ]
    written = key in scope.block.names
    answer = it.defined(key, until, frame.inside(until.block), fallback=False) if written else only(Unbound)
    if not nested:
        return answer
    place, call, choices = max(nested, key=lambda found: _line(found[0]))
    own = [r.definition for r in it.reached(key, until) if r.definition is not None] if written else []
    if own and min(_line(Place(d.block, d.index)) for d in own) > _line(place):
        if not any(t is Unbound for t, _ in answer):
            return answer
        ways = [tuple((t, c) for t, c in answer if t is not Unbound)]
        behind = _until(it, cls, frame, Place(place.block, place.index + 1), name, key)
        return join([*ways, *(restrict(behind, c) for t, c in answer if t is Unbound)])
    receiver = frame.receiver
    assert isinstance(receiver, Instance)
    before = receiver.then(effect=Effect(frame, place))
    around = _around(place.block)
    loops = tuple((b.statement, "last") for b in around if b.kind == "loop" and b.statement is not None)
    after = _after(it, before, call, place, frame.inside(place.block, loops), again=bool(loops))
    inner = left(it, cls, after.effect, name) if after is not before else None
    if inner is None:
        return answer
    certain = not choices and all(b.kind in ("body", "then", "else", "with", "try", "loop") for b in around)
    if certain and not any(t is Unbound for t, _ in inner):
        return inner
    ways = [restrict(tuple((t, c) for t, c in inner if t is not Unbound), choices)]
    return join([*ways, _until(it, cls, frame, place, name, key)])


def _taken(it: Interpreter, place: Place, frame: Frame) -> Choices | None:
    """Under which choices a statement is come to, `None` where a condition around it is decided against it."""
    choices: Choices = NO_CHOICE
    for block in _around(place.block):
        if block.condition is not None and block.parent is not None:
            at = Place(block.parent, block.index)
            decided = conditions.decide(it, *block.condition, at, frame.inside(block.parent))
            both = None if decided is None else compatible(choices, decided)
            if both is None:
                return None
            choices = both
    return choices


def _around(block: Block) -> list[Block]:
    found = [block]
    while found[-1].parent is not None:
        found.append(found[-1].parent)
    return found


def _line(place: Place) -> int:
    statements = place.block.statements
    if place.index < len(statements):
        return statements[place.index].lineno
    last: int = statements[-1].end_lineno if statements else 0  # type: ignore[assignment]
    return last + 1


def _accumulates(scope: Scope, key: str) -> bool:
    """Whether another call would leave something else behind: what is written is made from what was there."""

    def grows(block: Block) -> bool:
        for index in block.names.get(key, ()):
            for written, definition in block.writes.get(index, ()):
                if written == key and (
                    definition.kind != "assign"
                    or definition.value is None
                    or any(
                        isinstance(inner, ast.Attribute) and ast.unparse(inner) == key
                        for inner in walk(definition.value)
                    )
                ):
                    return True
            if any(grows(sub) for sub in block.subs.get(index, ())):
                return True
        return False

    return grows(scope.block)

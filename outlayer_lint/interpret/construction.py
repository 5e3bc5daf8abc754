"""Objects of the project's classes: what a constructor receives, and whether it lets the object be."""

from __future__ import annotations

import ast

from outlayer_lint import knowledge
from outlayer_lint.interpret import classes, conditions, passing
from outlayer_lint.interpret.answers import only
from outlayer_lint.interpret.frames import Arguments, Frame
from outlayer_lint.interpret.things import Answer, Class, Instance, Library, Parameter, Site
from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.resolve.blocks import Place

if TYPE_CHECKING:
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.resolve.blocks import Block
    from outlayer_lint.resolve.scopes import Scope


def construct(it: Interpreter, cls: Class, given: Arguments, site: Site) -> Answer:
    """`Class(...)`."""
    return only(Instance(cls, site, given))


def constructor_frame(it: Interpreter, thing: Instance, cls: Class, init: Scope, derived: Frame | None) -> Frame | None:
    """The frame of a class's `__init__` for an object: entered by the construction, or by `super().__init__(...)`."""
    key = ("init", id(init))
    cache = thing.root.cache
    if key in cache:
        return cache[key]  # type: ignore[no-any-return]
    frame: Frame | None
    if derived is None or derived.scope.name != "__init__":
        if thing.site is None:
            world = thing.cache.get("world") or thing.root.cache.get("world") or cls.frame.world
            frame = Frame(init, world, classes.class_frame(cls))
        else:
            frame = Frame(
                init, thing.site.frame.world, classes.class_frame(cls),
                arguments=thing.arguments, caller=thing.site.frame, place=thing.site.place,
            )  # fmt: skip
        frame.receiver = thing.root
    else:
        frame = _through_super(it, thing, cls, init, derived)
    if it.fuel > 0:
        cache[key] = frame
    return frame


def _through_super(it: Interpreter, thing: Instance, cls: Class, init: Scope, derived: Frame) -> Frame | None:
    """Find `super().__init__(...)` or `Base.__init__(self, ...)` in a derived constructor."""
    block = derived.scope.block
    for place, node in calls_named(block, "__init__"):
        function = node.func
        assert isinstance(function, ast.Attribute)
        target = function.value
        by_super = isinstance(target, ast.Call) and isinstance(target.func, ast.Name) and target.func.id == "super"
        given = passing.arguments(it, node, place, derived)
        if not by_super:
            named = it.ev(target, place, derived)
            if not any(isinstance(t, Class) and t.scope is cls.scope for t, _ in named):
                continue
            given = given.without_first()
        frame = Frame(init, derived.world, classes.class_frame(cls), arguments=given, caller=derived, place=place)
        frame.receiver = thing.root
        return frame
    return None


def handed_up(it: Interpreter, node: ast.Call, place: Place, frame: Frame, row: knowledge.Row) -> Arguments | None:
    """What a call of some `__init__` gives a library's class, `None` where it is another's or passes the class by."""
    given = passing.arguments(it, node, place, frame)
    target = node.func.value if isinstance(node.func, ast.Attribute) else node.func
    if isinstance(target, ast.Call) and isinstance(target.func, ast.Name) and target.func.id == "super":
        # `super(ResNet, self).__init__()` begins behind the class that it names.
        behind = it.ev(target.args[0], place, frame) if target.args else ()
        return None if any(isinstance(thing, Library) for thing, _ in behind) else given
    for thing, _ in it.ev(target, place, frame):
        if isinstance(thing, Library):
            found = knowledge.find(thing.name)
            return given.without_first() if found is not None and found[0] is row else None
    return given


def calls_named(block: Block, name: str) -> list[tuple[Place, ast.Call]]:
    """Calls of a method by its bare name, as statements anywhere in a block."""
    found: list[tuple[Place, ast.Call]] = []
    for index, node in enumerate(block.statements):
        if isinstance(node, (ast.Expr, ast.Assign)) and isinstance(node.value, ast.Call):
            function = node.value.func
            if isinstance(function, ast.Attribute) and function.attr == name:
                found.append((Place(block, index), node.value))
        for sub in block.subs.get(index, ()):
            found.extend(calls_named(sub, name))
    return found


def assumed(it: Interpreter, thing: Instance) -> Instance | Parameter | None:
    """The object whose method is asked about, as it is made where its class leaves the constructor to a library's.

    As long as the world says nothing of that, whoever makes one is to be asked; which class is meant comes first.
    """
    scope = thing.cls.scope
    world = thing.root.cache.get("world") or thing.cls.frame.world
    if not any(cls.scope is scope for cls in world.subclasses.values()):
        return None
    binding = world.bindings.get(scope, ...)
    if binding is ...:
        return Parameter(scope, "self")
    if binding is None:
        return None
    given, where = passing.assumed(it, binding, world)
    return Instance(thing.cls, Site(binding.call, binding.place, where), given)


def is_refused(it: Interpreter, thing: Instance) -> bool:
    """Whether the constructor raises for its arguments: there is no such object (`if sigmoid and softmax: raise`)."""
    memo = thing.root.cache
    if "refused" not in memo:
        memo["refused"] = False
        found = classes.method_of(it, thing.cls, "__init__")
        if thing.site is not None and found is not None:
            frame = constructor_frame(it, thing, found[0], found[1], None) if found[0] is thing.cls else None
            misfit = thing.arguments is not None and not passing.takes(found[1], thing.arguments)
            memo["refused"] = misfit or (frame is not None and _raises(it, found[1].block, frame))
        if it.fuel <= 0:
            return bool(memo.pop("refused", False))
    return bool(memo["refused"])


def _raises(it: Interpreter, block: Block, frame: Frame) -> bool:
    for index, node in enumerate(block.statements):
        if not isinstance(node, ast.If) or node.orelse or not isinstance(node.body[-1], ast.Raise):
            continue
        if conditions.decide(it, node.test, False, Place(block, index), frame) is None:  # noqa: FBT003
            return True
    return False

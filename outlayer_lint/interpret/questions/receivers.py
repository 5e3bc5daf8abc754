"""Which constructions a method that is asked about can have: those whose objects it is called on."""

from __future__ import annotations

import ast

from outlayer_lint.interpret import ways
from outlayer_lint.interpret.questions import trainers
from outlayer_lint.interpret.questions.callers import MAX_CALLERS
from outlayer_lint.interpret.questions.seeds import Seed
from outlayer_lint.interpret.things import Function, Instance
from outlayer_lint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from outlayer_lint.interpret.frames import Binding, World
    from outlayer_lint.interpret.questions.callers import Caller
    from outlayer_lint.interpret.questions.driver import Driver
    from outlayer_lint.interpret.things import Answer
    from outlayer_lint.resolve.scopes import Scope

MAX_WORLDS = 4
MAX_HOPS = 3  # a method is called by another of the same object
FUEL = 100
Made = frozenset[ast.expr]


def fitting(driver: Driver, scope: Scope, found: list[Caller], world: World, asked: Scope | None) -> list[Caller]:
    """The callers of a scope that can be meant together with what a world assumes already.

    A method that a script calls on the object it makes says nothing about the object that another script makes.
    `asked` is where the question stands.
    """
    if scope.name == "__init__":
        assumed = [b.place.block.scope for b in world.bindings.values() if b is not None]
        for method in dict.fromkeys(_method_around(at) for at in (asked, *assumed)):
            if method is None or not _related(driver, method, scope):
                continue
            found = _making(found, _made_for(driver, method, world))
        return _as_called(driver, scope, found, world)
    if not _is_called_by_name(scope) and scope.name not in ways.CALLED_THROUGH_INSTANCE:
        return found
    for constructor, binding in world.bindings.items():
        if binding is None or constructor.name != "__init__" or constructor.owner is None:
            continue
        if _related(driver, scope, constructor) and not _is_inherited(binding.call):
            receivers = [_made_at(driver, c.binding) for c in found]
            kept = [c for c, made in zip(found, receivers, strict=True) if made is None or binding.call in made]
            found = kept or found
    return found


def _as_called(driver: Driver, scope: Scope, found: list[Caller], world: World) -> list[Caller]:
    """Of the constructions those of the object that a world calls itself: `self.task(labels, scores)`."""
    for method, binding in world.bindings.items():
        itself = method.owner is not None and method.name in ways.CALLED_THROUGH_INSTANCE
        if binding is not None and itself and not binding.likely and _related(driver, method, scope):
            found = _making(found, _made_at(driver, binding))
    return found


def _making(found: list[Caller], made: Made | None) -> list[Caller]:
    """Of the constructions those that make one of these objects; all of them where none does."""
    if made is None:
        return found
    kept = [c for c in found if c.binding.call in made or _is_inherited(c.binding.call)]
    return kept if any(not _is_inherited(c.binding.call) for c in kept) else found


def _is_called_by_name(scope: Scope) -> bool:
    """Whether a scope is a method that is run where its name is called: no hook, and not the object called itself."""
    name = scope.name
    return (
        scope.owner is not None
        and not name.startswith("__")
        and name not in ways.CALLED_THROUGH_INSTANCE
        and name not in trainers.STEPS
        and not scope.has_decorator("staticmethod")
        and not scope.has_decorator("classmethod")
    )


def _related(driver: Driver, method: Scope, constructor: Scope) -> bool:
    """Whether the objects of a constructor may have the method."""
    assert method.owner is not None
    assert constructor.owner is not None
    return driver.are_related(method.owner, constructor.owner)


def _is_inherited(call: ast.Call) -> bool:
    """`super().__init__(...)`: whoever makes an object of the derived class is asked about next."""
    return isinstance(call.func, ast.Attribute) and call.func.attr == "__init__"


def _made_for(driver: Driver, method: Scope, world: World) -> Made | None:
    """Where the objects are made that a method is called on; `None` where that is not known of each."""
    binding = world.bindings.get(method)
    if binding is not None:
        return _made_at(driver, binding)
    if method not in driver.called_on:
        driver.called_on[method] = None  # while it is looked up
        driver.called_on[method] = _made_by_callers(driver, method, 0)
    return driver.called_on[method]


def _made_by_callers(driver: Driver, method: Scope, hops: int) -> Made | None:
    found = driver.callers(method)
    if not found or len(found) >= MAX_CALLERS or any(c.binding.likely for c in found):
        return None
    made: set[ast.expr] = set()
    for caller in found:
        more = _made_at(driver, caller.binding, hops)
        if more is None:
            return None
        made |= more
    return frozenset(made)


def _made_at(driver: Driver, binding: Binding, hops: int = 0) -> Made | None:
    """Where the receivers of a call are made; looked up once, and on nobody's account."""
    key = binding.call, hops
    if key not in driver.receiving:
        fuel, evaluations = driver.it.fuel, driver.it.evaluations
        driver.receiving[key] = _evaluated(driver, binding, hops)
        driver.it.fuel, driver.it.evaluations = fuel, evaluations
    return driver.receiving[key]


def _evaluated(driver: Driver, binding: Binding, hops: int) -> Made | None:
    seed = Seed(binding.call, binding.place, binding.overlay)

    def ask(world: World) -> list[Answer]:
        return [driver.it.ev(binding.call.func, binding.place, driver.frame(seed, world))]

    made, worlds = set[ast.expr](), 0
    for _, answers in driver.worlds(ask, limit=MAX_WORLDS, fuel=FUEL):
        worlds += 1
        for thing, _ in answers[0]:
            receiver = thing.bound if isinstance(thing, Function) else thing  # an object may be called itself
            if isinstance(receiver, Instance) and receiver.site is not None:
                made.add(receiver.site.node)
                continue
            own = _method_around(binding.place.block.scope) if isinstance(receiver, Instance) else None
            more = None if own is None or hops >= MAX_HOPS else _made_by_callers(driver, own, hops + 1)
            if more is None:
                return None
            made |= more
    return frozenset(made) if made and worlds < MAX_WORLDS else None


def _method_around(at: Scope | None) -> Scope | None:
    """The method that something stands in, where that is called by its name."""
    method = None if at is None else at.method
    return method if method is not None and _is_called_by_name(method) else None

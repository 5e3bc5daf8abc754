"""Which of the things that a call may call is meant by a binding, and what its arguments are then."""

from __future__ import annotations

from outlayer_lint.interpret import classes
from outlayer_lint.interpret.answers import unknown
from outlayer_lint.interpret.choices import compatible
from outlayer_lint.interpret.things import (
    Answer,
    Class,
    Const,
    Function,
    Instance,
    Parameter,
    Partial,
    Subclass,
    Unknown,
)
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from outlayer_lint.interpret.frames import Binding, Frame
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.resolve.scopes import Scope

CALLED_THROUGH_INSTANCE = ("forward", "call", "__call__")


def means(it: Interpreter, thing: Any, scope: Scope) -> int:
    """2: the callee is the scope; 1: it may be, by its name; 0: it is something else."""
    if isinstance(thing, Function):
        return 2 if thing.scope is scope else 0
    if isinstance(thing, Partial):
        return means(it, thing.function, scope)
    if isinstance(thing, Class):
        found = classes.method_of(it, thing, "__init__")
        return 2 if (thing.scope if found is None else found[1]) is scope else 0
    if isinstance(thing, Instance):
        for name in CALLED_THROUGH_INSTANCE:
            found = classes.method_of(it, thing.cls, name)
            if found is not None:
                return 2 if found[1] is scope else 0
        return 0
    if isinstance(thing, (Parameter, Unknown, Subclass)):
        return 0 if isinstance(thing, Unknown) and thing.reason == "third-party object" else 1
    return 0


def possible(it: Interpreter, answer: Answer, binding: Binding, where: Frame, frame: Frame) -> Answer:
    """What an argument can be where its call enters this frame: `m.loss(m(x))` gives each `m` its own output."""
    owner = frame.scope.owner
    receiver = frame.receiver.cls if isinstance(frame.receiver, Instance) else frame.receiver
    derived = isinstance(receiver, Class) and receiver.scope is not owner
    if not binding.seen or (not derived and (len(answer) < 2 or binding.seen == 1)):
        return answer
    callee = it.ev(binding.call.func, binding.place, where)
    if it.fuel <= 0:
        return unknown("budget")
    meant = [(t, c) for t, c in callee if means(it, t, frame.scope) and _enters(it, t, receiver)]
    others = [(t, c) for t, c in callee if (t, c) not in meant and not isinstance(t, Const)]
    kept = tuple((t, own) for t, own in answer if any(compatible(own, c) is not None for _, c in meant))
    # Where nothing tells the receivers apart, what differs may belong to either.
    apart = len(kept) == 1 or all(compatible(c, other) is None for _, c in meant for _, other in others)
    return kept if kept and apart else unknown("parameter nobody binds")


def _enters(it: Interpreter, thing: Any, receiver: object) -> bool:
    """Whether a call of a thing can enter a frame with this receiver: not if it is an object of a sibling class."""
    while isinstance(thing, Partial):
        thing = thing.function
    holder = thing.bound if isinstance(thing, Function) else thing
    cls = holder.cls if isinstance(holder, Instance) else holder
    if not isinstance(cls, Class) or not isinstance(receiver, Class):
        return True
    open_ = isinstance(holder, Instance) and holder.root.site is None  # an object of this class or one derived from it
    return derives(it, cls, receiver.scope) or (open_ and derives(it, receiver, cls.scope))


def derives(it: Interpreter, cls: Class, base: Scope) -> bool:
    """Whether a class is another one, or has it among its bases."""
    return cls.scope is base or any(isinstance(c, Class) and c.scope is base for c in classes.mro(it, cls))

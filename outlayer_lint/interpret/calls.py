"""Calls: of project functions and classes, of layers, of library rows. Binding arguments to parameters."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from outlayer_lint import knowledge
from outlayer_lint.interpret import arrays, attributes, conditions, containers, native, transfer
from outlayer_lint.interpret.frames import MAX_DEPTH, Arguments, Frame
from outlayer_lint.interpret.things import (
    NO_CHOICE,
    Answer,
    Built,
    Choices,
    Class,
    Const,
    Dictionary,
    Foreign,
    Function,
    Instance,
    Lazy,
    Library,
    Method,
    Parameter,
    Partial,
    Sequence,
    Site,
    Subclass,
    Super,
    Unknown,
    compatible,
    join,
    lift,
    only,
    unknown,
)  # fmt: skip
from outlayer_lint.lattice import Tensor
from outlayer_lint.resolve.scopes import Place, Scope

if TYPE_CHECKING:
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.things import Entry
    from outlayer_lint.resolve.scopes import Block

ABSTRACT = ("NotImplementedError", "NotImplemented")


def arguments(it: Interpreter, node: ast.Call, place: Place, frame: Frame) -> Arguments:
    """The arguments of a call, starred ones taken apart where they are known."""
    if not any(isinstance(a, ast.Starred) for a in node.args) and not any(k.arg is None for k in node.keywords):
        return Arguments(
            tuple(Lazy(a, place, frame) for a in node.args),
            {k.arg: Lazy(k.value, place, frame) for k in node.keywords if k.arg},
        )
    positional: list[Entry] = []
    keywords: dict[str, Entry] = {}
    more_positional = more_keywords = False
    for argument in node.args:
        if not isinstance(argument, ast.Starred):
            if more_positional:
                break
            positional.append(Lazy(argument, place, frame))
            continue
        things = it.ev(argument.value, place, frame)
        thing = things[0][0] if len(things) == 1 else None
        if isinstance(thing, Sequence) and not thing.open:
            positional.extend(thing.items)
        elif isinstance(thing, Sequence) and not more_positional:
            positional.extend(thing.items)
            more_positional = True
        else:
            more_positional = True
    for keyword in node.keywords:
        if keyword.arg is not None:
            keywords[keyword.arg] = Lazy(keyword.value, place, frame)
            continue
        things = it.ev(keyword.value, place, frame)
        thing = things[0][0] if len(things) == 1 else None
        if isinstance(thing, Dictionary):
            keywords.update({k: v for k, v in thing.items.items() if isinstance(k, str)})
            more_keywords |= thing.open
        else:
            more_keywords = True
    return Arguments(tuple(positional), keywords, more_positional=more_positional, more_keywords=more_keywords)


def call(it: Interpreter, thing: Any, given: Arguments, site: Site) -> Answer:
    """Call a thing."""
    if isinstance(thing, Function):
        answer = invoke(it, thing, given, site)
        if (
            isinstance(thing.bound, Class)
            and thing.scope.name in attributes.ALTERNATE_CONSTRUCTORS
            and all(isinstance(t, (Unknown, Sequence)) for t, _ in answer)
        ):
            return only(Instance(thing.bound, site, Arguments(more_positional=True, more_keywords=True)))
        return answer
    if isinstance(thing, Library):
        return library(it, thing, given, site)
    if isinstance(thing, Class):
        return construct(it, thing, given, site)
    if isinstance(thing, Instance):
        return call_instance(it, thing, given, site)
    if isinstance(thing, Built):
        return transfer.called(it, thing, given, site)
    if isinstance(thing, Method):
        return method(it, thing, given, site)
    if isinstance(thing, Partial):
        return call(it, thing.function, thing.arguments.over(given), site)
    if isinstance(thing, Parameter):
        return only(Parameter(thing.scope, thing.name, (*thing.trail, ("call", id(site.node)))))
    if isinstance(thing, Subclass):
        return only(thing)
    if isinstance(thing, Unknown):
        return unknown(
            thing.reason, None if thing.key is None else (thing.key, "()", id(site.node), id(site.frame.base))
        )
    if isinstance(thing, Foreign):
        return unknown("third-party object", (id(site.node), id(site.frame.base)))
    if isinstance(thing, Tensor):
        return arrays.called(it, thing, site)
    return unknown("unknown call")


def method(it: Interpreter, thing: Method, given: Arguments, site: Site) -> Answer:
    """Call a method: by its row on a tensor, by its meaning on a container or library object."""
    if thing.row is not None:
        return apply_row(it, thing.row, "method", given.prepend(only(thing.receiver)), site)
    receiver = thing.receiver
    if isinstance(receiver, Class):
        return only(Instance(receiver, site, Arguments(more_positional=True, more_keywords=True)))
    if isinstance(receiver, (Instance, Built)) and thing.name in attributes.MODULE_METHODS:
        return only(receiver)
    if isinstance(receiver, Built):
        return transfer.method(it, receiver, thing.name, given, site)
    return containers.method(it, receiver, thing.name, given, site)


def library(it: Interpreter, thing: Library, given: Arguments, site: Site) -> Answer:
    """Call a library's function or class."""
    found = native.FUNCTIONS.get(thing.name)
    if found is not None:
        return found(it, given, site)
    row = knowledge.find(thing.name)
    if row is None:
        return only(Foreign(thing.name, (id(site.node), id(site.frame.base))))
    contract, form = row
    if form == "module":
        return only(Built(contract, thing.name, given, site))
    return apply_row(it, contract, form, given, site)


def apply_row(it: Interpreter, row: knowledge.Row, form: str, given: Arguments, site: Site) -> Answer:
    """A function or method that a row describes."""
    return transfer.apply(it, transfer.Application(it, row, form, given, site, None))


# -- project functions ------------------------------------------------------------------------------------------------


def invoke(it: Interpreter, function: Function, given: Arguments, site: Site, key: object = None) -> Answer:
    """The result of a project function: its returns in a frame of their own."""
    scope, caller = function.scope, site.frame
    if caller.depth >= MAX_DEPTH:
        return unknown("too deep")
    if caller.chain_has(scope, 2):
        return unknown("recursion")
    mark = key or (id(site.node), id(scope), id(function.bound), id(function.frame), _answers(given))
    frame = caller.calls.get(mark)
    if frame is None:
        frame = Frame(
            scope,
            caller.world,
            function.frame,
            arguments=given,
            receiver=function.bound,
            caller=caller,
            place=site.place,
        )
        caller.calls[mark] = frame
    return result(it, frame)


def _answers(given: Arguments) -> object:
    """What tells two sets of arguments at the same call apart: answers computed elsewhere."""
    marks = [id(a) for a in given.positional if not isinstance(a, Lazy)]
    marks += [id(a) for a in given.keywords.values() if not isinstance(a, Lazy)]
    return tuple(marks)


def result(it: Interpreter, frame: Frame) -> Answer:
    """What the scope of a frame returns."""
    memo = ("result", it.training)
    if memo in frame.memo:
        return frame.memo[memo]
    frame.memo[memo] = unknown("recursion")
    scope = frame.scope
    if scope.kind == "lambda":
        node: Any = scope.node
        answer = it.ev(node.body, Place(scope.block, 0), frame)
    else:
        gathered: list[Answer] = []
        _returns(it, scope.block, frame, NO_CHOICE, gathered)
        yielded = containers.yielded(it, scope, frame) if not gathered else None
        if yielded is not None:
            answer = yielded
        elif gathered:
            answer = conditions.meaningful(join(gathered))
        else:
            answer = only(Const(None))
    del frame.memo[memo]
    if it.fuel > 0 and not it.reading:
        frame.memo[memo] = answer
    return answer


def _returns(it: Interpreter, block: Block, frame: Frame, choices: Choices, out: list[Answer]) -> Choices | None:
    """Gather the returns of a block. Comes back with the choices under which control falls through, or `None`."""
    from outlayer_lint.interpret.interpreter import restrict  # noqa: PLC0415

    for index, node in enumerate(block.statements):
        place = Place(block, index)
        if isinstance(node, ast.Return):
            value = only(Const(None)) if node.value is None else it.ev(node.value, place, frame.inside(block))
            out.append(restrict(value, choices))
            return None
        if isinstance(node, (ast.Raise, ast.Continue, ast.Break)):
            return None
        subs = block.subs.get(index)
        if not subs or (not any(_has_exit(sub) for sub in subs)):
            continue
        fallen: list[Choices] = []
        for sub in subs:
            inner = choices
            if sub.condition is not None:
                decided = conditions.decide(it, sub.condition[0], sub.condition[1], place, frame.inside(block))
                both = None if decided is None else compatible(choices, decided)
                if both is None:
                    continue
                inner = both
            after = _returns(it, sub, frame, inner, out)
            if sub.kind == "handler":
                continue
            if after is not None:
                fallen.append(after)
        if isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
            continue
        if not fallen:
            return None
        if isinstance(node, ast.If):
            choices = fallen[0] if len(fallen) == 1 else _common(fallen)
    return choices


def _common(sets: list[Choices]) -> Choices:
    common = sets[0]
    for other in sets[1:]:
        common &= other
    return common


def _has_exit(block: Block) -> bool:
    """Whether a return, raise or the like stands in the block."""
    if block.ends:
        return True
    if any(isinstance(node, (ast.Return, ast.Raise, ast.Continue, ast.Break)) for node in block.statements):
        return True
    return any(_has_exit(sub) for subs in block.subs.values() for sub in subs)


def is_abstract(scope: Scope) -> bool:
    """Whether a method only raises `NotImplementedError`, passes, or has a docstring alone."""
    body = [n for n in scope.node.body if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))]  # type: ignore[attr-defined]
    if not body or (len(body) == 1 and isinstance(body[0], ast.Pass)):
        return True
    last = body[-1]
    if len(body) <= 2 and isinstance(last, ast.Raise) and last.exc is not None:  # noqa: PLR2004
        raised = last.exc.func if isinstance(last.exc, ast.Call) else last.exc
        return getattr(raised, "id", getattr(raised, "attr", "")) in ABSTRACT
    return False


def bound(it: Interpreter, scope: Scope, name: str, frame: Frame) -> Answer:
    """What a parameter of a scope is in a frame: receiver, argument, default, or open."""
    a = scope.parameters
    assert a is not None
    ordered = [p.arg for p in (*a.posonlyargs, *a.args)]
    skip = 1 if frame.receiver is not None and ordered else 0
    if skip and name == ordered[0]:
        return only(frame.receiver)
    index = ordered.index(name) - skip if name in ordered else None
    given = frame.arguments
    likely = False
    if given is None:
        binding = frame.world.bindings.get(scope, ...)
        if binding is ...:
            opened = Parameter(scope, name)
            it.parameters[opened.key] = opened
            return only(opened)
        if binding is None:
            return default(it, scope, name, frame, unbound=True)
        if binding.passed:
            return unknown("parameter nobody binds", ("parameter", id(scope), name))
        holder = binding.place.block.scope
        where = it.root(holder, frame.world)
        for node in binding.overlay:
            where = containers.overlay(it, node, binding.place, where)
        given = arguments(it, binding.call, binding.place, where)
        likely = binding.likely
    if a.vararg is not None and name == a.vararg.arg:
        return only(
            Sequence(given.positional_answers(it.force, len(ordered) - skip), open=given.more_positional, kind="tuple")
        )
    if a.kwarg is not None and name == a.kwarg.arg:
        known = {*ordered, *(p.arg for p in a.kwonlyargs)}
        rest = {k: it.force(v) for k, v in given.keywords.items() if k not in known}
        return only(Dictionary(rest, open=given.more_keywords))
    entry = given.pick(index, name)
    if entry is not None:
        answer = it.force(entry)
        return (
            lift(answer, lambda t: only(t.replace(certainty="likely") if isinstance(t, Tensor) else t))
            if likely
            else answer
        )
    if given.may_bind(index, name):
        return unknown("starred argument", ("parameter", id(frame), name))
    return default(it, scope, name, frame, unbound=False)


def default(it: Interpreter, scope: Scope, name: str, frame: Frame, *, unbound: bool) -> Answer:
    """A parameter's default; for one that nobody binds, its annotation counts as well."""
    a = scope.parameters
    assert a is not None
    ordered = [*a.posonlyargs, *a.args]
    node: ast.expr | None = None
    annotation = next((p.annotation for p in (*ordered, *a.kwonlyargs) if p.arg == name), None)
    if name in (names := [p.arg for p in ordered]):
        at = names.index(name) - (len(ordered) - len(a.defaults))
        node = a.defaults[at] if at >= 0 else None
    elif name in (only_names := [p.arg for p in a.kwonlyargs]):
        node = a.kw_defaults[only_names.index(name)]
    key = ("parameter", id(scope), name)
    if node is not None:
        holder = scope.parent
        assert holder is not None
        where = frame.parent or frame
        line = it.ev(node, _definition_place(scope), where)
        if unbound:
            # Nobody in the project calls it: the default is what is meant, as far as an object goes.
            kept = tuple(
                (t, c)
                for t, c in line
                if isinstance(t, (Instance, Built, Function, Class, Library, Const)) and not _plain(t)
            )
            return kept or unknown("parameter nobody binds", key)
        return line
    if annotation is not None and unbound:
        annotated = it.ev(annotation, _definition_place(scope), frame.parent or frame)
        classes = [(it.receiver(t, frame.world), c) for t, c in annotated if isinstance(t, Class)]
        if classes:
            return tuple(classes)
    return unknown("parameter nobody binds" if unbound else "missing argument", key)


def _plain(thing: object) -> bool:
    return isinstance(thing, Const) and not isinstance(thing.value, bool)


def _definition_place(scope: Scope) -> Place:
    """Before the `def`; for a lambda, where it stands."""
    parent = scope.parent
    assert parent is not None
    block = parent.block
    if scope.kind != "lambda":
        for index in block.names.get(scope.name, ()):
            for key, definition in block.writes.get(index, ()):
                if key == scope.name and definition.node is scope.node:
                    return Place(block, index)
    found = scope.file.locate(scope.node.lineno)  # type: ignore[attr-defined]
    return found if found is not None and found.block.scope is parent else Place(block, len(block.statements))


# -- classes and their objects ----------------------------------------------------------------------------------------


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
            frame = Frame(init, world, attributes._class_frame(cls))  # noqa: SLF001
        else:
            frame = Frame(
                init, thing.site.frame.world, attributes._class_frame(cls),  # noqa: SLF001
                arguments=thing.arguments, caller=thing.site.frame, place=thing.site.place,
            )  # fmt: skip
        frame.receiver = thing
    else:
        frame = _through_super(it, thing, cls, init, derived)
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
        given = arguments(it, node, place, derived)
        if not by_super:
            named = it.ev(target, place, derived)
            if not any(isinstance(t, Class) and t.scope is cls.scope for t, _ in named):
                continue
            given = Arguments(
                given.positional[1:],
                given.keywords,
                more_positional=given.more_positional,
                more_keywords=given.more_keywords,
            )
        frame = Frame(init, derived.world, attributes._class_frame(cls), arguments=given, caller=derived, place=place)  # noqa: SLF001
        frame.receiver = thing
        return frame
    return None


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


def is_refused(it: Interpreter, thing: Instance) -> bool:
    """Whether the constructor raises for its arguments: there is no such object (`if sigmoid and softmax: raise`)."""
    memo = thing.root.cache
    if "refused" not in memo:
        memo["refused"] = False
        found = attributes.method_of(it, thing.cls, "__init__")
        if thing.site is not None and found is not None:
            frame = constructor_frame(it, thing, found[0], found[1], None) if found[0] is thing.cls else None
            memo["refused"] = frame is not None and _raises(it, found[1].block, frame)
    return bool(memo["refused"])


def _raises(it: Interpreter, block: Block, frame: Frame) -> bool:
    for index, node in enumerate(block.statements):
        if not isinstance(node, ast.If) or node.orelse or not isinstance(node.body[-1], ast.Raise):
            continue
        if conditions.decide(it, node.test, False, Place(block, index), frame) is None:  # noqa: FBT003
            return True
    return False


def call_instance(it: Interpreter, thing: Instance, given: Arguments, site: Site) -> Answer:
    """`object(...)`: `forward` of a module, else `__call__`."""
    if is_refused(it, thing):
        return unknown("constructor raises")
    names = (
        ("forward", "call", "__call__")
        if attributes.is_torch_module(it, thing.cls)
        else ("__call__", "forward", "call")
    )
    for override in reversed(thing.overrides):
        if override.path == ("forward",):
            return lift(it.force(override.lazy), lambda f: call(it, f, given, site))
    for name in names:
        found = attributes.method_of(it, thing.cls, name)
        if found is None:
            continue
        if is_abstract(found[1]):
            return only(Subclass(thing.cls.scope, name)) if thing.site is None else unknown("abstract method")
        function = attributes.bound_method(it, found[0], found[1], thing, thing.cls)
        return lift(function, lambda f: call(it, f, given, site))
    for name in names:
        value = attributes._in_classes(it, thing, name, attributes.mro(it, thing.cls))  # noqa: SLF001 - self.forward = self._forward_impl
        if value is not None:
            return lift(value, lambda f: call(it, f, given, site))
    return library_base(it, thing, given, site)


def library_base(it: Interpreter, thing: Instance, given: Arguments, site: Site) -> Answer:
    """An object whose class inherits its behaviour from a library: `class Head(nn.Sequential)`, `class L(nn.BCELoss)`."""
    for item in attributes.mro(it, thing.cls):
        if isinstance(item, Library):
            row = knowledge.find(item.name)
            if row is not None and row[1] == "module" and row[0].transfer:
                built = inherited(it, thing, row[0], item.name)
                if built is not None:
                    return transfer.called(it, built, given, site)
    if thing.site is None and any(isinstance(c, Library) for c in attributes.mro(it, thing.cls)):
        return only(Subclass(thing.cls.scope, "forward"))
    return unknown("class without a forward")


def inherited(it: Interpreter, thing: Instance, row: knowledge.Row, name: str) -> Built | None:
    """The library object that an instance of a derived class is, from its `super().__init__` arguments."""
    init = attributes.method_of(it, thing.cls, "__init__")
    if init is None:
        if thing.arguments is None or thing.site is None:
            return None
        return Built(row, name, thing.arguments, thing.site)
    frame = constructor_frame(it, thing, init[0], init[1], None)
    if frame is None:
        return None
    for place, node in calls_named(init[1].block, "__init__"):
        return Built(row, name, arguments(it, node, place, frame), Site(node, place, frame))
    return None


def wrapped(it: Interpreter, thing: Built) -> Answer:
    """The object inside a wrapper."""
    return it.force(thing.arguments.pick(0, thing.row.constructor[0] if thing.row.constructor else "module"))


__all__ = ["Super", "call", "construct", "invoke"]

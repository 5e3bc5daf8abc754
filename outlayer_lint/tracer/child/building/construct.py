"""Builds the model that a target names: the file sliced, the arguments of the constructor found."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import nn

from outlayer_lint.tracer.child import adapters
from outlayer_lint.tracer.child.building import guesses
from outlayer_lint.tracer.child.building.arguments import (
    Asked,
    Attempt,
    agreed,
    asked_for,
    by_name,
    completed,
    is_plain,
    line_of,
    repairs,
    shown,
    supplied,
    synthesised,
    with_tables,
)
from outlayer_lint.tracer.child.building.callsites import evaluate, sites
from outlayer_lint.tracer.child.building.commandline import configured
from outlayer_lint.tracer.child.building.comparisons import parameters, required
from outlayer_lint.tracer.child.building.imports import import_sliced
from outlayer_lint.tracer.child.building.slicing import Sliced, read
from outlayer_lint.tracer.child.limits import TooLong, at_most
from outlayer_lint.tracer.child.search.lengths import numbers_of
from outlayer_lint.tracer.child.surroundings.absent import Absent
from outlayer_lint.tracer.child.surroundings.quiet import quiet

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from outlayer_lint.tracer.child.building.slicing import SlicedModule
    from outlayer_lint.tracer.target import Target

CONSTRUCT_S = 20.0  # for one try
MAX_REPAIRS = 14  # of synthesised arguments
MAX_OPTIONS = 8  # that a constructor reads and its call site sets later, or elsewhere
MAX_ASKED = 4  # errors of one constructor that name what they miss
MOST_GUESSES = 3  # models of other arguments that are built where the first takes no input
SETTLED = ("user", "value", "hook")  # ways of building beside which there is no other
DEPTH = 3  # of models that are arguments of others


class Refusal(NamedTuple):
    """Why there is no result: `stage` is `import`, `constructor`, `no-input` or `environment`; `why` one sentence."""

    stage: str
    why: str


class Built(NamedTuple):
    """A model, and where it came from.

    Attributes:
        model: in evaluation mode, on the CPU.
        how: `user`, `defaults`, `call-site`, `synthesised`, `value` or `hook`.
        at: `file:line` of the call site, or "".
        args: of the constructor, by name, as JSON can write them.
        module: the sliced module that the class lives in.
        replays: whether `args` alone would build it again.
    """

    model: nn.Module
    how: str
    at: str
    args: dict[str, Any]
    module: ModuleType
    replays: bool = True


def build(
    target: Target,
    project_root: str,
    announce: Callable[[str], None],
    *,
    whole: bool = False,
    stub: bool = True,
    passed: int = 0,
) -> Built | Refusal:
    """The model of a target; `announce` is told `import` and `construct` before they begin.

    `whole`: the file is executed from top to end before its name is looked up, whatever else it does on the way.
    `stub`: what a package that is not installed would give is stood in for.
    `passed`: so many models of other arguments are passed over; they were built and took no input.
    """
    Sliced.stub, Sliced.imported = stub, adapters.before_construct
    Absent.layers, Absent.known = stub, configured(os.path.dirname(target.path), project_root)
    announce("import")
    with quiet():
        try:
            adapters.before_import(read(target.path))
            module = import_sliced(target.path, project_root)
            if whole:
                exec(compile(read(target.path), target.path, "exec"), module.__dict__)  # noqa: S102 - what was asked for
            thing = _named(module, target.name)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's file may raise anything
            return Refusal("import", _sentence(f"{os.path.basename(target.path)} cannot be imported", error))
        if isinstance(thing, Absent):
            why = module.sliced.failures.get(target.name.partition(".")[0], "it needs what is not here")
            return Refusal("import", f"`{target.name}` is not there: {why}")
        announce("construct")
        adapters.before_construct()
        if isinstance(thing, nn.Module):
            return Built(thing.eval(), "value", "", {}, module)
        if not callable(thing) or (isinstance(thing, type) and not issubclass(thing, nn.Module)):
            return Refusal("constructor", f"`{target.name}` is no torch module and gives none")
        return _construct(thing, target, module, project_root, passed=passed)


def _named(module: SlicedModule, dotted: str) -> Any:
    thing: Any = module
    for part in dotted.split("."):
        thing = getattr(thing, part)
    return thing


def _construct(
    thing: Any, target: Target, module: SlicedModule, project_root: str, depth: int = 0, passed: int = 0
) -> Built | Refusal:
    reasons: list[str] = []

    def inner(part: type) -> Any:
        if depth >= DEPTH:
            return None
        built = _construct(part, target._replace(name=part.__name__, args={}), module, project_root, depth + 1)
        return built.model if isinstance(built, Built) else None

    asked = Asked(thing, target, module, project_root, inner)
    before: list[dict[str, Any]] = []  # arguments of the models that are passed over
    for attempt in _tries(asked, reasons):
        if attempt.how not in SETTLED and shown(thing, attempt) in before:
            continue
        try:
            with at_most(CONSTRUCT_S):
                result = _called(thing, attempt, asked.tree)
        except TooLong:
            reasons.append(f"{attempt.how}: longer than {CONSTRUCT_S:.0f} s")
            continue
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's constructor may raise anything
            reasons.append(_sentence(attempt.how, error))
            continue
        if attempt.how not in SETTLED and len(before) < passed:
            before.append(shown(thing, attempt))
            continue
        model = adapters.model_of(result) if depth == 0 else result
        if model is None:
            return Refusal("constructor", f"`{target.name}` returns no torch module")
        if isinstance(model, nn.Module):
            model.eval()
            model.__dict__["_traced_args"] = shown(thing, attempt)  # `hints.stated_size` reads it
            model.__dict__["_traced_told"] = numbers_of(by_name(thing, attempt), asked.tree)  # and `lengths`
        replays = is_plain(by_name(thing, attempt))
        return Built(model, attempt.how, attempt.at, shown(thing, attempt), module, replays)
    needed = ", ".join(parameter.name for parameter in required(thing))
    hint = f"needs args: {needed}" if needed else "cannot be built"
    return Refusal("constructor", f"`{target.name}` {hint} ({reasons[0] if reasons else 'nothing to try'})")


def _called(thing: Any, attempt: Attempt, tree: ast.AST | None) -> Any:
    for _ in range(MAX_OPTIONS):
        try:
            return thing(*attempt.args, **attempt.kwargs)
        except AssertionError as error:
            if not agreed(error):
                raise
        except (AttributeError, KeyError) as error:
            if not supplied(error, [*attempt.args, *attempt.kwargs.values()], tree):
                raise
    return thing(*attempt.args, **attempt.kwargs)


def _tries(asked: Asked, reasons: list[str]) -> Iterator[Attempt]:
    """Arguments to try: the user's, those of call sites, the defaults, those that names and errors suggest."""
    thing, target = asked.thing, asked.target
    if target.args:
        yield Attempt("user", "", [], dict(target.args))
        rest = [parameter for parameter in required(thing) if parameter.name not in target.args]
        if rest:
            yield Attempt("user", "", [], {**synthesised(asked, rest), **target.args})
        return
    with_classes = _with_classes(thing, target)
    partly: list[Attempt] = []
    for site in sites(asked.module, target.name.rpartition(".")[2], asked.project_root):
        given = evaluate(site)
        attempt = Attempt("call-site", f"{site.path}:{site.call.lineno}", given.args, given.kwargs)
        attempt = completed(asked, attempt, given.missed)
        if given.missed:
            partly.append(attempt)
        elif given.args or given.kwargs:
            yield attempt
        named = by_name(thing, attempt)
        if (filled := with_tables(asked, named)) is not named:
            partly.append(attempt._replace(args=[], kwargs=filled))
    if not required(thing):
        yield Attempt("defaults", "", [], with_classes)
    yield from partly
    kwargs = synthesised(asked, required(thing))
    for number, repaired in enumerate(repairs(asked, kwargs)):
        if number >= MAX_REPAIRS:
            return
        yield Attempt("synthesised", "", [], {**repaired, **with_classes})
        more: dict[str, Any] = {}
        for _ in range(MAX_ASKED if not number else 0):
            known = len(more)
            more |= asked_for(asked, reasons[-1]) if reasons else {}
            if len(more) == known:
                break
            yield Attempt("synthesised", "", [], {**repaired, **more, **with_classes})


def _with_classes(thing: Any, target: Target) -> dict[str, Any]:
    """The number of classes, where the user said it and the constructor has a word for it."""
    if target.classes is None:
        return {}
    return {
        name: target.classes
        for name, parameter in parameters(thing).items()
        if guesses.CLASSES.search(name) and parameter.kind is not parameter.VAR_KEYWORD
    }


def _sentence(what: str, error: BaseException) -> str:
    """One line: what failed, and the first line of why."""
    message = str(error).strip().partition("\n")[0]
    if isinstance(error, AssertionError) and not message:
        message = line_of(error)  # `assert image_size is not None`
    return f"{what}: {type(error).__name__}{': ' if message else ''}{message[:200]}"

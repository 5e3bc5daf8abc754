"""Builds the model that a target names: the file sliced, the arguments of the constructor found."""

from __future__ import annotations

import ast
import inspect
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import nn

from outlayer_lint.tracer.child import adapters, guesses
from outlayer_lint.tracer.child.absent import Absent
from outlayer_lint.tracer.child.callsites import evaluate, sites
from outlayer_lint.tracer.child.imports import import_sliced
from outlayer_lint.tracer.child.limits import TooLong, at_most
from outlayer_lint.tracer.child.surroundings import quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from outlayer_lint.tracer.child.slicing import SlicedModule
    from outlayer_lint.tracer.target import Target

CONSTRUCT_S = 20.0  # for one try
MAX_REPAIRS = 12  # of synthesised arguments


class Refusal(NamedTuple):
    """Why there is no result: `stage` is one of `import`, `constructor`, `no-input`, `environment`; `why` one sentence."""

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
    """

    model: nn.Module
    how: str
    at: str
    args: dict[str, Any]
    module: ModuleType


class _Try(NamedTuple):
    how: str
    at: str
    args: list[Any]
    kwargs: dict[str, Any]


def build(target: Target, project_root: str, announce: Callable[[str], None]) -> Built | Refusal:
    """The model of a target; `announce` is told `import` and `construct` before they begin."""
    announce("import")
    adapters.before_import()
    with quiet():
        try:
            module = import_sliced(target.path, project_root)
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
        return _construct(thing, target, module, project_root)


def _named(module: SlicedModule, dotted: str) -> Any:
    thing: Any = module
    for part in dotted.split("."):
        thing = getattr(thing, part)
    return thing


def _construct(thing: Any, target: Target, module: SlicedModule, project_root: str) -> Built | Refusal:
    reasons: list[str] = []
    for attempt in _tries(thing, target, module, project_root):
        try:
            with at_most(CONSTRUCT_S):
                model = adapters.model_of(thing(*attempt.args, **attempt.kwargs))
        except TooLong:
            reasons.append(f"{attempt.how}: longer than {CONSTRUCT_S:.0f} s")
            continue
        except (Exception, SystemExit) as error:  # noqa: BLE001
            reasons.append(_sentence(attempt.how, error))
            continue
        if model is None:
            return Refusal("constructor", f"`{target.name}` returns no torch module")
        return Built(model.eval(), attempt.how, attempt.at, _shown(thing, attempt), module)
    needed = ", ".join(parameter.name for parameter in _required(thing))
    hint = f"needs args: {needed}" if needed else "cannot be built"
    return Refusal("constructor", f"`{target.name}` {hint} ({reasons[0] if reasons else 'nothing to try'})")


def _tries(thing: Any, target: Target, module: SlicedModule, project_root: str) -> Iterator[_Try]:
    """Arguments to try: the user's, the defaults, those of call sites, those that names suggest."""
    tree = _tree_of(thing, module)
    required = _required(thing)
    if target.args:
        yield _Try("user", "", [], dict(target.args))
        rest = [parameter for parameter in required if parameter.name not in target.args]
        if rest:
            yield _Try("user", "", [], {**_synthesised(rest, thing, tree, target, module), **target.args})
        return
    with_classes = _with_classes(thing, target)
    partly: list[_Try] = []
    for site in sites(module, target.name.rpartition(".")[2], project_root):
        given = evaluate(site)
        attempt = _Try("call-site", f"{site.path}:{site.call.lineno}", given.args, given.kwargs)
        attempt = _completed(attempt, given.missed, thing, tree, target, module)
        if given.missed:
            partly.append(attempt)
        elif given.args or given.kwargs:
            yield attempt
    if not required:
        yield _Try("defaults", "", [], with_classes)
    yield from partly
    kwargs = _synthesised(required, thing, tree, target, module)
    for _, repaired in zip(range(MAX_REPAIRS), _repairs(kwargs), strict=False):
        yield _Try("synthesised", "", [], {**repaired, **with_classes})


def _with_classes(thing: Any, target: Target) -> dict[str, Any]:
    """The number of classes, where the user said it and the constructor has a word for it."""
    if target.classes is None:
        return {}
    return {
        name: target.classes
        for name, parameter in _parameters(thing).items()
        if guesses.CLASSES.search(name) and parameter.kind is not parameter.VAR_KEYWORD
    }


def _completed(
    attempt: _Try, missed: frozenset[int | str], thing: Any, tree: ast.AST | None, target: Target, module: SlicedModule
) -> _Try:
    """What a call site could not say, and what it leaves out although it is required, is synthesised."""
    parameters = _parameters(thing)
    positional = [p for p in parameters.values() if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}]
    args, kwargs = list(attempt.args), dict(attempt.kwargs)
    for key in missed:
        if isinstance(key, int) and key < min(len(positional), len(args)):
            args[key] = _one(positional[key], thing, tree, target, module)
        elif isinstance(key, str) and key in parameters:
            kwargs[key] = _one(parameters[key], thing, tree, target, module)
    given = {parameter.name for parameter in positional[: len(args)]} | set(kwargs)
    rest = [parameter for parameter in _required(thing) if parameter.name not in given]
    kwargs.update(_synthesised(rest, thing, tree, target, module))
    return _Try(attempt.how, attempt.at, args, kwargs)


def _synthesised(
    parameters: list[inspect.Parameter], thing: Any, tree: ast.AST | None, target: Target, module: SlicedModule
) -> dict[str, Any]:
    return {parameter.name: _one(parameter, thing, tree, target, module) for parameter in parameters}


def _one(parameter: inspect.Parameter, thing: Any, tree: ast.AST | None, target: Target, module: SlicedModule) -> Any:
    """A value for a parameter: another model of the file where its name asks for one, else a guess."""
    if parameter.default is not parameter.empty:
        return parameter.default
    part = _part(parameter.name, thing, module)
    if part is not None:
        inner = target._replace(name=part.__name__, args={})
        built = _construct(part, inner, module, os.path.dirname(target.path))
        if isinstance(built, Built):
            return built.model
    return guesses.of_parameter(parameter, tree, target.classes)


def _part(name: str, thing: Any, module: SlicedModule) -> type[nn.Module] | None:
    """The class of the file that a parameter such as `encoder` wants an instance of."""
    word = name.lower().replace("_", "")
    for node in module.tree.body:
        if not isinstance(node, ast.ClassDef) or node.name == getattr(thing, "__name__", ""):
            continue
        low = node.name.lower()
        if low == word or (len(word) > 3 and (low.endswith(word) or low.startswith(word))):  # noqa: PLR2004 - a word, no letter
            found = getattr(module, node.name)
            return found if isinstance(found, type) and issubclass(found, nn.Module) else None
    return None


def _repairs(kwargs: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The guesses, then each number as a list and each list as a number."""
    yield kwargs
    for name, value in kwargs.items():
        if isinstance(value, int) and not isinstance(value, bool):
            yield {**kwargs, name: [value] * 4}
        elif isinstance(value, (list, tuple)):
            yield {**kwargs, name: value[-1]}
        elif isinstance(value, Absent):
            yield {**kwargs, name: 16}
            yield {**kwargs, name: [16, 16]}
            yield {**kwargs, name: nn.Identity()}
    numbers = {name: value for name, value in kwargs.items() if isinstance(value, int) and not isinstance(value, bool)}
    if len(set(numbers.values())) > 1:
        yield {**kwargs, **dict.fromkeys(numbers, 16)}


def _parameters(thing: Any) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(thing).parameters)
    except (TypeError, ValueError):
        return {}


def _required(thing: Any) -> list[inspect.Parameter]:
    variable = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    return [p for p in _parameters(thing).values() if p.default is p.empty and p.kind not in variable]


def _tree_of(thing: Any, module: SlicedModule) -> ast.AST | None:
    name = getattr(thing, "__name__", "")
    return next((node for node in module.tree.body if getattr(node, "name", None) == name), None)


def _shown(thing: Any, attempt: _Try) -> dict[str, Any]:
    """Arguments by name, as JSON can write them."""
    names = list(_parameters(thing))
    named = {names[at] if at < len(names) else f"*{at}": value for at, value in enumerate(attempt.args)}
    return {name: jsonable(value) for name, value in {**named, **attempt.kwargs}.items()}


def jsonable(value: Any) -> Any:
    """The value where JSON has it, else what it prints as, cut short."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [jsonable(one) for one in value]
    if isinstance(value, dict):
        return {str(key): jsonable(one) for key, one in value.items()}
    return repr(value)[:80]


def _sentence(what: str, error: BaseException) -> str:
    """One line: what failed, and the first line of why."""
    message = str(error).strip().partition("\n")[0]
    return f"{what}: {type(error).__name__}{': ' if message else ''}{message[:200]}"

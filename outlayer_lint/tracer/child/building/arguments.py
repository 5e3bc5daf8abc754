"""Arguments for a constructor where no call site states them: other models of the file, options, guesses, repairs."""

from __future__ import annotations

import ast
import inspect
import linecache
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn

from outlayer_lint.tracer.child.adapters import huggingface
from outlayer_lint.tracer.child.building import commandline, guesses
from outlayer_lint.tracer.child.building.comparisons import compared_with, parameters, required
from outlayer_lint.tracer.child.surroundings.absent import Absent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from outlayer_lint.tracer.child.building.slicing import SlicedModule
    from outlayer_lint.tracer.target import Target


ADDRESS = re.compile(r" at 0x[0-9a-f]+")


class Asked(NamedTuple):
    """What is to be built.

    `thing` is a class or a function of `module`; `inner` builds another class of the module, giving `None` where it
    cannot.
    """

    thing: Any
    target: Target
    module: SlicedModule
    project_root: str
    inner: Callable[[type], Any]

    @property
    def tree(self) -> ast.AST | None:
        """Its definition."""
        name = getattr(self.thing, "__name__", "")
        return next((node for node in self.module.tree.body if getattr(node, "name", None) == name), None)


class Attempt(NamedTuple):
    """Arguments to try; `how` they came about and `at` which call site, as in `Built`."""

    how: str
    at: str
    args: list[Any]
    kwargs: dict[str, Any]


def completed(asked: Asked, attempt: Attempt, missed: frozenset[int | str]) -> Attempt:
    """What a call site could not say, and what it leaves out although it is required, is synthesised."""
    known = parameters(asked.thing)
    positional = [p for p in known.values() if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}]
    args, kwargs = list(attempt.args), dict(attempt.kwargs)
    for key in missed:
        if isinstance(key, int) and key < min(len(positional), len(args)):
            args[key] = one(asked, positional[key])
        elif isinstance(key, str) and key in known:
            kwargs[key] = one(asked, known[key])
    given = {parameter.name for parameter in positional[: len(args)]} | set(kwargs)
    rest = [parameter for parameter in required(asked.thing) if parameter.name not in given]
    return attempt._replace(args=args, kwargs=kwargs | synthesised(asked, rest))


def synthesised(asked: Asked, wanted: list[inspect.Parameter]) -> dict[str, Any]:
    """A value for each parameter."""
    return {parameter.name: one(asked, parameter) for parameter in wanted}


def one(asked: Asked, parameter: inspect.Parameter) -> Any:
    """A value for a parameter: its default, another model of the file, the project's options, else a guess."""
    if parameter.default is not parameter.empty:
        return parameter.default
    settings = getattr(asked.thing, "config_class", None)
    if parameter.name == "config" and isinstance(settings, type):
        return huggingface.small(settings())
    part = _part(asked, parameter)
    if part is not None and (built := asked.inner(part)) is not None:
        return built
    tree, classes = asked.tree, asked.target.classes
    if guesses.OPTIONS.search(parameter.name.lower()):
        known = commandline.defaults(str(asked.module.__file__), asked.project_root, tree)
        return guesses.options(parameter.name, classes, tree, known)
    value = guesses.of_parameter(parameter, tree, classes)
    if value is None or isinstance(value, Absent):
        return next(iter(compared_with(asked.thing, parameter.name, guesses.choices)), value)
    return value


def _part(asked: Asked, parameter: inspect.Parameter) -> type | None:
    """The class of the file that a parameter such as `encoder`, or one annotated with it, wants an instance of."""
    word = parameter.name.lower().replace("_", "")
    annotation = parameter.annotation
    stated = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    for node in asked.module.tree.body:
        if not isinstance(node, ast.ClassDef) or node.name == getattr(asked.thing, "__name__", ""):
            continue
        low = node.name.lower()
        alike = low == word or (len(word) > 3 and (low.endswith(word) or low.startswith(word)))
        if node.name == stated or alike:
            found = getattr(asked.module, node.name)
            if isinstance(found, type) and (node.name == stated or issubclass(found, nn.Module)):
                return found
    return None


def repairs(asked: Asked, kwargs: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The guesses, what the code compares them with, then each number as a list and each list as a number."""
    yield kwargs
    if (filled := with_tables(asked, kwargs)) is not kwargs:
        yield filled
    kwargs = filled
    compared = {
        name: found for name in parameters(asked.thing) if (found := compared_with(asked.thing, name, guesses.numbers))
    }
    for name, choices in compared.items():
        yield from ({**kwargs, name: number} for number in choices if kwargs.get(name) != number)
    words = {
        name: said[0]
        for name, parameter in parameters(asked.thing).items()
        if parameter.default is None and (said := compared_with(asked.thing, name, guesses.choices))
    }
    if words:
        yield {**kwargs, **words}
    if unset := _unset(asked):
        yield {**kwargs, **unset}
    chosen = {name: choices[0] for name, choices in compared.items() if name in kwargs and kwargs[name] not in choices}
    widths = [name for name, value in kwargs.items() if type(value) is int and value > 2 and name not in compared]
    if len({kwargs[name] for name in widths}) > 1:  # what is added to what it came from must be as wide
        yield {**kwargs, **chosen, **dict.fromkeys(widths, WIDTH)}
    for name, value in kwargs.items():
        if isinstance(value, int) and not isinstance(value, bool):
            yield {**kwargs, name: [value] * 4}
        elif isinstance(value, (list, tuple)):
            yield {**kwargs, name: value[-1]}
        elif isinstance(value, Absent):
            yield {**kwargs, name: 16}
            yield {**kwargs, name: [16, 16]}
            yield {**kwargs, name: nn.Identity()}
    fractions = {name: [value] * 3 for name, value in kwargs.items() if isinstance(value, float)}
    if fractions:  # a mean and a deviation for each colour
        yield {**kwargs, **fractions}
    numbers = {name: value for name, value in kwargs.items() if isinstance(value, int) and not isinstance(value, bool)}
    if len(set(numbers.values())) > 1:
        yield {**kwargs, **dict.fromkeys(numbers, 16)}
    if numbers:
        yield {**kwargs, **dict.fromkeys(numbers, 64)}


def _unset(asked: Asked) -> dict[str, int]:
    """Numbers for arguments whose default is nothing, where the name says which."""
    found = {}
    for name, parameter in parameters(asked.thing).items():
        if parameter.default is None:
            value = guesses.of_parameter(parameter, None)
            if type(value) is int:
                found[name] = value
    return found


TABLE_OF_WORDS = re.compile(r"embedding|vectors|weight|matrix")
ROWS, WIDTH = 200, 32  # as `guesses` has them


def with_tables(asked: Asked, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments with a table for each that is called one and has no value."""
    empty = [
        name
        for name, value in kwargs.items()
        if (value is None or isinstance(value, Absent)) and TABLE_OF_WORDS.search(name.lower())
    ]
    return {**kwargs, **{name: _table(asked, name, kwargs) for name in empty}} if empty else kwargs


def _table(asked: Asked, name: str, kwargs: dict[str, Any]) -> Any:
    """A table of words as large as the layer whose weights it becomes; of numpy where torch takes it from there."""
    whole = {word.lower(): value for word, value in kwargs.items() if type(value) is int and value > 1}
    rows = next((size for word, size in whole.items() if "vocab" in word or "words" in word), ROWS)
    width = next((size for word, size in whole.items() if "emb" in word), WIDTH)
    text = ast.unparse(asked.tree) if asked.tree is not None else ""
    target = re.search(rf"self\.(\w+)\.weight[^\n]*\b{re.escape(name)}\b", text)
    stated = _layer_sizes(asked.tree, target[1]) if asked.tree is not None and target is not None else []
    sizes = [int(word) if word.isdigit() else kwargs.get(word.removeprefix("self.")) for word in stated]
    if len(sizes) > 1:
        rows, width = (
            size if isinstance(size, int) else own for size, own in zip(sizes[:2], (rows, width), strict=True)
        )
    table = torch.rand(rows, width)
    return table.numpy() if re.search(rf"from_numpy\({re.escape(name)}\b", text) else table


def _layer_sizes(tree: ast.AST, name: str) -> list[str]:
    """What the layer `self.name` is built with, as it is written."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        target, value = node.targets[0], node.value
        pairs: list[tuple[ast.expr, ast.expr]] = [(target, value)]
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            pairs = list(zip(target.elts, value.elts, strict=False))
        for left, right in pairs:
            if isinstance(left, ast.Attribute) and left.attr == name and isinstance(right, ast.Call):
                return [ast.unparse(size) for size in (*right.args, *(keyword.value for keyword in right.keywords))]
    return []


MISSING = re.compile(r"missing \d+ required \S+ arguments?: (.*)")


LISTED = re.compile(r"\b(?:in|of|from|be|are|among|either|options|choices)\b[^\w'\"]*(['\"])([\w./-]+)\1")


def asked_for(asked: Asked, message: str) -> dict[str, Any]:
    """Optional arguments, of the class or of one it derives from, that an error asks for in words."""
    words = set(re.findall(r"[a-z]+", message.lower()))
    found: dict[str, Any] = {}
    if listed := LISTED.search(message):  # `name must be in ("small", "large")`
        open_ones = [
            parameter for parameter in required(asked.thing) if isinstance(one(asked, parameter), (Absent, str))
        ]
        found |= dict.fromkeys((parameter.name for parameter in open_ones), listed[2])
    if (missing := MISSING.search(message)) and any(p.kind is p.VAR_KEYWORD for p in parameters(asked.thing).values()):
        for name in re.findall(r"'(\w+)'", missing[1]):  # what it hands on to the class that it derives from
            parameter = inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY)
            found[name] = guesses.of_parameter(parameter, asked.tree, asked.target.classes)
    for cls in getattr(asked.thing, "__mro__", ()):
        if cls in {object, nn.Module}:
            continue
        for parameter in parameters(cls.__init__).values():
            parts = parameter.name.lower().split("_")
            if parameter.default is None and len(parts) > 1 and words.issuperset(parts):
                try:
                    found[parameter.name] = guesses.by_name(parameter.name)
                except KeyError:
                    found[parameter.name] = "traced"
    return found


def by_name(thing: Any, attempt: Attempt) -> dict[str, Any]:
    """Arguments by the names of their parameters."""
    names = list(parameters(thing))
    named = {names[at] if at < len(names) else f"*{at}": value for at, value in enumerate(attempt.args)}
    return {**named, **attempt.kwargs}


def line_of(error: BaseException) -> str:
    """The line of the user's code that an error comes from."""
    trace = _innermost(error)
    return linecache.getline(trace.tb_frame.f_code.co_filename, trace.tb_lineno).strip() if trace is not None else ""


def _innermost(error: BaseException) -> TracebackType | None:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace


def agreed(error: AssertionError) -> bool:
    """Whether guessed options that an assertion compares (`assert c.encoders == c.decoders`) were made the same."""
    trace = _innermost(error)
    try:
        tree = ast.parse(line_of(error)).body
    except SyntaxError:
        return False
    if trace is None:
        return False
    match tree:
        case [
            ast.Assert(
                test=ast.Compare(
                    left=ast.Attribute() as first,
                    ops=[ast.Eq()],
                    comparators=[ast.Attribute(value=ast.Name(id=name), attr=second)],
                )
            )
        ] if isinstance(options := trace.tb_frame.f_locals.get(name), Absent) and ast.unparse(first.value) == name:
            options.__dict__[second] = getattr(options, first.attr)
            return True
    return False


def supplied(error: AttributeError | KeyError, given: list[Any], tree: ast.AST | None) -> bool:
    """Whether an option that is missing from those at the call site was given a guess: scripts set many as they go.

    One whose value lacks what is read of it (a data set by its name) is one that a script replaces.
    """
    if isinstance(error, KeyError):
        name = error.args[0] if error.args else None
        options: Any = next((value for value in given if type(value) is dict and name not in value), None)
    else:
        if (replaced := _plain_option(error, given)) is not None:
            vars(replaced[0])[replaced[1]] = Absent(replaced[1])
            return True
        name, options = error.name, next((value for value in given if value is error.obj), None)
        if isinstance(options, (nn.Module, torch.Tensor, Absent)) or not hasattr(options, "__dict__"):
            return False
    if options is None or not isinstance(name, str) or name.startswith("__"):
        return False
    value = guesses.of_parameter(inspect.Parameter("x", inspect.Parameter.KEYWORD_ONLY).replace(name=name), tree)
    if isinstance(options, dict):
        options[name] = value
    else:
        setattr(options, name, value)
    return True


def _plain_option(error: AttributeError, given: list[Any]) -> tuple[Any, str] | None:
    """The object among the arguments that has the plain value which an error is about, and the name it has it by."""
    line = line_of(error)
    for options in given if error.obj is None or isinstance(error.obj, str) else ():
        for name, known in getattr(options, "__dict__", {}).items():
            if known is error.obj and not isinstance(options, nn.Module) and re.search(rf"\b{name}\b", line):
                return options, name
    return None


def shown(thing: Any, attempt: Attempt) -> dict[str, Any]:
    """Arguments by name, as JSON can write them."""
    return {name: jsonable(value) for name, value in by_name(thing, attempt).items()}


def is_plain(value: Any) -> bool:
    """Whether JSON has the value, so that it can be handed over again."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and key.isidentifier() and is_plain(inner) for key, inner in value.items())
    if isinstance(value, list):
        return all(map(is_plain, value))
    return isinstance(value, (bool, int, float, str))


def jsonable(value: Any) -> Any:
    """The value where JSON has it, else what it prints as, cut short and without its address in memory."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [jsonable(inner) for inner in value]
    if isinstance(value, dict):
        return {str(key): jsonable(inner) for key, inner in value.items()}
    return ADDRESS.sub("", repr(value))[:80]

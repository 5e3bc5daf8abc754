"""Arguments that are no plain tensors, as failures tell: dicts, objects, tuples, numbers, what was left out."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from outlayer_lint.tracer.child.search.entries import parameters_of
from outlayer_lint.tracer.child.search.hints import of_graph, single_ids, slot_for
from outlayer_lint.tracer.child.search.slots import Bag, Slot, State, leaves, replaced, tensor, value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.tracer.child.search.watching import Failure

MAX_ADDED = 4  # optional arguments that are tried for one failure
WORD = re.compile(r"[A-Za-z_]\w*")
NUMBER_WANTED = re.compile(
    r"interpreted as an integer|only integer tensors|converted to Scalar|must be int\b|must be (a )?(real )?number|"
    r"must be float\b|Boolean value of Tensor|must be bool|not Tensor$|only one element tensors|"
    r"slice indices|tuple of ints|must be Number"
)
NONE = re.compile(r"NoneType|not None|is None|must be Tensor|missing \d+ required")


def repaired(state: State, failure: Failure, model: nn.Module, classes: int | None) -> Iterator[State]:
    """States whose arguments are of another kind, or that have one argument more."""
    error = failure.error
    if isinstance(error, AttributeError):
        yield from _attribute(state, failure, model, classes)
    if isinstance(error, KeyError) and error.args and isinstance(error.args[0], str):
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters_of(model)):
            parameter = inspect.Parameter(error.args[0], inspect.Parameter.KEYWORD_ONLY)
            if error.args[0] not in dict(state):
                yield (*state, (error.args[0], slot_for(model, parameter, len(state), state, classes)))
        for name, slot in state:
            if slot.kind in {"dict", "object"} and error.args[0] not in dict(slot.parts):
                yield _with_part(state, name, error.args[0], model, classes)
    if isinstance(error, (IndexError, TypeError)) and re.search(r"\[\s*[\"']\w+[\"']\s*\]", failure.line):
        yield from _as_dict(state, failure, model, classes)
    if isinstance(error, ValueError) and (match := re.search(r"values to unpack \(expected (\d)", failure.message)):
        yield from _as_tuple(state, failure, int(match[1]))
    if "'Tensor' object is not callable" in failure.message:
        for name in WORD.findall(failure.line):
            if name in dict(state) and dict(state)[name].kind == "tensor":
                yield replaced(state, name, value(nn.Identity()))  # what is run in between
    if NUMBER_WANTED.search(failure.message):
        yield from _as_number(state, failure)
    if NONE.search(failure.message) or error.__class__.__name__ == "NameError":
        yield from _more(state, failure, model, classes)
    yield from _named(state, failure, model, classes)
    yield from _ended(state, failure, model)
    if (
        "not a sequence" in failure.message
        or "iteration over a 0-d" in failure.message
        or "must be tuple of Tensors" in failure.message
        or "must be a tuple" in failure.message
    ):
        yield from _as_tuple(state, failure, 2)
    if "but got tuple" in failure.message or "not tuple" in failure.message:
        words = WORD.findall(failure.line)
        for path, slot in state:
            if slot.kind == "tuple" and path in words:
                yield replaced(state, path, slot.parts[0][1])


def sources(state: State, failure: Failure) -> list[str]:
    """Paths of the arguments that the failing operation, or the failing line, is about."""
    found: list[str] = []
    for operand in failure.operands if failure.op else ():
        found += sorted(operand.sources)
    for name in WORD.findall(failure.line):
        thing = failure.frame.f_locals.get(name) if failure.frame is not None else None
        if isinstance(thing, torch.Tensor) and (mark := thing.__dict__.get("_traced")) is not None:
            found += sorted(mark[0])
    if not found and failure.entering:
        found += sorted(failure.entering[0].sources)
    if not found:
        found = [name for name, _ in state]
    return list(dict.fromkeys(found))


def _attribute(state: State, failure: Failure, model: nn.Module, classes: int | None) -> Iterator[State]:
    error = failure.error
    thing: Any = getattr(error, "obj", None)
    name: str = getattr(error, "name", None) or ""
    if isinstance(thing, torch.Tensor):
        mark = thing.__dict__.get("_traced")
        paths = sorted(mark[0]) if mark is not None else [name for name, _ in state]
        for path in paths:
            if name in {"keys", "items", "values", "get", "pop", "update"}:
                yield from _as_dict(state, failure, model, classes)
            elif name in {"append", "index", "extend", "insert"}:
                yield replaced(state, path, Slot("list", batch=None, parts=(("0", leaves(state)[path]),)))
            elif "." not in path:
                yield _as_object(state, path, {*_attributes(model, path), name}, model, classes)
    elif thing is None:
        yield from _more(state, failure, model, classes)
    elif isinstance(thing, Bag):
        for path, slot in state:
            if slot.kind == "object":
                yield _with_part(state, path, name, model, classes)
    elif isinstance(thing, (bool, int, float, str, list, tuple)):
        main = next(iter(leaves(state).values()), tensor(2, 16))
        for path, slot in state:
            if slot.kind == "value" and slot.value is thing:
                yield replaced(state, path, main)
            if slot.kind in {"list", "tuple"} and slot.parts and isinstance(thing, (list, tuple)):
                yield replaced(state, path, slot.parts[0][1])


def _part(name: str, state: State, model: nn.Module, classes: int | None, inside: str) -> Slot:
    parameter = inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    tensors = tuple((path, slot) for path, slot in leaves(state).items())
    return slot_for(model, parameter, 1 if tensors else 0, tensors, classes, inside)


def _as_object(state: State, path: str, names: set[str], model: nn.Module, classes: int | None) -> State:
    parts: State = ()
    for name in sorted(names, key=lambda word: (word != "x", word)):
        before = tuple((key, slot) for key, slot in parts) or (("x", dict(state)[path]),)
        slot = dict(state)[path] if name == "x" else _part(name, before, model, classes, path)
        parts = (*parts, (name, slot))
    return replaced(state, path, Slot("object", batch=None, parts=of_graph(parts)))


def _as_dict(state: State, failure: Failure, model: nn.Module, classes: int | None) -> Iterator[State]:
    for path, slot in state:
        if slot.kind != "tensor":
            continue
        keys = _keys(model, path)
        if not keys:
            keys = re.findall(r"\[\s*[\"'](\w+)[\"']\s*\]", failure.line)
        parts: State = ()
        for key in dict.fromkeys(keys):
            parts = (*parts, (key, _part(key, parts, model, classes, path)))
        if parts:
            yield replaced(state, path, Slot("dict", batch=None, parts=single_ids(model, path, parts)))


def _with_part(state: State, path: str, key: str, model: nn.Module, classes: int | None) -> State:
    slot = dict(state)[path]
    return replaced(
        state, path, slot._replace(parts=(*slot.parts, (key, _part(key, slot.parts, model, classes, path))))
    )


def _as_tuple(state: State, failure: Failure, count: int) -> Iterator[State]:
    if re.search(r"shape|size\(", failure.line):
        return
    names = WORD.findall(failure.line)
    for path, slot in state:
        if slot.kind == "tensor" and (path in names or len(state) == 1):
            parts = tuple((str(at), slot) for at in range(count))
            yield replaced(state, path, Slot("tuple", batch=None, parts=parts))


def _as_number(state: State, failure: Failure) -> Iterator[State]:
    for path in sources(state, failure):
        if path in dict(state) and dict(state)[path].kind == "tensor":
            low = path.lower()
            yield replaced(state, path, value(4 if re.search(r"len|num|size|step|^n|^k$", low) else 1))
            yield replaced(state, path, value(False))  # noqa: FBT003 - a flag
            yield replaced(state, path, value(0.5))


def _more(state: State, failure: Failure, model: nn.Module, classes: int | None) -> Iterator[State]:
    """Optional arguments that turned out to be needed: those that the line names, then others that default to None."""
    words = WORD.findall(failure.line)
    open_ones = [
        p for p in parameters_of(model) if p.name not in dict(state) and p.kind not in {p.VAR_KEYWORD, p.VAR_POSITIONAL}
    ]
    named = [p for p in open_ones if p.name in words]
    others = [p for p in open_ones if p.default is None and p not in named]
    for parameter in (named + others)[:MAX_ADDED]:
        yield (*state, (parameter.name, slot_for(model, parameter, len(state), state, classes)))
    main = next(iter(leaves(state).values()), None)
    if main is not None:
        for path, slot in state:
            if slot.kind == "value" and slot.value is None:
                yield replaced(state, path, main)


def _named(state: State, failure: Failure, model: nn.Module, classes: int | None) -> Iterator[State]:
    """Arguments that the message calls by name."""
    words = set(WORD.findall(failure.message))
    missing = [p for p in parameters_of(model) if p.name not in dict(state)]
    open_ones = [p for p in missing if p.name in words]
    # A part of the model asks for `input_ids`: it is what the model calls `decoder_input_ids`.
    open_ones += [p for p in missing if p not in open_ones and any(p.name.endswith(f"_{word}") for word in words)]
    together = state
    for parameter in open_ones[:MAX_ADDED]:
        if "embeds" not in parameter.name:
            more = (parameter.name, slot_for(model, parameter, max(len(state), 1), state, classes))
            yield (*state, more)
            together = (*together, more)
    if len(together) > len(state) + 1:
        yield together


ENDS = re.compile(r"<eos>|eos[ _]token|end[ -]of[ -](sequence|sentence|text)", re.IGNORECASE)


def _ended(state: State, failure: Failure, model: nn.Module) -> Iterator[State]:
    """Rows of ids that must hold the one that ends a sentence, which the model's configuration states."""
    end = getattr(getattr(model, "config", None), "eos_token_id", None)
    if type(end) is not int or not ENDS.search(failure.message):
        return
    for path, slot in leaves(state).items():
        if slot.dtype == "i64" and len(slot.shape) == 2 and end < slot.high:
            yield replaced(state, path, slot._replace(fill="ended", value=end))


def _uses(model: nn.Module, path: str) -> Iterator[ast.AST]:
    """Places in the sources of the model's methods that read something of a name."""
    for method in vars(type(model)).values():
        if not inspect.isfunction(method):
            continue
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(method)))
        except (OSError, TypeError, SyntaxError):
            continue
        for node in ast.walk(tree):
            inner = getattr(node, "value", None)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                inner = node.func.value
            if isinstance(inner, ast.Name) and inner.id == path:
                yield node


def _keys(model: nn.Module, path: str) -> list[str]:
    found: list[str] = []
    for node in _uses(model, path):
        match node:
            case ast.Subscript(slice=ast.Constant(value=str(key))):
                found.append(key)
            case ast.Call(func=ast.Attribute(attr="get" | "pop"), args=[ast.Constant(value=str(key)), *_]):
                found.append(key)
            case _:
                pass
    return found


def _attributes(model: nn.Module, path: str) -> set[str]:
    return {
        node.attr
        for node in _uses(model, path)
        if isinstance(node, ast.Attribute) and not hasattr(torch.Tensor, node.attr)
    }

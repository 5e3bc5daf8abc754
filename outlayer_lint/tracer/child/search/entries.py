"""Which layer an argument of `forward` meets first, read from the source of the model's methods."""

from __future__ import annotations

import ast
import inspect
import math
import textwrap
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn

from outlayer_lint.tracer.child import adapters
from outlayer_lint.tracer.child.adapters.keras import is_keras

if TYPE_CHECKING:
    from collections.abc import Iterator


DEPTH = 6  # of modules whose own `forward` is read

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)


def parameters_of(model: nn.Module) -> list[inspect.Parameter]:
    """Parameters of `forward` (of `call` for Keras), `self` left out."""
    forward = getattr(model, "call", None) if is_keras(model) else None
    forward = forward if callable(forward) else model.forward
    try:
        found = list(inspect.signature(forward).parameters.values())
    except (TypeError, ValueError):
        return [inspect.Parameter("input", inspect.Parameter.POSITIONAL_ONLY)]
    return found[1:] if found and found[0].name == "self" else found  # a scripted method shows its `self`


LEAVES = (
    nn.Linear, nn.Bilinear, nn.modules.conv._ConvNd, nn.Embedding, nn.EmbeddingBag, nn.RNNBase, nn.RNNCellBase,
    nn.MultiheadAttention, nn.LayerNorm, nn.GroupNorm, *NORMS,
)  # fmt: skip


def is_leaf(module: nn.Module) -> bool:
    """Whether it is a layer whose input is known from its own sizes."""
    return isinstance(module, LEAVES) or adapters.layer_slot(module) is not None


class Entry(NamedTuple):
    """The layer that an argument meets first; `turned` says that its last two axes are exchanged on the way."""

    leaf: nn.Module
    turned: bool = False


def is_state(model: nn.Module, name: str, method: str = "forward") -> bool:
    """Whether an argument, however it is called, goes into a recurrent layer as its state."""
    return any(
        position == 1 and isinstance(_at(model, path), (nn.RNNBase, nn.RNNCellBase))
        for path, position, _ in _met(model, name, method)
    )


def counts_steps(model: nn.Module, name: str, depth: int = DEPTH) -> bool:
    """Whether an argument says how many steps of each sample count: it goes where a sequence is packed."""
    for node in ast.walk(source(type(model), "forward")):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("pack_padded_sequence"):
            given = [*node.args[1:2], *(keyword.value for keyword in node.keywords if keyword.arg == "lengths")]
            if any(isinstance(word, ast.Name) and word.id == name for one in given for word in ast.walk(one)):
                return True
    for path, position, _ in _met(model, name, "forward") if depth else ():
        inner = _at(model, path)
        if isinstance(inner, nn.Module) and inner is not model and not is_leaf(inner):
            parameters = parameters_of(inner)
            if position < len(parameters) and counts_steps(inner, parameters[position].name, depth - 1):
                return True
    return False


def entry(model: nn.Module, name: str, *, strict: bool, depth: int = DEPTH, method: str = "forward") -> Entry | None:
    """The layer that an argument meets first, as the source of `forward` says; the first of all unless `strict`."""
    if is_leaf(model):
        return Entry(model)
    if isinstance(model, (nn.Sequential, nn.ModuleList)):
        for inner in model:
            found = entry(inner, "input", strict=False, depth=depth - 1)
            if found is not None:
                return found
    if depth:
        method = "call" if method == "forward" and is_keras(model) else method
        for path, position, turned in _met(model, name, method):
            found = _entry_of(model, path, position, depth)
            if found is not None:
                return found._replace(turned=found.turned != turned)
    first = None if strict else next((m for m in model.modules() if is_leaf(m)), None)
    return Entry(first) if first is not None else None


def _entry_of(model: nn.Module, path: str, position: int, depth: int) -> Entry | None:
    """The layer that an argument of `self.path(...)` meets: of a part of the model, or inside another method."""
    inner = _at(model, path)
    if isinstance(inner, nn.Module) and inner is not model:
        parameters = parameters_of(inner)
        argument = parameters[position].name if position < len(parameters) else "input"
        return entry(inner, argument, strict=False, depth=depth - 1)
    if inspect.ismethod(inner) and inner.__self__ is model and inspect.isfunction(vars(type(model)).get(path)):
        names = [parameter.name for parameter in inspect.signature(inner).parameters.values()]
        if position < len(names):
            return entry(model, names[position], strict=True, depth=depth - 1, method=path)
    return None


def _met(model: nn.Module, name: str, method: str) -> Iterator[tuple[str, int, bool]]:
    """`self.path(name, ...)` in order of appearance: the path, the position of the argument, whether it was turned.

    Names that are made from it without a layer in between count as it (`x = torch.cat((name, y), 1)`).
    """
    derived = {name: False}
    for node in steps(type(model), method):
        if isinstance(node, ast.Call):
            for position, argument in enumerate(node.args):
                if words := derived.keys() & _words(argument, model):
                    yield _path(node.func), position, _turns(argument) != derived[min(words)]
                    break
            continue
        targets = [target.id for target in node.targets if isinstance(target, ast.Name)]
        if words := derived.keys() & _words(node.value, model):
            derived.update(dict.fromkeys(targets, _turns(node.value) != derived[min(words)]))
        elif not isinstance(node.value, ast.Constant):
            for target in targets:
                if target != name:
                    derived.pop(target, None)


def _turns(expression: ast.expr) -> bool:
    """Whether it exchanges the last two of three axes."""
    for node in ast.walk(expression):
        match node:
            case ast.Call(func=ast.Attribute(attr="permute"), args=args) if (
                ast.unparse(args[0] if len(args) == 1 else ast.Tuple(args)) in TURNS
            ):
                return True
            case ast.Call(func=ast.Attribute(attr="transpose" | "swapaxes"), args=[*_, first, second]):
                return {ast.unparse(first), ast.unparse(second)} in ({"1", "2"}, {"-1", "-2"}, {"1", "-1"}, {"2", "-2"})
            case _:
                pass
    return False


TURNS = ("(0, 2, 1)", "[0, 2, 1]", "0, 2, 1")


RESHAPES = frozenset("view reshape expand repeat unflatten".split())


def _words(expression: ast.expr, model: nn.Module) -> set[str]:
    """Names in an expression that go through no layer inside it, and are read for more than their shape."""
    match expression:
        case ast.Name(id=name):
            return {name}
        case ast.Call(func=func) if _path(func) and not _passes(_at(model, _path(func))):
            return set()
        case ast.Attribute(attr="shape" | "device" | "dtype"):
            return set()
        case ast.Call(func=ast.Attribute(attr="size" | "dim" | "new_zeros")):
            return set()
        case ast.Call(
            func=ast.Attribute(value=reshaped, attr="view" | "reshape" | "expand" | "repeat" | "unflatten")
        ) if ast.unparse(reshaped) not in {"torch", "F"}:
            return _words(reshaped, model)  # the arguments are sizes
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str() | int() as key)):
            return {name, f"{name}.{key}"}
        case ast.Attribute(value=ast.Name(id=name), attr=attr):
            return {name, f"{name}.{attr}"}
        case _:
            pass
    return {
        word
        for child in ast.iter_child_nodes(expression)
        if isinstance(child, ast.expr | ast.keyword)
        for word in _words(child.value if isinstance(child, ast.keyword) else child, model)
    }


def _passes(thing: Any) -> bool:
    """Whether it is a part that learns nothing and has no size of its own: dropout, an activation, pooling."""
    own = type(thing).__module__.startswith("torch.nn.modules.")
    return isinstance(thing, nn.Module) and own and not is_leaf(thing) and next(thing.children(), None) is None


def rows(model: nn.Module, name: str) -> int:
    """How many rows the parameter or buffer has that an argument is an index of (`self.table[name]`), 0 for none."""
    for node in ast.walk(source(type(model), "forward")):
        match node:
            case ast.Subscript(value=ast.Attribute(value=ast.Name(id="self"), attr=attr), slice=index):
                table = getattr(model, attr, None)
                places = index.elts if isinstance(index, ast.Tuple) else [index]
                for axis, place in enumerate(places):
                    named = isinstance(place, ast.Name) and place.id == name
                    if named and isinstance(table, torch.Tensor) and axis < table.ndim:
                        return int(table.shape[axis])
            case _:
                pass
    return 0


def read(model: nn.Module, name: str) -> bool:
    """Whether `forward` reads an argument at all, as far as its source can be had."""
    tree = source(type(model), "call" if is_keras(model) else "forward")
    return not tree.body or any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(tree))


def whole(model: nn.Module, name: str) -> bool:
    """Whether an argument is made a whole number, or others are looked up by it, as it comes in."""
    for node in ast.walk(source(type(model), "forward")):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=other), attr="long" | "int")) if other == name:
                return True
            case ast.Call(func=ast.Attribute(attr="one_hot"), args=[ast.Name(id=other), *_]) if other == name:
                return True
            case ast.Subscript(slice=ast.Tuple(elts=places)) if any(
                isinstance(place, ast.Name) and place.id == name for place in places
            ):
                return True
            case _:
                pass
    return False


def reshaped(model: nn.Module, name: str) -> int:
    """How many values a sample has in `name.view(-1, 3, 4)`, 0 where the argument is not reshaped like that."""
    for node in ast.walk(source(type(model), "forward")):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=other), attr="view" | "reshape"), args=[rows, *sizes]
            ) if other == name and ast.unparse(rows) == "-1":
                known = [size.value if isinstance(size, ast.Constant) else None for size in sizes]
                whole = [size for size in known if isinstance(size, int) and size > 0]
                return math.prod(whole) if len(whole) == len(sizes) and whole else 0
            case _:
                pass
    return 0


def indices(cls: type, name: str) -> int:
    """How many parts `forward` reads of an argument as `name[0]`, `name[1]`, 0 where it reads it in any other way."""
    found: set[int] = set()
    tree = source(cls, "forward")
    inner = {id(node.value): node.slice for node in ast.walk(tree) if isinstance(node, ast.Subscript)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == name:
            match inner.get(id(node)):
                case ast.Constant(value=int(index)) if index >= 0:
                    found.add(index)
                case _:
                    return 0
    return len(found) if found == set(range(len(found))) and len(found) > 1 else 0


def source(cls: type, method: str) -> ast.Module:
    """The tree of a method, empty where its source cannot be had; a model of Keras has `call` for `forward`."""
    method = "call" if method == "forward" and is_keras(cls) else method
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(getattr(cls, method))))
    except (OSError, TypeError, SyntaxError, AttributeError, IndexError):
        return ast.Module([], [])


def steps(cls: type, method: str) -> list[ast.Call | ast.Assign]:
    """Calls of own attributes and assignments in a method, in the order in which they are done."""
    if (cls, method) not in _CACHE:
        tree = source(cls, method)
        steps = [n for n in ast.walk(tree) if isinstance(n, ast.Assign) or (isinstance(n, ast.Call) and _path(n.func))]
        _CACHE[cls, method] = sorted(
            steps, key=lambda node: (node.end_lineno or 0, node.end_col_offset or 0, isinstance(node, ast.Assign))
        )
    return _CACHE[cls, method]


_CACHE: dict[tuple[type, str], list[ast.Call | ast.Assign]] = {}


def _path(place: ast.expr) -> str:
    """`encoder.embed` of `self.encoder.embed`, "" for anything else; `self.layers[0]` is `layers.0`."""
    match place:
        case ast.Attribute(value=ast.Name(id="self"), attr=attr):
            return attr
        case ast.Attribute(value=inner, attr=attr) if _path(inner):
            return f"{_path(inner)}.{attr}"
        case ast.Subscript(value=inner, slice=ast.Constant(value=int(index))) if _path(inner):
            return f"{_path(inner)}.{index}"
    return ""


def _at(model: nn.Module, path: str) -> Any:
    thing: Any = model
    for part in path.split("."):
        if isinstance(thing, (nn.ModuleList, nn.Sequential)) and part.isdigit():
            thing = thing[int(part)] if int(part) < len(thing) else None
        else:
            thing = getattr(thing, part, None)
    return thing

"""Numbers that the program states: what the constructor was told, options and constants that it reads, its sums."""

from __future__ import annotations

import ast
import inspect
import re
from typing import TYPE_CHECKING, Any

from outlayer_lint.tracer.child.search.entries import source
from outlayer_lint.tracer.child.search.evaluated import number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

SIZES = (8, 1024)  # of pictures and sequences that are tried, the least and the most
MOST_PAIRS = 12
EXTENT = re.compile(
    r"im(g|age)?_?(size|dim|sz|res)|size|height|width|resolution|len|samples|chans|electrodes|points|window|frames|bins|"
    r"(^|_)(h|w|rows|cols|mels|side)$",
    re.IGNORECASE,
)
OTHER = re.compile(
    r"patch|kernel|kern|batch|hidden|vocab|embed|emb_|pool|stride|step|filter|out|class|latent", re.IGNORECASE
)


def numbers(model: nn.Module) -> dict[str, int]:
    """Whole numbers by name, in the order in which the constructor or the class reads them."""
    found: dict[str, int] = dict(vars(model).get("_traced_told", {}))
    known = _names(model)
    for method in ("__init__", "forward"):
        for node in ast.walk(source(type(model), method)):
            if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
                size = number(node, (known, None))
                word = node.id if isinstance(node, ast.Name) else node.attr
                if size is not None and not (isinstance(node, ast.Attribute) and _is_self(node.value)):
                    found.setdefault(word, size)
    return found


def sizes(model: nn.Module) -> list[int]:
    """Those that may be sizes of a picture or a sequence."""
    least, most = SIZES
    told = [size for word, size in numbers(model).items() if EXTENT.search(word) and not OTHER.search(word)]
    return list(dict.fromkeys(size for size in told if least <= size <= most))


def extents(model: nn.Module) -> list[tuple[int, ...]]:
    """Shapes that an argument states (`img_shape=(128, 128, 64)`), then pairs of those sizes, either way round."""
    least, most = SIZES
    stated = [
        tuple(thing[-axes:])
        for word, thing in {**_names(model), **vars(model).get("_traced_args", {})}.items()
        if isinstance(thing, (list, tuple)) and (EXTENT.search(word) or "shape" in word.lower())
        for axes in (2, 3)
        if len(thing) >= axes and all(type(size) is int and least <= size <= most for size in thing[-axes:])
    ]
    known = sizes(model)
    ordered = [(one, other) for at, one in enumerate(known) for other in known[at + 1 :]]
    return [*stated, *[*ordered, *((other, one) for one, other in ordered)][:MOST_PAIRS]]


def sums(model: nn.Module, whole: int, count: int) -> Iterator[list[int]]:
    """Sums of so many numbers that the constructor writes out: `nn.Linear(n_features + latent_dim, 64)`.

    One of them may be anything (`sum(widths) + n_numbers`): it is what the others leave.
    """
    known = _names(model)
    told: dict[str, int] = vars(model).get("_traced_told", {})
    seen = list[list[int]]()
    for node in ast.walk(source(type(model), "__init__")):
        terms = _terms(node) if isinstance(node, ast.BinOp) else []
        if len(terms) != count:
            continue
        values = [_value(term, known, told) for term in terms]
        missing = [at for at, value in enumerate(values) if value is None]
        left = whole - sum(value for value in values if value is not None)
        if len(missing) > 1 or (not missing and left):
            continue
        parts = [left if value is None else value for value in values]
        if all(part > 0 for part in parts) and parts not in seen:
            seen.append(parts)
            yield parts


def _value(term: ast.expr, known: dict[str, Any], told: dict[str, int]) -> int | None:
    """The number of a term; of an option that was only told by its name."""
    size = number(term, (known, None))
    if size is not None:
        return size
    match term:
        case ast.Attribute(attr=word) | ast.Subscript(slice=ast.Constant(value=str(word))):
            return told.get(word)
        case _:
            return None


def _terms(node: ast.expr) -> list[ast.expr]:
    match node:
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [*_terms(left), *_terms(right)]
        case _:
            return [node]


def _names(model: nn.Module) -> dict[str, Any]:
    """What the constructor sees: the globals of its file, its arguments, the model as `self`."""
    known = dict(getattr(type(model).__init__, "__globals__", {}))
    try:
        defaults = {p.name: p.default for p in inspect.signature(type(model).__init__).parameters.values()}
    except (TypeError, ValueError):
        defaults = {}
    return {**known, **defaults, **vars(model).get("_traced_told", {}), "self": model}


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"

"""What a function's signature says, as it is written: of a parameter, and of a call."""

from __future__ import annotations

import ast
import re

from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.resolve.walking import walk

if TYPE_CHECKING:
    from outlayer_lint.resolve.scopes import Scope

# Numbers, texts, what holds them, and what else a signature says that no tensor is.
PLAIN = frozenset(
    "int float str bool bytes None Path PathLike device dtype Generator Literal Optional Union List Tuple Sequence "
    "Iterable Dict Set list tuple dict set typing os pathlib torch np numpy".split()
)
INDICES = frozenset(("LongTensor", "Optional", "None", "torch", "typing"))
HOLDERS = frozenset("typing os pathlib torch np numpy".split())


def is_plain(scope: Scope, name: str) -> bool:
    """Whether a parameter is a number, a text or a setting by its annotation, or without one by its default."""
    annotation, default = declared(scope, name)
    if annotation is not None:
        return _is_plain(annotation)
    return isinstance(default, ast.Constant) and default.value is not None


def is_indices(scope: Scope, name: str) -> bool:
    """Whether a parameter is declared a tensor of class indices or ids: no caller need be asked what it holds."""
    annotation, _ = declared(scope, name)
    return annotation is not None and "LongTensor" in _words(annotation) <= INDICES


def fits(scope: Scope, call: ast.Call) -> bool:
    """Whether a call may be one of this function, by the number and the names of what it passes.

    A method may be called through its class as well. What a decorator makes of a function is not known.
    """
    a = scope.parameters
    if a is None or getattr(scope.node, "decorator_list", None):
        return True
    named = {keyword.arg for keyword in call.keywords}
    if None in named or any(isinstance(argument, ast.Starred) for argument in call.args):
        return True
    ordered = [*a.posonlyargs, *a.args]
    if len(call.args) > len(ordered) and a.vararg is None:
        return False
    if a.kwarg is None and not named <= {p.arg for p in (*a.args, *a.kwonlyargs)}:
        return False
    needed = len(ordered) - len(a.defaults) - (scope.owner is not None) + a.kw_defaults.count(None)
    return len(call.args) + len(named) >= needed


def declared(scope: Scope, name: str) -> tuple[ast.expr | None, ast.expr | None]:
    """The annotation and the default of a parameter, `None` where it has none."""
    a = scope.parameters
    if a is not None:
        ordered = [*a.posonlyargs, *a.args]
        defaults = [None] * (len(ordered) - len(a.defaults)) + [*a.defaults, *a.kw_defaults]
        for parameter, default in zip((*ordered, *a.kwonlyargs), defaults, strict=True):
            if parameter.arg == name:
                return parameter.annotation, default
    return None, None


def _is_plain(annotation: ast.expr) -> bool:
    words = _words(annotation)
    return words <= PLAIN and not words <= HOLDERS


def _words(annotation: ast.expr) -> set[str]:
    """The names in an annotation, also in one that is a text; not the values of a `Literal`."""
    words: set[str] = set()
    for node in walk(annotation):
        if isinstance(node, ast.Attribute):
            words.add(node.attr)
        elif isinstance(node, ast.Name):
            words.add(node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not _inside_literal(annotation, node):
            words.update(re.findall(r"[A-Za-z_]\w*", node.value))
    return words


def _inside_literal(annotation: ast.expr, text: ast.Constant) -> bool:
    """Whether a text is a value, as in `Literal["mean"]`, and not the annotation itself."""
    return any(
        isinstance(node, ast.Subscript)
        and getattr(node.value, "attr", getattr(node.value, "id", "")) == "Literal"
        and any(inner is text for inner in walk(node.slice))
        for node in walk(annotation)
    )

"""What the author wrote of an argument's shape: docstrings, comments, unpackings, an example call in the same file.

`x: (B, T, D)`, `# src = [src len, batch size]`, `b, c, h, w = x.shape`, `bsz = x.size(1)`, `net(torch.randn(2, 3, 9))`.
"""

from __future__ import annotations

import ast
import inspect
import io
import re
import textwrap
import tokenize
from typing import TYPE_CHECKING, Any, NamedTuple

from outlayer_lint.tracer.child.adapters.keras import is_keras
from outlayer_lint.tracer.child.search.handled import handled, spelled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn


class Note(NamedTuple):
    """What is said of one argument.

    Attributes:
        axes: axis -> the word or number that stands for it, lower-cased.
        rank: number of axes, `None` where only some are spoken of.
        dtype: `i64` where an example has whole numbers, "" where nothing says it.
    """

    axes: dict[int, str]
    rank: int | None = None
    dtype: str = ""

    @property
    def batch(self) -> int | None:
        """The axis that counts samples, as far as the words say; `NONE` where both of two axes count something else."""
        for words in (BATCH_WORD, FIRST_WORD):
            for axis, word in self.axes.items():
                if words.search(word) and (words is BATCH_WORD or axis == 0):
                    return axis
        if self.rank not in {2, None} or not LENGTH_WORD.search(self.axes.get(0, "")):
            return None
        return NONE if self.axes.get(1) else 1


NONE = -1
BATCH_WORD = re.compile(r"batch|^(b|bs|bsz|bz|b_size|nb|mb|bsize)$")
FIRST_WORD = re.compile(r"^[nm]$|samples")  # counts samples where it comes first
LENGTH_WORD = re.compile(r"len|seq|time|steps?$|window|^(t|l|s)$")
NO_AXIS = re.compile(
    r"tensor|optional|default|\b(str|int|float|bool|list|tuple|dict|none|true|false|callable|array|ndarray|e\.g|i\.e)\b|\.\.\.|='"
)
BRACKETED = r"[\[(]{1,2}\s*([^\[\]()]{1,90}?)\s*,?\s*[\])]"
TIMES = "*\u00d7"
SPELLED = rf"((?:[\w+\-]+\s*(?: x |[{TIMES}])\s*)+[\w+\-]+)"
LISTED = r"((?:[\w+\- ]{1,20},\s*)+[\w+\- ]{1,20})"
OF_LIBRARY = re.compile(r"\b(?:torch|np|numpy|tf)\.(?=[A-Z])")  # of `x : torch.Tensor (batch, time)`
NAMED_BATCH = re.compile(r"\b([A-Za-z])\s*(?:is|=|:|-)\s*(?:the\s+)?(?:mini-?)?batch", re.IGNORECASE)


def notes(model: nn.Module, names: list[str], text: str = "", name: str = "") -> dict[str, Note]:
    """What is written of the arguments `names` of `forward`; `text` is the file, where the class is called `name`."""
    found: dict[str, Note] = {}
    if type(model).__module__.partition(".")[0] in {"torch", "keras"}:
        return found  # what a library writes of a layer in general says nothing of this one
    tree = _tree(type(model))
    if tree is not None:
        for argument in names:
            note = used(tree, argument, _unpacked(tree, argument))
            for words in _texts(type(model)):
                note = _said(words, argument, alone=len(names) == 1) or note
                if note is not None and note.rank:
                    break
            if note is not None:
                found[argument] = note
    for argument, note in _examples(text, name or type(model).__name__, names).items():
        known = found.get(argument)
        if known is None or known.rank in {None, note.rank}:
            found[argument] = note._replace(axes={**note.axes, **(known.axes if known is not None else {})})
    return found


def _tree(cls: type) -> ast.FunctionDef | None:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(_forward(cls))))
    except (OSError, TypeError, SyntaxError, AttributeError):
        return None
    return next((node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)), None)


def _forward(cls: type) -> Any:
    return getattr(cls, "call" if is_keras(cls) else "forward")


def _texts(cls: type) -> Iterator[str]:
    """Prose on `forward`, then on the class: docstrings, and comments that stand alone or beside the signature."""
    try:
        source = textwrap.dedent(inspect.getsource(_forward(cls)))
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (OSError, TypeError, SyntaxError, AttributeError, tokenize.TokenError):
        source, tokens = "", []
    head = next((token.start[0] for token in tokens if token.string == ":" and token.line.rstrip().endswith(":")), 1)
    for token in tokens:
        alone = token.line.lstrip().startswith("#")
        if token.type == tokenize.COMMENT and (alone or token.start[0] <= head):
            yield token.string.lstrip("# ")
    for thing in (vars(cls).get(_forward(cls).__name__), vars(cls).get("__init__")):
        yield getattr(thing, "__doc__", None) or ""
    yield vars(cls).get("__doc__") or ""


def _said(text: str, name: str, *, alone: bool) -> Note | None:
    """The shape that a text gives for an argument; the only one may be called the input."""
    text = OF_LIBRARY.sub("", text)
    called = rf"(?:{re.escape(name)}|inputs?|x)" if alone else re.escape(name)
    for form in (rf"[^\n\[\(.]{{0,60}}?{BRACKETED}", rf"`?\s*[:=-]+\s*{SPELLED}", rf"\s*->\s*{LISTED}\s*(?:\n|$)"):
        flags = re.IGNORECASE if alone else 0
        for match in re.finditer(rf"(?<![\w.]){called}(?![\w.(\[]){form}", text, flags):
            axes = _axes(match[1])
            if axes is not None:
                for letter in NAMED_BATCH.findall(text):
                    axes = ["batch" if word == letter.lower() else word for word in axes]
                return Note(dict(enumerate(axes)), len(axes))
    return None


def _axes(text: str) -> list[str] | None:
    """The words between brackets, `None` where they are no shape."""
    text = text.strip(" `'\"").lower()
    pieces = text.split(",") if "," in text else re.split(rf"\s+x\s+|\s*[{TIMES}]\s*", text)
    parts = [piece.strip(" `'\"") for piece in pieces]
    if NO_AXIS.search(text) or not all(re.fullmatch(r"[\w][\w +*/\-']{0,30}|-1", part) for part in parts):
        return None
    if not any(
        BATCH_WORD.search(part) or part.isdigit() or len(part) == 1 or LENGTH_WORD.search(part) for part in parts
    ):
        return None
    if len(parts) == 1 and not (BATCH_WORD.search(text) or re.fullmatch(r"[bnl]|.*_?len(gth)?", text)):
        return None
    return parts if len(parts) <= 6 else None


def _unpacked(tree: ast.FunctionDef, name: str) -> Note | None:
    """`b, t, d = x.shape`, `bsz, steps = x.size(0), x.size(1)`, while `x` is still the argument."""
    axes: dict[int, str] = {}
    rank: int | None = None
    for node in sorted((n for n in ast.walk(tree) if isinstance(n, ast.Assign)), key=lambda n: n.lineno):
        rank = rank or next((found for inner in ast.walk(node.value) if (found := _merged(inner, name))), None)
        for target, value in _pairs(node):
            if isinstance(target, (ast.Tuple, ast.List)) and _is_shape(value, name) and rank is None:
                words = [one.id if isinstance(one, ast.Name) else "" for one in target.elts]
                if not any(isinstance(one, ast.Starred) for one in target.elts):
                    rank, axes = len(words), {axis: word.lower() for axis, word in enumerate(words) if word.strip("_")}
            axis = _axis(value, name)
            if isinstance(target, ast.Name) and axis is not None:
                axes.setdefault(axis, target.id.lower())
        if name in {one.id for target in node.targets for one in ast.walk(target) if isinstance(one, ast.Name)}:
            break
    return Note(axes, rank) if axes or rank else None


def used(tree: ast.FunctionDef, name: str, note: Note | None) -> Note | None:
    """What is noted of an argument, with as many axes as what is done with it needs."""
    exact, least = handled(tree, name)
    if note is not None and note.rank is not None:
        return note
    if (words := spelled(tree, name)) is not None:
        return Note(dict(enumerate(words)) | (note.axes if note is not None else {}), len(words))
    if exact is not None:
        return Note(note.axes if note is not None else {}, exact)
    if least > (max(note.axes, default=-1) + 1 if note is not None else TABLE):
        return Note({least - 1: "", **(note.axes if note is not None else {})})
    return note


TABLE = 2  # axes that nothing needs to be said of


def _merged(node: ast.AST, name: str) -> int:
    """The rank of what `x.view(x.size(0) * x.size(1), -1, 512)` reshapes: first axes that become one, and the rest."""
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id=other), attr="view" | "reshape"),
            args=[ast.BinOp(left=left, op=ast.Mult(), right=right), *rest],
        ) if other == name and rest and _axis(left, name) == 0 and _axis(right, name) == 1:
            return 2 + len(rest)
        case _:
            return 0


def _pairs(node: ast.Assign) -> Iterator[tuple[ast.expr, ast.expr]]:
    for target in node.targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            yield from zip(target.elts, node.value.elts, strict=False)
        else:
            yield target, node.value


def _is_shape(node: ast.expr, name: str) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id=other), attr="shape"):
            return other == name
        case ast.Call(func=ast.Attribute(value=ast.Name(id=other), attr="size"), args=[]):
            return other == name
        case _:
            return False


def _axis(node: ast.expr, name: str) -> int | None:
    match node:
        case ast.Subscript(value=inner, slice=ast.Constant(value=int(axis))) if axis >= 0 and _is_shape(inner, name):
            return axis
        case ast.Subscript(value=ast.Call(func=ast.Attribute(), args=[]) as inner, slice=ast.Constant(value=int(axis))):
            return axis if axis >= 0 and _is_shape(inner, name) else None
        case ast.Call(func=ast.Attribute(value=ast.Name(id=other), attr="size"), args=[ast.Constant(value=int(axis))]):
            return axis if axis >= 0 and other == name else None
        case ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=other)]) if other == name:
            return 0
        case _:
            return None


MAKERS = {"randn", "rand", "zeros", "ones", "empty", "randint", "Tensor", "FloatTensor"}
KEPT = {"to", "cuda", "cpu", "float", "double", "requires_grad_", "contiguous"}


def _examples(text: str, cls: str, names: list[str]) -> dict[str, Note]:
    """Shapes of the tensors in the first call of an instance whose arguments are made on the spot."""
    if f"{cls}(" not in text or "torch." not in text:
        return {}
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return {}
    made: dict[str, ast.expr] = {}
    instances: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            if any(isinstance(n, ast.Call) and ast.unparse(n.func).endswith(cls) for n in ast.walk(node.value)):
                instances.add(node.targets[0].id)
            made[node.targets[0].id] = node.value
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in instances:
            given = dict(zip(names, node.args, strict=False))
            given |= {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
            found = {name: note for name, value in given.items() if (note := _made(value, made)) is not None}
            if found:
                return found
    return {}


def _made(node: ast.expr, made: dict[str, ast.expr], depth: int = 4) -> Note | None:
    """The shape of `torch.randn(2, 3, 64, 64)`, through names, `.cuda()` and `Variable(...)`."""
    match node:
        case ast.Name(id=name) if depth and name in made:
            return _made(made[name], made, depth - 1)
        case ast.Call(func=ast.Attribute(value=inner, attr=attr)) if attr in KEPT and depth:
            return _made(inner, made, depth - 1)
        case ast.Call(func=ast.Attribute(value=inner, attr="long"), args=[]) if depth:
            note = _made(inner, made, depth - 1)
            return note._replace(dtype="i64") if note is not None else None
        case ast.Call(func=ast.Name(id="Variable"), args=[inner, *_]) if depth:
            return _made(inner, made, depth - 1)
        case ast.Call(func=ast.Attribute(value=ast.Name(id="torch"), attr=attr), args=args, keywords=keywords):
            if attr not in MAKERS:
                return None
            sizes = [_sizes(arg, made) for arg in args]
            given = [keyword.value for keyword in keywords if keyword.arg == "size"]
            shape = _sizes(given[0], made) if given else sizes[-1] if sizes and isinstance(sizes[-1], list) else sizes
            if not isinstance(shape, list) or not shape or not all(isinstance(size, int) for size in shape):
                return None
            words = " ".join(ast.unparse(keyword.value) for keyword in keywords)
            whole = attr == "randint" or "long" in words or "int64" in words
            return Note({axis: str(size) for axis, size in enumerate(shape)}, len(shape), "i64" if whole else "")
        case _:
            return None


def _sizes(node: ast.expr, made: dict[str, ast.expr]) -> int | list[int] | None:
    match node:
        case ast.Constant(value=int(size)):
            return size
        case ast.Name(id=name) if isinstance(made.get(name), ast.Constant):
            return _sizes(made[name], {})
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            sizes = [_sizes(element, made) for element in elements]
            whole = [size for size in sizes if isinstance(size, int)]
            return whole if len(whole) == len(sizes) else None
        case _:
            return None

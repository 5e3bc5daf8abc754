"""What is written on a tensor while it is watched: which operation made it, out of which others, and where.

A mark is an attribute of the tensor itself, so that it lives and dies with it and no memory address is ever taken for
another tensor's. It holds no tensor. What a program copies, pickles or keeps from an earlier watch carries a mark of
another `recording` and counts as unmarked.
"""

from __future__ import annotations

import ast
import os
import sys
from collections import OrderedDict
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from outlayer_lint.diagnostic import Span

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType

NAME = "_outlayer_mark"
MAX_DEPTH = 4000  # operations behind a tensor; what a program carries on from step to step is cut there
MAX_FRAMES = 120
TORCH = os.path.dirname(torch.__file__) + os.sep
OWN = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))) + os.sep
# Parts of torch that compute by themselves: what happens in them is not what the user wrote.
APART = tuple(TORCH + part + os.sep for part in ("distributions", "optim", os.path.join("utils", "data")))
LIBRARIES = ("/site-packages/", "/dist-packages/", "/lib/python")
SERIAL = count()


class Place(NamedTuple):
    """Where an operation stands: the code that was running and the instruction in it. Resolved when asked for."""

    code: CodeType
    instruction: int

    @property
    def line(self) -> int:
        """The first line of the expression."""
        return line_of(self.code, self.instruction)

    @property
    def span(self) -> Span:
        """The expression, columns in code points; the whole line where the compiler kept no columns."""
        return span_of(self.code, self.instruction)


@lru_cache(maxsize=4096)
def line_of(code: CodeType, instruction: int) -> int:
    """The line that an instruction belongs to: counted from the code's first one, which takes a while."""
    found = next((line for start, end, line in code.co_lines() if start <= instruction < end and line), None)
    return found or code.co_firstlineno


@lru_cache(maxsize=4096)
def span_of(code: CodeType, instruction: int) -> Span:
    """The expression that an instruction belongs to."""
    path, line = code.co_filename, line_of(code, instruction)
    positions = list(code.co_positions())
    at = positions[instruction // 2] if 0 <= instruction // 2 < len(positions) else (None,) * 4
    first, last, start, end = at
    if first is None or last is None or start is None or end is None:
        first, start, last, end = line, 0, line, 1
    if path.endswith(".ipynb"):
        return _in_cell(path, (first, start, last, end))
    return Span(path, first, _points(path, first, start) + 1, last, _points(path, last, end) + 1)


def _in_cell(path: str, at: tuple[int, int, int, int]) -> Span:
    """A place in a notebook, whose cells were run joined."""
    from outlayer_lint.tracer.child.losses import written  # noqa: PLC0415 - written builds on places

    known = written.expressions(path)
    if known is None:
        return Span(path, at[0], at[1] + 1, at[2], at[3] + 1)
    node = ast.Constant(None, lineno=at[0], col_offset=at[1], end_lineno=at[2], end_col_offset=at[3])
    return known[0].span(node)


def _points(path: str, line: int, column: int) -> int:
    """A column counted in code points, from one counted in bytes."""
    import linecache  # noqa: PLC0415 - for places that are told

    text = linecache.getline(path, line)
    return len(text.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "replace")) if text else column


class Mark:
    """Where a tensor comes from.

    Attributes:
        kind: `operation`, `parameter` (a leaf that is trained), `data` (nothing watched made it) or `opaque` (it has a
            gradient, but what made it was not seen: a scripted module, a custom kernel).
        op: qualified name of the operation as rows have it (`torch.nn.functional.softmax`), "" for sources.
        given: positional and keyword arguments of the operation, each tensor in them replaced by its mark.
        parts: the marks among them, in order.
        part: which of several results this is, else `None`.
        shape, dtype: of the result.
        place: where the user's code called it.
        module: the innermost module that was running, with those around it.
        index: counts operations of one recording; equal in two runs that do the same.
        function: what was called, so that it can be called again.
    """

    depth: int

    __slots__ = (
        "answer", "depth", "dtype", "function", "given", "index", "kind", "modules", "op", "part", "parts", "place",
        "recording", "shape",
    )  # fmt: skip

    def __init__(
        self, recording: object, kind: str, op: str, given: tuple[tuple[Any, ...], dict[str, Any]] = ((), {}),
        parts: tuple[Mark, ...] = (), shape: tuple[int, ...] = (), dtype: str = "", place: Place | None = None,
        modules: tuple[Any, ...] = (), index: int = -1, part: int | None = None, function: Any = None,
    ) -> None:  # fmt: skip
        """See the class."""
        self.recording = recording
        self.kind = kind
        self.op = op
        self.given = given
        self.parts = parts
        self.shape = shape
        self.dtype = dtype
        self.place = place
        self.modules = modules
        self.index = index
        self.part = part
        self.function = function
        depth = 0
        for each in parts:
            depth = max(depth, each.depth)
        self.depth = depth + 1
        self.answer: Any = None  # what it is in the words of the lattice, worked out by `reading`
        if self.depth > MAX_DEPTH:
            self.kind, self.op, self.given, self.parts, self.depth = "data", "", ((), {}), (), 0

    def __repr__(self) -> str:
        return f"<{self.op or self.kind} {self.shape}>"

    def __deepcopy__(self, memo: object) -> None:
        """A copied tensor starts afresh."""

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickled tensor starts afresh. An `OrderedDict` is what torch's careful loader lets pass."""
        return (OrderedDict, ())

    @property
    def module(self) -> Any:
        """The innermost module, `None` outside of all."""
        return self.modules[-1] if self.modules else None

    @property
    def short(self) -> str:
        """The operation's last name, without the underscores of in-place and special methods."""
        return shortened(self.op)

    def ancestors(self, limit: int = 2000) -> Iterator[Mark]:
        """The mark itself and all that it was made from, each once, the latest first."""
        todo, seen = [self], {id(self)}
        while todo and limit:
            limit -= 1
            mark = todo.pop()
            yield mark
            for each in mark.parts:
                if id(each) not in seen:
                    seen.add(id(each))
                    todo.append(each)


@lru_cache(maxsize=4096)
def shortened(name: str) -> str:
    """`add` of `torch.Tensor.add_` and of `torch.Tensor.__iadd__`."""
    last = name.rpartition(".")[2]
    if last.startswith("__") and last.endswith("__"):
        last = last.strip("_")
        return {"truediv": "div", "itruediv": "div", "rtruediv": "rdiv", "iadd": "add", "isub": "sub", "imul": "mul",
                "radd": "add", "rmul": "mul", "idiv": "div", "ipow": "pow"}.get(last, last)  # fmt: skip
    return last.rstrip("_") or last


_names: dict[Any, str] = {}


def name_of(function: Any) -> str:
    """The qualified name of an operation, as users and rows spell it."""
    try:
        found = _names.get(function)
    except TypeError:  # what cannot be hashed is no function of torch
        return ""
    if found is None:
        found = _names[function] = _name_of(function)
    return found


HOMES = {
    "_VariableFunctionsClass": "torch.", "TensorBase": "torch.Tensor.", "_TensorBase": "torch.Tensor.",
    "Tensor": "torch.Tensor.",
}  # fmt: skip
MODULES = {"torch._C._nn": "torch.nn.functional.", "torch._C._special": "torch.special.", "torch._tensor": "torch."}


def _name_of(function: Any) -> str:
    name = getattr(function, "__name__", "")
    owner = getattr(function, "__objclass__", None)
    if name == "__get__":  # a property: `x.T`, `x.data`
        return f"torch.Tensor.{getattr(function.__self__, '__name__', '')}"
    if owner is not None:
        return f"torch.Tensor.{name}"
    qualified, module = getattr(function, "__qualname__", name), getattr(function, "__module__", None) or ""
    head, _, last = qualified.rpartition(".")
    if head in HOMES:
        return HOMES[head] + last
    if module == "torch._C._special":
        return f"torch.special.{name.removeprefix('special_')}"
    return f"{MODULES.get(module, module + '.')}{qualified}"


# -- places -----------------------------------------------------------------------------------------------------------

_inside: dict[str, int] = {}
FRAMEWORK, LIBRARY, PROJECT = 0, 1, 2


def standing(path: str) -> int:
    """Whose file it is: torch's or ours, some library's, or the project's."""
    found = _inside.get(path)
    if found is None:
        own = (path.startswith((TORCH, OWN)) or path[:1] == "<") and not path.startswith(APART)
        found = FRAMEWORK if own else LIBRARY if any(part in path for part in LIBRARIES) else PROJECT
        _inside[path] = found
    return found


def here(least: int = LIBRARY, depth: int = 2) -> Place | None:
    """Where the caller's caller stands: the innermost frame outside of torch (`least`: in the project's own files).

    Where no frame is the project's, the innermost one outside of torch.
    """
    frame: FrameType | None = sys._getframe(depth)
    first: FrameType | None = None
    inside, left = _inside, MAX_FRAMES
    while frame is not None and left:
        left -= 1
        path = frame.f_code.co_filename
        where = inside.get(path)
        if where is None:
            where = standing(path)
        if where >= least:
            return Place(frame.f_code, frame.f_lasti)
        if where and first is None:
            first = frame
        frame = frame.f_back
    return None if first is None else Place(first.f_code, first.f_lasti)

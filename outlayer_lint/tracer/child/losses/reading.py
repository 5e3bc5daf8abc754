"""What a watched tensor is in the words of the lattice: its operations read by the same rows as source code is.

A mark has the concrete arguments of its operation, so that the interpreter's transfer functions can be asked what the
operation does, and shapes say exactly what they leave open: rank, units, and where a reshape puts the classes.
`Reader` stands in the place of the interpreter; nothing is worked out before somebody asks, and no further back than
the last learned layer.
"""

from __future__ import annotations

import ast
from math import inf, prod
from typing import TYPE_CHECKING, Any

import torch

from outlayer_lint import knowledge
from outlayer_lint.interpret.answers import only, unknown
from outlayer_lint.interpret.frames import Arguments
from outlayer_lint.interpret.things import Const, Deferred, Dictionary, Sequence, Site, Unknown
from outlayer_lint.interpret.transfer import Application, apply, as_value
from outlayer_lint.interpret.transfers import indexing
from outlayer_lint.interpret.transfers.arithmetic import arithmetic
from outlayer_lint.interpret.transfers.coupling import COUPLED, loosened
from outlayer_lint.lattice import SCRAMBLED, Emission, Origin, Tensor, Value
from outlayer_lint.tracer.child.recording.marks import PROJECT, Mark, Place, shortened, standing
from outlayer_lint.tracer.child.recording.recorder import BUILT

if TYPE_CHECKING:
    from outlayer_lint.diagnostic import Span
    from outlayer_lint.interpret.things import Answer, Entry
    from outlayer_lint.knowledge import Row

MAX_DEEP = 48  # operations read inside of one another; a residual network is cut there with "budget"
IMAGE_RANK = 3
DTYPES = {
    "torch.float32": "float", "torch.float64": "double", "torch.float16": "half", "torch.bfloat16": "half",
    "torch.int64": "long", "torch.int32": "int", "torch.int16": "int", "torch.bool": "bool", "torch.uint8": "uint8",
}  # fmt: skip
RECURRENT = {"lstm": "LSTM", "gru": "GRU", "rnn_tanh": "RNN", "rnn_relu": "RNN", "lstm_cell": "LSTMCell",
             "gru_cell": "GRUCell", "rnn_tanh_cell": "RNNCell", "rnn_relu_cell": "RNNCell"}  # fmt: skip
SAME = {"torch.nn.functional.log_sigmoid": "torch.nn.functional.logsigmoid"}
REVERSED = {"rdiv": "div", "rpow": "pow", "rsub": "sub"}
PARAMETER = "torch.nn.Parameter"
LAYER = "torch.nn.functional.linear"
PRODUCTS = ("matmul", "mm", "einsum")
WEIGHT_RANK = 2  # a trained tensor of two dims or more is a weight, of fewer a bias or a scale


def row_of(mark: Mark) -> tuple[Row, str] | None:
    """The row of a mark's operation and the form in which it was called; the layer's where one layer is one call."""
    op = SAME.get(mark.op, mark.op)
    short = shortened(op)
    if short in RECURRENT:
        op = f"torch.nn.{RECURRENT[short]}"
    found = knowledge.find(op)
    if found is None and op.startswith("torch.Tensor."):
        found = knowledge.find(f"torch.{short}")
        found = None if found is None else (found[0], "method")
    return found


def layer_of(mark: Mark) -> tuple[str, Any] | None:
    """The torch layer that a mark is the only call of, with its qualified name: `nn.Linear`, `nn.Softmax`."""
    module = mark.module
    home = type(module).__module__
    if module is None or not home.startswith(("torch.nn.modules", "keras.")):
        return None
    name = f"{'keras.layers' if home.startswith('keras.') else 'torch.nn'}.{type(module).__name__}"
    layer, own = knowledge.find(name), row_of(mark)
    if layer is None or layer[0].kind in ("container", "loss"):
        return None
    alike = own is None or (layer[0].transfer, layer[0].emits) == (own[0].transfer, own[0].emits)
    return (layer[0].name, module) if alike else None


def built_at(module: object) -> Place | None:
    """Where a module was constructed, as far as that was watched."""
    place = getattr(module, "__dict__", {}).get(BUILT)
    return place if isinstance(place, Place) else None


class _Frame:
    """What transfer functions ask of a frame: that it is the same one."""

    base: Any = None


FRAME: Any = _Frame()


class Reader:
    """Answers for marks as the interpreter does for expressions."""

    def __init__(self) -> None:
        """Nothing is remembered here: what a mark is stands on the mark."""
        self.hidden: list[Any] = []
        self.fuel = 1 << 30
        self.deep = self.behind = 0  # as the interpreter counts
        self.named: dict[str, Answer] = {}

    # What transfer functions ask of the interpreter.

    def force(self, entry: Entry | None) -> Answer:
        """The alternatives of an argument."""
        if entry is None:
            return ()
        if isinstance(entry, Deferred):
            if entry.answer is None:
                assert entry.make is not None  # noqa: S101 - only `entry` below makes them
                entry.answer = entry.make()
            return entry.answer
        return entry  # type: ignore[return-value]

    def constant(self, entry: Entry | None) -> Any:
        """The value of a constant argument, `...` where it is none."""
        answer = self.force(entry)
        return _plain(self, answer[0][0]) if len(answer) == 1 else ...

    def ev(self, node: ast.expr, _place: object, _frame: object) -> Answer:
        """A part of an index: constants stand for themselves, names for tensors."""
        if isinstance(node, ast.Constant):
            return only(Const(node.value))
        return self.named.get(getattr(node, "id", ""), unknown("unknown index"))

    def span(self, node: Any, _place: object) -> Span | None:
        """Where a mark's operation stands; inside of a library, where the project built the layer that runs there."""
        place = node.place
        if place is None or standing(place.code.co_filename) == PROJECT:
            return None if place is None else place.span  # type: ignore[no-any-return]
        for module in reversed(node.modules):
            built = built_at(module)
            if built is not None and standing(built.code.co_filename) == PROJECT:
                return built.span
        return place.span  # type: ignore[no-any-return]

    def refuel(self, _fuel: int) -> None:
        """Chains are short: the depth is what is bounded."""

    # Marks.

    def value(self, mark: Mark) -> Value:
        """What a tensor is."""
        return as_value(self.answer(mark))

    def answer(self, mark: Mark) -> Answer:
        """What a tensor is, as an expression would be."""
        if mark.answer is None:
            if self.deep >= MAX_DEEP:
                return unknown("budget")
            self.deep += 1
            try:
                mark.answer = self._answer(mark)
            finally:
                self.deep -= 1
        found: Answer = mark.answer
        return found

    def _answer(self, mark: Mark) -> Answer:
        rank = len(mark.shape)
        if mark.kind == "data":
            units = 0 if 0 in mark.shape else None  # what others are joined to begins empty
            return only(
                Tensor(Emission.DATA, units=units, rank=rank, dtype=DTYPES.get(mark.dtype), source=("data", id(mark)))
            )
        if mark.kind == "parameter":
            return only(Tensor(Emission.LOGIT, by=PARAMETER, learned=PARAMETER, rank=rank))
        if mark.kind == "opaque":
            return unknown("third-party object", ("opaque", id(mark)))
        try:
            answer = self._applied(mark)
        except (TypeError, ValueError, IndexError, KeyError, AttributeError, ZeroDivisionError, OverflowError):
            return unknown("no transfer function")  # arguments in a form that no row foresees
        return tuple((self._fitted(mark, _part(self, mark, thing)), choices) for thing, choices in answer)

    def _applied(self, mark: Mark) -> Answer:
        short, args = mark.short, mark.given[0]
        if short == "getitem":
            return self._indexed(mark)
        if short == "setitem" and isinstance(args[2], Mark) and whole_of(args[1]):
            return self.answer(args[2])
        if short == "data":
            return tuple((t.replace(gradient=False), c) for t, c in self.answer(mark.parts[0]) if isinstance(t, Tensor))
        if short in REVERSED:
            return only(arithmetic(self, REVERSED[short], *self._things(args[1], args[0]), self.site(mark)))  # type: ignore[arg-type]
        if short == "add" and (layer := self._with_bias(mark)) is not None:
            return layer
        found = row_of(mark)
        if found is None:
            return self._unlisted(mark)
        row, form = found
        if row.how == "product" and short in PRODUCTS and (layer := self._weighted(mark)) is not None:
            return layer
        if row.transfer == "recurrent" and getattr(mark.module, "proj_size", None):
            return self._projected(mark, row)
        if row.transfer == "reshapes" and row.how != "mixed":
            return self._moved(mark)
        if row.transfer == "drops-axis" or short in ("unsqueeze", "expand_dims"):
            return self._moved(mark)
        return apply(self, self.application(mark, row, form))  # type: ignore[arg-type]

    def application(self, mark: Mark, row: Row, form: str = "function") -> Application:
        """A row applied to the arguments of a mark."""
        args, kwargs = mark.given
        given = Arguments(tuple(map(self.entry, args)), {k: self.entry(v) for k, v in kwargs.items()})
        return Application(self, row, "function" if form == "module" else form, given, self.site(mark), None)  # type: ignore[arg-type]

    def _weighted(self, mark: Mark) -> Answer | None:
        """A product with a trained matrix is a linear layer, whoever wrote it; its classes are along that matrix."""
        weights = [each.kind == "parameter" and len(each.shape) == WEIGHT_RANK for each in mark.parts]
        if len(weights) != 2 or weights[0] == weights[1] or layer_of(mark) is not None:
            return None
        inner, weight = (mark.parts[1], mark.parts[0]) if weights[0] else mark.parts[:2]
        if mark.short == "einsum" and (weights[0] or not mark.shape or mark.shape[-1] not in weight.shape):
            return None
        return only(
            Tensor(Emission.LOGIT, by=LAYER, learned=LAYER, class_axis=-2 if weights[0] else -1,
                   origin=self.origin(mark), inner=lambda: self.value(inner))
        )  # fmt: skip

    def _with_bias(self, mark: Mark) -> Answer | None:
        """A product with weights and then a bias: the scores of a layer that somebody wrote out."""
        if len(mark.parts) != 2 or mark.parts[1].kind != "parameter" or mark.parts[0].shape != mark.shape:
            return None
        answer = self.answer(mark.parts[0])
        scores = [t for t, _ in answer if isinstance(t, Tensor) and t.emission is Emission.LOGIT and t.by == t.learned]
        return answer if scores and len(scores) == len(answer) and scores[0].learned != PARAMETER else None

    def _projected(self, mark: Mark, row: Row) -> Answer:
        """The states of a recurrent layer behind a projection, which is a linear layer."""
        inner = mark.parts[0]
        return only(
            Tensor(Emission.LOGIT, by=row.name, learned=row.name, class_axis=-1, origin=self.origin(mark),
                   inner=lambda: self.value(inner))
        )  # fmt: skip

    def _unlisted(self, mark: Mark) -> Answer:
        """An operation without a row: with a weight among its inputs it is a layer of some library."""
        weighs = any(each.kind == "parameter" and len(each.shape) >= WEIGHT_RANK for each in mark.parts)
        if weighs and "float" in mark.dtype:
            inner = mark.parts[0]
            return only(
                Tensor(Emission.LOGIT, by=mark.op, learned=mark.op, certainty="likely", origin=self.origin(mark),
                       inner=lambda: self.value(inner))
            )  # fmt: skip
        return unknown("no transfer function", ("row", mark.op, id(mark)))

    def _things(self, *given: Any) -> tuple[Any, Any]:
        found = [self.force(self.entry(each)) for each in given]
        return found[0][0][0], found[1][0][0]

    def entry(self, value: Any) -> Entry:
        """An argument of an operation as an argument of an expression."""
        if isinstance(value, Mark):
            return Deferred(lambda: self.answer(value))
        if isinstance(value, (tuple, list, torch.Size)):
            return only(Sequence(tuple(map(self.entry, value)), kind="tuple"))
        if isinstance(value, torch.dtype):
            return only(Const(str(value)))
        if value is None or isinstance(value, (bool, int, float, str)):
            return only(Const(value))
        return unknown("third-party object")

    def site(self, mark: Mark) -> Site:
        """Where it stands; transfer functions hand it back to `span` and `ev`."""
        return Site(mark, mark, FRAME)  # type: ignore[arg-type]

    def spot(self, site: Site) -> Span | None:
        """Where something stands: of what has run, the place is at hand."""
        return self.span(site.node, None)

    def origin(self, mark: Mark) -> Origin:
        """The call, and where its layer was built."""
        layer = layer_of(mark)
        place = None if layer is None else built_at(layer[1])
        return Origin(self.span(mark, None), None if place is None else place.span)

    def _fitted(self, mark: Mark, thing: Any) -> Any:
        """A result with what its shape and its layer tell."""
        if not isinstance(thing, Tensor):
            return thing
        made = thing
        changes: dict[str, Any] = {"rank": len(mark.shape)}
        if mark.dtype in DTYPES:
            changes["dtype"] = DTYPES[mark.dtype]
        axis = made.class_axis
        rank = len(mark.shape)
        if made.emission is Emission.INDEX:
            pass  # its units are the classes it counts
        elif isinstance(axis, int) and axis != SCRAMBLED and -rank <= axis < rank:
            changes["units"] = mark.shape[axis]
        elif axis != SCRAMBLED:
            changes["units"] = 1 if rank == 2 and mark.shape[1] == 1 else None
        span = self.span(mark, None)
        layer = layer_of(mark) if made.origin.applied is not None and made.origin.applied == span else None
        if layer is not None and type(made.origin) is Origin:
            place = built_at(layer[1])
            changes["origin"] = Origin(span, None if place is None else place.span)
            if made.by == made.learned:
                changes["learned"] = layer[0]
            if "." in made.by:
                changes["by"] = layer[0]
        return made.replace(**changes)

    # Shapes, which are known exactly.

    def _moved(self, mark: Mark) -> Answer:
        """A reshape: the values stay, and a dim stays one where its size and what stands before it are the same."""
        before, after = mark.parts[0].shape, mark.shape

        def one(t: Tensor) -> Tensor:
            if t.emission is Emission.DATA:
                return t
            classes = place_after(before, after, t.class_axis)
            if t.emission not in COUPLED:
                return t.replace(class_axis=classes)
            axis = place_after(before, after, t.axis)
            kept = t.replace(axis=axis) if isinstance(axis, int) and axis != SCRAMBLED else loosened(t)
            return kept.replace(class_axis=classes)

        return tuple((one(t) if isinstance(t, Tensor) else t, c) for t, c in self.answer(mark.parts[0]))

    def _indexed(self, mark: Mark) -> Answer:
        index = mark.given[0][1]
        self.named = {}
        elements = [self._index(each) for each in (index if isinstance(index, tuple) else (index,))]
        node = ast.Tuple(elements) if len(elements) != 1 else elements[0]
        site = self.site(mark)
        return tuple(
            (indexing.indexed(self, t, node, site) if isinstance(t, Tensor) else t, c)  # type: ignore[arg-type]
            for t, c in self.answer(mark.parts[0])
        )

    def _index(self, value: Any) -> ast.expr:
        if isinstance(value, slice):
            lower, upper = (ast.Constant(end) if isinstance(end, int) else None for end in (value.start, value.stop))
            return ast.Slice(lower, upper, None)
        if value is None or value is Ellipsis or isinstance(value, (int, bool)):
            return ast.Constant(value)
        name = f"_{len(self.named)}"
        self.named[name] = self.answer(value) if isinstance(value, Mark) else unknown("unknown index")
        return ast.Name(name)


def whole_of(index: Any) -> bool:
    """Whether an index takes all there is: `x[:]`, `x[...]`."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(each is Ellipsis or (isinstance(each, slice) and each == slice(None)) for each in parts)


def _plain(reader: Reader, thing: Any) -> Any:
    """The Python value of a constant thing, `...` where it is none."""
    if isinstance(thing, Const):
        return thing.value
    if isinstance(thing, Sequence) and not thing.open:
        values = tuple(reader.constant(entry) for entry in thing.items)
        return ... if ... in values else values
    return ...


def _part(reader: Reader, mark: Mark, thing: Any) -> Any:
    """The part of a structured result that a mark stands for."""
    if mark.part is None:
        return thing
    entries: list[Any] | None = None
    if isinstance(thing, Dictionary):
        entries = list(thing.items.values())
    elif isinstance(thing, Sequence):
        entries = [*thing.items, *([thing.middle] * 64 if thing.open and thing.middle is not None else [])]
    if entries is None and isinstance(thing, Tensor):
        return thing
    if entries is None:
        return thing if isinstance(thing, Unknown) else Unknown("part of a library's result")
    flat: list[Any] = []
    for entry in entries:  # `output, (h, c)` of a layer is `output, h, c` of the operation
        inner = reader.force(entry)[0][0]
        flat.extend(reader.force(each)[0][0] for each in inner.items) if isinstance(inner, Sequence) else flat.append(
            inner
        )
    return flat[mark.part] if mark.part < len(flat) else Unknown("part of a library's result")


def place_after(before: tuple[int, ...], after: tuple[int, ...], dim: Any) -> int | None:
    """Where a dim of `before` stands in `after`, `SCRAMBLED` where rows of its size cut through it, else `None`."""
    if not isinstance(dim, int) or dim == SCRAMBLED or not -len(before) <= dim < len(before):
        return dim if dim == SCRAMBLED else None
    dim %= len(before)
    size, ahead = before[dim], prod(before[:dim])
    for at, found in enumerate(after):
        if found == size and prod(after[:at]) == ahead:
            return at
    cut = size > 1 and len(before) >= IMAGE_RANK and len(after) < len(before) and after[-1:] == (size,)
    return SCRAMBLED if cut else None


def bounds(value: Value) -> tuple[float, float]:
    """The widest bounds of all ways, infinite where nothing is known."""
    if not value.known:
        return -inf, inf
    return min(way.low for way in value), max(way.high for way in value)

"""Watches every operation on tensors: one function mode, marks on the tensors, the stack of running modules.

`record` runs a model once and says what came out and by which operations.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.overrides import TorchFunctionMode

from outlayer_lint.tracer.child.recording import marks, nested, simple_layers
from outlayer_lint.tracer.child.recording.marks import Mark, here, name_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

TENSOR, PARAMETER = torch.Tensor, torch.nn.Parameter
PLAIN = (bool, int, float, str, type(None))  # arguments that hold no tensor
PROPERTY = type(torch.Tensor.dtype.__get__)  # type: ignore[attr-defined]
_dtypes: dict[Any, str] = {}
BUILT = "_outlayer_built"
SEED = 20_240_229
# They change the first argument, whatever they return.
WRITES = frozenset(("__setitem__", "copy_", "fill_", "zero_", "normal_", "uniform_"))
VIEWS = frozenset(("T", "mT", "H", "mH", "data", "real", "imag"))
MOVES = frozenset(("to", "type"))
# Nothing that leads from an input to an output.
PASSED = frozenset(
    "size dim stride numel storage_offset is_contiguous backward register_hook retain_grad requires_grad_ element_size "
    "data_ptr __repr__ __len__ __hash__ __format__ __bool__ item tolist numpy __deepcopy__ __reduce_ex__ "
    "_set_grad_enabled __setstate__ untyped_storage storage is_floating_point is_complex get_device type_as_ "
    "manual_seed __contains__ __array__ share_memory_ is_shared".split()
)


DECIDED = frozenset(("loss", "sampler"))  # kinds of operations that somebody looks at before they run


class Operation:
    """What is known of a function, asked once: its name, whether it leads nowhere, writes, or moves, and its kind."""

    __slots__ = ("kind", "moves", "name", "passed", "sets", "writes")

    def __init__(self, function: Any, kind_of: Callable[[str], str] | None) -> None:
        """`kind_of` says of a name what somebody wants to know it for, "" for nothing."""
        self.name = name_of(function)
        last = self.name.rpartition(".")[2]
        self.passed = is_passed(function, last)
        self.moves = last in MOVES
        self.sets = last == "__setitem__"
        self.writes = (last[-1:] == "_" and (last[:2] != "__" or last[2:3] == "i")) or self.sets
        self.kind = "" if self.passed or kind_of is None else kind_of(self.name)


class Recorder(TorchFunctionMode):
    """A function mode that marks the result of each operation.

    `kind_of` says of an operation's name what it is wanted for; `before` is told of those of a kind that is decided
    before they run, and may run them itself, `after` of the mark of each that has a kind; `device` says which device
    to use in the place of one that is not there.
    """

    def __init__(self, least: int = marks.LIBRARY) -> None:
        """`least`: whether an operation stands where torch was called, or where the project's own code led to it."""
        super().__init__()
        self.recording = object()
        self.stack: list[Any] = []
        self.outermost: tuple[Any, Any] | None = None  # the last model that the program called, with its first input
        self.index = 0
        self.least = least
        self.kind_of: Callable[[str], str] | None = None
        self.before: Callable[[Operation, Any, tuple[Any, ...], dict[str, Any]], Any] | None = None
        self.after: Callable[[Mark, str, Any], None] | None = None
        self.device: Callable[[Any], Any] | None = None
        self.unknown: list[Any] = []  # empty as long as there is no data whose form nobody knows
        self.known: Callable[[Any, tuple[Any, ...]], tuple[Any, ...]] | None = None  # puts tensors in its place
        self._plain: Any = None
        self._operations: dict[Any, Operation] = {}
        self.simple = dict(simple_layers.LAYERS)  # layers that are one operation
        self.seen: set[type] = set()  # those of them that did what was foretold
        self._spot: marks.Place | None = None  # where the running chain of layers was called

    def __enter__(self) -> Self:
        """Start watching."""
        self._plain = torch.nn.Module.__call__
        # Hooks of every module cost twice as much.
        torch.nn.Module.__call__ = self.calling(self._plain)  # type: ignore[method-assign]
        super().__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop watching."""
        super().__exit__(kind, error, traceback)
        torch.nn.Module.__call__ = self._plain  # type: ignore[method-assign]
        self.stack.clear()

    def calling(self, plain: Any) -> Any:
        """What a module is called by: it stands on the stack while it runs."""
        stack, simple, seen = self.stack, self.simple, self.seen
        tensor, modes, plainly = torch.Tensor, torch._C._len_torch_function_stack, simple_layers.is_plain

        @functools.wraps(plain)
        def __call__(module: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N807 - what it replaces
            if not stack and args:
                if self.unknown and self.known is not None:
                    args = self.known(module, args)
                self.outermost = module, args[0]
            kind, outer = type(module), self._spot
            layer = simple.get(kind)
            if layer is not None and (
                kwargs or len(args) != 1 or type(args[0]) is not tensor or modes() != 1 or self.unknown
                or not plainly(module)
            ):  # fmt: skip
                layer = None
            if layer is not None and kind in seen:
                return self._as_one(module, layer, args[0])
            index = self.index
            if kind is not CHAIN or not plainly(module):
                self._spot = None
            elif outer is None:
                self._spot = here(self.least)
            stack.append(module)
            try:
                result = plain(module, *args, **kwargs)
            finally:
                self._spot = outer
                while stack and stack.pop() is not module:
                    pass
            if layer is not None and result is not args[0]:
                self._compare(module, layer, args[0], result, index)
            return result

        return __call__

    def _as_one(self, module: Any, layer: Any, x: Any) -> Any:
        """Run a layer that is one operation, of which its first call has shown which."""
        with torch._C.DisableTorchFunction():
            func, args, kwargs = layer(module, x)
            inputs: list[Mark] = []
            given = self._given(args, inputs), self._given_by_name(kwargs, inputs)
            result = module.forward(x)
            self.index += 1
            self._mark(result, self.operation(func), given, inputs, args, None, func, module)
        return result

    def _compare(self, module: Any, layer: Any, x: Any, result: Any, index: int) -> None:
        """Whether the first call of a simple layer was the one operation that is foretold; if not, it is not simple."""
        with torch._C.DisableTorchFunction():
            func, args, kwargs = layer(module, x)
            mark = getattr(result, marks.NAME, None)
            given = self._given(args, []), self._given_by_name(kwargs, [])
            if self.index == index + 1 and mark is not None and (mark.function, mark.given) == (func, given):
                self.seen.add(type(module))
            else:
                del self.simple[type(module)]

    def operation(self, func: Any) -> Operation:
        """What is known of a function."""
        try:
            found = self._operations.get(func)
        except TypeError:  # what cannot be hashed is no function of torch
            return Operation(func, self.kind_of)
        if found is None:
            found = self._operations[func] = Operation(func, self.kind_of)
        return found

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run one operation and mark what it gives."""
        if kwargs is None:
            kwargs = {}
        if type(func) is PROPERTY and func.__self__.__name__ not in VIEWS:
            return func(*args, **kwargs)  # by far the most of all calls, in optimizers
        operation = self.operation(func)
        if operation.passed:
            return func(*args, **kwargs)
        if self.device is not None and ("device" in kwargs or operation.moves):
            args, kwargs = tuple(map(self.device, args)), {k: self.device(v) for k, v in kwargs.items()}
        if self.unknown and self.known is not None:
            args, kwargs = (
                self.known(func, args),
                dict(zip(kwargs, self.known(func, tuple(kwargs.values())), strict=True)),
            )
        if operation.kind in DECIDED and self.before is not None:
            replaced = self.before(operation, func, args, kwargs)
            if replaced is not None:
                return replaced
        inputs: list[Mark] = []
        given = self._given(args, inputs), self._given_by_name(kwargs, inputs)
        result = func(*args, **kwargs)
        self.index += 1
        if isinstance(result, torch.Tensor):
            self._mark(result, operation, given, inputs, args, None, func)
        elif isinstance(result, (tuple, list)):
            for part, each in enumerate(result):
                if isinstance(each, torch.Tensor):
                    self._mark(each, operation, given, inputs, args, part, func)
        elif operation.sets:
            self._mark(args[0], operation, given, inputs, args, None, func)
        return result

    def _given(self, args: tuple[Any, ...], inputs: list[Mark]) -> tuple[Any, ...]:
        """The arguments with marks for tensors."""
        given: list[Any] = []
        for each in args:
            kind = type(each)
            if kind is TENSOR or kind is PARAMETER or isinstance(each, TENSOR):
                mark = self.mark_of(each)
                inputs.append(mark)
                given.append(mark)
            elif kind is tuple or kind is list:
                given.append(nested.marked(each, lambda tensor: self._marked(tensor, inputs)))
            else:
                given.append(each)
        return tuple(given)

    def _marked(self, tensor: torch.Tensor, inputs: list[Mark]) -> Mark:
        mark = self.mark_of(tensor)
        inputs.append(mark)
        return mark

    def _given_by_name(self, kwargs: dict[str, Any], inputs: list[Mark]) -> dict[str, Any]:
        for each in kwargs.values():
            if not isinstance(each, PLAIN):
                return dict(zip(kwargs, self._given(tuple(kwargs.values()), inputs), strict=True))
        return kwargs

    def mark_of(self, tensor: torch.Tensor) -> Mark:
        """The mark of a tensor; one that nothing watched made gets a mark as a source."""
        mark = tensor.__dict__.get(marks.NAME)
        if type(mark) is Mark and mark.recording is self.recording:
            return mark
        if isinstance(tensor, torch.nn.Parameter) or is_trained(tensor):
            kind = "parameter"
        else:
            kind = "opaque" if tensor.requires_grad else "data"
        mark = Mark(self.recording, kind, "", shape=shape_of(tensor), dtype=dtype_of(tensor))
        setattr(tensor, marks.NAME, mark)
        return mark

    def _mark(
        self,
        result: torch.Tensor,
        operation: Operation,
        given: Any,
        inputs: list[Mark],
        args: tuple[Any, ...],
        part: int | None,
        function: Any,
        layer: Any = None,
    ) -> None:
        """Write on a result where it comes from; `layer` is one that was not looked into."""
        same = False
        for each in args:
            same = same or each is result
        if same or "out" in given[1]:
            writes = operation.writes or given[1].get("inplace") is True or "out" in given[1]
            if not writes or is_trained(result):
                return  # `.to` of what is there already; a parameter that is initialised or updated
        place = here(self.least, 3) if layer is None or self._spot is None else self._spot
        around = tuple(self.stack[-8:]) if layer is None else (*self.stack[-7:], layer)
        mark = Mark(
            self.recording, "operation", operation.name, given, tuple(inputs), shape_of(result), dtype_of(result),
            place, around, self.index, part, function,
        )  # fmt: skip
        setattr(result, marks.NAME, mark)
        if operation.kind and self.after is not None:
            self.after(mark, operation.kind, result)


def shape_of(tensor: torch.Tensor) -> tuple[int, ...]:
    """The shape; a lazy layer's weight has none yet."""
    try:
        shape: tuple[int, ...] = tensor.shape
    except RuntimeError:
        return ()
    return shape


def dtype_of(tensor: torch.Tensor) -> str:
    """`torch.float32`, spelled once."""
    dtype = tensor.dtype
    return _dtypes.get(dtype) or _dtypes.setdefault(dtype, str(dtype))


CHAIN = torch.nn.Sequential  # its layers are all called at the place where it was called itself


def is_passed(func: Any, last: str) -> bool:
    """Whether an operation neither makes nor changes a tensor, so that it is not counted."""
    return last in PASSED or (last not in VIEWS and getattr(func, "__name__", "") in ("__get__", "__set__"))


def is_trained(tensor: torch.Tensor) -> bool:
    """Whether a tensor is a leaf that is trained. A view taken without gradients may refuse to tell; it is none."""
    try:
        return bool(tensor.requires_grad and tensor.is_leaf)
    except RuntimeError:
        return False


# -- one model --------------------------------------------------------------------------------------------------------


class Step(NamedTuple):
    """One operation of a chain, as it is reported.

    `op` is its short name, `text` what a reader is shown (`Linear(128->10)`, `softmax(dim=1)`), `module` the path of
    the module it ran in, `at` the user's `file:line`, `dim` the dim counted from the front, `number` counts operations.
    """

    op: str
    text: str
    module: str
    at: str
    dim: int | None
    number: int


class Output(NamedTuple):
    """One tensor that came out: where it stands in the result, and the operations since the last learned layer."""

    path: str
    tensor: torch.Tensor
    chain: tuple[Step, ...]
    mark: Mark


class Recording(NamedTuple):
    """One forward pass: what came out, and how many operations it took."""

    outputs: tuple[Output, ...]
    operations: int
    names: dict[int, str]


def seeded() -> None:
    """The same random numbers for each run."""
    import random  # noqa: PLC0415 - for what is run

    random.seed(SEED)
    torch.manual_seed(SEED)
    numpy = __import__("sys").modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(SEED)


def record(model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Recording:
    """Run a model once in evaluation mode, without gradients, and say by which operations each output came.

    The model's mode is put back; its random numbers are seeded, so that a second run does the same.
    """
    from outlayer_lint.tracer.child.recording.chains import chain_of  # noqa: PLC0415 - chains reads marks

    names = {id(module): name for name, module in model.named_modules()} if hasattr(model, "named_modules") else {}
    recorder = Recorder()
    with evaluating(model), torch.no_grad():
        seeded()
        with recorder:
            result = model(*args, **kwargs)
    outputs = []
    for path, tensor in nested.walk(result):
        mark = recorder.mark_of(tensor)
        outputs.append(Output(path, tensor, chain_of(mark, names), mark))
    return Recording(tuple(outputs), recorder.index, names)


class evaluating:  # noqa: N801 - reads as a statement
    """The model in evaluation mode, for as long as a `with` lasts."""

    def __init__(self, model: Any) -> None:
        """Anything without modes is left alone."""
        self.model = model
        self.modes: list[tuple[Any, bool]] = []

    def __enter__(self) -> None:
        """Remember the mode of each module."""
        if isinstance(self.model, torch.nn.Module):
            self.modes = [(module, module.training) for module in self.model.modules()]
            self.model.eval()

    def __exit__(self, *_: object) -> None:
        """Put the modes back."""
        for module, mode in self.modes:
            module.training = mode

"""What stands in each argument of `forward` while the input is searched for, and the tensors made from it."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

BATCH = 2  # samples in a try: one would hide what depends on the batch
TIME = 12  # steps of a sequence: unlike any width or batch
SIDE = 64  # of an image: five halvings leave two
DTYPES = {
    "f32": torch.float32,
    "f64": torch.float64,
    "f16": torch.float16,
    "bf16": torch.bfloat16,
    "i64": torch.int64,
    "i32": torch.int32,
    "i16": torch.int16,
    "i8": torch.int8,
    "u8": torch.uint8,
    "bool": torch.bool,
    "c64": torch.complex64,
}
WORDS = {dtype: word for word, dtype in DTYPES.items()}


class Slot(NamedTuple):
    """One argument, or one part of it.

    Attributes:
        kind: `tensor`, `value`, or what holds `parts`: `list`, `tuple`, `dict`, `object`.
        shape: of a tensor; `batch` is the axis that counts samples, `None` where there is none.
        dtype: in the words of `DTYPES`; `high` bounds whole numbers, exclusive, those that come as fractions too.
        fill: `normal`, `ones`, `zeros`, `lengths` (descending from the number of steps), `range`, `eye`, `ended` (each
            row of ids ends with `value`), `samples` (a `value` that is their number).
        free: axes whose sizes nothing fixes (height and width, steps): they move together.
        value: of a `value`, or what ends a row.
        parts: key -> slot.
    """

    kind: str = "tensor"
    shape: tuple[int, ...] = ()
    dtype: str = "f32"
    high: int = 0
    fill: str = "normal"
    batch: int | None = 0
    free: tuple[int, ...] = ()
    value: Any = None
    parts: tuple[tuple[str, Slot], ...] = ()


State = tuple[tuple[str, Slot], ...]  # parameter of `forward` -> what stands in it


def tensor(
    *shape: int,
    dtype: str = "f32",
    high: int = 0,
    fill: str = "normal",
    batch: int | None = 0,
    free: tuple[int, ...] = (),
) -> Slot:
    """A slot with a tensor."""
    sizes = tuple(map(int, shape))  # what stands in for a missing option counts as a number
    return Slot("tensor", sizes, dtype, int(high), fill, batch if shape else None, free)


def value(what: Any) -> Slot:
    """A slot with a plain value."""
    return Slot("value", value=what, batch=None)


def samples() -> Slot:
    """A slot with the number of samples itself."""
    return Slot("value", value=BATCH, fill="samples", batch=None)


def leaves(state: State) -> dict[str, Slot]:
    """Path -> each tensor slot, the parts of lists and dicts among them."""
    found: dict[str, Slot] = {}

    def walk(path: str, slot: Slot) -> None:
        if slot.kind == "tensor":
            found[path] = slot
        for key, part in slot.parts:
            walk(f"{path}.{key}", part)

    for name, slot in state:
        walk(name, slot)
    return found


def replaced(state: State, path: str, slot: Slot | None) -> State:
    """The state with another slot at a path, added at the end where there is none; `None` takes it away."""
    name, _, rest = path.partition(".")
    known = dict(state)
    if not rest:
        if slot is None:
            known.pop(name, None)
        else:
            known[name] = slot
        return tuple(known.items())
    outer = known[name]
    parts = replaced(outer.parts, rest, slot)
    known[name] = outer._replace(parts=parts)
    return tuple(known.items())


def at(state: State, path: str) -> Slot | None:
    """The slot at a path."""
    name, _, rest = path.partition(".")
    slot = dict(state).get(name)
    return slot if slot is None or not rest else at(slot.parts, rest)


def with_batch(state: State, size: int) -> State:
    """The same with another number of samples."""
    state = tuple((name, slot._replace(value=size) if slot.fill == "samples" else slot) for name, slot in state)
    before = {slot.shape[slot.batch] for slot in leaves(state).values() if slot.batch is not None}
    for path, slot in leaves(state).items():
        nodes = slot.fill == "eye" and slot.batch is None and len(slot.shape) > 1
        if nodes and (not before or slot.shape[-1] in before):  # a graph whose nodes are the samples
            state = replaced(state, path, slot._replace(shape=(*slot.shape[:-2], size, size)))
        elif slot.batch is not None:
            shape = list(slot.shape)
            shape[slot.batch] = size
            state = replaced(state, path, slot._replace(shape=tuple(shape)))
    return state


def sound(state: State) -> State:
    """The state, where no axis counts samples that is not there."""
    for path, slot in leaves(state).items():
        if slot.batch is not None and slot.batch >= len(slot.shape):
            state = replaced(state, path, slot._replace(batch=None))
    return state


class Bag:
    """An object whose attributes are the parts; items work as well (graph batches are used both ways)."""

    def __init__(self, parts: dict[str, Any]) -> None:
        """`parts` become attributes."""
        self.__dict__.update(parts)

    def __getitem__(self, key: str) -> Any:
        return self.__dict__[key]

    def to(self, *_: Any, **__: Any) -> Bag:
        """Itself: it is where it should be."""
        return self


def made(slot: Slot, path: str, device: str) -> Any:
    """The thing that a slot describes; each tensor carries its path as `_traced`, which `watching` reads."""
    match slot.kind:
        case "value":
            return slot.value
        case "list" | "tuple":
            parts = [made(part, f"{path}.{key}", device) for key, part in slot.parts]
            return parts if slot.kind == "list" else tuple(parts)
        case "dict":
            return {key: made(part, f"{path}.{key}", device) for key, part in slot.parts}
        case "object":
            return Bag({key: made(part, f"{path}.{key}", device) for key, part in slot.parts})
        case _:
            pass
    result = _tensor(slot, device)
    result._traced = (frozenset({path}), True)  # type: ignore[attr-defined]
    return result


def _tensor(slot: Slot, device: str) -> torch.Tensor:
    dtype = DTYPES[slot.dtype]
    if device == "meta":
        return torch.empty(slot.shape, dtype=dtype, device="meta")
    if slot.fill == "lengths":
        most = max(slot.high - 1, 1)
        count = slot.shape[0] if slot.shape else 1
        return torch.tensor([max(most - at, 1) for at in range(count)], dtype=dtype).reshape(slot.shape)
    if slot.fill == "range":
        return torch.arange(slot.shape[0] if slot.shape else 1, dtype=dtype)
    if slot.fill in {"ones", "zeros"}:
        return torch.full(slot.shape, 1 if slot.fill == "ones" else 0, dtype=dtype)
    if slot.fill == "eye" and len(slot.shape) > 1:
        return torch.eye(*slot.shape[-2:], dtype=dtype).expand(slot.shape).clone()
    if dtype.is_floating_point and slot.high:
        return torch.randint(0, slot.high, slot.shape).to(dtype)
    if dtype.is_floating_point or dtype.is_complex:
        return torch.randn(slot.shape, dtype=torch.float32).to(dtype)
    if dtype == torch.bool:
        return torch.rand(slot.shape) > 0.5
    numbers = torch.randint(0, max(slot.high, 1) if slot.high else 2, slot.shape, dtype=dtype)
    if slot.fill == "ended":
        numbers[numbers == slot.value] = 0 if slot.value else 1
        numbers[..., -1] = slot.value
    return numbers


def arguments(state: State, positional: frozenset[str], device: str = "cpu") -> tuple[tuple[Any, ...], dict[str, Any]]:
    """`args` and `kwargs` of a call; `positional` names cannot be given by keyword."""
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    for name, slot in state:
        thing = made(slot, name, device)
        if name in positional and not kwargs:
            args += (thing,)
        else:
            kwargs[name] = thing
    return args, kwargs


def slot_like(thing: Any) -> Slot:
    """The slot that makes a thing of the same kind: a tensor of that shape, a list of such, else the thing itself."""
    if isinstance(thing, torch.Tensor):
        high = (
            int(thing.max()) + 1
            if thing.numel() and not thing.dtype.is_floating_point and thing.dtype != torch.bool
            else 0
        )
        return tensor(*thing.shape, dtype=WORDS.get(thing.dtype, "f32"), high=high)
    if isinstance(thing, dict):
        return Slot("dict", batch=None, parts=tuple((str(key), slot_like(part)) for key, part in thing.items()))
    if isinstance(thing, (list, tuple)):
        kind = "list" if isinstance(thing, list) else "tuple"
        return Slot(kind, batch=None, parts=tuple((str(at), slot_like(part)) for at, part in enumerate(thing)))
    return value(thing)

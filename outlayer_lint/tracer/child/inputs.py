"""Finds an input that a model accepts, without being told: signature, first layers, and torch's own messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from outlayer_lint.tracer.child.construct import Refusal
    from outlayer_lint.tracer.target import Target


class InputSpec(NamedTuple):
    """One tensor among the inputs.

    Attributes:
        name: path of the parameter (`x`, `batch.image`, `inputs.0`).
        dtype: in the words of `target.DTYPES`.
        shape: sizes, the batch among them.
        origin: `user`, `signature`, `search`, `metadata`.
        tries: how many forwards it took.
        high: exclusive upper bound of whole numbers, 0 for others.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    origin: str
    tries: int
    high: int = 0


class Hypothesis(NamedTuple):
    """One input that the model accepts: call it `model(*args, **kwargs)`.

    `batch_dims` maps the path of each input in `specs` to the dimension that counts samples, `None` where it has none.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    specs: list[InputSpec]
    batch_dims: dict[str, int | None]


class Found(NamedTuple):
    """Inputs that were accepted, the best first, and how many forwards were tried."""

    hypotheses: list[Hypothesis]
    tries: int


def search(
    model: nn.Module, target: Target, *, budget_s: float, max_tries: int, log: Callable[[str], None]
) -> Found | Refusal:
    """Inputs that `model` accepts, within `budget_s` seconds and `max_tries` forwards; `log` is told of each try."""
    raise NotImplementedError

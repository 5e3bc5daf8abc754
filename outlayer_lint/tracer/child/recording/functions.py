"""Functions of scores that an output may be: what each is called, and how to compute it in float64.

A name is in the words of the reports: `raw`, `sigmoid`, `softmax@1`, `softmax@1∘sigmoid` (the left one is applied to
the right one). Nothing in here looks at what the program calls its functions.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Function = Callable[[Any], Any]

RAW, CONSTANT, UNKNOWN = "raw", "constant", "unknown"

ELEMENTWISE: dict[str, Function] = {
    RAW: lambda z: z,
    "neg": lambda z: -z,
    "sigmoid": torch.sigmoid,
    "log_sigmoid": F.logsigmoid,
    "complement∘sigmoid": lambda z: torch.sigmoid(-z),
    "log_sigmoid∘neg": lambda z: F.logsigmoid(-z),
    "hardsigmoid": F.hardsigmoid,
    "tanh": torch.tanh,
    "hardtanh": F.hardtanh,
    "softsign": F.softsign,
    "relu": F.relu,
    "relu6": F.relu6,
    "leaky_relu": lambda z: F.leaky_relu(z, 0.01),
    "leaky_relu(0.1)": lambda z: F.leaky_relu(z, 0.1),
    "leaky_relu(0.2)": lambda z: F.leaky_relu(z, 0.2),
    "softplus": F.softplus,
    "elu": F.elu,
    "selu": F.selu,
    "celu(2)": lambda z: F.celu(z, 2.0),
    "gelu": F.gelu,
    "gelu_tanh": lambda z: F.gelu(z, approximate="tanh"),
    "silu": F.silu,
    "mish": F.mish,
    "hardswish": F.hardswish,
    "exp": torch.exp,
    "abs": torch.abs,
    "square": torch.square,
    "sin": torch.sin,
    "cos": torch.cos,
    "atan": torch.atan,
    "erf": torch.erf,
    "log1p∘abs": lambda z: torch.log1p(z.abs()),
    "log1p∘relu": lambda z: torch.log1p(F.relu(z)),
    "sqrt∘relu": lambda z: F.relu(z).sqrt(),
    "clamp(0, 1)": lambda z: z.clamp(0, 1),
    "tanhshrink": F.tanhshrink,
    "hardshrink": F.hardshrink,
    "softshrink": F.softshrink,
    "round": torch.round,
    "sign": torch.sign,
    "step": lambda z: (z > 0).to(z),
}
COMPOSED = ("sigmoid", "tanh", "relu", "softplus", "leaky_relu", "exp")
OUTER = ("sigmoid", "tanh", "relu", "log_sigmoid")


def softmax(dim: int) -> Function:
    """Over one dim."""
    return lambda z: z.softmax(dim)


def log_softmax(dim: int) -> Function:
    """Over one dim."""
    return lambda z: z.log_softmax(dim)


def sparsemax(z: Any, dim: int) -> Any:
    """The Euclidean projection on the simplex."""
    ordered = z.sort(dim=dim, descending=True).values
    count = torch.arange(1, z.shape[dim] + 1, dtype=z.dtype)
    count = count.view([-1 if d == dim % z.dim() else 1 for d in range(z.dim())])
    sums = ordered.cumsum(dim)
    kept = (1 + count * ordered > sums).sum(dim, keepdim=True)
    return (z - (sums.gather(dim, kept - 1) - 1) / kept).clamp(min=0)


def one_hot(z: Any, dim: int) -> Any:
    """One at the largest score."""
    return torch.zeros_like(z).scatter_(dim, z.argmax(dim, keepdim=True), 1)


def over(dim: int) -> Iterator[tuple[str, Function]]:
    """Functions that tie the values along a dim together."""
    yield f"softmax@{dim}", lambda z: z.softmax(dim)
    yield f"log_softmax@{dim}", lambda z: z.log_softmax(dim)
    yield f"softmin@{dim}", lambda z: (-z).softmax(dim)
    yield f"normalize@{dim}", lambda z: F.normalize(z, dim=dim)
    yield f"normalize1@{dim}", lambda z: F.normalize(z, p=1, dim=dim)
    yield f"onehot@{dim}", lambda z: one_hot(z, dim)
    yield f"sparsemax@{dim}", lambda z: sparsemax(z, dim)
    yield f"shift@{dim}", lambda z: z - z.amax(dim, keepdim=True)
    yield f"center@{dim}", lambda z: z - z.mean(dim, keepdim=True)
    for name in COMPOSED:
        inner = ELEMENTWISE[name]
        yield f"softmax@{dim}∘{name}", _composed(softmax(dim), inner)
        yield f"log_softmax@{dim}∘{name}", _composed(log_softmax(dim), inner)
        yield f"normalize1@{dim}∘{name}", _composed(lambda z: F.normalize(z, p=1, dim=dim), inner)
    for name in OUTER:
        yield f"{name}∘softmax@{dim}", _composed(ELEMENTWISE[name], softmax(dim))
    yield f"softmax@{dim}∘softmax@{dim}", lambda z: z.softmax(dim).softmax(dim)
    yield f"log_softmax@{dim}∘softmax@{dim}", lambda z: z.softmax(dim).log_softmax(dim)
    yield f"softmax@{dim}∘normalize@{dim}", lambda z: F.normalize(z, dim=dim).softmax(dim)
    yield f"normalize@{dim}∘relu", lambda z: F.normalize(F.relu(z), dim=dim)
    yield f"normalize@{dim}∘softmax@{dim}", lambda z: F.normalize(z.softmax(dim), dim=dim)
    yield f"complement∘softmax@{dim}", lambda z: 1 - z.softmax(dim)
    yield f"square∘softmax@{dim}", lambda z: z.softmax(dim).square()


@lru_cache(maxsize=1)
def elementwise() -> tuple[tuple[str, Function], ...]:
    """Functions of each value by itself, with those of two applied in a row."""
    found = dict(ELEMENTWISE)
    for outer in OUTER:
        for inner in COMPOSED:
            if (outer, inner) not in (("relu", "relu"), ("relu", "sigmoid"), ("relu", "softplus"), ("relu", "exp")):
                found[f"{outer}∘{inner}"] = _composed(ELEMENTWISE[outer], ELEMENTWISE[inner])
    return tuple(found.items())


def _composed(outer: Function, inner: Function) -> Function:
    return lambda z: outer(inner(z))

"""Contract rows as the tests of rows and of checks ask for them, and what every activation's row must keep."""

from __future__ import annotations

import importlib
import math
from typing import Any

from outlayer_lint.knowledge import Row, find
from outlayer_lint.lattice import BOUNDS, Emission


def row(name: str) -> Row:
    found = find(name)
    assert found is not None, name
    return found[0]


def resolve(name: str) -> Any:
    """What a library has under a qualified name. Raises `AttributeError`."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        for part in parts[cut:]:
            found = getattr(found, part)
        return found
    raise AttributeError(name)


def value(spec: Any, default: float) -> float:
    if isinstance(spec, tuple):
        spec = spec[2]
    return default if spec is None else float(spec)


def assert_kept(of: Row, x: Any, y: Any, axis: int, halved: int) -> None:
    """That `y`, made of `x`, lies in its row's range, sums to what the row claims over `axis`, and has the shape."""
    assert of.emits is not None
    low, high = BOUNDS.get(of.emits, (-math.inf, math.inf))
    finite = y[~y.isnan()]
    assert len(finite)
    assert finite.min() >= value(of.low, low) - 1e-4
    assert finite.max() <= value(of.high, high) + 1e-4
    if of.transfer == "normalises":
        sums = {
            Emission.SIMPLEX: lambda: y.sum(axis), Emission.LOGP: lambda: y.double().exp().sum(axis),
            Emission.UNORM: lambda: y.norm(dim=axis),
        }[of.emits]()  # fmt: skip
        assert sums.allclose(sums.new_ones(sums.shape), atol=1e-4)
    elif of.how == "halves":
        assert y.shape[halved] * 2 == x.shape[halved]
    else:
        assert y.shape == x.shape

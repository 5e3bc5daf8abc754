"""Which calls fit a signature: what fits none is no call of that function, whatever it is called like."""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING

import pytest

from outlayer_lint.interpret.signatures import fits
from outlayer_lint.resolve.project import Project

if TYPE_CHECKING:
    from pathlib import Path

DEFINED = """
def plain(a, b=1): pass
def rest(a, *more, key, **options): pass
def named(a, *, key, other=2): pass
def placed(a, /, b): pass
@decorated
def decorated(a): pass
class Model:
    def step(self, batch, index=0): pass
"""
CALLS = {
    "plain": {"f()": False, "f(1)": True, "f(1, 2)": True, "f(1, 2, 3)": False, "f(a=1)": True, "f(1, c=2)": False},
    "rest": {"f(1)": False, "f(1, key=2)": True, "f(1, 2, 3, key=4, z=5)": True, "f(*x)": True, "f(**x)": True},
    "named": {"f(1)": False, "f(1, key=2)": True, "f(1, 2)": False, "f(1, key=2, other=3)": True},
    "placed": {"f(1, 2)": True, "f(1, b=2)": True, "f(a=1, b=2)": False},
    "decorated": {"f()": True, "f(1, 2)": True},
    "step": {"m.step()": False, "m.step(x)": True, "Model.step(m, x, 0)": True, "m.step(x, 0, 1, 2)": False},
}


@pytest.mark.parametrize(("name", "call"), [(name, call) for name, calls in CALLS.items() for call in calls])
def test_a_call_fits_or_not(name: str, call: str, tmp_path: Path) -> None:
    path = tmp_path / "defined.py"
    path.write_text(DEFINED, encoding="utf-8")
    (file,) = Project(str(tmp_path), [str(path)])
    assert file.scope is not None
    scopes = {child.name: child for child in map(file.scope.child, file.scope.body)}
    model = scopes["Model"]
    scopes |= {child.name: child for child in map(model.child, model.body)}
    node = ast.parse(call, mode="eval").body
    assert isinstance(node, ast.Call)
    assert fits(scopes[name], node) is CALLS[name][call]


@pytest.mark.parametrize("name", ["plain", "rest", "named", "placed"])
def test_it_agrees_with_python(name: str) -> None:
    """What Python binds fits; what does not fit, Python refuses. A value given twice is Python's own concern."""
    space: dict[str, object] = {}
    exec(DEFINED.replace("@decorated", ""), space)
    signature = inspect.signature(space[name])  # type: ignore[arg-type]
    for call, expected in CALLS[name].items():
        if "*" in call:
            continue
        try:
            eval(call, {"f": signature.bind})
            bound = True
        except TypeError:
            bound = False
        assert bound is expected, call

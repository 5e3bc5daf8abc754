"""What a project's `outlayer_trace.py` writes down: models that are built its own way.

>>> from outlayer_lint.tracer.hook import Target
>>> def targets():
...     yield Target("net", build=lambda: Net(10), inputs=lambda: (torch.randn(2, 3, 32, 32),), classes=10)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Target(NamedTuple):
    """A model, and how to build it.

    Attributes:
        name: what the report calls it.
        build: makes the model.
        inputs: makes what `forward` takes: a tuple by position, a dict by name, or one tensor; `None` lets the tracer
            find it.
        classes: how many there are to tell apart.
        task: `multiclass`, `multilabel`, `binary`, `regression`, `segmentation` or `lm`.
        outputs: path of an output -> the form that is expected of it.
    """

    name: str
    build: Callable[[], Any]
    inputs: Callable[[], Any] | None = None
    classes: int | None = None
    task: str = ""
    outputs: Mapping[str, str] = {}

"""Keras 3 on its torch backend: loss objects, `compile`, and the layers whose operations run inside of Keras.

Keras is imported by the script, or just before it where its text names Keras; nothing here imports it.
"""

from __future__ import annotations

import ast
import functools
import sys
from typing import TYPE_CHECKING, Any

import torch

from outlayer_lint import knowledge
from outlayer_lint.tracer.child.recording.marks import PROJECT, here
from outlayer_lint.tracer.child.recording.recorder import BUILT

if TYPE_CHECKING:
    from outlayer_lint.knowledge import Row
    from outlayer_lint.tracer.child.losses import written
    from outlayer_lint.tracer.child.losses.guard import Guard

LOSSES = "keras.losses."
ON_PROBABILITIES = ("categorical_crossentropy", "sparse_categorical_crossentropy", "binary_crossentropy")


def install(guard: Guard) -> None:
    """Wrap what is to be watched, if Keras is there and runs on torch."""
    losses, trainer, layer = (
        sys.modules.get(f"keras.src.{name}") for name in ("losses.losses", "trainers.trainer", "layers.layer")
    )
    backend = sys.modules.get("keras.src.backend")
    if losses is None or trainer is None or layer is None or backend is None or backend.backend() != "torch":
        return
    watch = Watch(guard)
    wrapper = losses.LossFunctionWrapper
    guard.replace(wrapper, "call", watch.loss(wrapper.call))
    guard.replace(trainer.Trainer, "compile", watch.compile(trainer.Trainer.compile))
    guard.replace(trainer.Trainer, "compute_loss", watch.training(trainer.Trainer.compute_loss))
    guard.replace(layer.Layer, "__init__", _built(vars(layer.Layer)["__init__"]))
    guard.replace(layer.Layer, "__call__", guard.recorder.calling(vars(layer.Layer)["__call__"]))
    for name in ON_PROBABILITIES:
        guard.replace(backend.nn, name, watch.function(name, getattr(backend.nn, name)))


class Watch:
    """Which model is being trained, and where it was compiled."""

    def __init__(self, guard: Guard) -> None:
        """Nothing was compiled yet."""
        self.guard = guard
        self.compiled: dict[int, Any] = {}
        self.current: Any = None

    def compile(self, plain: Any) -> Any:
        """Remembers the place of each `compile`."""

        @functools.wraps(plain)
        def wrapped(model: Any, *args: Any, **kwargs: Any) -> Any:
            self.compiled[id(model)] = here(PROJECT, 2)
            return plain(model, *args, **kwargs)

        return wrapped

    def training(self, plain: Any) -> Any:
        """Knows the model whose loss is computed."""

        @functools.wraps(plain)
        def wrapped(model: Any, *args: Any, **kwargs: Any) -> Any:
            before, self.current = self.current, self.compiled.get(id(model))
            try:
                return plain(model, *args, **kwargs)
            finally:
                self.current = before

        return wrapped

    def loss(self, plain: Any) -> Any:
        """A loss object is called with targets and predictions."""

        @functools.wraps(plain)
        def wrapped(loss: Any, y_true: Any, y_pred: Any) -> Any:
            row = _row(type(loss).__name__, loss)
            given = {k: v for k, v in loss._fn_kwargs.items() if v is not None}
            return self._around(row, type(loss).__name__, lambda: plain(loss, y_true, y_pred), y_true, y_pred, given)

        return wrapped

    def function(self, name: str, plain: Any) -> Any:
        """A function of the backend that computes a loss by itself."""
        found = knowledge.find(LOSSES + name)

        @functools.wraps(plain)
        def wrapped(target: Any, output: Any, from_logits: bool = False, axis: int = -1, **more: Any) -> Any:  # noqa: FBT001, FBT002 - as Keras has it
            def run() -> Any:
                return plain(target, output, from_logits=from_logits, **({} if axis == -1 else {"axis": axis}), **more)

            row = None if found is None else found[0]
            return self._around(row, name, run, target, output, {"from_logits": True} if from_logits else {})

        return wrapped

    def _around(self, row: Row | None, name: str, run: Any, target: Any, output: Any, given: dict[str, Any]) -> Any:
        guard = self.guard
        real = isinstance(output, torch.Tensor) and output.device.type != "meta"  # Keras tries a loss out first
        if row is None or guard._inside or not real:
            return run()
        place = self.current or here(PROJECT, 3)
        shown = name if name[:1].isupper() and name != "LossFunctionWrapper" else row.shown
        return guard.known(row, shown, run, output, target, given, place)


def _row(name: str, loss: Any) -> Row | None:
    """The row of a loss object: of its class, or of the function that a string or a function was wrapped for."""
    function = getattr(loss.fn, "__name__", "")
    for each in (name, function):
        found = knowledge.find(LOSSES + each)
        if found is not None and found[0].kind == "loss":
            return found[0]
    return None


def _built(plain: Any) -> Any:
    @functools.wraps(plain)
    def wrapped(layer: Any, *args: Any, **kwargs: Any) -> None:
        plain(layer, *args, **kwargs)
        place = here(PROJECT, 2)
        object.__setattr__(layer, BUILT, place)

    return wrapped


def loss_given(source: written.Written | None) -> ast.expr | None:
    """The expression that `compile` was given as its loss."""
    call = None if source is None else source.node
    if not isinstance(call, ast.Call):
        return None
    for keyword in call.keywords:
        if keyword.arg == "loss":
            return keyword.value
    return call.args[1] if len(call.args) > 1 else None

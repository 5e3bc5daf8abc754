"""Builds the model that a target names: the file sliced, the arguments of the constructor found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from torch import nn

    from outlayer_lint.tracer.target import Target


class Refusal(NamedTuple):
    """Why there is no result: `stage` is one of `import`, `constructor`, `no-input`, `environment`; `why` one sentence."""

    stage: str
    why: str


class Built(NamedTuple):
    """A model, and where it came from.

    Attributes:
        model: in evaluation mode, on the CPU.
        how: `user`, `defaults`, `call-site`, `synthesised`, `value`, `factory` or `hook`.
        at: `file:line` of the call site, or "".
        args: of the constructor, by name, as JSON can write them.
        module: the sliced module that the class lives in.
    """

    model: nn.Module
    how: str
    at: str
    args: dict[str, Any]
    module: ModuleType


def build(target: Target, project_root: str, announce: Callable[[str], None]) -> Built | Refusal:
    """The model of a target; `announce` is told `import` and `construct` before they begin."""
    raise NotImplementedError

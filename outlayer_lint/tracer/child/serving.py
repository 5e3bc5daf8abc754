"""One order at a time, inside the worker: announce it, carry it out, send what came of it or why nothing did."""

from __future__ import annotations

import os
import random
import sys
import traceback
from typing import TYPE_CHECKING, Any

from outlayer_lint.tracer.child import orders

if TYPE_CHECKING:
    from outlayer_lint.tracer.channel import Writer

PACKAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "")
SEED = 0
WHY = 300  # characters of a reason


class Announcer:
    """Tells the parent which stage an order is in, so that a crash can be told with its place."""

    def __init__(self, writer: Writer, number: int) -> None:
        """`number` is the order's."""
        self.writer = writer
        self.number = number
        self.stage = ""

    def __call__(self, stage: str) -> None:
        """A stage begins."""
        if stage != self.stage:
            self.stage = stage
            self.writer.send("stage", id=self.number, stage=stage)

    def log(self, line: str) -> None:
        """A line for whoever asks how it was found."""
        self.writer.send("log", id=self.number, line=line[:WHY])


def warm(header: dict[str, Any]) -> None:
    """Import what every worker needs, before the first is forked."""
    orders.warm(header)


def serve(wanted: dict[str, Any], header: dict[str, Any], writer: Writer) -> None:
    """Carry out one order; whatever the user's code raises is told, and the worker goes on."""
    number = wanted["id"]
    orders.KEPT.clear()  # what a model does when it is freed must not delay its own result
    announce = Announcer(writer, number)
    writer.send("begin", id=number)
    _settle()
    try:
        result = orders.CARRIED_OUT[wanted["kind"]](wanted, header, announce)
    except MemoryError as error:
        result = {"stage": announce.stage, "word": "memory", "why": _said(error)}
    except SystemExit as error:
        result = {"stage": announce.stage, "word": "exit", "why": f"the program exits with {error.code!r}"[:WHY]}
    except BaseException as error:  # noqa: BLE001 - KeyboardInterrupt and the like are the user's as well
        result = {"stage": announce.stage, "word": orders.word_of(error), "why": _said(error), "at": _at(error)}
        if _is_ours(error):
            result["word"] = "internal"
            result["trace"] = "".join(traceback.format_exception(error))[-20_000:]
    writer.send("result", id=number, result=result)


def _settle() -> None:
    """The state of a fresh process, as far as programs are known to change it."""
    import torch  # noqa: PLC0415 - warm already

    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    torch.set_grad_enabled(True)
    torch.manual_seed(SEED)
    random.seed(SEED)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(SEED)


def _said(error: BaseException) -> str:
    """An exception in a line; one whose text cannot be had is told by its name."""
    try:
        text = " ".join(str(error).split())
    except BaseException:  # noqa: BLE001 - the user's own `__str__`
        text = ""
    return f"{type(error).__name__}: {text}"[:WHY] if text else type(error).__name__


def _at(error: BaseException) -> str:
    """The last line of the user's that it passed, as `path:line`, "" where it passed none."""
    found = ""
    step = error.__traceback__
    while step is not None:
        path = step.tb_frame.f_code.co_filename
        if os.path.isabs(path) and "site-packages" not in path and not path.startswith((PACKAGE, sys.base_prefix)):
            found = f"{path}:{step.tb_lineno}"
        step = step.tb_next
    return found


def _is_ours(error: BaseException) -> bool:
    """Whether the tracer itself is wrong: it raised, and nothing of the user's stands on the way."""
    step = error.__traceback__
    last = ""
    while step is not None:
        last = step.tb_frame.f_code.co_filename
        step = step.tb_next
    return last.startswith(PACKAGE) and not _at(error)

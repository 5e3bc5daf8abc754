"""One order at a time, inside the worker: announce it, carry it out, send what came of it or why nothing did."""

from __future__ import annotations

import os
import random
import sys
import traceback
from typing import TYPE_CHECKING, Any

from outlayer_lint.tracer.child import orders
from outlayer_lint.tracer.child.failures import WHY, is_ours, said, user_line, word_of

if TYPE_CHECKING:
    from outlayer_lint.tracer.channel import Writer

SEED = 0


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
        result = {"stage": announce.stage, "word": "memory", "why": said(error)}
    except SystemExit as error:
        result = {"stage": announce.stage, "word": "exit", "why": f"the program exits with {error.code!r}"[:WHY]}
    except BaseException as error:  # noqa: BLE001 - KeyboardInterrupt and the like are the user's as well
        result = {"stage": announce.stage, "word": word_of(error), "why": said(error), "at": user_line(error)}
        if is_ours(error):
            result["word"] = "internal"
            result["trace"] = "".join(traceback.format_exception(error))[-20_000:]
    writer.send("result", id=number, result=result)
    if orders.ENDING:
        os._exit(0)  # another worker goes on with the rest


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

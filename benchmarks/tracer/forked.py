"""Runs each case in a fork of a process that has torch already, under a limit of time, in a folder that is removed."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def warm() -> None:
    """Import what every fork would import by itself."""
    import pkgutil  # noqa: PLC0415 - so that a plain import of this stays cheap
    from importlib import import_module  # noqa: PLC0415

    import_module("torch._dynamo")
    checks = import_module("outlayer_lint.checks")
    for found in pkgutil.iter_modules(checks.__path__):
        import_module(f"outlayer_lint.checks.{found.name}")


def run(case: Callable[[], Any], seconds: float, *, loud: bool = False) -> Any:
    """What the case returns as JSON, or `{"failed": why}`; what it prints is dropped unless `loud`."""
    with tempfile.TemporaryDirectory() as scratch:
        return _run(case, seconds, scratch, loud=loud)


def _run(case: Callable[[], Any], seconds: float, scratch: str, *, loud: bool) -> Any:
    ours, theirs = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if not child:
        os.close(ours)
        os.chdir(scratch)  # training scripts write data sets, logs and weights to where they are run
        _work(case, theirs, loud=loud)
    os.close(theirs)
    data, end = b"", time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        ready, _, _ = select.select([ours], [], [], left)
        chunk = os.read(ours, 1 << 16) if ready else b""
        if not chunk:
            break
        data += chunk
    os.close(ours)
    late = not data and time.monotonic() >= end
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if data.endswith(b"\n"):
        return json.loads(data)
    return {"failed": "time" if late else "died"}


def _work(case: Callable[[], Any], theirs: int, *, loud: bool) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (120, 120))
    if not loud:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
    try:
        data = json.dumps(case())
    except BaseException as error:  # noqa: BLE001 - the verdict of a benchmark, whatever it was
        import traceback  # noqa: PLC0415 - for failures only

        data = json.dumps({"failed": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()[-1500:]})
    line = f"{data}\n".encode()
    while line:
        line = line[os.write(theirs, line) :]
    os._exit(0)

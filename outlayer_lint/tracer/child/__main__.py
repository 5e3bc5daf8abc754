"""The first process of the sandbox: puts up the walls, imports torch, and forks a worker for each round of orders.

It runs nothing of the user's itself. What it forks inherits a warm torch; what it forks and what that leaves behind it
kills. Process 1 of a namespace cannot be killed from inside, so the end of a worker is always told.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import sys
from typing import Any, NoReturn

from outlayer_lint.tracer.channel import Writer
from outlayer_lint.tracer.child import jail

HIGH = 700  # descriptors up there are not met by chance


class Inbox:
    """Orders, a line each; nothing is read before it is wanted."""

    def __init__(self, fd: int) -> None:
        """`fd` is open for reading."""
        self.fd = fd
        self.rest = b""
        self.over = False

    def ready(self) -> list[Any]:
        """The orders that came with the next bytes; waits for them."""
        data = os.read(self.fd, 1 << 16)
        self.over = not data
        *lines, self.rest = (self.rest + data).split(b"\n")
        return [json.loads(line) for line in lines if line]


def main() -> NoReturn:
    """Serve until the orders end."""
    orders, results = (_raised(int(word)) for word in sys.argv[1:3])
    del sys.argv[1:]
    inbox = Inbox(orders)
    waiting: list[Any] = []
    while not waiting and not inbox.over:
        waiting = inbox.ready()
    if not waiting:
        os._exit(0)
    header = waiting.pop(0)
    writer = Writer(results, header["nonce"])
    _wall(header, writer)
    _warm(header, writer)
    wake, woken = os.pipe()
    for fd in (wake, woken):
        os.set_blocking(fd, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while not inbox.over:
        while waiting:
            order = waiting.pop(0)
            if "round" in order:
                waiting.extend(_round(order, header, writer, inbox, wake))
        waiting.extend(inbox.ready())
    jail.end_others(alone=header["alone"])
    os._exit(0)


def _raised(fd: int) -> int:
    """The descriptor moved up and kept from what the program executes."""
    import fcntl  # noqa: PLC0415 - not on every system

    try:
        moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, HIGH)
    except OSError:  # a low limit
        os.set_inheritable(fd, False)  # noqa: FBT003
        return fd
    os.close(fd)
    return moved


def _wall(header: dict[str, Any], writer: Writer) -> None:
    """Put up the walls that all workers share, and say which of them stand."""
    jail.bind_to_parent()
    jail.join_groups(header["groups"])
    header["files"] = bool(header["files"]) and jail.wall_files(header["scratch"])
    if not header["alone"] and header["isolation"] != "none":
        jail.block_sockets()
    os.chdir(header["scratch"])
    writer.send("hello", files=header["files"])


def _warm(header: dict[str, Any], writer: Writer) -> None:
    """Import torch once for all workers."""
    try:
        import torch  # noqa: PLC0415 - after the walls
    except BaseException as error:  # noqa: BLE001 - a broken installation may do anything
        writer.send("ready", torch=None, why=f"{type(error).__name__}: {error}"[:500], python=sys.version.split()[0])
        os._exit(0)
    torch.set_num_threads(1)
    from outlayer_lint.tracer.child import serving  # noqa: PLC0415

    serving.warm(header)
    gc.collect()
    gc.freeze()  # what is shared with the workers stays shared
    writer.send("ready", torch=torch.__version__, why="", python=sys.version.split()[0])


def _round(order: dict[str, Any], header: dict[str, Any], writer: Writer, inbox: Inbox, wake: int) -> list[Any]:
    """One worker from fork to end; returns orders that came meanwhile."""
    worker = os.fork()
    if worker == 0:
        _work(order, header, writer, inbox.fd)
    poll = select.poll()
    poll.register(inbox.fd, select.POLLIN | select.POLLHUP)
    poll.register(wake, select.POLLIN)
    later: list[Any] = []
    killed = ""
    while True:
        done, status, usage = os.wait4(worker, os.WNOHANG)
        if done:
            break
        for fd, _ in poll.poll():
            if fd == wake:
                os.read(wake, 4096)
                continue
            for said in inbox.ready():
                if said.get("kill") == order["round"]:
                    killed = killed or said["why"]
                    os.kill(worker, signal.SIGKILL)
                elif "kill" not in said:
                    later.append(said)
            if inbox.over:
                jail.end_others(alone=header["alone"])
                os._exit(0)
    jail.end_others(alone=header["alone"])
    code = os.waitstatus_to_exitcode(status)
    ended = {"code": code if code >= 0 else None, "signal": -code if code < 0 else None, "killed": killed}
    cpu = sum(os.times()[:4])
    writer.send("end", round=order["round"], memory=usage.ru_maxrss * 1024, cpu=round(cpu, 2), **ended)
    return later


def _work(order: dict[str, Any], header: dict[str, Any], writer: Writer, inbox: int) -> NoReturn:
    """The worker's whole life. Nothing of the first process may be left in it but the way to send."""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        os.close(inbox)
        jail.bind_to_parent()
        if header["files"]:
            jail.lay_over(header["scratch"], header["project"])
        os.chdir(header["cwd"] if header["files"] and header["cwd"] else header["scratch"])
        jail.drop_powers()
        jail.limit(header["memory"], header["budget"] * len(order["orders"]) * 2, header["processes"])
        own = Writer(writer.fd, writer.nonce)
        from outlayer_lint.tracer.child import serving  # noqa: PLC0415

        for wanted in order["orders"]:
            serving.serve(wanted, header, own)
    except BaseException:  # noqa: BLE001 - nobody is left to raise it to
        os._exit(70)
    os._exit(0)


if __name__ == "__main__":
    main()

"""Starts the child, hands it orders, gathers its records, and says how each order ended.

The clock is here: a target that is not done within its budget is killed, first by the child's first process, and where
that does not answer, with the whole sandbox. Whatever a traced program does, every order comes back as one `End`.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
from typing import TYPE_CHECKING, Any, Self

from outlayer_lint.config import Refused
from outlayer_lint.tracer.channel import Reader
from outlayer_lint.tracer.ends import End, Order
from outlayer_lint.tracer.sandbox import PROCESSES, Rung, Sandbox, ladder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from outlayer_lint.tracer.settings import Settings

START = 60.0  # seconds to import torch in
GRACE = 0.7  # seconds that a killed worker's end may take to be told
BEFORE = 5.0  # seconds between a round and its first order
TICK = 0.2  # seconds between two looks at how much the sandbox holds
SAID = 4096  # characters kept of what a program prints
RESTARTS = 20
BATCH = 200  # orders of one round
SIGNALS = {
    "SIGSEGV": "segmentation fault", "SIGABRT": "abort", "SIGFPE": "arithmetic error", "SIGBUS": "bus error",
    "SIGILL": "illegal instruction", "SIGKILL": "killed", "SIGTERM": "terminated",
}  # fmt: skip


class Sandboxed:
    """A child that is started when it is first needed and serves until it is left.

    Attributes:
        level: which isolation was reached, "" before the child runs.
        torch, python: versions in the child, "" where unknown.
        foreign: lines in the channel that were none of ours.
        cpu: seconds of processor time that the child took, as far as it told.
        said: the last of what the programs printed.
    """

    def __init__(self, settings: Settings, *, cwd: str = "") -> None:
        """`cwd` is where programs run, if the file system is walled; a scratch folder otherwise."""
        self.settings = settings
        self.cwd = cwd
        self.level = self.torch = self.python = self.said = ""
        self.foreign = 0
        self.cpu = 0.0
        self._sandbox: Sandbox | None = None
        self._reader = Reader("")
        if not hasattr(os, "fork"):
            raise Refused("tracing needs a system whose processes can fork: Linux, macOS")
        self._rungs = ladder(settings.isolation)
        self._rounds = 0
        self._numbers = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child with all it started."""
        if self._sandbox is not None:
            sandbox, self._sandbox = self._sandbox, None
            self.foreign += self._reader.foreign
            sandbox.end()

    def ask(self, groups: Sequence[Sequence[dict[str, Any]]], told: Callable[[End], None] | None = None) -> list[End]:
        """Carry out orders and return an end for each, in order; each group shares a worker as long as that lives."""
        ends: list[End] = []
        for group in groups:
            asked = [Order(self._number(), body) for body in group]
            self._group(asked)
            for order in asked:
                order.close("crash", "no result came back")
                if order.end is not None:
                    ends.append(order.end)
                    if told is not None:
                        told(order.end)
        return ends

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _group(self, orders: list[Order]) -> None:
        failures = 0
        while left := [order for order in orders if order.end is None][:BATCH]:
            if self._sandbox is None:
                self._start()
            if not self._round(left):
                failures += 1
                self.close()
                if failures > RESTARTS:
                    for order in left:
                        order.close("crash", "the sandbox does not stay alive")

    # --- start -------------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        """Start the child on the highest rung that holds. Raises `Refused` where none does or torch is missing."""
        said = ""
        while self._rungs:
            rung = self._rungs[0]
            try:
                self._sandbox = Sandbox(rung, self.settings.python)
            except OSError as error:
                raise Refused(f"cannot start the tracer's child: {error.strerror or error}") from None
            if self._greet(self._sandbox, rung):
                return
            said = self.said.strip().rpartition("\n")[2]
            self.close()
            self._rungs.pop(0)
        raise Refused(f"no isolation could be had{f' ({said})' if said else ''}; see --isolation")

    def _greet(self, sandbox: Sandbox, rung: Rung) -> bool:
        """Send the header and wait until the child is ready; says whether this rung holds."""
        settings = self.settings
        self._reader = Reader(sandbox.nonce)
        self.said = ""
        gpu = uses_gpu(settings)
        header = {
            **settings._asdict(), "nonce": sandbox.nonce, "scratch": sandbox.scratch, "groups": sandbox.groups,
            "alone": rung.alone, "files": rung.level == "pid+net+fs", "project": settings.root, "cwd": self.cwd,
            "memory": 0 if gpu else settings.memory, "memory_of_gpu": settings.memory,
            "processes": 0 if os.geteuid() == 0 else _user_limit(),
        }  # fmt: skip
        sandbox.tell(_line(header))
        deadline = time.monotonic() + START
        hello = False
        for record in self._records(sandbox, lambda: deadline):
            if record is None:
                break
            if record["kind"] == "hello":
                hello = True
                self.level = rung.level if record["files"] or not rung.alone else "pid+net"
                if not rung.alone and settings.isolation == "none":
                    self.level = "none"
            elif record["kind"] == "ready":
                self.torch, self.python = record["torch"] or "", record["python"]
                if record["torch"] is None:
                    self.close()
                    raise Refused(_no_torch(record["why"], settings.python))
                return True
        if hello:
            said = self.said.strip().rpartition("\n")[2]
            late = time.monotonic() >= deadline
            self.close()
            what = f"torch could not be imported within {START:g} s" if late else "the tracer's child did not start"
            raise Refused(f"{what}{f': {said}' if said else ''}")
        return False

    # --- one round ---------------------------------------------------------------------------------------------------

    def _round(self, orders: list[Order]) -> bool:
        """Hand out orders to a new worker and see it to its end; says whether the sandbox still stands."""
        sandbox = self._sandbox
        if sandbox is None:
            return False
        self._rounds += 1
        self._reader.again()
        self.said = ""
        watch = _Watch(self.settings, sandbox)
        round_ = _Round(self._rounds, orders, watch, self._reader)
        sent = [{"id": order.number, **order.body} for order in orders]
        if not sandbox.tell(_line({"round": round_.number, "orders": sent})):
            return False
        for record in self._records(sandbox, watch.until):
            if record is not None and not self._reader.flooded:
                if round_.take(record):
                    self.cpu = max(self.cpu, float(record["cpu"]))
                    return True
            elif watch.gave_up or (record is None and not watch.expired()):
                round_.lost()
                return False
            else:
                watch.kill(round_.number, "it sends more than 4 MB to the tracer" if self._reader.flooded else "")
        return False

    def _records(self, sandbox: Sandbox, until: Callable[[], float]) -> Iterator[dict[str, Any] | None]:
        """Records as they come; `None` when the time is up, and for good when the child is gone."""
        poll = select.poll()
        for fd in (sandbox.results, sandbox.said):
            poll.register(fd, select.POLLIN | select.POLLHUP)
        while True:
            left = until() - time.monotonic()
            if left <= 0:
                yield None
                left = GRACE
            for fd, _ in poll.poll(max(1, int(min(left, TICK) * 1000))):
                try:
                    data = os.read(fd, 1 << 16)
                except BlockingIOError:
                    continue
                if fd == sandbox.said:
                    self.said = (self.said + data.decode("utf-8", "replace"))[-SAID:]
                    if not data:
                        poll.unregister(fd)
                elif data:
                    yield from self._reader.feed(data)
                else:
                    while True:
                        yield None


class _Round:
    """Orders that share one worker, from its fork to its end."""

    def __init__(self, number: int, orders: list[Order], watch: _Watch, reader: Reader) -> None:
        self.number = number
        self.first = orders[0]
        self.by_number = {order.number: order for order in orders}
        self.watch = watch
        self.reader = reader
        self.current: Order | None = None

    def take(self, record: dict[str, Any]) -> bool:
        """Take in a record; says whether it was the last."""
        order = self.by_number.get(record.get("id", -1))
        match record["kind"]:
            case "begin" if order is not None:
                self.current = order
                order.began = time.monotonic()
                self.reader.again()
                self.watch.begin()
            case "stage" if order is not None:
                order.stage = str(record["stage"])
            case "log" if order is not None:
                order.log.append(str(record["line"]))
            case "result" if order is not None:
                order.take(record["result"])
                self.watch.rest()
            case "unsendable" if self.current is not None:
                self.current.close("inconclusive", "what was found could not be sent")
            case "end" if record.get("round") == self.number:
                order = self.current or self.first
                order.close(*self._fate(record, order))
                return True
        return False

    def lost(self) -> None:
        """The sandbox is gone, with whatever ran in it."""
        order = self.current or self.first
        word, why = self.watch.verdict() or ("crash", "the sandbox ended")
        order.close(word, f"{why}{order.during}")

    def _fate(self, record: dict[str, Any], order: Order) -> tuple[str, str]:
        """What the end of a worker means for the order it was at."""
        verdict = self.watch.verdict()
        if record["killed"] and verdict is not None:
            return verdict[0], f"{verdict[1]}{order.during}"
        if record["signal"] is None:
            return "exit", f"the program ends its process with code {record['code']}{order.during}"
        try:
            name = signal.Signals(record["signal"]).name
        except ValueError:
            name = f"signal {record['signal']}"
        if name == "SIGXCPU":
            return "time", f"it takes too much processor time{order.during}"
        if name == "SIGXFSZ":
            return "crash", f"it writes a file that is too large{order.during}"
        return "crash", f"{SIGNALS.get(name, name)} ({name}){order.during}"


class _Watch:
    """The time and the memory that are left to the order at hand."""

    def __init__(self, settings: Settings, sandbox: Sandbox) -> None:
        self.settings = settings
        self.sandbox = sandbox
        self.deadline = time.monotonic() + BEFORE
        self.looked = 0.0
        self.word = self.why = ""
        self.killed_at = 0.0

    def begin(self) -> None:
        """An order begins."""
        self.deadline = time.monotonic() + self.settings.budget

    def rest(self) -> None:
        """Its result is here; the next one begins, or the worker ends."""
        self.deadline = time.monotonic() + BEFORE

    def until(self) -> float:
        """When to stop waiting; looks at the memory now and then."""
        now = time.monotonic()
        if self.killed_at:
            return self.killed_at + GRACE
        if now - self.looked > TICK:
            self.looked = now
            number, held = self.sandbox.burden()
            if number > PROCESSES:
                self._over("crash", f"it starts {number} processes")
            elif held > 2 * self.settings.memory:
                self._over("memory", f"its processes hold {held >> 20} MB")
        return min(self.deadline, now) if self.word else self.deadline

    def _over(self, word: str, why: str) -> None:
        self.word, self.why = self.word or word, self.why or why

    def expired(self) -> bool:
        """Whether the time was up, or more was taken than is allowed."""
        return bool(self.word) or time.monotonic() >= self.deadline

    @property
    def gave_up(self) -> bool:
        """Whether the first process was told to kill the worker and has not answered."""
        return bool(self.killed_at)

    def kill(self, number: int, why: str) -> None:
        """Have the worker of a round killed."""
        if why:
            self._over("crash", why)
        self._over("time", f"not done within {self.settings.budget:g} s")
        self.killed_at = time.monotonic()
        self.sandbox.tell(_line({"kill": number, "why": self.word}))

    def verdict(self) -> tuple[str, str] | None:
        """Why it was killed, if it was."""
        return (self.word, self.why) if self.word else None


def uses_gpu(settings: Settings) -> bool:
    """Whether a GPU may be used: its driver reserves more addresses than any limit, so only what is held counts."""
    driver = os.path.exists("/dev/nvidiactl")
    return settings.device.startswith("cuda") or (settings.device == "auto" and driver)


def _line(tree: dict[str, Any]) -> bytes:
    return json.dumps(tree).encode("ascii") + b"\n"


def _no_torch(why: str, python: str) -> str:
    where = f" in {python}" if python else ""
    if "No module named 'torch'" in why:
        return (
            f"tracing needs torch{where}: install outlayer-lint[trace], or name an interpreter that has it (--python)"
        )
    return f"torch cannot be imported{where}: {why}"


def _user_limit() -> int:
    """How many processes and threads a user may have: what there are, and the sandbox's share."""
    uid, total = os.geteuid(), 0
    try:
        for name in os.listdir("/proc"):
            if name.isdigit() and os.stat(f"/proc/{name}").st_uid == uid:
                total += len(os.listdir(f"/proc/{name}/task"))
    except OSError:
        return 0
    return total + PROCESSES

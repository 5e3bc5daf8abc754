"""Where the child runs: namespaces where the system permits, limits, a scrubbed environment, and its end.

The ladder, from the top: namespaces of files, processes and network (`pid+net+fs`: the file system is read-only, what
a program writes below the project lands on a layer that is thrown away); the same without that layer (`pid+net`); a
process group of its own with sockets blocked in Python (`process`). Which one was reached is part of every report.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from typing import NamedTuple

from outlayer_lint.config import Refused

UNSHARE = ("-n", "-p", "-m", "-f", "--kill-child", "--mount-proc")
UNSHARE_AS_USER = ("-Urn", "-p", "-m", "-f", "--kill-child", "--mount-proc")
UNSHARE_LESS = ("-n", "-p", "-f", "--kill-child"), ("-Urn", "-p", "-f", "--kill-child")
BOOT = "import sys; sys.path.append(sys.argv.pop(1)); from outlayer_lint.tracer.child.__main__ import main; main()"
PROCESSES = 96  # threads count as well
PASSED_ON = (
    "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "PYTHONPATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "CONDA_PREFIX",
    "CUDA_HOME", "CUDA_PATH", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "NVIDIA_VISIBLE_DEVICES",
)  # fmt: skip
NAME = "outlayer-trace-"  # and the process that made it: of folders and control groups
NOWHERE = "http://127.0.0.1:9"
SAID = {
    "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "ignore", "PYTHONUNBUFFERED": "1",
    "PYTHONIOENCODING": "utf-8:backslashreplace", "PYTHONUTF8": "1", "PYTHONNOUSERSITE": "",
    "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
    "WANDB_MODE": "disabled", "WANDB_SILENT": "true", "COMET_MODE": "disabled", "MLFLOW_TRACKING_URI": "",
    "MPLBACKEND": "Agg", "SDL_VIDEODRIVER": "dummy", "QT_QPA_PLATFORM": "offscreen", "TF_CPP_MIN_LOG_LEVEL": "3",
    "KERAS_BACKEND": "torch", "TORCHDYNAMO_DISABLE": "1", "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false",
    "http_proxy": NOWHERE, "https_proxy": NOWHERE, "HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE, "ALL_PROXY": NOWHERE,
    "USER": "nobody", "LOGNAME": "nobody", "TERM": "dumb", "COLUMNS": "120",
}  # fmt: skip


class Ended(NamedTuple):
    """How a process ended: its exit code, or the signal that killed it."""

    code: int | None
    signal: int | None


class Rung(NamedTuple):
    """One step of the ladder: the words before the interpreter, and what they wall off."""

    before: tuple[str, ...]
    level: str

    @property
    def alone(self) -> bool:
        """Whether the child is process 1 of a namespace of its own."""
        return self.level != "process"


def ladder(isolation: str) -> list[Rung]:
    """The steps to try, the strongest first. Raises `Refused` where `strict` cannot be had at all."""
    rungs: list[Rung] = []
    unshare = shutil.which("unshare") if sys.platform == "linux" and isolation != "none" else None
    if unshare:
        both = ((UNSHARE, UNSHARE_AS_USER), UNSHARE_LESS)
        as_root = os.geteuid() == 0
        for (first, second), level in zip(both, ("pid+net+fs", "pid+net"), strict=True):
            rungs.extend(Rung((unshare, *words), level) for words in ((first, second) if as_root else (second,)))
    if isolation == "strict":
        if not rungs:
            raise Refused("--isolation strict needs Linux and the program `unshare` (util-linux)")
        return rungs
    return [*rungs, Rung((), "process")]


def environment(scratch: str) -> dict[str, str]:
    """What the child may know of the outside: a short list, and words that keep libraries quiet and offline."""
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {**kept, **SAID, "HOME": scratch, "TMPDIR": scratch, "XDG_CACHE_HOME": os.path.join(scratch, ".cache")}


class Sandbox:
    """One child and everything it starts; `end` leaves nothing behind."""

    def __init__(self, rung: Rung, python: str) -> None:
        """Start the child; it waits for its header. Raises `OSError` where that is not possible."""
        self.rung = rung
        self.nonce = secrets.token_hex(16)
        _sweep()
        self.scratch = tempfile.mkdtemp(prefix=f"{NAME}{os.getpid()}-")
        self.groups = _control_groups()
        self.forked_with = 0  # bytes of the first process, which its workers share
        orders, self.orders = os.pipe()
        self.results, results = os.pipe()
        self.said, said = os.pipe()
        package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        command = [*rung.before, python or sys.executable, "-P", "-s", "-c", BOOT, package, str(orders), str(results)]
        try:
            self.process = subprocess.Popen(  # noqa: S603 - the interpreter the user chose
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env=environment(self.scratch),
                cwd=self.scratch,
                pass_fds=(orders, results),
                start_new_session=True,
            )
        except OSError:
            self._forget()
            raise
        finally:
            for fd in (orders, results, said):
                os.close(fd)
        for fd in (self.results, self.said):
            os.set_blocking(fd, False)

    def tell(self, line: bytes) -> bool:
        """Give an order; says whether the child still listens."""
        try:
            while line:
                line = line[os.write(self.orders, line) :]
        except OSError:
            return False
        return True

    def end(self) -> Ended:
        """Kill the child with everything below it, and remove what it could write."""
        if not self.rung.alone:
            self._stop_others()
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except OSError:
            self.process.kill()
        code = self.process.wait()
        self._forget()
        return Ended(code if code >= 0 else None, -code if code < 0 else None)

    def _stop_others(self) -> None:
        """Without a namespace: halt what the child started until nothing new appears, then kill it.

        The child inherits orphans, so it is killed last.
        """
        halted: set[int] = set()
        for _ in range(100):
            found = {pid for pid, _ in descendants(self.process.pid)}.union(*map(_members, self.groups))
            found -= {self.process.pid}
            if found <= halted:
                break
            for pid in found - halted:
                _signal(pid, signal.SIGSTOP)
            halted |= found
        for pid in halted:
            _signal(pid, signal.SIGKILL)

    def burden(self) -> tuple[int, int]:
        """How many processes there are in it, and the bytes that they hold beyond what they were forked with."""
        held = [size for _, size in descendants(self.process.pid)]
        self.forked_with = self.forked_with or min(held, default=0)
        return len(held), sum(max(0, size - self.forked_with) for size in held)

    def _forget(self) -> None:
        for fd in (self.orders, self.results, self.said):
            try:
                os.close(fd)
            except OSError:
                continue
        _remove(self.scratch)
        for folder in self.groups:
            _remove_group(folder)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except OSError:
        return


def descendants(root: int) -> list[tuple[int, int]]:
    """Every process below one: its id and the bytes of memory it holds; empty where the system does not say."""
    parents: dict[int, list[tuple[int, int]]] = {}
    page = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
    try:
        names = os.listdir("/proc")
    except OSError:
        return []
    for name in names:
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append((int(name), int(fields[21]) * page))
    found: list[tuple[int, int]] = []
    wanted = [root]
    while wanted:
        below = parents.get(wanted.pop(), [])
        found.extend(below)
        wanted.extend(pid for pid, _ in below)
    return found


def _control_groups() -> list[str]:
    """A control group that limits the number of processes, where we may make one."""
    name = f"{NAME}{os.getpid()}-{secrets.token_hex(4)}"
    for above in _groups_above():
        folder = os.path.join(above, name)
        try:
            os.mkdir(folder)
        except OSError:
            continue
        try:
            with open(os.path.join(folder, "pids.max"), "r+", encoding="ascii") as file:
                file.write(str(PROCESSES))
        except OSError:
            _remove_group(folder)
            continue
        return [folder]
    return []


def _groups_above() -> tuple[str, str]:
    """Where groups may be made: in the old hierarchy, and in the unified one."""
    return "/sys/fs/cgroup/pids", _own_group()


def _sweep() -> None:
    """Remove what runs that were killed had to leave: folders and groups named after processes that are gone."""
    for above, remove in ((tempfile.gettempdir(), _remove), *((group, _remove_group) for group in _groups_above())):
        try:
            names = [name for name in os.listdir(above) if name.startswith(NAME)]
        except OSError:
            continue
        for name in names:
            pid = name.removeprefix(NAME).partition("-")[0]
            if pid.isdigit() and not os.path.exists(f"/proc/{pid}") and os.path.exists("/proc/self"):
                remove(os.path.join(above, name))


def _own_group() -> str:
    """The folder of this process's group in the unified hierarchy."""
    try:
        with open("/proc/self/cgroup", encoding="ascii") as file:
            lines = file.read().splitlines()
    except OSError:
        return "/sys/fs/cgroup"
    return next(("/sys/fs/cgroup" + line[3:].rstrip("/") for line in lines if line.startswith("0::")), "/sys/fs/cgroup")


def _members(folder: str) -> list[int]:
    """The processes of a control group."""
    try:
        with open(os.path.join(folder, "cgroup.procs"), encoding="ascii") as file:
            return [int(line) for line in file]
    except (OSError, ValueError):
        return []


def _remove_group(folder: str) -> None:
    """Groups whose last process has just been killed are busy for a moment."""
    import time  # noqa: PLC0415 - at the end only

    for _ in range(50):
        try:
            os.rmdir(folder)
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.01)
        else:
            return


def _remove(folder: str) -> None:
    """Remove a folder whatever its permissions have become."""
    for _ in range(2):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.lexists(folder):
            return
        for path, folders, _files in os.walk(folder):
            for name in (".", *folders):
                try:
                    os.chmod(os.path.join(path, name), 0o700)
                except OSError:
                    continue

"""The walls, as they are put up from the inside before anything of the user's is read.

Linux only takes most of it; each wall that the system refuses is left out and the level that was reached is reported.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

MS_NOSUID, MS_NODEV = 2, 4
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
MOUNT_ATTR_RDONLY = 1
CLONE_NEWNS = 0x20000
SYS_MOUNT_SETATTR = 442  # the same number on every architecture
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 24, 36, 38
CAPABILITIES = 64
KEPT = 0b1111  # chown, dac_override, dac_read_search, fowner: what an owner of files may do
CAPABILITY_VERSION = 0x20080522
FILE_SIZE, FILES, SCRATCH = 256 << 20, 1024, "1g"
CHILDREN = "/proc/self/task/{}/children"


class _MountAttr(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("attr_set", "attr_clr", "propagation", "userns_fd")]


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def bind_to_parent() -> None:
    """Die with the parent, and inherit what the worker leaves behind."""
    if sys.platform != "linux":
        return
    libc = _libc()
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def join_groups(folders: list[str]) -> None:
    """Move this process into control groups that limit how many processes there may be."""
    for folder in folders:
        try:
            with open(os.path.join(folder, "cgroup.procs"), "w", encoding="ascii") as file:
                file.write("0")
        except OSError:
            continue


def wall_files(scratch: str) -> bool:
    """Make all files read-only but those below the scratch folder, which lie in memory; says whether it was possible.

    Needs a mount namespace of its own.
    """
    libc = _libc()
    attributes = _MountAttr(MOUNT_ATTR_RDONLY, 0, 0, 0)
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    if libc.syscall(SYS_MOUNT_SETATTR, AT_FDCWD, b"/", AT_RECURSIVE, ctypes.byref(attributes), size):
        return False
    return _mount(libc, "tmpfs", scratch, f"size={SCRATCH},mode=0700")


def lay_over(scratch: str, project: str) -> None:
    """Give this process a scratch folder of its own, and a layer over the project that takes what is written there.

    Both end with the process and its children. Where the layer is refused, the project stays read-only.
    """
    libc = _libc()
    if libc.unshare(CLONE_NEWNS):
        return
    _mount(libc, "tmpfs", scratch, f"size={SCRATCH},mode=0700")
    _mount(libc, "tmpfs", "/dev/shm", f"size={SCRATCH},mode=1777")  # noqa: S108 - what workers share tensors through
    if project:
        upper, work = os.path.join(scratch, ".written"), os.path.join(scratch, ".work")
        os.mkdir(upper)
        os.mkdir(work)
        quoted = project.replace("\\", "\\\\").replace(",", "\\,").replace(":", "\\:")
        layers = f"lowerdir={quoted},upperdir={upper},workdir={work}"
        _ = _mount(libc, "overlay", project, layers) or _mount(libc, "overlay", project, f"{layers},userxattr")


def _mount(libc: Any, kind: str, at: str, options: str) -> bool:
    words = kind.encode(), os.fsencode(at), kind.encode(), MS_NOSUID | MS_NODEV, os.fsencode(options)
    return bool(libc.mount(*words) == 0)


def drop_powers() -> None:
    """Give up what root may do besides reading and writing files, for good."""
    if sys.platform != "linux":
        return
    libc = _libc()
    for capability in range(CAPABILITIES):
        if not KEPT >> capability & 1:
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    held = (ctypes.c_uint32 * 6)()
    if libc.capget(header, held) == 0:
        sets = (held[0] & KEPT, held[1] & KEPT, 0, 0, 0, 0)
        libc.capset(header, (ctypes.c_uint32 * 6)(*sets))


def limit(memory: int, cpu: float, processes: int) -> None:
    """Limits of the worker: bytes of address space (0 for none), seconds of processor time, processes (0 for none)."""
    wanted = [
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_FSIZE, FILE_SIZE, FILE_SIZE),
        (resource.RLIMIT_NOFILE, FILES, FILES),
        (resource.RLIMIT_CPU, int(cpu) + 1, int(cpu) + 2),
    ]
    if memory:
        wanted.append((resource.RLIMIT_AS, memory, memory))
    if processes:
        wanted.append((resource.RLIMIT_NPROC, processes, processes))
    for which, soft, hard in wanted:
        ceiling = resource.getrlimit(which)[1]
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)  # noqa: PLW2901 - a wall that stands lower stays
        try:
            resource.setrlimit(which, (soft, hard))
        except (OSError, ValueError):
            continue


def block_sockets() -> None:
    """Without a network namespace: refuse connections from Python. A wall against accidents, not against malice."""
    import socket  # noqa: PLC0415 - only on this rung

    def refused(*_: object, **__: object) -> Any:
        raise OSError(101, "Network is unreachable")  # ENETUNREACH, what a namespace without a network says

    for name in ("connect", "connect_ex", "sendto", "bind"):
        setattr(socket.socket, name, _unless_local(getattr(socket.socket, name), refused))
    socket.getaddrinfo = refused
    socket.gethostbyname = refused


def _unless_local(method: Callable[..., Any], refused: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: Any, *arguments: Any) -> Any:
        local = self.family == 1 or (arguments and isinstance(arguments[-1], tuple) and arguments[-1][0] == "127.0.0.1")
        return method(self, *arguments) if local else refused()

    return guarded


def end_others(*, alone: bool) -> None:
    """Kill everything that the worker left running. `alone`: this is process 1 of a namespace of its own."""
    if alone:
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            return
    for _ in range(100):
        children = [] if alone else _children()
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue
        try:
            while os.waitpid(-1, os.WNOHANG if not (alone or children) else 0)[0]:
                pass
        except ChildProcessError:
            return


def _children() -> list[int]:
    try:
        with open(CHILDREN.format(os.getpid()), encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []

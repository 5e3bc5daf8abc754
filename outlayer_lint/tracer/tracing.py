"""What the commands ask: targets found, run, and gathered into one `Traced` that can be told."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from outlayer_lint.config import Refused
from outlayer_lint.source.discovery import shown, sources
from outlayer_lint.tracer.gathered import diagnostic_of, wanted
from outlayer_lint.tracer.parent import Sandboxed, uses_gpu
from outlayer_lint.tracer.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from outlayer_lint.config import Config
    from outlayer_lint.diagnostic import Diagnostic
    from outlayer_lint.tracer.configured import Configured
    from outlayer_lint.tracer.ends import End

WORDS = (b"torch", b"keras", b"jax")  # a file without any of them has no model
BUNDLE = 400  # files that are listed by one order


class Ran(NamedTuple):
    """One target, and how it ended."""

    target: Target
    end: End


class Traced(NamedTuple):
    """A whole run.

    Attributes:
        ran: each target with its end, in the order they were asked for.
        losses: what the losses of a script were given, in the shape of the JSON report.
        diagnostics: what the rules say about what was seen.
        torch, python, device, isolation: what it ran on and in.
        seconds: of wall clock.
        cpu: seconds of processor time in the child.
        said: the last of what a script printed.
        foreign: lines in the channel that were none of ours.
    """

    ran: tuple[Ran, ...] = ()
    losses: tuple[dict[str, Any], ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    torch: str = ""
    python: str = ""
    device: str = "cpu"
    isolation: str = ""
    seconds: float = 0.0
    cpu: float = 0.0
    said: str = ""
    foreign: int = 0


def trace(
    targets: Sequence[Target], configured: Configured, config: Config, told: Callable[[End], None] | None = None
) -> Traced:
    """Trace targets; those without a name stand for every model of their file or folder."""
    began = time.monotonic()
    with Sandboxed(configured.settings, cwd=configured.settings.root) as sandboxed:
        asked = _expanded(targets, configured, sandboxed)
        ran: list[Ran] = []
        for group in [asked] if uses_gpu(configured.settings) and asked else _by_file(asked):
            orders = [{"kind": "trace", "target": target.to_json()} for target in group]
            ran.extend(map(Ran, group, sandboxed.ask([orders], told)))
    order = {id(target): number for number, target in enumerate(asked)}
    ran.sort(key=lambda one: order[id(one.target)])
    found = [diagnostic_of(tree) for one in ran for tree in one.end.record.get("diagnostics", ())]
    return _traced(sandboxed, began, ran)._replace(diagnostics=wanted(found, config))


def run(path: str, argv: Sequence[str], configured: Configured, config: Config) -> Traced:
    """Run a script until it has computed some losses."""
    began = time.monotonic()
    cwd, root = os.getcwd(), configured.settings.root
    inside = os.path.join(cwd, "").startswith(os.path.join(root, ""))
    with Sandboxed(configured.settings, cwd=cwd if inside else root) as sandboxed:
        end = sandboxed.ask([[{"kind": "script", "path": path, "argv": list(argv)}]])[0]
    found = map(diagnostic_of, end.record.get("diagnostics", ()))
    traced = _traced(sandboxed, began, [Ran(Target(path), end)])
    return traced._replace(losses=tuple(end.record.get("losses", ())), diagnostics=wanted(found, config))


def _traced(sandboxed: Sandboxed, began: float, ran: Sequence[Ran]) -> Traced:
    device = next((one.end.record["device"] for one in ran if "device" in one.end.record), "cpu")
    return Traced(
        tuple(ran), torch=sandboxed.torch, python=sandboxed.python, device=device, isolation=sandboxed.level,
        seconds=time.monotonic() - began, cpu=sandboxed.cpu, said=sandboxed.said, foreign=sandboxed.foreign,
    )  # fmt: skip


def hooks_in(configured: Configured) -> list[Target]:
    """The hook file of the project as a target, where there is one."""
    return [Target(configured.hooks)] if configured.hooks else []


def _expanded(targets: Sequence[Target], configured: Configured, sandboxed: Sandboxed) -> list[Target]:
    """Each target with a name; what the configuration says about a model is filled in."""
    below = {id(target): _files(target.path) for target in targets if not (target.name or target.hook)}
    located = _located(dict.fromkeys(path for paths in below.values() for path in paths), sandboxed)
    known = {(target.path, target.name): target for target in configured.targets}
    found: dict[tuple[str, str, str], Target] = {}
    for target in targets:
        if id(target) not in below:
            one = known.get((target.path, target.name), target) if target == Target(*target[:2]) else target
            found.setdefault((one.path, one.name, one.hook), one)
            continue
        for path in below[id(target)]:
            if path == configured.hooks:
                found.update({(path, "", hook): Target(path, hook=hook) for hook in hooks_of(path, sandboxed)})
                continue
            for name in located.get(path, ()):
                one = target._replace(path=path, name=name)
                found.setdefault((path, name, ""), known.get((path, name), one))
    return list(found.values())


def _located(paths: Iterable[str], sandboxed: Sandboxed) -> dict[str, list[str]]:
    """Path -> the names of the models that a file defines."""
    wanted = list(paths)
    found: dict[str, list[str]] = {}
    for start in range(0, len(wanted), BUNDLE):
        end = sandboxed.ask([[{"kind": "locate", "paths": wanted[start : start + BUNDLE]}]])[0]
        for path, named in end.record.get("located", {}).items():
            found[path] = [str(name) for name, _kind, _line in named]
    return found


def hooks_of(path: str, sandboxed: Sandboxed) -> list[str]:
    """The names of the targets of a hook file. Raises `Refused` where it does not say any."""
    end = sandboxed.ask([[{"kind": "hooks", "path": path}]])[0]
    if end.word:
        raise Refused(f"{shown(path)}: {end.why}")
    return [str(name) for name in end.record["hooks"]]


def _files(path: str) -> list[str]:
    """The files below a folder that may define a model; a file that is named is one whatever it holds."""
    if not os.path.isdir(path):
        return [path]
    return [file for file in sources([path])[0] if file.endswith(".py") and _speaks(file)]


def _speaks(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return False
    return any(word in data for word in WORDS)


def _by_file(targets: Iterable[Target]) -> list[list[Target]]:
    """Targets of one file share a worker, which imports what they need once."""
    groups: dict[str, list[Target]] = {}
    for target in targets:
        groups.setdefault(target.path, []).append(target)
    return list(groups.values())

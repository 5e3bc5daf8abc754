"""What the parent may order, each a function: list what can be built, trace one model, run a script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from outlayer_lint.tracer.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlayer_lint.tracer.child.serving import Announcer

ENDING: list[str] = []  # devices that this process has spoiled: it tells what it has and ends
KEPT: list[Any] = []  # models of the order at hand, freed when the next one begins


def warm(header: dict[str, Any]) -> None:
    """Import what every order needs, and do it once with a model of ours, so that each worker inherits it all.

    Nothing may go backwards here: torch's autograd does not survive a fork once it has run.
    """
    from outlayer_lint import knowledge  # noqa: PLC0415
    from outlayer_lint.tracer.child import trial, watched  # noqa: F401, PLC0415 - for their imports

    knowledge.find("torch.softmax")
    trial.rehearsed()


def locate(wanted: dict[str, Any], header: dict[str, Any], announce: Announcer) -> dict[str, Any]:
    """The models that files define: path -> [name, kind, line] of each. Nothing of the files is executed."""
    from outlayer_lint.tracer.child.building.locate import located  # noqa: PLC0415

    announce("locate")
    found: dict[str, list[list[Any]]] = {}
    unread: dict[str, str] = {}
    for path in wanted["paths"]:
        try:
            with open(path, encoding="utf-8-sig") as file:
                text = file.read()
        except (OSError, UnicodeDecodeError) as error:
            unread[path] = f"cannot be read: {error}"
            continue
        found[path] = [list(named) for named in located(path, text)]
    return {"located": found, "unread": unread}


def hooks(wanted: dict[str, Any], header: dict[str, Any], announce: Announcer) -> dict[str, Any]:
    """The names of the targets that a hook file yields."""
    from outlayer_lint.tracer.child.building.hooked import targets_of  # noqa: PLC0415

    announce("import")
    return {"hooks": [hook.name for hook in targets_of(wanted["path"], header["root"])]}


def trace(wanted: dict[str, Any], header: dict[str, Any], announce: Announcer) -> dict[str, Any]:
    """One model, from its file to what comes out of it."""
    from outlayer_lint.tracer.child.trial import tried  # noqa: PLC0415

    return tried(Target.of_json(wanted["target"]), header, announce)


def script(wanted: dict[str, Any], header: dict[str, Any], announce: Announcer) -> dict[str, Any]:
    """A script under the watch of its losses."""
    from outlayer_lint.tracer.child.watched import watched  # noqa: PLC0415

    more = {key: wanted[key] for key in ("objects", "calls", "drives") if key in wanted}
    return watched(wanted["path"], wanted["argv"], header, announce, **more)


CARRIED_OUT: dict[str, Callable[[dict[str, Any], dict[str, Any], Announcer], dict[str, Any]]] = {
    "locate": locate,
    "hooks": hooks,
    "trace": trace,
    "script": script,
}

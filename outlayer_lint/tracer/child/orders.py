"""What the parent may order, each a function: list the models of files, trace one, run a script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlayer_lint.tracer.child.serving import Announcer

OUT_OF_MEMORY = ("allocate memory", "out of memory", "std::bad_alloc", "Cannot allocate")
OUTSIDE = (
    "Network is unreachable", "Connection refused", "Name or service not known", "Temporary failure in name resolution",
    "offline mode", "No such file or directory", "Max retries exceeded", "urlopen error",
)  # fmt: skip


def warm(header: dict[str, Any]) -> None:
    """Import what every order needs."""


def word_of(error: BaseException) -> str:
    """The word for an exception of the user's code."""
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001 - the user's own `__str__`
        return "crash"
    if any(word in text for word in OUT_OF_MEMORY):
        return "memory"
    if isinstance(error, ModuleNotFoundError) or any(word in text for word in OUTSIDE):
        return "environment"
    return "crash"


def locate(wanted: dict[str, Any], header: dict[str, Any], announce: Announcer) -> dict[str, Any]:
    """The models that files define."""
    raise NotImplementedError


def script(wanted: dict[str, Any], header: dict[str, Any], announce: Announcer) -> dict[str, Any]:
    """Run a script."""
    import runpy

    announce("script")
    runpy.run_path(wanted["path"], run_name="__main__")
    return {}


CARRIED_OUT: dict[str, Callable[[dict[str, Any], dict[str, Any], Announcer], dict[str, Any]]] = {"script": script}

"""`server`: the language server."""

from __future__ import annotations

from outlayer_lint.cli import Outcome
from outlayer_lint.config import Refused
from outlayer_lint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from types import SimpleNamespace


def server(_: SimpleNamespace) -> Outcome:
    """Answer an editor until it hangs up."""
    try:
        from outlayer_lint.server.protocol import server as made  # noqa: PLC0415 - needs an extra
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        raise Refused("the language server needs pygls: pip install 'outlayer-lint[server]'") from None
    made().start_io()
    return Outcome()

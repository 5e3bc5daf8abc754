"""Decides rules/loss-count-vs-outputs.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Compiled


def check(compiled: Compiled) -> Iterator[Finding]:
    """A model has more outputs than losses, or fewer."""
    heads, losses = len(compiled.heads), len(compiled.losses)
    if not heads or not losses:
        return
    names = ", ".join(f"`{name}`" for name in compiled.names)
    words = {"heads": heads, "losses": losses, "names": names, "weights": compiled.weights, "key": ""}
    words["plural"] = "s" * (heads > 1)
    fix = Fix("advise", "give each output a loss, and `None` to those that are not trained")
    if compiled.form == "list" and losses != heads:
        yield Finding(compiled.span, "fewer" if losses < heads else "more", fix=fix, words=words)
    elif compiled.form == "dict" and all(compiled.names):
        unknown = [key for key in compiled.keys if key not in compiled.names]
        missing = [name for name in compiled.names if name not in compiled.keys]
        words["key"] = (unknown or missing or [""])[0]
        if unknown or missing:
            yield Finding(compiled.span, "unknown" if unknown else "missing", fix=fix, words=words)
    if compiled.weights is not None and compiled.weights != heads > 1 and (compiled.form != "list" or losses == heads):
        fix = Fix("advise", f"give `loss_weights` {heads} entries")
        yield Finding(compiled.span, "weights", fix=fix, words=words)

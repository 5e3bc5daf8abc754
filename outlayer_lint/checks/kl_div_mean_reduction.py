"""Decides rules/kl-div-mean-reduction.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import LossBuilt

LOSSES = ("kl",)
DEPRECATED = ("size_average", "reduce")


def check(built: LossBuilt) -> Iterator[Finding]:
    """KL divergence is averaged over the elements, and so over the classes as well."""
    loss, given = built.loss, {**built.positional, **built.keywords}
    # `log_target` marks torch's own: Keras sums over the classes first, so its mean is the right one.
    if loss.family not in LOSSES or "log_target" not in loss.parameters or (built.tensors and built.module_call):
        return
    if built.scaled:  # an author who weighs the loss by hand has set its scale
        return
    if given.get("reduction", "mean") != "mean" or any(given.get(name) is not None for name in DEPRECATED):
        return
    fix = Fix("set-keyword", 'set `reduction="batchmean"`', "unsafe", built.span, "reduction", '"batchmean"')
    yield Finding(built.span, "explicit" if "reduction" in given else "default", (), fix)

"""Decides rules/reduction-passed-positionally.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import LossBuilt

DEPRECATED = ("size_average", "reduce")


def check(built: LossBuilt) -> Iterator[Finding]:
    """A constant that is no boolean lands in a deprecated boolean parameter."""
    for parameter in DEPRECATED:
        value = built.positional.get(parameter)
        if isinstance(value, str):
            fix = Fix("advise", f"write `reduction={value!r}`", "safe")
            yield Finding(built.span, "reduction", (), fix, _words(built, parameter))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            fix = Fix("advise", f"name the parameter that {value!r} is meant for")
            yield Finding(built.span, "number", (), fix, _words(built, parameter))


def _words(built: LossBuilt, parameter: str) -> dict[str, str]:
    """Both deprecated flags are read by truth, and they override `reduction`."""
    given = {**built.positional, **built.keywords}
    average, reduce = (given.get(name) is None or bool(given[name]) for name in DEPRECATED)
    reduction = "mean" if average and reduce else "sum" if reduce else "none"
    return {"value": repr(built.positional[parameter]), "parameter": parameter, "reduction": reduction}

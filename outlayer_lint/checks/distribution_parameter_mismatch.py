"""Decides rules/distribution-parameter-mismatch.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Consumed, places
from outlayer_lint.lattice import Emission, Tensor

BARE = ("Parameter", "Variable", "get_variable")


def check(use: Consumed) -> Iterator[Finding]:
    """A distribution over classes gets scores as `probs`, or probabilities as `logits`."""
    kind, value = use.consumer.kind, use.prediction
    if use.parameter == "probs" and kind == "distribution" and (way := value.all(scores)):
        grade, right = "scores-as-probs", "logits"
    elif use.parameter == "logits" and kind == "distribution" and (way := value.every(Emission.SIMPLEX, Emission.UNIT)):
        grade, right = "probabilities-as-logits", "probs"
    else:
        return
    fix, words = Fix("advise", f"pass it as `{right}=`"), {"held": held(way)}
    yield Finding(use.span, grade, places(way), fix, words, value.certainty)


def held(way: Tensor) -> str:
    """What a message calls the values of a tensor that are no probabilities."""
    return "raw scores" if way.emission is Emission.LOGIT else "log-probabilities"


def scores(way: Tensor) -> bool:
    """Logarithms, or what a layer gives: a bare parameter may well hold probabilities."""
    layer = way.learned and not way.learned.endswith(BARE)
    return way.emission in (Emission.LOGP, Emission.LOGUNIT) or (way.emission is Emission.LOGIT and bool(layer))

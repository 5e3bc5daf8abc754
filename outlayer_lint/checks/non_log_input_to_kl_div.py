"""Decides rules/non-log-input-to-kl-div.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import LossCall, places
from outlayer_lint.forms import raw
from outlayer_lint.lattice import Emission
from outlayer_lint.remedies import logarithm

LOSSES = ("kl",)


def check(call: LossCall) -> Iterator[Finding]:
    """Probabilities or raw scores stand where a KL divergence takes log-probabilities."""
    if call.loss.family not in LOSSES or Emission.LOGP not in call.loss.wants or call.swapped:
        return
    value = call.prediction
    probable = value.every(Emission.SIMPLEX, Emission.UNIT)
    scored = value.all(lambda way: way.emission is Emission.LOGIT and raw(way))
    witness = probable or scored
    if witness is None:
        return
    takes_logs = Emission.LOGP in call.loss.target or call.arguments.get("log_target", False) is not False
    if probable and not takes_logs and call.target.every(Emission.LOGP, Emission.LOGUNIT):
        grade, fix = "exchanged", Fix("swap", "pass the log-probabilities first", "unsafe", call.span)
    elif probable:
        grade, fix = "probabilities", logarithm(call, "pass log-probabilities: `log_softmax` of the logits")
    else:
        grade, fix = "scores", Fix("advise", "pass log-probabilities: `log_softmax` of the logits")
    yield Finding(call.span, grade, places(witness), fix, certainty=value.certainty)

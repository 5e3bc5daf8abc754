"""Decides rules/kl-div-log-target-mismatch.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import LossCall, places
from outlayer_lint.forms import raw
from outlayer_lint.lattice import Emission

LOSSES = ("kl",)
LOGARITHMS = (Emission.LOGP, Emission.LOGUNIT)
PROBABILITIES = (Emission.SIMPLEX, Emission.UNIT, Emission.ONEHOT)


def check(call: LossCall) -> Iterator[Finding]:
    """The target of a KL divergence is not what `log_target` says it is."""
    given = call.arguments.get("log_target", False)
    if call.loss.family not in LOSSES or given is ... or call.swapped:
        return
    wants_logs = bool(given) or Emission.LOGP in call.loss.target
    target = call.target
    if wants_logs:
        grade, witness = "probabilities", target.every(*PROBABILITIES)
        fix = Fix("advise", "leave `log_target` out, or pass the logarithm of the target")
    else:
        grade, witness = "logarithms", target.every(*LOGARITHMS)
        fix = Fix("advise", "say `log_target=True`, or pass the probabilities")
        # With probabilities as input the two are in each other's place, which non-log-input-to-kl-div says.
        if call.prediction.every(*PROBABILITIES):
            return
    if witness is None:
        grade, witness = "scores", target.all(lambda way: way.emission is Emission.LOGIT and raw(way))
        fix = Fix("advise", "pass the softmax of the logits as target")
    if witness is not None:
        yield Finding(call.span, grade, places(witness), fix, certainty=target.certainty)

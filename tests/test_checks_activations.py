"""The checks about activations, judged on facts made by hand: what each says, and what it is silent about."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from judging import findings
from rows import row

from outlayer_lint.diagnostic import Span
from outlayer_lint.facts import Applied, Consumed, Decision, Fact, LossCall
from outlayer_lint.knowledge import Row
from outlayer_lint.lattice import NOTHING, UNKNOWN, Emission, Origin, Tensor, Value

HERE = Span("train.py", 20, 12, 20, 60)
INSIDE = Span("train.py", 20, 22, 20, 50)
THERE = Span("model.py", 8, 16, 8, 40)
CONSTRUCTOR = Span("model.py", 4, 20, 4, 40)

RULES = (
    "softmax_into_cross_entropy sigmoid_into_logits_bce log_softmax_into_cross_entropy stacked_normalisers "
    "probabilities_into_logits_loss bounded_scores_into_cross_entropy nonnegative_scores_into_logits_loss "
    "logits_into_nll_loss probabilities_into_nll_loss logits_into_bce_loss non_log_input_to_kl_div "
    "kl_div_log_target_mismatch log_values_as_probabilities log_of_softmax log_of_sigmoid hand_written_softmax "
    "temperature_after_softmax"
).split()

CE, BCEL, NLL, BCE, KL, MSE = (
    f"torch.nn.{name}"
    for name in ("CrossEntropyLoss", "BCEWithLogitsLoss", "NLLLoss", "BCELoss", "KLDivLoss", "MSELoss")
)


def one(emission: Emission, **known: Any) -> Value:
    return Value([Tensor(emission, **known)])


logits = one(Emission.LOGIT, learned="torch.nn.Linear", units=10, rank=2)
arithmetic = one(Emission.LOGIT)
normalised_by_hand = [one(Emission.LOGIT, learned="torch.nn.Linear", by=by) for by in ("sub", "add", "torch.log")]
relu = one(Emission.NONNEG, by="torch.relu", learned="torch.nn.Linear", inner=logits)
gelu = one(Emission.BND, low=-0.17, by="torch.nn.functional.gelu", inner=logits)
elu = one(Emission.BND, low=-1.0, by="torch.nn.functional.elu", inner=logits)
tanh = one(Emission.SYM1, by="torch.tanh", learned="torch.nn.Linear", units=10, inner=logits)
softmax = one(Emission.SIMPLEX, axis=1, by="torch.nn.functional.softmax", inner=logits, rank=2)
softmax_of_unknown = one(Emission.SIMPLEX, axis=1, by="torch.nn.functional.softmax", inner=UNKNOWN)
softmax_of_relu = one(Emission.SIMPLEX, axis=1, by="torch.nn.functional.softmax", inner=relu)
mixture = one(Emission.SIMPLEX, axis=1, by="torch.nn.functional.softmax", inner=softmax)
shares = one(Emission.SIMPLEX, axis=1, by="torch.div", inner=relu)
sigmoid = one(Emission.UNIT, by="torch.sigmoid", inner=logits)
sigmoid_of_relu = one(Emission.UNIT, by="torch.sigmoid", inner=relu)
average = one(Emission.UNIT, by="torch.sigmoid", inner=sigmoid)
clamped = one(Emission.UNIT, by="torch.sigmoid", inner=logits, low=1e-6, high=1 - 1e-6)
log_softmax = one(Emission.LOGP, axis=1, by="torch.nn.functional.log_softmax", inner=logits, rank=2)
log_softmax_of_relu = one(Emission.LOGP, axis=1, by="torch.nn.functional.log_softmax", inner=relu)
log_softmax_of_tanh = one(Emission.LOGP, axis=1, by="torch.nn.functional.log_softmax", inner=tanh, units=10)
slice_of_softmax = one(Emission.UNIT, by="torch.nn.functional.softmax", inner=logits)
reshaped_log_softmax = one(Emission.LOGUNIT, by="torch.nn.functional.log_softmax", inner=logits)
conv = one(Emission.LOGIT, learned="torch.nn.Conv2d", units=10, rank=4)
pooled = one(Emission.NONNEG, by="torch.nn.functional.relu", learned="torch.nn.Conv2d", rank=2, inner=conv)
dense = one(Emission.NONNEG, by="torch.nn.functional.relu", learned="torch.nn.Conv2d", rank=4, inner=conv)
logsigmoid = one(Emission.LOGUNIT, by="torch.nn.functional.logsigmoid", inner=logits)
index = one(Emission.INDEX, units=10)


def call(name: str, prediction: Value, target: Value = NOTHING, **more: Any) -> LossCall:
    return LossCall(HERE, row(name), prediction, target, **more)


def applied(name: str, operand: Value, **more: Any) -> Applied:
    return Applied(HERE, row(name), operand, reaches=frozenset(more.pop("reaches", ())), **more)


def said(rule: str, fact: Fact) -> str:
    """The grade of the only finding, "" where there is none."""
    found = findings(rule, fact)
    assert len(found) <= 1
    assert all(finding.span == fact.span for finding in found)
    return found[0].grade if found else ""


def subscribes(rule: str, fact: Fact) -> bool:
    annotations = import_module(f"outlayer_lint.checks.{rule}").check.__annotations__
    return isinstance(fact, next(kind for name, kind in annotations.items() if name != "return"))


@pytest.mark.parametrize(
    ("name", "prediction", "spoken"),
    [
        (CE, softmax, {"softmax_into_cross_entropy": "proved"}),
        (CE, softmax_of_unknown, {"softmax_into_cross_entropy": "proved"}),
        (CE, softmax_of_relu, {"softmax_into_cross_entropy": "proved"}),
        (CE, slice_of_softmax, {"softmax_into_cross_entropy": "proved"}),
        (CE, softmax | slice_of_softmax, {"softmax_into_cross_entropy": "proved"}),
        (CE, reshaped_log_softmax, {"log_softmax_into_cross_entropy": "harmless"}),
        (CE, pooled, {"nonnegative_scores_into_logits_loss": "pooled"}),
        (CE, dense, {"nonnegative_scores_into_logits_loss": "softmax"}),
        (BCEL, pooled, {"nonnegative_scores_into_logits_loss": "sigmoid"}),
        (BCEL, slice_of_softmax, {"probabilities_into_logits_loss": "proved"}),
        (CE, softmax | sigmoid, {"probabilities_into_logits_loss": "proved"}),
        (CE, sigmoid, {"probabilities_into_logits_loss": "proved"}),
        (CE, logsigmoid, {"probabilities_into_logits_loss": "harmless"}),
        (CE, log_softmax, {"log_softmax_into_cross_entropy": "harmless"}),
        (CE, tanh, {"bounded_scores_into_cross_entropy": "proved"}),
        (CE, relu, {"nonnegative_scores_into_logits_loss": "softmax"}),
        (CE, gelu, {"nonnegative_scores_into_logits_loss": "softmax"}),
        (CE, relu | gelu, {"nonnegative_scores_into_logits_loss": "softmax"}),
        (BCEL, sigmoid, {"sigmoid_into_logits_bce": "proved"}),
        (BCEL, softmax, {"probabilities_into_logits_loss": "proved"}),
        (BCEL, sigmoid | softmax, {"probabilities_into_logits_loss": "proved"}),
        (BCEL, log_softmax, {"probabilities_into_logits_loss": "proved"}),
        (BCEL, logsigmoid, {"probabilities_into_logits_loss": "proved"}),
        (BCEL, tanh, {"bounded_scores_into_cross_entropy": "proved"}),
        (BCEL, relu, {"nonnegative_scores_into_logits_loss": "sigmoid"}),
        (BCEL, gelu, {"nonnegative_scores_into_logits_loss": "nearly"}),
        (NLL, logits, {"logits_into_nll_loss": "proved"}),
        (NLL, relu, {"logits_into_nll_loss": "proved"}),
        (NLL, softmax, {"probabilities_into_nll_loss": "proved"}),
        (NLL, softmax | sigmoid, {"probabilities_into_nll_loss": "proved"}),
        (NLL, log_softmax_of_relu, {"nonnegative_scores_into_logits_loss": "inside"}),
        (NLL, log_softmax_of_tanh, {"bounded_scores_into_cross_entropy": "proved"}),
        (BCE, logits, {"logits_into_bce_loss": "proved"}),
        (BCE, log_softmax, {"log_values_as_probabilities": "loss"}),
        (BCE, logsigmoid, {"log_values_as_probabilities": "loss"}),
        (BCE, sigmoid_of_relu, {"nonnegative_scores_into_logits_loss": "inside"}),
        (MSE, softmax_of_relu, {"nonnegative_scores_into_logits_loss": "inside"}),
        (KL, softmax, {"non_log_input_to_kl_div": "probabilities"}),
        (KL, logits, {"non_log_input_to_kl_div": "scores"}),
    ],
)
def test_each_mistake_before_a_loss_is_said_once(name: str, prediction: Value, spoken: dict[str, str]) -> None:
    fact = call(name, prediction)
    grades = {rule: said(rule, fact) for rule in RULES if subscribes(rule, fact)}
    assert {rule: grade for rule, grade in grades.items() if grade} == spoken


SILENT: list[Fact] = [
    call(CE, logits),
    call(CE, logits | softmax),  # one way is right
    call(CE, logits | log_softmax),
    call(CE, softmax | UNKNOWN),
    call(CE, elu),
    call(CE, one(Emission.SIMPLEX, axis=1, scaled=True)),
    call(CE, one(Emission.SYM1, scaled=True, units=10)),
    call(CE, one(Emission.SYM1, units=3)),
    call(CE, one(Emission.BND, low=-10.0, high=10.0)),
    call(CE, one(Emission.LOGP, axis=2, rank=3)),  # another rule: normalised over the wrong dim
    call(CE, one(Emission.LOGP, axis=0)),
    call(BCEL, logits),
    call(BCEL, one(Emission.UNIT, scaled=True)),
    call(NLL, log_softmax),
    call(NLL, arithmetic),  # may be log-probabilities that somebody made by hand
    *(call(name, by_hand, softmax) for name in (NLL, BCE, KL) for by_hand in normalised_by_hand),
    *(call(KL, log_softmax, by_hand) for by_hand in normalised_by_hand),
    call(NLL, one(Emission.LOGUNIT, units=2)),  # log-sigmoids of -x and x
    call(NLL, one(Emission.SYM1)),
    call(BCE, sigmoid),
    call(BCE, softmax),
    call(BCE, arithmetic),
    call(BCE, logits | sigmoid),
    call(BCE, one(Emission.BND, low=0.0, high=1.0)),
    call(MSE, shares),
    call(MSE, tanh),
    call(MSE, relu),
    call(KL, log_softmax, softmax),
    call(KL, logsigmoid, sigmoid),
    call(KL, arithmetic, softmax),
    call(KL, log_softmax, log_softmax, arguments={"log_target": True}),
    call(KL, log_softmax, log_softmax, arguments={"log_target": ...}),
    call(KL, log_softmax, softmax, arguments={"log_target": False}),
    call(KL, log_softmax, UNKNOWN),
    call(KL, log_softmax, softmax | log_softmax),
    Decision(HERE, "threshold", log_softmax, constant=-0.7),
    Decision(HERE, "threshold", log_softmax),
    Decision(HERE, "threshold", sigmoid, constant=0.5),
    Decision(HERE, "argmax", log_softmax, dim=1),
    applied("torch.log", mixture),
    applied("torch.log", average),
    applied("torch.log", average, form="one-minus"),
    applied("torch.log", clamped),
    applied("torch.log", shares),
    applied("torch.log", softmax, constant=1e-8),  # another rule: log with epsilon
    applied("torch.log", sigmoid, parameter=True),
    applied("torch.log", softmax, form="one-minus"),  # has no fused form
    applied("torch.log", one(Emission.SIMPLEX, by="torch.softmax", gradient=False)),
    applied("torch.log2", softmax),
    applied("torch.softmax", logits, reaches=["loss"]),
    applied("torch.softmax", softmax),  # attention: reaches nothing
    applied("torch.softmax", softmax, axis=2, reaches=["output"]),
    applied("torch.softmax", one(Emission.SIMPLEX, axis=-1, rank=3), axis=1, reaches=["output"]),
    applied("torch.softmax", softmax, reaches=["loss"]),  # the loss will say so
    applied("torch.softmax", softmax | logits, reaches=["decision"]),
    applied("torch.sigmoid", one(Emission.UNIT, by="torch.rand", source=("literal", 1)), reaches=["decision"]),
    applied("torch.softmax", one(Emission.SIMPLEX, axis=1, scaled=True), reaches=["decision"]),
    applied("torch.softmax", logsigmoid, reaches=["decision"]),
    applied("torch.relu", softmax, reaches=["output"]),
    applied("torch.tanh", sigmoid, reaches=["output"]),
    applied("torch.nn.functional.normalize", softmax, reaches=["output"]),
    applied("torch.div", softmax, constant=2.0),
    applied("torch.div", softmax, constant=1.0, reaches=["loss"]),
    applied("torch.div", softmax, reaches=["loss"]),
    applied("torch.div", softmax, parameter=True, reaches=["decision"]),  # priors of the classes, perhaps
    applied("torch.log", one(Emission.SIMPLEX, by="torch.softmax", certainty="likely")),
    applied("torch.div", logits, constant=2.0, reaches=["loss"]),
    applied("torch.mul", softmax, constant=2.0, reaches=["loss"]),
    applied("torch.div", arithmetic, form="hand-softmax"),  # no network: energies, counts, values of a bandit
    applied("torch.div", one(Emission.BND, low=-14.0, high=14.0), form="hand-softmax"),
    applied("torch.div", one(Emission.BND, high=0.0), form="hand-softmax"),  # after `x - x.max()`
    applied("torch.div", one(Emission.SYM1, scaled=True, high=100.0), form="hand-softmax"),
    applied("torch.div", softmax, form="hand-softmax"),
]


@pytest.mark.parametrize("fact", SILENT, ids=[f"{type(fact).__name__}-{n}" for n, fact in enumerate(SILENT)])
def test_what_is_right_or_not_ours_is_silent(fact: Fact) -> None:
    assert [rule for rule in RULES if subscribes(rule, fact) and findings(rule, fact)] == []


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("value", [UNKNOWN, NOTHING, Value(reason="parameter nobody binds")])
def test_unknown_is_silent(rule: str, value: Value) -> None:
    everywhere = ("loss", "decision", "distribution", "output")
    facts: list[Fact] = [call(name, value, value) for name in (CE, BCEL, NLL, BCE, KL, MSE)]
    facts += [call(KL, value, value, arguments={"log_target": True})]
    facts += [Decision(HERE, kind, value, constant=0.5) for kind in ("threshold", "round", "argmax")]
    facts += [Consumed(HERE, METRIC, "y_pred", value)]
    facts += [
        applied(name, value, reaches=everywhere, **more)
        for name in ("torch.softmax", "torch.log", "torch.sigmoid", "torch.div", "torch.nn.functional.log_softmax")
        for more in ({}, {"form": "one-minus"}, {"form": "hand-softmax"}, {"constant": 2.0}, {"parameter": True})
    ]
    judged = [fact for fact in facts if subscribes(rule, fact)]
    assert judged
    assert [findings(rule, fact) for fact in judged] == [[]] * len(judged)


METRIC = Row("team.brier", {"is": "metric", "parameters": ("y_pred", "y_true"), "wants": ("simplex", "unit")})
RANKING = Row(
    "team.auc", {"is": "metric", "parameters": ("y_pred", "y_true"), "wants": ("unit",), "accepts": ("logit",)}
)


@pytest.mark.parametrize("rule", RULES)
def test_swapped_arguments_are_left_to_their_rule(rule: str) -> None:
    for name in (CE, BCEL, NLL, BCE, KL):
        for value in (softmax, sigmoid, log_softmax, logsigmoid, relu, tanh, logits, log_softmax_of_relu):
            fact = call(name, value, log_softmax, swapped=True)
            assert not subscribes(rule, fact) or said(rule, fact) == ""


@pytest.mark.parametrize(
    ("name", "operand", "reaches", "grade"),
    [
        ("torch.softmax", softmax, ["decision"], "proved"),
        ("torch.softmax", sigmoid, ["output"], "proved"),
        ("torch.softmax", softmax, ["loss", "decision"], "proved"),
        ("torch.sigmoid", sigmoid, ["loss"], "proved"),
        ("torch.sigmoid", softmax | sigmoid, ["loss"], "proved"),
        ("torch.sigmoid", log_softmax, ["decision"], "proved"),
        ("torch.sigmoid", logsigmoid, ["loss"], "proved"),
        ("torch.log_softmax", softmax, ["loss"], "proved"),
        ("torch.nn.functional.logsigmoid", sigmoid, ["loss"], "proved"),
        ("torch.softmax", log_softmax, ["distribution"], "redundant"),
        ("torch.log_softmax", log_softmax, ["loss"], "redundant"),
    ],
)
def test_stacked_normalisers(name: str, operand: Value, reaches: list[str], grade: str) -> None:
    assert said("stacked_normalisers", applied(name, operand, axis=1, reaches=reaches)) == grade


def test_a_dim_from_the_end_may_be_the_same() -> None:
    assert said("stacked_normalisers", applied("torch.softmax", softmax, axis=-1, reaches=["output"])) == "proved"
    unranked = one(Emission.SIMPLEX, axis=1)
    assert said("stacked_normalisers", applied("torch.softmax", unranked, axis=-1, reaches=["output"])) == "proved"


@pytest.mark.parametrize(
    ("axis", "rank", "grade"),
    [(1, None, "harmless"), (-1, None, "harmless"), ("implicit", None, "harmless"), (None, 3, "harmless"),
     (-3, 4, "harmless"), (0, 1, "harmless"), (-1, 3, ""), (2, None, ""), (0, None, ""), (0, 2, "")],
)  # fmt: skip
def test_log_softmax_is_harmless_over_the_class_dim(axis: int | str | None, rank: int | None, grade: str) -> None:
    value = one(Emission.LOGP, axis=axis, rank=rank)
    assert said("log_softmax_into_cross_entropy", call(CE, value)) == grade


def test_one_unit_is_another_mistake() -> None:
    assert said("softmax_into_cross_entropy", call(CE, one(Emission.SIMPLEX, axis=1, units=1))) == ""
    assert said("probabilities_into_logits_loss", call(BCEL, one(Emission.SIMPLEX, axis=1, units=1))) == ""
    assert said("probabilities_into_nll_loss", call(NLL, one(Emission.SIMPLEX, axis=1, units=1))) == ""
    assert said("log_softmax_into_cross_entropy", call(CE, one(Emission.LOGP, axis=1, units=1))) == ""
    assert said("sigmoid_into_logits_bce", call(BCEL, one(Emission.UNIT, units=1))) == "proved"


def test_few_classes_silence_the_softmax_only() -> None:
    narrow = one(Emission.SYM1, units=1)
    assert said("bounded_scores_into_cross_entropy", call(CE, narrow)) == ""
    assert said("bounded_scores_into_cross_entropy", call(BCEL, narrow)) == "proved"
    assert said("bounded_scores_into_cross_entropy", call(CE, one(Emission.UNORM, axis=1))) == "proved"


@pytest.mark.parametrize(
    ("prediction", "target", "arguments", "spoken"),
    [
        (log_softmax, log_softmax, {}, {"kl_div_log_target_mismatch": "logarithms"}),
        (log_softmax, log_softmax, {"log_target": False}, {"kl_div_log_target_mismatch": "logarithms"}),
        (log_softmax, softmax, {"log_target": True}, {"kl_div_log_target_mismatch": "probabilities"}),
        (log_softmax, logits, {}, {"kl_div_log_target_mismatch": "scores"}),
        (log_softmax, logits, {"log_target": True}, {"kl_div_log_target_mismatch": "scores"}),
        (softmax, log_softmax, {}, {"non_log_input_to_kl_div": "exchanged"}),
        (softmax, log_softmax, {"log_target": True}, {"non_log_input_to_kl_div": "probabilities"}),
        (softmax, log_softmax, {"log_target": ...}, {"non_log_input_to_kl_div": "probabilities"}),
        (softmax, softmax, {}, {"non_log_input_to_kl_div": "probabilities"}),
    ],
)
def test_kl_divergence(prediction: Value, target: Value, arguments: dict[str, Any], spoken: dict[str, str]) -> None:
    fact = call(KL, prediction, target, arguments=arguments)
    rules = ("non_log_input_to_kl_div", "kl_div_log_target_mismatch")
    assert {rule: grade for rule in rules if (grade := said(rule, fact))} == spoken


def test_the_row_may_already_know_about_log_target() -> None:
    given = {"log_target": True}
    under = row(KL).under(given)
    assert under is not None
    fact = LossCall(HERE, under, log_softmax, log_softmax, arguments=given)
    assert said("kl_div_log_target_mismatch", fact) == ""


@pytest.mark.parametrize(
    ("fact", "grade"),
    [
        (Decision(HERE, "threshold", log_softmax, constant=0.5), "threshold"),
        (Decision(HERE, "round", logsigmoid), "round"),
        (Consumed(HERE, METRIC, "y_pred", log_softmax), "metric"),
        (Consumed(HERE, RANKING, "y_pred", log_softmax), ""),
        (Consumed(HERE, METRIC, "y_pred", sigmoid), ""),
        (Consumed(HERE, row("torch.distributions.Categorical"), "probs", log_softmax), ""),
        (call(NLL, one(Emission.LOGUNIT, units=5, by="torch.nn.functional.logsigmoid", inner=logits)), "independent"),
        (call(NLL, one(Emission.LOGUNIT, units=2, inner=logits)), ""),
        (call(NLL, one(Emission.LOGUNIT, units=5, by="torch.log", inner=sigmoid)), ""),
        (call(NLL, one(Emission.LOGUNIT, units=5, by="torch.nn.functional.log_softmax", inner=logits)), ""),
        (call(NLL, logsigmoid), ""),
    ],
)
def test_logarithms_as_probabilities(fact: Fact, grade: str) -> None:
    assert said("log_values_as_probabilities", fact) == grade


@pytest.mark.parametrize(
    ("rule", "fact", "grade"),
    [
        ("log_of_softmax", applied("torch.log", softmax), "proved"),
        ("log_of_softmax", applied("torch.log", softmax_of_unknown), "proved"),
        ("log_of_softmax", applied("torch.log", softmax_of_relu, reaches=["loss"]), "proved"),
        ("log_of_sigmoid", applied("torch.log", sigmoid), "proved"),
        ("log_of_sigmoid", applied("torch.log", sigmoid, form="one-minus"), "complement"),
        ("hand_written_softmax", applied("torch.div", logits, form="hand-softmax"), "proved"),
        ("hand_written_softmax", applied("torch.div", one(Emission.HID), form="hand-softmax"), "proved"),
        ("temperature_after_softmax", applied("torch.div", softmax, constant=4.0, reaches=["output"]), "constant"),
        ("temperature_after_softmax", applied("torch.div", softmax, parameter=True, reaches=["loss"]), "parameter"),
    ],
)
def test_numerics(rule: str, fact: Fact, grade: str) -> None:
    assert said(rule, fact) == grade


def test_a_likely_value_says_so() -> None:
    likely = one(Emission.SIMPLEX, axis=1, certainty="likely") | softmax
    assert [found.certainty for found in findings("softmax_into_cross_entropy", call(CE, likely))] == ["likely"]


def made(origin: Origin, by: str = "torch.nn.functional.softmax") -> Value:
    return one(Emission.SIMPLEX, axis=1, by=by, origin=origin)


@pytest.mark.parametrize(
    ("origin", "kind", "safety"),
    [
        (Origin(INSIDE), "unwrap", "safe"),
        (Origin(THERE), "unwrap", "unsafe"),
        (Origin(THERE, CONSTRUCTOR), "advise", "unsafe"),
        (Origin(), "advise", "unsafe"),
    ],
)
def test_the_activation_is_taken_away_where_one_call_made_it(origin: Origin, kind: str, safety: str) -> None:
    fix = findings("softmax_into_cross_entropy", call(CE, made(origin)))[0].fix
    assert fix is not None
    assert (fix.kind, fix.safety, fix.span) == (kind, safety, origin.applied if kind == "unwrap" else None)


def test_no_edit_where_two_calls_made_it() -> None:
    two = made(Origin(THERE)) | made(Origin(INSIDE), "torch.div")
    fix = findings("softmax_into_cross_entropy", call(CE, two))[0].fix
    assert fix is not None
    assert fix.kind == "advise"


@pytest.mark.parametrize(
    ("value", "kind", "safety"),
    [
        (made(Origin(INSIDE)), "rename", "safe"),
        (made(Origin(THERE)), "rename", "unsafe"),
        (made(Origin(THERE, CONSTRUCTOR)), "advise", "unsafe"),
        (made(Origin(THERE), "torch.nn.functional.gumbel_softmax"), "advise", "unsafe"),
        (made(Origin()), "advise", "unsafe"),
    ],
)
def test_a_softmax_becomes_a_log_softmax(value: Value, kind: str, safety: str) -> None:
    for rule, name in (("probabilities_into_nll_loss", NLL), ("non_log_input_to_kl_div", KL)):
        fix = findings(rule, call(name, value))[0].fix
        assert fix is not None
        assert (fix.kind, fix.safety, fix.text) == (kind, safety, "log_softmax" if kind == "rename" else "")


def test_exchanged_arguments_are_swapped() -> None:
    fix = findings("non_log_input_to_kl_div", call(KL, softmax, log_softmax))[0].fix
    assert fix is not None
    assert (fix.kind, fix.span) == ("swap", HERE)


def test_places_name_the_activation_and_where_it_was_built() -> None:
    found = findings("softmax_into_cross_entropy", call(CE, made(Origin(THERE, CONSTRUCTOR))))[0]
    assert [(place.span, place.message) for place in found.because] == [
        (THERE, "softmax applied here"),
        (CONSTRUCTOR, "softmax built here"),
    ]


def test_messages_get_their_numbers() -> None:
    found = findings("bounded_scores_into_cross_entropy", call(CE, log_softmax_of_tanh | tanh))
    assert found == []  # neither all scores nor all log-probabilities
    found = findings("bounded_scores_into_cross_entropy", call(CE, one(Emission.BND, low=-2.5, high=1.0)))
    assert found[0].words == {"low": "-2.5", "high": "1"}
    assert findings("probabilities_into_logits_loss", call(BCEL, softmax))[0].words == {
        "applies": "sigmoid",
        "holds": "probabilities",
    }

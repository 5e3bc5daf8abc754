"""The checks about labels, loss arguments, decisions and distributions, judged on facts made by hand."""

from __future__ import annotations

from typing import Any

import pytest
from judging import findings
from rows import row

from outlayer_lint.diagnostic import Span
from outlayer_lint.facts import Consumed, Decision, Fact, LossBuilt, LossCall
from outlayer_lint.knowledge import Row, pages
from outlayer_lint.lattice import NOTHING, UNKNOWN, Emission, Origin, Tensor, Value

HERE = Span("train.py", 20, 12, 20, 60)
THERE = Span("model.py", 8, 16, 8, 40)
CONSTRUCTOR = Span("model.py", 4, 20, 4, 40)

LINEAR = "torch.nn.Linear"
CE, NLL, BCE, BCEL, KL, MSE, L1, CTC, MARGIN, HUBER = (
    f"torch.nn.{name}Loss"
    for name in ("CrossEntropy", "NLL", "BCE", "BCEWithLogits", "KLDiv", "MSE", "L1", "CTC", "MultiMargin", "Huber")
)
CATEGORICAL, BERNOULLI = "torch.distributions.Categorical", "torch.distributions.Bernoulli"


def one(emission: Emission, **known: Any) -> Value:
    return Value([Tensor(emission, **known)])


origin = Origin(THERE, CONSTRUCTOR)
logits = one(Emission.LOGIT, learned=LINEAR, units=10, rank=2, class_axis=-1, origin=origin)
pixels = one(Emission.LOGIT, learned="torch.nn.Conv2d", units=5, rank=4, class_axis=1)
score = one(Emission.LOGIT, learned=LINEAR, units=1, rank=2, class_axis=-1, origin=origin)
arithmetic = one(Emission.LOGIT)
parameter = one(Emission.LOGIT, learned="torch.nn.Parameter")
softmax = one(Emission.SIMPLEX, axis=1, learned=LINEAR, by="torch.nn.functional.softmax", rank=2)
sigmoid = one(Emission.UNIT, learned=LINEAR, by="torch.sigmoid")
log_softmax = one(Emission.LOGP, axis=1, learned=LINEAR, by="torch.nn.functional.log_softmax")
nonneg = one(Emission.NONNEG, learned=LINEAR)
batch = one(Emission.DATA)
labels = one(Emission.INDEX, dtype="long", rank=1)


def said(rule: str, fact: Fact) -> str:
    """The grade of the only finding, "" where there is none."""
    found = findings(rule, fact)
    assert len(found) <= 1
    for finding in found:
        assert finding.span == HERE
        grade = pages()[rule.replace("_", "-")].grades[finding.grade]
        grade.message.format(**{**WORDS, **finding.words})
    return found[0].grade if found else ""


WORDS = dict.fromkeys(
    "loss prediction target emits activation operand kind constant consumer operation parameter".split(), "`x`"
)


def call(name: str, prediction: Value, target: Value = NOTHING, **more: Any) -> LossCall:
    return LossCall(HERE, row(name), prediction, target, **more)


def built(name: str, *tensors: str, module_call: bool = True, **more: Any) -> LossBuilt:
    return LossBuilt(HERE, row(name), tensors=tensors, module_call=module_call, **more)


def decided(kind: str, operand: Value, *losses: str, **more: Any) -> Decision:
    return Decision(HERE, kind, operand, trained_with=tuple(map(row, losses)), **more)


def used(name: str, given: str, prediction: Value) -> Consumed:
    return Consumed(HERE, row(name), given, prediction)


# class-index-dtype


def target(emission: Emission, dtype: str | None, rank: int | None = 1) -> Value:
    return one(emission, dtype=dtype, rank=rank)


@pytest.mark.parametrize(
    ("name", "prediction", "labelled", "grade"),
    [
        (CE, logits, target(Emission.INDEX, "float"), "dtype"),
        (CE, logits, target(Emission.DATA, "float"), "dtype"),
        (CE, logits, target(Emission.DATA, "double"), "dtype"),
        (NLL, log_softmax, target(Emission.INDEX, "float", None), "dtype"),
        (CE, UNKNOWN, target(Emission.DATA, "int", None), "dtype"),
        (CE, logits, target(Emission.BOOL, "bool"), "dtype"),
        (MARGIN, logits, target(Emission.INDEX, "int"), "dtype"),
        (CE, pixels, target(Emission.INDEX, "uint8", 3), "dtype"),
        (CE, logits, target(Emission.ONEHOT, "long", 2), "one-hot"),
        (NLL, log_softmax, target(Emission.ONEHOT, "float", 2), "one-hot"),
        (CE, logits, labels, ""),
        (CE, logits, target(Emission.INDEX, "uint8"), ""),
        (CE, logits, target(Emission.INDEX, None), ""),
        (CE, logits, target(Emission.ONEHOT, "float", 2), ""),
        (CE, logits, target(Emission.ONEHOT, None, 2), ""),
        (CE, logits, target(Emission.DATA, "float", 2), ""),
        (CE, logits, target(Emission.DATA, "float", None), ""),
        (CE, UNKNOWN, target(Emission.DATA, "float"), ""),
        (CE, logits, UNKNOWN, ""),
        (CE, logits, target(Emission.INDEX, "float") | labels, ""),
        (CTC, log_softmax, target(Emission.INDEX, "int", 2), ""),
        (BCEL, score, target(Emission.BINARY, "int"), ""),
        (MSE, score, target(Emission.DATA, "int"), ""),
    ],
)
def test_class_index_dtype(name: str, prediction: Value, labelled: Value, grade: str) -> None:
    assert said("class_index_dtype", call(name, prediction, labelled)) == grade


def test_class_index_dtype_leaves_swapped_arguments_to_their_rule() -> None:
    fact = call(CE, target(Emission.INDEX, "float"), target(Emission.DATA, "float"), swapped=True)
    assert said("class_index_dtype", fact) == ""


# swapped-loss-arguments


@pytest.mark.parametrize("name", [CE, NLL, BCE, BCEL, KL, CTC, "torch.nn.PoissonNLLLoss", "torch.nn.GaussianNLLLoss"])
def test_swapped_loss_arguments(name: str) -> None:
    assert said("swapped_loss_arguments", call(name, batch, logits, swapped=True)) == "swapped"
    assert said("swapped_loss_arguments", call(name, logits, batch)) == ""


@pytest.mark.parametrize("name", [MSE, L1, HUBER, "torch.nn.SoftMarginLoss", "torch.nn.CosineEmbeddingLoss"])
def test_swapped_arguments_of_a_symmetric_loss_do_not_matter(name: str) -> None:
    assert said("swapped_loss_arguments", call(name, batch, logits, swapped=True)) == ""


def test_swapped_loss_arguments_need_a_known_output() -> None:
    assert said("swapped_loss_arguments", call(BCE, batch, UNKNOWN, swapped=True)) == ""


def test_swapped_loss_arguments_point_at_the_output_and_offer_the_swap() -> None:
    (finding,) = findings("swapped_loss_arguments", call(BCEL, batch, logits, swapped=True))
    assert [place.span for place in finding.because] == [THERE, CONSTRUCTOR]
    assert finding.fix is not None
    assert (finding.fix.kind, finding.fix.safety, finding.fix.span) == ("swap", "safe", HERE)


# reduction-passed-positionally


@pytest.mark.parametrize(
    ("positional", "grade"),
    [
        ({"size_average": "sum"}, "reduction"),
        ({"size_average": "none"}, "reduction"),
        ({"weight": ..., "size_average": "sum"}, "reduction"),
        ({"size_average": None, "reduce": "sum"}, "reduction"),
        ({"size_average": 0.5}, "number"),
        ({"size_average": 1}, "number"),
        ({"size_average": False}, ""),
        ({"size_average": None}, ""),
        ({"size_average": ...}, ""),
        ({"reduction": "sum"}, ""),
        ({"weight": 0.5}, ""),
        ({}, ""),
    ],
)
def test_reduction_passed_positionally(positional: dict[str, Any], grade: str) -> None:
    assert said("reduction_passed_positionally", built(MSE, positional=positional)) == grade
    assert said("reduction_passed_positionally", built(MSE, module_call=False, positional=positional)) == grade


@pytest.mark.parametrize(
    ("positional", "keywords", "reduction"),
    [
        ({"size_average": "none"}, {}, "mean"),
        ({"size_average": 0}, {}, "sum"),
        ({"size_average": "sum"}, {"reduce": False}, "none"),
        ({"size_average": "sum"}, {"reduction": "sum"}, "mean"),
    ],
)
def test_the_reduction_that_results_is_named(positional: Any, keywords: Any, reduction: str) -> None:
    (finding,) = findings("reduction_passed_positionally", built(MSE, positional=positional, keywords=keywords))
    assert finding.words["reduction"] == reduction
    assert finding.words["value"] == repr(positional["size_average"])


def test_a_keyword_is_no_position() -> None:
    assert said("reduction_passed_positionally", built(MSE, keywords={"size_average": "sum"})) == ""


# kl-div-mean-reduction


@pytest.mark.parametrize(
    ("given", "grade"),
    [
        ({}, "default"),
        ({"keywords": {"log_target": True}}, "default"),
        ({"keywords": {"reduction": "mean"}}, "explicit"),
        ({"positional": {"size_average": None, "reduce": None, "reduction": "mean"}}, "explicit"),
        ({"keywords": {"reduction": "batchmean"}}, ""),
        ({"keywords": {"reduction": "sum"}}, ""),
        ({"keywords": {"reduction": "none"}}, ""),
        ({"keywords": {"reduction": ...}}, ""),
        ({"keywords": {"size_average": False}}, ""),
        ({"positional": {"size_average": "batchmean"}}, ""),  # OLL605 speaks
        ({"positional": {"size_average": ...}}, ""),
    ],
)
def test_kl_div_mean_reduction(given: dict[str, Any], grade: str) -> None:
    assert said("kl_div_mean_reduction", built(KL, **given)) == grade
    assert said("kl_div_mean_reduction", built(KL, module_call=False, **given)) == grade


def test_kl_div_mean_reduction_is_about_torch_and_about_losses_that_are_built() -> None:
    keras = Row("keras.losses.KLDivergence", {"is": "loss", "family": "kl", "parameters": ("reduction", "name")})
    assert said("kl_div_mean_reduction", LossBuilt(HERE, keras)) == ""
    assert said("kl_div_mean_reduction", built(MSE)) == ""
    assert said("kl_div_mean_reduction", built(KL, "size_average", "reduce")) == ""  # OLL608 speaks


# loss-built-with-tensors


@pytest.mark.parametrize(
    ("name", "tensors", "grade"),
    [
        (MSE, ("size_average", "reduce"), "built"),
        (CE, ("weight", "size_average"), "built"),
        (BCEL, ("weight",), ""),
        (BCEL, ("weight", "pos_weight"), ""),
        (MSE, (), ""),
    ],
)
def test_loss_built_with_tensors(name: str, tensors: tuple[str, ...], grade: str) -> None:
    assert said("loss_built_with_tensors", built(name, *tensors)) == grade
    assert said("loss_built_with_tensors", built(name, *tensors, module_call=False)) == ""


# probability-threshold-on-logits, round-on-logits

TRAINED = [
    (score, (BCEL,), "trained-on-logits"),
    (score, (BCEL, BCEL), "trained-on-logits"),
    (score, (BCEL, CE), "trained-on-logits"),
    (score, (), ""),
    (score, (MSE,), ""),
    (score, (BCEL, MSE), ""),
    (score, (BCEL, L1), ""),
    (score, (CE,), ""),
    (score, (BCE,), ""),
    (sigmoid, (BCEL,), ""),
    (softmax, (BCEL,), ""),
    (nonneg, (BCEL,), ""),
    (arithmetic, (BCEL,), ""),
    (batch, (BCEL,), ""),
    (score | sigmoid, (BCEL,), ""),
    (score | UNKNOWN, (BCEL,), ""),
    (UNKNOWN, (BCEL,), ""),
    (NOTHING, (BCEL,), ""),
    (one(Emission.LOGIT, learned=LINEAR, scaled=True), (BCEL,), ""),
]


@pytest.mark.parametrize(("operand", "losses", "grade"), TRAINED)
def test_probability_threshold_on_logits(operand: Value, losses: tuple[str, ...], grade: str) -> None:
    assert said("probability_threshold_on_logits", decided("threshold", operand, *losses, constant=0.5)) == grade


@pytest.mark.parametrize(("operand", "losses", "grade"), TRAINED)
def test_round_on_logits(operand: Value, losses: tuple[str, ...], grade: str) -> None:
    assert said("round_on_logits", decided("round", operand, *losses)) == grade


@pytest.mark.parametrize(
    ("constant", "speaks"),
    [(0.5, True), (0.4, True), (0.6, True), (0.0, False), (0.3, False), (0.9, False), (None, False)],
)
def test_only_a_threshold_near_one_half_is_meant_as_a_probability(constant: float | None, speaks: bool) -> None:  # noqa: FBT001
    fact = decided("threshold", score, BCEL, constant=constant)
    assert (said("probability_threshold_on_logits", fact) != "") is speaks


def test_each_kind_of_decision_has_its_rule() -> None:
    assert said("probability_threshold_on_logits", decided("round", score, BCEL, constant=0.5)) == ""
    assert said("round_on_logits", decided("threshold", score, BCEL, constant=0.5)) == ""
    assert said("probability_threshold_on_logits", decided("argmax", score, BCEL)) == ""


# argmax-on-single-unit


def head(units: int | None, axis: int | None, rank: int | None, layer: str = LINEAR) -> Value:
    return one(Emission.LOGIT, units=units, class_axis=axis, rank=rank, learned=layer)


@pytest.mark.parametrize(
    ("operand", "dim", "grade"),
    [
        (head(1, -1, 2), 1, "single-unit"),
        (head(1, -1, 2), -1, "single-unit"),
        (head(1, -1, None), -1, "single-unit"),
        (head(1, 1, 4), 1, "single-unit"),
        (head(1, 1, None), 1, "single-unit"),
        (head(1, 1, 4), -3, "single-unit"),
        (head(1, -1, None), 1, ""),  # of rank 3 this ranks choices
        (head(1, -1, 3), 1, ""),
        (head(1, -1, 2), 0, ""),
        (head(1, 1, 4), -1, ""),
        (head(1, None, 2), 1, ""),
        (head(1, -1, 2, layer=""), 1, ""),
        (head(2, -1, 2), 1, ""),
        (head(None, -1, 2), 1, ""),
        (head(1, -1, 2), "implicit", ""),
        (head(1, -1, 2), None, ""),
        (head(1, -1, 2) | head(3, -1, 2), 1, ""),
        (UNKNOWN, 1, ""),
    ],
)
def test_argmax_on_single_unit(operand: Value, dim: Any, grade: str) -> None:
    assert said("argmax_on_single_unit", decided("argmax", operand, BCEL, dim=dim)) == grade


# argmax-without-dim


@pytest.mark.parametrize(
    ("operand", "losses", "dim", "grade"),
    [
        (logits, (CE,), "implicit", "flattened"),
        (pixels, (CE,), "implicit", "flattened"),
        (logits, (CE,), 1, ""),
        (logits, (CE,), None, ""),
        (logits, (), "implicit", ""),
        (head(10, -1, 1), (CE,), "implicit", ""),
        (head(10, -1, None), (CE,), "implicit", ""),
        (head(1, -1, 2), (BCEL,), "implicit", ""),  # which sample scores highest
        (one(Emission.LOGIT, rank=2), (CE,), "implicit", ""),
        (logits | head(10, -1, 1), (CE,), "implicit", ""),
        (UNKNOWN, (CE,), "implicit", ""),
    ],
)
def test_argmax_without_dim(operand: Value, losses: tuple[str, ...], dim: Any, grade: str) -> None:
    assert said("argmax_without_dim", decided("argmax", operand, *losses, dim=dim)) == grade


# logits-used-as-probabilities

METRIC = Row(
    "some.log_loss", {"is": "metric", "parameters": ("y_true", "y_prob"), "takes": {"y_prob": ("simplex", "unit")}}
)
RANKING = Row(
    "some.auc", {"is": "metric", "parameters": ("y_true", "y_score"), "wants": ("simplex",), "accepts": ("logit",)}
)
LABELS = Row("some.accuracy", {"is": "metric", "parameters": ("y_true", "y_pred"), "wants": ("index",)})


@pytest.mark.parametrize(
    ("consumer", "prediction", "grade"),
    [
        (METRIC, logits, "metric"),
        (METRIC, score, "metric"),
        (METRIC, softmax, ""),
        (METRIC, sigmoid, ""),
        (METRIC, arithmetic, ""),
        (METRIC, log_softmax, ""),  # OLL209 speaks
        (METRIC, logits | softmax, ""),
        (METRIC, UNKNOWN, ""),
        (RANKING, logits, ""),
        (LABELS, logits, ""),
        (row(CATEGORICAL), logits, ""),
    ],
)
def test_logits_used_as_probabilities(consumer: Row, prediction: Value, grade: str) -> None:
    assert said("logits_used_as_probabilities", Consumed(HERE, consumer, "y_prob", prediction)) == grade


# distribution-parameter-mismatch


@pytest.mark.parametrize("name", [CATEGORICAL, BERNOULLI, "torch.distributions.Binomial"])
@pytest.mark.parametrize(
    ("given", "prediction", "grade"),
    [
        ("probs", logits, "scores-as-probs"),
        ("probs", log_softmax, "scores-as-probs"),
        ("probs", logits | log_softmax, "scores-as-probs"),
        ("probs", softmax, ""),
        ("probs", sigmoid, ""),
        ("probs", nonneg, ""),
        ("probs", arithmetic, ""),
        ("probs", parameter, ""),
        ("probs", batch, ""),
        ("probs", logits | softmax, ""),
        ("probs", UNKNOWN, ""),
        ("logits", softmax, "probabilities-as-logits"),
        ("logits", sigmoid, "probabilities-as-logits"),
        ("logits", logits, ""),
        ("logits", log_softmax, ""),
        ("logits", softmax | logits, ""),
        ("logits", UNKNOWN, ""),
        ("total_count", logits, ""),
    ],
)
def test_distribution_parameter_mismatch(name: str, given: str, prediction: Value, grade: str) -> None:
    assert said("distribution_parameter_mismatch", used(name, given, prediction)) == grade


def test_other_parameters_of_other_distributions_are_free() -> None:
    assert said("distribution_parameter_mismatch", used("torch.distributions.Normal", "loc", sigmoid)) == ""


def test_the_message_says_which_of_the_two_it_is() -> None:
    (raw,) = findings("distribution_parameter_mismatch", used(CATEGORICAL, "probs", logits))
    (logs,) = findings("distribution_parameter_mismatch", used(CATEGORICAL, "probs", log_softmax))
    assert (raw.words["held"], logs.words["held"]) == ("raw scores", "log-probabilities")


# sampling-from-logits


@pytest.mark.parametrize("name", ["torch.multinomial", "torch.bernoulli"])
@pytest.mark.parametrize(
    ("prediction", "grade"),
    [
        (logits, "scores-as-weights"),
        (log_softmax, "scores-as-weights"),
        (softmax, ""),
        (sigmoid, ""),
        (nonneg, ""),
        (arithmetic, ""),
        (parameter, ""),
        (logits | softmax, ""),
        (UNKNOWN, ""),
    ],
)
def test_sampling_from_logits(name: str, prediction: Value, grade: str) -> None:
    assert said("sampling_from_logits", used(name, "input", prediction)) == grade


def test_a_method_of_a_distribution_reads_no_weights() -> None:
    assert said("sampling_from_logits", used("torch.distributions.Normal.log_prob", "value", logits)) == ""
    assert said("sampling_from_logits", used(CATEGORICAL, "probs", logits)) == ""


# non-differentiable-output-in-loss

index = one(Emission.INDEX, learned=LINEAR, gradient=False)
rounded = one(Emission.BINARY, learned=LINEAR, gradient=False)
detached = one(Emission.LOGIT, learned=LINEAR, gradient=False)
straight_through = one(Emission.BINARY, learned=LINEAR, gradient=True)
pseudo_labels = one(Emission.INDEX, gradient=False)


@pytest.mark.parametrize(
    ("name", "prediction", "labelled", "grade"),
    [
        (CE, index, labels, "decided"),
        (BCE, rounded, batch, "decided"),
        (BCE, rounded, UNKNOWN, "decided"),
        (CE, detached, labels, "cut"),
        (BCEL, detached, batch, "cut"),
        (MSE, rounded, batch, "cut"),
        (L1, index, batch, "cut"),
        (MSE, detached, batch, ""),  # as people log an error
        (CE, detached, UNKNOWN, ""),
        (BCE, straight_through, batch, ""),
        (CE, logits, labels, ""),
        (CE, pseudo_labels, labels, ""),
        (CE, index | logits, labels, ""),
        (CE, UNKNOWN, labels, ""),
        (BCEL, detached, score, ""),  # the target is what is trained
        (MSE, rounded, score, ""),
    ],
)
def test_non_differentiable_output_in_loss(name: str, prediction: Value, labelled: Value, grade: str) -> None:
    assert said("non_differentiable_output_in_loss", call(name, prediction, labelled)) == grade


def test_nothing_is_trained_in_evaluation_or_the_wrong_way_round() -> None:
    assert said("non_differentiable_output_in_loss", call(BCE, rounded, batch, mode="eval")) == ""
    assert said("non_differentiable_output_in_loss", call(BCE, rounded, batch, swapped=True)) == ""


# decision-method-not-called


def test_decision_method_not_called() -> None:
    fact = decided("argmax", logits, CE, method="argmax", dim="implicit")
    assert said("decision_method_not_called", fact) == "not-called"
    assert said("argmax_without_dim", fact) == ""
    assert said("argmax_on_single_unit", decided("argmax", score, method="argmax", dim=1)) == ""
    assert said("decision_method_not_called", decided("argmax", logits, CE, dim=1)) == ""


# all of them


def test_what_is_likely_stays_likely() -> None:
    guess = one(Emission.LOGIT, learned=LINEAR, certainty="likely")
    (first,) = findings("probability_threshold_on_logits", decided("threshold", guess, BCEL, constant=0.5))
    (second,) = findings("swapped_loss_arguments", call(BCEL, batch, guess, swapped=True))
    assert (first.certainty, second.certainty) == ("likely", "likely")

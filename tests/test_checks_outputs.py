"""The checks about shapes, units and ranges, judged on facts made by hand: what each says and what leaves it silent."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from rows import row
from verdicts import findings, said

from outlayer_lint.diagnostic import Span
from outlayer_lint.evidence import Verdict, judge
from outlayer_lint.facts import Applied, Consumed, Decision, Fact, LossCall
from outlayer_lint.knowledge import Row
from outlayer_lint.lattice import NOTHING, SCRAMBLED, UNKNOWN, Emission, Origin, Tensor, Value

HERE = Span("train.py", 20, 12, 20, 60)
THERE = Span("model.py", 8, 16, 8, 40)
CONSTRUCTOR = Span("model.py", 4, 20, 4, 40)

ORDERED = (
    "squared_error_on_probabilities squared_error_on_class_indices softmax_on_regression_output "
    "relu_on_regression_output target_outside_output_range image_range_mismatch recurrent_state_as_output"
).split()
RULES = [
    *ORDERED,
    *(
        "softmax_without_dim softmax_over_batch_dim class_dim_not_second normalised_over_wrong_dim single_unit_softmax "
        "single_unit_cross_entropy units_vs_classes_mismatch class_weight_length_mismatch two_units_with_binary_loss "
        "reshape_scrambles_classes output_target_rank_mismatch"
    ).split(),
]

CE, BCEL, NLL, BCE, KL, CTC, MSE, L1, HUBER, GAUSSIAN, POISSON, MARGIN = (
    f"torch.nn.{name}Loss"
    for name in "CrossEntropy BCEWithLogits NLL BCE KLDiv CTC MSE L1 Huber GaussianNLL PoissonNLL MultiMargin".split()
)
LINEAR = "torch.nn.Linear"
SOFTMAX = "torch.nn.functional.softmax"
WORDS = {"loss": "MSELoss", "prediction": "output", "target": "y", "operand": "output", "operation": "softmax"}


def one(emission: Emission, **known: Any) -> Value:
    return Value([Tensor(emission, **known)])


def output(emission: Emission = Emission.LOGIT, **known: Any) -> Value:
    return one(emission, **{"learned": LINEAR, "class_axis": -1, **known})


def softmax(axis: int | str | None = 1, **known: Any) -> Value:
    return output(Emission.SIMPLEX, **{"axis": axis, "by": SOFTMAX, **known})


def log_softmax(axis: int | str | None = 1, **known: Any) -> Value:
    return output(Emission.LOGP, **{"axis": axis, "by": "torch.nn.functional.log_softmax", **known})


normalised = one(Emission.SYM1, by="torchvision.transforms.Normalize")
sigmoid = output(Emission.UNIT, by="torch.sigmoid")
tanh = output(Emission.SYM1, by="torch.tanh")
relu = output(Emission.NONNEG, by="torch.nn.functional.relu")
gelu = output(Emission.BND, low=-0.17, by="torch.nn.functional.gelu")
softplus = output(Emission.POS, by="torch.nn.functional.softplus")
distance = output(Emission.NONNEG, by="torch.abs")
stretched = output(Emission.BND, low=0.0, high=5.0, by="torch.sigmoid", scaled=True)
state = output(Emission.SYM1, by="torch.nn.LSTM", learned="torch.nn.LSTM")
similarity = output(Emission.SYM1, by="torch.nn.functional.cosine_similarity")
linear = output()

signed = one(Emission.LOGIT)
pixels = one(Emission.BND, low=0.0, high=255.0)
unit = one(Emission.UNIT)
sym = one(Emission.SYM1)
counts = one(Emission.NONNEG)
data = one(Emission.DATA)
binary = one(Emission.BINARY)
onehot = one(Emission.ONEHOT, units=10)
ten = one(Emission.INDEX, units=10)


def call(name: str, prediction: Value, target: Value = NOTHING, *signs: str, **more: Any) -> LossCall:
    return LossCall(HERE, row(name), prediction, target, evidence=set(signs).__contains__, words=WORDS, **more)


def decision(operand: Value, kind: str = "argmax", dim: int | str | None = 1, *losses: str) -> Decision:
    return Decision(HERE, kind, operand, dim=dim, trained_with=tuple(map(row, losses)), words=WORDS)


def drawn(probs: Value, name: str = "torch.distributions.Categorical") -> Consumed:
    return Consumed(HERE, row(name), "probs", probs, words=WORDS)


def applied(operand: Value, axis: int | str | None, name: str = SOFTMAX, *reaches: str) -> Applied:
    return Applied(HERE, row(name), operand, axis=axis, reaches=frozenset(reaches), words=WORDS)


def heard(fact: LossCall) -> dict[str, str]:
    """What all rules of the ordered rule say together."""
    return {rule: grade for rule in ORDERED if (grade := said(rule, fact))}


# The ordered rule


@pytest.mark.parametrize(
    ("fact", "step", "rule", "grade"),
    [
        # 1: a softmax over one unit has a rule of its own
        (call(MSE, softmax(units=1), signed), 1, "", ""),
        # 2: targets that a network made
        (call(MSE, sigmoid, onehot, "menu"), 2, "", ""),
        (call(MSE, sigmoid, signed, "bootstrapped"), 2, "", ""),
        (call(MSE, sigmoid, binary, "gan-label"), 2, "", ""),
        (call(MSE, softmax(), data, "same-activation"), 2, "", ""),
        (call(MSE, tanh, linear), 2, "", ""),
        # 3: known ranges
        (call(MSE, sigmoid, signed), 3, "target-outside-output-range", "outside"),
        (call(L1, sigmoid, pixels), 3, "target-outside-output-range", "outside"),
        (call(MSE, sigmoid, sym), 3, "target-outside-output-range", "outside"),
        (call(MSE, sigmoid, ten), 3, "target-outside-output-range", "outside"),
        (call(MSE, tanh, signed), 3, "target-outside-output-range", "outside"),
        (call(MSE, softplus, signed), 3, "target-outside-output-range", "outside"),
        (call(MSE, distance, signed), 3, "target-outside-output-range", "outside"),
        (call(MSE, stretched, pixels), 3, "target-outside-output-range", "outside"),
        (call(MSE, log_softmax(), onehot), 3, "target-outside-output-range", "outside"),
        (call(MSE, sigmoid | tanh, signed), 3, "target-outside-output-range", "outside"),
        (call(MSE, sigmoid, signed | pixels), 3, "target-outside-output-range", "outside"),
        (call(HUBER, relu, signed), 3, "relu-on-regression-output", "outside"),
        (call(HUBER, gelu, sym), 3, "relu-on-regression-output", "outside"),
        (call(MSE, softmax(), signed), 3, "softmax-on-regression-output", "outside"),
        (call(MSE, softmax(), unit), 3, "softmax-on-regression-output", "scaled"),
        (call(MSE, state, pixels), 3, "recurrent-state-as-output", "outside"),
        (call(MSE, sigmoid, sym, "convolution-last"), 3, "image-range-mismatch", "outside"),
        (call(MSE, relu, sym, "convolution-last"), 3, "image-range-mismatch", "outside"),
        (call(MSE, sigmoid, one(Emission.SYM1, rank=4)), 3, "image-range-mismatch", "outside"),
        (call(MSE, sigmoid, normalised), 3, "image-range-mismatch", "outside"),
        (call(MSE, sigmoid, unit, "accuracy", "argmax"), 3, "", ""),
        (call(MSE, tanh, unit), 3, "", ""),
        (call(MSE, tanh, sym), 3, "", ""),
        (call(MSE, relu, counts), 3, "", ""),
        (call(MSE, relu, pixels), 3, "", ""),
        (call(MSE, relu, ten), 3, "", ""),
        (call(MSE, gelu, unit), 3, "", ""),
        (call(MSE, state, unit), 3, "", ""),
        (call(MSE, sigmoid, unit | signed), 3, "", ""),
        (call(MSE, softmax(), one(Emission.SIMPLEX, axis=1)), 3, "", ""),
        (call(MSE, softmax(), one(Emission.BND, low=0.01, high=0.91, by="torch.nn.functional.one_hot")), 3, "", ""),
        (call(MSE, softmax(), unit, "convolution-last"), 3, "", ""),
        # 4: labels
        (call(MSE, sigmoid, binary), 4, "squared-error-on-probabilities", "labels"),
        (call(MSE, sigmoid, one(Emission.INDEX, units=2)), 4, "squared-error-on-probabilities", "labels"),
        (call(L1, softmax(), onehot), 4, "squared-error-on-probabilities", "labels"),
        (call(MSE, tanh, binary), 4, "squared-error-on-probabilities", "labels"),
        (call(MSE, relu, onehot), 4, "relu-on-regression-output", "labels"),
        (call(MSE, state, onehot), 4, "recurrent-state-as-output", "labels"),
        (call(MSE, sigmoid, one(Emission.BINARY, rank=4)), 4, "", ""),
        (call(MSE, sigmoid, binary, "convolution-last"), 4, "", ""),
        (call(MSE, similarity, binary), 4, "", ""),
        (call(MSE, relu, one(Emission.INDEX)), 4, "", ""),
        # 5: decided elsewhere
        (call(MSE, softmax(), data, "argmax"), 5, "squared-error-on-probabilities", "decided"),
        (call(MSE, sigmoid, UNKNOWN, "threshold"), 5, "squared-error-on-probabilities", "decided"),
        (call(MSE, relu, UNKNOWN, "argmax"), 5, "relu-on-regression-output", "decided"),
        # 6: reconstructions and dense outputs
        (call(MSE, sigmoid, data, "threshold", "target-is-input"), 6, "", ""),
        (call(MSE, sigmoid, data, "threshold", "convolution-last"), 6, "", ""),
        (call(MSE, relu, data, "convolution-last"), 6, "", ""),
        (call(MSE, tanh, UNKNOWN, "target-is-input", "accuracy"), 6, "", ""),
        # 7: an accuracy
        (call(MSE, softmax(), data, "accuracy"), 7, "squared-error-on-probabilities", "accuracy"),
        (call(MSE, sigmoid, counts, "accuracy"), 7, "squared-error-on-probabilities", "accuracy"),
        # 8: names
        (call(MSE, sigmoid, data, "score-name"), 8, "", ""),
        (call(MSE, relu, data, "count-name"), 8, "", ""),
        # 9: nothing known
        (call(MSE, sigmoid, data), 9, "squared-error-on-probabilities", "unknown"),
        (call(MSE, sigmoid, UNKNOWN, "count-name"), 9, "squared-error-on-probabilities", "unknown"),
        (call(MSE, sigmoid, counts), 9, "squared-error-on-probabilities", "unknown"),
        (call(MSE, softmax(), data, "threshold-elsewhere"), 9, "softmax-on-regression-output", "unknown"),
        (call(MSE, tanh, data, "threshold", "accuracy"), 9, "target-outside-output-range", "unknown"),
        (call(MSE, relu, data, "threshold", "accuracy"), 9, "relu-on-regression-output", "unknown"),
        (call(MSE, gelu, UNKNOWN), 9, "relu-on-regression-output", "unknown"),
        (call(MSE, state, UNKNOWN), 9, "recurrent-state-as-output", "unknown"),
        (call(MSE, softplus, data), 9, "", ""),
        (call(MSE, distance, data), 9, "", ""),
        (call(MSE, stretched, data), 9, "", ""),
        (call(MSE, similarity, data), 9, "", ""),
        (call(MSE, one(Emission.UNIT, by="torch.sigmoid"), data), 9, "", ""),
    ],
)
def test_the_first_step_that_matches_decides(fact: LossCall, step: int, rule: str, grade: str) -> None:
    assert judge(fact) == Verdict(step, rule, grade)
    assert heard(fact) == ({rule.replace("-", "_"): grade} if rule else {})


@pytest.mark.parametrize(
    "fact",
    [
        call(MSE, linear, signed),
        call(MSE, linear, onehot, "argmax", "accuracy"),
        call(MSE, UNKNOWN, onehot),
        call(MSE, NOTHING, onehot),
        call(MSE, sigmoid | UNKNOWN, onehot),
        call(MSE, sigmoid | linear, onehot),
        call(MSE, data, onehot),
        call(MSE, output(Emission.UNIT, by="torch.sigmoid", scaled=True), pixels),
        call(BCE, sigmoid, signed),
        call(CE, relu, ten),
        call(KL, softmax(), signed),
        call(MSE, softmax(0, rank=2), onehot),
    ],
)
def test_other_outputs_and_other_losses_are_no_case(fact: LossCall) -> None:
    assert judge(fact) == Verdict(0)
    assert heard(fact) == {}


def test_keras_compiles_no_distillation_and_aligns_ranks() -> None:
    loss = Row("keras.losses.MeanSquaredError", {"is": "loss", "family": "squared", "wants": ("logit",)})
    fact = LossCall(HERE, loss, softmax(), UNKNOWN, words=WORDS)
    assert judge(fact) == Verdict(9, "softmax-on-regression-output", "compiled")
    assert heard(fact) == {"softmax_on_regression_output": "compiled"}
    assert heard(LossCall(HERE, loss, softmax(), UNKNOWN, evidence={"accuracy"}.__contains__, words=WORDS)) == {
        "squared_error_on_probabilities": "accuracy"
    }
    assert said("output_target_rank_mismatch", LossCall(HERE, loss, output(units=1, rank=2), flat, words=WORDS)) == ""


def test_a_squared_error_is_the_same_with_its_arguments_exchanged() -> None:
    fact = call(MSE, binary, sigmoid, swapped=True)
    assert heard(fact) == {"squared_error_on_probabilities": "labels"}
    assert findings("squared_error_on_probabilities", fact)[0].words["prediction"] == "y"


def test_a_verdict_names_activation_range_and_targets() -> None:
    words = findings("target_outside_output_range", call(MSE, sigmoid, pixels))[0].words
    assert (words["made"], words["range"], words["targets"]) == ("sigmoid", "[0, 1]", "lie in [0, 255]")
    words = findings("relu_on_regression_output", call(MSE, relu, signed))[0].words
    assert (words["range"], words["targets"]) == ("[0, inf)", "have no bound")
    high = one(Emission.BND, low=100.0)
    assert findings("target_outside_output_range", call(MSE, tanh, high))[0].words["targets"] == "start at 100"


@pytest.mark.parametrize(
    ("prediction", "target", "certainty"),
    [
        (sigmoid, binary, "proved"),
        (output(Emission.UNIT, certainty="likely"), binary, "likely"),
        (sigmoid, one(Emission.BINARY, certainty="likely"), "likely"),
    ],
)
def test_a_verdict_is_as_certain_as_both_sides(prediction: Value, target: Value, certainty: str) -> None:
    found = findings("squared_error_on_probabilities", call(MSE, prediction, target))
    assert [each.certainty for each in found] == [certainty]


@pytest.mark.parametrize(
    ("origin", "kind"), [(Origin(THERE), "unwrap"), (Origin(THERE, CONSTRUCTOR), "advise"), (Origin(), "advise")]
)
def test_a_relu_is_taken_away_where_one_call_made_it(origin: Origin, kind: str) -> None:
    prediction = output(Emission.NONNEG, by="torch.relu", origin=origin)
    found = findings("relu_on_regression_output", call(MSE, prediction, signed))[0]
    assert found.fix is not None
    assert (found.fix.kind, found.fix.safety) == (kind, "unsafe")
    assert [related.span for related in found.because] == list(origin.spans)


@pytest.mark.parametrize(
    ("prediction", "target", "signs", "grade"),
    [
        (output(units=10, rank=2), one(Emission.INDEX, units=10, rank=1), (), "proved"),
        (output(units=12, rank=2), one(Emission.INDEX, units=10, rank=1), (), "proved"),
        (output(units=10), ten, (), "proved"),
        (softmax(units=10), ten, (), "proved"),
        (output(units=10, rank=2), one(Emission.INDEX, units=10, rank=2), (), "proved"),
        (output(units=5, rank=4), one(Emission.INDEX, rank=3), (), "proved"),
        (output(units=10), ten, ("menu",), ""),
        (output(units=10), ten, ("bootstrapped",), ""),
        (output(units=1), ten, (), ""),
        (output(), ten, (), ""),
        (output(units=4), ten, (), ""),
        (output(units=3, rank=4), one(Emission.INDEX, units=256, rank=4), (), ""),
        (output(units=10), onehot, (), ""),
        (output(units=10), ten | data, (), ""),
        (UNKNOWN, ten, (), ""),
        (output(units=10), UNKNOWN, (), ""),
    ],
)
def test_scores_against_class_numbers(prediction: Value, target: Value, signs: tuple[str, ...], grade: str) -> None:
    fact = call(MSE, prediction, target, *signs)
    assert said("squared_error_on_class_indices", fact) == grade
    assert len(heard(fact)) == bool(grade)
    assert said("squared_error_on_class_indices", call(CE, prediction, target, *signs)) == ""


# Dims


@pytest.mark.parametrize(
    ("fact", "grade", "fix"),
    [
        (applied(output(rank=2), "implicit"), "chosen", ("1", "safe")),
        (applied(output(rank=4), "implicit"), "chosen", ("1", "safe")),
        (applied(output(rank=3), "implicit"), "chosen", ("-1", "unsafe")),
        (applied(output(rank=3), "implicit", SOFTMAX, "output"), "", None),
        (applied(linear, "implicit", "torch.nn.LogSoftmax"), "missing", ("-1", "unsafe")),
        (applied(UNKNOWN, "implicit"), "missing", ("-1", "unsafe")),
        (applied(output(rank=2) | output(rank=3), "implicit"), "missing", ("-1", "unsafe")),
        (applied(output(rank=3), "implicit", SOFTMAX, "loss"), "", None),
        (applied(output(rank=2), 1), "", None),
        (applied(output(rank=2), None), "", None),
        (applied(output(rank=2), "implicit", "torch.sigmoid"), "", None),
    ],
)
def test_softmax_without_dim(fact: Applied, grade: str, fix: tuple[str, str] | None) -> None:
    assert said("softmax_without_dim", fact) == grade
    for found in findings("softmax_without_dim", fact):
        assert found.fix is not None
        assert (found.fix.text, found.fix.safety) == fix


pairs = log_softmax(0, rank=2, inner=one(Emission.LOGIT, by="torch.matmul", learned=LINEAR))


@pytest.mark.parametrize(
    ("fact", "grade"),
    [
        (call(NLL, log_softmax(0, rank=2)), "proved"),
        (call(NLL, log_softmax(-2, rank=2)), "proved"),
        (call(NLL, log_softmax("implicit", rank=3)), "proved"),
        (call(CE, log_softmax(0, rank=2)), "proved"),
        (call(NLL, log_softmax(0, rank=4)), "proved"),
        (call(BCE, softmax(0, rank=2)), "proved"),
        (call(MSE, softmax(0, rank=2)), "proved"),
        (call(MSE, softmax("implicit", rank=3)), "proved"),
        (call(NLL, log_softmax(0)), "likely"),
        (call(NLL, log_softmax(0, learned="")), ""),
        (call(BCE, softmax(0)), ""),
        (call(NLL, log_softmax(0, rank=1)), ""),
        (call(NLL, log_softmax(1, rank=2)), ""),
        (call(NLL, log_softmax("implicit", rank=2)), ""),
        (call(NLL, log_softmax("implicit")), ""),
        (call(NLL, log_softmax(-2)), ""),
        (call(NLL, log_softmax(0, rank=2) | log_softmax(1, rank=2)), ""),
        (call(NLL, log_softmax(0, rank=2) | UNKNOWN), ""),
        (call(NLL, pairs), ""),
        (call(CE, softmax(0, rank=2)), ""),  # softmax-into-cross-entropy
        (call(NLL, softmax(0, rank=2)), ""),  # probabilities-into-nll-loss
        (call(BCE, softmax(0, rank=3)), ""),  # one image of several channels
        (call(CTC, log_softmax(0, rank=3)), ""),  # time comes first
        (call(MSE, softmax(0, rank=2), one(Emission.SIMPLEX, axis=0, rank=2)), ""),
        (decision(softmax(0, rank=2)), "proved"),
        (decision(softmax(0)), "proved"),
        (decision(softmax(0, rank=2), "argmax", -1), "proved"),
        (decision(softmax(0, rank=2), "argmax", 1, CE), "proved"),
        (decision(log_softmax(0, rank=2), "argmax", 1, NLL), ""),  # said at the loss
        (decision(softmax(0), "argmax", -1), ""),
        (decision(softmax(0, rank=2), "argmax", 0), ""),
        (decision(softmax(0, rank=2), "argmax", "implicit"), ""),
        (decision(softmax(0, rank=2), "argmax", None), ""),
        (decision(softmax(0, rank=2), "threshold", 1), ""),
        (decision(softmax(0, rank=2, learned="")), ""),
        (decision(UNKNOWN), ""),
        (decision(softmax(0), "pick"), "proved"),
        (decision(log_softmax(0), "pick"), "proved"),
        (decision(log_softmax(0, rank=4, class_axis=1), "pick"), "proved"),
        (decision(softmax(0, rank=3), "pick"), ""),  # the second of three dims is not the classes'
        (decision(softmax(0), "pick", 0), ""),
        (decision(softmax(0), "pick", -1), ""),  # as good as along the only dim
        (decision(softmax(0, class_axis=None), "pick"), ""),
        (decision(softmax(1), "pick"), ""),
        (drawn(softmax(0, rank=2)), "proved"),
        (drawn(softmax(0)), ""),  # one state has one dim
        (drawn(softmax(0, rank=2, class_axis=0)), ""),
        (drawn(softmax(0, rank=2), "torch.distributions.Bernoulli"), ""),
    ],
)
def test_softmax_over_batch_dim(fact: Fact, grade: str) -> None:
    assert said("softmax_over_batch_dim", fact) == grade


@pytest.mark.parametrize(
    ("fact", "grade"),
    [
        (call(CE, output(rank=3)), "proved"),
        (call(CE, output(rank=4, class_axis=3)), "proved"),
        (call(NLL, log_softmax(-1, rank=3)), "proved"),
        (call(CE, output(rank=2)), ""),
        (call(CE, output()), ""),
        (call(CE, output(rank=3, class_axis=1)), ""),
        (call(CE, output(rank=3, class_axis=None)), ""),
        (call(CE, output(rank=3, class_axis=SCRAMBLED)), ""),
        (call(CE, output(rank=3) | output(rank=2)), ""),
        (call(CE, UNKNOWN), ""),
        (call(BCEL, output(rank=3)), ""),
        (call(MARGIN, output(rank=3)), ""),
    ],
)
def test_class_dim_not_second(fact: LossCall, grade: str) -> None:
    assert said("class_dim_not_second", fact) == grade


@pytest.mark.parametrize(
    ("fact", "grade"),
    [
        (call(NLL, log_softmax(-1, rank=4, class_axis=1)), "proved"),
        (call(NLL, log_softmax(2, class_axis=1)), "proved"),
        (call(CE, log_softmax(-1, rank=3, class_axis=1)), "proved"),
        (call(CTC, log_softmax(0, rank=3)), "proved"),
        (call(CTC, log_softmax(1)), "proved"),
        (call(NLL, log_softmax(1, rank=4, class_axis=1)), ""),
        (call(NLL, log_softmax(-1, rank=2)), ""),
        (call(NLL, log_softmax(-1)), ""),
        (call(NLL, log_softmax(-1, rank=3)), ""),  # class-dim-not-second
        (call(NLL, log_softmax(0, rank=2)), ""),  # softmax-over-batch-dim
        (call(NLL, log_softmax(-1, rank=1)), ""),
        (call(NLL, log_softmax(None, rank=4, class_axis=1)), ""),
        (call(NLL, log_softmax("implicit", rank=4, class_axis=1)), ""),
        (call(CTC, log_softmax(-1, rank=3)), ""),
        (call(CTC, log_softmax(2)), ""),
        (call(CE, softmax(2)), ""),  # softmax-into-cross-entropy
        (call(KL, log_softmax(2)), ""),
        (call(NLL, output(rank=4)), ""),
        (call(NLL, UNKNOWN), ""),
        (decision(log_softmax(-1, rank=4, class_axis=1), "pick"), "picked"),
        (decision(log_softmax(2, class_axis=1), "pick"), "picked"),
        (decision(log_softmax(-2), "pick", -1), "picked"),
        (decision(log_softmax(-1, class_axis=1), "pick"), ""),  # may be the same dim
        (decision(log_softmax(1, class_axis=1), "pick"), ""),
        (decision(log_softmax(2, class_axis=None), "pick"), ""),
        (decision(log_softmax(0, class_axis=1), "pick"), ""),  # softmax-over-batch-dim
        (decision(log_softmax(2, class_axis=1)), ""),  # an argmax of logarithms is a decision, no loss
        (decision(softmax(2, class_axis=1), "pick"), ""),  # a heat map of each point
    ],
)
def test_normalised_over_wrong_dim(fact: Fact, grade: str) -> None:
    assert said("normalised_over_wrong_dim", fact) == grade


def test_the_dim_is_set_where_the_activation_was_built() -> None:
    for axis, safety in ((1, "safe"), (None, "unsafe")):
        value = log_softmax(-1, rank=4, class_axis=axis, origin=Origin(THERE, CONSTRUCTOR))
        fix = findings("normalised_over_wrong_dim", call(NLL, value))[0].fix
        assert fix is not None
        assert (fix.span, fix.safety, fix.name, fix.text) == (CONSTRUCTOR, safety, "dim", "1")


@pytest.mark.parametrize(
    ("fact", "grade"),
    [
        (call(CE, output(rank=2, class_axis=SCRAMBLED)), "proved"),
        (call(BCEL, output(class_axis=SCRAMBLED)), "proved"),
        (decision(output(class_axis=SCRAMBLED)), "proved"),
        (decision(output(class_axis=SCRAMBLED), "argmax", 1, CE), ""),
        (decision(output(class_axis=SCRAMBLED), "threshold"), ""),
        (call(CE, output(class_axis=1)), ""),
        (call(CE, output(class_axis=SCRAMBLED) | output(class_axis=1)), ""),
        (call(CE, output(class_axis=SCRAMBLED) | UNKNOWN), ""),
    ],
)
def test_reshape_scrambles_classes(fact: Fact, grade: str) -> None:
    assert said("reshape_scrambles_classes", fact) == grade


column, flat = one(Emission.LOGIT, rank=2, units=1), one(Emission.LOGIT, rank=1)


@pytest.mark.parametrize(
    ("fact", "grade"),
    [
        (call(MSE, output(units=1, rank=2), flat), "proved"),
        (call(L1, output(units=1, rank=2), data | flat), ""),
        (call(POISSON, output(units=1, rank=2), flat), "proved"),
        (call(GAUSSIAN, output(rank=1), column), "proved"),
        (call(MSE, output(rank=1), column), "proved"),
        (call(MSE, output(units=1, rank=2), column), ""),
        (call(MSE, output(rank=1), flat), ""),
        (call(MSE, output(units=3, rank=2), flat), ""),
        (call(MSE, output(units=1), flat), ""),
        (call(MSE, output(units=1, rank=2), data), ""),
        (call(MSE, output(units=1, rank=2), UNKNOWN), ""),
        (call(MSE, UNKNOWN, flat), ""),
        (call(MSE, output(units=1, rank=2), flat, arguments={"reduction": "none"}), ""),
        (call(BCEL, output(units=1, rank=2), flat), ""),
        (call(MARGIN, output(units=1, rank=2), flat), ""),
    ],
)
def test_output_target_rank_mismatch(fact: LossCall, grade: str) -> None:
    assert said("output_target_rank_mismatch", fact) == grade


# Units


@pytest.mark.parametrize(
    ("fact", "grade"),
    [
        (call(BCE, softmax(1, units=1, rank=2)), "proved"),
        (call(MSE, softmax(-1, units=1)), "proved"),
        (call(CE, softmax("implicit", units=1, rank=2)), "proved"),
        (call(NLL, log_softmax(-1, units=1)), "proved"),
        (call(BCE, softmax(1, units=1, rank=4, class_axis=1)), "proved"),
        (call(BCE, softmax(1, units=1)), "likely"),
        (call(BCE, softmax("implicit", units=1)), "likely"),
        (call(BCE, softmax(1, units=1, class_axis=None)), "likely"),
        (call(BCE, softmax(1, units=1, rank=3)), ""),  # over time: attention
        (call(BCE, softmax(-1, units=1, rank=3, class_axis=None)), ""),
        (call(BCE, softmax(0, units=1)), ""),
        (call(BCE, softmax(1, units=2, rank=2)), ""),
        (call(BCE, softmax(1, rank=2)), ""),
        (call(BCE, softmax(1, units=1, rank=2) | sigmoid), ""),
        (call(BCE, output(units=1, rank=2)), ""),
        (call(BCE, UNKNOWN), ""),
        (decision(softmax(1, units=1, rank=2), "threshold"), "proved"),
        (decision(softmax(1, units=1, rank=2), "threshold", 1, BCE), ""),
        (decision(output(units=1), "threshold"), ""),
    ],
)
def test_single_unit_softmax(fact: Fact, grade: str) -> None:
    assert said("single_unit_softmax", fact) == grade


@pytest.mark.parametrize(
    ("fact", "grade"),
    [
        (call(CE, output(units=1)), "proved"),
        (call(CE, output(units=1, rank=4, class_axis=1)), "proved"),
        (call(NLL, output(units=1, rank=2)), "proved"),
        (call(CE, output(Emission.UNIT, units=1)), "proved"),
        (call(CE, softmax(1, units=1)), ""),  # single-unit-softmax
        (call(NLL, log_softmax(1, units=1)), ""),
        (call(CE, output(units=1, rank=3)), ""),  # class-dim-not-second
        (call(CE, output(units=1, class_axis=2)), ""),
        (call(CE, output(units=2)), ""),
        (call(CE, output()), ""),
        (call(CE, output(units=1) | output(units=3)), ""),
        (call(CE, one(Emission.DATA, units=1)), ""),
        (call(CE, UNKNOWN), ""),
        (call(BCEL, output(units=1)), ""),
        (call("keras.losses.kl_divergence", output(Emission.UNIT, units=1)), "divergence"),
        (call("keras.losses.kl_divergence", output(Emission.UNIT, units=3)), ""),
        (call("keras.losses.kl_divergence", softmax(-1, units=3)), ""),
        (call(KL, output(Emission.UNIT, units=1)), ""),
    ],
)
def test_single_unit_cross_entropy(fact: LossCall, grade: str) -> None:
    assert said("single_unit_cross_entropy", fact) == grade


@pytest.mark.parametrize(
    ("fact", "grade"),
    [
        (call("keras.losses.hinge", output(Emission.UNIT, units=1)), "margin"),
        (call("keras.losses.squared_hinge", softmax(-1, units=4)), "margin"),
        (call("tensorflow.losses.hinge_loss", output(Emission.UNIT)), "margin"),
        (call("keras.losses.categorical_hinge", output(Emission.UNIT, units=1)), "margin"),
        (call("keras.losses.categorical_hinge", output(Emission.UNIT, units=4)), ""),
        (call("keras.losses.categorical_hinge", softmax(-1, units=4)), ""),
        (call("keras.losses.hinge", output(Emission.SYM1, units=1)), ""),
        (call("keras.losses.hinge", output(units=1)), ""),
        (call(MARGIN, softmax(1, units=4)), ""),
    ],
)
def test_one_sided_scores_into_a_hinge(fact: LossCall, grade: str) -> None:
    assert said("target_outside_output_range", fact) == grade


def classed(units: int, classes: int | None, target: Value = UNKNOWN, **more: Any) -> LossCall:
    return call(CE, output(units=units, rank=2), target, classes=classes, **more)


@pytest.mark.parametrize(
    ("fact", "grade"),
    [
        (classed(10, 100), "fewer"),
        (classed(9, 10), "fewer"),
        (classed(9, None, ten), "fewer"),
        (call(NLL, log_softmax(units=3), ten), "fewer"),
        (classed(1000, 10), "more"),
        (classed(12, 10), "more"),
        (classed(300, 257), "more"),
        (call(BCEL, output(units=8), onehot), "columns"),
        (call(CE, output(units=12), onehot), "columns"),
        (call(BCE, output(units=1), one(Emission.MULTIHOT, units=6)), "columns"),
        (call(MSE, output(units=1), onehot), "columns"),
        (classed(10, 10), ""),
        (classed(11, 10), ""),
        (classed(50_304, 50_257), ""),
        (classed(10, None), ""),
        (classed(10, None, data), ""),
        (classed(1, 10), ""),  # single-unit-cross-entropy
        (classed(9, 10, arguments={"ignore_index": 9}), ""),
        (classed(8, 10, arguments={"ignore_index": 9}), "fewer"),
        (classed(1000, 5, one(Emission.INDEX, units=5, by="torch.randint")), ""),
        (classed(4, 5, one(Emission.INDEX, units=5, by="torch.randint")), "fewer"),
        (call(CE, output(units=10, rank=3, class_axis=2), classes=100), ""),
        (call(CE, output(units=9) | UNKNOWN, ten, classes=10), ""),
        (call(CE, output(), ten, classes=10), ""),
        (call(BCEL, output(units=1), ten, classes=10), ""),
        (call(BCEL, output(units=10), onehot), ""),
        (call(BCEL, output(units=10), one(Emission.MULTIHOT)), ""),
        (call(KL, log_softmax(units=5), onehot), ""),
    ],
)
def test_units_vs_classes_mismatch(fact: LossCall, grade: str) -> None:
    assert said("units_vs_classes_mismatch", fact) == grade


@pytest.mark.parametrize(
    ("fact", "grade"),
    [
        (call(CE, output(units=4), weight_length=3), "proved"),
        (call(NLL, log_softmax(units=4), weight_length=5), "proved"),
        (call(BCEL, output(units=4), pos_weight_length=3), "proved"),
        (call(BCEL, output(units=1, rank=2, class_axis=None), pos_weight_length=3), "proved"),
        (call(CE, output(units=4), weight_length=4), ""),
        (call(CE, output(units=4)), ""),
        (call(CE, output(units=1), weight_length=2), ""),
        (call(CE, output(), weight_length=3), ""),
        (call(CE, UNKNOWN, weight_length=3), ""),
        (call(CE, output(units=4, class_axis=2), weight_length=3), ""),
        (call(BCEL, output(units=4), pos_weight_length=1), ""),
        (call(BCEL, output(units=4), weight_length=3), ""),
        (call(BCEL, output(units=4, rank=4, class_axis=1), pos_weight_length=3), ""),
        (call(BCEL, output(units=4, class_axis=None), pos_weight_length=3), ""),
        (call(BCE, output(units=4), weight_length=3), ""),
    ],
)
def test_class_weight_length_mismatch(fact: LossCall, grade: str) -> None:
    assert said("class_weight_length_mismatch", fact) == grade


two = output(units=2, rank=2)


@pytest.mark.parametrize(
    ("fact", "grade"),
    [
        (call(BCEL, two, one(Emission.INDEX, units=2)), "single"),
        (call(BCE, softmax(units=2), one(Emission.INDEX, units=2, rank=1)), "single"),
        (call(BCEL, two, one(Emission.BINARY, rank=1)), "single"),
        (call(BCEL, two, one(Emission.BOOL, rank=2, units=1)), "single"),
        (call(BCEL, two, one(Emission.DATA, rank=1)), "single"),
        (call(BCEL, two, UNKNOWN), "unknown"),
        (call(BCEL, two, data), "unknown"),
        (call(BCE, softmax(units=2), binary), "unknown"),
        (call(BCEL, two, one(Emission.ONEHOT, units=2)), ""),
        (call(BCEL, two, one(Emission.MULTIHOT, units=2)), ""),
        (call(BCEL, two, one(Emission.BINARY, rank=2)), ""),
        (call(BCEL, two, one(Emission.INDEX, units=2, rank=2)), ""),
        (call(BCEL, two, unit), ""),
        (call(BCEL, two, sigmoid), ""),
        (call(BCEL, two, one(Emission.DATA, rank=1), "menu"), "single"),
        (call(BCEL, output(units=2, rank=4, class_axis=1), one(Emission.INDEX, units=2)), ""),
        (call(BCEL, output(units=2, rank=4, class_axis=1), data), ""),
        (call(BCEL, two, data, "gan-label"), ""),
        (call(BCEL, two, data, "convolution-last"), ""),
        (call(BCEL, two, data, "target-is-input"), ""),
        (call(BCEL, one(Emission.LOGIT, units=2), UNKNOWN), ""),
        (call(BCEL, output(units=1), binary), ""),
        (call(BCEL, output(), binary), ""),
        (call(BCEL, UNKNOWN, binary), ""),
        (call(CE, two, ten), ""),
    ],
)
def test_two_units_with_binary_loss(fact: LossCall, grade: str) -> None:
    assert said("two_units_with_binary_loss", fact) == grade


# All of them


@pytest.mark.parametrize("rule", RULES)
def test_an_unknown_prediction_is_silent(rule: str) -> None:
    facts: list[Fact] = [
        call(name, value, ten, "argmax", "accuracy", classes=3, weight_length=7, pos_weight_length=7)
        for name in (CE, NLL, BCE, BCEL, KL, CTC, MSE, L1, POISSON, GAUSSIAN, MARGIN)
        for value in (UNKNOWN, NOTHING)
    ]
    facts += [decision(UNKNOWN), decision(NOTHING), applied(UNKNOWN, 1)]
    judged = import_module(f"outlayer_lint.checks.{rule}").check.__annotations__
    (wanted,) = (kind for name, kind in judged.items() if name != "return")
    assert not [fact for fact in facts if isinstance(fact, wanted) and said(rule, fact)]

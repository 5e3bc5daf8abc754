"""The checks about compiled models and their metrics, and their like in PyTorch, judged on facts made by hand."""

from __future__ import annotations

from typing import Any

import pytest
from verdicts import findings, said

from outlayer_lint.diagnostic import Span
from outlayer_lint.facts import Applied, Compiled, Consumed, Fact, LossCall
from outlayer_lint.knowledge import Row, find
from outlayer_lint.lattice import NOTHING, UNKNOWN, Emission, Origin, Tensor, Value

HERE = Span("train.py", 20, 12, 20, 60)
ORIGIN = Origin(Span("model.py", 8, 16, 8, 40))

CATEGORICAL, SPARSE, BINARY, FOCAL, COSINE, MSE, MAE, POISSON, KL = (
    f"keras.losses.{name}"
    for name in (
        "CategoricalCrossentropy SparseCategoricalCrossentropy BinaryCrossentropy CategoricalFocalCrossentropy "
        "CosineSimilarity MeanSquaredError MeanAbsoluteError Poisson KLDivergence"
    ).split()
)
CE, BCE, BCEL, NLL = (f"torch.nn.{name}Loss" for name in ("CrossEntropy", "BCE", "BCEWithLogits", "NLL"))
TORCH_MSE = "torch.nn.MSELoss"
LOGITS: dict[str, Any] = {"from_logits": True}
WORDS = {
    "loss": "the_loss", "prediction": "output", "target": "y", "consumer": "the_metric", "operand": "p",
    "emits": "emission", "activation": "softmax",
}  # fmt: skip


def row(name: str, **arguments: Any) -> Row:
    found = find(name)
    assert found is not None, name
    return found[0].under(arguments)


def one(emission: Emission, **known: Any) -> Value:
    return Value([Tensor(emission, **known)])


def output(emission: Emission = Emission.LOGIT, units: int | None = 5, **known: Any) -> Value:
    common = {"learned": "keras.layers.Dense", "class_axis": -1, "rank": 2, "units": units, "origin": ORIGIN}
    return one(emission, **{**common, **known})


def made(emission: Emission, name: str, units: int | None = 5, **known: Any) -> Value:
    return output(emission, units, by=f"keras.activations.{name}", **known)


def softmax(units: int | None = 5, **known: Any) -> Value:
    return made(Emission.SIMPLEX, "softmax", units, **{"axis": -1, **known})


def sigmoid(units: int | None = 1, **known: Any) -> Value:
    return made(Emission.UNIT, "sigmoid", units, **known)


linear, number = output(), output(units=1)
tanh, relu = made(Emission.SYM1, "tanh"), made(Emission.NONNEG, "relu")
rate = made(Emission.POS, "softplus", 1)
softplus, exponential = made(Emission.POS, "softplus"), made(Emission.POS, "exponential")
log_softmax, log_sigmoid = made(Emission.LOGP, "log_softmax", axis=-1), made(Emission.LOGUNIT, "log_sigmoid", 1)

numbers = one(Emission.INDEX, units=5, rank=1)
rows = one(Emission.ONEHOT, units=5, rank=2, axis=-1)
tags = one(Emission.MULTIHOT, units=5, rank=2)
drawn = one(Emission.INDEX, units=2, rank=2, dtype="float", source="y")
bits = one(Emission.BINARY, units=5, rank=2)
data = one(Emission.DATA)
shares = one(Emission.SIMPLEX, axis=-1)
prices = one(Emission.BND, low=5.0, high=50.0, rank=1)
signed = one(Emission.LOGIT, rank=2)
unit = one(Emission.UNIT)
labels = one(Emission.BINARY, rank=1)


def call(name: str, prediction: Value, target: Value = NOTHING, *signs: str, **arguments: Any) -> LossCall:
    evidence = set(signs).__contains__
    found = row(name, **arguments)
    return LossCall(HERE, found, prediction, target, arguments=arguments, evidence=evidence, words=WORDS)


def metric(name: str, prediction: Value, *trained: LossCall, **arguments: Any) -> Consumed:
    found = row(f"keras.metrics.{name}" if "." not in name else name, **arguments)
    return Consumed(HERE, found, found.prediction, prediction, arguments=arguments, trained=trained, words=WORDS)


def compiled(heads: tuple[Value, ...], losses: tuple[str, ...], form: str = "list", **more: Any) -> Compiled:
    return Compiled(HERE, heads, tuple(map(row, losses)), form=form, words=WORDS, **more)


def cases(*table: tuple[str, str, Fact]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("rule", "grade", "fact"), [pytest.param(*case, id=f"{case[0]}-{at}") for at, case in enumerate(table)]
    )


FLAG, RAW = "keras-activation-with-from-logits", "keras-logits-without-from-logits"
MULTI, COMPETING = "softmax-for-multilabel", "cross-entropy-for-multilabel"
REGRESSION, SINGLE = "classification-loss-on-regression", "sigmoid-for-single-label"


@cases(
    (FLAG, "loss", call(CATEGORICAL, softmax(), **LOGITS)),
    (FLAG, "loss", call(SPARSE, sigmoid(5), **LOGITS)),
    (FLAG, "loss", call(BINARY, sigmoid(), **LOGITS)),
    (FLAG, "loss", call(BINARY, softmax(), **LOGITS)),
    (FLAG, "metric", metric("BinaryCrossentropy", sigmoid(), **LOGITS)),
    (FLAG, "", metric("AUC", sigmoid(), **LOGITS)),
    (FLAG, "", call(CATEGORICAL, softmax())),
    (FLAG, "", call(CATEGORICAL, softmax(), from_logits=False)),
    (FLAG, "", call(CATEGORICAL, softmax(), from_logits=...)),
    (FLAG, "", call(CATEGORICAL, linear, **LOGITS)),
    (FLAG, "", call(CATEGORICAL, log_softmax, **LOGITS)),
    (FLAG, "", call(CATEGORICAL, softmax() | linear, **LOGITS)),
    (FLAG, "", call(CATEGORICAL, UNKNOWN, **LOGITS)),
    (FLAG, "", call(CATEGORICAL, softmax(scaled=True), **LOGITS)),
    (FLAG, "", call(BINARY, softmax(1), **LOGITS)),
    (FLAG, "", call(CE, softmax())),
    # Whose flag it is, speaks alone
    ("softmax-into-cross-entropy", "", call(CATEGORICAL, softmax(), **LOGITS)),
    ("softmax-into-cross-entropy", "proved", call("tensorflow.nn.softmax_cross_entropy_with_logits", softmax())),
    ("sigmoid-into-logits-bce", "", call(BINARY, sigmoid(), **LOGITS)),
    ("sigmoid-into-logits-bce", "proved", call("tensorflow.nn.sigmoid_cross_entropy_with_logits", sigmoid())),
    ("probabilities-into-logits-loss", "", call(CATEGORICAL, sigmoid(5), **LOGITS)),
    ("probabilities-into-logits-loss", "", call(BINARY, softmax(), **LOGITS)),
)
def test_a_flag_and_an_activation(rule: str, grade: str, fact: Fact) -> None:
    assert said(rule, fact) == grade


@cases(
    (RAW, "linear", call(CATEGORICAL, linear)),
    (RAW, "linear", call(SPARSE, linear)),
    (RAW, "linear", call(FOCAL, linear)),
    (RAW, "linear", call(BINARY, number, labels)),
    (RAW, "range", call(SPARSE, relu)),
    (RAW, "range", call(SPARSE, tanh)),
    (RAW, "range", call(BINARY, tanh)),
    (RAW, "range", call(BINARY, softplus)),
    (RAW, "", call(SPARSE, softplus)),
    (RAW, "", call(SPARSE, exponential)),
    (RAW, "", call(SPARSE, softmax())),
    (RAW, "", call(SPARSE, sigmoid(5))),
    (RAW, "", call(BINARY, sigmoid())),
    (RAW, "", call(SPARSE, linear, **LOGITS)),
    (RAW, "", call(SPARSE, linear, from_logits=...)),
    (RAW, "", call(SPARSE, log_softmax)),
    (RAW, "", call(SPARSE, number)),
    (RAW, "", call(SPARSE, linear | softmax())),
    (RAW, "", call(BINARY, number, prices)),
    (RAW, "", call(MSE, linear)),
    (RAW, "", call(BCE, number)),
    (RAW, "", call(BINARY, one(Emission.LOGIT), data)),
    ("logits-into-bce-loss", "", call(BINARY, number)),
    ("logits-into-bce-loss", "proved", call(BCE, number)),
    ("log-values-as-probabilities", "loss", call(SPARSE, log_softmax)),
    ("log-values-as-probabilities", "loss", call(BINARY, log_sigmoid)),
    ("log-values-as-probabilities", "loss", call(KL, log_softmax)),
    ("log-values-as-probabilities", "", call(SPARSE, log_softmax, **LOGITS)),
    ("single-unit-cross-entropy", "proved", call(SPARSE, sigmoid())),
    ("single-unit-cross-entropy", "proved", call(CATEGORICAL, number, **LOGITS)),
    ("units-vs-classes-mismatch", "fewer", call(SPARSE, softmax(4), numbers)),
    ("units-vs-classes-mismatch", "columns", call(CATEGORICAL, softmax(4), rows)),
    ("class-index-dtype", "", call(SPARSE, linear, one(Emission.INDEX, dtype="int", rank=1), **LOGITS)),
)
def test_outputs_that_no_probability_is(rule: str, grade: str, fact: Fact) -> None:
    assert said(rule, fact) == grade


@cases(
    (MULTI, "labels", call(BINARY, softmax(), tags)),
    (MULTI, "labels", call(BCE, softmax(), drawn)),
    (MULTI, "several", call(BCE, softmax(), data)),
    (MULTI, "several", call(BCE, softmax(), UNKNOWN)),
    (MULTI, "unknown", call(BCE, softmax(2), UNKNOWN)),
    (MULTI, "unknown", call(BCE, softmax(None), UNKNOWN)),
    (MULTI, "unknown", call(BCE, softmax(rank=4), UNKNOWN)),
    (MULTI, "unknown", call(BCE, softmax(), UNKNOWN, "convolution-last")),
    (MULTI, "", call(BCE, softmax(1), UNKNOWN)),
    (MULTI, "", call(BCE, softmax(), rows)),
    (MULTI, "", call(BCE, softmax(), shares)),
    (MULTI, "", call(BCE, softmax(), softmax())),
    (MULTI, "", call(BCE, softmax(), UNKNOWN, "argmax")),
    (MULTI, "several", call(BINARY, softmax(), UNKNOWN, "accuracy")),
    (MULTI, "", call(BCE, softmax(), UNKNOWN, "accuracy")),
    (MULTI, "several", call(BINARY, softmax(), rows)),
    (MULTI, "", call(BCE, sigmoid(5), tags)),
    (MULTI, "", call(BCEL, softmax(), tags)),
    (COMPETING, "proved", call(CE, linear, tags)),
    (COMPETING, "proved", call(CE, linear, drawn)),
    (COMPETING, "proved", call(CATEGORICAL, softmax(), tags)),
    (COMPETING, "", call(CE, linear, rows)),
    (COMPETING, "", call(CE, linear, shares)),
    (COMPETING, "", call(CE, linear, bits)),
    (COMPETING, "", call(CE, linear, numbers)),
    (COMPETING, "", call(CE, linear, one(Emission.MULTIHOT, by="torch.nn.functional.one_hot"))),
    (COMPETING, "", call(CE, linear, UNKNOWN)),
    (COMPETING, "", call(SPARSE, softmax(), tags)),
    (COMPETING, "", call(BCEL, linear, tags)),
    (COMPETING, "", call(CE, output(units=2), one(Emission.INDEX, units=2, rank=2, dtype="float", source="y"))),
    ("class-index-dtype", "", call(CE, linear, drawn)),
    (SINGLE, "renormalised", call(SPARSE, sigmoid(5), numbers)),
    (SINGLE, "renormalised", call(CATEGORICAL, sigmoid(5), rows)),
    (SINGLE, "", call(CATEGORICAL, sigmoid(5), tags)),
    (SINGLE, "", call(SPARSE, sigmoid())),
    (SINGLE, "", call(SPARSE, softplus)),
    (SINGLE, "", call(BINARY, sigmoid(5), rows)),
    (SINGLE, "", call(CE, sigmoid(5), numbers)),
    ("sparse-vs-one-hot-labels", "indices", call(CATEGORICAL, softmax(), numbers)),
    ("sparse-vs-one-hot-labels", "rows", call(SPARSE, softmax(), rows)),
    ("sparse-vs-one-hot-labels", "rows", call(SPARSE, linear, tags, **LOGITS)),
    ("sparse-vs-one-hot-labels", "", call(SPARSE, softmax(), numbers)),
    ("sparse-vs-one-hot-labels", "", call(CATEGORICAL, softmax(), rows)),
    ("sparse-vs-one-hot-labels", "", call(CATEGORICAL, softmax(), data)),
    ("sparse-vs-one-hot-labels", "", call(CATEGORICAL, softmax(), one(Emission.INDEX, units=5, rank=2))),
    ("sparse-vs-one-hot-labels", "", call(CE, linear, rows)),
    ("multi-hot-into-index-loss", "rows", call("torch.nn.MultiLabelMarginLoss", linear, tags)),
    ("multi-hot-into-index-loss", "rows", call("torch.nn.MultiLabelMarginLoss", linear, bits)),
    ("multi-hot-into-index-loss", "rows", call("torch.nn.MultiLabelMarginLoss", linear, drawn)),
    ("multi-hot-into-index-loss", "indices", call("timm.loss.SoftTargetCrossEntropy", linear, numbers)),
    ("multi-hot-into-index-loss", "", call("timm.loss.SoftTargetCrossEntropy", linear, rows)),
    ("multi-hot-into-index-loss", "", call("torch.nn.MultiLabelMarginLoss", linear, numbers)),
    ("multi-hot-into-index-loss", "", call("torch.nn.MultiLabelMarginLoss", linear, UNKNOWN)),
    ("multi-hot-into-index-loss", "", call("torch.nn.MultiLabelSoftMarginLoss", linear, tags)),
    ("multi-hot-into-index-loss", "", call(CE, linear, tags)),
    ("multi-hot-into-index-loss", "", call(SPARSE, softmax(), tags)),
)
def test_forms_of_labels(rule: str, grade: str, fact: Fact) -> None:
    assert said(rule, fact) == grade


@cases(
    (REGRESSION, "proved", call(BINARY, number, prices)),
    (REGRESSION, "proved", call(BCEL, number, signed)),
    (REGRESSION, "proved", call(BCE, sigmoid(), signed)),
    (REGRESSION, "proved", call(CE, linear, signed)),
    (REGRESSION, "", call(BCEL, number, unit)),
    (REGRESSION, "", call(BCEL, number, labels)),
    (REGRESSION, "", call(BCEL, number, data)),
    (REGRESSION, "", call(BCEL, number, one(Emission.SYM1))),
    (REGRESSION, "", call(BCEL, number, one(Emission.BND, low=0.0, high=1.2))),
    (REGRESSION, "", call(BCEL, number, one(Emission.NONNEG))),
    (REGRESSION, "", call(BCEL, number, one(Emission.LOGIT, by="torch.cat"))),
    (REGRESSION, "", call(BCEL, number, one(Emission.LOGIT, certainty="likely"))),
    (REGRESSION, "", call(BCEL, number, signed | labels)),
    (REGRESSION, "", call(BCEL, number, linear)),
    (REGRESSION, "", call(BCEL, number, signed, "target-is-input")),
    (REGRESSION, "", call(BCEL, output(rank=4), one(Emission.LOGIT, rank=4))),
    (REGRESSION, "", call(CE, linear, one(Emission.LOGIT, rank=1))),
    (REGRESSION, "", call(MSE, number, prices)),
    ("cosine-loss-on-single-unit", "proved", call(COSINE, number)),
    ("cosine-loss-on-single-unit", "proved", call("torch.nn.CosineEmbeddingLoss", number)),
    ("cosine-loss-on-single-unit", "", call(COSINE, linear)),
    ("cosine-loss-on-single-unit", "", call(COSINE, output(units=1, class_axis=1, rank=4))),
    ("cosine-loss-on-single-unit", "", call(COSINE, one(Emission.DATA, units=1))),
    ("cosine-loss-on-single-unit", "", call(MSE, number)),
    ("activation-on-value-head", "bounded", call(TORCH_MSE, softmax(), UNKNOWN, "discounted")),
    ("activation-on-value-head", "bounded", call(MAE, tanh, UNKNOWN, "discounted")),
    ("activation-on-value-head", "one-sided", call(TORCH_MSE, relu, UNKNOWN, "discounted")),
    ("activation-on-value-head", "", call(TORCH_MSE, tanh, UNKNOWN, "bootstrapped")),
    ("activation-on-value-head", "", call(TORCH_MSE, tanh, unit, "discounted")),
    ("activation-on-value-head", "", call(TORCH_MSE, linear, UNKNOWN, "discounted")),
    ("activation-on-value-head", "", call(CE, softmax(), UNKNOWN, "discounted")),
)
def test_losses_of_another_kind_of_task(rule: str, grade: str, fact: Fact) -> None:
    assert said(rule, fact) == grade


ACCURACY, STRING = "accuracy-metric-on-regression", "accuracy-string-on-multilabel"
CUT, DECIDED, FORMAT = "metric-threshold-on-logits", "metric-needs-decided-values", "metric-label-format"
logits = call(BINARY, number, labels, **LOGITS)
many = call(BINARY, sigmoid(5), data)


@cases(
    (ACCURACY, "quantity", metric("BinaryAccuracy", number, call(MSE, number, prices))),
    (ACCURACY, "quantity", metric("BinaryAccuracy", number, call(MAE, number))),
    (
        ACCURACY,
        "quantity",
        metric("BinaryAccuracy", rate, call(POISSON, rate)),
    ),
    (ACCURACY, "several", metric("CategoricalAccuracy", linear, call(MSE, linear, data))),
    (ACCURACY, "", metric("CategoricalAccuracy", linear, call(MSE, linear, rows))),
    (ACCURACY, "", metric("BinaryAccuracy", number, call(MSE, number, labels))),
    (ACCURACY, "", metric("BinaryAccuracy", number, logits)),
    (ACCURACY, "", metric("BinaryAccuracy", number)),
    (ACCURACY, "", metric("BinaryAccuracy", sigmoid(), call(MSE, sigmoid(), data))),
    (ACCURACY, "", metric("Poisson", number, call(MSE, number, prices))),
    (STRING, "labels", metric("CategoricalAccuracy", sigmoid(5), call(BINARY, sigmoid(5), tags))),
    (STRING, "several", metric("CategoricalAccuracy", sigmoid(5), many)),
    (STRING, "several", metric("CategoricalAccuracy", linear, call(BINARY, linear, data, **LOGITS))),
    (STRING, "pair", metric("CategoricalAccuracy", sigmoid(2), call(BINARY, sigmoid(2), data))),
    (STRING, "", metric("CategoricalAccuracy", sigmoid(5), call(BINARY, sigmoid(5), rows))),
    (STRING, "", metric("BinaryAccuracy", sigmoid(5), many)),
    (STRING, "", metric("CategoricalAccuracy", softmax(), call(CATEGORICAL, softmax(), rows))),
    (STRING, "", metric("CategoricalAccuracy", sigmoid(5), call(SPARSE, sigmoid(5)))),
    (CUT, "logits", metric("BinaryAccuracy", number, logits)),
    (CUT, "logits", metric("Recall", number, logits)),
    (CUT, "logits", metric("AUC", number, logits)),
    (CUT, "logits", metric("F1Score", number, logits, threshold=0.5)),
    (CUT, "logits", metric("segmentation_models_pytorch.metrics.get_stats", number, threshold=0.5)),
    (CUT, "", metric("segmentation_models_pytorch.metrics.get_stats", number, threshold=...)),
    (CUT, "", metric("segmentation_models_pytorch.metrics.get_stats", number, threshold=0.0)),
    (CUT, "", metric("BinaryAccuracy", number, logits, threshold=0.0)),
    (CUT, "", metric("AUC", number, logits, **LOGITS)),
    (CUT, "", metric("Precision", number, logits, thresholds=0)),
    (CUT, "", metric("Precision", number, logits, thresholds=[0.1, 0.5])),
    (CUT, "", metric("BinaryAccuracy", sigmoid(), call(BINARY, sigmoid()))),
    (CUT, "", metric("BinaryAccuracy", number, call(BINARY, number))),
    (CUT, "", metric("BinaryAccuracy", number, call(MSE, number))),
    (CUT, "", metric("BinaryCrossentropy", number, logits)),
    ("logits-used-as-probabilities", "metric", metric("BinaryCrossentropy", number, logits)),
    ("logits-used-as-probabilities", "", metric("BinaryAccuracy", number, logits)),
    ("logits-used-as-probabilities", "", metric("BinaryCrossentropy", number, logits, **LOGITS)),
    (DECIDED, "undecided", metric("MeanIoU", sigmoid(), call(BINARY, sigmoid()))),
    (DECIDED, "undecided", metric("Accuracy", softmax(), call(SPARSE, softmax()))),
    (DECIDED, "undecided", metric("sklearn.metrics.f1_score", linear)),
    (DECIDED, "", metric("MeanIoU", softmax(), call(SPARSE, softmax()), sparse_y_pred=False)),
    (DECIDED, "", metric("OneHotMeanIoU", softmax(), call(SPARSE, softmax()))),
    (DECIDED, "", metric("sklearn.metrics.f1_score", one(Emission.INDEX))),
    (DECIDED, "", metric("sklearn.metrics.f1_score", output(by="numpy.round"))),
    (DECIDED, "", metric("sklearn.metrics.f1_score", one(Emission.LOGIT))),
    ("f1-argmax-on-single-unit", "proved", metric("F1Score", sigmoid())),
    ("f1-argmax-on-single-unit", "proved", metric("FBetaScore", number, threshold=None)),
    ("f1-argmax-on-single-unit", "", metric("F1Score", sigmoid(), threshold=0.5)),
    ("f1-argmax-on-single-unit", "", metric("F1Score", sigmoid(), threshold=...)),
    ("f1-argmax-on-single-unit", "", metric("F1Score", softmax())),
    ("f1-argmax-on-single-unit", "", metric("F1Score", sigmoid(None))),
    (FORMAT, "categorical", metric("CategoricalAccuracy", softmax(), call(SPARSE, softmax()))),
    (FORMAT, "categorical", metric("CategoricalAccuracy", sigmoid(5), call(BINARY, sigmoid(5), numbers))),
    (FORMAT, "sparse", metric("SparseCategoricalAccuracy", softmax(), call(CATEGORICAL, softmax()))),
    (FORMAT, "sparse", metric("SparseTopKCategoricalAccuracy", softmax(), call(KL, softmax(), rows))),
    (FORMAT, "single", metric("SparseCategoricalAccuracy", sigmoid(), call(BINARY, sigmoid()))),
    (FORMAT, "", metric("CategoricalAccuracy", softmax(), call(CATEGORICAL, softmax()))),
    (FORMAT, "", metric("SparseCategoricalAccuracy", softmax(), call(SPARSE, softmax()))),
    (FORMAT, "", metric("CategoricalAccuracy", sigmoid(5), many)),
    (FORMAT, "", metric("BinaryAccuracy", sigmoid(), call(BINARY, sigmoid(), numbers))),
    (FORMAT, "", metric("CategoricalAccuracy", softmax())),
)
def test_metrics(rule: str, grade: str, fact: Fact) -> None:
    assert said(rule, fact) == grade


def weighed(*numbers: int) -> Compiled:
    return compiled((number, number), (MSE, MSE), weights=numbers[0])


COUNT, UNLIKE = "loss-count-vs-outputs", "one-loss-for-unlike-heads"


@cases(
    (COUNT, "fewer", compiled((number, linear), (MSE,))),
    (COUNT, "more", compiled((number,), (MSE, MSE))),
    (COUNT, "unknown", compiled((number, linear), (MSE, MSE), "dict", names=("a", "b"), keys=("a", "c"))),
    (COUNT, "missing", compiled((number, linear), (MSE,), "dict", names=("a", "b"), keys=("a",))),
    (COUNT, "weights", weighed(1)),
    (COUNT, "", weighed(2)),
    (COUNT, "", compiled((number, linear), (MSE,), "one")),
    (COUNT, "", compiled((number, linear), (MSE, MSE))),
    (COUNT, "", compiled((), (MSE, MSE))),
    (COUNT, "", compiled((number, linear), (MSE,), "dict", names=("a", ""), keys=("b",))),
    (COUNT, "", compiled((number, linear), (MSE, MAE), "dict", names=("a", "b"), keys=("b", "a"))),
    (UNLIKE, "unlike", compiled((softmax(), number), (MSE,), "one")),
    (UNLIKE, "unlike", compiled((softmax(), sigmoid()), (SPARSE,), "one")),
    (UNLIKE, "unlike", compiled((linear, number), (SPARSE,), "one")),
    (UNLIKE, "perhaps", compiled((sigmoid(), number), (MSE,), "one")),
    (UNLIKE, "", compiled((softmax(), softmax(9)), (SPARSE,), "one")),
    (UNLIKE, "", compiled((linear, number), (MSE,), "one")),
    (UNLIKE, "", compiled((relu, number), (MSE,), "one")),
    (UNLIKE, "", compiled((softmax(), UNKNOWN), (MSE,), "one")),
    (UNLIKE, "", compiled((softmax(), number), (SPARSE, MSE))),
    (UNLIKE, "", compiled((softmax(),), (MSE,), "one")),
)
def test_heads_and_losses(rule: str, grade: str, fact: Fact) -> None:
    assert said(rule, fact) == grade


def log(operand: Value, constant: float | None = None, form: str = "") -> Applied:
    return Applied(HERE, row("torch.log"), operand, constant=constant, form=form, words=WORDS)


def through(value: Value, name: str) -> Value:
    """The same as PyTorch makes it of scores."""
    return value.map(lambda way: way.replace(by=f"torch.nn.functional.{name}", inner=linear))


soft, squashed = through(softmax(), "softmax"), through(sigmoid(), "sigmoid")
EPSILON, HAND = "log-with-epsilon", "hand-written-cross-entropy"


@cases(
    (EPSILON, "proved", log(soft, 1e-8)),
    (EPSILON, "proved", log(squashed, 1e-8)),
    (EPSILON, "", log(soft)),
    (EPSILON, "", log(soft, 1.0)),
    (EPSILON, "", log(soft.map(lambda way: way.replace(gradient=False)), 1e-8)),
    (EPSILON, "", log(soft, 1e-8, "hand-binary")),
    (EPSILON, "", log(softplus, 1e-8)),
    (EPSILON, "", log(UNKNOWN, 1e-8)),
    (HAND, "hand-binary", log(squashed, form="hand-binary")),
    (HAND, "hand-categorical", log(soft, form="hand-categorical")),
    (HAND, "", log(soft, form="hand-binary")),
    (HAND, "", log(squashed, form="hand-categorical")),
    (HAND, "", log(squashed)),
    (HAND, "", log(squashed.map(lambda way: way.replace(gradient=False)), form="hand-binary")),
    ("log-of-softmax", "", log(soft, form="hand-categorical")),
    ("log-of-sigmoid", "", log(squashed, form="hand-binary")),
)
def test_logarithms(rule: str, grade: str, fact: Fact) -> None:
    assert said(rule, fact) == grade


def test_a_fix_of_a_flag_names_the_flag() -> None:
    (found,) = findings(FLAG, call(CATEGORICAL, softmax(), **LOGITS))
    assert found.fix is not None
    assert (found.fix.kind, found.fix.name, found.fix.text, found.fix.safety) == (
        "set-keyword", "from_logits", "False", "safe",
    )  # fmt: skip
    (found,) = findings(CUT, metric("AUC", number, logits))
    assert found.fix is not None
    assert (found.fix.name, found.fix.text) == ("from_logits", "True")


def test_only_a_categorical_loss_may_get_the_flag_without_a_second_look() -> None:
    """With one unit, metrics and thresholds at one half would go on reading the scores."""
    for fact, safety in ((call(SPARSE, linear), "safe"), (call(BINARY, number), "unsafe")):
        (found,) = findings(RAW, fact)
        assert found.fix is not None
        assert found.fix.safety == safety


def test_an_output_that_is_likely_stays_likely() -> None:
    likely = softmax(certainty="likely")
    assert findings(FLAG, call(CATEGORICAL, likely, **LOGITS))[0].certainty == "likely"
    assert findings(UNLIKE, compiled((likely, number), (MSE,), "one"))[0].certainty == "likely"


def test_a_binarizer_of_labels_may_have_made_one_hot_rows() -> None:
    binarised = one(Emission.MULTIHOT, units=5, rank=2, by="sklearn.preprocessing.MultiLabelBinarizer")
    for target, certainty in ((binarised, "likely"), (tags, "proved")):
        assert findings(COMPETING, call(CE, linear, target))[0].certainty == certainty
        assert findings(MULTI, call(BCE, softmax(), target))[0].certainty == certainty


def test_a_list_of_losses_that_is_yet_to_be_filled_counts_for_nothing() -> None:
    assert not findings(COUNT, compiled((number, linear), ()))

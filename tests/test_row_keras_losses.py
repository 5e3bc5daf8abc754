"""The rows about Keras's losses and metrics are claims: what they want is right, what they refuse is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from keras_rows import RUN, array, keras, resolve, torch
from rows import row

from outlayer_lint.knowledge import find
from outlayer_lint.lattice import Emission

pytestmark = pytest.mark.filterwarnings("ignore")  # of NumPy about torch
F: Any = torch.nn.functional
N, C = 6, 5
LOSSES = [n for n in RUN if (f := find(n)) and f[0].kind == "loss"]
FLAGGED = [n for n in LOSSES if "from_logits" in row(n).parameters]
METRICS = [n for n in RUN if (f := find(n)) and f[0].kind == "metric"]


def logits() -> Any:
    torch.manual_seed(1)
    return torch.randn(N, C) * 3


def index() -> Any:
    return torch.arange(N) % C


def positive() -> Any:
    return (logits().flip(0) > 0).float()


MADE: dict[str, Any] = {
    "logit": logits, "logp": lambda: F.log_softmax(logits(), 1), "logunit": lambda: F.logsigmoid(logits()),
    "simplex": lambda: logits().softmax(1), "unit": lambda: torch.sigmoid(logits()), "nonneg": lambda: F.relu(logits()),
    "pos": lambda: F.softplus(logits()), "sym1": lambda: torch.tanh(logits()), "unorm": lambda: F.normalize(logits()),
    "bnd": lambda: logits().clamp(-2, 3), "onehot": lambda: F.one_hot(index(), C).float(), "multihot": positive,
    "index": index, "binary": positive, "bool": lambda: positive() > 0, "hid": logits,
}  # fmt: skip


def called(name: str, prediction: Any, target: Any, **given: Any) -> Any:
    """The loss of a prediction and a target; a class is built first."""
    of, form = find(name) or pytest.fail(name)
    thing = resolve(name)
    if "generalized_cross_entropy" in name:
        given = {"q": 0.5, **given}
    if name.startswith("keras.ops.ctc"):
        prediction, target = prediction[None], target[None, :2] + 1
        return array(thing(target.int(), prediction, torch.tensor([2]), torch.tensor([N])))
    if of.family == "ctc":
        return array((thing(**given) if form == "module" else thing)(target[None, :2] + 1, prediction[None]))
    if form == "module":
        thing, given = thing(**given), {}
    return array(thing(target, prediction, **given))


def target_of(name: str) -> Any:
    of = row(name)
    return MADE[of.target[0]]() if of.target else logits().flip(0)


# ---- Losses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOSSES)
def test_what_is_wanted_is_taken(name: str) -> None:
    of = row(name)
    for word in (*of.wants, *of.accepts):
        prediction = MADE[word]()
        found = called(name, prediction.float(), target_of(name))
        assert found.isfinite().all(), word


@pytest.mark.parametrize("name", LOSSES)
def test_targets_are_taken(name: str) -> None:
    of = row(name)
    for word in of.target:
        target = MADE[word]()
        if of.family == "poisson" and word == "index":
            target = target[:, None].expand(N, C)  # counts, one for each rate
        assert called(name, MADE[of.wants[0]](), target).isfinite().all(), word


@pytest.mark.parametrize("name", [n for n in LOSSES if row(n).prediction and row(n).target_parameter])
def test_the_target_comes_first(name: str) -> None:
    of = row(name)
    assert of.call[:2] == (of.target_parameter, of.prediction)


@pytest.mark.parametrize("name", FLAGGED)
def test_logits_are_what_the_flag_says(name: str) -> None:
    of = row(name)
    flagged = of.under({"from_logits": True})
    assert flagged.wants == (Emission.LOGIT,)
    assert of.under({"from_logits": False}).wants == of.wants
    assert Emission.LOGIT not in (*of.wants, *of.accepts)
    unknown = of.under({"from_logits": ...})
    assert (unknown.wants, unknown.accepts, unknown.family, unknown.applies) == ((), (), "", "")
    scores, target = logits(), target_of(name)
    inside = {"sigmoid": torch.sigmoid, "softmax": lambda x: x.softmax(-1), "log-softmax": lambda x: x.softmax(-1)}
    probabilities = inside[flagged.applies](scores)
    expected = called(name, probabilities, target)
    assert torch.allclose(called(name, scores, target, from_logits=True), expected, atol=1e-3)
    # The other way round a number comes out as well, and it is another one.
    assert not torch.allclose(called(name, scores, target), expected, atol=1e-2)
    assert not torch.allclose(called(name, probabilities, target, from_logits=True), expected, atol=1e-2)


@pytest.mark.parametrize("name", [n for n in FLAGGED if row(n).family == "categorical"])
def test_classes_are_divided_by_their_sum(name: str) -> None:
    of = row(name)
    assert Emission.POS in of.accepts
    scores, target = F.softplus(logits()), target_of(name)
    expected = called(name, scores / scores.sum(-1, keepdim=True), target)
    assert torch.allclose(called(name, scores, target), expected, atol=1e-4)
    assert (of.class_axis, of.under({"axis": 1}).class_axis) in ((-1, 1), (-1, -1))


def test_a_generalised_cross_entropy_does_not_divide() -> None:
    name = "keras.losses.CategoricalGeneralizedCrossEntropy"
    assert Emission.POS not in row(name).accepts
    scores = F.softplus(logits())
    assert not torch.allclose(
        called(name, scores, index()), called(name, scores / scores.sum(-1, keepdim=True), index())
    )


def test_definitions() -> None:
    p, onehot, y = MADE["simplex"](), MADE["onehot"](), positive()
    losses = keras.losses
    expected = -p.log()[torch.arange(N), index()]
    assert torch.allclose(array(losses.categorical_crossentropy(onehot, p)), expected, atol=1e-5)
    assert torch.allclose(array(losses.sparse_categorical_crossentropy(index(), p)), expected, atol=1e-5)
    assert torch.allclose(array(losses.SparseCategoricalCrossentropy()(index(), p)), expected.mean(), atol=1e-5)
    u = MADE["unit"]()
    expected = F.binary_cross_entropy(u, y, reduction="none").mean(-1)
    assert torch.allclose(array(losses.binary_crossentropy(y, u)), expected, atol=1e-3)
    expected = (p.flip(0) * (p.flip(0) / p).log()).sum(-1)
    assert torch.allclose(array(losses.kl_divergence(p.flip(0), p)), expected, atol=1e-4)
    rate = MADE["pos"]()
    expected = (rate - y * rate.log()).mean(-1)
    assert torch.allclose(array(losses.poisson(y, rate)), expected, atol=1e-4)
    x, z = logits(), logits().flip(0)
    assert torch.allclose(array(losses.mean_squared_error(z, x)), (x - z).square().mean(-1))
    assert torch.allclose(array(losses.mean_absolute_error(z, x)), (x - z).abs().mean(-1))
    expected = (rate.add(1).log() - y.add(1).log()).square().mean(-1)
    assert torch.allclose(array(losses.mean_squared_logarithmic_error(y, rate)), expected, atol=1e-4)
    assert torch.allclose(array(losses.cosine_similarity(z, x)), -F.cosine_similarity(x, z), atol=1e-5)


def test_labels_of_hinge_are_converted() -> None:
    y, x = positive(), logits()
    assert set(row("keras.losses.hinge").target) == {Emission.SYM1, Emission.BINARY}
    assert torch.allclose(array(keras.losses.hinge(y, x)), array(keras.losses.hinge(2 * y - 1, x)))


def test_refused_and_silently_wrong() -> None:
    """What makes the wishes worth checking: a number comes out, or none at all."""
    x = logits()
    for name in ("categorical_crossentropy", "binary_crossentropy", "kl_divergence"):
        assert Emission.LOGIT not in (*row(f"keras.losses.{name}").wants, *row(f"keras.losses.{name}").accepts)
        assert array(getattr(keras.losses, name)(MADE["onehot"](), x)).isfinite().all()
    assert array(keras.losses.poisson(positive(), x)).isnan().any()
    assert Emission.LOGIT not in row("keras.losses.poisson").wants
    everything = array(keras.losses.categorical_crossentropy(MADE["onehot"](), torch.zeros(N, C)))
    assert everything.isnan().any()  # a ReLU may give a row of zeros
    assert Emission.NONNEG not in row("keras.losses.categorical_crossentropy").accepts


def test_one_unit_has_no_direction() -> None:
    y = array(keras.losses.cosine_similarity(torch.randn(N, 1), torch.randn(N, 1)))
    assert torch.allclose(y.abs(), torch.ones(N))
    assert row("keras.losses.CosineSimilarity").family == "cosine"


# ---- Metrics --------------------------------------------------------------------------------------------------------


def measured(name: str, prediction: Any, target: Any, **given: Any) -> float:
    made = resolve(name)
    if not isinstance(made, type):
        return float(array(made(target, prediction, **given)).float().mean())
    metric = made(**given)
    metric.update_state(target, prediction)
    return float(array(metric.result()).float().mean())


def labels(count: int = 400) -> tuple[Any, Any]:
    """Scores of one unit, and labels that hang on them."""
    torch.manual_seed(2)
    scores = torch.randn(count, 1) * 2
    return scores, (torch.rand(count, 1) < torch.sigmoid(scores)).float()


THRESHOLDED = [n for n in METRICS if row(n).threshold and row(n).threshold[2] == 0.5]


@pytest.mark.parametrize("name", THRESHOLDED)
def test_half_is_the_threshold_and_zero_that_of_logits(name: str) -> None:
    of = row(name)
    scores, y = labels()
    key = of.threshold[1]
    right = measured(name, torch.sigmoid(scores), y)
    assert right == pytest.approx(measured(name, torch.sigmoid(scores), y, **{key: 0.5}))
    assert right == pytest.approx(measured(name, scores, y, **{key: 0}), abs=1e-6) or of.shown == "BinaryIoU"
    assert right != pytest.approx(measured(name, scores, y), abs=1e-3)  # silently
    takes = of.takes["y_pred"]
    assert Emission.UNIT in takes
    assert Emission.LOGIT not in takes
    assert Emission.LOGIT in of.under({key: 0}).takes["y_pred"]
    assert of.under({key: ...}).takes == {}


def test_a_list_of_thresholds_says_nothing() -> None:
    assert row("keras.metrics.Recall").under({"thresholds": [0.2, 0.5]}).takes == {}
    assert row("keras.metrics.Precision").under({"top_k": 2}).takes == {}
    assert array(keras.metrics.Precision(thresholds=[0.2, 0.5]).result()).shape == (2,)


def test_area_under_the_curve() -> None:
    of = row("keras.metrics.AUC")
    scores, y = labels()
    right = measured(of.name, torch.sigmoid(scores), y)
    assert right == pytest.approx(measured(of.name, scores, y, from_logits=True), abs=5e-3)
    assert measured(of.name, torch.sigmoid(scores), y, from_logits=True) == pytest.approx(right, abs=5e-3)
    assert measured(of.name, scores, y) < right - 0.01
    assert Emission.LOGIT not in of.takes["y_pred"]
    assert {Emission.LOGIT, Emission.UNIT} <= set(of.under({"from_logits": True}).takes["y_pred"])


def test_f1_without_a_threshold_takes_the_argmax() -> None:
    of = row("keras.metrics.F1Score")
    scores, y = labels()
    assert of.takes == {}
    every = 2 * float(y.mean()) / (1 + float(y.mean()))  # all of them positive
    assert measured(of.name, torch.sigmoid(scores), y) == pytest.approx(every, abs=1e-4)
    assert Emission.UNIT in of.under({"threshold": 0.5}).takes["y_pred"]
    assert Emission.LOGIT in of.under({"threshold": 0}).takes["y_pred"]


@pytest.mark.parametrize(("name", "label"), [
    ("CategoricalAccuracy", "onehot"), ("SparseCategoricalAccuracy", "index"), ("TopKCategoricalAccuracy", "onehot"),
    ("SparseTopKCategoricalAccuracy", "index"), ("categorical_accuracy", "onehot"),
    ("sparse_categorical_accuracy", "index"), ("OneHotMeanIoU", "onehot"),
])  # fmt: skip
def test_ranking_metrics_take_any_score(name: str, label: str) -> None:
    of = row(f"keras.metrics.{name}")
    given = {"k": 2} if "TopK" in name else {"num_classes": C} if "IoU" in name else {}
    assert of.takes == {}
    assert label in of.target
    values = {measured(of.name, MADE[word](), MADE[label](), **given) for word in ("logit", "simplex", "logp", "unit")}
    assert len(values) == 1


def test_metrics_of_decided_values() -> None:
    for name, given in (("MeanIoU", {"num_classes": C}), ("IoU", {"num_classes": C, "target_class_ids": [0, 1]})):
        of = row(f"keras.metrics.{name}")
        assert measured(of.name, index(), index(), **given) == pytest.approx(1)
        with pytest.raises((RuntimeError, ValueError)):
            measured(of.name, MADE["simplex"](), index(), **given)
        assert Emission.INDEX in of.takes["y_pred"]
        assert of.under({"sparse_y_pred": False}).takes == {}
        assert measured(of.name, MADE["onehot"](), index(), sparse_y_pred=False, **given) == pytest.approx(1)
    assert measured("keras.metrics.Accuracy", torch.sigmoid(labels()[0]), labels()[1]) == 0
    assert Emission.UNIT not in row("keras.metrics.Accuracy").takes["y_pred"]


@pytest.mark.parametrize(("name", "label"), [
    ("BinaryCrossentropy", "binary"), ("CategoricalCrossentropy", "onehot"), ("SparseCategoricalCrossentropy", "index"),
])  # fmt: skip
def test_cross_entropies_as_metrics(name: str, label: str) -> None:
    of = row(f"keras.metrics.{name}")
    assert of.constructor[2] == "from_logits"
    assert label in of.target
    inside = torch.sigmoid if label == "binary" else lambda x: x.softmax(-1)
    right = measured(of.name, inside(logits()), MADE[label]())
    assert right == pytest.approx(measured(of.name, logits(), MADE[label](), from_logits=True), abs=1e-3)
    assert right != pytest.approx(measured(of.name, logits(), MADE[label]()), abs=1e-2)
    assert Emission.LOGIT not in of.takes["y_pred"]
    assert Emission.LOGIT in of.under({"from_logits": True}).takes["y_pred"]
    assert of.under({"from_logits": ...}).takes == {}

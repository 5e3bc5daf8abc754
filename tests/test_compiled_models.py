"""What `compile` tells: which heads meet which losses, which metrics, and when nothing is said at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from outlayer_lint.engine import prepare
from outlayer_lint.facts import Compiled, Consumed, LossCall
from outlayer_lint.resolve.project import Project

if TYPE_CHECKING:
    from pathlib import Path

    from outlayer_lint.facts import Fact

HEAD = """
import numpy as np
from tensorflow import keras
from tensorflow.keras import Input, Model, Sequential, layers, losses
"""
TWO = """
given = Input((4,))
model = Model(given, [layers.Dense(3, activation="softmax", name="kind")(given), layers.Dense(1, name="size")(given)])
"""


def facts_of(folder: Path, **sources: str) -> list[Fact]:
    """The facts of a project of a few files."""
    paths = []
    for name, source in sources.items():
        path = folder / f"{name}.py"
        path.write_text(HEAD + source, encoding="utf-8")
        paths.append(str(path))
    inquiry = prepare(Project(str(folder), sorted(paths)))
    assert inquiry is not None
    found: list[Fact] = []
    for file in inquiry.driver.project.framework_files:
        for event in inquiry.ask(file):
            found.extend(fact for fact, _ in event.facts)
    return found


def losses_of(folder: Path, **sources: str) -> list[str]:
    """`loss: what the head emits`, for each loss call."""
    return sorted(
        f"{fact.loss.shown}: {'|'.join(map(repr, fact.prediction))}"
        for fact in facts_of(folder, **sources)
        if isinstance(fact, LossCall)
    )


FITTED = "model.fit(x, y)\n"
PAIRED = ["categorical_crossentropy: simplex(-1), 3 units", "mse: logit, 1 unit"]
ONE = "model = Sequential([layers.Dense(2)])\n"


@pytest.mark.parametrize(
    "given",
    [
        '["categorical_crossentropy", "mse"]',
        '{"size": "mse", "kind": "categorical_crossentropy"}',
        '["categorical_crossentropy", ["mse"]]',
    ],
)
def test_heads_and_losses_are_matched_by_name_or_place(tmp_path: Path, given: str) -> None:
    assert losses_of(tmp_path, main=f"{TWO}model.compile('adam', loss={given})\n{FITTED}") == PAIRED


def test_one_loss_is_for_every_head(tmp_path: Path) -> None:
    found = losses_of(tmp_path, main=f"{TWO}model.compile('adam', 'mse')\n{FITTED}")
    assert found == ["mse: logit, 1 unit", "mse: simplex(-1), 3 units"]


@pytest.mark.parametrize("given", ['["mse"] * 3', '{"other": "mse"}', "some_loss", '"no such loss"', "[]"])
def test_what_cannot_be_matched_is_silent(tmp_path: Path, given: str) -> None:
    assert losses_of(tmp_path, main=f"{TWO}model.compile('adam', loss={given})\n{FITTED}") == []


@pytest.mark.parametrize(
    "given",
    [
        '"mse"', '"MeanSquaredError"', "keras.losses.mean_squared_error", "keras.losses.MeanSquaredError",
        "losses.MeanSquaredError()", 'keras.losses.get("mse")', '{"loss": "mse"}["loss"]',
    ],
)  # fmt: skip
def test_a_loss_is_a_string_a_function_a_class_or_an_object(tmp_path: Path, given: str) -> None:
    found = losses_of(tmp_path, main=f"{ONE}model.compile('adam', loss={given})\n{FITTED}")
    assert [text.partition(": ")[2] for text in found] == ["logit, 2 units"]


SILENT = {
    "never trained": f"{ONE}model.compile('adam', 'mse')\nmodel.predict(x)\n",
    "another one is trained": f"{ONE}model.compile('adam', 'mse')\nother = Sequential([layers.Dense(1)])\n"
    "other.compile('adam')\nother.fit(x, y)\n",
    "the other model of a builder is trained": "def build():\n    return Sequential([layers.Dense(2)])\n"
    "model = build()\nmodel.compile('adam', 'mse')\nother = build()\nother.compile('adam')\nother.fit(x, y)\n",
    "compiled again": f"{ONE}model.compile('adam', 'mse')\nmodel.compile('adam')\nmodel.fit(x, y)\n",
    "a step of its own": """
class Own(Model):
    def __init__(self):
        super().__init__()
        self.last = layers.Dense(2)
    def call(self, x):
        return self.last(x)
    def train_step(self, data):
        return {}
model = Own()
model.compile('adam', 'mse')
model.fit(x, y)
""",
    "the generator of a GAN": """
generator = Sequential([layers.Dense(8, activation="tanh")])
generator.compile(loss="binary_crossentropy", optimizer="adam")
noise = Input((4,))
both = Model(noise, Sequential([layers.Dense(1)])(generator(noise)))
both.compile(optimizer="adam")
both.train_on_batch(x, y)
""",
}


@pytest.mark.parametrize("name", SILENT)
def test_a_loss_that_is_never_computed_is_silent(tmp_path: Path, name: str) -> None:
    assert losses_of(tmp_path, main=SILENT[name]) == []


TRAINED = {
    "in place": {"main": f"{ONE}model.compile('adam', 'mse')\n{FITTED}"},
    "by a function": {"main": f"def train(net):\n    net.fit(x, y)\n{ONE}model.compile('adam', 'mse')\ntrain(model)\n"},
    "by whoever calls the builder": {
        "main": f"def build():\n    {ONE}    model.compile('adam', 'mse')\n    return model\n"
    },
    "in another file": {
        "nets": f"def build():\n    {ONE}    model.compile('adam', 'mse')\n    return model\n",
        "main": "from nets import build\nbuild().fit(x, y)\n",
    },
    "a step that asks for the loss": {
        "main": """
class Own(Model):
    def __init__(self):
        super().__init__()
        self.last = layers.Dense(2)
    def call(self, x):
        return self.last(x)
    def train_step(self, data):
        x, y = data
        return self.compiled_loss(y, self(x, training=True))
model = Own()
model.compile('adam', 'mse')
model.fit(x, y)
"""
    },
}


@pytest.mark.parametrize("name", TRAINED)
def test_a_trained_model_is_judged_wherever_it_is_trained(tmp_path: Path, name: str) -> None:
    assert losses_of(tmp_path, **TRAINED[name]) == ["mse: logit, 2 units"]


def test_a_function_that_is_passed_is_called_with_targets_and_outputs(tmp_path: Path) -> None:
    source = """
def weighted(gamma):
    def inner(y_true, y_pred):
        return gamma * losses.binary_crossentropy(y_true, y_pred)
    return inner
class Own(losses.Loss):
    def call(self, y_true, y_pred):
        return losses.mean_squared_error(y_true, y_pred)
"""
    found = losses_of(tmp_path, main=f"{source}{TWO}model.compile('adam', [weighted(2), Own()])\n{FITTED}")
    assert found == ["binary_crossentropy: simplex(-1), 3 units", "mean_squared_error: logit, 1 unit"]


def test_targets_are_what_the_model_is_fitted_to(tmp_path: Path) -> None:
    source = "y = keras.utils.to_categorical(np.random.randint(0, 3, 100), 3)\n"
    for fact in facts_of(tmp_path, main=f"{source}{ONE}model.compile('adam', 'mse')\n{FITTED}"):
        if isinstance(fact, LossCall):
            assert repr(fact.target) == "onehot(-1), 3 units"
            assert not fact.evidence("target-is-input")


def test_an_autoencoder_is_fitted_to_its_input(tmp_path: Path) -> None:
    calls = [
        fact
        for fit in ("model.fit(x, x)", "model.fit(x + np.random.normal(size=3), x)")
        for fact in facts_of(tmp_path, main=f"x = np.load('x')\n{ONE}model.compile('adam', 'mse')\n{fit}\n")
        if isinstance(fact, LossCall)
    ]
    assert len(calls) == 2
    assert all(call.evidence("target-is-input") for call in calls)


def test_metrics_and_the_whole(tmp_path: Path) -> None:
    source = f"{ONE}model.compile('adam', 'mse', metrics=['accuracy', keras.metrics.AUC()], loss_weights=[1.0])\n"
    facts = facts_of(tmp_path, main=source + FITTED)
    metrics = [fact for fact in facts if isinstance(fact, Consumed)]
    assert {metric.consumer.shown for metric in metrics} >= {"AUC"}
    assert all([call.loss.shown for call in metric.trained] == ["mse"] for metric in metrics)
    (whole,) = [fact for fact in facts if isinstance(fact, Compiled)]
    assert (whole.form, whole.weights, len(whole.heads)) == ("one", 1, 1)

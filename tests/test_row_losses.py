"""The rows about torch's losses are claims: what they want is right, what they refuse is wrong, and both are run."""

from __future__ import annotations

import inspect
import math
from typing import Any

import pytest
from rows import row

from outlayer_lint.knowledge import Row, find
from outlayer_lint.knowledge.table import load
from outlayer_lint.lattice import Emission

torch: Any = pytest.importorskip("torch", reason="the rows about torch are run against an installed torch")
F: Any = torch.nn.functional

N, C = 6, 5
LOSSES = sorted(
    n for n in load()["names"] if n.startswith("torch.nn.functional.") and (f := find(n)) and f[0].kind == "loss"
)


def logits(*shape: int) -> Any:
    torch.manual_seed(1)
    return torch.randn(*(shape or (N, C))) * 3


def index() -> Any:
    return torch.arange(N) % C


def positive() -> Any:
    return (logits() > 0).float()


MADE: dict[str, Any] = {
    "logit": logits, "logp": lambda: F.log_softmax(logits(), 1), "logunit": lambda: F.logsigmoid(logits()),
    "simplex": lambda: logits().softmax(1), "unit": lambda: torch.sigmoid(logits()), "nonneg": lambda: F.relu(logits()),
    "pos": lambda: F.softplus(logits()), "sym1": lambda: torch.tanh(logits()), "unorm": lambda: F.normalize(logits()),
    "bnd": lambda: logits().clamp(-2, 3), "onehot": lambda: F.one_hot(index(), C).float(),
    "multihot": positive, "index": index, "binary": positive,
    "bool": lambda: logits() > 0, "hid": logits,
}  # fmt: skip
# What a loss needs beside its inputs, and targets that say more than their emission does.
SHAPES: dict[str, Any] = {
    "multilabel_margin_loss": {"index": lambda: torch.tensor([[0, 3, -1, -1, -1]] * N)},
    "multi_margin_loss": {}, "soft_margin_loss": {"sym1": lambda: torch.where(logits() > 0, 1.0, -1.0)},
    "hinge_embedding_loss": {"sym1": lambda: torch.where(logits() > 0, 1.0, -1.0)},
    "margin_ranking_loss": {"sym1": lambda: torch.where(logits() > 0, 1.0, -1.0)},
    "cosine_embedding_loss": {"sym1": lambda: torch.where(logits()[:, 0] > 0, 1.0, -1.0)},
    "poisson_nll_loss": {"index": lambda: index()[:, None].float().expand(N, C)},
}  # fmt: skip


def called(name: str, of: Row, prediction: Any, target: Any) -> Any:
    """The functional loss on a prediction and a target, with whatever else it takes."""
    short = name.rpartition(".")[2]
    loss = getattr(F, short)
    if short == "ctc_loss":
        times = torch.full((2,), N)
        return loss(
            prediction.view(N, 1, C).expand(N, 2, C), torch.ones(2, 2, dtype=torch.long), times, torch.full((2,), 2)
        )
    if short == "linear_cross_entropy":
        return loss(prediction, torch.randn(C, C), target)
    if short == "gaussian_nll_loss":
        return loss(prediction, target, MADE[of.takes["var"][0]]())
    if of.target_parameter == "":
        return loss(prediction, logits(), logits())
    if of.call[1] != of.target_parameter:
        return loss(prediction, prediction.flip(0), target)
    return loss(prediction, target)


@pytest.mark.filterwarnings("ignore:reduction")
@pytest.mark.parametrize("name", LOSSES)
def test_what_is_wanted_and_accepted_works(name: str) -> None:
    """Every pair of a right prediction and a right target gives a finite number and a gradient."""
    of = row(name)
    special = SHAPES.get(name.rpartition(".")[2], {})
    targets = [special.get(str(t), MADE[t])() for t in of.target] or [logits()]
    assert of.wants
    for emission in of.wants + of.accepts:
        for target in targets:
            prediction = MADE[emission]().detach().requires_grad_()
            loss = called(name, of, prediction, target)
            assert loss.dim() == 0
            assert loss.isfinite(), (emission, target)
            loss.backward()
            assert prediction.grad.isfinite().all()


@pytest.mark.parametrize("name", LOSSES)
def test_reduction_default(name: str) -> None:
    signature = inspect.signature(getattr(F, name.rpartition(".")[2]))
    assert row(name).reduction == ("argument", "reduction", signature.parameters["reduction"].default)


@pytest.mark.parametrize("name", [n for n in LOSSES if row(n).class_axis is not None and "ctc" not in n])
def test_class_axis(name: str) -> None:
    """The axis that the target does not have, or that a target of indices counts along."""
    of = row(name)
    assert of.class_axis == 1
    loss = getattr(F, name.rpartition(".")[2])
    if name.endswith(("cross_entropy", "nll_loss")):
        assert loss(logits(2, C, 7).log_softmax(1), torch.full((2, 7), C - 1)).isfinite()
    with pytest.raises((RuntimeError, IndexError)):
        loss(logits(2, 3), torch.tensor([0, C]) if "multilabel" not in name else torch.ones(2, C, dtype=torch.long))


def test_what_the_loss_applies() -> None:
    z, y = logits(), index()
    assert row("torch.nn.CrossEntropyLoss").applies == "log-softmax"
    assert torch.allclose(F.cross_entropy(z, y), F.nll_loss(z.log_softmax(1), y))
    assert row("torch.nn.NLLLoss").applies == ""
    assert torch.allclose(F.nll_loss(z.log_softmax(1), y), -z.log_softmax(1)[torch.arange(N), y].mean())
    t = (z > 1).float()
    assert row("torch.nn.BCEWithLogitsLoss").applies == "sigmoid"
    assert torch.allclose(F.binary_cross_entropy_with_logits(z, t), F.binary_cross_entropy(z.sigmoid(), t), atol=1e-4)
    assert row("torch.nn.BCELoss").applies == ""
    p = z.sigmoid()
    assert torch.allclose(F.binary_cross_entropy(p, t), -(t * p.log() + (1 - t) * (1 - p).log()).mean(), atol=1e-4)
    assert row("torch.nn.MultiLabelSoftMarginLoss").applies == "sigmoid"
    assert torch.allclose(F.multilabel_soft_margin_loss(z, t), F.binary_cross_entropy_with_logits(z, t), atol=1e-4)


def test_log_probabilities_into_cross_entropy_are_harmless() -> None:
    z, y = logits(), index()
    assert Emission.LOGP in row("torch.nn.CrossEntropyLoss").accepts
    assert torch.allclose(F.cross_entropy(z.log_softmax(1), y), F.cross_entropy(z, y))
    for wrong in (z.softmax(1), z.sigmoid(), z.tanh()):
        assert not torch.allclose(F.cross_entropy(wrong, y), F.cross_entropy(z, y), atol=1e-2)


@pytest.mark.filterwarnings("ignore:reduction")
def test_kl_div_is_the_divergence() -> None:
    q, p = logits().log_softmax(1), logits(N, C).flip(0).softmax(1)
    exact = (p * (p.log() - q)).sum() / N
    assert torch.allclose(F.kl_div(q, p, reduction="batchmean"), exact, atol=1e-5)
    of = row("torch.nn.KLDivLoss")
    assert of.wants == (Emission.LOGP, Emission.LOGUNIT)
    assert Emission.SIMPLEX in of.target
    assert torch.allclose(F.kl_div(q, p.log(), reduction="batchmean", log_target=True), exact, atol=1e-5)
    assert of.under({"log_target": True}).target == (Emission.LOGP, Emission.LOGUNIT)
    assert of.under({"log_target": ...}).target == ()
    assert F.kl_div(q, p.log()).isnan()
    assert F.kl_div(q.exp(), p) < 0


def test_binary_cross_entropy_refuses_what_leaves_the_unit_interval() -> None:
    t = torch.ones(N, C)
    of = row("torch.nn.BCELoss")
    for emission in Emission:
        if emission in (Emission.UNIT, Emission.SIMPLEX, *of.wants, *of.accepts) or str(emission) not in MADE:
            continue
        x = MADE[emission]()
        if x.dtype != torch.float32 or (x.min() >= 0 and x.max() <= 1):
            continue
        with pytest.raises(RuntimeError, match="between 0 and 1"):
            F.binary_cross_entropy(x, t)


def test_nll_takes_anything_silently_and_goes_below_zero() -> None:
    y = index()
    assert row("torch.nn.NLLLoss").wants == (Emission.LOGP,)
    assert F.nll_loss(logits().softmax(1), y) < 0
    assert F.nll_loss(F.one_hot(y, C) * 100.0, y) == -100


def test_poisson_takes_the_rate_or_its_logarithm() -> None:
    rate, counts = F.softplus(logits()), torch.full((N, C), 2.0)
    of = row("torch.nn.PoissonNLLLoss")
    assert of.wants == (Emission.LOGIT,)
    assert of.under({"log_input": False}).wants == (Emission.POS, Emission.NONNEG)
    assert torch.allclose(F.poisson_nll_loss(rate.log(), counts), (rate - counts * rate.log()).mean(), atol=1e-4)
    assert torch.allclose(
        F.poisson_nll_loss(rate, counts, log_input=False), F.poisson_nll_loss(rate.log(), counts), atol=1e-4
    )
    assert F.poisson_nll_loss(logits(), counts, log_input=False).isnan()


def test_gaussian_variance_must_be_positive() -> None:
    of = row("torch.nn.GaussianNLLLoss")
    assert set(of.takes["var"]) == {Emission.POS, Emission.NONNEG, Emission.UNIT}
    with pytest.raises(ValueError, match="negative"):
        F.gaussian_nll_loss(logits(), logits(), logits())
    assert F.gaussian_nll_loss(logits(), logits(), logits().exp()).isfinite()
    assert torch.nn.GaussianNLLLoss()(logits(), logits(), logits().exp()).isfinite()
    assert of.call == ("input", "target", "var")


def test_ctc_is_time_first_over_log_probabilities() -> None:
    of = row("torch.nn.CTCLoss")
    assert (of.wants, of.class_axis) == ((Emission.LOGP,), 2)
    z = logits(7, 2, C)
    lengths, targets = torch.full((2,), 7), torch.ones(2, 3, dtype=torch.long)
    one = F.ctc_loss(z.log_softmax(2), targets, lengths, torch.full((2,), 3))
    assert one > 0
    assert F.ctc_loss(z * 10, targets, lengths, torch.full((2,), 3)) < one


def test_margin_targets_are_signs() -> None:
    for name in ("soft_margin_loss", "hinge_embedding_loss", "margin_ranking_loss", "cosine_embedding_loss"):
        assert row(f"torch.nn.functional.{name}").target == (Emission.SYM1,)
    z = logits().requires_grad_()
    F.soft_margin_loss(z, torch.zeros(N, C)).backward()
    assert not z.grad.any()  # a class of zeros teaches nothing


def test_adaptive_loss() -> None:
    of = row("torch.nn.AdaptiveLogSoftmaxWithLoss")
    torch.manual_seed(0)
    layer = torch.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5])
    hidden = torch.randn(N, 8)
    result = layer(hidden, torch.arange(N))
    assert list(of.returns) == list(result._fields)
    log_prob = find("torch.nn.AdaptiveLogSoftmaxWithLoss.log_prob")
    assert log_prob is not None
    assert (log_prob[0].emits, log_prob[0].axis, log_prob[1]) == (Emission.LOGP, 1, "method")
    assert torch.allclose(layer.log_prob(hidden).exp().sum(1), torch.ones(N), atol=1e-5)
    assert layer.predict(hidden).dtype == torch.long
    assert torch.nn.LinearCrossEntropyLoss(8, 20)(hidden, torch.arange(N)).isfinite()


# ---- Distributions and samplers -------------------------------------------------------------------------------------

DISTRIBUTIONS = sorted(
    n
    for n in load()["names"]
    if n.startswith("torch.distributions.") and (f := find(n)) and f[0].kind == "distribution"
)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_distribution_takes(name: str) -> None:
    of = row(name)
    law = getattr(torch.distributions, name.rpartition(".")[2])
    needed = {
        "total_count": 3,
        "temperature": torch.tensor(0.5),
        "loc": torch.zeros(N, C),
        "low": torch.zeros(N),
        "high": torch.ones(N),
    }
    given = {k: v for k, v in needed.items() if k in of.parameters}
    others = {k: F.softplus(logits()) for k in of.takes if k not in ("probs", "logits")}
    if "covariance_matrix" in of.parameters:
        given["covariance_matrix"] = torch.eye(C)
    for parameter, emissions in of.takes.items():
        for emission in emissions:
            x = MADE[emission]()
            x = x + 1e-3 if emission in (Emission.NONNEG, Emission.UNIT) and parameter not in ("probs", "logits") else x
            x = (
                x.clamp(0.001, 0.999)
                if name.endswith(("Geometric", "NegativeBinomial")) and parameter == "probs"
                else x
            )
            made = law(**given, **{**others, parameter: x}, validate_args=True)
            assert made.sample() is not None
        if parameter != "logits":
            with pytest.raises(ValueError, match=parameter.rstrip("01")):
                law(**given, **{**others, parameter: logits()}, validate_args=True)


def test_first_positional_of_a_categorical_is_probs() -> None:
    assert row("torch.distributions.Categorical").constructor[0] == "probs"
    p = logits().softmax(1)
    assert torch.allclose(torch.distributions.Categorical(p).probs, p)
    flat = torch.distributions.Categorical(logits=p).probs.max()
    assert flat <= math.e / (math.e + C - 1) + 1e-6


HALF = {"temperature": torch.tensor(0.5)}


@pytest.mark.parametrize(("name", "law"), [
    ("Categorical", {"logits": logits()}), ("OneHotCategorical", {"logits": logits()}),
    ("Bernoulli", {"logits": logits()}), ("RelaxedBernoulli", {**HALF, "logits": logits()}),
    ("RelaxedOneHotCategorical", {**HALF, "logits": logits()}), ("Dirichlet", {"concentration": torch.ones(N, C)}),
])  # fmt: skip
def test_samples(name: str, law: dict[str, Any]) -> None:
    found = find(f"torch.distributions.{name}.sample")
    assert found is not None
    emits = found[0].emits
    y = getattr(torch.distributions, name)(**law).sample()
    low, high = float(y.min()), float(y.max())
    assert low >= 0
    if emits is Emission.INDEX:
        assert high < C
        assert y.dtype == torch.long
    else:
        assert high <= 1
    if emits in (Emission.ONEHOT, Emission.SIMPLEX):
        assert torch.allclose(y.sum(-1), torch.ones(N), atol=1e-4)
    if emits in (Emission.ONEHOT, Emission.BINARY):
        assert set(y.unique().tolist()) <= {0.0, 1.0}


def test_samplers_refuse_logits() -> None:
    for name in ("multinomial", "bernoulli"):
        of = row(f"torch.{name}")
        given = {"num_samples": 1} if name == "multinomial" else {}
        for emission in of.takes["input"]:
            x = MADE[emission]() + (0.01 if name == "multinomial" else 0)
            assert getattr(torch, name)(x, **given) is not None
        with pytest.raises(RuntimeError):
            getattr(torch, name)(logits(), **given)

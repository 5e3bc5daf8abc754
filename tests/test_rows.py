"""The rows about torch are claims: every spelling exists, the parameters are torch's, and what is claimed holds."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
from rows import assert_kept, resolve, row, value

from outlayer_lint.knowledge import Row, find
from outlayer_lint.knowledge.table import load
from outlayer_lint.lattice import Emission

torch: Any = pytest.importorskip("torch", reason="the rows about torch are run against an installed torch")
F: Any = torch.nn.functional

NAMES = sorted(name for name in load()["names"] if name.startswith("torch."))
NARROW = 1e-5  # single precision
EXTREMES = (0.0, 1e-8, -1e-8, 3.0, -3.0, 20.0, -20.0, 88.0, -88.0, 300.0, -300.0, 1e30, -1e30)


def numbers(*shape: int) -> Any:
    """Random numbers of several sizes, with every extreme among them."""
    torch.manual_seed(0)
    x = torch.randn(*shape) * 4
    flat = x.view(-1)
    flat[: len(EXTREMES)] = torch.tensor(EXTREMES[: len(flat)])
    return x


# ---- Names and parameters -------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_every_spelling_exists(name: str) -> None:
    assert resolve(name) is not None


def referred(of: Row) -> set[str]:
    """The parameters that a row refers to by name: these are looked up as keywords, so they must be right."""
    specs = (of.axis, of.units, of.low, of.high, of.rank, of.dim, of.reduction)
    names = {spec[1] for spec in specs if isinstance(spec, tuple) and spec and spec[0] in ("argument", "item")}
    names |= {case["argument"] for case in of.when} | set(of.takes)
    if of.kind == "loss":
        names |= {of.prediction, of.target_parameter} - {""}
    return names


def described(thing: Any) -> list[list[str]]:
    """The parameters of a builtin as the first lines of its documentation give them."""
    found = []
    for line in (thing.__doc__ or "").strip().splitlines():
        match = re.match(r"(?:\.\. function:: )?[\w.]+\((.*?)\)\s*(->.*)?$", line.strip())
        if match:
            names = [
                re.split("[=:]", part)[0].strip().lstrip("*") for part in re.sub(r"\([^)]*\)", "", match[1]).split(",")
            ]
            found.append([name for name in names if name not in ("", "/")])
    return found


# Builtins that torch does not document, or documents with the wrong words (`narrow(dimension=...)`).
UNDOCUMENTED = frozenset(
    "torch.Tensor.narrow torch.concatenate torch.Tensor.log_softmax torch.log_softmax torch.clamp_ torch.clip_"
    " torch.index_fill torch.split_with_sizes torch.Tensor.split_with_sizes torch.clamp_max"
    " torch.clamp_min torch.Tensor.clamp_max torch.Tensor.clamp_max_ torch.Tensor.clamp_min"
    " torch.Tensor.clamp_min_ torch.celu torch.celu_"
    " torch.Tensor.cummax torch.Tensor.cummin torch.all torch.any torch.nn.functional.elu_"
    " torch.nn.functional.hardtanh_ torch.searchsorted".split()
)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_torchs(name: str) -> None:
    found = find(name)
    assert found is not None
    of, form = found
    thing = resolve(name)
    try:
        real = list(inspect.signature(thing).parameters.values())
    except (TypeError, ValueError):
        if name not in UNDOCUMENTED and not inspect.isclass(thing):
            documented = {one for names in described(thing) for one in names}
            assert not referred(of) - {*of.call[:1]} - documented, f"{name} documents {sorted(documented)}"
        return
    if any(one.kind is one.VAR_POSITIONAL for one in real):
        return
    known = [one.name for one in real if one.kind is not one.VAR_KEYWORD]
    if form == "module":
        claimed = list(of.constructor)
        call = (
            [one for one in inspect.signature(thing.forward).parameters if one != "self"]
            if hasattr(thing, "forward")
            else []
        )
        assert (
            not call or of.form != "module" or not of.call or call[: len(of.call)] == list(of.call) or len(of.call) == 1
        )
    else:
        claimed = list(of.parameters)
    if form == "method":
        known, claimed = known[1:], claimed[1:]
    claimed = [one for one in claimed if one != of.variadic]
    if name == "torch.split":  # its second parameter has another name than the method's
        claimed = ["split_size_or_sections" if one == "split_size" else one for one in claimed][1:]
        known = known[1:]
    assert known[: len(claimed)] == claimed


# ---- What is emitted ------------------------------------------------------------------------------------------------

ACTIVATIONS = [name for name in NAMES if (found := find(name)) and found[0].transfer in ("normalises", "bounds")]
MORE = {
    "torch.prelu": [torch.tensor(0.25)],
    "torch.nn.functional.prelu": [torch.tensor(0.25)],
    "torch.Tensor.prelu": [torch.tensor(0.25)],
}
ARGUMENTS = {"dim": 1, "threshold": 0.1, "value": 0.0, "other": torch.ones(())}


def applied(name: str, x: Any) -> Any:
    """The callable applied to `x`, with the arguments that it cannot do without."""
    of, form = find(name) or pytest.fail(name)
    thing = resolve(name)
    needed = [one for one in ("dim", "threshold", "value") if one in of.constructor and one != "dim"]
    given: dict[str, Any] = {one: ARGUMENTS[one] for one in needed if of.shown == "threshold"}
    if "dim" in of.constructor and "gumbel" not in name:
        given["dim"] = 1
    if form == "module":
        return thing(**given)(x)
    rest = MORE.get(name, [torch.ones_like(x)] if of.inputs == 2 else [])
    return thing(x.clone(), *rest, **given)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_emission_is_kept(name: str) -> None:
    of = row(name)
    x = numbers(4, 6, 5, 4)
    if of.emits is Emission.UNORM:
        x = x.double()  # the square of 1e30 is no single
    if name == "torch.poisson":
        x = x.abs().clamp(max=1e6)  # takes rates, and overflows for absurd ones
    axis = of.axis if isinstance(of.axis, int) else 1 if isinstance(of.axis, tuple) and of.axis[2] != -1 else -1
    assert_kept(of, x, applied(name, x), axis, halved=1)


@pytest.mark.parametrize(
    "name",
    [n for n in ACTIVATIONS if row(n).transfer == "bounds" and row(n).emits is Emission.LOGIT and row(n).how == ""],
)
@pytest.mark.filterwarnings("ignore")
def test_unbounded_is_unbounded(name: str) -> None:
    y = applied(
        name,
        torch.linspace(-0.999, 0.999, 60).view(3, 20)
        if "atanh" in name or "arctanh" in name
        else torch.linspace(-9, 9, 60).view(3, 20),
    )
    assert y.max() > 1 or y.min() < -1
    assert (
        name
        in ("torch.nn.Threshold", "torch.nn.functional.threshold", "torch.threshold", "torch.nn.functional.threshold_")
        or y.min() < 0
    )


def test_bounds_are_tight() -> None:
    for name in ("silu", "gelu", "mish", "hardswish", "selu", "elu", "celu"):
        of = row(f"torch.nn.functional.{name}")
        y = getattr(F, name)(torch.linspace(-40, 40, 100_001))
        assert abs(float(y.min()) - value(of.low, 0)) < 2e-3, name
        assert y.max() > 39


def test_gumbel_softmax_hard_is_one_hot() -> None:
    hard = row("torch.nn.functional.gumbel_softmax").under({"hard": True})
    assert hard.emits is Emission.ONEHOT
    y = F.gumbel_softmax(numbers(3, 20), hard=True)
    assert torch.equal(y.detach().sum(-1).round(), torch.ones(3))
    assert int((y > 0.5).sum()) == 3


def test_implicit_dim() -> None:
    assert row("torch.nn.functional.softmax").axis == ("argument", "dim", "implicit")
    with pytest.warns(UserWarning, match="Implicit dimension"):
        three = F.softmax(torch.randn(2, 3, 4))
    assert torch.allclose(three.sum(0), torch.ones(3, 4))
    with pytest.warns(UserWarning, match="Implicit dimension"):
        four = torch.nn.Softmax()(torch.randn(2, 3, 4, 5))
    assert torch.allclose(four.sum(1), torch.ones(2, 4, 5))
    with pytest.raises(TypeError):
        torch.softmax(torch.randn(2, 3))


def test_normalize_with_another_norm() -> None:
    other = row("torch.nn.functional.normalize").under({"p": 1})
    assert other.emits is Emission.SYM1
    y = F.normalize(numbers(3, 20), p=1, dim=1)
    assert y.abs().max() <= 1
    assert not torch.allclose(y.norm(dim=1), torch.ones(3), atol=1e-3)


# ---- Layers ---------------------------------------------------------------------------------------------------------

SIZES = {
    "in_features": 3,
    "in1_features": 3,
    "in2_features": 3,
    "in_channels": 3,
    "out_features": 7,
    "out_channels": 7,
    "num_features": 3,
}
SIZES |= {
    "num_channels": 6,
    "num_groups": 2,
    "num_embeddings": 5,
    "embedding_dim": 7,
    "kernel_size": 1,
    "input_size": 3,
    "hidden_size": 7,
}
LEARNED = [
    n
    for n in NAMES
    if (f := find(n))
    and f[1] == "module"
    and isinstance(f[0].units, tuple)
    and f[0].form == "module"
    and f[0].kind == "layer"
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LEARNED)
def test_units_and_rank(name: str) -> None:
    of = row(name)
    if "d_model" in of.parameters or "embed_dim" in of.parameters:
        sizes = {
            "d_model": 8,
            "nhead": 2,
            "embed_dim": 8,
            "num_heads": 2,
            "num_encoder_layers": 1,
            "num_decoder_layers": 1,
        }
        layer, inputs = (
            resolve(name)(**{k: v for k, v in sizes.items() if k in of.parameters}),
            [torch.randn(4, 2, 8)] * len(of.call),
        )
    else:
        layer = resolve(name)(**{k: v for k, v in SIZES.items() if k in of.parameters})
        channels = 6 if "GroupNorm" in name else 3
        rank = of.rank or 2
        shape = (4, channels, *(5,) * (rank - 2)) if of.axis == 1 else (*(4, 5, 3)[: rank - 1], 3)
        if of.transfer == "embeds":
            inputs = [torch.zeros(4, 2, dtype=torch.long)]
        else:
            inputs = [torch.randn(*shape)] * (len(of.call) if of.transfer != "recurrent" else 1)
    result = layer(*inputs)
    y = result[0] if isinstance(result, tuple) else result
    given = {**SIZES, "d_model": 8, "embed_dim": 8}
    assert y.shape[of.axis] == given[of.units[1]]
    if of.rank is not None:
        assert y.dim() == of.rank


def test_recurrent_states() -> None:
    torch.manual_seed(0)
    for name in ("LSTM", "GRU", "RNN"):
        layer = getattr(torch.nn, name)(3, 7, bidirectional=True)
        for parameter in layer.parameters():
            torch.nn.init.normal_(parameter, std=3)
        output, state = layer(torch.randn(9, 2, 3) * 5)
        assert output.abs().max() <= 1
        assert output.shape[-1] == 14
        assert row(f"torch.nn.{name}").under({"bidirectional": True}).how == "bidirectional"
        assert row(f"torch.nn.{name}").returns[0] is Emission.SYM1
        if name == "LSTM":
            assert state[1].abs().max() > 1  # the cell state is free
    projected = row("torch.nn.LSTM").under({"proj_size": 2})
    assert projected.units == ("argument", "proj_size", None)
    assert row("torch.nn.RNN").under({"nonlinearity": "relu"}).returns == (Emission.NONNEG, Emission.NONNEG)


# ---- Structured results ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["topk", "sort", "max", "min", "median", "mode", "kthvalue", "cummax", "cummin"])
def test_values_and_indices(name: str) -> None:
    of = row(f"torch.{name}").under({"dim": 1})
    x = torch.rand(3, 6)
    given = {"k": 2} if "k" in of.parameters else {}
    result = getattr(torch, name)(x, **given, dim=1)
    assert list(of.returns) == ["values", "indices"]
    assert result.indices.dtype == torch.long
    assert of.returns["indices"] is Emission.INDEX
    assert torch.equal(result[0], result.values)
    assert set(result.values.flatten().tolist()) <= set(x.flatten().tolist())


def test_max_without_dim_is_one_tensor() -> None:
    assert row("torch.max").under({}).returns is None
    assert row("torch.max").under({"dim": ...}).returns == "unknown"  # `torch.max(a, b)`
    assert torch.max(torch.rand(3, 6)).dim() == 0


def test_attention_weights_are_a_simplex() -> None:
    layer = torch.nn.MultiheadAttention(8, 2)
    _, weights = layer(torch.randn(4, 2, 8), torch.randn(5, 2, 8), torch.randn(5, 2, 8))
    assert row("torch.nn.MultiheadAttention").returns[1] == {"emits": Emission.SIMPLEX, "axis": -1}
    assert torch.allclose(weights.sum(-1), torch.ones(2, 4), atol=NARROW)

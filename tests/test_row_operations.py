"""The rows about torch's operations are claims: what each transfer word says of shape, range and gradient is run."""

from __future__ import annotations

import math
from typing import Any

import pytest
from rows import row

from outlayer_lint.knowledge import find
from outlayer_lint.knowledge.table import load
from outlayer_lint.lattice import BOUNDS, Emission

torch: Any = pytest.importorskip("torch", reason="the rows about torch are run against an installed torch")
F: Any = torch.nn.functional

NAMES = sorted(name for name in load()["names"] if name.startswith("torch."))


def method(name: str) -> Any:
    return getattr(torch.Tensor, name.rpartition(".")[2])


def methods(transfer: str, *hows: str) -> list[str]:
    """The tensor methods with this transfer word."""
    found = [n for n in NAMES if n.startswith("torch.Tensor.")]
    return [n for n in found if row(n).transfer == transfer and (not hows or row(n).how in hows)]


def numbers(*shape: int) -> Any:
    torch.manual_seed(2)
    return torch.randn(*shape)


def probabilities(*shape: int) -> Any:
    return numbers(*(shape or (2, 5, 4, 3))).softmax(1)


def sums_to_one(x: Any, dim: int) -> bool:
    return bool(torch.allclose(x.sum(dim), torch.ones(()), atol=1e-5))


# ---- Keep -----------------------------------------------------------------------------------------------------------

NOWHERE = torch.zeros(2, 5, 4, 3, dtype=torch.bool)
NONE = torch.tensor([], dtype=torch.long)
DOUBLE = torch.zeros(1, dtype=torch.float64)
MORE: dict[str, tuple[Any, ...]] = {
    "expand": (4, 2, 5, 4, 3), "expand_as": (torch.zeros(2, 5, 4, 3),), "repeat": (3, 1, 1, 1), "tile": (3, 1, 1, 1),
    "repeat_interleave": (2, 0), "broadcast_to": ((4, 2, 5, 4, 3),), "flip": (1,), "roll": (1, 1), "rot90": (1, (2, 3)),
    "masked_fill": (NOWHERE, 0.0), "masked_fill_": (NOWHERE, 0.0), "index_fill": (0, NONE, 0.0),
    "index_fill_": (0, NONE, 0.0), "type": (torch.float64,), "type_as": (DOUBLE,), "to": (torch.float64,),
}  # fmt: skip
ELSEWHERE = ("cuda", "xpu", "pin_memory", "share_memory_", "retain_grad", "coalesce", "to_dense")


@pytest.mark.parametrize("name", [n for n in methods("keeps") if row(n).how != "mask" and not n.endswith(ELSEWHERE)])
def test_keeps_a_simplex(name: str) -> None:
    short = name.rpartition(".")[2]
    y = method(name)(probabilities().clone(), *MORE.get(short, ()))
    dim = 2 if short in ("expand", "broadcast_to") else 1
    assert torch.allclose(y.double().sum(dim), torch.ones((), dtype=torch.float64), atol=1e-2)  # half precision
    if row(name).how == "detach":
        assert not method(name)(probabilities().requires_grad_().exp()).requires_grad


@pytest.mark.parametrize("name", methods("keeps", "mask"))
def test_masks_do_not_keep_a_simplex(name: str) -> None:
    assert not sums_to_one(method(name)(probabilities(4, 4)), 1)


def test_noise_destroys_the_sum_in_training_and_is_nothing_in_evaluation() -> None:
    layer = torch.nn.Dropout(0.4)
    assert row("torch.nn.Dropout").how == row("torch.nn.functional.dropout").how == "noise"
    assert not sums_to_one(layer(probabilities()), 1)
    assert sums_to_one(layer.eval()(probabilities()), 1)


# ---- Shape ----------------------------------------------------------------------------------------------------------


def test_moves_axis() -> None:
    x = numbers(2, 3, 4)
    swapped = {
        "permute": x.permute(0, 2, 1), "transpose": x.transpose(1, 2), "movedim": x.movedim(1, 2), "swap-last": x.mT,
    }  # fmt: skip
    for how, y in swapped.items():
        assert y.shape == (2, 4, 3), how
    assert x[0].T.shape == (4, 3)
    for name, how in (
        ("permute", "permute"),
        ("swapaxes", "transpose"),
        ("movedim", "movedim"),
        ("mT", "swap-last"),
        ("T", "reverse"),
    ):
        found = find(f"torch.Tensor.{name}")
        assert found is not None
        assert (found[0].transfer, found[0].how, found[1]) == ("moves-axis", how, "method")


def test_variadic_shapes() -> None:
    for name in ("view", "reshape", "permute", "repeat", "expand"):
        of = row(f"torch.Tensor.{name}")
        assert of.variadic
        assert of.parameters[-1] == of.variadic


def test_adds_and_drops_axis() -> None:
    assert row("torch.unsqueeze").dim == ("argument", "dim", None)
    assert row("torch.squeeze").dim == ("argument", "dim", "all")
    assert numbers(1, 3, 1).squeeze().shape == (3,)
    assert numbers(1, 3, 1).squeeze(dim=0).shape == (3, 1)


@pytest.mark.parametrize("name", methods("splits"))
def test_splits(name: str) -> None:
    of = row(name)
    assert of.dim == ("argument", "dim", 0)
    argument: tuple[Any, ...] = {"count": (2,), "size": (2,), "unbind": ()}[of.how]
    if name.endswith("with_sizes"):
        argument = ([2, 2],)
    found = method(name)(numbers(4, 6), *argument)
    assert len(found) == (4 if of.how == "unbind" else 2)
    assert found[0].dim() == (1 if of.how == "unbind" else 2)
    assert torch.equal(found[0], method(name)(numbers(4, 6), *argument, dim=0)[0])


def test_joins() -> None:
    a, b = probabilities(), probabilities()
    assert row("torch.cat").dim == row("torch.stack").dim == ("argument", "dim", 0)
    assert sums_to_one(torch.cat([a, b]), 1)
    assert sums_to_one(torch.stack([a, b]), 2)
    assert not sums_to_one(torch.cat([a, b], dim=1), 1)
    assert torch.equal(torch.concat([a, b], axis=1), torch.cat([a, b], dim=1))
    assert row("torch.concat").keywords("dim") == ("dim", "axis")


@pytest.mark.parametrize("how", ["gather", "range", "index", "topk", "sort"])
def test_selects(how: str) -> None:
    p = probabilities(4, 5)
    taken = {
        "gather": p.gather(1, torch.zeros(4, 1, dtype=torch.long)), "range": p.narrow(1, 0, 2), "index": p.select(1, 0),
        "topk": p.topk(2).values, "sort": p.sort().values,
    }[how]  # fmt: skip
    assert taken.min() >= 0
    assert taken.max() <= 1
    if how == "sort":
        assert sums_to_one(taken, 1)
    else:
        assert not torch.allclose(taken.sum(), torch.tensor(4.0))
    names = {"gather": "gather", "range": "narrow", "index": "select", "topk": "topk", "sort": "sort"}
    assert row(f"torch.{names[how]}").how == how


# ---- Reduce ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [n for n in NAMES if row(n).transfer == "reduces" and row(n).inputs == 1 and "matrix" not in n]
)
@pytest.mark.filterwarnings("ignore")
def test_reduces(name: str) -> None:
    of = row(name)
    form = (find(name) or pytest.fail(name))[1]
    function = method(name) if form == "method" else torch.linalg if "linalg" in name else torch
    function = (
        function
        if form == "method"
        else getattr(function, name.rpartition(".")[2])
        if "special" not in name
        else torch.logsumexp
    )
    x = numbers(3, 6)
    extra = (0.5,) if of.how == "quantile" else ()
    y = function(x, *extra, dim=1)
    y = y[0] if isinstance(y, tuple) else y
    assert y.shape == (3,)
    assert of.dim[:2] == ("argument", "dim")
    default = of.dim[2]
    if default == "all":
        whole = function(x, *extra)
        assert (whole[0] if isinstance(whole, tuple) else whole).dim() == 0
    low, high = BOUNDS.get(of.emits, (-math.inf, math.inf)) if of.emits else (-math.inf, math.inf)
    assert y.min() >= low
    assert y.max() <= high


def test_what_a_mean_keeps() -> None:
    p = probabilities()
    assert sums_to_one(p.mean(dim=0), 0)
    assert not sums_to_one(p.log().mean(dim=0).exp(), 0)
    assert not sums_to_one(p.amax(dim=0), 0)


def test_similarity_and_distance() -> None:
    a, b = numbers(4, 6), numbers(4, 6).flip(0)
    assert row("torch.nn.CosineSimilarity").dim == ("argument", "dim", 1)
    assert torch.nn.CosineSimilarity()(a, b).abs().max() <= 1
    assert F.cosine_similarity(a, b).shape == (4,)
    assert F.pairwise_distance(a, b).shape == (4,)
    assert row("torch.nn.PairwiseDistance").emits is row("torch.cdist").emits is Emission.NONNEG
    assert torch.cdist(a, b).min() >= 0


# ---- Value by value -------------------------------------------------------------------------------------------------

LAWS: dict[str, Any] = {
    "abs": lambda x, y: y == abs(x), "square": lambda x, y: y == x * x,
    "exp": lambda x, y: y == math.exp(x), "expm1": lambda x, y: y == math.expm1(x), "exp2": lambda x, y: y == 2**x,
    "log": lambda x, y: y == math.log(x), "log1p": lambda x, y: y == math.log1p(x),
    "log2": lambda x, y: y == math.log2(x), "log10": lambda x, y: y == math.log10(x), "neg": lambda x, y: y == -x,
    "sqrt": lambda x, y: y == math.sqrt(x),
    "rsqrt": lambda x, y: y == 1 / math.sqrt(x), "reciprocal": lambda x, y: y == 1 / x,
    "logit": lambda x, y: y == math.log(x / (1 - x)), "cumsum": lambda x, y: y == x, "cumprod": lambda x, y: y == x,
    "cummax": lambda x, y: y == x,
}  # fmt: skip


@pytest.mark.parametrize("name", methods("interval"))
def test_interval_arithmetic_by_name(name: str) -> None:
    """Each variant is the function that its name says, so that the bounds of its result are those of the function."""
    how = row(name).how
    arguments = {"clamp": (0.25,), "cumsum": (0,), "cumprod": (0,), "cummax": (0,)}.get(how, ())
    for x in (0.25, 0.5):
        y = method(name)(torch.tensor([x], dtype=torch.float64), *arguments)
        y = float(y[0] if isinstance(y, tuple) else y)
        assert y in (0.25, 0.5) if how == "clamp" else LAWS[how](x, pytest.approx(y))


def test_clamp_bounds() -> None:
    assert row("torch.clamp").low == ("argument", "min", None)
    assert row("torch.clip").high == ("argument", "max", None)
    assert row("torch.clamp_min").low == ("argument", "min", None)
    assert row("torch.clamp_min").high is None
    y = numbers(50).clamp(min=-0.5)
    assert y.min() == -0.5
    assert y.max() > 0.5


COMBINED: dict[str, Any] = {
    "add": 5.0, "sub": -1.0, "mul": 6.0, "div": 2 / 3, "pow": 8.0, "max": 3.0, "min": 2.0, "where": 2.0,
    "lerp": 2.25, "rsub": 1.0,
}  # fmt: skip


@pytest.mark.parametrize("name", [n for n in methods("combines") if row(n).how != "fused"])
def test_combines(name: str) -> None:
    how = row(name).how
    a, b = torch.tensor(2.0), torch.tensor(3.0)
    arguments: tuple[Any, ...] = {"where": (torch.ones((), dtype=torch.bool), b), "lerp": (b, 0.25)}.get(how, (b,))
    assert float(method(name)(a, *arguments)) == pytest.approx(COMBINED[how])


# ---- Decide ---------------------------------------------------------------------------------------------------------


# Those left out give no tensor, or have no derivative at all.
@pytest.mark.parametrize(
    "name", [n for n in methods("decides") if row(n).how not in ("item", "numpy", "tolist", "unique")]
)
def test_decisions_cut_the_gradient(name: str) -> None:
    of = row(name)
    x = numbers(3, 4).requires_grad_()
    if of.how == "logic":
        x = (x > 0).requires_grad_(requires_grad=False)
    if name.endswith("_") and of.how != "logic":
        x = x.detach().clone()
    if "floor_divide" in name:
        x = x.detach()  # torch has no derivative of it
    y = method(name)(x, *([x.detach().clone()] if of.inputs == 2 else []))
    if isinstance(y, bool):
        return
    assert not y.requires_grad or not torch.autograd.grad(y.sum(), x)[0].any()
    if of.dtype is not None and not name.endswith("_"):
        assert (
            str(y.dtype).rpartition(".")[2]
            in {"long": ("int64",), "int": ("int32", "int16", "int8", "uint8"), "bool": ("bool",)}[of.dtype]
        )


def test_argmax_without_dim_flattens() -> None:
    assert row("torch.Tensor.argmax").dim == ("argument", "dim", "implicit")
    assert int(torch.arange(24).view(6, 4).argmax()) == 23


# ---- Make -----------------------------------------------------------------------------------------------------------


def test_literals() -> None:
    for name in ("zeros", "ones", "rand", "randn", "eye"):
        made = getattr(torch, name)(40)
        of = row(f"torch.{name}")
        assert of.emits is not None
        low, high = BOUNDS[of.emits]
        assert made.min() >= (low if of.low is None else of.low)
        assert made.max() <= (high if of.high is None else of.high)
    assert sums_to_one(torch.eye(5), row("torch.eye").axis)


def test_randint_has_two_forms() -> None:
    of = row("torch.randint")
    assert of.under({"low": 0, "high": 10, "size": (3,)}).units == ("argument", "high", None)
    assert of.under({"low": 10, "high": (3,)}).units == ("argument", "low", None)
    assert of.under({"low": 10, "high": ...}).units is None
    assert torch.randint(10, (300,)).max() <= 9


def test_one_hot() -> None:
    of = row("torch.nn.functional.one_hot")
    y = F.one_hot(torch.arange(4), num_classes=6)
    assert y.shape[of.axis] == 6
    assert y.dtype == torch.long
    assert sums_to_one(y.float(), of.axis)
    assert sums_to_one(torch.zeros(4, 6).scatter_(1, torch.arange(4)[:, None], 1), 1)


# ---- Resize ---------------------------------------------------------------------------------------------------------

RESIZED: dict[str, tuple[bool, Any]] = {
    "nearest": (True, lambda p: F.interpolate(p, scale_factor=2)), "mean": (True, lambda p: F.avg_pool2d(p, 2)),
    "linear": (True, lambda p: F.interpolate(p, scale_factor=2, mode="bilinear")),
    "max": (False, lambda p: F.max_pool2d(p, 2)), "pad": (False, lambda p: F.pad(p, (1, 1))),
    "replicate": (True, lambda p: F.pad(p, (1, 1, 1, 1), mode="replicate")),
}  # fmt: skip


@pytest.mark.parametrize("how", RESIZED)
def test_resizes(how: str) -> None:
    kept, resize = RESIZED[how]
    y = resize(probabilities(2, 5, 4, 4))
    assert sums_to_one(y, 1) is kept
    assert y.min() >= 0
    assert y.max() <= 1
    assert any(row(n).under({}).how == how for n in NAMES if row(n).transfer == "resizes") or how == "linear"


def test_bicubic_leaves_the_range() -> None:
    y = F.interpolate(torch.eye(4)[None, None], scale_factor=3, mode="bicubic")
    assert y.min() < 0
    assert row("torch.nn.Upsample").under({"mode": "bicubic"}).how == "cubic"
    assert row("torch.nn.Upsample").under({"mode": "bilinear"}).how == "linear"
    assert row("torch.nn.functional.pad").under({"mode": "reflect"}).how == "replicate"


# ---- Compositions ---------------------------------------------------------------------------------------------------


def test_compositions() -> None:
    x = numbers(50, 10) * 5
    p, lp, s = x.softmax(1), x.log_softmax(1), x.sigmoid()
    assert torch.allclose(lp.softmax(1), p, atol=1e-6)
    assert torch.allclose(lp.log_softmax(1), lp, atol=1e-5)
    assert torch.allclose(lp.exp(), p, atol=1e-6)
    assert torch.allclose(F.softmin(x, 1), (-x).softmax(1), atol=1e-6)
    assert torch.allclose(F.normalize(F.normalize(x)), F.normalize(x), atol=1e-6)
    assert torch.allclose(1 - s, (-x).sigmoid(), atol=1e-6)
    assert torch.equal(p.relu(), p)
    double = p.softmax(1)
    assert double.max() <= math.e / (math.e + 9) + 1e-6
    assert double.min() >= 1 / (math.e + 9) - 1e-6
    assert s.sigmoid().min() >= 0.5
    assert x.relu().sigmoid().min() >= 0.5
    assert lp.sigmoid().max() <= 0.5
    assert torch.equal(numbers(50, 1).softmax(1), torch.ones(50, 1))
    assert sums_to_one((p + p.flip(0)) / 2, 1)
    assert sums_to_one(s / s.sum(1, keepdim=True), 1)

"""The recorder: what is remembered of a tensor, the chain back to the last layer, outputs of any nesting."""

from __future__ import annotations

import copy
import io
from collections import namedtuple
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: nothing can be recorded")

import torch.nn.functional as F
from torch import nn

from outlayer_lint.lattice import SCRAMBLED, describe_value
from outlayer_lint.tracer.child.losses.reading import Reader, place_after
from outlayer_lint.tracer.child.recording import chains, marks, nested, numbers
from outlayer_lint.tracer.child.recording.recorder import Recorder, evaluating, record

if TYPE_CHECKING:
    from collections.abc import Callable


class Net(nn.Module):
    def __init__(self, head: Callable[[Any], Any], layer: nn.Module | None = None) -> None:
        super().__init__()
        self.head, self.layer = head, layer or nn.Linear(6, 5)

    def forward(self, x: Any) -> Any:
        return self.head(self.layer(x))


def chain(head: Callable[[Any], Any], layer: nn.Module | None = None, shape: tuple[int, ...] = (3, 6)) -> list[str]:
    recording = record(Net(head, layer), (torch.randn(shape),), {})
    return [step.text for step in recording.outputs[0].chain]


@pytest.mark.parametrize(
    ("head", "texts"),
    [
        ("z", ["Linear(6->5)"]),
        ("F.softmax(z, dim=-1)", ["Linear(6->5)", "softmax(dim=1)"]),
        ("z.sigmoid()", ["Linear(6->5)", "sigmoid"]),
        ("z + torch.randn(3, 5)", ["Linear(6->5)", "add"]),
        ("torch.randn(3, 5) + z", ["Linear(6->5)", "add"]),
        ("F.relu(z.clone(), inplace=True)", ["Linear(6->5)", "clone", "relu"]),
        ("torch.cat([z.sigmoid(), z.exp()], 1)", ["Linear(6->5)", "sigmoid", "cat(sigmoid | exp)"]),
        ("z.to(torch.float32).softmax(1)", ["Linear(6->5)", "softmax(dim=1)"]),
        ("z.max(1).values", ["Linear(6->5)", "max(dim=1)"]),
    ],
)
def test_a_chain_begins_at_the_last_layer(head: str, texts: list[str]) -> None:
    assert chain(eval(f"lambda z: {head}")) == texts


@pytest.mark.filterwarnings("ignore:Implicit dimension")
@pytest.mark.parametrize(("shape", "dim"), [((6,), 0), ((3, 6), 1), ((2, 3, 6), 0), ((2, 2, 3, 6), 1)])
def test_an_implicit_dim_is_the_one_that_torch_takes(shape: tuple[int, ...], dim: int) -> None:
    step = record(Net(F.softmax), (torch.randn(shape),), {}).outputs[0].chain[-1]
    assert (step.op, step.dim) == ("softmax", dim)


def test_a_step_names_the_line_of_the_user() -> None:
    step = record(Net(torch.sigmoid), (torch.randn(3, 6),), {}).outputs[0].chain[0]
    assert step.at.rpartition(":")[0] == __file__
    assert step.module == "layer"


def test_layers_of_other_kinds_end_a_chain() -> None:
    recurrent = nn.LSTM(6, 4, batch_first=True)
    assert chain(lambda out: out[0][:, -1].tanh(), recurrent, (2, 7, 6))[0] == "LSTM(6->4)"
    assert chain(lambda z: z.flatten(1), nn.Conv2d(3, 8, 3), (2, 3, 5, 5))[0] == "Conv2d(3->8)"


def test_a_shortcut_that_is_empty_and_false_stays_what_it_is() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.way, self.shortcut = nn.Linear(4, 4), nn.Sequential()

        def forward(self, x: Any) -> Any:
            return self.way(x) + self.shortcut(x)

    block, x = Block(), torch.randn(2, 4)
    plain = block(x)
    with Recorder():
        assert torch.equal(block(x), plain)


class Pictures(nn.Module):
    """Every layer that is one operation, in a chain, in a chain of a chain, and called on the spot."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.SiLU(), nn.Dropout2d()
        )
        self.rows = nn.Sequential(nn.Conv1d(4, 4, 1), nn.LeakyReLU(0.1), nn.MaxPool1d(2), nn.ELU(), nn.Tanh())
        self.solid = nn.Sequential(nn.Conv3d(1, 1, 1), nn.Sigmoid())
        self.chain = nn.Sequential(self.inner, nn.AdaptiveAvgPool2d(4), nn.BatchNorm2d(4), nn.Flatten(2), self.rows)
        self.head = nn.Sequential(nn.LayerNorm(8), nn.GELU(), nn.Dropout(), nn.Linear(8, 5, bias=False))
        self.softmax, self.log = nn.Softmax(dim=2), nn.LogSoftmax(1)

    def forward(self, x: Any) -> Any:
        rows = self.chain(self.solid(x.unsqueeze(1)).squeeze(1))
        return self.softmax(self.head(rows)), self.log(
            F.relu(rows),
        )


def told_of(mark: marks.Mark, seen: dict[int, int]) -> Any:
    """All that a mark and those behind it say, whatever objects they are."""
    if id(mark) in seen:
        return seen[id(mark)]
    seen[id(mark)] = len(seen)
    given = nested.marked((*mark.given[0], *mark.given[1].items()), lambda value: value)
    plain = [value for value in given if not isinstance(value, (marks.Mark, tuple))]
    own = (mark.kind, mark.op, mark.function, mark.place, mark.modules, mark.shape, mark.dtype, mark.part, mark.index)
    return own, list(mark.given[1]), plain, [told_of(part, seen) for part in mark.parts]


@pytest.mark.parametrize("training", [True, False])
def test_layers_that_are_not_looked_into_leave_the_same_marks(training: bool) -> None:  # noqa: FBT001
    net, x = Pictures().train(training), torch.rand(2, 3, 12, 12)
    told = []
    for simple in (False, True):
        with Recorder() as recorder:
            if not simple:
                recorder.simple.clear()
            for _ in range(3):
                torch.manual_seed(1)
                recorder.index = 0
                outputs = net(x)
        told.append([told_of(recorder.mark_of(output), {}) for output in outputs])
        assert len(recorder.seen) >= (19 if training else 17) * simple, recorder.seen
    assert told[0] == told[1]


def test_a_layer_with_a_hook_or_a_forward_of_its_own_is_looked_into() -> None:
    hooked, replaced, weighted = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3)
    hooked.register_forward_hook(lambda _module, _args, output: output.sigmoid())
    replaced.forward = lambda x: x.tanh()  # type: ignore[method-assign]
    nn.utils.parametrizations.weight_norm(weighted)
    with Recorder() as recorder:
        nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))(torch.randn(2, 3))
        marked = [recorder.mark_of(layer(torch.randn(2, 3))) for layer in (hooked, replaced, weighted)]
    assert [mark.short for mark in marked] == ["sigmoid", "tanh", "linear"]
    assert marked[2].parts[1].kind == "operation"


def test_marks_are_of_one_session_and_are_not_copied() -> None:
    layer, x = nn.Linear(4, 2), torch.randn(3, 4)
    with Recorder() as first:
        made = layer(x)
        mark = first.mark_of(made)
    assert mark.op == "torch.nn.functional.linear"
    with Recorder() as second:
        assert second.mark_of(made).kind == "opaque"
        copied = copy.deepcopy(x)
        assert second.mark_of(copied) is not second.mark_of(x)
    file = io.BytesIO()
    torch.save(x, file)
    file.seek(0)
    assert torch.equal(torch.load(file), x)


def test_what_a_program_carries_on_does_not_grow_for_ever() -> None:
    with Recorder() as recorder:
        total = torch.zeros(1)
        for _ in range(marks.MAX_DEPTH + 50):
            total = total + 1
        assert recorder.mark_of(total).depth <= marks.MAX_DEPTH


def test_modes_are_put_back() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Dropout())
    net[1].eval()
    with evaluating(net):
        assert not net.training
    assert (net.training, net[1].training) == (True, False)


def test_every_tensor_of_an_output_has_a_path() -> None:
    @dataclass
    class Parts:
        logits: Any
        hidden: Any = None

    pair = namedtuple("pair", "mean spread")  # noqa: PYI024 - as models return it
    t = torch.zeros(1)
    nest: dict[str, Any] = {"a": [t, (t,)], "b": Parts(t), "c": pair(t, t), "none": None, "n": 3}
    nest["self"] = nest
    assert [path for path, _ in nested.walk(nest)] == [
        "out['a'][0]", "out['a'][1][0]", "out['b'].logits", "out['c'].mean", "out['c'].spread",
    ]  # fmt: skip


# -- what a mark is ---------------------------------------------------------------------------------------------------

LINEAR, CONV = nn.Linear(8, 10), nn.Conv2d(3, 10, 3)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ("z", "logit, 10 units"),
        ("F.softmax(z, 1)", "simplex(1), 10 units"),
        ("z.softmax(-1)", "simplex(-1), 10 units"),
        ("z.exp() / z.exp().sum(1, keepdim=True)", "simplex(1), 10 units"),
        ("z - z.logsumexp(1, keepdim=True)", "logp(1), 10 units"),
        ("1 / (1 + torch.exp(-z))", "unit, 10 units"),
        ("torch.log(z.softmax(1))", "logp(1), 10 units"),
        ("F.logsigmoid(z)", "logunit, 10 units"),
        ("z.tanh() * 2", "bnd(-2, 2), 10 units"),
        ("z.argmax(1)", "index, 10 units"),
        ("z > 0.5", "bool, 10 units"),
        ("F.relu(z.clone(), inplace=True)", "nonneg, 10 units"),
        ("c", "logit, 10 units"),
        ("F.adaptive_avg_pool2d(c, 1).flatten(1)", "logit, 10 units"),
        ("c.permute(0, 2, 3, 1).reshape(-1, 10).softmax(-1)", "simplex(-1), 10 units"),
        ("c.softmax(1).mean((2, 3))", "simplex(1), 10 units"),
        ("z[:, :3].sigmoid()", "unit"),
        ("z.softmax(1)[:, :3]", "unit"),
        ("F.normalize(z)", "unorm(1), 10 units"),
        ("torch.ones(4, 1)", "binary, 1 unit"),
    ],
)
def test_a_mark_is_read_by_the_rows(made: str, told: str) -> None:
    with Recorder() as recorder:
        result = eval(f"lambda z, c: {made}")(LINEAR(torch.randn(4, 8)), CONV(torch.randn(2, 3, 8, 8)))
    assert describe_value(Reader().value(recorder.mark_of(result))) == told


@pytest.mark.parametrize(
    ("before", "after", "dim", "place"),
    [
        ((4, 10), (4, 10, 1), 1, 1),
        ((4, 10), (2, 2, 10), -1, 2),
        ((2, 6, 6, 10), (72, 10), 3, 1),
        ((2, 10, 6, 6), (72, 10), 1, SCRAMBLED),
        ((2, 10, 6, 6), (2, 10, 36), 1, 1),
        ((4, 1), (4,), 1, None),
        ((4, 10), (40,), 1, None),
    ],
)
def test_a_reshape_moves_the_classes_or_cuts_them(
    before: tuple[int, ...], after: tuple[int, ...], dim: int, place: int | None
) -> None:
    assert place_after(before, after, dim) == place


def test_sums_are_taken_in_double_precision() -> None:
    rows = torch.randn(20, 3000).softmax(1)
    assert numbers.look(rows).simplex == (1,)
    assert numbers.look(rows.bfloat16()).simplex == (1,)
    assert numbers.look(rows * 1.1).simplex == ()
    assert numbers.look(torch.ones(5, 1)).simplex == ()
    assert numbers.look(torch.randn(20, 30).log_softmax(1)).logp == (1,)


def test_numbers_of_what_has_none() -> None:
    assert numbers.look(torch.empty(0, 3)).distinct == 0
    assert numbers.look(torch.empty(2, 3, device="meta")).shape == (2, 3)
    seen = numbers.look(torch.tensor([1.0, float("nan"), 3.0]))
    assert (seen.finite, seen.low, seen.high) == (False, 1.0, 3.0)


def test_a_layer_without_weights_of_its_own_is_none() -> None:
    with Recorder() as recorder:
        made = torch.randn(2, 3) @ torch.randn(3, 4)
    assert not chains.is_parametric(recorder.mark_of(made))

"""An input is found that the model accepts, and it is the right one; nothing is accepted where nothing can be."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

torch = pytest.importorskip("torch", reason="the child needs torch")

from torch import nn

from outlayer_lint.tracer.child.building.construct import Built, Refusal, build
from outlayer_lint.tracer.child.search.inputs import Found, search
from outlayer_lint.tracer.target import InputGiven, Target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

BENCH = Path(__file__).parents[1] / "benchmarks" / "tracer" / "students.py"
# Rank and batch are right, a width is another than the one meant.
SIZE_ONLY = frozenset(
    "ClassifierFromNumpy EegNet SignatureTwins SleepStager FusionForecast DeepFM FtTransformer "
    "LaneRows Matting MnistGlow AgentList BengaliNet SchNetLite "
    "A3CLstm".split()
)
# A length is taken for a whole number, parties for a mask; the others take fewer or more axes than they were meant for.
OTHERWISE = frozenset("Sample QMixer MemoryNet GatedCast DialogueRnn".split())
NEEDS = {"Frozen": "torchvision"}  # what a model is made of, where it is installed


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny models on many threads mostly wait."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("students", BENCH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["students"] = module
    spec.loader.exec_module(module)
    return module


def searched(model: nn.Module, *given: InputGiven, tries: int = 60, log: Any = None) -> Found | Refusal:
    target = Target("m.py", "Net", inputs=given)
    return search(model.eval(), target, budget_s=20, max_tries=tries, log=log or (lambda _: None))


def found(model: nn.Module, *given: InputGiven) -> Found:
    result = searched(model, *given)
    assert isinstance(result, Found), result
    return result


# Of each set, how many models there are; the fifth, tenth and eleventh, each as long as two, are the benchmark's.
SETS = {"first": 58, "second": 60, "third": 70, "fourth": 30, "sixth": 48, "seventh": 49, "eighth": 35, "ninth": 73}


@pytest.mark.parametrize(("half", "least"), SETS.items())
def test_students_get_the_input_they_were_made_for(half: str, least: int) -> None:
    students = bench()
    missing = {name for name, package in NEEDS.items() if importlib.util.find_spec(package) is None}
    paths = sorted((students.STUDENTS / half).glob("*.py"))
    rows = [row for path in paths for row in students.measured(path) if row.name not in missing]
    assert len(rows) >= least - len(missing)
    assert {row.name for row in rows if not row.right} <= OTHERWISE
    assert {row.name for row in rows if not row.exact} <= SIZE_ONLY | OTHERWISE


def test_keras_states_its_inputs() -> None:
    pytest.importorskip("keras", reason="models of Keras need Keras")
    students = bench()
    rows = [row for path in sorted((students.STUDENTS / "keras").glob("*.py")) for row in students.measured(path)]
    assert len(rows) == 40
    assert [row.name for row in rows if not row.exact] == []


def test_a_lenet_shows_its_image_size() -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 6, 5), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 10)
    )
    best = found(net).hypotheses[0]
    assert [spec.shape for spec in best.specs] == [(2, 3, 32, 32)]
    assert best.batch_dims == {"input": 0}
    assert net(*best.args, **best.kwargs).shape == (2, 10)


def test_rows_may_also_come_as_sequences() -> None:
    hypotheses = found(nn.Sequential(nn.Linear(7, 4), nn.Softmax(dim=1))).hypotheses
    assert [hypothesis.specs[0].shape for hypothesis in hypotheses] == [(2, 7), (2, 5, 7)]


ASIDE = """
import torch
import torch.nn as nn
class Net(nn.Module):
    def __init__(self, n_num=5, n_agents=2, obs=4, act=3):
        super().__init__()
        self.words, self.weight = nn.Embedding(50, 6), nn.Parameter(torch.randn(n_num, 6))
        self.table = nn.Parameter(torch.randn(3, 6))
        self.joint = nn.Linear(n_agents * obs + n_agents * act, 6)
    def forward(self, output_words, noise_words, numbers, obs, acts):
        near = torch.bmm(self.words(noise_words), self.words(output_words).unsqueeze(2)).squeeze(2).sum(1)
        table = (self.weight * numbers[:, :, None]).sum(1) + self.joint(torch.cat([obs, acts], -1))
        return near + (table @ self.table.T).sum(1)
"""


def test_arguments_that_have_no_part_in_a_failure_are_left_alone(tmp_path: Path) -> None:
    best = found(model_of(ASIDE, tmp_path)).hypotheses[0]
    shapes = {spec.name: spec.shape for spec in best.specs}
    assert len(shapes.pop("noise_words")) == 2
    assert shapes == {"output_words": (2,), "numbers": (2, 5), "obs": (2, 8), "acts": (2, 6)}


def test_what_an_argument_is_called_for_is_run(tmp_path: Path) -> None:
    text = """
import torch.nn as nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(6)
    def forward(self, x, sublayer):
        return x + sublayer(self.norm(x))
"""
    best = found(model_of(text, tmp_path)).hypotheses[0]
    assert [spec.shape[-1] for spec in best.specs] == [6]


BESIDE = """
import torch
import torch.nn as nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.source, self.target = nn.Linear(8, 16), nn.Linear(1, 16)
        self.both, self.out = nn.Transformer(16, 2, 1, 1, 32), nn.Linear(16, 1)
    def forward(self, src, tgt):
        return self.out(self.both(self.source(src), self.target(tgt)))
"""


def test_sequences_beside_each_other_get_their_samples_together(tmp_path: Path) -> None:
    best = found(model_of(BESIDE, tmp_path)).hypotheses[0]
    assert [spec.shape for spec in best.specs] == [(12, 2, 8), (12, 2, 1)]
    assert best.batch_dims == {"src": 1, "tgt": 1}


STATED = """
import torch
import torch.nn as nn
class Net(nn.Module):
    def __init__(self, electrodes=24, samples=96, kernel=16):
        super().__init__()
        self.conv, self.out = nn.Conv2d(1, 4, (electrodes, kernel), padding=(0, kernel)), nn.LazyLinear(3)
        self.day, self.hour = nn.Embedding(7, 4), nn.Embedding(24, 4)
        self.out = nn.Linear(4 * ((samples + kernel + 1) // 8), 3)
    def forward(self, eeg, marks):
        x = nn.functional.avg_pool2d(self.conv(eeg), (1, 8)).flatten(1)
        return self.out(x) + (self.day(marks[:, :, 0]) + self.hour(marks[:, :, 2])).sum((1, 2))[:, None]
"""


def test_sizes_that_the_constructor_states_are_tried_before_others(tmp_path: Path) -> None:
    specs = found(model_of(STATED, tmp_path)).hypotheses[0].specs
    assert [(spec.dtype, spec.shape) for spec in specs] == [("f32", (2, 1, 24, 96)), ("i64", (2, 12, 3))]
    assert specs[1].high == 7


WRITTEN = """
import torch
import torch.nn as nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.out = nn.Linear(6, 8), nn.Linear(8, 3)
    def forward(self, nodes, links):
        # links = (T, T)
        '''nodes: (T, batch_size, 6)'''
        return self.out(torch.einsum("ts,sbf->tbf", links, self.inner(nodes)))
"""


def test_what_the_author_wrote_of_shapes_goes_before_the_first_layer(tmp_path: Path) -> None:
    best = found(model_of(WRITTEN, tmp_path)).hypotheses[0]
    assert [spec.shape for spec in best.specs] == [(12, 2, 6), (12, 12)]
    assert best.batch_dims["nodes"] == 1


def test_an_assertion_says_what_is_wanted(tmp_path: Path) -> None:
    text = """
import torch.nn as nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.joints, self.fc = 5, nn.Linear(10, 3)
    def forward(self, x):
        assert x.dim() == 4
        assert x.shape[2] == self.joints
        return self.fc(x.flatten(2))
"""
    shape = found(model_of(text, tmp_path)).hypotheses[0].specs[0].shape
    assert (len(shape), shape[2], shape[2] * shape[3]) == (4, 5, 10)


GUARDED = """
import torch.nn as nn
class Net(nn.Module):
    def __init__(self, days=6, fields=5):
        super().__init__()
        self.days, self.fields, self.fc = days, fields, nn.LazyLinear(3)
    def forward(self, history, weights):
        if history.ndim != 3 or history.shape[1:] != (self.days, self.fields):
            raise ValueError("history has an incompatible shape")
        batch, days, _ = history.shape
        if weights.shape != (batch, days):
            raise ValueError(f"weights do not fit {days} days")
        return self.fc((history * weights.unsqueeze(-1)).flatten(1))
"""


def test_a_condition_under_which_the_model_raises_says_what_is_wanted(tmp_path: Path) -> None:
    best = found(model_of(GUARDED, tmp_path)).hypotheses[0]
    assert [spec.shape for spec in best.specs] == [(2, 6, 5), (2, 6)]


HANDLED = """
import torch
import torch.nn as nn
class Net(nn.Module):
    def __init__(self, fields=4):
        super().__init__()
        self.tables = nn.ModuleList([nn.Embedding(n, 3) for n in (7, 5)])
        self.mix, self.out = nn.Linear(6, 6), nn.Linear(12, 2)
    def forward(self, states, ids, doubtful):
        looked_up = torch.cat([table(ids[:, i]) for i, table in enumerate(self.tables)], dim=1)
        if doubtful.dim() == 4:
            doubtful = doubtful.permute(0, 2, 3, 1)
        pooled = torch.bmm(self.mix(states).transpose(1, 2), torch.ones(len(states), states.size(1), 1)).squeeze(2)
        return self.out(torch.cat([pooled, looked_up], 1)) + states.sum(dim=2)[:, :1] + self.mix(doubtful).sum()
"""


def test_what_is_done_with_an_argument_says_how_many_axes_and_columns_it_has(tmp_path: Path) -> None:
    best = found(model_of(HANDLED, tmp_path)).hypotheses[0]
    assert [len(spec.shape) for spec in best.specs] == [3, 2, 2]
    assert (best.specs[1].shape, best.specs[1].high) == ((2, 2), 5)


ATTENDED = """
import torch
import torch.nn as nn
class Net(nn.Module):
    def __init__(self, dim=16, heads=4):
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(dim, 3 * dim), nn.Linear(dim, 3)
        self.pe = torch.zeros(1, 50, dim)
    def forward(self, x, mask, batch_size):
        x = x + self.pe[:, : x.size(1)]
        b, t, d = x.shape
        q, k, v = (part.view(b, t, self.heads, -1).transpose(1, 2) for part in self.qkv(x).chunk(3, -1))
        scores = (q @ k.transpose(-1, -2)).masked_fill(mask == 0, -1e9)
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(batch_size, t, d))
"""


def test_a_mask_covers_the_scores_and_an_argument_has_the_axes_of_the_table_it_is_added_to(tmp_path: Path) -> None:
    best = found(model_of(ATTENDED, tmp_path)).hypotheses[0]
    assert [spec.shape for spec in best.specs] == [(2, 12, 16), (2, 1, 1, 12)]
    assert best.kwargs["batch_size"] == 2


def test_a_model_that_calls_itself_unfinished_is_not_tried_again() -> None:
    class Unfinished(nn.Module):
        def forward(self, x: Any) -> Any:
            raise NotImplementedError

    result = searched(Unfinished())
    assert isinstance(result, Refusal)
    assert "none of 1 inputs" in result.why or "none of 2 inputs" in result.why


MIXING = """
import torch.nn as nn
import torch.nn.functional as F
class Net(nn.Module):  # accepts any picture, and cuts samples up where it is not 32 by 32
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.fc = nn.Linear(4096, 10)
    def forward(self, x):
        return F.softmax(self.fc(self.conv(x).view(-1, 4096)), dim=1)
"""
ENDLESS = """
import torch.nn as nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)
    def forward(self, x):
        while True:
            x = self.fc(x)
"""


def model_of(text: str, folder: Path) -> Any:
    (folder / "m.py").write_text(text, encoding="utf-8")
    made = build(Target(str(folder / "m.py"), "Net"), str(folder), lambda _: None)
    assert isinstance(made, Built), made
    return made.model


def test_accepted_is_not_the_same_as_right(tmp_path: Path) -> None:
    assert found(model_of(MIXING, tmp_path)).hypotheses[0].specs[0].shape == (2, 3, 32, 32)


def test_what_the_user_gave_stays(tmp_path: Path) -> None:
    best = found(model_of(MIXING, tmp_path), InputGiven("x", "f32", (4, 3, 32, 32))).hypotheses[0]
    assert best.specs[0].shape == (4, 3, 32, 32)
    assert best.specs[0].origin == "user"


def test_the_same_input_is_found_twice(tmp_path: Path) -> None:
    first, second = found(model_of(MIXING, tmp_path)), found(model_of(MIXING, tmp_path))
    assert first.hypotheses[0].specs == second.hypotheses[0].specs
    assert torch.equal(first.hypotheses[0].kwargs["x"], second.hypotheses[0].kwargs["x"])


def test_a_forward_without_end_ends_in_a_refusal(tmp_path: Path) -> None:
    result = search(model_of(ENDLESS, tmp_path), Target("m.py", "Net"), budget_s=1, max_tries=3, log=lambda _: None)
    assert isinstance(result, Refusal)
    assert result.stage == "time"


def test_the_search_tells_what_it_tries_and_how_far_it_came() -> None:
    lines: list[str] = []
    result = searched(nn.Sequential(nn.Linear(4, 5), nn.Linear(6, 2)), log=lines.append)
    assert isinstance(result, Refusal)
    assert "input=f32[2,4]" in lines[0]
    assert "cannot be multiplied" in result.why


def test_what_is_remembered_of_lengths_stays_lengths() -> None:
    """The words of the configuration do not say that a whole number counts steps; the search does."""

    class Packed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(20, 8)
            self.rnn = nn.GRU(8, 6, batch_first=True)

        def forward(self, words: Any, lengths: Any) -> Any:
            packed = nn.utils.rnn.pack_padded_sequence(self.embedding(words), lengths, batch_first=True)
            return self.rnn(packed)[1][0]

    given = InputGiven("words", "i64", (2, 9), 20), InputGiven("lengths", "i64", (2,), 10)
    result = found(Packed(), *given)
    assert result.tries <= 4
    assert result.hypotheses[0].kwargs["lengths"].tolist() == [9, 8]

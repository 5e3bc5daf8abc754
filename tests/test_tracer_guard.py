"""The guard and the scripts it runs: when it stops them, what it puts back, what it makes up."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: nothing can be run")

from torch import nn

from outlayer_lint.source.document import Unreadable
from outlayer_lint.tracer.child.losses.facts import Facts, judge
from outlayer_lint.tracer.child.losses.guard import Call, Guard, guard
from outlayer_lint.tracer.child.script import Ended, run_script

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore")

LOOP = """
import torch, sys
from torch import nn
net = nn.Linear(4, 3)
count = 0
for step in range(1000):
    x, y = torch.randn(8, 4), torch.randint(0, 3, (8,))
    try:
        loss = nn.functional.cross_entropy(net(x).softmax(1), y)
        loss.backward()
    except Exception:
        sys.exit("swallowed")
    count += 1
"""


def ran(text: str, folder: Path, losses: int = 4, *argv: str) -> tuple[Ended, Guard]:
    path = folder / "script.py"
    path.write_text(text)
    watch = guard(losses)
    return run_script(str(path), list(argv), watch), watch


def test_a_script_is_stopped_behind_the_last_backward_pass(tmp_path: Path) -> None:
    ended, watch = ran(LOOP, tmp_path)
    assert ended.how == "enough"
    assert len(watch.calls) == 4
    assert all(call.gradient is not None and call.gradient.finite for call in watch.calls)


def test_a_loss_that_is_written_out_counts_by_its_backward_pass(tmp_path: Path) -> None:
    text = LOOP.replace("nn.functional.cross_entropy(net(x).softmax(1), y)", "(net(x) ** 2).mean()")
    ended, watch = ran(text, tmp_path)
    assert (ended.how, watch.backwards, watch.calls) == ("enough", 4, [])


def test_a_program_that_only_evaluates_is_given_longer(tmp_path: Path) -> None:
    ended, watch = ran(LOOP.replace("loss.backward()", "pass"), tmp_path)
    assert (ended.how, len(watch.calls)) == ("enough", 12)


def test_every_call_is_reported(tmp_path: Path) -> None:
    told: list[Call] = []
    path = tmp_path / "script.py"
    path.write_text(LOOP)
    run_script(str(path), [], Guard(2, told.append))
    assert [call.name for call in told] == ["cross_entropy", "cross_entropy"]


def test_what_was_replaced_is_put_back(tmp_path: Path) -> None:
    before = (
        torch.Tensor.backward, torch.autograd.backward, nn.Module.__init__, torch.compile, torch.save,
        torch.Tensor.cuda, torch.distributions.Categorical.__init__, sys.argv, sys.path[:], sys.modules["__main__"],
        sys.meta_path[:],
    )  # fmt: skip
    ran(LOOP, tmp_path)
    ran("import nowhere_at_all.deep\nraise RuntimeError('no')", tmp_path)
    assert not any(name.startswith("nowhere_at_all") for name in sys.modules)
    after = (
        torch.Tensor.backward, torch.autograd.backward, nn.Module.__init__, torch.compile, torch.save,
        torch.Tensor.cuda, torch.distributions.Categorical.__init__, sys.argv, sys.path[:], sys.modules["__main__"],
        sys.meta_path[:],
    )  # fmt: skip
    assert before == after


def test_a_loss_that_fails_is_seen_all_the_same(tmp_path: Path) -> None:
    text = LOOP.replace("y = torch.randn(8, 4), ", "y = torch.randn(8, 4), 1 + ").replace(
        'sys.exit("swallowed")', "raise"
    )
    ended, watch = ran(text.replace(".softmax(1)", "").replace("torch.randint(0, 3", "torch.randint(2, 3"), tmp_path)
    assert (ended.how, ended.line) == ("error", 9)
    assert "out of bounds" in watch.calls[0].failure
    assert [one.rule for one in judge(Facts(watch).all())] == ["units-vs-classes-mismatch"]


@pytest.mark.parametrize(
    ("text", "how", "why", "line"),
    [
        ("import sys; sys.exit(3)", "exit", "3", 1),
        ("x = 1\nraise KeyError('gone')", "error", "KeyError: 'gone'", 2),
        ("print('done')", "done", "", 0),
        ("def f():\n    g()\ndef g():\n    raise ValueError\nf()", "error", "ValueError: ", 4),
    ],
)
def test_how_a_script_ended(text: str, how: str, why: str, line: int, tmp_path: Path) -> None:
    ended, _ = ran(text, tmp_path)
    assert (ended.how, ended.why, ended.line) == (how, why, line)


def test_a_script_that_does_not_parse_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(Unreadable):
        ran("def f(:", tmp_path)


def test_a_missing_package_is_made_up_unless_the_script_provides_for_it(tmp_path: Path) -> None:
    text = """
import sys
import nowhere_at_all as n
from nowhere_at_all.deep import Progress, decorate
try:
    import neither_here
    found = True
except ImportError:
    found = False
@decorate
def plain(): return 7
class Mine(n.Base):
    pass
assert list(Progress([1, 2, 3], desc="x")) == [1, 2, 3]
assert plain() == 7 and not found
Mine().log({"a": n.deep.thing(1)["key"]})
with n.session() as session:
    session.run()
sys.exit(sys.argv[1] + sys.argv[2])
"""
    ended, _ = ran(text, tmp_path, 4, "a", "b")
    assert (ended.how, ended.why, ended.missing) == ("exit", "ab", ("nowhere_at_all",))


def test_what_the_sandbox_lacks_is_done_without(tmp_path: Path) -> None:
    text = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
device = torch.device("cuda")
net = nn.Linear(4, 3).to(device)
data = DataLoader(TensorDataset(torch.randn(32, 4), torch.randint(0, 3, (32,))), batch_size=8, num_workers=3,
                  pin_memory=True, persistent_workers=True, prefetch_factor=2)
criterion = nn.CrossEntropyLoss().cuda()
for x, y in data:
    x, y = x.to("cuda:0", non_blocking=True), y.cuda()
    loss = criterion(net(x), y) + torch.zeros(1, device=device)
    loss.backward()
    torch.save(net.state_dict(), "/nowhere/at/all.pt")
"""
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    ended, watch = ran(text, tmp_path)
    assert (ended.how, len(watch.calls)) == ("enough", 4)


def test_an_exception_of_the_program_is_its_own() -> None:
    with pytest.raises(ZeroDivisionError), guard(1):
        raise ZeroDivisionError


def test_facts_join_the_calls_of_one_place(tmp_path: Path) -> None:
    _, watch = ran(LOOP, tmp_path)
    facts = Facts(watch)
    found = judge(facts.all())
    assert [len(site.calls) for site in facts.sites] == [4]
    assert [(one.rule, one.span.line, one.span.column) for one in found] == [("softmax-into-cross-entropy", 9, 16)]
    assert [place.message for place in found[0].related] == ["softmax applied here"]

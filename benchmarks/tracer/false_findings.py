"""G17: static findings put to trial, half of them planted: true of the source, false of what runs.

`python benchmarks/tracer/false_findings.py [--slice 0/4]`: every mistake in every style of model and loop; and the same programs
with one of the things that no static analysis can see (a hook, a patched function, a replaced module), after which what
the finding says is not so. A line for each finding that is judged wrongly or left open, then the figures.

The last model style and the last two loops were written after the rules of `verdicts` and are told apart.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
import textwrap
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from outlayer_lint.config import Config
from outlayer_lint.engine import check
from outlayer_lint.tracer.configured import Configured
from outlayer_lint.tracer.parent import Sandboxed
from outlayer_lint.tracer.reach import Reach
from outlayer_lint.tracer.settings import Settings
from outlayer_lint.tracer.verdicts import LOSSES, judge


class Mistake(NamedTuple):
    """What the model applies (module and function), what the loss is, the code, and what would put it right."""

    code: str
    module: str
    function: str
    criterion: str
    target: str
    units: int
    cure: str  # of the model's output, by a hook


MISTAKES = (
    Mistake("OLL101", "nn.Softmax(dim=1)", "F.softmax({}, dim=1)", "nn.CrossEntropyLoss()", "index", 5, "torch.log"),
    Mistake("OLL102", "nn.Sigmoid()", "torch.sigmoid({})", "nn.BCEWithLogitsLoss()", "binary", 1, "torch.logit"),
    Mistake(
        "OLL104", "nn.LogSoftmax(dim=1)", "F.log_softmax({}, dim=1)", "nn.CrossEntropyLoss()", "index", 5, "torch.exp"
    ),
    Mistake("OLL202", "nn.Softmax(dim=1)", "F.softmax({}, dim=1)", "nn.NLLLoss()", "index", 5, "torch.log"),
    Mistake("OLL201", "nn.Identity()", "{}", "nn.NLLLoss()", "index", 5, "lambda z: torch.log_softmax(z, 1)"),
    Mistake("OLL203", "nn.Identity()", "{}", "nn.BCELoss()", "binary", 1, "torch.sigmoid"),
)
TARGETS = {"index": "torch.randint(0, 5, (8,))", "binary": "torch.randint(0, 2, (8, 1)).float()"}
HEAD = "import torch\nfrom torch import nn\nfrom torch.nn import functional as F\n\n\n"

MODELS = {
    "module": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(6, 12)
        self.head = nn.Linear(12, {units})
        self.act = {module}

    def forward(self, x):
        return self.act(self.head(torch.relu(self.body(x))))


net = Net()
""",
    "function": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(6, 12)
        self.head = nn.Linear(12, {units})

    def forward(self, x):
        hidden = F.relu(self.body(x))
        out = self.head(hidden)
        return {function}


net = Net()
""",
    "sequential": """
net = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, {units}), {module})
""",
    "nested": """
class Head(nn.Module):
    def __init__(self, width, units):
        super().__init__()
        self.fc = nn.Linear(width, units)
        self.act = {module}

    def forward(self, hidden):
        return self.act(self.fc(hidden))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 12), nn.Tanh())
        self.top = Head(12, {units})

    def forward(self, x):
        return self.top(self.body(x))


net = Net()
""",
}
LOOPS = {
    "top": """
criterion = {criterion}
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(30):
    x, y = torch.randn(8, 6), {target}
    optimizer.zero_grad()
    loss = criterion(net(x), y)
    loss.backward()
    optimizer.step()
""",
    "main": """
def main():
    criterion = {criterion}
    optimizer = torch.optim.Adam(net.parameters())
    for epoch in range(3):
        for _ in range(5):
            x, y = torch.randn(8, 6), {target}
            out = net(x)
            loss = criterion(out, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


if __name__ == "__main__":
    main()
""",
    "function": """
def train(model, batches, criterion, optimizer):
    model.train()
    for x, y in batches:
        optimizer.zero_grad()
        prediction = model(x)
        loss = criterion(prediction, y)
        loss.backward()
        optimizer.step()


batches = [(torch.randn(8, 6), {target}) for _ in range(6)]
train(net, batches, {criterion}, torch.optim.SGD(net.parameters(), lr=0.05))
""",
    "trainer": """
class Trainer:
    def __init__(self, model):
        self.model = model
        self.loss = {criterion}
        self.optimizer = torch.optim.AdamW(model.parameters())

    def fit(self, loader):
        for x, y in loader:
            self.optimizer.zero_grad()
            value = self.loss(self.model(x), y)
            value.backward()
            self.optimizer.step()


if __name__ == "__main__":
    data = torch.utils.data.TensorDataset(torch.randn(32, 6), torch.cat([{target} for _ in range(4)]))
    Trainer(net).fit(torch.utils.data.DataLoader(data, batch_size=8))
""",
    "unreached": """
def train(model, loader, optimizer):
    criterion = {criterion}
    for x, y in loader:
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()


def start(loader):
    train(net, loader, torch.optim.SGD(net.parameters(), lr=0.1))
""",
}
# What static analysis cannot see: how it is written, for which models it fits, and whether it acts on the model's output.
TRICKS = {
    "hook": "net.register_forward_hook(lambda module, inputs, output: ({cure})(output))",
    "patched call": "plain = type(net).__call__\ntype(net).__call__ = lambda self, x: ({cure})(plain(self, x))",
    "loss hook": "HOOKED",
    "item": "MODULES",
    "exec": "exec('net.forward = (lambda before: lambda x: ({cure})(before(x)))(net.forward)')",
}
HELD_OUT = ("nested", "trainer", "unreached")


class Program(NamedTuple):
    """One program: its style, the code that is expected, its text, and whether the finding is true of what runs."""

    style: str
    code: str
    text: str
    true: bool
    held_out: bool


def programs(*, every: bool) -> Iterator[Program]:
    """One that is true and one that is false of each style, the tricks in turn; `every` trick with each."""
    turn = itertools.count()
    for (model, loop), mistake in itertools.product(itertools.product(MODELS, LOOPS), MISTAKES):
        out = "out"
        words = {
            "module": mistake.module, "function": mistake.function.format(out), "units": mistake.units,
            "criterion": mistake.criterion, "target": TARGETS[mistake.target],
        }  # fmt: skip
        made, looped = MODELS[model].format(**words), LOOPS[loop].format(**words)
        held = bool({model, loop} & set(HELD_OUT))
        style = f"{model}/{loop}/{mistake.code}"
        yield Program(style, mistake.code, HEAD + made + "\n" + looped, true=True, held_out=held)
        tricks = list(TRICKS.items()) if every else [list(TRICKS.items())[next(turn) % len(TRICKS)]]
        for trick, how in tricks:
            text = how.format(cure=mistake.cure)
            changed = looped
            if how == "HOOKED":
                text = f"cure = {mistake.cure}"
                fixed = f"hooked({mistake.criterion})"
                text += (
                    "\n\n\ndef hooked(loss):\n"
                    "    loss.register_forward_pre_hook(lambda module, given: (cure(given[0]), given[1]))\n"
                    "    return loss\n"
                )
                changed = looped.replace(mistake.criterion, fixed)
            elif how == "MODULES":
                text = f"class Cured(type(net)):\n    def forward(self, x):\n        return ({mistake.cure})(super().forward(x))\n\n\n"
                text += "net.__class__ = Cured"
            whole = HEAD + made + "\n\n" + textwrap.dedent(text) + "\n\n" + changed
            yield Program(f"{style}/{trick}", mistake.code, whole, true=False, held_out=held)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--slice", default="0/1")
    parser.add_argument("--every", action="store_true", help="every trick with every style")
    parser.add_argument("--show", action="store_true", help="print the programs instead")
    options = parser.parse_args()
    which, of = map(int, options.slice.split("/"))
    chosen = list(programs(every=options.every))[which::of]
    if options.show:
        print("\n\n# ---\n\n".join(f"# {one.style}\n{one.text}" for one in chosen))
        return
    tally: Counter[tuple[bool, bool, str]] = Counter()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        settings = Settings(root=scratch, losses=LOSSES, budget=8.0)
        with Sandboxed(settings, cwd=scratch) as sandboxed:
            for number, program in enumerate(chosen):
                _put_to_trial(program, Path(scratch) / f"p{number}", sandboxed, settings, tally)
    for held in (False, True):
        for true in (True, False):
            counts = {verdict: n for (h, t, verdict), n in sorted(tally.items()) if (h, t) == (held, true)}
            print(f"{'held out' if held else 'tuned on'}, {'true' if true else 'false'}: {counts}")
    decided = sum(n for (_, _, verdict), n in tally.items() if verdict in ("confirmed", "refuted"))
    wrong = sum(n for (_, t, verdict), n in tally.items() if verdict == ("refuted" if t else "confirmed"))
    lost = sum(n for (_, t, verdict), n in tally.items() if t and verdict == "refuted")
    total = sum(tally.values())
    print(
        f"{total} findings, {decided} decided ({decided / max(total, 1):.1%}), {wrong} wrong, {lost} true ones refuted; "
        f"{time.monotonic() - began:.0f} s"
    )


def _put_to_trial(
    program: Program, place: Path, sandboxed: Sandboxed, settings: Settings, tally: Counter[tuple[bool, bool, str]]
) -> None:
    place.mkdir()
    (place / ".git").mkdir()
    (place / "train.py").write_text(program.text)
    report = check([str(place)], Config.of(select=[program.code]), claims=True)
    configured = Configured(settings, (), enabled=False, hooks="")
    for finding in judge(report.diagnostics, sandboxed, Reach(str(place)), configured):
        trial = finding.trace
        if trial is None:
            continue
        tally[program.held_out, program.true, trial.verdict] += 1
        if trial.verdict != ("confirmed" if program.true else "refuted"):
            print(
                f"{trial.verdict:12} {'true ' if program.true else 'false'} {program.style}: {trial.why[:140]}",
                flush=True,
            )


if __name__ == "__main__":
    main()

"""How many planted mistakes the guard finds, and how often it speaks where there is none (goal G11).

`python benchmarks/tracer/planted.py tuned|held-out|fresh|wild [--slice I/N]`: mistakes and correct twins x ways of wiring a model
to its loss. Each program runs in a fork, under the guard, until four losses were seen. The wirings `HELD_OUT` and the
cases `LATER` were written after the rules and the guard stood, and nothing was changed for them.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import forked
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from outlayer_lint.tracer.child.losses.facts import Facts, judge
from outlayer_lint.tracer.child.losses.guard import guard
from outlayer_lint.tracer.child.script import run_script

SECONDS = 60.0


class Case(NamedTuple):
    """What is applied to the scores `{z}`, what the target is, which loss; `rule` is "" for a correct program."""

    rule: str
    head: str
    loss: str
    target: str = "torch.randint(0, 5, (16,))"
    units: int = 5


INDEX = "torch.randint(0, 5, (16,))"
BITS = "(torch.rand(16, 5) > 0.6).float()"
BIT = "(torch.rand(16, 1) > 0.5).float()"
SOFT = "torch.rand(16, 5).softmax(1)"
REAL = "3 * torch.randn(16, 1)"

CASES = [
    Case("softmax-into-cross-entropy", "F.softmax({z}, dim=1)", "nn.CrossEntropyLoss()"),
    Case("softmax-into-cross-entropy", "{z}.softmax(-1)", "F.cross_entropy"),
    Case("log-softmax-into-cross-entropy", "F.log_softmax({z}, dim=1)", "F.cross_entropy"),
    Case("probabilities-into-logits-loss", "torch.sigmoid({z})", "nn.CrossEntropyLoss()"),
    Case("nonnegative-scores-into-logits-loss", "F.relu({z})", "nn.CrossEntropyLoss()"),
    Case("bounded-scores-into-cross-entropy", "torch.tanh({z})", "F.cross_entropy"),
    Case("logits-into-nll-loss", "{z}", "F.nll_loss"),
    Case("probabilities-into-nll-loss", "{z}.softmax(dim=1)", "nn.NLLLoss()"),
    Case("sigmoid-into-logits-bce", "{z}.sigmoid()", "nn.BCEWithLogitsLoss()", BITS),
    Case("probabilities-into-logits-loss", "F.softmax({z}, dim=1)", "F.binary_cross_entropy_with_logits", BITS),
    Case("nonnegative-scores-into-logits-loss", "torch.relu({z})", "F.binary_cross_entropy_with_logits", BITS),
    Case("logits-into-bce-loss", "{z}", "nn.BCELoss()", BITS),
    Case("softmax-for-multilabel", "{z}.softmax(1)", "F.binary_cross_entropy", BITS),
    Case("non-log-input-to-kl-div", "{z}.softmax(1)", "nn.KLDivLoss(reduction='batchmean')", SOFT),
    Case("single-unit-cross-entropy", "{z}", "F.cross_entropy", "torch.zeros(16, dtype=torch.long)", 1),
    Case("single-unit-softmax", "F.softmax({z}, dim=1)", "F.binary_cross_entropy", BIT, 1),
    Case("softmax-over-batch-dim", "F.log_softmax({z}, dim=0)", "F.nll_loss"),
    Case("output-target-rank-mismatch", "{z}", "F.mse_loss", "torch.randn(16)", 1),
    Case("relu-on-regression-output", "F.relu({z})", "nn.MSELoss()", REAL, 1),
    Case("target-outside-output-range", "torch.tanh({z})", "nn.L1Loss()", REAL, 1),
    Case("non-differentiable-output-in-loss", "{z}.detach()", "F.cross_entropy"),
    Case("", "{z}", "nn.CrossEntropyLoss()"),
    Case("", "{z}", "F.cross_entropy", SOFT),
    Case("", "F.log_softmax({z}, dim=1)", "nn.NLLLoss()"),
    Case("", "{z}", "nn.BCEWithLogitsLoss()", BITS),
    Case("", "torch.sigmoid({z})", "nn.BCELoss()", BITS),
    Case("", "F.log_softmax({z}, dim=1)", "nn.KLDivLoss(reduction='batchmean')", SOFT),
    Case("", "{z}", "F.mse_loss", REAL, 1),
    Case("", "{z}.squeeze(1)", "nn.SmoothL1Loss()", "torch.randn(16)", 1),
    Case("", "F.softplus({z})", "F.mse_loss", "torch.rand(16, 1) * 9", 1),
    Case("", "torch.tanh({z})", "F.mse_loss", "torch.rand(16, 1) * 2 - 1", 1),
    Case("", "10 * torch.tanh({z})", "nn.CrossEntropyLoss()"),
    Case("", "F.logsigmoid({z}).exp()", "F.binary_cross_entropy", BITS),
]
LATER = [
    Case("softmax-into-cross-entropy", "nn.Softmax(dim=-1)({z})", "nn.CrossEntropyLoss(label_smoothing=0.1)"),
    Case("softmax-into-cross-entropy", "({z} - {z}.max()).exp() / ({z} - {z}.max()).exp().sum(1, keepdim=True)",
         "F.cross_entropy"),
    Case("sigmoid-into-logits-bce", "1 / (1 + torch.exp(-{z}))", "nn.BCEWithLogitsLoss()", BITS),
    Case("sigmoid-into-logits-bce", "torch.sigmoid({z}).view(16, 5)", "nn.MultiLabelSoftMarginLoss()", BITS),
    Case("probabilities-into-nll-loss", "F.softmax({z}, 1).clamp(1e-6, 1)", "F.nll_loss"),
    Case("logits-into-nll-loss", "F.leaky_relu({z}, 0.2)", "nn.NLLLoss()"),
    Case("non-log-input-to-kl-div", "{z}", "F.kl_div", SOFT),
    Case("relu-on-regression-output", "{z}.clamp(min=0)", "nn.HuberLoss()", REAL, 1),
    Case("target-outside-output-range", "{z}.sigmoid()", "F.smooth_l1_loss", "torch.rand(16, 1) * 40", 1),
    Case("cross-entropy-for-multilabel", "{z}", "F.cross_entropy", BITS),
    Case("class-weight-length-mismatch", "{z}", "nn.BCEWithLogitsLoss(pos_weight=torch.ones(4))", BITS),
    Case("squared-error-on-class-indices", "{z}", "nn.MSELoss()", "torch.randint(0, 5, (16,))"),
    Case("", "{z} / 0.07", "F.cross_entropy"),
    Case("", "{z} - {z}.logsumexp(1, keepdim=True)", "F.nll_loss"),
    Case("", "torch.log(F.softmax({z}.double(), dim=1).clamp_min(1e-30))", "F.nll_loss"),
    Case("", "F.normalize({z}, dim=1) * 30", "nn.CrossEntropyLoss()"),
    Case("", "{z}[:, :1]", "F.binary_cross_entropy_with_logits", BIT),
    Case("", "{z}.exp()", "nn.PoissonNLLLoss(log_input=False)", "torch.randint(0, 9, (16, 1)).float()", 1),
    Case("", "{z}.flatten()", "F.l1_loss", "torch.randn(16)", 1),
    Case("", "torch.sigmoid({z})", "F.mse_loss", "torch.rand(16, 1)", 1),
    Case("", "{z}", "nn.MultiMarginLoss()"),
    Case("", "F.log_softmax({z} / 4, dim=-1)", "nn.KLDivLoss(reduction='batchmean')", SOFT),
]  # fmt: skip

# A wiring defines a model and says what its output for `x` is; HEAD stands for the head applied to `z`.
BODY = "nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, UNITS)"
NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(BODY)

    def forward(self, x):
        z = self.body(x)
        return HEAD
"""
TUNED = {
    "inline": ("net = nn.Sequential(BODY)\nparameters = net.parameters()", "z = net(x); out = HEAD"),
    "class": (NET + "net = Net()\nparameters = net.parameters()", "out = net(x)"),
    "helper": ("net = nn.Sequential(BODY)\ndef decide(z):\n    return HEAD\nparameters = net.parameters()",
               "out = decide(net(x))"),
    "dict": (NET.replace("return HEAD", "return {'scores': HEAD, 'hidden': z * 2}") + "net = Net()\n"
             "parameters = net.parameters()", "out = net(x)['scores']"),
    "tuple": (NET.replace("return HEAD", "return z.mean(), HEAD") + "net = Net()\nparameters = net.parameters()",
              "_, out = net(x)"),
    "checkpoint": ("from torch.utils.checkpoint import checkpoint\nnet = nn.Sequential(BODY)\nparameters = net.parameters()",
                   "z = checkpoint(net, x, use_reentrant=False); out = HEAD"),
    "parallel": (NET + "net = nn.DataParallel(Net())\nparameters = net.parameters()", "out = net(x)"),
    "autocast": (NET + "net = Net()\nparameters = net.parameters()",
                 "with torch.autocast('cpu', torch.bfloat16): out = net(x)\n    out = out.float()"),
}  # fmt: skip
HELD_OUT = {
    "weights": ("w1 = nn.Parameter(torch.randn(8, 32) / 3); w2 = nn.Parameter(torch.randn(32, UNITS) / 6)\n"
                "b = nn.Parameter(torch.zeros(UNITS))\nparameters = [w1, w2, b]",
                "z = torch.relu(x @ w1) @ w2 + b; out = HEAD"),
    "functional": (NET + "from torch.func import functional_call\nnet = Net()\nparameters = list(net.parameters())",
                   "out = functional_call(net, dict(net.named_parameters()), (x,))"),
    "compiled": (NET + "net = torch.compile(Net())\nparameters = net.parameters()", "out = net(x)"),
    "scripted": ("net = torch.jit.trace(nn.Sequential(BODY), torch.randn(16, 8))\nparameters = net.parameters()",
                 "z = net(x) * 1.0; out = HEAD"),
    "recurrent": ("rnn = nn.GRU(8, 16, batch_first=True); head = nn.Linear(16, UNITS)\n"
                  "parameters = [*rnn.parameters(), *head.parameters()]",
                  "h, _ = rnn(x[:, None]); z = head(h[:, -1]); out = HEAD"),
    "dataclass": (NET.replace("return HEAD", "return Output(HEAD, z)").replace(
        "\nclass Net", "\nfrom dataclasses import dataclass\n@dataclass\nclass Output:\n    out: object\n    aux: object\n"
        "class Net") + "net = Net()\nparameters = net.parameters()", "out = net(x).out"),
    "hook": ("net = nn.Sequential(BODY)\nkept = []\nnet.register_forward_hook(lambda m, i, o: kept.append(o))\n"
             "parameters = net.parameters()", "net(x); z = kept[-1]; out = HEAD"),
    "autograd": ("class Same(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, z):\n"
                 "        return z.clone()\n    @staticmethod\n    def backward(ctx, g):\n        return g\n"
                 "net = nn.Sequential(BODY)\nparameters = net.parameters()", "z = Same.apply(net(x)); out = HEAD"),
}  # fmt: skip
FRESH = {
    "lazy": ("net = nn.Sequential(nn.LazyLinear(32), nn.ReLU(), nn.LazyLinear(UNITS))\nnet(torch.randn(2, 8))\n"
             "parameters = net.parameters()", "z = net(x); out = HEAD"),
    "weight norm": ("from torch.nn.utils.parametrizations import weight_norm\n"
                    "net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), weight_norm(nn.Linear(32, UNITS)))\n"
                    "parameters = net.parameters()", "z = net(x); out = HEAD"),
    "two networks": ("from functools import partial\nbody, top = nn.Linear(8, 32), nn.Linear(32, UNITS)\n"
                     "def compose(f, g, x):\n    return g(torch.relu(f(x)))\nrun = partial(compose, body, top)\n"
                     "parameters = [*body.parameters(), *top.parameters()]", "z = run(x); out = HEAD"),
    "generator": ("net = nn.ModuleDict({'a': nn.Linear(8, 32), 'b': nn.Linear(32, UNITS)})\n"
                  "def outputs(batches):\n    for each in batches:\n        z = net['b'](net['a'](each).relu_())\n"
                  "        yield {'all': [None, (HEAD,)]}\nparameters = net.parameters()",
                  "out = next(outputs([x]))['all'][1][0]"),
    "einsum": ("w = nn.Parameter(torch.randn(8, UNITS) / 3)\nparameters = [w]",
               "z = torch.einsum('bi,io->bo', x, w); out = HEAD"),
    "convolution": ("net = nn.Sequential(nn.Conv1d(8, 16, 1), nn.ReLU(), nn.Conv1d(16, UNITS, 1), "
                    "nn.AdaptiveAvgPool1d(1), nn.Flatten())\nparameters = net.parameters()",
                    "z = net(x[:, :, None].expand(-1, -1, 3)); out = HEAD"),
    "ensemble": ("nets = nn.ModuleList(nn.Linear(8, UNITS) for _ in range(3))\nparameters = nets.parameters()",
                 "z = torch.stack([net(x) for net in nets]).mean(0); out = HEAD"),
    "filled": ("net = nn.Sequential(BODY)\nparameters = net.parameters()",
               "z = net(x); kept = torch.zeros_like(HEAD); kept[:] = HEAD; out = kept"),
}  # fmt: skip
# Ways in which courses, notebooks and papers' repositories wire their training, written from those.
WILD = {
    "state dict": (NET + "first = Net()\nnet = Net()\nnet.load_state_dict(first.state_dict())\nnet.train()\n"
                   "parameters = [p for p in net.parameters() if p.requires_grad]", "out = net(x)"),
    "frozen body": ("backbone = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU())\n"
                    "for p in backbone.parameters():\n    p.requires_grad_(False)\nbackbone.eval()\n"
                    "head = nn.Linear(32, UNITS)\nparameters = head.parameters()",
                    "with torch.no_grad():\n        features = backbone(x)\n    z = head(features); out = HEAD"),
    "loader": (NET + "from torch.utils.data import DataLoader, TensorDataset\n"
               "loader = DataLoader(TensorDataset(torch.randn(64, 8)), batch_size=16, shuffle=True)\nbatches = iter(loader)\n"
               "net = Net()\nparameters = net.parameters()",
               "try:\n        x, = next(batches)\n    except StopIteration:\n        batches = iter(loader); x, = next(batches)\n"
               "    out = net(x.to('cpu'))"),
    "registry": ("MODELS = {}\ndef register(cls):\n    MODELS[cls.__name__.lower()] = cls\n    return cls\n@register" + NET
                 + "config = {'model': 'net'}\nnet = MODELS[config['model']]()\nparameters = net.parameters()", "out = net(x)"),
    "base class": ("class Base(nn.Module):\n    def forward(self, x):\n        h = self.encode(x)\n        return self.decode(h)\n"
                   "    def training_step(self, batch):\n        x, = batch\n        return self(x)\n"
                   "class Net(Base):\n    def __init__(self):\n        super().__init__()\n"
                   "        self.enc, self.dec = nn.Linear(8, 32), nn.Linear(32, UNITS)\n"
                   "    def encode(self, x):\n        return torch.relu(self.enc(x))\n"
                   "    def decode(self, h):\n        z = self.dec(h)\n        return HEAD\n"
                   "net = Net()\nparameters = net.parameters()", "out = net.training_step((x,))"),
    "attention": ("emb = nn.Linear(8, 16); att = nn.MultiheadAttention(16, 2, batch_first=True); norm = nn.LayerNorm(16)\n"
                  "head = nn.Linear(16, UNITS)\n"
                  "parameters = [*emb.parameters(), *att.parameters(), *norm.parameters(), *head.parameters()]",
                  "h = emb(x).unsqueeze(1).repeat(1, 4, 1); h = norm(h + att(h, h, h, need_weights=False)[0])\n"
                  "    z = head(h.mean(dim=1)); out = HEAD"),
    "lists": ("net = nn.Sequential(BODY)\nparameters = net.parameters()",
              "outs = []\n    for row in x.split(4):\n        z = net(row)\n        outs.append(HEAD)\n    out = torch.cat(outs, dim=0)"),
    "mixup": (NET + "net = Net()\nparameters = net.parameters()",
              "lam = 0.7; index = torch.randperm(x.size(0)); x = lam * x + (1 - lam) * x[index]; out = net(x)"),
    "residual head": ("class Block(nn.Module):\n    def __init__(self, f):\n        super().__init__()\n        self.f = f\n"
                      "    def forward(self, x):\n        return x + self.f(x)\n"
                      "net = nn.Sequential(Block(nn.Linear(8, 8)), nn.Dropout(0.1), Block(nn.Linear(8, 8)), nn.Linear(8, UNITS))\n"
                      "parameters = net.parameters()", "z = net(x); out = HEAD"),
    "tied weights": ("table = nn.Embedding(UNITS, 8); mix = nn.Linear(8, 8)\n"
                     "parameters = [*table.parameters(), *mix.parameters()]",
                     "z = F.linear(mix(x), table.weight); out = HEAD"),
    "trainer": (NET + "class Trainer:\n    def __init__(self, model):\n        self.model = model\n"
                "    def __call__(self, **inputs):\n        return {'loss': None, 'logits': self.model(inputs['x'])}\n"
                "trainer = Trainer(Net())\nparameters = trainer.model.parameters()", "out = trainer(x=x)['logits']"),
    "image": ("net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),\n"
              "                    nn.Linear(8, UNITS))\nparameters = net.parameters()",
              "z = net(x.view(-1, 1, 2, 4)); out = HEAD"),
}  # fmt: skip
LOSSES = {
    "direct": ("criterion = LOSS", "loss = criterion(out, y)"),
    "own": ("class Own(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.inner = LOSS\n"
            "    def forward(self, given, wanted):\n        return 0.5 * self.inner(given, wanted)\ncriterion = Own()",
            "loss = criterion(out, y)"),
    "table": ("criteria = {'main': LOSS}", "loss = sum(f(out, y) for f in criteria.values())"),
}  # fmt: skip
PROGRAM = """import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
{defined}
{criterion}
optimizer = torch.optim.SGD(list(parameters), lr=0.01)
for step in range(6):
    x = torch.randn(16, 8)
    y = {target}
    {forward}
    {loss}
    optimizer.zero_grad()
    loss.backward() if loss.requires_grad else None
    optimizer.step()
"""


def program(case: Case, wiring: tuple[str, str], loss: tuple[str, str]) -> str:
    """One program."""
    head = case.head.replace("{z}", "z")
    defined, forward = (
        text.replace("BODY", BODY).replace("UNITS", str(case.units)).replace("HEAD", head) for text in wiring
    )
    criterion = loss[0].replace("LOSS", case.loss)
    return PROGRAM.format(defined=defined, criterion=criterion, target=case.target, forward=forward, loss=loss[1])


def found_in(path: str) -> dict[str, Any]:
    """The rules that speak, with their severities, and how the program ended."""
    watch = guard(4)
    ended = run_script(path, [], watch)
    found = judge(Facts(watch).all())
    return {
        "found": [[d.rule, str(d.severity), d.span.line] for d in found],
        "ended": list(ended[:3]),
        "calls": len(watch.calls),
    }


def main() -> None:
    """Print every miss and false alarm, then the sums."""
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=("tuned", "held-out", "fresh", "wild"))
    parser.add_argument("--slice", default="0/1")
    options = parser.parse_args()
    index, parts = map(int, options.slice.split("/"))
    wirings = {"tuned": TUNED, "held-out": HELD_OUT, "fresh": FRESH, "wild": WILD}[options.part]
    cases = CASES if wirings is TUNED else [*LATER, *CASES]
    torch.set_num_threads(1)
    forked.warm()
    every = [(case, name) for case in cases for name in wirings]
    hits = planted = alarms = correct = failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch, "setup.py").touch()
        for number, (case, name) in enumerate(every):
            if number % parts != index:
                continue
            style = list(LOSSES)[number % len(LOSSES)]
            path = os.path.join(scratch, f"p{number}.py")
            Path(path).write_text(program(case, wirings[name], LOSSES[style]))
            seen = forked.run(partial(found_in, path), SECONDS)
            if "failed" in seen or not seen["calls"]:
                failed += 1
                print("FAILED", case, name, style, seen)
                continue
            rules = {rule for rule, _, _ in seen["found"]}
            loud = {rule for rule, severity, _ in seen["found"] if severity != "info"}
            if case.rule:
                planted += 1
                hits += case.rule in rules
            else:
                correct += 1
                alarms += bool(loud)
            if (case.rule and case.rule not in rules) or (not case.rule and rules):
                print("MISS" if case.rule else "ALARM", case, name, style, seen)
    print(
        f"{options.part} {options.slice}: {hits} / {planted} mistakes, {alarms} / {correct} false alarms, {failed} failed"
    )


if __name__ == "__main__":
    main()

"""How often the function of an output is identified exactly (goal G9).

`python benchmarks/tracer/forms.py [fp32|bf16]`: heads x layouts x widths, each head with the form that it has by its
definition. `HELD_OUT` heads were written after the candidate functions were settled and none was changed for them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable

sys.path.insert(0, str(Path(__file__).parents[2]))

from outlayer_lint.tracer.child.recording.forms import identify
from outlayer_lint.tracer.child.recording.recorder import record

WIDTHS = (2, 3, 5, 10, 33)
LAYOUTS = ("rows", "images", "sequences", "moved")  # moved: classes are permuted to the last dim after the activation


def hand(z: Any, d: int) -> Any:
    """A softmax written out."""
    e = torch.exp(z)
    return e / e.sum(d, keepdim=True)


def shifted(z: Any, d: int) -> Any:
    """The same, safe from overflow."""
    e = torch.exp(z - z.max(dim=d, keepdim=True)[0])
    return e / torch.sum(e, dim=d, keepdim=True)


Head = tuple[str, "Callable[[Any, int], Any]", str]

TUNED: list[Head] = [
    ("linear", lambda z, d: z, "raw"),
    ("softmax", lambda z, d: F.softmax(z, d), "softmax@D"),
    ("method", lambda z, d: z.softmax(d), "softmax@D"),
    ("hand", hand, "softmax@D"),
    ("shifted", shifted, "softmax@D"),
    ("exp_log", lambda z, d: z.log_softmax(d).exp(), "softmax@D"),
    ("double", lambda z, d: z.softmax(d).softmax(d), "softmax@D∘softmax@D"),
    ("softmax_sigmoid", lambda z, d: z.sigmoid().softmax(d), "softmax@D∘sigmoid"),
    ("softmax_relu", lambda z, d: F.relu(z).softmax(d), "softmax@D∘relu"),
    ("softmax_tanh", lambda z, d: z.tanh().softmax(d), "softmax@D∘tanh"),
    ("cold", lambda z, d: (z / 0.5).softmax(d), "softmax@D(T=0.5)"),
    ("hot", lambda z, d: (z / 4.0).softmax(d), "softmax@D(T=4)"),
    ("softmin", lambda z, d: F.softmin(z, d), "softmin@D"),
    ("log_softmax", lambda z, d: F.log_softmax(z, d), "log_softmax@D"),
    ("log_of_softmax", lambda z, d: torch.log(z.softmax(d)), "log_softmax@D"),
    ("minus_lse", lambda z, d: z - z.logsumexp(d, keepdim=True), "log_softmax@D"),
    ("log_double", lambda z, d: z.softmax(d).log_softmax(d), "log_softmax@D∘softmax@D"),
    ("sigmoid", lambda z, d: torch.sigmoid(z), "sigmoid"),
    ("hand_sigmoid", lambda z, d: 1 / (1 + torch.exp(-z)), "sigmoid"),
    ("expit", lambda z, d: torch.special.expit(z), "sigmoid"),
    ("half_tanh", lambda z, d: 0.5 * (torch.tanh(z / 2) + 1), "sigmoid"),
    ("hardsigmoid", lambda z, d: F.hardsigmoid(z), "hardsigmoid"),
    ("logsigmoid", lambda z, d: F.logsigmoid(z), "log_sigmoid"),
    ("tanh", lambda z, d: torch.tanh(z), "tanh"),
    ("scaled_tanh", lambda z, d: 2 * torch.tanh(z), "2*tanh"),
    ("unit_tanh", lambda z, d: (torch.tanh(z) + 1) / 2, "0.5*tanh+0.5"),
    ("hardtanh", lambda z, d: F.hardtanh(z), "hardtanh"),
    ("softsign", lambda z, d: F.softsign(z), "softsign"),
    ("relu", lambda z, d: F.relu(z), "relu"),
    ("clamp_min", lambda z, d: z.clamp(min=0), "relu"),
    ("relu6", lambda z, d: F.relu6(z), "relu6"),
    ("leaky", lambda z, d: F.leaky_relu(z), "leaky_relu"),
    ("softplus", lambda z, d: F.softplus(z), "softplus"),
    ("log1p_exp", lambda z, d: torch.log1p(torch.exp(z)), "softplus"),
    ("elu", lambda z, d: F.elu(z), "elu"),
    ("exp", lambda z, d: torch.exp(z), "exp"),
    ("clamp01", lambda z, d: z.clamp(0, 1), "clamp(0, 1)"),
    ("norm", lambda z, d: F.normalize(z, dim=d), "normalize@D"),
    ("norm1_relu", lambda z, d: F.normalize(F.relu(z), p=1, dim=d), "normalize1@D∘relu"),
]

HELD_OUT: list[Head] = [
    ("where_relu", lambda z, d: torch.where(z > 0, z, torch.zeros_like(z)), "relu"),
    ("max_zero", lambda z, d: torch.maximum(z, torch.zeros_like(z)), "relu"),
    ("abs_half", lambda z, d: (z + z.abs()) / 2, "relu"),
    ("reciprocal", lambda z, d: torch.exp(-z).add(1).reciprocal(), "sigmoid"),
    ("pow_sigmoid", lambda z, d: (1 + (-z).exp()) ** -1, "sigmoid"),
    ("two_sigmoid", lambda z, d: 2 * torch.sigmoid(z) - 1, "2*sigmoid-1"),
    ("exp_logsigmoid", lambda z, d: F.logsigmoid(z).exp(), "sigmoid"),
    ("complement", lambda z, d: 1 - torch.sigmoid(z), "complement∘sigmoid"),
    ("exp_minus_lse", lambda z, d: torch.exp(z - torch.logsumexp(z, d, keepdim=True)), "softmax@D"),
    ("pow_e", lambda z, d: (2.718281828459045**z) / (2.718281828459045**z).sum(d, keepdim=True), "softmax@D"),
    ("lambda_loop", lambda z, d: torch.stack([p.softmax(0) for p in z.movedim(d, -1).reshape(-1, z.shape[d])])
     .reshape(z.movedim(d, -1).shape).movedim(-1, d), "softmax@D"),
    ("triple", lambda z, d: z.softmax(d).softmax(d).log_softmax(d), "unknown"),
    ("tempered", lambda z, d: F.softmax(z * 1.7, d), "softmax@D(T=0.588)"),
    ("log10_softmax", lambda z, d: z.softmax(d).log10(), "unknown"),
    ("gelu", lambda z, d: F.gelu(z), "gelu"),
    ("silu", lambda z, d: z * torch.sigmoid(z), "silu"),
    ("square", lambda z, d: z**2, "square"),
    ("minus", lambda z, d: -z, "neg"),
    ("affine", lambda z, d: z * 3 - 1, "3*raw-1"),
    ("onehot", lambda z, d: F.one_hot(z.argmax(d), z.shape[d]).movedim(-1, d).to(z.dtype), "onehot@D"),
    ("norm1", lambda z, d: z.sigmoid() / z.sigmoid().sum(d, keepdim=True), "normalize1@D∘sigmoid"),
    ("cube", lambda z, d: z**3, "unknown"),
    ("sigmoid_relu", lambda z, d: torch.sigmoid(F.relu(z)), "sigmoid∘relu"),
    ("mish", lambda z, d: z * torch.tanh(F.softplus(z)), "mish"),
]  # fmt: skip


FRESH: list[Head] = [  # written after the first run over HELD_OUT led to two repairs
    ("fourth", lambda z, d: z * z * z * z, "unknown"),
    ("gated", lambda z, d: torch.sigmoid(z) * torch.tanh(z), "unknown"),
    ("masked", lambda z, d: z.masked_fill(z < 0, 0.0), "relu"),
    ("threshold", lambda z, d: F.threshold(z, 0.0, 0.0), "relu"),
    ("rrelu_eval", lambda z, d: F.rrelu(z, 0.1, 0.1), "leaky_relu(0.1)"),
    ("log_sum", lambda z, d: z - torch.log(torch.exp(z).sum(d, keepdim=True)), "log_softmax@D"),
    ("einsum_sum", lambda z, d: z.exp() / z.exp().sum(dim=d, keepdim=True).clamp(min=1e-12), "softmax@D"),
    ("transposed", lambda z, d: z.transpose(0, d).softmax(0).transpose(0, d), "softmax@D"),
    ("flattened", lambda z, d: z.movedim(d, -1).reshape(-1, z.shape[d]).softmax(-1)
     .reshape(z.movedim(d, -1).shape).movedim(-1, d), "softmax@D"),
    ("sigmoid_twice", lambda z, d: z.sigmoid().sigmoid(), "sigmoid∘sigmoid"),
    ("float_cast", lambda z, d: z.float().softmax(d).to(z.dtype), "softmax@D"),
    ("tanh_softmax", lambda z, d: z.softmax(d).tanh(), "tanh∘softmax@D"),
    ("dropout", lambda z, d: F.dropout(z, 0.5, training=False), "raw"),
    ("clone", lambda z, d: z.clone().contiguous() + 0.0, "raw"),
]  # fmt: skip


class Net(nn.Module):
    """A layer, a head, and perhaps a permutation behind it."""

    def __init__(self, head: Callable[[Any, int], Any], layout: str, width: int) -> None:
        """`width` is the number of classes."""
        super().__init__()
        self.head, self.layout = head, layout
        self.layer: nn.Module = (
            nn.Conv2d(3, width, 3, padding=1) if layout in ("images", "moved") else nn.Linear(6, width)
        )

    def forward(self, x: Any) -> Any:
        """Scores, then the head over the dim of the classes."""
        made = self.head(self.layer(x), 1 if self.layout in ("rows", "images", "moved") else -1)
        return made.permute(0, 2, 3, 1) if self.layout == "moved" else made


INPUTS = {"rows": (4, 6), "images": (2, 3, 5, 4), "moved": (2, 3, 5, 4), "sequences": (2, 7, 6)}
DIMS = {"rows": 1, "images": 1, "moved": 3, "sequences": 2}


def main() -> None:
    """Print the misses, then the share that was right."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    dtype = torch.bfloat16 if sys.argv[1:] == ["bf16"] else torch.float32
    for title, heads in (("tuned", TUNED), ("held out", HELD_OUT), ("fresh", FRESH)):
        right = cases = wrong = 0
        for name, head, expected in heads:
            for layout in LAYOUTS:
                for width in WIDTHS:
                    model = Net(head, layout, width).to(dtype)
                    given = SimpleNamespace(args=(torch.randn(INPUTS[layout], dtype=dtype),), kwargs={})
                    form = identify(model, given, record(model, given.args, {}))["out"]
                    wanted = expected.replace("@D", f"@{DIMS[layout]}")
                    bare = form.by == ("values",) and wanted.startswith("softmax@")
                    good = form.value == wanted or (form.by == () and wanted == "unknown")
                    cases += 1
                    right += good
                    wrong += not good and bool(form.by) and not bare
                    if not good:
                        print(name, layout, width, "found", form, "wanted", wanted)
        print(f"{title}, {dtype}: {right} / {cases} exact, {wrong} wrong claims, {cases - right - wrong} left open")


if __name__ == "__main__":
    main()

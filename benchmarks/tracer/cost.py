"""What watching costs: a forward pass under the recorder (goal G8), a training step under the guard (goal G14).

`python benchmarks/tracer/cost.py`: the least of several CPU times, plain and watched turn by turn, one thread.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable

sys.path.insert(0, str(Path(__file__).parents[2]))

from outlayer_lint.tracer.child.losses.guard import Guard
from outlayer_lint.tracer.child.recording.recorder import Recorder

TURNS = 9


class Residual(nn.Module):
    """A block of a small ResNet."""

    def __init__(self, width: int) -> None:
        """`width` channels in and out."""
        super().__init__()
        self.one, self.two = (nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(2))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(2))

    def forward(self, x: Any) -> Any:
        """Two convolutions and a sum."""
        return F.relu(x + self.norms[1](self.two(F.relu(self.norms[0](self.one(x))))))


def mlp(width: int = 64, depth: int = 2) -> nn.Module:
    """Layers in a row."""
    return nn.Sequential(
        *(layer for _ in range(depth) for layer in (nn.Linear(width, width), nn.ReLU())), nn.Linear(width, 10)
    )


def convolutional(width: int, blocks: int) -> nn.Module:
    """Residual blocks on images."""
    return nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1), *(Residual(width) for _ in range(blocks)), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(width, 10),
    )  # fmt: skip


class Tokens(nn.Module):
    """A small transformer."""

    def __init__(self) -> None:
        """Four layers of width 128."""
        super().__init__()
        self.embed = nn.Embedding(500, 128)
        self.layers = nn.TransformerEncoder(nn.TransformerEncoderLayer(128, 4, 256, batch_first=True), 4)
        self.head = nn.Linear(128, 10)

    def forward(self, ids: Any) -> Any:
        """Ids to scores."""
        return self.head(self.layers(self.embed(ids)).mean(1))


class LeNet(nn.Module):
    """As everybody writes it."""

    def __init__(self) -> None:
        """For pictures of 28 by 28."""
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)
        )
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)
        )

    def forward(self, x: Any) -> Any:
        """Pictures to scores."""
        return self.head(self.features(x))


MODELS: dict[str, tuple[Callable[[], nn.Module], Callable[[], Any]]] = {
    "mlp, 2 layers": (mlp, lambda: torch.randn(32, 64)),
    "mlp, 100 layers": (lambda: mlp(64, 100), lambda: torch.randn(32, 64)),
    "mlp, 100 of 128": (lambda: mlp(128, 100), lambda: torch.randn(64, 128)),
    "LeNet": (LeNet, lambda: torch.randn(64, 1, 28, 28)),
    "LeNet, 128": (LeNet, lambda: torch.randn(128, 1, 28, 28)),
    "residual, 32 x 32": (lambda: convolutional(32, 8), lambda: torch.randn(16, 3, 32, 32)),
    "residual, 96 x 96": (lambda: convolutional(32, 8), lambda: torch.randn(8, 3, 96, 96)),
    "transformer": (Tokens, lambda: torch.randint(0, 500, (16, 64))),
}


def least(*runs: Callable[[], None]) -> list[float]:
    """The least CPU time of each, turn by turn."""
    best = [float("inf")] * len(runs)
    for _ in range(TURNS):
        for number, run in enumerate(runs):
            start = time.process_time()
            run()
            best[number] = min(best[number], time.process_time() - start)
    return best


def main() -> None:
    """Print both tables."""
    torch.set_num_threads(1)
    print("forward pass      plain ms   watched   ratio   us an operation")
    for name, (build, sample) in MODELS.items():
        model, x = build().eval(), sample()
        count = 0

        def plain(model: nn.Module = model, x: Any = x) -> None:
            model(x)

        def watched(model: nn.Module = model, x: Any = x) -> None:
            nonlocal count
            with Recorder() as recorder:
                model(x)
            count = recorder.index

        with torch.no_grad():
            a, b = least(plain, watched)
        print(f"{name:18}{a * 1e3:9.2f}{b * 1e3:10.2f}{b / a:8.2f}{(b - a) / count * 1e6:12.1f}")
    print("\ntraining step     plain ms   guarded   ratio")
    for name, (build, sample) in MODELS.items():
        model, x = build().train(), sample()
        y = torch.randint(0, 10, (len(x),))
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)

        def step(model: nn.Module = model, x: Any = x, y: Any = y, optimizer: Any = optimizer) -> None:
            for _ in range(3):
                optimizer.zero_grad()
                F.cross_entropy(model(x), y).backward()
                optimizer.step()

        guard = Guard(0)

        def guarded(guard: Guard = guard, step: Callable[[], None] = step) -> None:
            guard.calls.clear()
            guard.recorder.__enter__()
            step()
            guard.recorder.__exit__(None, None, None)

        with guard:
            guard.recorder.__exit__(None, None, None)
            a, b = least(step, guarded)
            guard.recorder.__enter__()
        print(f"{name:18}{a / 3 * 1e3:9.2f}{b / 3 * 1e3:10.2f}{b / a:8.2f}")


if __name__ == "__main__":
    main()

"""How targets are to be run."""

from __future__ import annotations

import re
from typing import NamedTuple

from outlayer_lint.config import Refused

DEVICES = re.compile(r"auto|cpu|cuda(:\d+)?")
FLOATS = ("fp32", "bf16", "fp16")
ISOLATIONS = ("auto", "strict", "none")
SECONDS = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|min)?")
BYTES = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", re.IGNORECASE)
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, None: 1.0}
LEAST_MEMORY = 1 << 30  # torch alone takes 0.8 GB of address space


class Settings(NamedTuple):
    """How to run; what the child needs of it crosses the channel as JSON.

    Attributes:
        device: `auto`, `cpu`, `cuda` or `cuda:1`.
        dtypes: the precisions that outputs are looked at in, of `FLOATS`.
        budget: seconds for one target, import to verdict.
        memory: bytes of address space that the child may take.
        max_tries: forwards that the search for an input may run.
        losses: loss calls after which a script is stopped.
        isolation: `auto` takes what the system permits, `strict` refuses to run without namespaces, `none` has none.
        stub_missing: whether packages that are not installed are replaced by stubs.
        synthetic_datasets: whether known data sets are replaced by small made-up ones.
        full_import: whether a file is imported as a whole instead of the statements that a class needs.
        python: the interpreter to run them with, "" for this one.
        root: the folder of the project, absolute.
        explain: whether the log of the search is wanted.
    """

    device: str = "auto"
    dtypes: tuple[str, ...] = ("fp32",)
    budget: float = 20.0
    memory: int = 3 << 30
    max_tries: int = 120
    losses: int = 4
    isolation: str = "auto"
    stub_missing: bool = True
    synthetic_datasets: bool = True
    full_import: bool = False
    python: str = ""
    root: str = ""
    explain: bool = False


def device(text: str, where: str) -> str:
    """A device, or `Refused`."""
    if not DEVICES.fullmatch(text):
        raise Refused(f"{where}: expected auto, cpu, cuda or cuda:0, found `{text}`")
    return text


def dtypes(text: str, where: str) -> tuple[str, ...]:
    """`fp32,bf16` as a tuple, or `Refused`."""
    found = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    unknown = [word for word in found if word not in FLOATS]
    if unknown or not found:
        raise Refused(f"{where}: expected some of {', '.join(FLOATS)}, found `{text}`")
    return found


def seconds(text: str, where: str) -> float:
    """`20s`, `500ms`, `2m` or plain seconds, or `Refused`."""
    match = SECONDS.fullmatch(text.strip())
    found = float(match[1]) * UNITS[match[2]] if match else 0.0
    if not 0 < found <= 86_400:  # noqa: PLR2004 - a day
        raise Refused(f"{where}: expected a time such as 20s, found `{text}`")
    return found


def size(text: str, where: str) -> int:
    """`3g`, `1500m` or plain bytes, or `Refused`."""
    match = BYTES.fullmatch(text.strip())
    found = int(float(match[1]) * 1024 ** " kmgt".index((match[2] or " ").lower())) if match else 0
    if found < LEAST_MEMORY:
        raise Refused(f"{where}: expected 1g or more, found `{text}`")
    return found


def whole(text: str, where: str) -> int:
    """A number of at least 1, or `Refused`."""
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0):
        raise Refused(f"{where}: expected a number of at least 1, found `{text}`")
    return int(text[:9])

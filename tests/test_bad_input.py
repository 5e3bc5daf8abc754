"""Whatever the files hold: one entry in `errors`, bounded time, and the other files are still done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from outlayer_lint.engine import check

if TYPE_CHECKING:
    from collections.abc import Callable

from outlayer_lint.cli import main
from outlayer_lint.config import Config

BROKEN = Path(__file__).parents[1] / "fixtures/broken"
SOUND = """\
import torch.nn.functional as F

def step(net, x, y):
    return F.cross_entropy(net(x).softmax(1), y)
"""
SEED = b"import torch\nloss = torch.nn.functional.cross_entropy(a, b)\n"
HOSTILE: dict[str, bytes] = {
    "not_utf8.py": SEED + b"x = '\xff\xfe'\n",
    "nul.py": SEED + b"x = '\0'\n",
    "syntax.py": SEED + b"def f(:\n",
    "python2.py": SEED + b"print 'loss' loss\n",
    "magic.py": b"%matplotlib inline\n" + SEED,
    "parentheses.py": SEED + b"x = " + b"(" * 10_000 + b")" * 10_000 + b"\n",
    "minuses.py": SEED + b"x = " + b"-" * 200_000 + b"1\n",
    "attributes.py": SEED + b"x = a" + b".b" * 300_000 + b"\n",
    "long_line.py": SEED + b"x = '" + b"a" * 50_000_000 + b"'\n",
    "many_lines.py": SEED + b"x = 1\n" * 2_000_000,
    "encoding.py": b"# coding: klingon\n" + SEED,
    "list.ipynb": b'["torch cross_entropy"]',
    "cut_off.ipynb": json.dumps({"cells": [{"cell_type": "code", "source": SEED.decode()}]}).encode()[:-4],
    "deep.ipynb": b'{"torch cross_entropy": ' + b"[" * 500_000,
}
# Legal, large or deep, and to be survived: whether it is an entry or not does not matter.
HEAVY: dict[str, bytes] = {
    "sum.py": SEED + b"x = a" + b" + a" * 20_000 + b"\nF = torch.nn.functional\nF.cross_entropy(x, b)\n",
    "branches.py": SEED + b"if a: pass\n" + b"elif a: x = a\n" * 2_000 + b"torch.nn.functional.cross_entropy(x, b)\n",
    "chain.py": SEED + b"x = b\n" + b"x = torch.relu(x)\n" * 5_000 + b"torch.nn.functional.cross_entropy(x, b)\n",
    "doubling.py": SEED + b"x = b\n" + b"x = x + x\n" * 500 + b"torch.nn.functional.cross_entropy(x, b)\n",
    "calls.py": SEED
    + b"".join(b"def f%d(x): return f%d(f%d(x))\n" % (n, n + 1, n + 1) for n in range(200))
    + b"torch.nn.functional.cross_entropy(f0(a), b)\n",
    "circle.py": SEED + b"def f(x): return g(x)\ndef g(x): return f(x)\ntorch.nn.functional.cross_entropy(f(a), b)\n",
    "bases.py": b"from bases import A\n" + SEED + b"class A(A): pass\nclass B(B, A): pass\n"
    b"torch.nn.functional.cross_entropy(B()(a), b)\n",
    "stars.py": b"from stars import *\nfrom circle import *\n" + SEED,
}
SECONDS = 20  # for a file that is finished in two; the machine may be busy


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sound.py").write_text(SOUND)
    return tmp_path


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_cannot_be_read_is_one_entry(folder: Path, name: str) -> None:
    (folder / name).write_bytes(HOSTILE[name])
    start = time.process_time()
    report = check(["."], Config(root=str(folder)))
    assert time.process_time() - start < SECONDS
    assert [error.path for error in report.errors] == [name]
    assert report.errors[0].line >= 1
    assert report.errors[0].message
    assert not report.broken
    assert report.files == 2


@pytest.mark.parametrize("name", HEAVY)
def test_a_heavy_file_is_survived(folder: Path, name: str) -> None:
    (folder / name).write_bytes(HEAVY[name])
    start = time.process_time()
    report = check(["."], Config(root=str(folder)))
    assert time.process_time() - start < SECONDS
    assert not report.broken
    assert not [error for error in report.errors if error.path == "sound.py"]


def test_all_at_once_in_any_order(folder: Path) -> None:
    for name, data in (HOSTILE | HEAVY).items():
        if len(data) < 1_000_000:
            (folder / name).write_bytes(data)
    names = sorted(path.name for path in folder.iterdir())
    report = check(names, Config(root=str(folder)))
    assert {error.path for error in report.errors} >= {name for name in HOSTILE if name in names}
    assert check(names[::-1], Config(root=str(folder))) == report


@pytest.mark.parametrize(
    "make",
    [
        lambda path: os.mkfifo(path / "pipe.py"),
        lambda path: (path / "loop.py").symlink_to("loop.py"),
        lambda path: (path / "gone.py").symlink_to("nowhere.py"),
        lambda path: (path / "circle").symlink_to(path),
        lambda path: (path / "folder.py").mkdir(),
    ],
    ids=["pipe", "link-to-itself", "dangling", "circle", "folder.py"],
)
def test_what_is_no_file_is_passed_by(folder: Path, make: Callable[[Path], None]) -> None:
    make(folder)
    report = check(["."], Config(root=str(folder)))
    assert not report.broken
    assert report.files == 1


def test_a_named_pipe_does_not_hang(folder: Path) -> None:
    os.mkfifo(folder / "pipe.py")
    command = [sys.executable, "-m", "outlayer_lint", "pipe.py"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(command, capture_output=True, check=False, timeout=60, env=environment)
    assert done.returncode == 2
    assert b"not a regular file" in done.stdout


def test_nothing_but_broken_files_is_a_failure(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.py").write_bytes(HOSTILE["encoding.py"])
    assert main(["a.py"]) == 2
    assert "nothing could be read" in capsys.readouterr().err
    assert main(["a.py", "sound.py", "--exit-zero"]) == 0
    assert main(["a.py", "sound.py", "--exit-zero", "--strict"]) == 2


def test_broken_fixtures_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BROKEN)
    report = check(["."], Config(root=str(BROKEN)))
    assert not report.broken
    assert report.files == sum(path.suffix in (".py", ".ipynb") for path in BROKEN.rglob("*"))


NAMES = st.sampled_from("x y self nn F torch net loss criterion f A probs labels i".split())
ATTRIBUTES = st.sampled_from(
    "softmax sigmoid cross_entropy forward fc argmax log view append Linear Sequential Module".split()
)
CONSTANTS = st.sampled_from(
    ["0", "1", "-1", "0.5", "None", "True", "'relu'", "...", "[]", "{}", "1j", "b''", "f'{x!r:>{y}}'"]
)


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Expressions made of expressions."""
    two = st.tuples(inner, inner)
    return st.one_of(
        st.tuples(inner, ATTRIBUTES).map("({0[0]}).{0[1]}".format),
        st.lists(inner, max_size=3).map(lambda args: f"f({', '.join(args)})"),
        st.tuples(inner, ATTRIBUTES, inner, inner).map("({0[0]}).{0[1]}({0[2]}, *({0[3]}), dim=1)".format),
        two.map("({0[0]} + {0[1]})".format),
        two.map("({0[0]} > {0[1]} > 0.5)".format),
        two.map("({0[0]})[{0[1]}, ..., :-1]".format),
        two.map("[{0[0]}, *({0[1]})]".format),
        two.map("{{'a': {0[0]}, **({0[1]})}}".format),
        two.map("({0[0]} if {0[1]} else x)".format),
        two.map("(lambda x, *y, **loss: {0[0]})({0[1]})".format),
        two.map("[{0[0]} for i in {0[1]} if i]".format),
        inner.map("(y := {})".format),
        inner.map("(not {})".format),
    )


EXPRESSIONS = st.recursive(st.one_of(NAMES, CONSTANTS), larger, max_leaves=6)


def indented(lines: list[str]) -> str:
    return "\n".join(f"    {line}" for block in lines for line in block.split("\n"))


def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Statements made of statements."""
    body = st.lists(inner, min_size=1, max_size=4).map(indented)
    return st.one_of(
        st.tuples(EXPRESSIONS, body, body).map("if {0[0]}:\n{0[1]}\nelse:\n{0[2]}".format),
        st.tuples(EXPRESSIONS, body).map("for i, (x, *y) in {0[0]}:\n{0[1]}".format),
        st.tuples(EXPRESSIONS, body).map("while {0[0]}:\n{0[1]}\n    break".format),
        st.tuples(EXPRESSIONS, body).map("with {0[0]} as net.loss:\n{0[1]}".format),
        st.tuples(body, body).map("try:\n{0[0]}\nexcept* OSError as x:\n{0[1]}\nfinally:\n    pass".format),
        st.tuples(EXPRESSIONS, body).map("def f(x={0[0]}, /, *y, self, **net):\n{0[1]}\n    return f(x)".format),
        st.tuples(EXPRESSIONS, body).map("async def forward(self, x):\n{0[1]}\n    return await {0[0]}".format),
        st.tuples(EXPRESSIONS, body).map("class A(nn.Module, {0[0]}):\n{0[1]}".format),
        st.tuples(EXPRESSIONS, body).map(
            "match {0[0]}:\n    case A(x=[y, *_], loss={{**net}}) if x:\n    {0[1]}".format
        ),
    )


SIMPLE = st.one_of(
    st.tuples(NAMES, EXPRESSIONS).map(" = ".join),
    st.tuples(NAMES, ATTRIBUTES, EXPRESSIONS).map("{0[0]}.{0[1]} = x = {0[2]}".format),
    st.tuples(NAMES, EXPRESSIONS).map("x, (*y, {0[0]}[0]) = {0[1]}".format),
    st.tuples(NAMES, EXPRESSIONS).map("{0[0]} += {0[1]}".format),
    st.tuples(NAMES, EXPRESSIONS).map("loss = F.cross_entropy({0[0]}, {0[1]})".format),
    st.tuples(NAMES, EXPRESSIONS).map("criterion = nn.BCELoss(); loss = criterion({0[1]}, {0[0]})".format),
    EXPRESSIONS.map("net = nn.Sequential(nn.Linear(4, 3), {})".format),
    st.sampled_from(
        ["pass", "del x", "from program import *", "import program as f", "from . import A", "global loss"]
    ),
)
STATEMENTS = st.recursive(SIMPLE, compound, max_leaves=8)


@given(st.lists(STATEMENTS, max_size=8).map("\n".join))
@hypothesis(deadline=None, suppress_health_check=list(HealthCheck), max_examples=150)
def test_no_program_breaks_us(program: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "program.py"
        path.write_text(f"import torch\nfrom torch import nn\nimport torch.nn.functional as F\n{program}\n")
        report = check([str(path)], Config(root=folder))
    assert not report.broken

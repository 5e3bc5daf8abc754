"""Notebooks, modules that their cells write, and scripts that were made of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from outlayer_lint.config import Config
from outlayer_lint.engine import check, reveal
from outlayer_lint.reporters import FORMATS
from outlayer_lint.source.document import Document, Unreadable
from outlayer_lint.source.notebook import module_written

if TYPE_CHECKING:
    from outlayer_lint.diagnostic import Report, Span

ROOT = Path(__file__).parents[1]
MODEL = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        return self.head(x).softmax(dim=1)
"""
TRAIN = """\
from torch import nn
from model import Net

net, criterion = Net(), nn.CrossEntropyLoss()
for x, y in loader:
    loss = criterion(net(x), y)
"""
FOUND = [("OLL101", 2, 6, 12)]
APPLIED = ("softmax applied here", 1, 11, 16)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository to work in."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def notebook(path: Path, *cells: str) -> Path:
    """A notebook with a heading and these cells of code."""
    heading = {"cell_type": "markdown", "metadata": {}, "source": "# Learning"}
    empty: dict[str, Any] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    about = {"language_info": {"name": "python", "file_extension": ".py", "nbconvert_exporter": "python"}}
    book = {"nbformat": 4, "nbformat_minor": 5, "metadata": about}
    listed = [{**empty, "id": f"c{at}", "source": cell} for at, cell in enumerate(cells)]
    path.write_text(json.dumps({**book, "cells": [{**heading, "id": "heading"}, *listed]}), "utf-8")
    return path


def asked(*paths: str | Path) -> Report:
    report = check([str(path) for path in paths], Config())
    assert not report.broken
    return report


def places(report: Report) -> list[tuple[str, int | None, int, int]]:
    return [(d.code, d.span.cell, d.span.line, d.span.column) for d in report.diagnostics]


def spelled(span: Span) -> str:
    """What stands at a place of a file, by its own line."""
    line = Path(span.path).read_text("utf-8").split("\n")[span.line - 1]
    return line[span.column - 1 : span.end_column - 1]


# --- cells that write a module ----------------------------------------------------------------------------------------


def test_a_cell_that_writes_a_module_is_one(folder: Path) -> None:
    report = asked(notebook(folder / "n.ipynb", f"%%writefile model.py\n{MODEL}", TRAIN))
    assert places(report) == FOUND
    related = [(r.message, r.span.cell, r.span.line, r.span.column) for r in report.diagnostics[0].related]
    assert APPLIED in related
    assert {r.span.path for r in report.diagnostics[0].related} == {"n.ipynb"}
    assert (report.files, report.analysed) == (1, 1)


def test_what_a_cell_of_a_module_emits(folder: Path) -> None:
    path = notebook(folder / "n.ipynb", f"%%writefile model.py\n{MODEL}", TRAIN)
    told = {text: emits for _, text, emits, _ in reveal(path, 11, Config(), 1)}
    assert told["self.head(x).softmax(dim=1)"] == "simplex(1), 3 units"
    told = {text: emits for _, text, emits, _ in reveal(path, 6, Config(), 2)}
    assert told["net(x)"] == "simplex(1), 3 units"


@pytest.mark.parametrize(
    ("magic", "imported"),
    [
        ("%%file model.py", "model"),
        ("%%writefile 'model.py'", "model"),
        ("# the network\n\n%%writefile model.py", "model"),
        ("%%writefile nets/model.py", "nets.model"),
        ("%%writefile /content/model.py", "model"),
        ("%%writefile {folder}/model.py", "model"),
        ("%%writefile $HOME/work/model.py", "work.model"),
    ],
)
def test_the_path_of_a_module(folder: Path, magic: str, imported: str) -> None:
    train = TRAIN.replace("from model", f"from {imported}")
    assert places(asked(notebook(folder / "n.ipynb", f"{magic}\n{MODEL}", train))) == FOUND


@pytest.mark.parametrize(
    ("argument", "path", "appends"),
    [
        ("-a nets/model.py", "nets/model.py", True),
        ("model.py --append", "model.py", True),
        ('"my nets/model.py"', "my nets/model.py", False),
        ("config.yaml", "", False),
        ("{name}.py", "", False),
        ("C:\\work\\model.py", "model.py", False),
        ("~/model.py", "model.py", False),
        ("", "", False),
    ],
)
def test_what_is_told_to_be_written(argument: str, path: str, appends: bool) -> None:  # noqa: FBT001 - a table
    assert module_written(argument) == (path, path != "" and appends)


def test_the_last_writing_counts_and_appending_adds(folder: Path) -> None:
    harmless = f"%%writefile model.py\n{MODEL.replace('.softmax(dim=1)', '')}"
    wrong = f"%%writefile model.py\n{MODEL}"
    assert places(asked(notebook(folder / "n.ipynb", wrong, harmless, TRAIN))) == []
    head, forward = MODEL.split("    def forward")
    halves = (f"%%writefile model.py\n{head}", f"%%writefile -a model.py\n    def forward{forward}")
    report = asked(notebook(folder / "n.ipynb", *halves, TRAIN))
    assert places(report) == [("OLL101", 3, 6, 12)]
    assert ("softmax applied here", 2, 3) in [
        (r.message, r.span.cell, r.span.line) for r in report.diagnostics[0].related
    ]


def test_a_script_that_a_cell_writes_is_read_by_itself(folder: Path) -> None:
    (folder / "model.py").write_text(MODEL, "utf-8")
    report = asked(notebook(folder / "n.ipynb", f"%%writefile train.py\n{TRAIN}", "!python train.py"))
    assert places(report) == [("OLL101", 1, 7, 12)]


def test_a_file_on_disk_is_taken_instead(folder: Path) -> None:
    (folder / "model.py").write_text(MODEL.replace(".softmax(dim=1)", ""), "utf-8")
    assert places(asked(notebook(folder / "n.ipynb", f"%%writefile model.py\n{MODEL}", TRAIN))) == []


def test_a_module_of_another_notebook(folder: Path) -> None:
    notebook(folder / "a.ipynb", f"%%writefile model.py\n{MODEL}", "import torch")
    train = notebook(folder / "b.ipynb", "import torch", TRAIN)
    (found,) = asked(train).diagnostics
    assert found.span.path == "b.ipynb"
    assert "a.ipynb" in {r.span.path for r in found.related}
    assert [d.code for d in asked(folder / "a.ipynb").diagnostics] == ["OLL101"]


def test_what_a_written_module_does_wrong_is_told_by_cell(folder: Path) -> None:
    written = "%%writefile old.py\nimport torch\nprint 'x' y\n"
    report = asked(notebook(folder / "n.ipynb", "import torch", written, TRAIN))
    assert [(e.path, e.line, e.message.split(":")[0]) for e in report.errors] == [("n.ipynb", 3, "cell 2")]


# --- comments ---------------------------------------------------------------------------------------------------------


def test_an_ignore_counts_in_its_cell(folder: Path) -> None:
    silent = TRAIN.replace("y)\n", "y)  # noqa: OLL101\n")
    model = f"%%writefile model.py\n{MODEL}"
    assert places(asked(notebook(folder / "n.ipynb", model, silent))) == []
    script = notebook(folder / "n.ipynb", model, f"%%writefile train.py\n{silent}")
    assert places(asked(script)) == []
    idle = notebook(folder / "n.ipynb", model.replace("super().__init__()", "super().__init__()  # noqa: OLL101"), "1")
    assert places(asked(idle)) == [("OLL001", 1, 7, 29)]


# --- formats ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_each_format_tells_cell_and_line(folder: Path, form: str) -> None:
    notebook(folder / "n.ipynb", f"%%writefile model.py\n{MODEL}", TRAIN)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "outlayer_lint", "n.ipynb", "--format", form],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "")
    if form == "json":
        (found,) = json.loads(done.stdout)["diagnostics"]
        assert (found["cell"], found["line"], found["column"]) == (2, 6, 12)
    else:
        assert "n.ipynb:cell2:6:12" in done.stdout


# --- scripts that were notebooks --------------------------------------------------------------------------------------

CELLS = (
    f"%%writefile model.py\n{MODEL}",
    "%matplotlib inline\n!pip install torch\n" + TRAIN.split("for x", maxsplit=1)[0],
    "%%time\nfor x, y in loader:\n    loss = criterion(net(x), y); print('a\"b\\n')\n",
    "for x, y in loader:\n    %time loss = criterion(net(x), y)\n",
    "%%bash\necho 'loss = criterion(net(x), y)'\n",
)


def test_a_converted_notebook_is_understood(folder: Path) -> None:
    pytest.importorskip("nbconvert", reason="nbconvert is not installed")
    pytest.importorskip("IPython", reason="IPython is not installed")
    book = notebook(folder / "n.ipynb", *CELLS)
    subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to", "script", "--output", "made", str(book)],
        check=True, capture_output=True,
    )  # fmt: skip
    book.unlink()
    text = (folder / "made.py").read_text("utf-8")
    assert "get_ipython().run_cell_magic('time'" in text
    assert "# In[" in text
    report = asked("made.py")
    assert not report.errors
    (found,) = report.diagnostics
    assert (found.code, spelled(found.span)) == ("OLL101", "criterion(net(x), y)")
    assert "run_cell_magic('time'" in text.split("\n")[found.span.line - 1]
    applied, *others = (r.span for r in found.related if r.message != "softmax built here")
    assert spelled(applied) == "self.head(x).softmax(dim=1)"
    assert [spelled(span) for span in others] == ["criterion(net(x), y)"]


SCRIPT = """\
# In[1]:
from torch import nn
from torch.nn import functional as F
criterion = nn.CrossEntropyLoss()
{call}
# In[2]:
loss = criterion(F.softmax(net(x), dim=1), y)
"""
AFTER = ("OLL101", None, 7, 8)


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("get_ipython().run_cell_magic('time', '', 'a = 1\\nl = criterion(F.softmax(x, 1), y)\\n')", 5),
        ("get_ipython().run_cell_magic(u'time', u'', u'l = criterion(F.softmax(x, 1), y)')", 5),
        ("get_ipython().run_line_magic('time', 'l = criterion(F.softmax(x, 1), y)')", 5),
        ("get_ipython().magic('time l = criterion(F.softmax(x, 1), y)')", 5),
        ("get_ipython().magic(u'%timeit l = criterion(F.softmax(x, 1), y)')", 5),
        ("get_ipython().run_cell_magic('bash', '', 'l = criterion(F.softmax(x, 1), y)')", 0),
        ("get_ipython().run_cell_magic('time', '', 'l = = criterion(F.softmax(x, 1), y)')", 0),
        ("get_ipython().run_line_magic('timeit', '-n 3 criterion(F.softmax(x, 1), y)')", 0),
        ("get_ipython().run_line_magic('matplotlib', 'inline')", 0),
        ("get_ipython().run_cell_magic('time', '', body)", 0),
        ("get_ipython().system('ls')", 0),
    ],
)
def test_what_a_magic_runs_is_code(folder: Path, call: str, found: int) -> None:
    (folder / "made.py").write_text(SCRIPT.format(call=call), "utf-8")
    report = asked("made.py")
    assert not report.errors
    assert [place[:3] for place in places(report)] == [*([("OLL101", None, found)] if found else []), AFTER[:3]]
    assert [spelled(d.span) for d in report.diagnostics][-1] == "criterion(F.softmax(net(x), dim=1), y)"
    if found:
        assert spelled(report.diagnostics[0].span) == "criterion(F.softmax(x, 1), y)"


@pytest.mark.parametrize("text", ["'", '"', "'\"", "\\", "\t", "\u00e9", "\U0001f600", "\x07", "\x9f"])
def test_columns_count_what_is_written(folder: Path, text: str) -> None:
    body = f"s = {text!r}; l = criterion(F.softmax(x, 1), y)\n"
    call = f"get_ipython().run_cell_magic('time', '', {body!r})"
    (folder / "made.py").write_text(SCRIPT.format(call=call), "utf-8")
    assert spelled(asked("made.py").diagnostics[0].span) == "criterion(F.softmax(x, 1), y)"


def test_lines_below_keep_their_numbers(folder: Path) -> None:
    call = "get_ipython().run_cell_magic('time', '', 'a = 1\\nb = 2\\nc = 3\\n')  # noqa: OLL101"
    text = SCRIPT.format(call=call)
    (folder / "made.py").write_text(text, "utf-8")
    assert places(asked("made.py")) == [("OLL001", None, 5, 68), AFTER]
    assert {span.line for span, *_ in reveal("made.py", 7, Config())} == {7}
    (folder / "made.py").write_text(text.replace(", y)", ", y)  # noqa: OLL101"), "utf-8")
    assert places(asked("made.py")) == [("OLL001", None, 5, 68)]
    (folder / "made.py").write_text(text + "def f(:\n", "utf-8")
    assert [(e.line, e.message) for e in asked("made.py").errors] == [(8, "invalid syntax")]


def test_an_ignore_beside_hidden_code_counts(folder: Path) -> None:
    call = "get_ipython().run_cell_magic('time', '', 'a = 1\\nl = criterion(F.softmax(x, 1), y)\\n')  # noqa: OLL101"
    (folder / "made.py").write_text(SCRIPT.format(call=call), "utf-8")
    assert places(asked("made.py")) == [AFTER]


def test_a_module_that_a_script_writes(folder: Path) -> None:
    body = MODEL.replace("class", "# \u00e9\nclass")
    text = f"get_ipython().run_cell_magic('writefile', 'model.py', {body!r})\n\n# In[2]:\n\n{TRAIN}"
    (folder / "made.py").write_text(text, "utf-8")
    (found,) = asked("made.py").diagnostics
    assert found.span[:3] == ("made.py", 10, 12)
    assert "self.head(x).softmax(dim=1)" in [spelled(r.span) for r in found.related]


def test_broken_modules_are_told_at_their_line(folder: Path) -> None:
    text = "import torch\nget_ipython().run_cell_magic('writefile', 'old.py', 'import torch\\nprint 3\\n')\n"
    (folder / "made.py").write_text(text, "utf-8")
    report = asked("made.py")
    assert [(e.path, e.line) for e in report.errors] == [("made.py", 2)]


def test_a_part_that_is_not_there_is_empty() -> None:
    with pytest.raises(Unreadable):
        _ = Document("n.py", "n.ipynb", b"{}", part="a.py").text
    assert Document("a.py", "n.py", b"get_ipython().x()", part="a.py").text == ""


# --- statements that share a line -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "loss = criterion(F.softmax(x, 1), y); loss.backward(); step()",
        "step(); loss = criterion(F.softmax(x, 1), y); loss.backward()",
        "if training: loss = criterion(F.softmax(x, 1), y); loss.backward()",
        "for x, y in loader: step(); loss = criterion(F.softmax(x, 1), y); loss.backward()",
        "if criterion(F.softmax(x, 1), y) > 3: step()",
        "while criterion(F.softmax(x, 1), y) > 3: step(); step()",
        "z = [\n    1]; loss = criterion(F.softmax(x, 1), y); loss.backward()",
    ],
)
def test_statements_that_share_a_line_are_all_read(folder: Path, line: str) -> None:
    (folder / "made.py").write_text(SCRIPT.format(call=line).replace("(net(x), dim=1)", "(x, 1)"), "utf-8")
    codes = re.findall("OLL101", " ".join(d.code for d in asked("made.py").diagnostics))
    assert len(codes) == 2


METER = """\
import torch.nn.functional as F


class Meter:
    def measure(self, scores, labels):
        return F.cross_entropy(scores, labels)
"""
USE = """\
import torch
import torch.nn.functional as F


def run(helper, scores, labels):
    return helper.measure(F.softmax(scores, 1), labels)
"""


def test_who_calls_what_a_module_defines(folder: Path) -> None:
    (folder / "meter.py").write_text(METER, encoding="utf-8")
    (folder / "use.py").write_text(USE, encoding="utf-8")
    assert [found.code for found in asked(folder).diagnostics] == ["OLL101"]


def test_nobody_else_calls_what_a_notebook_defines(folder: Path) -> None:
    notebook(folder / "meter.ipynb", METER)
    (folder / "use.py").write_text(USE, encoding="utf-8")
    assert not asked(folder).diagnostics

"""What cannot matter does not: names, comments, layout, the order of files, code that has nothing to do with it."""

from __future__ import annotations

import ast
import io
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import tokenize
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from programs import IMPORTS, RULE, asked, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from outlayer_lint.diagnostic import Diagnostic, Span

HERE = Path(__file__)
FIXTURES = HERE.parents[1] / "fixtures"
SOURCES = sorted(path for path in FIXTURES.rglob("*.py") if not {"broken", "hostile"} & set(path.parts))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("modules")


# --- names, comments, layout ------------------------------------------------------------------------------------------


def numbered(text: str) -> dict[tuple[int, int, int, int], int]:
    """Span -> number of the first node that stands there, counted in the order of a walk."""
    lines = text.splitlines()
    found: dict[tuple[int, int, int, int], int] = {}
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.expr, ast.stmt))]
    for number, node in enumerate(nodes):
        assert node.end_lineno is not None
        start = len(lines[node.lineno - 1].encode()[: node.col_offset].decode()) + 1
        end = len(lines[node.end_lineno - 1].encode()[: node.end_col_offset].decode()) + 1
        found.setdefault((node.lineno, start, node.end_lineno, end), number)
    return found


def essence(folder: Path, text: str) -> set[tuple[Any, ...]]:
    """What is found, with nodes instead of lines."""
    (folder / "same.py").write_text(text, encoding="utf-8")
    nodes = numbered(text)
    return {
        (d.rule, d.severity, d.certainty, nodes[d.span[1:5]], *sorted(nodes[r.span[1:5]] for r in d.related))
        for d in asked(folder, "same.py").diagnostics
    }


def reformatted(text: str) -> str:
    return ast.unparse(ast.parse(text))


def commented(text: str) -> str:
    """A comment, a blank line and a trailing blank behind each statement."""
    ends = {t.end[0] for t in tokenize.generate_tokens(io.StringIO(text).readline) if t.type == tokenize.NEWLINE}
    lines = text.splitlines()
    return "\n".join(
        f"{line}  # softmax(logits)\n\n# loss = x " if n in ends else line for n, line in enumerate(lines, 1)
    )


def renamed(text: str) -> str:
    """Local variables by number."""
    tree = ast.parse(text)
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            names = {name: f"v{number}" for number, name in enumerate(sorted(_locals(function)))}
            for node in ast.walk(function):
                if isinstance(node, ast.Name):
                    node.id = names.get(node.id, node.id)
    return ast.unparse(tree)


def _locals(function: ast.AST) -> set[str]:
    """Names that are bound by assignment alone, and by no inner function."""
    bound: set[str] = set()
    others = set()
    for node in ast.walk(function):
        match node:  # type: ignore[exhaustive-match] # the others bind nothing
            case ast.Name(id=name, ctx=ast.Store()):
                bound.add(name)
            case (
                ast.arg(arg=name)
                | ast.FunctionDef(name=name)
                | ast.ClassDef(name=name)
                | ast.ExceptHandler(name=str(name))
            ):
                others.add(name)
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                others.update(names)
            case ast.alias(name=name, asname=alias):
                others.add(alias or name.partition(".")[0])
    return bound - others


@pytest.mark.parametrize("change", [reformatted, commented, renamed])
def test_layout_comments_and_local_names_change_nothing(change: Callable[[str], str], folder: Path) -> None:
    seen = 0
    for path in SOURCES[::5]:
        text = path.read_text(encoding="utf-8")
        if "noqa" in text or "#" in "".join(line for line in text.splitlines() if line.startswith("%")):
            continue
        if "loss" not in text.lower():
            continue  # no question begins in such a file, unless a comment has the word
        before = essence(folder, text)
        assert essence(folder, change(text)) == before, path
        seen += len(before)
    assert seen > 20


# --- which file holds what, and which is asked about ------------------------------------------------------------------


class Parts(NamedTuple):
    """A project: heads of models, losses of calls, and who calls which training function with what."""

    heads: tuple[str, ...]
    styles: tuple[str, ...]
    calls: tuple[tuple[int, int, str], ...]  # training function, model, loss

    @property
    def wrong(self) -> set[tuple[int, int]]:
        """Training functions and the models whose softmax is doubled there."""
        return {
            (t, m) for t, m, loss in self.calls if self.heads[m] == "F.softmax(z, dim=1)" and loss == "CrossEntropyLoss"
        }

    def model(self, number: int) -> str:
        return (
            f"class Net{number}(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
            f"        self.fc = nn.Linear(4, 3)\n    def forward(self, x):\n        z = self.fc(x)\n"
            f"        return {self.heads[number]}\n"
        )

    def training(self, number: int) -> str:
        body = indent(self.styles[number], "        ")
        return f"def train{number}(net, loader, criterion):\n    for x, y in loader:\n{body}\n"

    def call(self, number: int) -> str:
        training, model, loss = self.calls[number]
        return f"train{training}(Net{model}(), loader, nn.{loss}())\n"

    def together(self) -> dict[str, str]:
        return {"all.py": "".join((self.models(), self.trainings(), *map(self.call, range(len(self.calls)))))}

    def models(self) -> str:
        return "".join(map(self.model, range(len(self.heads))))

    def trainings(self) -> str:
        return "".join(map(self.training, range(len(self.styles))))

    def apart(self, names: Sequence[str]) -> dict[str, str]:
        """Models, training functions and each call in a file of its own."""
        models, trainings, *apps = names
        files = {f"{models}.py": self.models(), f"{trainings}.py": self.trainings()}
        for number, app in zip(range(len(self.calls)), apps, strict=False):
            training, model, _ = self.calls[number]
            imports = f"from {models} import Net{model}\nfrom {trainings} import train{training}\n"
            files[f"{app}.py"] = imports + self.call(number)
        return files

    def package(self) -> dict[str, str]:
        """A package that exports what is in it."""
        files = {"kit/__init__.py": "from .models import *\nfrom .training import *\n", "kit/models.py": self.models()}
        calls = "".join(map(self.call, range(len(self.calls))))
        return {
            **files,
            "kit/training.py": self.trainings(),
            "scripts/app.py": f"import kit\nfrom kit import *\n{calls}",
        }


STYLES = (
    "loss = criterion(net(x), y)\nloss.backward()",
    "out = net(x)\nloss = criterion(out, y)\nloss.backward()",
    "criterion(input=net(x), target=y).backward()",
    "with torch.enable_grad():\n    z = net(x)\n    if z is not None:\n        total = criterion(z, y)",
)
HEADS = st.sampled_from(("z", "F.softmax(z, dim=1)", "F.log_softmax(z, dim=1)", "torch.sigmoid(z)"))
LOSSES = ("CrossEntropyLoss", "NLLLoss", "MSELoss", "BCEWithLogitsLoss")
PARTS = st.integers(1, 3).flatmap(
    lambda models: st.integers(1, 2).flatmap(
        lambda trainings: st.builds(
            Parts,
            st.tuples(*[HEADS] * models),
            st.tuples(*[st.sampled_from(STYLES)] * trainings),
            st.lists(
                st.tuples(st.integers(0, trainings - 1), st.integers(0, models - 1), st.sampled_from(LOSSES)),
                min_size=1, max_size=4, unique=True,
            ).map(tuple),
        )
    )
)  # fmt: skip
FILES = ("alpha", "beta", "gamma", "delta", "omega", "zeta")


def found(folder: Path, files: dict[str, str], *ask: str) -> list[Diagnostic]:
    """The diagnostics of a project in a folder of its own."""
    place = Path(tempfile.mkdtemp(dir=folder))
    try:
        written(place, files)
        return [d._replace(fix=None) for d in asked(place, *ask).diagnostics]
    finally:
        shutil.rmtree(place)


def named(diagnostics: list[Diagnostic], files: dict[str, str]) -> set[tuple[Any, ...]]:
    """What is found, with the texts of lines instead of their places."""

    def line(span: Span) -> str:
        return (IMPORTS + files[span.path]).splitlines()[span.line - 1]

    def inside(span: Span) -> str:
        """The class or function around a place."""
        above = (IMPORTS + files[span.path]).splitlines()[: span.line]
        return next((text for text in reversed(above) if not text.startswith((" ", "import", "from"))), "")

    return {
        (
            d.rule,
            d.severity,
            d.certainty,
            d.message,
            inside(d.span),
            *sorted((inside(r.span), line(r.span)) for r in d.related),
        )
        for d in diagnostics
    }


MANY = hypothesis(max_examples=40, deadline=None)


@MANY
@given(parts=PARTS)
def test_what_is_found_is_what_was_built_wrong(parts: Parts, folder: Path) -> None:
    files = parts.together()
    places = [(d, set(_around(files["all.py"], d))) for d in found(folder, files) if d.rule == RULE]
    told = {
        (t, m) for _, around in places for t in _numbers(around, "def train") for m in _numbers(around, "class Net")
    }
    assert told == parts.wrong
    assert len(places) == len({model for _, model in parts.wrong})  # further uses of one output are related places


def _around(text: str, diagnostic: Diagnostic) -> Iterator[str]:
    """The heads of the functions and classes that a finding speaks of."""
    lines = (IMPORTS + text).splitlines()
    for span in (diagnostic.span, *(related.span for related in diagnostic.related)):
        above = itertools.takewhile(lambda line: line[:1] == " ", reversed(lines[: span.line]))
        yield lines[span.line - 1 - sum(1 for _ in above)]


def _numbers(lines: set[str], head: str) -> set[int]:
    return {int(line.removeprefix(head)[0]) for line in lines if line.startswith(head)}


@MANY
@given(parts=PARTS, names=st.permutations(FILES))
def test_it_does_not_matter_which_file_holds_what(parts: Parts, names: list[str], folder: Path) -> None:
    layouts = [parts.together(), parts.apart(names), parts.package()]
    first, *others = ({each[:4] for each in named(found(folder, files), files)} for files in layouts)
    assert all(other == first for other in others)


@MANY
@given(parts=PARTS, data=st.data())
def test_it_does_not_matter_which_file_is_asked_about_first(parts: Parts, data: st.DataObject, folder: Path) -> None:
    files = parts.apart(FILES)
    order = data.draw(st.permutations(sorted(files)))
    whole = found(folder, files)
    assert found(folder, files, *order) == whole
    for name in order:
        concerned = [d for d in whole if name in (d.span.path, *(related.span.path for related in d.related))]
        assert found(folder, files, name) == concerned


@MANY
@given(parts=PARTS, names=st.permutations(FILES))
def test_it_does_not_matter_how_files_are_called(parts: Parts, names: list[str], folder: Path) -> None:
    before, after = parts.apart(FILES), parts.apart(names)
    assert named(found(folder, after), after) == named(found(folder, before), before)


@MANY
@given(parts=PARTS)
def test_files_that_have_nothing_to_do_with_it_change_nothing(parts: Parts, folder: Path) -> None:
    files = parts.apart(FILES)
    aside = "class Net9(nn.Module):\n    def forward(self, x):\n        return x\ndef train9(net): pass\n"
    whole = found(folder, files)
    assert [d for d in found(folder, {**files, "aside/other.py": aside}) if d.span.path in files] == whole


BYSTANDERS = st.lists(
    st.sampled_from(
        (
            "class Net8(nn.Module):\n    def forward(self, x):\n        return x\n",
            "class Trainer8:\n    def __init__(self, net): self.net = net\n    def step(self, x): return self.net(x)\n",
            "def train8(net, loader):\n    for x, y in loader:\n        F.mse_loss(net(x), y).backward()\n",
            "def caller8():\n    return train8(nn.Linear(4, 1), loader)\n",
            "train8(nn.Sequential(nn.Linear(4, 1), nn.Sigmoid()), loader)\n",
            "other8 = nn.Linear(4, 3)\nprint(other8(x).argmax(1))\n",
        )
    ),
    max_size=4,
    unique=True,
).map("".join)


@MANY
@given(parts=PARTS, before=BYSTANDERS, after=BYSTANDERS)
def test_code_that_has_nothing_to_do_with_it_changes_nothing(
    parts: Parts, before: str, after: str, folder: Path
) -> None:
    alone = parts.together()
    among = {"all.py": before + alone["all.py"] + after}
    told = {each for each in named(found(folder, among), among) if "8" not in each[4]}
    assert told == named(found(folder, alone), alone)


def test_results_are_the_same_in_every_process(tmp_path: Path) -> None:
    """Sets of text are walked in another order, and objects stand elsewhere in memory."""
    sample = [path for path in SOURCES if path.parent.name in ("clean", "inference", RULE, "logits-into-nll-loss")]
    for number, path in enumerate(sample):
        shutil.copy(path, tmp_path / f"{number}_{path.name}")
    (tmp_path / "chosen.py").write_text(IMPORTS + CHOSEN)
    told = {_in_process(tmp_path, seed) for seed in ("0", "1", "2")}
    assert len(told) == 1


CHOSEN = """
class A(nn.Module):
    def forward(self, x): return nn.Linear(4, 3)(x)
class B(nn.Module):
    def forward(self, x): return nn.Linear(4, 3)(x).log_softmax(1)
class C(nn.Module):
    def forward(self, x): return nn.Linear(4, 3)(x).softmax(1)
net = A() if args.kind == "ce" else B() if args.kind == "nll" else C()
criterion = nn.CrossEntropyLoss() if args.kind == "ce" else nn.NLLLoss() if args.kind == "nll" else nn.MSELoss()
criterion(net(x), y)
"""


def _in_process(folder: Path, seed: str) -> str:
    command = [sys.executable, "-m", "outlayer_lint", "check", "--format", "json", "--isolated", "--exit-zero", "."]
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(HERE.parents[1])}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout

"""Whatever the program: it is analysed, without an exception."""

from __future__ import annotations

import ast
import itertools
import random
from copy import deepcopy
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from programs import IMPORTS, asked, cases, written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from programs import Program


HERE = Path(__file__)
FIXTURES = HERE.parents[1] / "fixtures"
SOURCES = sorted(path for path in FIXTURES.rglob("*.py") if not {"broken", "hostile"} & set(path.parts))


@pytest.fixture(autouse=True, scope="module")
def bugs_are_raised() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OUTLAYER_LINT_RAISE", "1")
        yield


# --- any module -------------------------------------------------------------------------------------------------------

NAMES = st.sampled_from("x y z net act loss crit data out".split())
ATOMS = st.one_of(
    NAMES,
    st.sampled_from(("None", "True", "0", "1", "-1", "2.5", '"ce"', "[]", "()", "{}", "...", "args.kind", "self.fc")),
    st.sampled_from(("nn.Softmax(1)", "nn.Linear(4, 3)", "nn.Identity()", "nn.CrossEntropyLoss()", "nn.BCELoss()")),
    st.sampled_from(("torch.randn(2, 4)", "F.cross_entropy", "F.softmax", "torch.sigmoid", "super()", "Net", "Net()")),
)
CALLED = (
    "F.softmax({0}, 1)", "F.log_softmax({0}, dim={1})", "torch.sigmoid({0})", "F.cross_entropy({0}, {1})", "{0}({1})",
    "F.nll_loss({0}, {1})", "F.binary_cross_entropy({0}, {1})", "{0}.softmax({1})", "{0}.argmax({1})",
    "{0}.view(-1, 3)",
    "{0} + {1}", "{0} * {1}", "{0} / {1}", "-{0}", "not {0}", "{0} > 0.5", "{0} == {1}", "{0} in {1}", "{0} is None",
    "{0} and {1}", "{0} if {1} else {0}", "[{0}, {1}]", "({0}, {1})", "{{'a': {0}, **{1}}}", "[*{0}, {1}]", "{0}[{1}]",
    "{0}['a']", "{0}[:-1]", "{0}[..., 0]", "nn.Sequential({0}, {1})", "nn.Sequential(*{0})", "nn.ModuleList({0})",
    "nn.ModuleDict({{'a': {0}}})", "[{0} for z in {1}]", "{{z: {0} for z in {1}}}", "sum({0} for z in {1})",
    "(lambda z: {0})({1})", "lambda z: {0}", "zip({0}, {1})", "enumerate({0})", "range(len({0}))", "list({0})",
    "dict(a={0})", "getattr({0}, 'fc')", "getattr({0}, {1})", "isinstance({0}, {1})", "len({0})", "f'{{{0}}}'",
    "{0}.to({1})", "{0}.fc", "{0}.forward({1})", "{0}.size({1})", "torch.cat([{0}, {1}], 1)", "torch.stack({0})",
    "{0}.mean({1})", "torch.where({0}, {1}, {0})", "{0}.permute(0, 2, 1)", "(z := {0})", "await {0}", "yield_({0})",
    "functools.partial({0}, {1})", "F.one_hot({0}, 3)", "DataLoader({0})", "{0}.items()", "{0}.append({1})",
    "{0} @ {1}",
)  # fmt: skip
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.builds(lambda form, a, b: form.format(a, b), st.sampled_from(CALLED), inner, inner),
    max_leaves=6,
)
TARGETS = st.sampled_from(("a", "b", "c, d", "c, *d", "[c, d]", "self.fc", "net.fc", "data['a']", "data[0]", "a = b"))
SIMPLE = st.one_of(
    st.builds("{} = {}".format, TARGETS, EXPRESSIONS),
    st.builds("{} += {}".format, NAMES, EXPRESSIONS),
    st.builds("return {}".format, EXPRESSIONS),
    st.builds("F.cross_entropy({}, y)".format, EXPRESSIONS),
    st.builds("crit({}, y).backward()".format, EXPRESSIONS),
    st.builds("{}.append({})".format, NAMES, EXPRESSIONS),
    st.builds("setattr(net, {}, {})".format, EXPRESSIONS, EXPRESSIONS),
    st.builds("net.add_module({}, {})".format, EXPRESSIONS, EXPRESSIONS),
    st.builds("assert {}".format, EXPRESSIONS),
    st.sampled_from(
        ("pass", "global z", "del z", "raise ValueError", "yield x", "break", "continue", "from lib import *")
    ),
    EXPRESSIONS,
)
HEADS = (
    "if {0}:", "while {0}:", "for a in {0}:", "for a, (b, *c) in {0}:", "with {0} as a:", "try:", "def f(x, y={0}):",
    "async def g(*x, **y):", "class Net(nn.Module):", "class Loss(nn.CrossEntropyLoss):", "def forward(self, x, *z):",
    "def __init__(self, net={0}, **more):", "def training_step(self, batch, i):", "match {0}:\n    case [a, *b]:",
    "@property\ndef fc(self):", "@{0}\ndef h(x):", "if __name__ == '__main__':",
)  # fmt: skip


def compound(head: str, test: str, body: list[str], tail: list[str]) -> str:
    """A compound statement with everything that it needs."""
    head = head.format(test)
    deep = "        " if head.startswith("match") else "    "
    text = f"{head}\n{indent(chr(10).join(body), deep)}"
    if head == "try:":
        text += f"\nexcept RuntimeError as a:\n{indent(chr(10).join(tail), '    ')}\nfinally:\n    b = a"
    elif tail and head.startswith(("if", "for", "while")):
        text += f"\nelse:\n{indent(chr(10).join(tail), '    ')}"
    return text


STATEMENTS = st.recursive(
    SIMPLE,
    lambda inner: st.builds(
        compound,
        st.sampled_from(HEADS),
        EXPRESSIONS,
        st.lists(inner, min_size=1, max_size=3),
        st.lists(inner, min_size=1, max_size=2),
    ),
    max_leaves=8,
)


def parses(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


MODULES = st.lists(STATEMENTS.filter(parses), min_size=1, max_size=6).map("\n".join)


@hypothesis(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(module=MODULES)
def test_any_module_is_analysed(module: str, folder: Path) -> None:
    (folder / "module.py").write_text(IMPORTS + module + "\n", encoding="utf-8")
    asked(folder, "module.py")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("modules")


def mutant(seed: int) -> str:
    """A fixture with parts of other fixtures in places where they make no sense."""
    chance = random.Random(seed)
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in chance.sample(SOURCES, 3)]
    parts = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.expr) and _is_read(node)]
    names = [node.id for node in ast.walk(trees[0]) if isinstance(node, ast.Name)] or ["x"]
    for node in ast.walk(trees[0]):
        for field, value in ast.iter_fields(node):
            if (
                isinstance(value, ast.expr)
                and _is_read(value)
                and not isinstance(node, ast.AnnAssign)
                and chance.random() < 0.05
            ):
                setattr(node, field, deepcopy(chance.choice(parts)))
            elif isinstance(value, ast.Name) and _is_read(value) and chance.random() < 0.1:
                value.id = chance.choice(names)
            elif isinstance(value, list) and value and isinstance(value[0], ast.stmt) and chance.random() < 0.1:
                chance.shuffle(value)
    return ast.unparse(ast.fix_missing_locations(trees[0]))


def shaken(seed: int) -> str:
    """A fixture with statements left out, repeated and exchanged."""
    chance = random.Random(seed)
    tree = ast.parse(chance.choice(SOURCES).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and chance.random() < 0.5:
            at, to = chance.randrange(len(body)), chance.randrange(len(body))
            change = chance.choice(("leave out", "repeat", "exchange"))
            if change == "leave out" and len(body) > 1:
                del body[at]
            elif change == "repeat":
                body.insert(to, body[at])
            else:
                body[at], body[to] = body[to], body[at]
    return ast.unparse(tree)


def _is_read(node: ast.expr) -> bool:
    odd = (ast.Starred, ast.FormattedValue, ast.JoinedStr, ast.Slice)
    return not isinstance(node, odd) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load)


@pytest.mark.parametrize("seeds", [range(n, n + 50) for n in (0, 50, 100, 150)], ids=lambda seeds: f"from {seeds[0]}")
def test_programs_that_make_no_sense_are_analysed(seeds: range, folder: Path) -> None:
    for seed, change in itertools.product(seeds, (mutant, shaken)):
        program = change(seed)
        if parses(program):
            (folder / "module.py").write_text(program, encoding="utf-8")
            asked(folder, "module.py")


ODD: dict[str, Program] = {
    "a range without end": "for i in range(10**30):\n    pass\nF.cross_entropy(nn.Linear(4, i)(x), y)\n",
    "a bound that is no number": "F.nll_loss(torch.log(torch.sigmoid(x).clamp(min=())), y)\n",
    "a number without end": f"F.cross_entropy(nn.Linear(4, 3)(x) * 1{'0' * 500}, y)\n",
    "moved dims of a scalar": "F.cross_entropy(nn.Linear(4, 3)(torch.tensor(1.0)).transpose(0, 1), y)\n",
    "a bound that is text": 'F.binary_cross_entropy(nn.Hardtanh("a", "b")(x), y)\n',
    "a dim beyond all dims": "F.cross_entropy(torch.randn(2, 3).unsqueeze(7).transpose(5, 6), y)\n",
    "zero dims": "F.cross_entropy(torch.tensor(1.0).permute(0), y)\n",
    "a negative width": "F.cross_entropy(nn.Linear(4, -3)(x).softmax(1), y)  # want\n",
    "a width of nothing": "F.cross_entropy(nn.Linear(4, None)(x).softmax(1), y)  # want\n",
    "a list that contains itself": "a = []\na.append(a)\nF.cross_entropy(nn.Sequential(*a)(x), y)\n",
    "a class that is its own base": "class A(A):\n    pass\nF.cross_entropy(A()(x), y)\n",
    "a name that is its own partial": "from functools import partial\nf = partial(f, 1)\nF.cross_entropy(f(x), y)\n",
    "a function that gives itself": "def f(x):\n    return f\nF.cross_entropy(f(x)(x), y)\n",
    "a property that reads itself": (
        "class A:\n    @property\n    def net(self):\n        return self.net\nF.cross_entropy(A().net(x), y)\n"
    ),
}
ODDLY: dict[str, str] = {}


@pytest.mark.parametrize("program", cases(ODD, ODDLY))
def test_odd_programs_are_analysed(program: str, tmp_path: Path) -> None:
    written(tmp_path, program)
    asked(tmp_path)

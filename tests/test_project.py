"""Which file an import means, who can have a name from where, and what is told about which files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from programs import IMPORTS, asked, cases, hold, written

from outlayer_lint.engine import prepare
from outlayer_lint.resolve.project import Project

if TYPE_CHECKING:
    from pathlib import Path

    from programs import Program

PROGRAMS: dict[str, Program] = {
    "relative import": {
        "pkg/__init__.py": "",
        "pkg/model.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "pkg/train.py": """
from .model import net
F.cross_entropy(net(x), y)  # want
""",
    },
    "relative import of a module": {
        "pkg/__init__.py": "",
        "pkg/model.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "pkg/train.py": """
from . import model
F.cross_entropy(model.net(x), y)  # want
""",
    },
    "relative import two levels": {
        "pkg/__init__.py": "",
        "pkg/models/__init__.py": "",
        "pkg/models/model.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "pkg/train/__init__.py": "",
        "pkg/train/loop.py": """
from ..models.model import net
from ..models import model as m
F.cross_entropy(net(x), y)  # want
a = m.net(x)  # emits: simplex(1), 3 units
""",
    },
    "absolute from root": {
        "pkg/__init__.py": "",
        "pkg/model.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "train.py": """
import pkg.model
from pkg import model
from pkg.model import net as n
import pkg.model as pm
a = pkg.model.net(x)  # emits: simplex(1), 3 units
b = model.net(x)  # emits: simplex(1), 3 units
c = n(x)  # emits: simplex(1), 3 units
d = pm.net(x)  # emits: simplex(1), 3 units
""",
    },
    "absolute from inside a package": {
        "pkg/__init__.py": "",
        "pkg/model.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "pkg/deep/__init__.py": "",
        "pkg/deep/train.py": """
from pkg.model import net
a = net(x)  # emits: simplex(1), 3 units
""",
    },
    "script folder first": {
        "model.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Sigmoid())
""",
        "scripts/model.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "scripts/train.py": """
from model import net
a = net(x)  # emits: simplex(1), 3 units
""",
        "other/train.py": """
from model import net
a = net(x)  # emits: unit, 3 units
""",
    },
    "re-export": {
        "pkg/__init__.py": """
from .model import net
from .model import Net as Head
""",
        "pkg/model.py": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 2)
    def forward(self, x): return self.fc(x).softmax(-1)
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "train.py": """
from pkg import net, Head
import pkg
a = net(x)  # emits: simplex(1), 3 units
b = pkg.Head()(x)  # emits: simplex(-1), 2 units
c = Head()(x)  # emits: simplex(-1), 2 units
""",
    },
    "re-export chain": {
        "a/__init__.py": """
from .b import *
""",
        "a/b/__init__.py": """
from .c import net
""",
        "a/b/c.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "train.py": """
from a import net
a = net(x)  # emits: simplex(1), 3 units
""",
    },
    "wildcard": {
        "model.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
_hidden = nn.Linear(4, 3)
""",
        "train.py": """
from model import *
F.cross_entropy(net(x), y)  # want
""",
    },
    "wildcard does not carry private names": {
        "model.py": """
_net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "train.py": """
from model import *
a = _net(x)  # emits: unknown
""",
    },
    "wildcard with __all__": {
        "model.py": """
__all__ = ["net"]
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
other = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "train.py": """
from model import *
a = net(x)  # emits: simplex(1), 3 units
b = other(x)  # emits: unknown
""",
    },
    "wildcard, the last wins": {
        "one.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "two.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Sigmoid())
""",
        "train.py": """
from one import *
from two import *
a = net(x)  # emits: unit, 3 units
""",
    },
    "wildcard cycle": {
        "one.py": """
from two import *
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "two.py": """
from one import *
other = net
""",
        "train.py": """
from two import *
a = net(x)  # emits: simplex(1), 3 units
b = other(x)  # emits: simplex(1), 3 units
""",
    },
    "own definition over a wildcard": {
        "model.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "train.py": """
from model import *
net = nn.Linear(4, 3)
a = net(x)  # emits: logit, 3 units
""",
    },
    "namespace folders": {
        "src/models/nets.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "src/train.py": """
from models.nets import net
from models import nets
a = net(x)  # emits: simplex(1), 3 units
b = nets.net(x)  # emits: simplex(1), 3 units
""",
    },
    "unique suffix": {
        "src/lib/nets.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "tools/train.py": """
from lib.nets import net
a = net(x)  # emits: simplex(1), 3 units
""",
    },
    "ambiguous suffix": {
        "one/lib/nets.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "two/lib/nets.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "tools/train.py": """
from lib.nets import net
a = net(x)  # emits: unknown
F.cross_entropy(net(x), y)
""",
    },
    "a local module shadows nothing of torch": {
        "nn.py": """
Softmax = 1
""",
        "sub/train.py": """
a = nn.Softmax(1)(nn.Linear(4, 3)(x))  # emits: simplex(1), 3 units
""",
    },
    "a local folder named torch": {
        "torch/nn.py": """
Softmax = 1
""",
        "train.py": """
a = nn.Softmax(1)(nn.Linear(4, 3)(x))  # emits: simplex(1), 3 units
""",
    },
    "import inside function": {
        "model.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "train.py": """
def step(x, y):
    from model import net
    return F.cross_entropy(net(x), y)  # want
""",
    },
    "import in try": {
        "model.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "train.py": """
try:
    from model import net
except ImportError:
    from .model import net
a = net(x)  # emits: simplex(1), 3 units
""",
    },
    "conditional import of two models": {
        "one.py": """
class Net(nn.Module):
    def forward(self, x): return nn.Linear(4, 3)(x).softmax(1)
""",
        "two.py": """
class Net(nn.Module):
    def forward(self, x): return nn.Linear(4, 3)(x)
""",
        "train.py": """
if args.old:
    from one import Net
else:
    from two import Net
F.cross_entropy(Net()(x), y)  # want
""",
    },
    "module attribute written from outside": {
        "config.py": """
ACTIVATE = False
""",
        "model.py": """
import config
def head(x):
    z = nn.Linear(4, 3)(x)
    return z.softmax(1) if config.ACTIVATE else z
""",
        "train.py": """
from model import head
F.cross_entropy(head(x), y)
""",
    },
    "constants over files": {
        "config.py": """
ACTIVATE = True
""",
        "model.py": """
from config import ACTIVATE
def head(x):
    z = nn.Linear(4, 3)(x)
    return z.softmax(1) if ACTIVATE else z
""",
        "train.py": """
from model import head
F.cross_entropy(head(x), y)  # want
""",
    },
    "the project ends at its root": {
        "train.py": """
from missing.model import net
a = net(x)  # emits: unknown
""",
    },
    "src layout, package imports itself absolutely": {
        "src/proj/__init__.py": "",
        "src/proj/model.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "src/proj/train.py": """
from proj.model import net
a = net(x)  # emits: simplex(1), 3 units
""",
        "tests/test_it.py": """
from proj.model import net
from src.proj.model import net as n2
a = net(x)  # emits: simplex(1), 3 units
b = n2(x)  # emits: simplex(1), 3 units
""",
    },
    "__init__ defines and submodule of same name": {
        "pkg/__init__.py": """
from .net import net
""",
        "pkg/net.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "train.py": """
from pkg import net
from pkg.net import net as inner
a = net(x)  # emits: simplex(1), 3 units
b = inner(x)  # emits: simplex(1), 3 units
""",
    },
    "importlib": {
        "model.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "train.py": """
import importlib
net = importlib.import_module("model").net
a = net(x)  # emits: simplex(1), 3 units
""",
    },
    "stub next to a module": {
        "model.pyi": """
net: int
""",
        "model.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "train.py": """
from model import net
a = net(x)  # emits: simplex(1), 3 units
""",
    },
    "import cycle": {
        "a.py": """
from b import make
def act(x): return x.softmax(1)
""",
        "b.py": """
from a import act
def make(): return nn.Linear(4, 3)
""",
        "train.py": """
from a import act, make
a = act(make()(x))  # emits: simplex(1), 3 units
""",
    },
    "namespace folders by attribute": {
        "src/models/nets.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "src/train.py": """
import models.nets
import models.nets as nets
a = nets.net(x)  # emits: simplex(1), 3 units
b = models.nets.net(x)  # emits: simplex(1), 3 units
""",
    },
    "packages by attribute": {
        "src/models/__init__.py": "",
        "src/models/nets.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "src/train.py": """
import models.nets
a = models.nets.net(x)  # emits: simplex(1), 3 units
""",
    },
    "a layout that leans on sys.path": {
        "src/model.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "scripts/run.py": """
import sys
sys.path.append("../src")
from model import net
a = net(x)  # emits: simplex(1), 3 units
""",
    },
    "a getattr on a package": {
        "models/__init__.py": """
from .a import A
""",
        "models/a.py": """
class A(nn.Module):
    def forward(self, x): return nn.Linear(4, 3)(x).softmax(1)
""",
        "train.py": """
import models
a = getattr(models, "A")()(x)  # emits: simplex(1), 3 units
""",
    },
    "a wildcard over an own definition": {
        "model.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "train.py": """
net = nn.Linear(4, 3)
from model import *
a = net(x)  # emits: simplex(1), 3 units
""",
    },
    "an import over an own definition": {
        "model.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "train.py": """
net = nn.Linear(4, 3)
a = net(x)  # emits: logit, 3 units
from model import net
b = net(x)  # emits: simplex(1), 3 units
""",
    },
    "a file named as a name it lacks": {
        "pkg/__init__.py": "",
        "pkg/net.py": """
other = 1
""",
        "train.py": """
from pkg.net import net
a = net(x)  # emits: unknown
""",
    },
    "a test file of the same name elsewhere": {
        "model.py": """
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
""",
        "old/model.py": """
net = nn.Linear(4, 3)
""",
        "train.py": """
from model import net
a = net(x)  # emits: simplex(1), 3 units
""",
        "old/train.py": """
from model import net
a = net(x)  # emits: logit, 3 units
""",
    },
}
WRONG = {
    "wildcard does not carry private names": "private names come along",
    "wildcard with __all__": "`__all__` is not read",
    "wildcard, the last wins": "the first wins",
    "a wildcard over an own definition": "own definitions always win",
}

APART = {
    "nets.py": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)
    def forward(self, x):
        return self.fc(x).softmax(1)
""",
    "lib.py": """
def train(net, loader, criterion):
    for x, y in loader:
        criterion(net(x), y).backward()
""",
    "app.py": """
from nets import Net
from lib import train
train(Net(), loader, nn.CrossEntropyLoss())
""",
    "aside.py": """
from nets import Net
z = Net()(x).argmax(1)
""",
}


@pytest.mark.parametrize("program", cases(PROGRAMS, WRONG))
def test_an_import_means_the_file_that_python_would_take(program: Program, tmp_path: Path) -> None:
    hold(tmp_path, program)


@pytest.mark.parametrize("name", ["nets.py", "lib.py", "app.py"])
def test_a_finding_is_told_about_each_file_that_has_a_part_in_it(name: str, tmp_path: Path) -> None:
    written(tmp_path, APART)
    (finding,) = asked(tmp_path, name).diagnostics
    assert (finding.span.path, finding.span.line) == ("lib.py", 4)
    assert {related.span.path for related in finding.related} == {"nets.py", "app.py"}
    assert asked(tmp_path).diagnostics == (finding,)


def test_a_file_that_has_no_part_in_a_finding_is_not_blamed(tmp_path: Path) -> None:
    written(tmp_path, APART)
    assert not asked(tmp_path, "aside.py").diagnostics


def test_only_the_project_is_context(tmp_path: Path) -> None:
    written(tmp_path / "one", {"model.py": "net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))\n"})
    written(tmp_path / "two", {"train.py": "from model import net\nF.cross_entropy(net(x), y)\n"})
    assert not asked(tmp_path / "two").diagnostics


def test_who_mentions_a_word(tmp_path: Path) -> None:
    sources = written(
        tmp_path,
        {
            "pkg/__init__.py": "",
            "pkg/nets.py": "class Classifier(nn.Module): pass\n",
            "pkg/beside.py": "from .nets import Classifier\n",
            "outside.py": "from pkg.nets import Classifier\n",
            "package.py": "from pkg import Classifier\n",
            "elsewhere.py": "from other import Classifier\n",
            "silent.py": "from pkg.nets import nothing\n",
        },
    )
    (tmp_path / "plain.py").write_text("Classifier = 1\n")  # no word of a framework
    project = Project(str(tmp_path), [str(tmp_path / name) for name in (*sources, "plain.py")])
    prepare(project)
    home = project.files[str(tmp_path / "pkg/nets.py")]

    def names(files: list[object]) -> set[str]:
        return {path.removeprefix(f"{tmp_path}/") for path, file in project.files.items() if file in files}

    importers = {"pkg/nets.py", "pkg/beside.py", "outside.py", "package.py"}
    assert names([*project.mentions("Classifier")]) == importers | {"elsewhere.py"}
    assert names([*project.importers(home, "Classifier")]) == importers
    assert not project.mentions("Nobody")


def test_modules_by_name(tmp_path: Path) -> None:
    for name in ("a/__init__.py", "a/b.py", "a/c/__init__.py", "a/c/d.py", "script.py", "one/twin.py", "two/twin.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(IMPORTS)
    project = Project(str(tmp_path), [str(path) for path in tmp_path.rglob("*.py")])
    script, deep = (project.files[str(tmp_path / name)] for name in ("script.py", "a/c/d.py"))

    def found(*question: object) -> str | None:
        file = project.module(*question)  # type: ignore[arg-type]
        return None if file is None else file.path.removeprefix(f"{tmp_path}/")

    assert found("a", script) == "a/__init__.py"
    assert found("a.b", script) == "a/b.py"
    assert found("a.c.d", script) == "a/c/d.py"
    assert found("", deep, 1) == "a/c/__init__.py"
    assert found("b", deep, 2) == "a/b.py"
    assert found("b", deep, 1) is None
    assert found("c.d", script) == "a/c/d.py"  # the only file that ends so
    assert found("twin", script) is None
    assert found("one.twin", script) == "one/twin.py"
    assert found("torch.nn", script) is None


@pytest.mark.parametrize(
    ("text", "only"),
    [
        ("def loss_of(a):\n    return a\n\nloss_of(1) + self.loss_of (2)\n", True),
        ("@staticmethod\ndef loss_of(a):\n    return a\n", True),
        ("@property\ndef loss_of(self):\n    return nn.MSELoss()\n\nself.loss_of(a, b)\n", False),
        ("@cached_property\n# kept\n\ndef loss_of(self):\n    return nn.MSELoss()\n\nself.loss_of(a, b)\n", False),
        ("def loss_of():\n    return nn.MSELoss()\n\nloss_of()(a, b)\n", False),
        ("class loss_of(nn.MSELoss):\n    pass\n", False),
        ("loss_of = nn.MSELoss()\nloss_of(a, b)\n", False),
        ("from losses import loss_of\nloss_of(a, b)\n", False),
        ("def fit(loss_of):\n    loss_of(a, b)\n", False),
        ("setattr(self, 'loss_of', nn.MSELoss())\nself.loss_of(a, b)\n", False),
        ("my_loss_of = 1\nloss_of_all = 2\n", True),
    ],
)
def test_a_word_that_only_names_functions(tmp_path: Path, text: str, *, only: bool) -> None:
    (tmp_path / "a.py").write_text(text)
    project = Project(str(tmp_path), [str(tmp_path / "a.py")])
    assert next(iter(project)).only_calls("loss_of") is only

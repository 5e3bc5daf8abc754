"""A file is imported in slices and its models are built without anybody saying with what."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

torch = pytest.importorskip("torch", reason="the child needs torch")

from outlayer_lint.tracer.child.building.arguments import jsonable
from outlayer_lint.tracer.child.building.construct import Built, Refusal, build
from outlayer_lint.tracer.child.building.imports import import_sliced
from outlayer_lint.tracer.child.building.locate import located
from outlayer_lint.tracer.target import Target

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NET = """
import torch.nn as nn
class Net(nn.Module):
    def __init__(self, width, classes=3):
        super().__init__()
        self.fc = nn.Linear(width, classes)
    def forward(self, x):
        return self.fc(x)
"""

SCRIPT = """
import argparse
p = argparse.ArgumentParser()
p.add_argument('--d_in', type=int, default=9)
p.add_argument('--n_out', type=int, default=2)
"""
OUTER = """
from .blocks import Net as Inner
from nowhere_at_all import register
import torch.nn as nn
@register('net')
class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Inner(3)
    def forward(self, x):
        return self.inner(x)
"""


def laid_out(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text), encoding="utf-8")


def built(folder: Path, file: str, name: str, **args: object) -> Built:
    made = build(Target(str(folder / file), name, dict(args)), str(folder), lambda _: None)
    assert isinstance(made, Built), made
    return made


def refused(folder: Path, file: str, name: str) -> Refusal:
    made = build(Target(str(folder / file), name), str(folder), lambda _: None)
    assert isinstance(made, Refusal), made
    return made


def test_a_file_that_trains_at_import_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training = "net = Net(4)\nfor epoch in range(10**12):\n    loss = net(x).sum()\n    loss.backward()\n"
    laid_out(tmp_path, {"train.py": f"open('ran', 'w').write('x')\n{NET}\n{training}while True: pass\n"})
    monkeypatch.chdir(tmp_path)
    made = built(tmp_path, "train.py", "Net")
    assert made.args == {"width": 4}
    assert not (tmp_path / "ran").exists()


def test_only_what_a_class_reads_comes_into_being(tmp_path: Path) -> None:
    laid_out(tmp_path, {"m.py": "A = B + 1\nB = 2\nC = 1 / 0\nimport nowhere_at_all\nif True:\n    D = A\n"})
    module = import_sliced(str(tmp_path / "m.py"), str(tmp_path))
    assert "A" not in vars(module)
    assert (module.D, module.A) == (3, 3)
    assert "ZeroDivisionError" in (repr(module.C) and module.sliced.failures["C"])
    assert len(module.nowhere_at_all.anything) == 10  # stood in for


def test_what_loops_and_methods_add_to_a_name_comes_with_it(tmp_path: Path) -> None:
    laid_out(
        tmp_path, {"m.py": "names = []\nfor i in range(3):\n    names.append(i)\nnames.append(9)\nd = {}\nd['k'] = 1\n"}
    )
    module = import_sliced(str(tmp_path / "m.py"), str(tmp_path))
    assert sorted(module.names) == [0, 1, 2, 9]
    assert module.d == {"k": 1}


def test_options_of_the_command_line_have_their_defaults(tmp_path: Path) -> None:
    options = """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--width", type=int, default=7)
        parser.add_argument("--data", required=True)
        opt = parser.parse_args()
        def make():
            return Net(opt.width)
    """
    laid_out(tmp_path, {"m.py": NET + textwrap.dedent(options)})
    assert built(tmp_path, "m.py", "Net").args == {"width": 7}


@pytest.mark.parametrize(
    ("files", "args", "how"),
    [
        ({"m.py": NET + "net = Net(11, classes=5)"}, {"width": 11, "classes": 5}, "call-site"),
        (
            {"m.py": NET, "train.py": "from m import Net\nW = 13\ndef main(k=4):\n    net = Net(W, k)\n"},
            {"width": 13, "classes": 4},
            "call-site",
        ),
        (
            {"m.py": NET + "def f(w):\n    return Net(w)\nif __name__ == '__main__':\n    f(21)\n"},
            {"width": 21},
            "call-site",
        ),
        ({"m.py": NET.replace("width, classes=3", "width=5, classes=3")}, {}, "defaults"),
        ({"m.py": NET}, {"width": 64}, "synthesised"),
    ],
)
def test_arguments_come_from_where_the_project_has_them(
    tmp_path: Path, files: dict[str, str], args: dict[str, int], how: str
) -> None:
    laid_out(tmp_path, files)
    made = built(tmp_path, "m.py", "Net")
    assert (made.how, made.args) == (how, args)


def test_the_users_arguments_win(tmp_path: Path) -> None:
    laid_out(tmp_path, {"m.py": NET + "net = Net(11)"})
    made = built(tmp_path, "m.py", "Net", width=6)
    assert (made.how, made.args) == ("user", {"width": 6})


def test_options_objects_come_from_the_scripts_of_the_project(tmp_path: Path) -> None:
    model = NET.replace("width, classes=3", "configs").replace("width, classes", "configs.d_in, configs.n_out")
    laid_out(tmp_path, {"models/m.py": model, "run.py": SCRIPT})
    made = built(tmp_path, "models/m.py", "Net")
    assert tuple(made.model.fc.weight.shape) == (2, 9)


def test_relative_imports_and_missing_packages(tmp_path: Path) -> None:
    laid_out(tmp_path, {"pkg/__init__.py": "", "pkg/blocks.py": NET, "pkg/outer.py": OUTER})
    made = built(tmp_path, "pkg/outer.py", "Outer")
    assert made.module.__name__ == "pkg.outer"
    assert made.model(torch.ones(2, 3)).shape == (2, 3)


def test_weights_stay_random_and_gpus_are_the_cpu(tmp_path: Path) -> None:
    text = NET.replace(
        "self.fc = ", "self.fc = nn.Linear(1, 1).cuda(); self.load_state_dict(torch.load('none.pt')); self.fc = "
    )
    laid_out(tmp_path, {"m.py": "import torch\n" + text})
    if not torch.cuda.is_available():
        assert built(tmp_path, "m.py", "Net").model.fc.weight.device.type == "cpu"


@pytest.mark.parametrize(
    ("text", "stage", "word"),
    [
        ("class Net(:", "import", "cannot be imported"),
        ("class Other: pass", "import", "Net"),
        ("class Net: pass", "constructor", "no torch module"),
        (NET.replace("super().__init__()", "raise OSError('no licence')"), "constructor", "needs args: width"),
    ],
)
def test_a_refusal_says_why(tmp_path: Path, text: str, stage: str, word: str) -> None:
    laid_out(tmp_path, {"m.py": text})
    refusal = refused(tmp_path, "m.py", "Net")
    assert refusal.stage == stage
    assert word in refusal.why
    assert "\n" not in refusal.why


def test_roots_are_what_no_other_class_builds() -> None:
    text = NET + textwrap.dedent("""
        class Block(nn.Module):
            def __init__(self): super().__init__(); self.c = nn.Conv2d(1, 1, 1)
            def forward(self, x): return x
        class Whole(nn.Module):
            def __init__(self, block=Block): super().__init__(); self.b = nn.Sequential(Block())
            def forward(self, x): return self.b(x)
        class FocalLoss(nn.Module):
            def __init__(self): super().__init__(); self.ce = nn.CrossEntropyLoss()
            def forward(self, x, y): return self.ce(x, y)
        class Abstract(nn.Module):
            def forward(self, x): raise NotImplementedError
        def factory():
            from torchvision import models
            model = models.resnet18()
            return model
        def of_a_class(): return Whole()
        model = nn.Sequential(nn.Linear(1, 2))
    """)
    found = [(named.name, named.kind) for named in located("m.py", text)]
    assert found == [("Net", "class"), ("Whole", "class"), ("factory", "factory"), ("model", "value")]


def test_what_cannot_be_parsed_has_no_models() -> None:
    assert located("m.py", "class Net(:") == []


def test_without_stubs_a_missing_package_is_a_refusal_where_it_is_needed(tmp_path: Path) -> None:
    """`stub-missing = false`: a class that never comes to the package is built all the same."""
    path = tmp_path / "net.py"
    path.write_text(
        textwrap.dedent("""\
            import torch.nn as nn
            import nowhere_at_all

            class Needs(nn.Linear):
                def __init__(self):
                    super().__init__(nowhere_at_all.size(), 2)

            class Free(nn.Linear):
                def __init__(self):
                    super().__init__(4, 2)

                def draw(self):
                    nowhere_at_all.draw(self)
        """)
    )
    needs, free = (
        build(Target(str(path), name), str(tmp_path), lambda _: None, stub=False) for name in ("Needs", "Free")
    )
    assert isinstance(needs, Refusal)
    assert "No module named 'nowhere_at_all'" in needs.why
    assert isinstance(free, Built)
    stood_in = build(Target(str(path), "Needs"), str(tmp_path), lambda _: None)
    assert isinstance(stood_in, Built)


def test_arguments_that_json_cannot_write_do_not_build_it_again(tmp_path: Path) -> None:
    """Then the configuration that is printed must not name them."""
    path = tmp_path / "net.py"
    path.write_text(
        textwrap.dedent("""\
            import torch.nn as nn

            class Plain(nn.Linear):
                def __init__(self, size):
                    super().__init__(size, 2)

            class Options(nn.Linear):
                def __init__(self, config):
                    super().__init__(config.size, 2)
                    self.config = config

            plain, options = Plain(3), Options(type("Config", (), {"size": 5}))
        """)
    )
    plain, options = (build(Target(str(path), name), str(tmp_path), lambda _: None) for name in ("Plain", "Options"))
    assert isinstance(plain, Built)
    assert plain.replays
    assert isinstance(options, Built)
    assert not options.replays
    assert options.model.in_features == 5


def test_guessed_options_that_must_agree_are_made_to(tmp_path: Path) -> None:
    """An assertion that two of them are the same says what one of them should have been."""
    (tmp_path / "run.py").write_text(
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('--encoders', default=2)\n"
        "p.add_argument('--decoders', default=1)\np.add_argument('--width', default=7)\n"
    )
    path = tmp_path / "net.py"
    path.write_text(
        textwrap.dedent("""\
            import torch.nn as nn

            class Net(nn.Module):
                def __init__(self, configs):
                    super().__init__()
                    assert configs.encoders == configs.decoders, "as many of each"
                    self.fc = nn.Linear(configs.width, configs.decoders)

                def forward(self, x):
                    return self.fc(x)
        """)
    )
    built = build(Target(str(path), "Net"), str(tmp_path), lambda _: None)
    assert isinstance(built, Built)
    assert (built.model.fc.in_features, built.model.fc.out_features) == (7, 2)


class Settings:
    """An object that prints as where it lies."""


def test_an_argument_is_shown_without_its_address() -> None:
    shown = jsonable({"settings": Settings(), "width": 3})
    assert shown["width"] == 3
    assert shown["settings"].endswith("Settings object>")
    assert shown == jsonable({"settings": Settings(), "width": 3})


DERIVED = """
import torch, torch.nn as nn
from blocks import Pad
from no_such_package import no_such_data
class Base(nn.Module):
    def __init__(self, z, side):
        super().__init__()
        self.fc = nn.Linear(z * side // 4, 3)
    def forward(self, x):
        return self.fc(x)
class Small(Base):
    def __init__(self, z=4):
        super().__init__(z, side=12)
class Wide(nn.Module):
    def __init__(self, width, dimensions=None):
        super().__init__()
        assert dimensions in (2, 3)
        self.pad = Pad(width, dimensions)
    def forward(self, x):
        return self.pad(x)
class WideThree(Wide):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, dimensions=3, **kwargs)
class Optioned(nn.Module):
    def __init__(self, options, hidden_sizes):
        super().__init__()
        self.embedding = nn.Embedding.from_pretrained(options.field.vocab.vectors)
        self.fc = nn.Linear(300, options.late_width)
    def forward(self, ids, between):
        return between(self.fc(self.embedding(ids)))
def run():
    from types import SimpleNamespace
    return Optioned(SimpleNamespace(field=no_such_data()), [4])
class Words(nn.Module):
    def __init__(self, n_tokens, size, embedding_matrix, tfidf_matrix):
        super().__init__()
        self.embedding, self.weights = nn.Embedding(n_tokens, size), nn.Embedding(n_tokens, 1)
        self.embedding.weight.data.copy_(torch.from_numpy(embedding_matrix))
        self.weights.weight.data.copy_(torch.from_numpy(tfidf_matrix))
    def forward(self, ids):
        return self.embedding(ids) * self.weights(ids)
"""
PAD = """
import torch.nn as nn
class Pad(nn.Module):
    def __init__(self, width, dims):
        super().__init__()
        if dims == 2:
            conv = nn.Conv2d
        elif dims == 3:
            conv = nn.Conv3d
        self.conv = conv(width, width, 1)
    def forward(self, x):
        return self.conv(x)
"""


def test_arguments_follow_from_what_is_done_with_them(tmp_path: Path) -> None:
    laid_out(tmp_path, {"nets.py": DERIVED, "parts/deep/blocks.py": PAD})
    assert built(tmp_path, "nets.py", "Base").model.fc.in_features == 12
    assert built(tmp_path, "nets.py", "Wide").args["dimensions"] == 3
    assert built(tmp_path / "parts", "deep/blocks.py", "Pad").args["dims"] == 2
    assert isinstance(built(tmp_path, "nets.py", "WideThree").model.pad.conv, torch.nn.Conv3d)
    assert built(tmp_path, "nets.py", "Optioned").model.fc.out_features > 1
    words = built(tmp_path, "nets.py", "Words").model
    assert words.weights.weight.shape == (words.embedding.num_embeddings, 1)


def test_other_guesses_follow_where_a_model_took_nothing(tmp_path: Path) -> None:
    text = """
    import torch.nn as nn
    class Block(nn.Module):
        def __init__(self, in_channels, out_channels):
            super().__init__()
            self.conv = nn.Conv2d(in_channels, out_channels, 1)
        def forward(self, x):
            return x + self.conv(x)
    """
    laid_out(tmp_path, {"block.py": text})
    sizes = []
    for passed in (0, 1):
        made = build(Target(str(tmp_path / "block.py"), "Block"), str(tmp_path), lambda _: None, passed=passed)
        assert isinstance(made, Built)
        sizes.append((made.args["in_channels"], made.args["out_channels"]))
    assert sizes[0][0] != sizes[0][1]
    assert sizes[1][0] == sizes[1][1]

"""Rows and pages: found under any spelling, compiled once, refused with a sentence where they cannot be meant."""

from __future__ import annotations

import marshal
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from outlayer_lint import knowledge
from outlayer_lint.knowledge import KnowledgeError, build, find, methods, pages, subscriptions, table
from outlayer_lint.lattice import Emission

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(knowledge.__file__).parents[2]
ROW = """
["team.losses.Dice"]
is         = "loss"
form       = "module"
call       = ["scores", "mask"]
parameters = ["squash", "eps"]
family     = "overlap"
wants      = ["unit"]
when       = [{ argument = "squash", is = true, wants = ["logit"], applies = "sigmoid" }]
"""


def row(name: str) -> knowledge.Row:
    found = find(name)
    assert found is not None, name
    return found[0]


def compiled(tmp_path: Path, text: str) -> dict[str, Any]:
    contracts = tmp_path / "contracts"
    contracts.mkdir(exist_ok=True)
    (contracts / "team.toml").write_text(text, encoding="utf-8")
    return build.build(str(tmp_path), str(tmp_path))


@pytest.fixture
def unchanged() -> Iterator[None]:
    yield
    knowledge._shelf = None  # noqa: SLF001 - the next test reads the table afresh


# ---- Finding --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "canonical", "form"), [
    ("torch.softmax", "torch.nn.functional.softmax", "function"),
    ("torch.Tensor.softmax", "torch.nn.functional.softmax", "method"),
    ("torch.nn.Softmax", "torch.nn.functional.softmax", "module"),
    ("torch.nn.modules.activation.Softmax", "torch.nn.functional.softmax", "module"),
    ("torch.Tensor.sigmoid_", "torch.sigmoid", "method"),
    ("torch.nn.Linear", "torch.nn.Linear", "module"),
    ("torch.nn.modules.Linear", "torch.nn.Linear", "module"),
    ("torch.cos", "torch.cos", "function"),  # shares the row of `sin`, and keeps its own name
    ("torchvision.models.resnet50", "torchvision.models.resnet50", "module"),
    ("torchvision.models.resnet.resnet50", "torchvision.models.resnet50", "module"),
    ("transformers.BertForSequenceClassification.from_pretrained",
     "transformers.BertForSequenceClassification.from_pretrained", "module"),
    ("transformers.models.bert.modeling_bert.BertForMaskedLM", "transformers.models.bert.modeling_bert.BertForMaskedLM", "module"),
    ("sklearn.preprocessing.MinMaxScaler.fit_transform", "sklearn.preprocessing.MinMaxScaler", "method"),
])  # fmt: skip
def test_find(name: str, canonical: str, form: str) -> None:
    found = find(name)
    assert found is not None
    assert (found[0].name if form != "method" or "sklearn" not in name else canonical, found[1]) == (canonical, form)


@pytest.mark.parametrize("name", [
    "", "torch", "torch.nn", "torch.nn.Softmaxx", "my.softmax", "torchvision.models.resnet.BasicBlock", "torch.optim.lr_scheduler.StepLR",
])  # fmt: skip
def test_find_nothing(name: str) -> None:
    assert find(name) is None


def test_methods() -> None:
    found = methods("softmax")
    assert found is not None
    assert found == find("torch.Tensor.softmax")
    assert methods("no_such_method") is None


def test_a_pattern_with_more_letters_wins() -> None:
    assert row("transformers.BertModel").emits is Emission.HID
    assert row("transformers.GPT2LMHeadModel").emits is Emission.LOGIT
    assert row("torchvision.models.ResNet18_Weights.DEFAULT").kind == "data"
    assert row("torch_geometric.nn.GINConv").emits is None
    assert row("torch_geometric.nn.GCNConv").emits is Emission.LOGIT


def test_a_row() -> None:
    linear = row("torch.nn.Linear")
    assert (linear.kind, linear.form, linear.transfer, linear.emits) == ("layer", "module", "learned", Emission.LOGIT)
    assert linear.units == ("argument", "out_features", None)
    assert linear.constructor == linear.parameters
    assert linear.call == ("input",)
    assert linear.module_call
    loss = row("torch.nn.CrossEntropyLoss")
    assert (loss.call, loss.prediction, loss.target_parameter) == (("input", "target"), "input", "target")
    assert loss.constructor[0] == "weight"
    assert loss.wants == (Emission.LOGIT,)
    assert (loss.class_axis, loss.applies, loss.shown, loss.inputs) == (1, "log-softmax", "cross_entropy", 2)
    assert row("torch.nn.functional.triplet_margin_loss").target_parameter == ""
    assert repr(loss) == "<loss torch.nn.functional.cross_entropy>"


def test_shown() -> None:
    assert row("transformers.BertForMaskedLM.from_pretrained").shown == "BertForMaskedLM"
    assert row("torch.from_numpy").shown == "from_numpy"


def test_keywords() -> None:
    assert row("torch.Tensor.sum").keywords("dim") == ("dim", "axis")
    assert row("torch.Tensor.sum").keywords("keepdim") == ("keepdim", "keepdims")
    assert row("numpy.sum").keywords("axis") == ("axis",)


# ---- Overrides ------------------------------------------------------------------------------------------------------


def test_under() -> None:
    unet = row("segmentation_models_pytorch.Unet")
    assert unet.under({}) is unet
    assert unet.emits is Emission.LOGIT
    assert unet.under({"activation": "sigmoid"}).emits is Emission.UNIT
    assert unet.under({"activation": None}).emits is Emission.LOGIT
    assert unet.under({"activation": "softmax"}).axis == "implicit"
    assert unet.under({"activation": ...}).emits is None
    assert unet.under({"activation": "sigmoid", "aux_params": {}}).returns == ("emits", "unknown")
    dice = row("monai.losses.DiceLoss")
    assert dice.wants == (Emission.SIMPLEX, Emission.UNIT)
    assert dice.under({"sigmoid": True}).wants == (Emission.LOGIT,)
    assert dice.under({"sigmoid": False}).wants == dice.wants
    assert dice.under({"sigmoid": ...}).wants == ()
    smp = row("segmentation_models_pytorch.losses.DiceLoss")
    assert smp.under({"mode": "multiclass", "from_logits": False}).applies == ""
    assert smp.under({"mode": ...}).wants == (Emission.LOGIT,)


def test_a_flag_is_not_a_number() -> None:
    assert row("torch.nn.PoissonNLLLoss").under({"log_input": 0}).wants == (Emission.LOGIT,)
    assert row("torch.nn.PoissonNLLLoss").under({"log_input": False}).wants == (Emission.POS, Emission.NONNEG)


def test_data() -> None:
    image, label = row("torchvision.datasets.MNIST").yields
    assert (image["kind"], image["low"], image["high"], image["through"]) == ("image", 0.0, 255.0, "transform")
    assert (label["emits"], label["units"]) == (Emission.INDEX, 10)
    assert row("torchvision.datasets.EMNIST").under({"split": "letters"}).units == 27
    scaler = row("sklearn.preprocessing.MinMaxScaler")
    assert scaler.low == ("item", "feature_range", 0.0, 0)
    assert scaler.high == ("item", "feature_range", 1.0, 1)
    assert scaler.methods["fit_transform"] == "maps"
    assert row("torchvision.transforms.ToTensor").maps == {"from": "image", "kind": "tensor", "emits": Emission.UNIT}
    data, target = row("sklearn.datasets.make_classification").returns
    assert data["kind"] == "table"
    assert target["units"] == ("argument", "n_classes", 2)


# ---- Refusal --------------------------------------------------------------------------------------------------------

WRONG = {
    'is = "actvation"': ("is", "did you mean `activation`"),
    'is = "activation"\ntransfers = "bounds"': ("transfers", "did you mean `transfer`"),
    'is = "activation"\nemits = "logits"': ("emits", "did you mean `logit`"),
    'is = "operation"\ntransfer = "reduces"\nhow = "meen"': ("how", "did you mean `mean`"),
    'is = "operation"\nparameters = ["input", "dim"]\naxis = { argument = "dims" }': ("axis", "did you mean `dim`"),
    'is = "operation"\naxis = { argument = "dim" }': ("axis", "no `parameters`"),
    'is = "operation"\nparameters = ["input"]\naxis = { default = 1 }': ("axis", "a literal or"),
    'is = "operation"\nparameters = ["input", "input"]': ("parameters", "stands twice"),
    'is = "operation"\nparameters = ["in put"]': ("parameters", "is not a name"),
    'is = "operation"\nparameters = "input"': ("parameters", "a list is wanted"),
    'is = "operation"\nparameters = ["input"]\ninputs = 2': ("inputs", "2 tensor inputs"),
    'is = "operation"\ninputs = true': ("inputs", "not an integer"),
    'is = "operation"\ncall = ["input"]': ("call", "form"),
    'is = "loss"': ("family", "missing"),
    'emits = "logit"': ("is", "missing"),
    'is = "loss"\nfamily = "squarred"': ("family", "did you mean `squared`"),
    'is = "loss"\nfamily = "kl"\nwants = ["logprob"]': ("wants", "did you mean `logp`"),
    'is = "loss"\nfamily = "kl"\nwants = "logp"': ("wants", "a list is wanted"),
    'is = "loss"\nfamily = "kl"\nparameters = ["a", "b"]\nprediction = "c"': ("prediction", "known are"),
    'is = "operation"\nreturns = ["keeps", "indx"]': ("returns", "did you mean `index`"),
    'is = "operation"\nreturns = 1': ("returns", "not a word"),
    'is = "operation"\nreturns = [{ emits = "index", unit = 1 }]': ("returns", "did you mean `units`"),
    'is = "operation"\nparameters = ["p"]\nwhen = [{ argument = "q", is = 1 }]': ("when", "known are `p`"),
    'is = "operation"\nparameters = ["p"]\nwhen = [{ argument = "p", emits = "unit" }]': ("when", "one condition"),
    'is = "operation"\nparameters = ["p"]\nwhen = [{ argument = "p", is = 1, emit = "unit" }]': (
        "when",
        "did you mean `emits`",
    ),
    'is = "operation"\nparameters = ["p"]\nwhen = [{ argument = "p", kind = "integer" }]': (
        "when",
        "did you mean `int`",
    ),
    'is = "operation"\nwhen = [1]': ("when", "each entry is a table"),
    'is = "metric"\nparameters = ["p"]\ntakes = { q = ["unit"] }': ("takes", "known are `p`"),
    'is = "data"\nparameters = ["p"]\nmethods = { fit = "itself" }': ("methods", "did you mean `self`"),
    'is = "operation"\nalso = ["a.b", "a.b"]': ("also", "is spelled by the row"),
}


@pytest.mark.parametrize("text", WRONG)
def test_refused(tmp_path: Path, text: str) -> None:
    key, why = WRONG[text]
    with pytest.raises(KnowledgeError) as refused:
        compiled(tmp_path, f'["a.thing"]\n{text}\n')
    message = str(refused.value)
    assert message.startswith(f"rules/contracts/team.toml: [a.thing] {key}: ")
    assert why in message


@pytest.mark.parametrize(("text", "why"), [
    ('["a.Thing"]\nis = "layer"', "form: missing"), ("[[", "team.toml: "), ("a = 1", "a table is wanted"),
    ('[spellings]\n"a.b" = "a."', "both sides are prefixes"),
])  # fmt: skip
def test_refused_files(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(KnowledgeError, match="team.toml") as refused:
        compiled(tmp_path, text)
    assert why in str(refused.value)


# ---- Pages ----------------------------------------------------------------------------------------------------------

PAGE = '# {}\n\n```toml\ncode = "{}"\nsince = "0.1"\n[grade.proved]\nseverity = "error"\nevidence = "e"\nmessage = "{}"\n```\n\nOne\nline.\n\nMore.\n'


def test_pages() -> None:
    found = pages()
    codes = [page.code for page in found.values()]
    assert codes == sorted(set(codes))
    assert {path.stem for path in (ROOT / "rules").glob("*.md")} == set(found)
    page = found["softmax-into-cross-entropy"]
    assert page.code == "OLL101"
    assert page.body == (ROOT / "rules" / "softmax-into-cross-entropy.md").read_text(encoding="utf-8")
    assert page.grades
    assert page.summary.endswith(".")
    assert "\n" not in page.summary


def test_a_page(tmp_path: Path) -> None:
    (tmp_path / "a-rule.md").write_text(PAGE.format("a-rule", "OLL999", "m"), encoding="utf-8")
    assert build.pages(str(tmp_path)) == {"a-rule": ("OLL999", "0.1", "One line.", {"proved": ("error", "e", "m")})}


@pytest.mark.parametrize(("text", "why"), [
    (PAGE.format("another", "OLL999", "m"), "title: `another` is not the file's name"),
    (PAGE.format("a-rule", "OLX999", "m"), "code: `OLX999`"), (PAGE.format("a-rule", "OLL999", "m."), "ends in a period"),
    (PAGE.format("a-rule", "OLL999", "m").replace('"error"', '"eror"'), "did you mean `error`"),
    (PAGE.format("a-rule", "OLL999", "m").replace("evidence", "evidenc"), "did you mean `evidence`"),
    (PAGE.format("a-rule", "OLL999", "m").replace("since", "from"), "unknown word `from`"),
    (PAGE.format("a-rule", "OLL999", "m").replace("[grade.proved]", "[grades]"), "did you mean `grade`"),
    ("# a-rule\n\nNo header.\n", "a page begins with"), (PAGE.format("a-rule", "OLL999", "m").replace('"e"', "e"), "a-rule.md: "),
])  # fmt: skip
def test_refused_pages(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "a-rule.md").write_text(text, encoding="utf-8")
    with pytest.raises(KnowledgeError, match="rules/a-rule.md") as refused:
        build.pages(str(tmp_path))
    assert why in str(refused.value)


def test_two_pages_of_one_code(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.md").write_text(PAGE.format(name, "OLL999", "m"), encoding="utf-8")
    with pytest.raises(KnowledgeError, match="is the code of `a` too"):
        build.pages(str(tmp_path))


def test_subscriptions(tmp_path: Path) -> None:
    known = {rule for rules in subscriptions().values() for rule in rules}
    assert known <= set(pages())
    assert "softmax-into-cross-entropy" in subscriptions()["LossCall"]
    (tmp_path / "one_thing.py").write_text("def check(fact: LossCall | Decision): ...\n", encoding="utf-8")
    assert build.subscriptions(str(tmp_path)) == {"Decision": ("one-thing",), "LossCall": ("one-thing",)}
    (tmp_path / "one_thing.py").write_text("def check(fact): ...\n", encoding="utf-8")
    with pytest.raises(KnowledgeError, match="one_thing.py: has no"):
        build.subscriptions(str(tmp_path))
    (tmp_path / "one_thing.py").write_text("def check(fact: A:\n", encoding="utf-8")
    with pytest.raises(KnowledgeError, match="line 1"):
        build.subscriptions(str(tmp_path))


# ---- The user's own rows --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("unchanged")
def test_extend(tmp_path: Path) -> None:
    team = tmp_path / "team.toml"
    team.write_text(
        ROW + '["torch.relu"]\nis = "activation"\nemits = "unit"\n["team.nets.*Net"]\nis = "model"\nform = "module"\n',
        encoding="utf-8",
    )
    assert find("team.losses.Dice") is None
    assert row("torch.relu").emits is Emission.NONNEG
    knowledge.extend([str(team)])
    assert row("team.losses.Dice").under({"squash": True}).wants == (Emission.LOGIT,)
    assert row("team.losses.Dice").call == ("scores", "mask")
    assert row("torch.relu").emits is Emission.UNIT  # theirs win
    assert row("torch.Tensor.relu").emits is Emission.NONNEG
    assert row("team.nets.SmallNet").kind == "model"
    assert row("torch.nn.Linear").units == ("argument", "out_features", None)


@pytest.mark.usefixtures("unchanged")
def test_extend_refuses(tmp_path: Path) -> None:
    team = tmp_path / "team.toml"
    with pytest.raises(KnowledgeError, match="cannot be read"):
        knowledge.extend([str(team)])
    team.write_text(ROW.replace('"unit"', '"units"'), encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"team\.toml: \[team\.losses\.Dice\] wants: .*did you mean `unit`"):
        knowledge.extend([str(team)])


# ---- The table ------------------------------------------------------------------------------------------------------


def checkout(tmp_path: Path) -> Path:
    """A bare checkout of the package's floor and the rules."""
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "outlayer_lint" / "knowledge", tmp_path / "outlayer_lint" / "knowledge", ignore=ignore)
    shutil.copytree(ROOT / "outlayer_lint" / "checks", tmp_path / "outlayer_lint" / "checks", ignore=ignore)
    for name in ("diagnostic.py", "lattice.py"):
        shutil.copy(ROOT / "outlayer_lint" / name, tmp_path / "outlayer_lint")
    (tmp_path / "outlayer_lint" / "__init__.py").touch()
    return tmp_path


def asked(folder: Path, program: str) -> str:
    code = f"from outlayer_lint.knowledge import find, pages\n{program}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )
    return done.stdout.strip()


def test_a_checkout_compiles_once_and_again_when_a_rule_changes(tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    program = "import sys; print(find('torch.relu')[0].emits, 'tomllib' in sys.modules)"
    assert asked(folder, program) == "nonneg True"
    assert asked(folder, program) == "nonneg False"
    kept = next((folder / "outlayer_lint" / "__pycache__").glob("knowledge.*.marshal"))
    kept.write_bytes(b"half a tab")
    assert asked(folder, program) == "nonneg True"
    contracts = folder / "rules" / "contracts" / "torch.toml"
    text = contracts.read_text(encoding="utf-8")
    contracts.write_text(text.replace('["torch.relu"]\nis ', '["torch.relu"]\naxis = 7\nis '), encoding="utf-8")
    assert asked(folder, "print(find('torch.relu')[0].axis)") == "7"


def test_a_checkout_that_cannot_be_written(tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    (folder / "outlayer_lint" / "__pycache__").touch()  # no folder can be made here, whoever runs this
    assert asked(folder, "print(find('torch.relu')[0].emits)") == "nonneg"


def test_a_shipped_table_needs_no_rules(tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    compiled_table = build.build(str(folder / "rules"), str(folder / "outlayer_lint" / "checks"))
    (folder / "outlayer_lint" / "knowledge" / "table.marshal").write_bytes(marshal.dumps(compiled_table, 4))
    shutil.move(folder / "rules", folder / "outlayer_lint" / "rules")
    shutil.rmtree(folder / "outlayer_lint" / "rules" / "contracts")
    program = "import sys; print(find('torch.relu')[0].emits, 'tomllib' in sys.modules, pages()['softmax-into-cross-entropy'].body[:5])"
    assert asked(folder, program) == "nonneg False # sof"


def test_starting_up_imports_little() -> None:
    heavy = "dataclasses tomllib inspect ast difflib importlib.metadata pathlib json".split()
    program = f"import sys; print([name for name in {heavy} if name in sys.modules])"
    code = f"before = set(__import__('sys').modules)\nfrom outlayer_lint.knowledge import find, pages\nfind('torch.nn.Linear'), pages()\n{program.replace('sys.modules', 'set(sys.modules) - before')}"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.strip() == "[]"


def test_the_build_hook_ships_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("hatchling", reason="the build hook runs inside hatchling")
    monkeypatch.syspath_prepend(str(ROOT))
    import hatch_build  # noqa: PLC0415 - only with hatchling

    hook: Any = hatch_build.RulesTable(str(ROOT), {}, None, None, str(tmp_path), "wheel")  # type: ignore[arg-type]
    data: dict[str, Any] = {"force_include": {}}
    hook.initialize("editable", data)
    assert data["force_include"] == {}
    hook.initialize("standard", data)
    ((source, inside),) = data["force_include"].items()
    assert inside == "outlayer_lint/knowledge/table.marshal"
    assert marshal.loads(Path(source).read_bytes()) == table.load()
    hook.finalize("standard", data, "")
    assert not Path(source).exists()


def test_rules_hold_no_python() -> None:
    assert not list((ROOT / "rules").rglob("*.py"))

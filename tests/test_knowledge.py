"""Rows and pages: found under any spelling, compiled once, refused with a sentence where they cannot be meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rows import row

from outlayer_lint import knowledge
from outlayer_lint.knowledge import KnowledgeError, build, find, methods, pages, spellings, subscriptions
from outlayer_lint.lattice import Emission

ROOT = Path(knowledge.__file__).parents[2]


def compiled(tmp_path: Path, text: str) -> dict[str, Any]:
    contracts = tmp_path / "contracts"
    contracts.mkdir(exist_ok=True)
    (contracts / "team.toml").write_text(text, encoding="utf-8")
    return build.build(str(tmp_path), str(tmp_path))


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
    ("transformers.models.bert.BertForMaskedLM", "transformers.models.bert.BertForMaskedLM", "module"),
    ("sklearn.preprocessing.MinMaxScaler.fit_transform", "sklearn.preprocessing.MinMaxScaler", "method"),
])  # fmt: skip
def test_find(name: str, canonical: str, form: str) -> None:
    found = find(name)
    assert found is not None
    assert (found[0].name, found[1]) == (canonical, form)


@pytest.mark.parametrize("name", [
    "", "torch", "torch.nn", "torch.nn.Softmaxx", "my.softmax", "torchvision.models.resnet.BasicBlock",
    "torch.optim.lr_scheduler.StepLR",
])  # fmt: skip
def test_find_nothing(name: str) -> None:
    assert find(name) is None


@pytest.mark.parametrize(("kind", "text", "name", "form"), [
    ("loss", "mse", "keras.losses.mse", "function"),
    ("loss", "MeanSquaredError", "keras.losses.mean_squared_error", "module"),
    ("metric", "mse", "keras.metrics.MeanSquaredError", "module"),
    ("metric", "recall", "keras.metrics.Recall", "module"),  # shares the row of `Precision`, and keeps its own name
    ("activation", "swish", "keras.activations.swish", "function"),
])  # fmt: skip
def test_alias(kind: str, text: str, name: str, form: str) -> None:
    found = knowledge.alias(kind, text)
    assert found is not None
    assert (found[0].kind, found[0].name, found[1]) == (kind, name, form)


def test_alias_of_nothing() -> None:
    assert knowledge.alias("activation", "Mse") is None
    assert knowledge.alias("activation", "mse") is None  # of another kind
    assert knowledge.alias("layer", "dense") is None


def test_prefixes_are_rewritten_one_after_the_other() -> None:
    assert find("tensorflow.compat.v1.keras.layers.core.Dense") == find("keras.layers.Dense")
    assert find("keras.layers.core.deep.Dense.Dense.more") is None


@pytest.mark.parametrize("name", ["dgl.nn.SAGEConv", "dgl.nn.pytorch.SAGEConv", "dgl.nn.pytorch.conv.SAGEConv"])
def test_a_prefix_that_grows_is_rewritten_once(name: str) -> None:
    found = find(name)
    assert found is not None
    assert found[0].name == "dgl.nn.pytorch.SAGEConv"


def test_a_table_that_rewrites_in_a_circle(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = knowledge._Shelf()  # noqa: SLF001 - a table of its own, which no file is written for
    circle = {"one": [("one.", "two.deep.")], "two": [("two.", "one.")]}
    monkeypatch.setitem(shelf.table, "spellings", circle)
    assert shelf.look("one.thing") is None


def test_an_override_takes_back() -> None:
    network = row("keras.applications.VGG16")
    assert network.units == ("argument", "classes", 1000)
    assert network.under({"include_top": False}).units is None


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
    'is = "trainer"\nparameters = ["net"]\ntrains = "net"': ("trains", "a table is wanted"),
    'is = "trainer"\nparameters = ["net", "loss"]\ntrains = { model = "net", critrion = "loss" }': (
        "trains",
        "did you mean `criterion`",
    ),
    'is = "trainer"\nparameters = ["net", "loss"]\ntrains = { model = "net" }': ("trains", "unknown word `None`"),
    'is = "trainer"\nparameters = ["net", "loss"]\ntrains = { model = "net", criterion = "loss", not = ["nl"] }': (
        "trains",
        "did you mean `nll`",
    ),
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
    'is = "layer"\nalias = ["dense"]': ("alias", "known are `activation`"),
    'is = "activation"\nalias = "relu"': ("alias", "a list is wanted"),
    'is = "activation"\nalias = [1]': ("alias", "is not a string"),
    'is = "activation"\nalias = ["relu", "relu"]': ("alias", "`relu` stands for"),
    'is = "layer"\nparameters = ["units"]\nkeywords = { unit = ["n"] }': ("keywords", "did you mean `units`"),
    'is = "layer"\nparameters = ["units"]\nkeywords = ["n"]': ("keywords", "a table of lists"),
    'is = "layer"\nparameters = ["a", "b"]\nkeywords = { a = ["b"] }': ("keywords", "is a parameter itself"),
    'is = "layer"\nactivation = { argument = "act" }': ("activation", "no `parameters`"),
    'is = "metric"\nby-shape = { one-units = "a.b" }': ("by-shape", "did you mean `one-unit`"),
    'is = "metric"\nby-shape = ["a.b"]': ("by-shape", "a table of names"),
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
    with pytest.raises(KnowledgeError, match=r"team\.toml") as refused:
        compiled(tmp_path, text)
    assert why in str(refused.value)


# ---- Pages ----------------------------------------------------------------------------------------------------------

PAGE = """# {}

```toml
code = "{}"
since = "0.1"
[grade.proved]
severity = "error"
evidence = "e"
message = "{}"
```

One
line.

More.
"""
SOUND = PAGE.format("a-rule", "OLL999", "m")


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
    (tmp_path / "a-rule.md").write_text(SOUND, encoding="utf-8")
    assert build.pages(str(tmp_path)) == {"a-rule": ("OLL999", "0.1", "One line.", {"proved": ("error", "e", "m")})}


@pytest.mark.parametrize(("text", "why"), [
    (PAGE.format("another", "OLL999", "m"), "title: `another` is not the file's name"),
    (PAGE.format("a-rule", "OLX999", "m"), "code: `OLX999`"),
    (PAGE.format("a-rule", "OLL999", "m."), "ends in a period"),
    (SOUND.replace('"error"', '"eror"'), "did you mean `error`"),
    (SOUND.replace("evidence", "evidenc"), "did you mean `evidence`"),
    (SOUND.replace("since", "from"), "unknown word `from`"),
    (SOUND.replace("[grade.proved]", "[grades]"), "did you mean `grade`"),
    ("# a-rule\n\nNo header.\n", "a page begins with"), (SOUND.replace('"e"', "e"), "a-rule.md: "),
])  # fmt: skip
def test_refused_pages(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "a-rule.md").write_text(text, encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"rules/a-rule\.md") as refused:
        build.pages(str(tmp_path))
    assert why in str(refused.value)


def test_two_pages_of_one_code(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.md").write_text(PAGE.format(name, "OLL999", "m"), encoding="utf-8")
    with pytest.raises(KnowledgeError, match="is the code of `a` too"):
        build.pages(str(tmp_path))


def test_subscriptions(tmp_path: Path) -> None:
    wanted = {entry for entries in subscriptions().values() for entry in entries}
    assert {rule for rule, _, _ in wanted} <= set(pages())
    about = ("softmax-into-cross-entropy", ("softmax-cross-entropy",), ("simplex", "unit"))
    assert about in subscriptions()["LossCall"]
    losses = [find(name) for name, _, kind in spellings(("loss",)) if kind == "loss"]
    assert {family for _, families, _ in wanted for family in families} <= {
        found[0].family for found in losses if found
    }
    assert {word for _, _, given in wanted for word in given} <= {*Emission}
    text = 'LOSSES = ("kl", "nll")\nGIVEN = ("logp",)\ndef check(fact: LossCall | Decision): ...\n'
    (tmp_path / "one_thing.py").write_text(text, encoding="utf-8")
    entry = ("one-thing", ("kl", "nll"), ("logp",))
    assert build.subscriptions(str(tmp_path)) == {"Decision": (entry,), "LossCall": (entry,)}
    (tmp_path / "one_thing.py").write_text("def check(fact): ...\n", encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"one_thing\.py: has no"):
        build.subscriptions(str(tmp_path))
    (tmp_path / "one_thing.py").write_text("def check(fact: A:\n", encoding="utf-8")
    with pytest.raises(KnowledgeError, match="line 1"):
        build.subscriptions(str(tmp_path))

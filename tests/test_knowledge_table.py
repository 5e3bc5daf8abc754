"""The compiled table: kept, rebuilt, shipped, and extended by rows of the user's own."""

from __future__ import annotations

import marshal
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rows import row

from outlayer_lint import knowledge
from outlayer_lint.knowledge import KnowledgeError, build, find, table
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


@pytest.fixture
def unchanged() -> Iterator[None]:
    yield
    knowledge._shelf = None  # noqa: SLF001 - the next test reads the table afresh


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
def test_extend_with_strings(tmp_path: Path) -> None:
    team = tmp_path / "team.toml"
    team.write_text(ROW + 'alias = ["dice", "team_dice"]\n', encoding="utf-8")
    before = knowledge.alias("loss", "dice")
    assert before is not None
    assert before[0].name == "keras.losses.dice"
    knowledge.extend([str(team)])
    for text in ("dice", "team_dice"):
        found = knowledge.alias("loss", text)
        assert found is not None
        assert (found[0].name, found[1]) == ("team.losses.Dice", "module")  # theirs win
    mse = knowledge.alias("loss", "mse")
    assert mse is not None
    assert mse[0].family == "squared"


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
    for name in ("diagnostic.py", "lattice.py", "records.py"):
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
    program = "import sys; print(find('torch.relu')[0].emits, 'tomllib' in sys.modules)"
    assert asked(folder, program) == "nonneg False"
    assert asked(folder, "print(pages()['softmax-into-cross-entropy'].body[:9])") == "# softmax"


def test_starting_up_imports_little() -> None:
    heavy = "dataclasses tomllib inspect ast difflib importlib.metadata pathlib json"
    before = "import sys; before = set(sys.modules)"
    asking = "from outlayer_lint.knowledge import find, pages; find('torch.nn.Linear'); pages()"
    after = f"print(sorted(set('{heavy}'.split()) & (set(sys.modules) - before)))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"{before}\n{asking}\n{after}"],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
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

"""What is asked of the tracer: targets, inputs, settings, configuration. Nothing is run here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import outlayer, written
from hypothesis import given
from hypothesis import settings as drawn
from hypothesis import strategies as st

from outlayer_lint.config import Refused, load
from outlayer_lint.tracer import configured, settings
from outlayer_lint.tracer.channel import CAP, Reader, Writer
from outlayer_lint.tracer.reach import Reach
from outlayer_lint.tracer.sandbox import ladder
from outlayer_lint.tracer.target import InputGiven, Target, find, parse_args, parse_input, spell

NET = "from torch import nn\n\n\nclass Net(nn.Module):\n    pass\n"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("x=f32[2,3,32,32]", InputGiven("x", "f32", (2, 3, 32, 32))),
        ("i64[2,16]<5000", InputGiven("", "i64", (2, 16), 5000)),
        ("batch.image=bf16[2, 3]", InputGiven("batch.image", "bf16", (2, 3))),
        ("t=f32[]", InputGiven("t", "f32", ())),
        ("mask=bool[2,16]", InputGiven("mask", "bool", (2, 16))),
    ],
)
def test_an_input_is_read_and_spelled(text: str, wanted: InputGiven) -> None:
    assert parse_input(text) == wanted
    assert parse_input(spell(wanted)) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "x=f32",
        "x=float[2]",
        "x=f32[2,,3]",
        "x=f32[2]<5",
        "x=f32[-1]",
        "x=i64[2]<0",
        "x=f32[99999,99999]",
        "1x=f32[2]",
    ],
)
def test_what_is_no_input_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        parse_input(text)


@drawn(deadline=None)
@given(
    st.builds(
        Target,
        st.text(min_size=1),
        st.text(),
        st.dictionaries(st.text(), st.one_of(st.integers(), st.text(), st.booleans())),
        st.tuples(st.builds(InputGiven, st.just("x"), st.just("f32"), st.tuples(st.integers(0, 9)))),
        st.none() | st.integers(1, 99),
    )
)
def test_a_target_crosses_the_channel(target: Target) -> None:
    assert Target.of_json(json.loads(json.dumps(target.to_json()))) == target


def test_a_target_is_a_file_a_name_in_it_a_module_or_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, model=NET)
    (tmp_path / "src" / "pkg").mkdir(parents=True)
    (tmp_path / "src" / "pkg" / "__init__.py").touch()
    (tmp_path / "src" / "pkg" / "nets.py").write_text(NET)
    monkeypatch.chdir(tmp_path)
    model, nets = str(tmp_path / "model.py"), str(tmp_path / "src" / "pkg" / "nets.py")
    assert find("model.py") == Target(model)
    assert find("model.py:Net") == Target(model, "Net")
    assert find("model:Net") == Target(model, "Net")
    assert find("pkg.nets:Net.Module") == Target(nets, "Net.Module")
    assert find("pkg") == Target(str(tmp_path / "src" / "pkg" / "__init__.py"))
    assert find("src") == Target(str(tmp_path / "src"))
    for word in ("models.py", "pkg.missing:Net", "src:Net", "no/where.py:Net", "model.py:Nets"):
        with pytest.raises(Refused):
            find(word)


def test_settings_are_read_or_refused() -> None:
    assert [settings.seconds(text, "") for text in ("20s", "500ms", "2m", "3")] == [20, 0.5, 120, 3]
    assert settings.size("3g", "") == 3 << 30
    assert settings.size("1500m", "") == 1500 << 20
    assert settings.dtypes("fp32, bf16,fp32", "") == ("fp32", "bf16")
    assert settings.device("cuda:1", "") == "cuda:1"
    for read, text in (
        (settings.seconds, "soon"), (settings.seconds, "0s"), (settings.size, "1m"), (settings.size, "much"),
        (settings.dtypes, "fp8"), (settings.dtypes, ""), (settings.device, "tpu"), (settings.whole, "0"),
        (settings.whole, "-3"), (settings.whole, "two"),
    ):  # fmt: skip
        with pytest.raises(Refused, match="--x"):
            read(text, "--x")
    with pytest.raises(Refused):
        parse_args("[1, 2]")
    with pytest.raises(Refused):
        parse_args("{")
    assert parse_args('{"num_classes": 10}') == {"num_classes": 10}


def configuration(folder: Path, text: str) -> configured.Configured:
    written(folder, model=NET)
    (folder / "pyproject.toml").write_text(f"[tool.outlayer-lint]\n{text}")
    return configured.read(load(str(folder)), str(folder))


def test_the_configuration_says_how_to_run(tmp_path: Path) -> None:
    found = configuration(
        tmp_path,
        '[tool.outlayer-lint.trace]\nbudget = "5s"\nmemory = "2g"\ndevice = "cpu"\nlosses = 7\nmax-tries = 9\n'
        'dtypes = ["fp32", "bf16"]\nisolation = "strict"\nstub-missing = false\nsynthetic-datasets = false\n'
        'allow-full-import = true\npython = "/usr/bin/python3"\n'
        '[[tool.outlayer-lint.trace.target]]\ntarget = "model.py:Net"\nargs = { num_classes = 10 }\n'
        'input = ["x=f32[2,3]"]\nclasses = 10\ntask = "multiclass"\noutputs = { out = "raw" }\n',
    )
    assert found.settings == settings.Settings(
        "cpu", ("fp32", "bf16"), 5.0, 2 << 30, 9, 7, "strict", stub_missing=False, synthetic_datasets=False,
        full_import=True, python="/usr/bin/python3", root=str(tmp_path),
    )  # fmt: skip
    (target,) = found.targets
    assert target == Target(
        str(tmp_path / "model.py"), "Net", {"num_classes": 10}, (InputGiven("x", "f32", (2, 3)),), 10, "multiclass",
        {"out": "raw"},
    )  # fmt: skip
    assert set(configured.KEYS) == {
        "budget", "memory", "device", "losses", "max-tries", "dtypes", "isolation", "stub-missing",
        "synthetic-datasets", "allow-full-import", "python",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "trace = { enable = true }",
        "trace = { enabled = 1 }",
        'trace = { budget = "long" }',
        "trace = { losses = 0 }",
        "trace = { stub-missing = 1 }",
        'trace = { isolation = "some" }',
        "trace = { target = 3 }",
        "trace = { target = [{}] }",
        'trace = { target = [{ target = "model.py:Net", inputs = [] }] }',
        'trace = { target = [{ target = "model.py:Net", input = ["x"] }] }',
        'trace = { target = [{ target = "model.py:Net", task = "guess" }] }',
        'trace = { target = [{ target = "gone.py:Net" }] }',
        'trace = { target = [{ target = "model.py:Net", outputs = { out = 3 } }] }',
    ],
)
def test_a_configuration_that_cannot_be_meant_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Refused):
        configuration(tmp_path, text)


def test_only_lines_with_the_nonce_count() -> None:
    reading, writing = os.pipe()
    writer, reader = Writer(writing, "right"), Reader("right")
    os.write(writing, b"no end of line")
    assert writer.send("result", value=float("nan"), more=[1, {"a": float("inf")}])
    os.write(writing, json.dumps({"n": "wrong", "kind": "result"}).encode() + b"\n[]\n{\n\xff\n")
    assert writer.send("end", thing=object())
    os.close(writing)
    found = reader.feed(os.read(reading, 1 << 16))
    os.close(reading)
    assert [record["kind"] for record in found] == ["result", "unsendable"]
    assert found[0]["value"] is None
    assert found[0]["more"] == [1, {"a": None}]
    assert reader.foreign == 5
    assert not writer.send("end")


def test_a_record_that_is_too_long_says_so() -> None:
    reading, writing = os.pipe()
    assert Writer(writing, "n").send("result", value="x" * (2 << 20))
    (record,) = Reader("n").feed(os.read(reading, 1 << 16))
    assert (record["kind"], record["of"]) == ("unsendable", "result")
    for fd in (reading, writing):
        os.close(fd)
    reader = Reader("n")
    for _ in range(6):
        assert not reader.feed(b"x" * (1 << 20))
    assert reader.flooded
    assert reader.received > CAP


def test_the_ladder_ends_with_a_process_group_unless_more_is_demanded() -> None:
    assert ladder("auto")[-1].level == "process"
    assert [rung.level for rung in ladder("none")] == ["process"]
    try:
        strict = ladder("strict")
    except Refused:
        return
    assert strict
    assert all(rung.alone for rung in strict)


def test_who_leads_to_a_file(tmp_path: Path) -> None:
    written(
        tmp_path,
        model=NET + "\n    def forward(self, x):\n        return self.fc(x)\n\n\nready = nn.Linear(2, 2)\n",
        lib="import model\n\n\ndef train(net, x):\n    return net(x)\n\n\ndef check(n=3):\n    return n\n",
        main="from lib import train\n\nif __name__ == '__main__':\n    train(1, 2)\n",
        idle="import model\nWIDTH = 3\n",
    )
    reach = Reach(str(tmp_path))
    model, lib = str(tmp_path / "model.py"), str(tmp_path / "lib.py")
    assert reach.scripts(model) == reach.scripts(lib) == [str(tmp_path / "main.py")]
    assert reach.owner(model, 5) == "Net"
    assert reach.owner(model, 11) == "ready"
    assert reach.owner(lib, 5) == ""
    assert reach.functions(lib, (5, 9, 1)) == (["check"], ["train"])
    assert reach.is_returned(model, 8)
    assert reach.is_returned(model, 11)
    assert not reach.is_returned(model, 5)


PLAIN = "import sys; from outlayer_lint.cli import main; main(['check', 'model.py']); print(*sys.modules, sep='\\n')"


def test_a_plain_check_loads_nothing_of_the_tracer(tmp_path: Path) -> None:
    written(tmp_path, model=NET)
    path = os.pathsep.join(filter(None, (str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, "-c", PLAIN]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert "outlayer_lint.engine" in done.stdout
    assert "outlayer_lint.tracer" not in done.stdout


@pytest.mark.parametrize(
    "argv",
    [
        ("trace",),
        ("trace", "gone.py"),
        ("trace", "model.py", "--input", "x"),
        ("trace", "model.py", "--args", "{"),
        ("trace", "model.py", "--budget", "no"),
        ("trace", "model.py", "--isolation", "none"),
        ("trace", "model.py", "--classes", "0"),
        ("run",),
        ("run", "gone.py"),
        ("run", "model.py", "--steps", "0"),
        ("check", "--trace", "--no-trace", "model.py"),
        ("check", "--trace", "-"),
    ],
)
def test_what_cannot_be_traced_is_refused_in_a_sentence(tmp_path: Path, argv: tuple[str, ...]) -> None:
    done = outlayer(written(tmp_path, model=NET), *argv)
    assert done.code == 2
    assert done.err.startswith("outlayer-lint: error: ")
    assert done.err.count("\n") == 1

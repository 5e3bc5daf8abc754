"""The README's transcript and table are what the linter prints today; run as a script, this brings them up to date."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from commandline import outlayer

from outlayer_lint.cli.arguments import parse
from outlayer_lint.cli.catalogue import worst
from outlayer_lint.config import KEYS, load
from outlayer_lint.knowledge import pages
from outlayer_lint.tracer.configured import read as read_trace

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"


def transcript(command: str) -> str:
    program, *options = command.split()
    assert program == "outlayer-lint"
    done = subprocess.run(
        [sys.executable, "-m", "outlayer_lint", *options], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return f"```console\n$ {command}\n{done.stdout}```\n"


def table() -> str:
    rows = [f"| {p.code} | [{p.name}](rules/{p.name}.md) | {worst(p)} | {p.summary} |\n" for p in pages().values()]
    return "| code | rule | at most | what it is |\n| --- | --- | --- | --- |\n" + "".join(rows)


def up_to_date(text: str) -> str:
    """The README with everything that is derived derived anew."""
    between = re.compile(r"(?<=<!-- transcript: )(.*?) -->\n.*?(?=<!-- end of transcript -->)", re.DOTALL)
    text, places = between.subn(lambda match: f"{match[1]} -->\n{transcript(match[1])}", text)
    assert places == 1
    text, places = re.subn(
        r"(?<=<!-- rules -->\n).*?(?=<!-- end of rules -->)", lambda _: table(), text, flags=re.DOTALL
    )
    assert places == 1
    return text


def test_the_readme_is_up_to_date() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == up_to_date(text)


def test_the_pages_that_the_readme_links_to_exist() -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", README.read_text(encoding="utf-8")):
        assert (ROOT / link).exists(), link


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def test_the_commands_of_the_readme_are_understood() -> None:
    text = "".join((*blocks("bash"), *blocks("yaml")))
    commands = re.findall(r"(?m)^\s*(?:- run: |- |cat \S+ \| )?outlayer-lint ([^#\n]+)", text)
    assert len(commands) >= 8
    for command in commands:
        assert parse(command.split(), "0")[1] is not None


def test_the_configuration_of_the_readme_is_understood(tmp_path: Path) -> None:
    (text,) = (block for block in blocks("toml") if "[tool.outlayer-lint]" in block)
    (tracing,) = (block for block in blocks("toml") if "[tool.outlayer-lint.trace]" in block)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "model.py").touch()
    (tmp_path / "pyproject.toml").write_text(text + tracing)
    assert read_trace(load(str(tmp_path)), str(tmp_path)).targets[0].classes == 10
    done = outlayer(tmp_path, "--show-settings")
    assert (done.code, done.err) == (0, "")
    listed = re.findall(r"(?m)^\| `([\w-]+)` \|", README.read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(KEYS)


if __name__ == "__main__":
    README.write_text(up_to_date(README.read_text(encoding="utf-8")), encoding="utf-8")

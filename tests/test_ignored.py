"""Whether a path is left out is what `pathspec` says, however seldom it is asked."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from outlayer_lint.source.ignored import Ignored

PARTS = st.sampled_from(
    [
        "data",
        "lib",
        "a.py",
        "b.ipynb",
        "*",
        "**",
        "*.py",
        "*.py[cod]",
        "d?ta",
        "li*",
        "*a*",
        "[!a]*",
        "[^a]*",
        "\\*",
        ".",
    ]
)
PATTERNS = st.builds(
    lambda negated, rooted, parts, folder: f"{negated}{rooted}{'/'.join(parts)}{folder}",
    st.sampled_from(["", "!", " "]), st.sampled_from(["", "/"]), st.lists(PARTS, min_size=1, max_size=3),
    st.sampled_from(["", "/", " ", "/**"]),
)  # fmt: skip
LINES = st.lists(st.one_of(PATTERNS, st.sampled_from(["", "# note", "  "])), max_size=6)
PATHS = st.builds(
    lambda parts, folder: "/".join(parts) + folder,
    st.lists(st.sampled_from(["data", "lib", "a.py", "b.ipynb", "dota", "alib", "*"]), min_size=1, max_size=3),
    st.sampled_from(["", "/"]),
)


@settings(max_examples=400, deadline=None)
@given(LINES, st.lists(PATHS, min_size=1, max_size=4))
def test_the_verdict_is_that_of_pathspec(lines: list[str], paths: list[str]) -> None:
    ignored, spec = Ignored(lines), GitIgnoreSpec.from_lines(lines)
    for path in paths:
        assert ignored.verdict(path) == spec.check_file(path).include


def test_pathspec_is_not_asked_about_what_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    ignored = Ignored(
        ["__pycache__/", "*.py[cod]", "*.egg-info/", "/data/*.csv", ".vscode/*", "!.vscode/settings.json", "src/old"]
    )

    def asked(_: str) -> bool:
        raise AssertionError

    monkeypatch.setattr(Ignored, "_decided", lambda _, path: asked(path))
    for path in ("train.py", "data/", "data/load.py", "src/models/net.ipynb"):
        assert ignored.verdict(path) is None
    assert ignored.verdict("src/old/") is True
    with pytest.raises(AssertionError):
        ignored.verdict("old.egg-info/")


def test_a_line_that_is_no_pattern_is_skipped() -> None:
    ignored = Ignored(["!", "gone.py"])
    assert ignored.verdict("gone.py") is True
    assert ignored.verdict("kept.py") is None

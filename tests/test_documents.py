"""Discovery, documents, notebooks, suppression: from paths to text, trees and positions."""

from __future__ import annotations

import ast
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlayer_lint.config import Refused
from outlayer_lint.diagnostic import Diagnostic, Severity, Span
from outlayer_lint.source import discovery
from outlayer_lint.source.document import Document, Unreadable, load
from outlayer_lint.suppress import apply


def document(source: str | bytes, name: str = "case.py") -> Document:
    return Document(f"/somewhere/{name}", name, source.encode() if isinstance(source, str) else source)


def notebook(*cells: str | dict[str, Any], **about: Any) -> Document:
    listed = [
        cell if isinstance(cell, dict) else {"cell_type": "code", "source": cell.splitlines(keepends=True)}
        for cell in cells
    ]
    return document(json.dumps({"nbformat": 4, "cells": listed, **about}), "case.ipynb")


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


def relative(found: list[str], root: Path) -> list[str]:
    return [Path(path).relative_to(root).as_posix() for path in found]


# --- which files ------------------------------------------------------------------------------------------------------


def test_folders_are_searched_and_named_files_are_always_taken(tmp_path: Path) -> None:
    touch(tmp_path, "a.py", "b/c.ipynb", "b/d.txt", "venv/x.py", "node_modules/y.py", "build/z.py", "script")
    found, unread = discovery.sources([tmp_path, tmp_path / "build/z.py", tmp_path / "script", tmp_path / "b/../a.py"])
    assert relative(found, tmp_path) == ["a.py", "b/c.ipynb", "build/z.py", "script"]
    assert unread == []


def test_a_missing_path_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"no such file or folder: .*nothing\.py"):
        discovery.sources([tmp_path, tmp_path / "nothing.py"])


def test_a_virtual_environment_is_left_out_by_any_name(tmp_path: Path) -> None:
    touch(tmp_path, "a.py", "myenv/pyvenv.cfg", "myenv/lib/x.py")
    assert relative(discovery.sources([tmp_path])[0], tmp_path) == ["a.py"]
    assert relative(discovery.walk(tmp_path), tmp_path) == ["a.py"]


def test_patterns_exclude_names_at_any_depth_and_paths_from_the_root(tmp_path: Path) -> None:
    touch(tmp_path, "a.py", "gen_a.py", "b/gen_b.py", "b/deep/c.py", "d/deep/e.py")
    found, _ = discovery.sources([tmp_path], exclude=["gen_*", f"{tmp_path}/b/deep"])
    assert relative(found, tmp_path) == ["a.py", "d/deep/e.py"]


def test_gitignore_holds_from_the_repository_down_and_the_inner_one_decides(tmp_path: Path) -> None:
    touch(tmp_path, "a.py", "skip/b.py", "sub/skip/c.py", "sub/keep.py", "sub/deep/no.py", "sub/deep/yes.py")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("skip/\nkeep.py\n/sub/deep/no.py\n")
    (tmp_path / "sub/.gitignore").write_text("!keep.py\n")
    assert relative(discovery.sources([tmp_path])[0], tmp_path) == ["a.py", "sub/deep/yes.py", "sub/keep.py"]
    below, _ = discovery.sources([tmp_path / "sub"])
    assert relative(below, tmp_path) == ["sub/deep/yes.py", "sub/keep.py"]
    every, _ = discovery.sources([tmp_path], respect_gitignore=False)
    assert len(every) == 6
    assert relative(discovery.sources([tmp_path / "skip/b.py"])[0], tmp_path) == ["skip/b.py"]


def test_links_do_not_lead_in_circles(tmp_path: Path) -> None:
    touch(tmp_path, "a.py", "b/c.py")
    (tmp_path / "b/loop").symlink_to(tmp_path)
    (tmp_path / "b/self.py").symlink_to("self.py")
    (tmp_path / "gone.py").symlink_to("nowhere.py")
    assert relative(discovery.walk(tmp_path), tmp_path) == ["a.py", "b/c.py"]
    assert relative(discovery.sources([tmp_path / "b/loop"])[0], tmp_path / "b/loop") == ["a.py", "b/c.py"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_an_entry(tmp_path: Path) -> None:
    touch(tmp_path, "a.py", "shut/b.py")
    (tmp_path / "shut").chmod(0)
    try:
        found, unread = discovery.sources([tmp_path])
    finally:
        (tmp_path / "shut").chmod(0o700)
    assert relative(found, tmp_path) == ["a.py"]
    assert "cannot be read" in unread[0].message


@pytest.mark.parametrize(
    ("marks", "root"),
    [
        ({"pyproject.toml": "", "pkg/pyproject.toml": "[tool.outlayer-lint]", ".git/HEAD": ""}, "pkg"),
        ({"pyproject.toml": "[tool.outlayer-lint]", "pkg/.git/HEAD": ""}, "."),
        ({"pyproject.toml": "# outlayer-lint", "pkg/.git/HEAD": ""}, "pkg"),
        ({"pkg/.git": "gitdir: elsewhere", "setup.py": ""}, "pkg"),
        ({"setup.cfg": "", "pkg/setup.py": "", "pkg/sub/pyproject.toml": ""}, "."),
        ({}, "pkg/sub"),
    ],
)
def test_the_root_of_a_project(tmp_path: Path, marks: dict[str, str], root: str) -> None:
    touch(tmp_path, "pkg/sub/a.py", *marks)
    for name, text in marks.items():
        (tmp_path / name).write_text(text)
    assert discovery.project_root(tmp_path / "pkg/sub/a.py") == os.path.normpath(tmp_path / root)


def test_without_a_sign_the_root_is_the_common_parent_and_never_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "home/work/one/a.py", "home/work/two/b.py", "home/c.py", "home/setup.py")
    one, two = tmp_path / "home/work/one/a.py", tmp_path / "home/work/two/b.py"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert discovery.project_root(one, [two]) == str(tmp_path / "home/work")
    assert discovery.project_root(one, [tmp_path / "home/c.py"]) == str(tmp_path / "home/work/one")


def test_paths_are_shown_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "here/a.py", "there/b.py")
    monkeypatch.chdir(tmp_path / "here")
    assert discovery.shown(str(tmp_path / "here/a.py")) == "a.py"
    assert discovery.shown(str(tmp_path / "there/b.py")) == "../there/b.py"


# --- text and trees ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xef\xbb\xbfx = 1\n", "x = 1\n"),
        (b"x = 1\r\ny = 2\rz = 3\n", "x = 1\ny = 2\nz = 3\n"),
        (b"# -*- coding: latin-1 -*-\nx = '\xe9'\n", "# -*- coding: latin-1 -*-\nx = 'é'\n"),
        (b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nx = '\x80'\n", None),
        (b"x = 1\n# coding: latin-1\n", "x = 1\n# coding: latin-1\n"),
        (b"x = 1\x0c\ny = '\xe2\x80\xa8'\n", "x = 1\x0c\ny = '\u2028'\n"),
        (b"", ""),
    ],
)
def test_text_is_decoded_as_python_does(data: bytes, text: str | None) -> None:
    read = document(data)
    assert read.text == (text if text is not None else data.decode("cp1252"))
    assert isinstance(read.tree, ast.Module)


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        (b"x = 1\ny = '\xff'\n", 2, "not utf-8: byte 0xff"),
        (b"# coding: klingon\n", 1, "unknown encoding `klingon`"),
        (b"x = 1\n\ny = \0\n", 3, "contains NUL bytes"),
        (b"\xff\xfex\0", 1, "UTF-16"),
        (b"def f(:\n    pass\n", 1, "invalid syntax"),
        (b"x = 1\nprint 'hello' there\n", 2, "Python 2"),
        (b"import torch\n%matplotlib inline\n", 2, "an IPython magic"),
        (b"def f():\n\tx = 1\n    y = 2\n", 3, "unindent"),
        (b"x = " + b"(" * 10_000 + b")" * 10_000, 1, "too many nested parentheses"),
        (b"x = " + b"-" * 100_000 + b"1", 1, "nested too deeply"),
        (b"x = [" + b"a." * 400_000 + b"b]", 1, "nested too deeply"),
        (b"y = 1\nx = '" + b"a" * 1_100_000 + b"'", 2, "a line longer than 1 MB"),
        (b"x = 1\n" * 1_000_000, 1, "larger than 5 MB"),
        (b"x = " + b"9" * 20_000, 1, "Exceeds the limit"),
    ],
    ids=lambda value: value[:24] if isinstance(value, bytes) else None,
)
def test_what_cannot_be_parsed_says_where_and_why(source: bytes, line: int, message: str) -> None:
    with pytest.raises(Unreadable, match=message) as refused:
        _ = document(source).tree
    assert refused.value.line == line


@pytest.mark.parametrize(
    ("older", "today"),
    [
        ("print 'a', b\n", "print('a', b)\n"),
        ("print 'a',\n", "print('a',)\n"),
        ("print [a for a in b]\nprint [b]\n", "print([a for a in b])\nprint([b])\n"),
        ("print 'a %s' \\\n    % b\n", "print('a %s' \\\n    % b)\n"),
        ("if a: print b; print >>f, 'c'\n", "if a: print(b); print(f, 'c')\n"),
        ("try: print -a\nexcept (A, B), e: print e\n", "try: print -a\nexcept (A, B) as e: print(e)\n"),
        ("raise A, 'b %s' % c\n", "raise A('b %s' % c)\n"),
        ("exec code in names\n", "exec(code in names)\n"),
        ("x = 10L + 0777 + 0xFFL\n", "x = 10 + 777 + 0xFF\n"),
        ("x = ur'a'\ny = `x`\n", "x = r'a'\ny = (x)\n"),
        ("y = x.cuda(async=True)\n", "y = x.cuda(_sync=True)\n"),
        ("if a <> b: print a\n", "if a != b: print(a)\n"),
        ("def f():\n\tx = 1\n        y = 2\n", "def f():\n        x = 1\n        y = 2\n"),
    ],
)
def test_an_older_python_is_read(older: str, today: str) -> None:
    read = document(older)
    assert ast.dump(read.tree) == ast.dump(ast.parse(today))
    (told,) = read.unread  # what was judged is not what was written, and that is said
    assert told.message.endswith("rewritten before it was judged")


@pytest.mark.parametrize(
    ("broken", "left"),
    [
        ("y = f(x\n", "y = nothing\n"),
        ("y = f(x\n      a b)\n", "y = nothing\n\n"),
        ("%matplotlib inline\n", "pass\n"),
        ("form keras import layers\n", "layers = nothing\n"),
        ("from numpy import random as r stack\n", "random = stack = nothing\n"),
        ("net.add(Dense(3)))\n", "net = nothing\n"),
        ("torch.seed(3))\n", "pass\n"),
        ("a, b.c = f(,)\n", "a = b.c = nothing\n"),
        ("row[1] = f(,)\n", "row = nothing\n"),
        ("@f\n@g(1)\ndef h(:\n    k = 1\n    self.m = 2\n", "h = k = nothing\n\n\n\n\n"),
        ("if x\n    k = 1\nelse:\n    k = 2\n", "k = nothing\n\n\n\n"),
        ("def h(x):\n    return x y\n", "def h(x):\n    return nothing\n"),
        ("class A:\n    def h(self):\n        self.m = f(x y)\n        return self.m\n",
         "class A:\n    def h(self):\n        self.m = nothing\n        return self.m\n"),
        ("f(x)\n    g(x)\n", "pass\n\n"),
        ("<<<<<<< HEAD\na = 1\n=======\na = 2\nb = 2\n>>>>>>> 6db6df1\n", "\na = 1\n\n\n\n\n"),
    ],
)  # fmt: skip
def test_a_file_goes_without_the_statements_that_do_not_parse(broken: str, left: str) -> None:
    around = "import torch\n" + "x = 1\n" * 9
    read = document((around + broken + "z = f(x)\n").encode())
    kept = [part for part in left.replace("nothing", "statement_that_does_not_parse").split("\n") if part]
    expected = ast.parse(around + "\n".join(kept) + "\nz = f(x)\n")
    assert ast.dump(read.tree) == ast.dump(expected)
    assert expression(read, "f(x)").lineno == 11 + broken.count("\n")
    (told,) = read.unread
    assert told.message.endswith("left out before the rest was judged")


def test_a_file_of_which_little_is_left_is_not_read() -> None:
    with pytest.raises(Unreadable):
        _ = document(b"".join(b"x%d = = 1\n" % i for i in range(7)) + b"y = 1\n").tree
    with pytest.raises(Unreadable):
        _ = document(b"y = 1\n" * 90 + b"x = = 1\n" * 30).tree


def test_what_is_rewritten_keeps_its_place() -> None:
    tree = document("print 'a'; y = f(x)\n").tree
    assert (tree.body[1].lineno, tree.body[1].col_offset) == (1, 12)  # one further than written: a bracket was closed


def test_a_cell_in_an_older_python_is_read() -> None:
    book = {"cells": [{"cell_type": "code", "source": "x = 1\nprint x"}, {"cell_type": "code", "source": "y ="}]}
    read = Document("/n.ipynb", "n.ipynb", json.dumps(book).encode())
    assert [type(node).__name__ for node in read.tree.body] == ["Assign", "Expr"]
    assert [unread.line for unread in read.unread] == [1]


def test_parsing_is_silent() -> None:
    assert document("x = '\\d'\nassert (x, 'always')\ny = 1 is 1\n").tree.body  # warnings are errors in these tests


def test_files_that_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    with pytest.raises(Unreadable, match="not a regular file"):
        load(str(tmp_path / "pipe.py"), "pipe.py")
    with pytest.raises(Unreadable, match="cannot be read"):
        load(str(tmp_path / "gone.py"), "gone.py")
    with (tmp_path / "huge.py").open("wb") as file:
        file.truncate(60_000_000_000)
    with pytest.raises(Unreadable, match="larger than 5 MB"):
        load(str(tmp_path / "huge.py"), "huge.py")


@given(st.binary(max_size=200))
def test_no_bytes_do_harm(data: bytes) -> None:
    for name in ("case.py", "case.ipynb"):
        read = document(data, name)
        try:
            assert isinstance(read.tree, ast.Module)
        except Unreadable as error:
            refused = error
        else:
            refused = Unreadable(1, "read")
        assert refused.line >= 1
        assert refused.message


# --- positions --------------------------------------------------------------------------------------------------------


def expression(read: Document, source: str) -> ast.expr:
    wanted = ast.unparse(ast.parse(source))
    return next(node for node in ast.walk(read.tree) if isinstance(node, ast.expr) and ast.unparse(node) == wanted)


def test_columns_count_characters_and_ends_are_exclusive() -> None:
    read = document("é = '日本'; y = f(é, 😀)\n".replace("😀", "ñ"))
    assert read.span(expression(read, "f(é, ñ)")) == Span("case.py", 1, 15, 1, 22)


def test_a_span_over_several_lines() -> None:
    read = document("x = f(\n    'é', b,\n)\n")
    node = expression(read, "f('é', b)")
    assert read.span(node) == Span("case.py", 1, 5, 3, 2)
    assert read.segment(node) == "f( 'é', b, )"
    assert read.line_text(read.span(node)) == "x = f("


def test_a_quoted_expression_is_short() -> None:
    long = ", ".join(f"argument_{number}" for number in range(20))
    read = document(f"x = F.cross_entropy({long})\ny = [{long}]\nz = (a +  # why\n     b)\n")
    assert read.segment(expression(read, f"F.cross_entropy({long})")) == "F.cross_entropy(...)"
    quoted = read.segment(expression(read, f"[{long}]"))
    assert len(quoted) <= 60
    assert quoted.endswith("...")
    assert read.segment(expression(read, "a + b")) == "a + b"


@given(st.text(alphabet="aé日😀 \t", max_size=12), st.text(alphabet="bé日😀", max_size=8))
def test_a_span_cuts_out_what_the_node_says(before: str, inside: str) -> None:
    read = document(f"'{before}'; x = '{inside}'\n")
    node = read.tree.body[1]
    assert isinstance(node, ast.Assign)
    span = read.span(node.value)
    assert read.line_text(span)[span.column - 1 : span.end_column - 1] == f"'{inside}'"


# --- notebooks --------------------------------------------------------------------------------------------------------


def test_cells_are_joined_and_positions_lead_back() -> None:
    read = notebook("import torch", {"cell_type": "markdown", "source": "# text"}, "x = 1\n", "y = f(x)\nz = y")
    assert read.text == "import torch\nx = 1\n\ny = f(x)\nz = y"[: len(read.text)]
    span = read.span(expression(read, "f(x)"))
    assert (span.cell, span.line, span.column) == (3, 1, 5)
    assert read.line_text(span) == "y = f(x)"
    assert read.line_of(span) == read.text.split("\n").index("y = f(x)") + 1


def test_format_3_and_sources_as_one_string() -> None:
    cells = [
        {"cell_type": "code", "input": "x = 1", "language": "python"},
        {"cell_type": "code", "input": ["y = ", "2"]},
    ]
    read = document(json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}]}), "old.ipynb")
    assert read.text == "x = 1\ny = 2"


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        ("%matplotlib inline\nx = 1", "\nx = 1"),
        ("!pip install torch \\\n  torchvision\nx = 1", "\n\nx = 1"),
        ("files = !ls\nx = 1", "\nx = 1"),
        ("?torch\ntorch.nn?\nx = 1", "\n\nx = 1"),
        ("if gpu:\n    !nvidia-smi\nx = 1", "if gpu:\n    pass\nx = 1"),
        ("pip install torch\nx = 1", "\nx = 1"),
        ("%%time\nx = 1", "\nx = 1"),
        ("\n%%capture out\n!ls\nx = 1", "\n\n\nx = 1"),
        ("%%bash\nls", "\n"),
        ("%%writefile model.py\nx = 1", "\n"),
        ("%%unheard\nnot python at all", "\n"),
        ("x = ('%s'\n  %name)", "x = ('%s'\n  %name)"),
        ("x = '''\n!text\n%text\n'''", "x = '''\n!text\n%text\n'''"),
        ("!ls\nx = '''\n!text\n'''", "\nx = '''\n!text\n'''"),
        ("a = b \\\n  %c\nd = !ls", "a = b \\\n  %c\n"),
    ],
)
def test_magics_are_blank_and_lines_hold(cell: str, kept: str) -> None:
    read = notebook(cell)
    assert read.text == kept
    assert isinstance(read.tree, ast.Module)
    assert read.unread == ()


def test_a_timed_statement_is_part_of_the_program() -> None:
    read = notebook("%time loss = f(x)\n")
    span = read.span(expression(read, "f(x)"))
    assert read.line_text(span)[span.column - 1 : span.end_column - 1] == "f(x)"


def test_a_broken_cell_is_left_out_and_named() -> None:
    read = notebook("x = 1", "def f(:\n    pass", {"cell_type": "raw", "source": ""}, "y = (\n", "z = f(x)")
    assert len(read.tree.body) == 2
    assert [(entry.line, entry.message.partition(":")[0]) for entry in read.unread] == [(1, "cell 1"), (1, "cell 3")]
    assert read.span(expression(read, "f(x)")).cell == 4


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "not JSON"),
        (b"[1]", "holds no JSON object"),
        (b"{}", "no list of cells"),
        (b'{"cells": 3}', "no list of cells"),
        (b"\xff", "not UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"nbformat": ' + b"9" * 20_000 + b"}", "nested too deeply or a number"),
    ],
)
def test_what_is_no_notebook_says_so(data: bytes, message: str) -> None:
    with pytest.raises(Unreadable, match=message):
        _ = document(data, "case.ipynb").text


def test_odd_notebooks_do_no_harm() -> None:
    odd: list[dict[str, Any]] = [
        {"cell_type": "code", "source": 3},
        {"source": "x"},
        {"cell_type": "code", "source": [1, "x = 1"]},
    ]
    assert notebook(*odd, metadata=[]).text == "x = 1"
    assert notebook({"cell_type": "code", "source": "x = '\ud800\0'"}).tree.body
    assert notebook("x <- 1", metadata={"kernelspec": {"language": "R"}}).text == ""
    assert notebook().tree.body == []


# --- suppression ------------------------------------------------------------------------------------------------------

KNOWN = ("OLL001", "OLL101", "OLL102", "OLL201")


def found(code: str, line: int, cell: int | None = None, path: str = "case.py") -> Diagnostic:
    span = Span(path, line, 1, line, 2, cell)
    return Diagnostic(code, f"rule-{code}", Severity.ERROR, "proved", "message", span)


def left(read: Document, *diagnostics: Diagnostic, selected: tuple[str, ...] = KNOWN) -> list[tuple[str, int]]:
    return [(d.code, d.span.line) for d in apply(diagnostics, {read.display: read}, KNOWN, selected)]


@pytest.mark.parametrize(
    ("comment", "silent"),
    [
        ("# noqa", True),
        ("#NOQA", True),
        ("# noqa: OLL101", True),
        ("# noqa:oll101", True),
        ("# noqa : OLL101", True),
        ("# noqa: E501, OLL101", True),
        ("# noqa: E501 OLL101 because", True),
        ("# noqa: OLL1", True),
        ("# type: ignore  # noqa: OLL101", True),
        ("# noqa: E501", False),
        ("# noqa: OLL102", False),
        ("# noqable", False),
        ("# yesqa: OLL101", False),
    ],
)
def test_noqa(comment: str, silent: bool) -> None:  # noqa: FBT001 - a table
    read = document(f"x = f(y)  {comment}\n")
    assert (("OLL101", 1) not in left(read, found("OLL101", 1))) is silent


def test_noqa_counts_on_the_first_line_of_the_own_span_only() -> None:
    read = document("x = f(  # noqa: OLL101\n    y)\nz = g(\n    y)  # noqa: OLL102\n")
    assert left(read, found("OLL101", 1), found("OLL102", 3)) == [("OLL102", 3), ("OLL001", 4)]


def test_an_ignore_that_silences_nothing_is_reported() -> None:
    read = document("a = 1  # noqa: OLL101\nb = 2  # noqa: OLL102, E501, OLL999\nc = 3  # noqa\nd = '# noqa: OLL101'\n")
    diagnostics = apply([found("OLL102", 2)], {read.display: read}, KNOWN, KNOWN)
    assert [(d.code, d.rule, d.severity, d.span.line) for d in diagnostics] == [
        ("OLL001", "unused-ignore", Severity.WARNING, 1),
        ("OLL001", "unused-ignore", Severity.WARNING, 2),
    ]
    assert "OLL101" in diagnostics[0].message
    assert "OLL999" in diagnostics[1].message
    assert "OLL102" not in diagnostics[1].message
    assert diagnostics[0].span == Span("case.py", 1, 8, 1, 22)


def test_an_ignore_is_not_judged_where_it_cannot_be() -> None:
    read = document("a = 1  # noqa: OLL101\n")
    assert left(read, selected=("OLL001", "OLL102")) == []
    assert left(read, selected=("OLL101",)) == []
    assert apply([], {read.display: read}, KNOWN, KNOWN, asked=()) == []
    assert apply([], {read.display: read}, KNOWN, KNOWN, levels={"OLL001": Severity.INFO})[0].severity == "info"
    assert left(document('"""\nx  # noqa: OLL101\n"""\n')) == []
    assert left(document("# outlayer-lint: ignore-file\na = 1  # noqa: OLL101\n")) == []


def test_a_file_may_ask_to_be_ignored() -> None:
    read = document("import torch\n# Outlayer-Lint: ignore-file (generated)\nx = f(y)\n")
    assert left(read, found("OLL101", 3)) == []
    assert left(document("x = '# outlayer-lint: ignore-file'\n"), found("OLL101", 1)) == [("OLL101", 1)]


def test_noqa_in_a_notebook() -> None:
    read = notebook("x = 1", "!ls\ny = f(x)  # noqa: OLL101\nz = 1  # noqa: OLL102")
    kept = apply([found("OLL101", 2, 1, "case.ipynb")], {read.display: read}, KNOWN, KNOWN)
    assert [(d.code, d.span.cell, d.span.line) for d in kept] == [("OLL001", 1, 3)]


def test_per_file_ignores_silence_everything_listed() -> None:
    read = document("x = f(y)\nz = 1  # noqa: OLL102\n")
    spared = [(lambda path: path.endswith("case.py"), frozenset({"OLL101", "OLL001"}))]
    kept = apply([found("OLL101", 1), found("OLL201", 1)], {read.display: read}, KNOWN, KNOWN, per_file=spared)
    assert [d.code for d in kept] == ["OLL201"]

"""The language server, asked over standard input and output by a real client."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("pygls", reason="the language server needs the extra `server`")

from lsprotocol import types
from pygls import uris
from pygls.exceptions import JsonRpcException
from pygls.lsp.client import LanguageClient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MODEL = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 3)
        self.out = nn.Softmax(dim=1)

    def forward(self, x):
        return self.out(self.body(x))
"""
TRAIN = """\
from torch import nn

from model import Net

net = Net()
loss_of = nn.CrossEntropyLoss()


def step(batch, labels):
    café = "\U0001f600"; loss = loss_of(net(batch), labels)
    return loss
"""
LINE = 9  # of the loss call, from 0
FINE = MODEL.replace("nn.Softmax(dim=1)", "nn.Identity()")
WAIT = 30.0  # seconds; a loaded machine must not fail a test


async def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


class Editor:
    """A client and what it was told, by file name."""

    def __init__(self, client: Any, root: Path) -> None:
        self.client = client
        self.root = root
        self.versions: dict[str, int] = {}
        self.diagnostics: dict[str, list[types.Diagnostic]] = {}
        self.logged: list[str] = []
        self.messages: list[str] = []
        self.wishes: list[types.Registration] = []

    def published(self, params: types.PublishDiagnosticsParams) -> None:
        self.diagnostics[params.uri] = list(params.diagnostics)

    def uri(self, name: str) -> str:
        return uris.from_fs_path(str(self.root / name)) or ""

    def open(self, name: str, text: str | None = None) -> None:
        written = (self.root / name).read_text(encoding="utf-8") if text is None else text
        self.versions[name] = 1
        item = types.TextDocumentItem(self.uri(name), "python", 1, written)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def change(self, name: str, text: str) -> None:
        self.versions[name] += 1
        document = types.VersionedTextDocumentIdentifier(self.versions[name], self.uri(name))
        whole = types.TextDocumentContentChangeWholeDocument(text)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, [whole]))

    def close(self, name: str) -> None:
        self.client.text_document_did_close(
            types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(self.uri(name)))
        )

    def save(self, name: str) -> None:
        self.client.text_document_did_save(
            types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(self.uri(name)))
        )

    async def told(self, name: str, codes: list[str], uri: str = "") -> list[types.Diagnostic]:
        """Wait until just these codes stand in a document."""
        uri = uri or self.uri(name)
        await until(lambda: uri in self.diagnostics and [d.code for d in self.diagnostics[uri]] == codes)
        return self.diagnostics[uri]

    async def hover(self, name: str, line: int, character: int, uri: str = "") -> str:
        document = types.TextDocumentIdentifier(uri or self.uri(name))
        found = await self.client.text_document_hover_async(
            types.HoverParams(document, types.Position(line, character))
        )
        return "" if found is None else str(found.contents.value)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    write(root, MODEL)
    (root / "pyproject.toml").write_text("[tool.outlayer-lint]\n", encoding="utf-8")
    return root


def write(root: Path, model: str) -> None:
    root.mkdir()
    (root / "model.py").write_text(model, encoding="utf-8")
    (root / "train.py").write_text(TRAIN, encoding="utf-8")


def first_line(uri: str) -> str:
    path = uris.to_fs_path(uri)
    assert path is not None
    return Path(path).read_text(encoding="utf-8").partition("\n")[0]


def played(scene: Callable[..., Awaitable[None]]) -> Callable[[Path], None]:
    """A test in which an editor is at work in `root`."""

    @wraps(scene)
    def test(root: Path) -> None:
        asyncio.run(_play(scene, root))

    del test.__dict__["__wrapped__"]  # pytest would ask for the scene's own arguments
    return test


async def _play(scene: Callable[..., Awaitable[None]], root: Path) -> None:
    client: Any = LanguageClient("editor", "1")
    editor = Editor(client, root)
    client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(partial(editor.published))  # it writes attributes on it
    client.feature(types.WINDOW_LOG_MESSAGE)(lambda params: editor.logged.append(params.message))
    client.feature(types.CLIENT_REGISTER_CAPABILITY)(lambda params: editor.wishes.extend(params.registrations))
    client.feature(types.WINDOW_SHOW_MESSAGE)(lambda params: editor.messages.append(params.message))
    await client.start_io(sys.executable, "-m", "outlayer_lint", "server")
    watches = types.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True)
    can = types.ClientCapabilities(types.WorkspaceClientCapabilities(did_change_watched_files=watches))
    folders = [types.WorkspaceFolder(uris.from_fs_path(str(root)) or "", "project")]
    await client.initialize_async(types.InitializeParams(can, workspace_folders=folders, root_uri=folders[0].uri))
    client.initialized(types.InitializedParams())
    await asyncio.wait_for(scene(editor), 4 * WAIT)
    assert not editor.logged
    await client.shutdown_async(None)
    client.exit(None)
    await client.stop()


@played
async def test_what_is_opened_is_judged_with_its_project(editor: Editor) -> None:
    editor.open("train.py")
    (found,) = await editor.told("train.py", ["OLL101"])
    assert found.severity == types.DiagnosticSeverity.Error
    assert found.source == "outlayer-lint"
    assert "CrossEntropyLoss" in found.message
    line = TRAIN.splitlines()[LINE]
    units = len(line[: line.index("loss_of(")].encode("utf-16-le")) // 2
    assert (found.range.start.line, found.range.start.character) == (LINE, units)
    assert found.range.end.character == units + len("loss_of(net(batch), labels)")
    assert found.code_description is not None
    assert first_line(found.code_description.href) == "# softmax-into-cross-entropy"
    assert found.related_information is not None
    applied, built = found.related_information
    assert (applied.location.uri, applied.location.range.start.line) == (editor.uri("model.py"), 10)
    assert built.message == "softmax built here"


@played
async def test_buffers_stand_in_for_files(editor: Editor) -> None:
    editor.open("train.py")
    editor.open("model.py")
    await editor.told("train.py", ["OLL101"])
    editor.change("model.py", FINE)
    await editor.told("train.py", [])
    assert (editor.root / "model.py").read_text(encoding="utf-8") == MODEL
    editor.change("model.py", MODEL)
    await editor.told("train.py", ["OLL101"])
    editor.change("model.py", FINE)
    await editor.told("train.py", [])
    editor.close("model.py")  # the file on disk has the mistake still
    await editor.told("train.py", ["OLL101"])
    (editor.root / "model.py").write_text(FINE, encoding="utf-8")
    editor.save("train.py")
    await editor.told("train.py", [])


@played
async def test_a_mistake_in_a_closed_file_is_told_and_withdrawn(editor: Editor) -> None:
    editor.open("model.py")
    await editor.told("train.py", ["OLL101"])
    editor.close("model.py")
    await editor.told("train.py", [])


@played
async def test_half_a_line_does_not_wipe_out_what_was_said(editor: Editor) -> None:
    editor.open("train.py")
    await editor.told("train.py", ["OLL101"])
    editor.change("train.py", TRAIN + "loss_of(net(\n")
    editor.open("model.py", MODEL + "def (")
    await editor.told("model.py", [])
    await editor.told("train.py", ["OLL101"])
    editor.change("model.py", MODEL)
    editor.change("train.py", TRAIN.replace("CrossEntropyLoss", "NLLLoss"))
    await editor.told("train.py", ["OLL202"])


@played
async def test_hover_says_what_is_emitted_and_why(editor: Editor) -> None:
    editor.open("train.py")
    line = TRAIN.splitlines()[LINE]
    units = len(line[: line.index("(batch")].encode("utf-16-le")) // 2
    said = await editor.hover("train.py", LINE, units)
    assert said.startswith("`net(batch)`")
    assert "emits **simplex(1), 3 units**: probabilities that add up to 1" in said
    assert (
        f"softmax applied here: [{(editor.root / 'model.py').as_posix()}:11:16]({editor.uri('model.py')}#L11)" in said
    )
    assert "softmax built here" in said
    assert await editor.hover("train.py", 0, 2) == ""
    editor.change("train.py", TRAIN.replace("net(batch)", "net.body(batch)"))  # asked before the check has begun
    assert "emits **logit, 3 units**" in await editor.hover("train.py", LINE, units + 6)


@played
async def test_a_cancelled_request_is_cancelled(editor: Editor) -> None:
    editor.open("train.py")
    await editor.told("train.py", ["OLL101"])
    document = types.TextDocumentIdentifier(editor.uri("train.py"))
    params = types.HoverParams(document, types.Position(LINE, 40))
    cancelled = 0
    for attempt in range(50):  # on a busy machine an answer may be there before anybody could cancel
        asked = editor.client.protocol.send_request_async(types.TEXT_DOCUMENT_HOVER, params, msg_id=f"n{attempt}")
        waiting = asyncio.ensure_future(asked)
        await asyncio.sleep(0)
        editor.client.protocol.notify("$/cancelRequest", types.CancelParams(id=f"n{attempt}"))
        try:
            await asyncio.wait_for(waiting, WAIT)
        except JsonRpcException as refused:
            cancelled += "cancel" in str(refused).lower()
            break
    assert cancelled
    assert "simplex" in await editor.hover("train.py", LINE, 40)  # and the next one is answered


@played
async def test_a_notebook_is_judged_cell_by_cell(editor: Editor) -> None:
    uri = editor.uri("book.ipynb")
    cells = ["import torch.nn.functional as F\nfrom torch import nn", "Words.", "net = nn.Linear(4, 3)", "%time x = 1"]
    loss = "def step(x, y):\n    return F.cross_entropy(net(x).softmax(1), y)"
    kinds = [types.NotebookCellKind.Markup if c == "Words." else types.NotebookCellKind.Code for c in (*cells, loss)]
    documents = [f"{uri.replace('file:', 'vscode-notebook-cell:')}#C{n}" for n in range(5)]
    editor.client.notebook_document_did_open(
        types.DidOpenNotebookDocumentParams(
            types.NotebookDocument(
                uri, "jupyter-notebook", 1, [types.NotebookCell(k, d) for k, d in zip(kinds, documents, strict=True)]
            ),
            [types.TextDocumentItem(d, "python", 1, t) for d, t in zip(documents, (*cells, loss), strict=True)],
        )
    )
    (found,) = await editor.told("book", ["OLL101"], documents[4])
    assert found.range.start.line == 1
    assert "logit" in await editor.hover("book", 1, 29, documents[4])


@played
async def test_a_notebook_is_judged_as_the_file_it_is(editor: Editor) -> None:
    source = [
        "import torch.nn.functional as F\n", "from torch import nn\n", "net = nn.Linear(4, 3)\n", "def step(x, y):\n",
        "    s = 'é\U0001f600\\n\"'; return F.cross_entropy(net(x).softmax(1), y)",
    ]  # fmt: skip
    book = {"cells": [{"cell_type": "markdown", "source": "a"}, {"cell_type": "code", "source": source}], "nbformat": 4}
    text = json.dumps(book, indent=1, ensure_ascii=False)
    editor.open("book.ipynb", text)
    (found,) = await editor.told("book.ipynb", ["OLL101"])
    line = text.splitlines()[found.range.start.line]
    marked = line.encode("utf-16-le")[2 * found.range.start.character : 2 * found.range.end.character]
    assert marked.decode("utf-16-le") == "F.cross_entropy(net(x).softmax(1), y)"
    assert "logit" in await editor.hover("book.ipynb", found.range.start.line, found.range.start.character + 18)


@played
async def test_a_bad_configuration_is_told_once(editor: Editor) -> None:
    (editor.root / "pyproject.toml").write_text("[tool.outlayer-lint]\nselct = []\n", encoding="utf-8")
    editor.open("train.py")
    editor.save("train.py")
    await until(lambda: bool(editor.messages))
    (editor.root / "pyproject.toml").write_text("[tool.outlayer-lint]\n", encoding="utf-8")
    editor.save("train.py")
    await editor.told("train.py", ["OLL101"])
    (message,) = editor.messages
    assert "selct" in message
    assert "select" in message


@played
async def test_a_folder_of_its_own_is_a_project_of_its_own(editor: Editor) -> None:
    other = editor.root.parent / "other"
    write(other, FINE)
    folder = types.WorkspaceFolder(uris.from_fs_path(str(other)) or "", "other")
    editor.client.workspace_did_change_workspace_folders(
        types.DidChangeWorkspaceFoldersParams(types.WorkspaceFoldersChangeEvent([folder], []))
    )
    editor.open("train.py")
    theirs = Editor(editor.client, other)
    theirs.diagnostics = editor.diagnostics
    theirs.open("train.py")
    await editor.told("train.py", ["OLL101"])
    await theirs.told("train.py", [])


@played
async def test_what_changes_on_disk_is_seen(editor: Editor) -> None:
    editor.open("train.py")
    await editor.told("train.py", ["OLL101"])
    (editor.root / "model.py").write_text(FINE, encoding="utf-8")
    changed = types.FileEvent(editor.uri("model.py"), types.FileChangeType.Changed)
    editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([changed]))
    await editor.told("train.py", [])
    assert [wish.method for wish in editor.wishes] == ["workspace/didChangeWatchedFiles"]


@played
async def test_the_editor_s_own_address_and_lines_are_kept(editor: Editor) -> None:
    own = editor.uri("train.py").replace("train.py", "%74rain.py")
    text = TRAIN.replace("net = Net()", "net = Net()\n\x0c\n").replace("\n", "\r\n")
    item = types.TextDocumentItem(own, "python", 1, text)
    editor.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
    (found,) = await editor.told("train.py", ["OLL101"], own)
    assert found.range.start.line == LINE + 2
    assert "simplex" in await editor.hover("train.py", LINE + 2, 40, own)


@played
async def test_nothing_an_editor_sends_is_its_end(editor: Editor) -> None:
    editor.open("deep.py", "import torch\nx = " + "(" * 5000 + ")" * 5000)
    editor.open("bytes.py", "import torch\x00\ud83d".encode("utf-8", "replace").decode())
    editor.open(
        "book.ipynb",
        '{"cells": [{"cell_type": "code", "source": ["import torch',
    )
    editor.open("notes.txt", "torch")
    editor.open("empty.py", "")
    unnamed = types.TextDocumentItem("untitled:Untitled-1", "python", 1, TRAIN)
    editor.client.text_document_did_open(types.DidOpenTextDocumentParams(unnamed))
    for name in ("deep.py", "bytes.py", "book.ipynb", "notes.txt", "empty.py", "never_opened.py"):
        for place in ((0, 0), (1, 7), (99999, 99999)):
            assert await editor.hover(name, *place) == ""
    assert await editor.hover("", 0, 0, "untitled:Untitled-1") == ""
    editor.close("never_opened.py")
    (editor.root / "pyproject.toml").write_text('[tool.outlayer-lint]\ncontracts = ["no.toml"]\n', encoding="utf-8")
    editor.save("empty.py")
    await until(lambda: bool(editor.messages))
    assert "no.toml" in editor.messages[0]
    (editor.root / "pyproject.toml").unlink()
    editor.open("train.py")
    await editor.told("train.py", ["OLL101"])


@played
async def test_a_hover_is_answered_at_once_on_a_project_of_300_files(editor: Editor) -> None:
    for n in range(149):
        write(editor.root / f"part{n}", MODEL)
    editor.open("train.py")
    await editor.told("train.py", ["OLL101"])
    took = []
    for n in range(10):
        if n % 2:
            editor.change("train.py", f"{TRAIN}# {n}\n")  # the buffer has to be read and the project put together again
        begun = time.perf_counter()
        assert "simplex" in await editor.hover("train.py", LINE, 40)
        took.append(time.perf_counter() - begun)
    assert sorted(took)[4] < 0.1, took

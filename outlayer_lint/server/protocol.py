"""The messages of the language server protocol, and what is done about each.

Everything runs in one thread. A check is a task of many short steps, so that a hover is answered in between, and it is
given up as soon as a buffer changes. Whatever goes wrong inside is told to the editor's log; the server lives on.
"""

from __future__ import annotations

import asyncio
import gc
from functools import partial, wraps
from traceback import format_exc
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from outlayer_lint import __version__
from outlayer_lint.config import Refused
from outlayer_lint.server import rim
from outlayer_lint.server.warm import Warm
from outlayer_lint.server.written import stored
from outlayer_lint.source.discovery import SUFFIXES, project_root

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlayer_lint.diagnostic import Report

DEBOUNCE = 0.3  # seconds without a keystroke before a changed buffer is checked
PATIENCE = 0.003  # seconds for a request to be cancelled before any work is done
IDLE = 2.0  # seconds without anything to do before garbage is collected
COLLECTIONS = 100  # after so many, what was set aside as long-lived is looked through as well


def server() -> Any:
    """A language server, ready for `start_io`."""
    selector = types.NotebookDocumentFilterWithNotebook("jupyter-notebook")
    made = LanguageServer(
        "outlayer-lint",
        __version__,
        text_document_sync_kind=types.TextDocumentSyncKind.Full,  # pygls counts lines in its own way
        notebook_document_sync=types.NotebookDocumentSyncOptions([selector], save=True),
    )
    door = Door(made)
    for name, handler in door.handlers().items():
        made.feature(name)(partial(handler))  # pygls writes attributes on it, which a method does not take
    return made


def sheltered(handler: Callable[..., Any]) -> Callable[..., Any]:
    """A handler whose failure is an entry in the editor's log."""

    @wraps(handler)
    def carry_out(door: Door, params: Any) -> Any:
        try:
            return handler(door, params)
        except Exception:  # noqa: BLE001 - the server must live
            door.log(format_exc())
            return None

    return carry_out


class Door:
    """What is open, and what was last said about it."""

    def __init__(self, made: Any) -> None:
        """`made` is pygls's server."""
        self.server = made
        self.warm: dict[str, Warm] = {}  # root -> project
        self.roots: dict[str, str] = {}  # open file -> root
        self.addresses: dict[str, str] = {}  # open file -> what the editor calls it
        self.checks: dict[str, asyncio.Task[None]] = {}
        self.said: dict[str, dict[str, list[types.Diagnostic]]] = {}  # root -> document -> what was published
        self.told: set[str] = set()  # refusals the user has seen
        self.show_info = False
        self._collections = 0
        self._hovering = 0
        self._idle: asyncio.TimerHandle | None = None

    def handlers(self) -> dict[str, Callable[..., Any]]:
        """Name of a message -> what is done about it."""
        return {
            types.INITIALIZE: self.begun,
            types.INITIALIZED: self.initialized,
            types.TEXT_DOCUMENT_DID_OPEN: self.opened,
            types.TEXT_DOCUMENT_DID_CHANGE: self.changed,
            types.TEXT_DOCUMENT_DID_SAVE: self.saved,
            types.TEXT_DOCUMENT_DID_CLOSE: self.closed,
            types.NOTEBOOK_DOCUMENT_DID_OPEN: self.book_opened,
            types.NOTEBOOK_DOCUMENT_DID_CHANGE: self.book_changed,
            types.NOTEBOOK_DOCUMENT_DID_SAVE: self.book_saved,
            types.NOTEBOOK_DOCUMENT_DID_CLOSE: self.book_closed,
            types.WORKSPACE_DID_CHANGE_WATCHED_FILES: self.files_changed,
            types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: self.folders_changed,
            types.WORKSPACE_DID_CHANGE_CONFIGURATION: self.files_changed,
            types.TEXT_DOCUMENT_HOVER: self.hover,
        }

    def log(self, message: str) -> None:
        """A line in the editor's log."""
        self.server.window_log_message(types.LogMessageParams(types.MessageType.Error, f"outlayer-lint: {message}"))

    # -- messages -----------------------------------------------------------------------------------------------------

    @sheltered
    def begun(self, params: Any) -> None:
        """The editor begins: take its options over."""
        gc.disable()  # trees live long; what is garbage is collected when nobody waits
        options = params.initialization_options
        self.show_info = isinstance(options, dict) and options.get("show") == "info"

    @sheltered
    def initialized(self, _: Any) -> None:
        """The editor is ready: ask it to tell what changes on disk."""
        workspace = self.server.client_capabilities.workspace
        watched = None if workspace is None else workspace.did_change_watched_files
        if watched is not None and watched.dynamic_registration:
            watchers = [types.FileSystemWatcher(f"**/{name}") for name in ("*.py", "*.ipynb", "pyproject.toml")]
            options = types.DidChangeWatchedFilesRegistrationOptions(watchers)
            wish = types.Registration("watch", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
            self.server.client_register_capability(types.RegistrationParams([wish]))

    @sheltered
    def opened(self, params: Any) -> None:
        """A document came up."""
        self._take(params.text_document.uri, delay=0)

    @sheltered
    def changed(self, params: Any) -> None:
        """Somebody is typing."""
        self._take(params.text_document.uri, delay=DEBOUNCE)

    @sheltered
    def saved(self, params: Any) -> None:
        """A document went to disk."""
        self._take(params.text_document.uri, delay=0)

    @sheltered
    def closed(self, params: Any) -> None:
        """A document went away; the file speaks for itself again."""
        self._drop(params.text_document.uri)

    @sheltered
    def book_opened(self, params: Any) -> None:
        """A notebook came up."""
        self._take(params.notebook_document.uri, delay=0)

    @sheltered
    def book_changed(self, params: Any) -> None:
        """Somebody is typing in a cell, or moving cells about."""
        self._take(params.notebook_document.uri, delay=DEBOUNCE)

    @sheltered
    def book_saved(self, params: Any) -> None:
        """A notebook went to disk."""
        self._take(params.notebook_document.uri, delay=0)

    @sheltered
    def book_closed(self, params: Any) -> None:
        """A notebook went away."""
        self._drop(params.notebook_document.uri)

    @sheltered
    def files_changed(self, _: Any) -> None:
        """Something changed on disk or in the settings: every project looks for what."""
        for root in self.warm:
            self._check_soon(root, DEBOUNCE)

    @sheltered
    def folders_changed(self, _: Any) -> None:
        """A folder joined or left the workspace: the open files may belong to other projects now."""
        for path in list(self.roots):
            text, uri = self.warm[self.roots[path]].text(path), self.addresses[path]
            self._forget(path)
            self.addresses[path] = uri
            self._remember(path, text, 0)

    async def hover(self, params: Any) -> types.Hover | None:
        """What the expression under the cursor emits, and why."""
        self._hovering += 1
        try:
            return await self._hover(params.text_document.uri, params.position)
        except Exception:  # noqa: BLE001 - the server must live
            self.log(format_exc())
            return None
        finally:
            self._hovering -= 1

    async def _hover(self, uri: str, position: types.Position) -> types.Hover | None:
        await asyncio.sleep(PATIENCE)
        document = self._document(uri)
        at = None if document is None else self._rim().at(uri, position, document.source)
        if at is None or at.path not in self.roots:
            return None
        warm = self.warm[self.roots[at.path]]
        found = None
        for answer in warm.reveal(at.path, at.line, at.column, at.cell):
            found = answer
            await asyncio.sleep(0)  # here a cancelled request ends
        if found is None:
            return None
        span, text, value, how = found
        markdown = types.MarkupContent(types.MarkupKind.Markdown, rim.hover(text, value, how))
        where = self._rim().location(span, warm)
        return types.Hover(markdown, where.range)

    # -- projects -----------------------------------------------------------------------------------------------------

    def _take(self, uri: str, delay: float) -> None:
        """Take over what a document says now."""
        path = rim.path_of(uri)
        if path is None or not path.endswith(SUFFIXES):
            return
        workspace = self.server.workspace
        book = workspace.get_notebook_document(notebook_uri=uri)
        text = workspace.get_text_document(uri).source if book is None else stored(rim.cells_of(book, workspace))
        self.addresses[path] = uri
        self._remember(path, text, delay)

    def _document(self, uri: str) -> Any:
        """An open document; pygls would read any other from disk."""
        return self.server.workspace.text_documents.get(unquote(uri))

    def _rim(self) -> rim.Rim:
        return rim.Rim(self.server.workspace, self.addresses)

    def _remember(self, path: str, text: str, delay: float) -> None:
        if path not in self.roots:
            folders = filter(None, map(rim.path_of, self.server.workspace.folders))
            around = [folder for folder in folders if path.startswith(folder)]
            self.roots[path] = project_root(path, around)
        root = self.roots[path]
        warm = self.warm.setdefault(root, Warm(root))
        warm.open(path, text)
        self._check_soon(root, delay)

    def _drop(self, uri: str) -> None:
        path = rim.path_of(uri)
        if path in self.roots:
            self._forget(path)

    def _forget(self, path: str) -> None:
        root = self.roots.pop(path)
        self.addresses.pop(path, None)
        self.warm[root].close(path)
        if root in self.roots.values():
            self._check_soon(root, 0)
            return
        self._stop(root)
        del self.warm[root]
        for uri in self.said.pop(root, ()):
            self._publish(uri, [])

    # -- checks -------------------------------------------------------------------------------------------------------

    def _check_soon(self, root: str, delay: float) -> None:
        self._stop(root)
        self.checks[root] = asyncio.ensure_future(self._check(root, delay))

    def _stop(self, root: str) -> None:
        task = self.checks.pop(root, None)
        if task is not None:
            task.cancel()
        if self._idle is not None:
            self._idle.cancel()

    async def _check(self, root: str, delay: float) -> None:
        try:
            await asyncio.sleep(delay)
            warm = self.warm[root]
            self._tell(root, warm, await self._stepped(warm))
            self._idle = asyncio.get_running_loop().call_later(IDLE, self._collect)
        except ValueError as refusal:
            # The rows and pages have an error class of their own, a sentence for the user as well.
            if isinstance(refusal, Refused) or type(refusal).__name__ == "KnowledgeError":
                self._refuse(str(refusal))
            else:
                self.log(format_exc())
        except Exception:  # noqa: BLE001 - the server must live
            self.log(format_exc())

    async def _stepped(self, warm: Warm) -> Report:
        steps = warm.check()
        while True:
            try:
                next(steps)
            except StopIteration as done:
                report: Report = done.value
                return report
            await asyncio.sleep(0)
            while self._hovering:  # noqa: ASYNC110 - somebody waits, a few milliseconds; an event would be no clearer
                await asyncio.sleep(PATIENCE)

    def _refuse(self, sentence: str) -> None:
        if sentence not in self.told:
            self.told.add(sentence)
            self.server.window_show_message(types.ShowMessageParams(types.MessageType.Error, sentence))

    def _tell(self, root: str, warm: Warm, report: Report) -> None:
        for sentence in report.broken:
            self.log(f"internal error: {sentence}")
        border = self._rim()
        before = self.said.get(root, {})
        found: dict[str, list[types.Diagnostic]] = {uri: [] for uri in before}
        for path in warm.buffers:
            found.setdefault(border.address(path), [])
        for diagnostic in report.diagnostics:
            if self.show_info or str(diagnostic.severity) != "info":
                uri, made = border.diagnostic(diagnostic, warm)
                found.setdefault(uri, []).append(made)
        # Somebody is in the middle of a line: what was said of that file stands until it parses again.
        broken = {border.address(error.path) for error in report.errors if not error.message.startswith("cell ")}
        for uri, diagnostics in before.items():
            found[uri].extend(d for d in diagnostics if d not in found[uri] and not broken.isdisjoint(_places(uri, d)))
        for uri, diagnostics in found.items():
            self._publish(uri, diagnostics)
        self.said[root] = {uri: diagnostics for uri, diagnostics in found.items() if diagnostics}

    def _publish(self, uri: str, diagnostics: list[types.Diagnostic]) -> None:
        document = self._document(uri)
        version = None if document is None else document.version
        self.server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, diagnostics, version))

    def _collect(self) -> None:
        """Free what earlier checks left; what survives is set aside, so that the next time is short."""
        self._collections += 1
        if self._collections % COLLECTIONS == 0:
            gc.unfreeze()
        gc.collect()
        gc.freeze()


def _places(uri: str, diagnostic: types.Diagnostic) -> set[str]:
    """The documents that a diagnostic speaks of."""
    return {uri, *(other.location.uri for other in diagnostic.related_information or ())}

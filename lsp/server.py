"""The language server: which message goes to which part."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import logging
import sys
from collections.abc import Callable
from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from lsprotocol import types
from pygls.io_ import StdoutWriter
from pygls.lsp.server import LanguageServer

from completer.interface import CompletionService
from completer.reporting import Reports
from lsp.client_process import can_be_watched, gone
from lsp.commands import add_commands
from lsp.document_feed import DocumentFeed
from lsp.documents import Documents
from lsp.feedback import ACCEPT_COMMAND, Feedback
from lsp.framing import read
from lsp.git_heads import Heads
from lsp.inline_completion import InlineCompletions
from lsp.next_edits import ACCEPT_NEXT_EDIT, NextEditDoor
from lsp.notebooks import SYNC, Notebooks
from lsp.options import LspOptions
from lsp.protocol import Protocol, VersionedInlineCompletionParams, converter
from lsp.session import Session
from lsp.status import Status
from lsp.synchronization import Synchronization
from lsp.text_buffer import LineBreak
from lsp.workspaces import Workspaces
from telemetry.events import SessionEnded
from telemetry.recorder import Recorder

if TYPE_CHECKING:
    from pygls.server import ServerErrors

logger = logging.getLogger(__name__)

NAME = "completer"

Json = dict[str, Any] | None
"""Parameters of methods that the protocol does not define. (pygls hands the server to a handler
whose parameter could be one, so they are no `object`.)"""


class CompletionServer(LanguageServer):
    """A language server whose input may be anything and whose errors raise no pop-ups."""

    protocol: Protocol
    _serving: asyncio.Task[None] | None = None
    _watching: asyncio.Task[None] | None = None
    _asked_to_stop = False

    @property
    def exit_code(self) -> int:
        """What the process ends with: 1 if its client has gone without having asked for that."""
        return 0 if self.protocol.shut_down or self._asked_to_stop else 1

    def start_io(
        self,
        stdin: BinaryIO | None = None,
        stdout: BinaryIO | None = None,
        *,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        """Serve on standard input and output until the client ends it, or has gone.

        Calls `on_end` when that begins: what still runs may take its time. Raises `SystemExit(1)`
        if the client has not asked for it, as the protocol wants. Whatever is printed meanwhile
        goes to standard error.
        """
        source = cast("RawIOBase", cast("BufferedReader", stdin or sys.stdin.buffer).raw)
        self.protocol.set_writer(StdoutWriter(stdout or sys.stdout.buffer))
        try:
            with contextlib.redirect_stdout(sys.stderr):
                asyncio.run(self._serve(source, on_end))
        except BrokenPipeError:
            logger.info("the client has gone")
        finally:
            self.shutdown()  # type: ignore[no-untyped-call]
        if self.exit_code:
            sys.exit(self.exit_code)

    def stop(self) -> None:
        """End soon, and well, though the client has not asked for it. From any thread."""
        self._asked_to_stop = True
        if self._serving is not None:
            self._serving.get_loop().call_soon_threadsafe(self._serving.cancel)

    def watch_client(self, pid: int | None) -> None:
        """End with the client's process, where that can be seen."""
        if pid is not None and can_be_watched(pid):
            self._watching = asyncio.ensure_future(self._end_with(pid))

    async def _end_with(self, pid: int) -> None:
        await gone(pid)
        if self._serving is not None:
            self._serving.cancel()

    async def _serve(self, source: RawIOBase, on_end: Callable[[], None]) -> None:
        self._serving = asyncio.current_task()
        try:
            if not self._asked_to_stop:
                await read(source, self.protocol.receive)
        except asyncio.CancelledError:
            logger.info("asked to stop, or the client has gone")
        finally:
            on_end()

    def report_server_error(self, error: Exception, source: ServerErrors) -> None:
        """Keep errors in the log; a request's own error is in its answer."""
        logger.error("%s", error)


def create_server(
    service: CompletionService, recorder: Recorder, *, options: LspOptions | None = None
) -> CompletionServer:
    """A server that completes with `service` and reports to `recorder`; see `start_io`."""
    server = CompletionServer(
        NAME,
        _version(),
        protocol_cls=Protocol,
        converter_factory=converter,
        notebook_document_sync=SYNC,
    )
    session = Session(options or LspOptions(), lambda: service.workspaces)
    documents = Documents()
    reports = Reports(service, recorder)
    status = Status(server.protocol.notify)
    completions = InlineCompletions(
        service, reports, documents=documents, session=session, status=status
    )
    feed = DocumentFeed(service, session.options.max_document_chars)
    synchronization = Synchronization(
        documents, feed, recorder, session, on_edit=completions.interrupt
    )
    completions.notebooks = notebooks = Notebooks(documents, synchronization)
    heads = Heads(recorder, session)
    workspaces = Workspaces(service, session, documents, feed)
    _add_session_features(server, session, documents, workspaces, recorder, heads, status)
    _add_document_features(server, synchronization)
    _add_notebook_features(server, notebooks)
    _add_file_features(server, synchronization)
    _add_completion_features(server, completions, Feedback(reports))
    edits = NextEditDoor(service, documents, session, completions.disabled, reports)
    _add_next_edit_features(server, edits)
    add_commands(server, documents, completions.reasons, completions.disabled)
    return server


def _add_session_features(
    server: CompletionServer,
    session: Session,
    documents: Documents,
    workspaces: Workspaces,
    recorder: Recorder,
    heads: Heads,
    status: Status,
) -> None:
    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        server.watch_client(params.process_id)
        session.initialize(params)
        documents.encoding = types.PositionEncodingKind(server.workspace.position_encoding)
        documents.line_break = LineBreak.LF if session.is_neovim else LineBreak.PROTOCOL
        heads.watch(session.folders)
        workspaces.open()
        started = session.started(server.version)
        session.id = started.id
        recorder.record(started)

    @server.feature(types.INITIALIZED)
    def initialized(_params: types.InitializedParams) -> None:
        status.announce()

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def change_folders(params: types.DidChangeWorkspaceFoldersParams) -> None:
        workspaces.change(params.event)
        heads.watch(session.folders)

    @server.feature(types.SHUTDOWN)
    def shutdown(_params: None) -> None:
        heads.stop()
        recorder.record(SessionEnded(session.id))


def _add_document_features(server: CompletionServer, documents: Synchronization) -> None:
    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: types.DidOpenTextDocumentParams) -> None:
        documents.opened(params)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: types.DidChangeTextDocumentParams) -> None:
        documents.changed(params)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE, types.SaveOptions(include_text=True))
    def saved(params: types.DidSaveTextDocumentParams) -> None:
        documents.saved(params)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: types.DidCloseTextDocumentParams) -> None:
        documents.closed(params)

    @server.feature("completer/didChangeFormatting")
    def formatting(params: Json) -> None:
        documents.formatted(params)

    @server.feature("textDocument/didFocus")
    def focused(params: Json) -> None:
        documents.focused(params)


def _add_notebook_features(server: CompletionServer, notebooks: Notebooks) -> None:
    @server.feature(types.NOTEBOOK_DOCUMENT_DID_OPEN)
    def opened(params: types.DidOpenNotebookDocumentParams) -> None:
        notebooks.opened(params)

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_CHANGE)
    def changed(params: types.DidChangeNotebookDocumentParams) -> None:
        notebooks.changed(params)

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_CLOSE)
    def closed(params: types.DidCloseNotebookDocumentParams) -> None:
        notebooks.closed(params)


def _add_file_features(server: CompletionServer, documents: Synchronization) -> None:
    pattern = types.FileOperationPattern(glob="**/*")
    every_file = types.FileOperationRegistrationOptions([types.FileOperationFilter(pattern)])

    @server.feature(types.WORKSPACE_DID_RENAME_FILES, every_file)
    def renamed(params: types.RenameFilesParams) -> None:
        documents.renamed(params)

    @server.feature(types.WORKSPACE_DID_DELETE_FILES, every_file)
    def deleted(params: types.DeleteFilesParams) -> None:
        documents.deleted(params)


def _add_completion_features(
    server: CompletionServer, completions: InlineCompletions, feedback: Feedback
) -> None:
    # Without options pygls does not advertise the feature.
    @server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())
    async def complete(params: VersionedInlineCompletionParams) -> types.InlineCompletionList:
        return await completions.answer(params)

    @server.feature("textDocument/didShowCompletion")
    def shown(params: Json) -> None:
        feedback.shown(params)

    @server.feature("textDocument/didPartiallyAcceptCompletion")
    def partially_accepted(params: Json) -> None:
        feedback.partially_accepted(params)

    @server.feature("textDocument/didHideCompletion")
    def hidden(params: Json) -> None:
        feedback.hidden(params)

    @server.command(ACCEPT_COMMAND)
    async def accept(suggestion_id: str) -> bool:
        return await feedback.accepted(suggestion_id)


def _add_next_edit_features(server: CompletionServer, next_edits: NextEditDoor) -> None:
    @server.feature("completer/nextEdit")
    async def next_edit(params: Json) -> dict[str, Any]:
        return await next_edits.answer(params)

    @server.feature("textDocument/copilotInlineEdit")
    async def inline_edit(params: Json) -> dict[str, Any]:
        return await next_edits.first_here(params)

    @server.feature("textDocument/didShowInlineEdit")
    def inline_edit_shown(params: Json) -> None:
        next_edits.shown(params)

    @server.command(ACCEPT_NEXT_EDIT)
    async def accept_next_edit(edit_id: str) -> bool:
        return await next_edits.accepted(edit_id)


def _version() -> str:
    try:
        return importlib.metadata.version(NAME)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"

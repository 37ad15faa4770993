"""What pygls leaves open in the protocol: every bad message gets its one answer, and no pop-up.

Documents are synchronised by our own handlers, so pygls keeps no copy of them.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import attrs
from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.protocol import (
    JsonRPCNotification,
    JsonRPCRequestMessage,
    LanguageServerProtocol,
    default_converter,
)

from lsp.framing import FrameError
from lsp.initialization import readable

if TYPE_CHECKING:
    from cattrs import Converter

logger = logging.getLogger(__name__)

_OWN_HANDLERS = (
    types.TEXT_DOCUMENT_DID_OPEN,
    types.TEXT_DOCUMENT_DID_CHANGE,
    types.TEXT_DOCUMENT_DID_CLOSE,
    types.NOTEBOOK_DOCUMENT_DID_OPEN,
    types.NOTEBOOK_DOCUMENT_DID_CHANGE,
    types.NOTEBOOK_DOCUMENT_DID_CLOSE,
)


@attrs.define
class VersionedInlineCompletionParams:
    """Inline completion parameters as GitHub's clients extend them.

    The document may name the version that they are about, and the client how it indents there.
    """

    context: types.InlineCompletionContext
    text_document: types.OptionalVersionedTextDocumentIdentifier
    position: types.Position
    formatting_options: types.FormattingOptions | None = None


@attrs.define
class VersionedInlineCompletionRequest:
    """An inline completion request as GitHub's clients extend it."""

    id: str | int
    params: VersionedInlineCompletionParams
    method: str = types.TEXT_DOCUMENT_INLINE_COMPLETION
    jsonrpc: str = "2.0"


class Protocol(LanguageServerProtocol):
    """JSON-RPC on messages that may be anything."""

    def __init__(self, server: LanguageServer, converter: Any) -> None:  # noqa: ANN401
        super().__init__(server, converter)
        for method in _OWN_HANDLERS:
            del self.fm.builtin_features[method]

    @property
    def shut_down(self) -> bool:
        """Whether the client has asked for the end, after which `exit` is no failure."""
        return self._shutdown

    def receive(self, message: object) -> None:
        """Handle what a frame held: a message, or something that is none."""
        if isinstance(message, FrameError):
            self._refuse(None, message.code, message.message)
        elif not isinstance(message, dict) or message.get("jsonrpc") != self.VERSION:
            why = "A message is one JSON object with jsonrpc 2.0; there are no batches in LSP."
            self._refuse(None, types.ErrorCodes.InvalidRequest, why)
        elif not _well_typed(message):
            why = "A message has an id (a number or a string) or a method (a string), or both."
            self._refuse(None, types.ErrorCodes.InvalidRequest, why)
        elif "method" in message and "id" in message:
            self._receive_request(message)
        else:
            self._receive_other(message)

    def _receive_request(self, message: dict[str, Any]) -> None:
        if (self._workspace is None) != (message["method"] == types.INITIALIZE):
            code = types.ErrorCodes.ServerNotInitialized
            why = "The first request, and only that, must be initialize."
            self._refuse(message["id"], code if self._workspace is None else -32600, why)
        elif self._shutdown:
            why = "The server is shutting down."
            self._refuse(message["id"], types.ErrorCodes.InvalidRequest, why)
        elif self._is_notification(message["method"]):
            why = f"{message['method']} is a notification: it has no id."
            self._refuse(message["id"], types.ErrorCodes.InvalidRequest, why)
        else:
            try:
                request = self.structure_message(message)
            except JsonRpcException:
                why = f"The parameters of {message['method']} are not what they must be."
                self._refuse(message["id"], types.ErrorCodes.InvalidParams, why)
            else:
                self.handle_message(request)

    def _receive_other(self, message: dict[str, Any]) -> None:
        """Notifications and responses, which get no answer even when they are wrong."""
        if self._workspace is None and message.get("method") != types.EXIT:
            return
        try:
            self.handle_message(self.structure_message(message))
        except Exception as error:  # pygls does not guard its own handlers of these
            bad = isinstance(error, JsonRpcException)
            logger.warning("ignored a bad %s", message.get("method", "answer"), exc_info=not bad)

    def _refuse(self, msg_id: str | int | None, code: int, why: str) -> None:
        error = {"code": code, "message": why}
        # A plain dictionary, for a typed message would leave a null id out.
        self._send_data({"jsonrpc": self.VERSION, "id": msg_id, "error": error})

    def structure_message(self, data: dict[str, Any]) -> Any:  # noqa: ANN401
        """A typed message; raises `JsonRpcException` if it cannot be one.

        Unlike pygls, whatever has a method is no answer; and the traceback of a bad message, which
        quotes what was sent, is not logged as an error.
        """
        if (method := data.get("method")) is None:
            return super().structure_message(data)
        unknown = JsonRPCRequestMessage if "id" in data else JsonRPCNotification
        try:
            return self._converter.structure(data, self.get_message_type(method) or unknown)
        except Exception:
            logger.debug("a bad %s", method, exc_info=True)
            raise JsonRpcInvalidParams from None

    def _handle_cancel_notification(self, msg_id: str | int) -> None:
        """Cancel a request; one that was answered meanwhile is nothing to warn of."""
        if msg_id in self._request_futures:
            super()._handle_cancel_notification(msg_id)

    def _is_notification(self, method: str) -> bool:
        message_type = self.get_message_type(method)
        return message_type is not None and "id" not in attrs.fields_dict(message_type)

    def get_message_type(self, method: str) -> type[Any] | None:  # type: ignore[override]
        """The type of a message, by its method."""
        if method == types.TEXT_DOCUMENT_INLINE_COMPLETION:
            return VersionedInlineCompletionRequest
        return super().get_message_type(method)


def converter() -> Converter:
    """pygls's converter, which also takes what clients say beyond the protocol.

    Parameters of methods that pygls does not know stay plain dictionaries, and what cannot be read
    of `initialize` is left out.
    """
    made: Converter = default_converter()  # type: ignore[no-untyped-call]
    for kind in (JsonRPCRequestMessage, JsonRPCNotification):
        made.register_structure_hook(kind, _message_with_plain_params)
    structure = made.get_structure_hook(types.InitializeParams)

    def fits(params: object) -> bool:
        try:
            read = structure(params, types.InitializeParams)
            (read.root_path or "").encode()  # half a character is in no path
        except Exception:  # noqa: BLE001  whatever a converter says of it
            return False
        return True

    def initialize_params(params: Any, kind: type[Any]) -> Any:  # noqa: ANN401
        return structure(readable(params, fits) if isinstance(params, dict) else params, kind)

    made.register_structure_hook(types.InitializeParams, initialize_params)
    return made


def _message_with_plain_params(message: dict[str, Any], kind: type[Any]) -> Any:  # noqa: ANN401
    return kind(**{each.name: message.get(each.name) for each in attrs.fields(kind)})


def _well_typed(message: dict[str, Any]) -> bool:
    """Whether a message has a usable method, a usable id, or both."""
    msg_id, method = message.get("id"), message.get("method")
    if "method" in message and not isinstance(method, str):
        return False
    if "id" in message:
        return isinstance(msg_id, (int, str)) and not isinstance(msg_id, bool)
    return "method" in message

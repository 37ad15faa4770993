"""Between the protocol's values and ours: URIs, triggers and text."""

from __future__ import annotations

from urllib.parse import unquote

from lsprotocol.types import InlineCompletionTriggerKind

from completer.place import Place, place_of_uri
from completer.request import Trigger


def path_of(uri: str) -> Place | None:
    """The local file that a URI names; `None` for another scheme, another host or no path."""
    return place_of_uri(well_formed(uri))


def same_document(uri: str) -> str:
    """One spelling for every way in which clients escape the same URI."""
    return unquote(uri)


def trigger_of(kind: InlineCompletionTriggerKind) -> Trigger:
    """Whether a person asked, or the editor did by itself."""
    return "manual" if kind is InlineCompletionTriggerKind.Invoked else "automatic"


def well_formed(text: str) -> str:
    """The text with U+FFFD for each half of a surrogate pair that stands alone."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def utf16_prefix(text: str, length: int) -> str:
    """The first `length` UTF-16 units of a text, without half a character at the end."""
    return text.encode("utf-16-le", "surrogatepass")[: 2 * length].decode("utf-16-le", "ignore")

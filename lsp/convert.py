"""Between the protocol's values and ours: URIs, triggers and text."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from lsprotocol.types import InlineCompletionTriggerKind

from completer.request import Trigger
from completer.unicode import well_formed


def path_of(uri: str) -> Path | None:
    """The local file that a URI names; `None` for another scheme, another host or no path."""
    try:
        parts = urlsplit(well_formed(uri))
    except ValueError:
        return None
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        return None
    path = Path(url2pathname(parts.path))
    return path if path.is_absolute() and "%00" not in parts.path else None


def same_document(uri: str) -> str:
    """One spelling for every way in which clients escape the same URI."""
    return unquote(uri)


def trigger_of(kind: InlineCompletionTriggerKind) -> Trigger:
    """Whether a person asked, or the editor did by itself."""
    return "manual" if kind is InlineCompletionTriggerKind.Invoked else "automatic"


def utf16_prefix(text: str, length: int) -> str:
    """The first `length` UTF-16 units of a text, without half a character at the end."""
    return text.encode("utf-16-le", "surrogatepass")[: 2 * length].decode("utf-16-le", "ignore")

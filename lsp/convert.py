"""Translates the protocol's values into the service's: URIs and triggers."""

from __future__ import annotations

from urllib.parse import unquote

from lsprotocol.types import FormattingOptions, InlineCompletionTriggerKind

from completer.place import Place, place_of_uri
from completer.request import Trigger
from completer.unicode import well_formed

WIDEST_TAB = 16


def path_of(uri: str) -> Place | None:
    """The local file that a URI names; `None` for another scheme, another host or no path."""
    return place_of_uri(well_formed(uri))


def same_document(uri: str) -> str:
    """One spelling for every way in which clients escape the same URI."""
    return unquote(uri)


def indent_of(options: FormattingOptions) -> str:
    """What a client indents a line by: a tab, or as many spaces as a tab is wide."""
    return " " * min(max(options.tab_size, 1), WIDEST_TAB) if options.insert_spaces else "\t"


def trigger_of(kind: InlineCompletionTriggerKind) -> Trigger:
    """Whether a person asked, or the editor did by itself."""
    return "manual" if kind is InlineCompletionTriggerKind.Invoked else "automatic"

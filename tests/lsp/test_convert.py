"""URIs, and text that is not well formed."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol.types import InlineCompletionTriggerKind

from lsp.convert import path_of, same_document, trigger_of
from telemetry.alignment import utf16_prefix


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///repo/a.py", "/repo/a.py"),
        ("file://localhost/repo/a.py", "/repo/a.py"),
        ("file:///repo/a%20%C3%A9%25.py", "/repo/a é%.py"),
        ("file:///repo/a.py#L1", "/repo/a.py"),
        ("file:///", "/"),
        ("file:///repo/\ud800.py", "/repo/\ufffd.py"),
    ],
)
def test_local_files(uri, path):
    assert path_of(uri) == Path(path)


@pytest.mark.parametrize(
    "uri",
    [
        "untitled:Untitled-1",
        "git:/repo/a.py?HEAD",
        "http://example.com/a.py",
        "file://server/share/a.py",
        "file://[bad/a.py",
        "file:relative.py",
        "file:///a%00b",
        "/repo/a.py",
        "",
    ],
)
def test_everything_else_is_no_local_file(uri):
    assert path_of(uri) is None


def test_one_document_however_it_is_escaped():
    assert same_document("file:///c%3A/a b") == same_document("file:///c:/a%20b")


def test_triggers():
    assert trigger_of(InlineCompletionTriggerKind.Invoked) == "manual"
    assert trigger_of(InlineCompletionTriggerKind.Automatic) == "automatic"


@pytest.mark.parametrize(
    ("length", "prefix"), [(0, ""), (1, "a"), (2, "a"), (3, "a😋"), (9, "a😋b")]
)
def test_a_prefix_in_utf16_units(length, prefix):
    assert utf16_prefix("a😋b", length) == prefix

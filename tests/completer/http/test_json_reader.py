"""JSON read in parts is what it is when it is read at once, wherever the parts end."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import from_json

from completer.errors import BadRequestError
from completer.http import json_reader
from completer.http.json_reader import MOST_STRUCTURE, JsonReader, parse
from tests.json_strategies import values
from tests.reading import SHAPES, text_of

texts = st.text(st.sampled_from('ab"\\/\n\té€😀\x00\ud83d\ude00'), max_size=40)
documents = st.recursive(
    values | texts, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner)
)
RAW = ['"', "\\", "\\u", "d83d", "\\ude00", "\\n", "[", "]", "{", "}", ":", ",", "1", "é", "x" * 30]


def read(data: bytes, parts: int) -> object:
    reader = JsonReader()
    for at in range(0, len(data), parts):
        reader.feed(data[at : at + parts])
    return reader.finish()


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Strings of a few characters count as long."""
    monkeypatch.setattr(json_reader, "LONG", 5)


def expected(data: bytes) -> object:
    try:
        return from_json(data, allow_inf_nan=False)
    except ValueError:
        return ValueError


def outcome(data: bytes, parts: int) -> object:
    try:
        return read(data, parts)
    except ValueError:
        return ValueError


@settings(max_examples=500, deadline=None)
@given(document=documents, ascii_only=st.booleans(), parts=st.integers(1, 60))
def test_any_value_is_read_in_parts_of_any_size(document, ascii_only, parts):
    data = json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert outcome(data, parts) == expected(data)


@settings(max_examples=500, deadline=None)
@given(
    data=st.lists(st.sampled_from(RAW), max_size=20).map("".join).map(str.encode) | st.binary(),
    parts=st.integers(1, 30),
)
def test_what_is_no_json_is_refused(data, parts):
    assert outcome(data, parts) == expected(data)


def test_a_text_that_looks_like_a_mark_is_a_text(monkeypatch):
    reader = JsonReader()
    reader.feed(json.dumps({"a": f"{'0' * 32}0", "b": "long enough"}).encode())
    assert reader.finish() == {"a": f"{'0' * 32}0", "b": "long enough"}


def test_structure_without_end_is_refused():
    reader = JsonReader()
    reader.feed(b"[" * MOST_STRUCTURE)
    with pytest.raises(BadRequestError, match="besides"):
        reader.feed(b"[")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_no_more_than_a_part_is_parsed_at_once(shape, ascii_only):
    parsed = []

    def counting(data: bytes) -> object:
        parsed.append(len(data))
        return parse(data)

    text, part = text_of(shape, 1_000_000), 1 << 14
    data = json.dumps({"prompt": text}, ensure_ascii=ascii_only).encode()
    reader = JsonReader(counting)
    for at in range(0, len(data), part):
        reader.feed(data[at : at + part])
    assert reader.finish() == {"prompt": text}
    assert max(parsed) <= part + 20
    assert sum(parsed) <= len(data) + 30 * len(parsed) + 100

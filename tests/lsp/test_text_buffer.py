"""The buffer against an oracle: the same text as a plain list of UTF-16 units."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lsprotocol.types import Position, PositionEncodingKind

from lsp.text_buffer import BLOCK_LINES, Caret, LineBreak, TextBuffer, cut, units

UTF8, UTF16, UTF32 = (
    PositionEncodingKind.Utf8,
    PositionEncodingKind.Utf16,
    PositionEncodingKind.Utf32,
)
WIDTH = {UTF8: 1, UTF16: 2, UTF32: 4}
CODEC = {UTF8: "utf-8", UTF16: "utf-16-le", UTF32: "utf-32-le"}


@dataclass
class Edit:
    """A replacement as a client sends it."""

    start: tuple[int, int]
    end: tuple[int, int]
    text: str


class Oracle:
    """What an editor does, in the most obvious way: bytes in the client's encoding."""

    def __init__(self, text: str, encoding: PositionEncodingKind) -> None:
        self.encoding = encoding
        self.data = self.encode(text)

    def encode(self, text: str) -> bytes:
        return text.encode(CODEC[self.encoding], "surrogatepass")

    @property
    def text(self) -> str:
        return self.data.decode(CODEC[self.encoding], "surrogatepass")

    def offset(self, line: int, character: int) -> int:
        """Byte offset of a position: lines end with \\r\\n, \\r or \\n, positions are clamped."""
        text, start = self.text, 0
        for _ in range(line):
            ends = [(text.find(mark, start), -len(mark), mark) for mark in ("\r\n", "\r", "\n")]
            found = min((end for end in ends if end[0] >= 0), default=None)
            if found is None:
                return len(self.data)
            start = found[0] + len(found[2])
        ends_at = [at for mark in "\r\n" if (at := text.find(mark, start)) >= 0]
        first = len(self.encode(text[:start]))
        last = len(self.encode(text[: min(ends_at, default=len(text))]))
        return min(first + character * WIDTH[self.encoding], last)

    def replace(self, edit: Edit) -> None:
        start, end = sorted((edit.start, edit.end))
        self.data = (
            self.data[: self.offset(*start)]
            + self.encode(edit.text)
            + self.data[self.offset(*end) :]
        )


def apply(buffer: TextBuffer, edit: Edit):
    return buffer.replace(Position(*edit.start), Position(*edit.end), edit.text)


ALPHABET = ["a", "é", "€", "😋", "\x0c", "\u2028", "\x85", " ", "\n", "\r", "\r\n"]
texts = st.lists(st.sampled_from(ALPHABET), max_size=12).map("".join)
points = st.tuples(st.integers(0, 6), st.integers(0, 9))
edits = st.builds(Edit, points, points, texts)


@pytest.mark.parametrize("encoding", [UTF16, UTF32])
@settings(max_examples=150, deadline=None)
@given(text=texts, changes=st.lists(edits, max_size=8))
def test_edits_equal_the_oracle(encoding, text, changes):
    buffer, oracle = TextBuffer(text, encoding), Oracle(text, encoding)
    for change in changes:
        before = buffer.text
        edit = apply(buffer, change)
        oracle.replace(change)
        assert buffer.text == oracle.text
        assert before[edit.offset : edit.end] == edit.removed
        assert before[: edit.offset] + edit.inserted + before[edit.end :] == buffer.text
        assert buffer.length == len(buffer.text)


@settings(max_examples=150, deadline=None)
@given(text=texts, changes=st.lists(edits, max_size=8))
def test_utf8_edits_equal_the_oracle_between_characters(text, changes):
    buffer, oracle = TextBuffer(text, UTF8), Oracle(text, UTF8)
    for change in changes:
        snapped = Edit(snap(buffer, change.start), snap(buffer, change.end), change.text)
        apply(buffer, change)
        oracle.replace(snapped)
        assert buffer.text == oracle.text


def snap(buffer: TextBuffer, point: tuple[int, int]) -> tuple[int, int]:
    if point[0] >= buffer.line_count:
        return point
    position = buffer.position(buffer.caret(Position(*point)))
    assert position.character <= point[1]
    assert point[1] - position.character < 4 or position.character == len(
        buffer.line(point[0]).encode()
    )
    return position.line, position.character


@settings(max_examples=100, deadline=None)
@given(text=texts, line=st.integers(0, 6), character=st.integers(0, 12))
@pytest.mark.parametrize("encoding", [UTF8, UTF16, UTF32])
def test_a_caret_and_its_position_and_offset_agree(encoding, text, line, character):
    buffer = TextBuffer(text, encoding)
    caret = buffer.caret(Position(line, character))
    assert buffer.caret(buffer.position(caret)) == caret
    offset = buffer.offset(caret)
    assert buffer.before(caret, 1000) == text[:offset]
    assert buffer.after(caret, 1000) == text[offset:]


@pytest.mark.parametrize("mark", ["\x0c", "\x0b", "\x1c", "\x85", "\u2028", "\u2029"])
def test_what_python_calls_a_line_end_breaks_no_line(mark):
    buffer = TextBuffer(f"one{mark}two\nthree")
    assert buffer.line_count == 2
    apply(buffer, Edit((0, 4), (0, 7), "2"))
    assert buffer.text == f"one{mark}2\nthree"


@pytest.mark.parametrize(("encoding", "character"), [(UTF8, 9), (UTF16, 7), (UTF32, 6)])
def test_positions_after_an_astral_character(encoding, character):
    buffer = TextBuffer('x = "😋"\r\ny', encoding)
    caret = buffer.caret(Position(0, character))
    assert caret == Caret(0, 6)
    assert buffer.position(caret) == Position(0, character)


def test_a_cut_pair_of_surrogates_is_as_in_the_editor_and_heals():
    buffer = TextBuffer("a😋b")
    apply(buffer, Edit((0, 2), (0, 2), "-"))
    assert buffer.text == "a\ud83d-\ude0bb"
    apply(buffer, Edit((0, 2), (0, 3), ""))
    assert buffer.text == "a😋b"


def test_a_caret_inside_a_character_stands_before_it():
    assert TextBuffer("a😋b").caret(Position(0, 2)) == Caret(0, 1)
    assert TextBuffer("a😋b", UTF8).caret(Position(0, 3)) == Caret(0, 1)


def test_neovim_counts_a_carriage_return_as_a_character():
    buffer = TextBuffer("one\r\ntwo\rthree", UTF8, LineBreak.LF)
    assert buffer.line_count == 2
    apply(buffer, Edit((0, 3), (0, 4), ""))
    assert buffer.text == "one\ntwo\rthree"
    apply(buffer, Edit((1, 3), (1, 4), ""))
    assert buffer.text == "one\ntwothree"


def test_the_window_before_a_caret_starts_at_the_same_place_while_typing():
    buffer = TextBuffer("".join(f"line {number}\n" for number in range(5000)))
    windows = []
    for character in range(20):
        caret = buffer.caret(Position(4321, character))
        windows.append(buffer.before(caret, 10_000))
        apply(buffer, Edit((4321, character), (4321, character), "x"))
    assert all(window.startswith(windows[0]) for window in windows)
    assert 10_000 <= len(windows[0]) <= 20_000
    start = buffer.offset(Caret(4321, 0)) - len(windows[0])
    assert buffer.text[:start].count("\n") % BLOCK_LINES == 0


def test_the_window_is_bounded_in_a_file_of_one_line():
    buffer = TextBuffer("x" * 1_000_000)
    caret = buffer.caret(Position(0, 500_000))
    assert len(buffer.before(caret, 1000)) == 2000
    assert len(buffer.after(caret, 1000)) == 1000


@settings(max_examples=200, deadline=None)
@given(text=texts, character=st.integers(0, 12))
@pytest.mark.parametrize("encoding", [UTF8, UTF16, UTF32])
def test_units_and_cuts_are_the_encodings(encoding, text, character):
    size = len(text.encode(CODEC[encoding])) // (WIDTH[encoding] if encoding is not UTF8 else 1)
    assert units(text, encoding) == size
    head, tail = cut(text, character, encoding)
    data = text.encode(CODEC[encoding], "surrogatepass")
    cut_at = character * WIDTH[encoding]
    assert head.encode(CODEC[encoding], "surrogatepass") == data[:cut_at] or encoding is UTF8
    assert (head + tail).encode("utf-16", "surrogatepass") == text.encode("utf-16")


def test_an_edit_of_500_000_lines_costs_little_more_than_one_of_5_000():
    small, large = (edit_seconds(lines) for lines in (5_000, 500_000))
    assert large < 30 * small + 0.002


def edit_seconds(lines: int) -> float:
    """Seconds for an edit that changes the number of lines in the middle, and for its window."""
    buffer = TextBuffer("    value = compute(other)  # é\n" * lines)
    times = []
    for number in range(50):
        start = time.perf_counter()
        apply(buffer, Edit((lines // 2, 4), (lines // 2 + number % 3, 0), "x\ny\n"))
        caret = buffer.caret(Position(lines // 2, 1))
        buffer.before(caret, 10_000), buffer.after(caret, 10_000), buffer.offset(caret)
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]

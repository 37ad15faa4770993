"""Frames, good and bad: what is wrong costs itself and nothing after it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsp.framing import MAX_HEADER_BYTES, FrameDecoder, FrameError

NEXT = {"next": 1}


def frame(body: bytes, header: str = "Content-Length: {}\r\n\r\n") -> bytes:
    return header.format(len(body)).encode() + body


GOOD = frame(json.dumps(NEXT).encode())


def decode(*chunks: bytes, max_body_bytes: int = 10_000) -> list[object]:
    decoder = FrameDecoder(max_body_bytes)
    return [message for chunk in chunks for message in decoder.feed(chunk)]


@pytest.mark.parametrize(
    "header",
    [
        "Content-Length: {}\r\n\r\n",
        "content-length: {}\r\n\r\n",
        "CONTENT-LENGTH:{}\r\n\r\n",
        "Content-Length: {}\n\n",
        "Content-Length: {} \r\nContent-Type: application/vscode-jsonrpc; charset=utf-8\r\n\r\n",
        "content-type: x\nContent-Length:\t{}\n\n",
        "\r\n\r\nContent-Length: {}\r\n\r\n",
        "a line that something printed\r\nContent-Length: {}\r\n\r\n",
    ],
)
def test_headers_that_are_understood(header):
    assert decode(frame(b'{"a": 1}', header) + GOOD) == [{"a": 1}, NEXT]


@pytest.mark.parametrize(
    "bad",
    [
        b"Content-Length: -5\r\n\r\n{}",
        b"Content-Length: five\r\n\r\n{}",
        b"Content-Length:\r\n\r\n{}",
        b"Content-Length: 1e3\r\n\r\n{}",
        b"Content-Length: 8000000000\r\n\r\n{}",
        b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n{}",
        b"Content-Type: x\r\n\r\n{}",
        b"{}\r\n\r\n",
        b"x" * (MAX_HEADER_BYTES + 10),
        b"Content-Length: 0\r\n\r\n",
        b"Content-Length: 9\r\n\r\n{}",
        b"Content-Length: 9000\r\n\r\n{}",
        frame(b"{}", "Content-Length: 1{}\r\n\r\n"),
        frame(b"{not json}"),
        frame(b'{"bad": "\xff\xfe"}'),
        frame(b"[" * 9000),
        frame(b'{"n": ' + b"1" * 5000 + b"}"),
    ],
)
def test_a_bad_frame_costs_only_itself(bad):
    *errors, last, after = decode(bad, GOOD, GOOD)
    assert errors
    assert all(isinstance(error, FrameError) for error in errors)
    assert [last, after] == [NEXT, NEXT]


def test_a_length_too_short_loses_one_frame():
    bad = b'Content-Length: 4\r\n\r\n{"a": 1}'
    error, *rest = decode(bad + GOOD)
    assert isinstance(error, FrameError)
    assert rest == [NEXT]


def test_lost_bytes_are_not_kept():
    decoder = FrameDecoder()
    (error,) = decoder.feed(b"Content-Length: 8000000000\r\n\r\n")
    assert isinstance(error, FrameError)
    for _ in range(100):
        assert list(decoder.feed(b"x" * 65_536)) == []
    assert len(decoder._buffer) < 1000
    assert list(decoder.feed(GOOD)) == [NEXT]


def test_a_frame_may_come_byte_by_byte():
    stream = GOOD + b"Content-Length: -1\n\n" + GOOD
    first, error, last = decode(*(bytes([byte]) for byte in stream))
    assert first == last == NEXT
    assert isinstance(error, FrameError)


PIECES = [
    b"Content-Length: 2\r\n\r\n{}",
    b"Content-Length: 200\r\n\r\n{",
    b"Content-Length: ",
    b"content-length:-3\n\n",
    b"\r\n",
    b"{}",
    b"\xff",
    b"7",
]


@settings(max_examples=200, deadline=None)
@given(noise=st.lists(st.sampled_from(PIECES) | st.binary(max_size=20), max_size=12))
def test_after_any_noise_the_decoder_hears_again(noise):
    decoder = FrameDecoder(10_000)
    for piece in noise:
        list(decoder.feed(piece))
    for _ in range(3):  # the noise may have announced bytes that these must fill
        messages = list(decoder.feed(GOOD))
    assert messages[-1:] == [NEXT]

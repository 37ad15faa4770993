"""What is shortened comes out whole, and a key costs a few bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from completer.engine_process.messages import Complete
from completer.engine_process.wire import pack_asked
from completer.errors import BadRequestError
from completer.remote.deltas import LARGEST, Lengthening, Shortening
from completer.request import CompletionRequest

PIECES = st.lists(st.sampled_from([b"a" * 600, b"b" * 400, b"ab", b""]), max_size=6).map(b"".join)


@given(st.lists(st.tuples(st.integers(0, 2), PIECES), max_size=8))
def test_messages_come_out_as_they_were(messages):
    there, here = Shortening(), Lengthening()
    for kind, data in messages:
        assert here.whole(there.short(kind, b"{" + data)) == b"{" + data


def test_a_key_costs_little_whatever_the_document():
    there, here = Shortening(), Lengthening()
    sizes = []
    for typed in ("x", "x =", "x = o", 'x = "', "x = os."):
        request = CompletionRequest(prefix="é\n" * 40_000 + typed, suffix="\n" * 40_000)
        data = pack_asked(Complete(len(typed), request))
        sizes.append(len(sent := there.short(0, data)))
        assert here.whole(sent) == data
    assert sizes[0] > 100_000
    assert max(sizes[1:]) < 50


def test_what_is_huge_is_sent_whole_and_forgotten_by_none():
    there, here = Shortening(), Lengthening()
    small, huge = b"{" + b"s" * 2_000, b"{" + b"h" * LARGEST
    for data in (small, huge, small + b"t"):
        assert here.whole(there.short(1, data)) == data


def test_json_is_never_taken_for_one():
    assert Lengthening().whole(b'{"kind":"close"}') == b'{"kind":"close"}'
    assert Lengthening().whole(b"") == b""


@pytest.mark.parametrize(
    "data", [b"\0", b"\1\0\0", b"\0\0\0\0\0\1\0\0\0\0x", b"\0\0\xff\xff\xff\xff\0\0\0\1"]
)
def test_what_does_not_go_with_those_before_is_refused(data):
    with pytest.raises(BadRequestError):
        Lengthening().whole(data)

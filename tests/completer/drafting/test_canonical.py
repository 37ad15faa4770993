import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from completer.drafting.canonical import CanonicalContext
from completer.drafting.healing import INCOMPLETE, Healer
from tests.completer.drafting.pieces import Pieces, bundled_healer

KNOWN = Pieces(
    "(", " re", "tu", "rn", " return", " x", "\n", " ", "x", "__", "_", "__(", "a", ",", INCOMPLETE
)


def grown(context, *generated):
    canonical = CanonicalContext(context, KNOWN.healer)
    for token in KNOWN.ids(*generated):
        canonical.extend(int(token))
    return canonical


def settled(canonical):
    return KNOWN.read(canonical.tokens[: canonical.length])


def test_the_word_before_the_caret_is_open_and_the_rest_settled():
    canonical = grown(KNOWN.ids("(", "\n", " re", "tu"))

    assert settled(canonical) == ["(", "\n"]
    assert canonical.open_text == " retu"
    assert KNOWN.read(canonical.taken_off) == [" re", "tu"]


def test_a_word_is_settled_in_one_piece_once_the_next_token_has_begun():
    canonical = grown(KNOWN.ids("\n", " re", "tu"), "rn")
    assert canonical.open_text == " return"

    assert KNOWN.read(canonical.extend(*KNOWN.ids(" x"))) == [" return", " x"]
    assert canonical.open_text == ""
    assert KNOWN.read(canonical.extend(*KNOWN.ids("\n"))) == ["\n"]
    assert settled(canonical) == ["\n", " return", " x", "\n"]


def test_the_space_that_a_word_takes_along_is_open():
    assert settled(grown(KNOWN.ids("(", " "), "x", "\n")) == ["(", " x", "\n"]


def test_text_that_merges_over_the_end_of_the_word_stays_open_until_it_is_in_step():
    canonical = grown(KNOWN.ids("\n", "_"), "_", "(")
    assert canonical.open_text == "\n__("  # now one token ends there, but not the generated one

    canonical.extend(*KNOWN.ids("a"))
    canonical.extend(*KNOWN.ids(","))
    assert settled(canonical) == ["\n", "__(", "a", ","]


def test_half_a_character_settles_what_is_before_it():
    assert settled(grown(KNOWN.ids("(", "tu"), "rn", INCOMPLETE)) == ["(", "tu", "rn", INCOMPLETE]
    assert settled(grown(KNOWN.ids("\n", INCOMPLETE, "tu"), "rn", ",")) == [
        "\n", INCOMPLETE, "tu", "rn", ",",
    ]  # fmt: skip


def test_an_id_beyond_the_tokenizer_settles_as_well():
    canonical = grown(KNOWN.ids("\n", " re", "tu"), "rn")
    assert canonical.extend(999).tolist() == [*KNOWN.encode(" return"), 999]


def test_an_empty_context_grows_token_by_token():
    canonical = grown(KNOWN.ids(), "tu", "rn")
    assert canonical.open_text == ""
    assert settled(canonical) == ["tu", "rn"]


def test_without_a_healer_tokens_are_taken_as_they_are():
    canonical = CanonicalContext(KNOWN.ids(" re"), None)
    assert canonical.extend(*KNOWN.ids("tu")).tolist() == KNOWN.ids("tu").tolist()
    assert settled(canonical) == [" re", "tu"]


def test_a_text_without_end_of_word_is_settled_after_a_while():
    canonical = grown(KNOWN.ids("("), *["a"] * 40)
    assert canonical.open_text == ""
    assert settled(canonical) == ["("] + ["a"] * 40


def test_a_branch_leaves_its_context_as_it_was():
    canonical = grown(KNOWN.ids("\n", " re", "tu"))
    branch = canonical.branch()
    for token in KNOWN.ids("rn", " x").tolist() * 300:
        branch.extend(token)

    assert settled(canonical) == ["\n"]
    assert canonical.open_text == " retu"


def test_tokens_written_ahead_are_not_settled():
    canonical = CanonicalContext(KNOWN.ids("\n"), None)
    end = canonical.write([1] * 2000)
    assert end == 2001
    assert canonical.tokens[:end].tolist() == [KNOWN.ids("\n")[0]] + [1] * 2000
    assert canonical.length == 1


@pytest.fixture(scope="module")
def bundled() -> Healer:
    return bundled_healer()


TEXT = """\
def überall(self, name):
    if not name:
        return self._by_name.get(name, "→…")


class A:
    x = 1
"""


@settings(max_examples=60, deadline=None)
@given(caret=st.integers(1, len(TEXT) - 1))
def test_wherever_the_caret_stood_the_settled_tokens_are_those_of_the_whole(bundled, caret):
    before = np.array(bundled.encode(TEXT[:caret]), np.int32)
    canonical = CanonicalContext(before, bundled)
    for token in bundled.encode(TEXT[caret:]):
        canonical.extend(token)

    length = canonical.write(bundled.encode(canonical.open_text))
    assert canonical.tokens[:length].tolist() == bundled.encode(TEXT)
    assert not canonical.open_text or caret > len(TEXT) - 20

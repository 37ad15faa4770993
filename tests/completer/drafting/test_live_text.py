from itertools import chain

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from completer.drafting.live_text import RECENT_TOKENS, LiveText
from completer.drafting.suffix_tree import BYTES_PER_TOKEN, RECENT_BIT, STREAM, TOKEN
from tests.completer.drafting.reference import tokens

ACTIONS = st.lists(
    st.tuples(st.sampled_from(["write", "append", "drop"]), st.sampled_from("abc"), tokens(30)),
    max_size=12,
)


@settings(max_examples=80, deadline=None)
@given(ACTIONS)
def test_any_sequence_of_changes_leaves_exactly_the_texts(actions):
    live, texts = LiveText(1 << 20), {}
    for action, name, ids in actions:
        if action == "write":
            live.write(name, ids)
            texts[name] = ids.tolist()
        elif action == "append":
            live.append(name, ids)
            texts[name] = texts.get(name, []) + ids.tolist()
        else:
            live.drop(name)
            texts.pop(name, None)
    held = sorted((live.nodes[1:, TOKEN][live.nodes[1:, TOKEN] > 0] - 1).tolist())
    assert held == sorted(chain.from_iterable(texts.values()))
    assert live.tokens == len(held)


def test_the_oldest_text_goes_when_room_runs_out():
    live = LiveText(100 * BYTES_PER_TOKEN)
    for name in "abc":
        live.write(name, np.arange(40, dtype=np.int32))
    assert "a" not in live
    assert "c" in live
    assert live.evicted == ["a"]
    assert live.tokens <= 100


def test_a_pinned_text_stays():
    live = LiveText(100 * BYTES_PER_TOKEN)
    live.write("a", np.arange(40, dtype=np.int32), pinned=True)
    for name in "bcd":
        live.write(name, np.arange(40, dtype=np.int32))
    assert "a" in live


def test_a_text_larger_than_all_room_keeps_its_end():
    live = LiveText(50 * BYTES_PER_TOKEN)
    live.write("a", np.arange(80, dtype=np.int32))
    assert sorted(live.nodes[1:, TOKEN] - 1) == list(range(30, 80))


def test_recent_tokens_are_marked_and_slide():
    live = LiveText(1 << 20)
    live.write("a", np.zeros(RECENT_TOKENS + 50, np.int32))
    live.follow("a")
    live.append("a", np.ones(10, np.int32))
    recent = (live.nodes[1:, STREAM] & RECENT_BIT).astype(bool)
    assert recent.sum() == RECENT_TOKENS
    assert recent[live.nodes[1:, TOKEN] == 2].all()


def test_a_look_ahead_does_not_change_what_is_recent():
    live = LiveText(1 << 20)
    live.write("a", np.arange(2 * RECENT_TOKENS, dtype=np.int32))
    live.follow("a")
    recent = live.nodes[:, STREAM].copy()
    for _ in range(2 * RECENT_TOKENS):
        live.append("a", np.arange(3, dtype=np.int32))
        live.truncate("a", 2 * RECENT_TOKENS)

    held = live.nodes[:, TOKEN] > 0
    assert (live.nodes[held, STREAM] == recent[held]).all()

"""Acceptances of texts that are no longer, or not yet, where they could be seen."""

import pytest

from telemetry.events import Accepted
from telemetry.suggestions import TEXT_KEPT_MS
from telemetry.survival import WINDOWS_S


def test_an_acceptance_after_the_text_was_forgotten_counts_and_is_censored(editor):
    suggestion = editor.offer("return x")
    editor.now_ms += TEXT_KEPT_MS
    editor.offer("other")  # old texts are forgotten with the next
    assert editor.recorder.record(Accepted(suggestion)).result(5)
    assert editor.one("SELECT kind, cum_len FROM accept_named") == ("full", 8)
    states = dict(editor.all("SELECT window_s, state FROM survival_named"))
    assert states == dict.fromkeys(WINDOWS_S, "censored_desync")


def test_an_edit_long_after_the_acceptance_was_told_is_another_one(editor):
    suggestion = editor.offer("return x")
    editor.recorder.record(Accepted(suggestion))
    editor.wait(1.5)
    editor.write("return x")
    editor.wait(15)
    assert editor.one("SELECT count(*) FROM accept") == (1,)
    # the text was never seen to be put in, and there is no file to find it in
    states = dict(editor.all("SELECT window_s, state FROM survival_named"))
    assert states[15] == "censored_desync"


@pytest.mark.parametrize("order", ["told first", "seen first"])
def test_what_was_told_and_seen_is_followed_once(editor, order):
    suggestion = editor.offer("return x")
    if order == "told first":
        editor.recorder.record(Accepted(suggestion))
        editor.write("return x")
    else:
        editor.write("return x")
        editor.recorder.record(Accepted(suggestion))
    editor.wait(15)
    rows = editor.all("SELECT accept, window_s, state, method FROM survival_named ORDER BY 2")
    assert rows == [(1, 0, "ok", "tracked"), (1, 15, "ok", "tracked")]


def test_each_part_is_followed_for_itself(editor):
    editor.offer("return x + y")
    editor.write("return")
    editor.write(" x")
    editor.edit((0, "return", "yield"))
    editor.wait(15)
    query = "SELECT accept, init_len, arc FROM survival WHERE window_s = 15 ORDER BY accept"
    assert editor.all(query) == [(1, 6, 0), (2, 2, 2)]


def test_the_net_length_leaves_out_what_was_replaced(editor):
    editor.write("x = 1)")
    suggestion = editor.offer("foo(2)", offset=4, replaced="1)")
    editor.recorder.record(Accepted(suggestion))
    # "1)" gives way to "foo(2)": the bracket stays, "1" is replaced by "foo(2"
    row = editor.one("SELECT delta_len, replaced_len, net_len FROM accept")
    assert row == (5, 1, 4)

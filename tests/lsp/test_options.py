"""Options, and what a client may change of them."""

from __future__ import annotations

import pytest

from lsp.options import LspOptions


def test_a_client_chooses_some():
    options = LspOptions(user="ada", context_chars=1000)
    wishes = {"choices": 3, "deadlineMs": 250, "afterDeletion": False, "unknown": 1}
    chosen = options.with_client_wishes(wishes)
    assert chosen == LspOptions(
        user="ada", context_chars=1000, choices=3, deadline_ms=250, after_deletion=False
    )


def test_a_client_cannot_choose_the_rest():
    wishes = {"user": "eve", "contextChars": 10**9, "context_chars": 10**9}
    assert LspOptions(user="ada").with_client_wishes(wishes) == LspOptions(user="ada")


@pytest.mark.parametrize("wishes", [None, [], "x", {"choices": 0}, {"deadlineMs": "soon"}])
def test_bad_wishes_are_left_out(wishes):
    assert LspOptions().with_client_wishes(wishes) == LspOptions()

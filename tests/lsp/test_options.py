"""Options, and what a client may change of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lsp.options import CLIENT_OPTIONS, LspOptions, to_camel


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


def test_what_a_client_may_choose_is_documented():
    page = (Path(__file__).parents[2] / "docs" / "language-server.md").read_text()
    assert all(f"| `{to_camel(name)}` |" in page for name in CLIENT_OPTIONS)


@pytest.mark.parametrize(
    "wishes",
    [None, [], "x", {"choices": 0}, {"deadlineMs": "soon"}, {"choices": 2.5}, {"afterDeletion": 1}],
)
def test_bad_wishes_are_left_out(wishes):
    assert LspOptions().with_client_wishes(wishes) == LspOptions()

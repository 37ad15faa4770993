"""Requests without secrets: the caret anywhere, also inside of one, and what is far from it."""

import pytest

from completer.request import CompletionRequest, Snippet
from completer.secrets.cleaning import RequestCleaner
from tests.canaries import Canary, canaries

CODE = "".join(f"def function_{n}(key):\n    return {n}\n" for n in range(40))
REACH = 1_000


def asked(prefix: str, suffix: str = "", **options) -> CompletionRequest:
    request = CompletionRequest(prefix=prefix, suffix=suffix, **options)
    return RequestCleaner().clean(request, REACH)


@pytest.mark.parametrize("canary", canaries(), ids=lambda canary: canary.kind)
def test_no_part_of_a_secret_is_asked_wherever_the_caret_stands(canary: Canary):
    text = f"{CODE}{canary.source}\n{CODE}"
    for caret in range(len(CODE), len(CODE) + len(canary.source) + 2, 7):
        request = asked(text[:caret], text[caret:])
        assert not canary.leaked(request.prefix)
        assert not canary.leaked(request.suffix)
        assert request.prefix.startswith(CODE)
        assert request.suffix.endswith(CODE)


@pytest.mark.parametrize("canary", canaries(), ids=lambda canary: canary.kind)
def test_nothing_of_what_is_not_looked_at_is_asked(canary: Canary):
    far = f"{canary.source}\n" + "x = 1\n" * 5_000
    request = asked(far + CODE, CODE + far)

    assert not canary.leaked(request.prefix)
    assert not canary.leaked(request.suffix)
    assert request.prefix.endswith(CODE)
    assert request.suffix.startswith(CODE)


def test_line_breaks_stay_so_that_prompts_stay_the_same():
    far = "x = 1\n" * 5_000
    request = asked(far + CODE)

    assert request.prefix.count("\n") == (far + CODE).count("\n")
    assert request.prefix.index("x") > 1_000


def test_a_text_without_secrets_is_asked_as_it_is():
    snippet = Snippet(path="a.py", text=CODE)
    request = asked(CODE, CODE, snippets=(snippet,), raw=True)
    assert request == CompletionRequest(prefix=CODE, suffix=CODE, snippets=(snippet,), raw=True)


def test_a_secret_on_the_carets_line_leaves_the_line():
    token = next(each for each in canaries() if each.kind == "npm token").secrets[0]
    assert asked(f"f('{token}', ", ")\n").prefix == "f('', "


@pytest.mark.parametrize("canary", canaries(), ids=lambda canary: canary.kind)
def test_snippets_that_a_client_hands_in_are_cleaned(canary: Canary):
    request = asked("x", snippets=(Snippet(path="a.py", text=CODE + canary.source),))
    assert not canary.leaked(request.snippets[0].text)
    assert request.snippets[0].text.startswith(CODE)


def test_lines_are_looked_at_once(monkeypatch):
    looked_at = []
    monkeypatch.setattr(
        "completer.secrets.cleaning.find_in_lines", lambda line: looked_at.append(line) or []
    )
    cleaner = RequestCleaner()
    long = f"'{'a' * 500}'"
    for typed in range(5):
        request = CompletionRequest(prefix=f"{CODE}{long}\n{'x' * typed}", suffix="\ny = 2\n")
        cleaner.clean(request, REACH)

    assert looked_at.count("    return 7") == 1
    assert looked_at.count(long) == 5  # what is long is not held
    cleaner.forget()
    cleaner.clean(CompletionRequest(prefix=CODE), REACH)
    assert looked_at.count("    return 7") == 2

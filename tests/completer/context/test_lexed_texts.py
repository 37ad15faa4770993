"""Lexing goes on where a text has changed, and says what lexing all of it says."""

import random
from unittest import mock

import pytest

from completer.context import lexed_texts
from completer.context.lexed_texts import LexedTexts
from completer.context.lexical import open_token, tokens

PIECES = ('"', "'", '"""', "#", "\\", "\n", "a", " ", "`", "/*", "*/", "//", "b = 1\n", "'x'", "(")


@pytest.mark.parametrize("language", ["python", "typescript", "rust"])
@pytest.mark.parametrize("seed", range(20))
def test_after_any_edits_it_is_what_lexing_everything_says(language, seed):
    chance, lexed = random.Random(seed), LexedTexts()
    text = "".join(chance.choices(PIECES, k=300))
    with mock.patch.object(lexed_texts, "_BLOCK", 32):
        for _ in range(60):
            start = chance.randrange(len(text))
            end = start + chance.randrange(8)
            text = text[:start] + "".join(chance.choices(PIECES, k=3)) + text[end:]
            upto = text[: chance.randrange(len(text))]
            assert lexed.open_token("a", upto, language) == open_token(upto, language)


def test_only_what_has_changed_is_lexed_again():
    text = "x = 'a'  # it's\n" * 10_000
    lexed = LexedTexts()
    with mock.patch.object(lexed_texts, "tokens", wraps=tokens) as lex:
        lexed.open_token("a.py", text, "python")
        lexed.open_token("a.py", text + "y = '", "python")
        changed = text[:100_000] + "y" + text[100_000:]
        lexed.open_token("a.py", changed, "python")
        lexed.open_token("b.py", changed, "python")
    starts = [call.args[2] for call in lex.call_args_list]
    assert [0 <= len(text) - starts[1] < 2 * 4096, starts[0], starts[3]] == [True, 0, 0]
    assert 100_000 - 2 * 4096 < starts[2] <= 100_000


def test_of_a_huge_text_the_end_is_lexed():
    text = "x = 1\n" * 400_000
    with mock.patch.object(lexed_texts, "tokens", wraps=tokens) as lex:
        found = LexedTexts().open_token("a.py", text + "y = '", "python")
    assert found is not None
    assert len(lex.call_args.args[0]) <= 2 * lexed_texts.MOST


def test_documents_are_known_in_a_limited_number_and_forgotten():
    lexed = LexedTexts()
    for number in range(200):
        lexed.open_token(number, "x = '", "python")
    assert len(lexed._known) == lexed_texts._DOCUMENTS
    lexed.forget()
    assert not lexed._known

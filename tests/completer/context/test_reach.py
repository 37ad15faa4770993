"""However long a document is, a bounded part of it is read, and nothing comes out differently."""

import random
from pathlib import Path

import pytest

from completer.answer.blocks import BlockEnd
from completer.answer.postprocess import TextContext, postprocess
from completer.context.lexed_texts import LexedTexts
from completer.context.lexical import where
from completer.context.prompt import CHARACTERS_PER_TOKEN, CUT_STEP
from completer.context.query import STEP, query_at
from completer.context.reach import LONGEST_WINDOW, is_long, within_reach
from completer.context.surroundings import HEAD, WINDOW, Surroundings
from completer.request import CompletionRequest, Snippet
from completer.stopping.features import CaretFeatures
from tests.completer.context.test_prompt import builder
from tests.reading import SHAPES, text_of

BUDGET = 1000
MOST = HEAD + 2 * (LONGEST_WINDOW + 32 + BUDGET * CHARACTERS_PER_TOKEN)
CODE = Path(random.__file__).read_text(encoding="utf-8") * 8


def asked(text: str, at: int) -> CompletionRequest:
    return CompletionRequest(prefix=text[:at], suffix=text[at:], language="python")


def cut_down(request: CompletionRequest, budget: int = BUDGET) -> CompletionRequest:
    return within_reach(request, budget, LexedTexts(), "a.py")


def around(request: CompletionRequest) -> Surroundings:
    return Surroundings.of(request.prefix, request.suffix, request.language)


@pytest.mark.parametrize("budget", [64, BUDGET, 4096])
def test_what_is_left_out_changes_neither_the_prompt_nor_any_rule(budget):
    for at in range(80_000, len(CODE) - 80_000, 9973):
        whole = asked(CODE, at)
        cut = cut_down(whole, budget)
        assert len(cut.prefix) < len(whole.prefix)
        assert builder(budget=budget).build(cut) == builder(budget=budget).build(whole)
        assert query_at(around(cut)) == query_at(around(whole))
        features = [CaretFeatures.of(around(each), several_lines=True) for each in (cut, whole)]
        assert features[0] == features[1]
        said = "x = (1,\n    2)\n" + CODE[at : at + 40]
        assert BlockEnd(around(cut)).find(said) == BlockEnd(around(whole)).find(said)
        assert postprocess(said, context(cut)) == postprocess(said, context(whole))


def context(request: CompletionRequest) -> TextContext:
    return TextContext(prefix=request.prefix, suffix=request.suffix, language="python")


STRINGS = "".join(
    f"X{i} = "
    ""
    + '"""'
    + f"""
{"it's # text " * (i % 7 * 90)}
"""
    + '"""'
    + f"""  # isn't {"code" * (i % 5)}
Y = 'a"b' + "c'd"
"""
    for i in range(300)
)


@pytest.mark.parametrize("language", ["python", "ruby", "typescript", None])
def test_where_a_caret_stands_is_found_as_by_all_of_the_text(language):
    chance, lexed, seen = random.Random(1), LexedTexts(), set()
    for at in [chance.randrange(40_000, len(STRINGS)) for _ in range(150)]:
        request = CompletionRequest(prefix=STRINGS[:at], suffix=STRINGS[at:], language=language)
        cut = within_reach(request, 64, lexed, "a.py")
        assert len(cut.prefix) < at
        assert around(cut).where == where(STRINGS[:at], language)
        seen.add(around(cut).where)
    assert len(seen) > 1


def test_a_request_of_ordinary_size_is_left_as_it_is():
    request = asked(CODE[:20_000], 10_000)
    assert not is_long(request, 1024)
    assert cut_down(request, 1024) is request


def test_numbers_of_lines_keep_their_remainders():
    assert CUT_STEP % STEP == 0
    for lines in range(40):
        prefix = CODE[:30_000] + "\n" * lines + CODE[30_000:80_000]
        cut = cut_down(asked(prefix, len(prefix)))
        assert cut.prefix.count("\n") % CUT_STEP == prefix.count("\n") % CUT_STEP


def test_of_many_snippets_the_last_are_kept():
    snippets = tuple(Snippet(path=f"{n}.py", text=text) for n, text in enumerate(["x" * 9_000] * 9))
    request = CompletionRequest(prefix="a", snippets=snippets)
    cut = cut_down(request)
    assert cut.snippets[-1] == snippets[-1]
    assert sum(len(each.text) for each in cut.snippets) <= MOST
    assert builder(budget=BUDGET).build(cut, cut.snippets) == builder(budget=BUDGET).build(
        request, snippets
    )


@pytest.mark.parametrize("language", ["python", None])
@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_read_later_is_a_bounded_part(shape, language):
    text = text_of(shape, 1_000_000)
    cut = cut_down(CompletionRequest(prefix=text, suffix=text, language=language))
    assert len(cut.prefix) + len(cut.suffix) <= MOST
    assert len(around(cut).before) <= WINDOW + 3
    assert len(around(cut).after) <= WINDOW

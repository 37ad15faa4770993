"""However long a document is, a bounded part of it is read, and nothing comes out differently."""

import random
from pathlib import Path

import pytest

from completer.context.blocks import BlockEnd
from completer.context.brackets import closable
from completer.context.prompt import CHARACTERS_PER_TOKEN, CUT_STEP
from completer.context.query import HEAD, STEP, query_at
from completer.context.reach import LONGEST_WINDOW, within_reach
from completer.postprocess import TextContext, postprocess
from completer.request import CompletionRequest, Snippet
from completer.stopping.features import CaretFeatures
from tests.completer.context.test_prompt import builder
from tests.reading import SHAPES, CountedText, text_of

BUDGET = 1000
MOST = HEAD + 2 * (LONGEST_WINDOW + 1 + BUDGET * CHARACTERS_PER_TOKEN)
CODE = Path(random.__file__).read_text(encoding="utf-8") * 8


def asked(text: str, at: int) -> CompletionRequest:
    return CompletionRequest(prefix=text[:at], suffix=text[at:], language="python")


@pytest.mark.parametrize("budget", [64, BUDGET, 4096])
def test_what_is_left_out_changes_neither_the_prompt_nor_any_rule(budget):
    for at in range(80_000, len(CODE) - 80_000, 9973):
        whole = asked(CODE, at)
        cut = within_reach(whole, budget)
        assert len(cut.prefix) < len(whole.prefix)
        assert builder(budget=budget).build(cut) == builder(budget=budget).build(whole)
        assert query_at(cut.prefix, cut.suffix, "python") == query_at(
            CODE[:at], CODE[at:], "python"
        )
        assert CaretFeatures.of(cut, several_lines=True) == CaretFeatures.of(
            whole, several_lines=True
        )
        said = "x = (1,\n    2)\n" + CODE[at : at + 40]
        assert [
            BlockEnd(each.prefix, each.suffix, "python").find(said) for each in (cut, whole)
        ] == [BlockEnd(CODE[:at], CODE[at:], "python").find(said)] * 2
        assert postprocess(said, around(cut)) == postprocess(said, around(whole))


def around(request: CompletionRequest) -> TextContext:
    return TextContext(prefix=request.prefix, suffix=request.suffix, language="python")


def test_a_request_of_ordinary_size_is_left_as_it_is():
    request = asked(CODE[:20_000], 10_000)
    assert within_reach(request, 1024) is request


def test_numbers_of_lines_keep_their_remainders():
    assert CUT_STEP % STEP == 0
    for lines in range(40):
        prefix = CODE[:30_000] + "\n" * lines + CODE[30_000:80_000]
        cut = within_reach(asked(prefix, len(prefix)), BUDGET)
        assert cut.prefix.count("\n") % CUT_STEP == prefix.count("\n") % CUT_STEP


def test_of_many_snippets_the_last_are_kept():
    snippets = tuple(Snippet(path=f"{n}.py", text=text) for n, text in enumerate(["x" * 9_000] * 9))
    request = CompletionRequest(prefix="a", snippets=snippets)
    cut = within_reach(request, BUDGET)
    assert cut.snippets[-1] == snippets[-1]
    assert sum(len(each.text) for each in cut.snippets) <= MOST
    assert builder(budget=BUDGET).build(cut, cut.snippets) == builder(budget=BUDGET).build(
        request, snippets
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_a_bounded_part_of_a_text_is_read(shape):
    prefix, suffix = (CountedText(text_of(shape, 1_000_000)) for _ in range(2))
    request = CompletionRequest(prefix=prefix, suffix=suffix, language="python")
    within_reach(request, BUDGET)
    counted_line_ends = len(prefix) - HEAD - LONGEST_WINDOW - BUDGET * CHARACTERS_PER_TOKEN - 1
    assert prefix.read + suffix.read - counted_line_ends <= MOST


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "rule",
    [
        lambda before, after: closable(before, after, "python"),
        lambda before, after: BlockEnd(before, after, "python").find("x\n    y\nz"),
        lambda before, after: CaretFeatures.of(
            CompletionRequest(prefix=before, suffix=after, language="python"), several_lines=True
        ),
    ],
    ids=["brackets", "blocks", "features"],
)
def test_a_rule_about_the_caret_reads_a_window(shape, rule):
    before, after = (CountedText(text_of(shape, 1_000_000)) for _ in range(2))
    rule(before, after)
    assert 0 < before.read + after.read <= 8 * LONGEST_WINDOW

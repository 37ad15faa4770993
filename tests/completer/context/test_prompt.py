"""Prompts keep to their budget, are cut at line ends, and start the same while a person types."""

import tracemalloc
from itertools import pairwise

import pytest

from completer.context.prompt import REMEMBERED_TEXTS, Prompt, PromptBuilder
from completer.request import CompletionRequest, Snippet
from models.fim import bind_layout, find_layout
from tests.tiny import FAMILIES, byte_tokenizer

SOURCE = "".join(f"value_{n} = compute({n})\n" for n in range(400))


def builder(family="llama", *, budget=1000, suffix_share=0.25) -> PromptBuilder:
    tokenizer = byte_tokenizer(FAMILIES[family].marks, FAMILIES[family].end)
    vocabulary = tokenizer.get_vocab()
    config = FAMILIES[family].config
    layout = bind_layout(
        find_layout(config.model_type, vocabulary, FAMILIES[family].layout), vocabulary
    )
    return PromptBuilder(
        tokenizer.backend_tokenizer, layout, budget=budget, suffix_share=suffix_share
    )


def text_of(ids):
    return byte_tokenizer(FAMILIES["llama"].marks).decode(ids)


def test_a_short_document_is_taken_whole():
    prompt = builder().build(CompletionRequest(prefix="def f(", suffix=")\n"))

    assert text_of(prompt.ids) == "<|fim_prefix|><|fim_suffix|>)\n<|fim_middle|>def f("
    assert text_of(prompt.prefix_ids) == "def f("


@pytest.mark.parametrize("budget", [50, 200, 1000, 3000])
@pytest.mark.parametrize("at", [0, 100, 4000, len(SOURCE)])
def test_the_budget_is_kept(budget, at):
    prompt = builder(budget=budget).build(CompletionRequest(prefix=SOURCE[:at], suffix=SOURCE[at:]))

    assert len(prompt.ids) <= budget


def test_the_text_next_to_the_caret_is_kept_and_cuts_fall_on_lines():
    prompt = builder().build(CompletionRequest(prefix=SOURCE[:5000], suffix=SOURCE[5000:]))

    prefix, suffix = text_of(prompt.prefix_ids), text_of(prompt.suffix_ids)
    assert SOURCE[:5000].endswith("\n" + prefix)
    assert SOURCE[5000:].startswith(suffix)
    assert suffix.endswith("\n")
    assert len(prompt.ids) > 600


def test_a_short_prefix_leaves_its_room_to_the_suffix():
    prompt = builder().build(CompletionRequest(prefix="x", suffix=SOURCE))

    assert len(prompt.suffix_ids) > 700


def shared_start(one: Prompt, other: Prompt) -> int:
    return next(
        (i for i, (a, b) in enumerate(zip(one.ids, other.ids, strict=False)) if a != b),
        min(len(one.ids), len(other.ids)),
    )


def test_while_typing_the_prompts_start_stays_the_same():
    prompts = [
        builder().build(CompletionRequest(prefix=SOURCE[:at], suffix="\n" + SOURCE[6000:]))
        for at in range(5000, 5200)
    ]
    appended = [
        shared_start(before, after) >= len(before.ids) - 1 for before, after in pairwise(prompts)
    ]

    # 200 keystrokes over 8 lines cross at most two steps of 16 lines or of the budget
    assert appended.count(False) <= 2


def test_lines_longer_than_the_budget_are_cut_inside():
    prompt = builder(budget=100).build(CompletionRequest(prefix="x" * 5000, suffix="y" * 5000))

    assert 50 < len(prompt.ids) <= 100
    assert set(text_of(prompt.prefix_ids)) == {"x"}


def test_a_raw_prompt_is_taken_as_it_is():
    prompt = builder().build(CompletionRequest(prefix="def f():", raw=True))

    assert text_of(prompt.ids) == "def f():"


MIDDLE = byte_tokenizer(FAMILIES["llama"].marks).convert_tokens_to_ids("<|fim_middle|>")


@pytest.mark.parametrize(
    ("text", "as_is", "marks"),
    [
        ("s = '<|fim_middle|>'\n", False, 0),  # a file that merely holds them
        ("s = '<|fim_middle|>'\n", True, 1),
        ("<|fim_prefix|>a<|fim_middle|>b<|fim_middle|>c", False, 2),  # in marks, but no layout
    ],
)
def test_marks_in_a_raw_prompt_count_where_it_begins_with_one(text, as_is, marks):
    prompt = builder().build(CompletionRequest(prefix=text, raw=True, as_is=as_is))

    assert prompt.ids.count(MIDDLE) == marks
    assert text_of(prompt.ids) == text


def test_a_raw_prompt_has_a_budget_of_its_own():
    one = builder(budget=100)
    sized = one.sized(100, 700, 0.25)
    request = CompletionRequest(prefix=SOURCE, raw=True)

    assert text_of(sized.build(request).ids) == SOURCE[-700:]
    assert (sized.budget_of(request), one.budget_of(request)) == (700, 100)
    assert len(sized.build(CompletionRequest(prefix=SOURCE)).ids) <= 100


def test_marks_in_the_text_are_not_taken_for_marks():
    prompt = builder().build(CompletionRequest(prefix="s = '<|fim_middle|>", suffix=""))

    assert prompt.ids.count(MIDDLE) == 1


def test_what_was_read_before_changes_nothing():
    lines = [f"value_{n} = compute({n}, other_{n % 7})\n" for n in range(200)]
    before, after = "".join(lines[:120]), "".join(lines[120:])
    typing = builder(budget=400)
    for typed in range(0, 60, 3):
        request = CompletionRequest(
            prefix=before + "result = value_1 + value_2\n" * 3 + "x" * typed, suffix=after
        )
        prompt, alone = typing.build(request), builder(budget=400).build(request)
        assert prompt == alone
        prompt.suffix_ids.clear()  # whoever gets a prompt may change it
    assert 0 < len(alone.suffix_ids) <= 100


def test_what_is_remembered_of_texts_takes_little_memory():
    """Of 40 files around carets in them, each with a suffix and two pieces of others."""
    prompts = builder(budget=1024)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(40):
            line = f"value_{number} = {number}\n"
            prompts.build(
                CompletionRequest(prefix=line * 100, suffix=line * 50),
                [Snippet(path=f"{n}.py", text=f"{n} {line}" * 30) for n in range(2)],
            )
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert prompts._encode_again.cache_info().currsize == REMEMBERED_TEXTS
    assert taken < REMEMBERED_TEXTS * 24_000

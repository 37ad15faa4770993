"""Layouts are found by model type and marks together, and lay prompts out in the family's order."""

import pytest

from models.errors import ModelError
from models.fim import bind_layout, find_layout
from models.fim_layouts import LAYOUTS

QWEN_MARKS = {"<|fim_prefix|>": 1, "<|fim_suffix|>": 2, "<|fim_middle|>": 3, "<|endoftext|>": 0}


def test_the_same_marks_mean_different_orders_in_different_layouts():
    assert find_layout("qwen2", QWEN_MARKS).order == "psm"
    assert find_layout("llama", QWEN_MARKS, "completer-spm").order == "spm"
    assert find_layout("llama", QWEN_MARKS, "completer-caret").order == "spm"


@pytest.mark.parametrize(
    ("name", "prompt"),
    [
        ("qwen-coder", [1, 10, 11, 2, 20, 3]),
        ("completer-spm", [1, 2, 20, 3, 10, 11]),
        ("completer-caret", [2, 20, 1, 10, 11, 3]),
    ],
)
def test_prompts_are_laid_out_in_the_order_of_their_layout(name, prompt):
    layout = bind_layout(find_layout("llama", QWEN_MARKS, name), QWEN_MARKS)

    assert layout.prompt([10, 11], [20]) == prompt


def test_a_strangers_model_is_not_taken_for_one_of_ours():
    with pytest.raises(ModelError, match="cannot fill in the middle") as refusal:
        find_layout("llama", QWEN_MARKS)
    assert '"fim_layout": "completer-spm"' in refusal.value.hint


def test_codestral_puts_the_suffix_first_and_has_no_middle_mark():
    vocabulary = {"[SUFFIX]": 5, "[PREFIX]": 6}
    layout = bind_layout(find_layout("mistral", vocabulary), vocabulary, begin_ids=[1])

    assert layout.prompt([10], [20]) == [1, 5, 20, 6, 10]
    assert layout.overhead == 3


def test_context_goes_in_front_of_all_marks_but_behind_the_begin_mark():
    layout = bind_layout(find_layout("qwen2", QWEN_MARKS), QWEN_MARKS, begin_ids=[99])

    assert layout.prompt([10], [20], files=[7, 8])[:4] == [99, 7, 8, 1]


def test_every_mark_and_special_token_ends_a_completion():
    layout = bind_layout(find_layout("qwen2", QWEN_MARKS), QWEN_MARKS, special_ids=[42])

    assert layout.stop_ids == {0, 1, 2, 3, 42}


def test_a_layout_can_be_forced_by_name():
    assert find_layout("unheard-of", QWEN_MARKS, "qwen-coder").name == "qwen-coder"


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ModelError) as refusal:
        find_layout("qwen2", QWEN_MARKS, "nonsense")
    assert all(layout.name in refusal.value.hint for layout in LAYOUTS)


def test_marks_of_another_family_do_not_count():
    with pytest.raises(ModelError) as refusal:
        find_layout("starcoder2", QWEN_MARKS)
    assert "<fim_prefix>" in refusal.value.hint

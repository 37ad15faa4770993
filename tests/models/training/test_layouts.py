from tokenizers import Tokenizer

from models.fim_layouts import LAYOUTS
from models.fim_template import FILES, OWN, PREFIX, SUFFIX
from models.training.fim_spans import Span
from models.training.layouts import LAYOUT, plain, suffix_first

TEXT = "total = left + right\nprint(total)\n"
SPAN = Span(TEXT.index("left"), TEXT.index("\n"))


def written(tokenizer: Tokenizer, ids: list[int]) -> str:
    return tokenizer.decode(ids, skip_special_tokens=False)


def test_suffix_first_is_the_layout_that_prompts_are_made_in(tokenizer: Tokenizer):
    example = suffix_first(tokenizer, [], TEXT, SPAN)
    layout = next(layout for layout in LAYOUTS if layout.name == LAYOUT)
    parts = {PREFIX: "total = ", SUFFIX: "\nprint(total)\n", FILES: "", OWN: ""}
    prompt = "".join(parts.get(part, part) for part in layout.template)
    assert written(tokenizer, example.ids) == prompt + "left + right<|endoftext|>"


def test_the_middle_reaches_to_the_end_mark(tokenizer: Tokenizer):
    example = suffix_first(tokenizer, [7, 7], TEXT, SPAN)
    assert example.ids[:2] == [7, 7]
    assert example.middle is not None
    middle = example.ids[example.middle.start : example.middle.end]
    assert written(tokenizer, middle) == "left + right<|endoftext|>"


def test_plain_text_has_no_middle(tokenizer: Tokenizer):
    example = plain(tokenizer, [], TEXT)
    assert written(tokenizer, example.ids) == TEXT + "<|endoftext|>"
    assert example.middle is None


def test_clipping_keeps_the_middle_within_the_ids(tokenizer: Tokenizer):
    example = suffix_first(tokenizer, [], TEXT, SPAN)
    for size in range(len(example.ids) + 2):
        clipped = example.clipped(size)
        assert len(clipped.ids) == min(size, len(example.ids))
        assert clipped.middle is not None
        assert clipped.middle.start <= clipped.middle.end <= len(clipped.ids)

"""What was said, drafted again."""

import numpy as np
import pytest
from tokenizers import Tokenizer

from benchmarks.replay import Replays, Said
from completer.context.encoding import encode_one
from completer.context.prompt import Prompt
from completer.drafting.predicted import PredictedDrafts
from models.source import BUNDLED_FOLDER

pytestmark = pytest.mark.slow
LINE = "quotient, remainder = divmod(numerator, denominator)"


def replays(said, *texts):
    tokenizer = Tokenizer.from_file(str(BUNDLED_FOLDER / "tokenizer.json"))
    recorded = []
    for text in said:
        ids = encode_one(tokenizer, text)
        prompt = Prompt(ids=ids[:3], prefix_ids=ids[:3], suffix_ids=[])
        each = Said("a.py", prompt, PredictedDrafts([], None))
        for token in ids[3:]:
            each.observe(each.propose(0, np.ones(1)), [token], np.full((1, 8), token, np.int32))
        recorded.append(each)
    return Replays(recorded, tokenizer, texts)


def test_a_line_that_is_new_takes_a_pass_a_token():
    once = replays([LINE])
    assert once.count()["passes"] == len(once.said[0].tokens)


def test_what_was_said_before_takes_fewer_passes_the_second_time():
    twice = replays([LINE, LINE])
    assert twice.count(generated=True)["passes"] < twice.count()["passes"]
    assert twice.count(ranked=True)["passes"] < twice.count()["passes"]


def test_what_stands_in_the_texts_takes_fewer_passes_where_they_are_indexed():
    known = replays([LINE], LINE, LINE)
    assert known.count()["passes"] < known.count(indexed=False)["passes"]

from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from models.training.examples import ExampleMaker, Row
from models.training.layouts import Middle
from models.training.middles import score_middles, spans
from models.training.model import Decoder, ModelShape
from models.training.shards import Document, Shard, write_shard

CPU = torch.device("cpu")


@pytest.fixture
def decoder() -> Decoder:
    torch.manual_seed(0)
    shape = ModelShape(vocabulary=448, width=32, layers=3, heads=2, feed_forward=64, context=128)
    return Decoder(shape).eval()


@pytest.fixture
def rows(tmp_path: Path, source_folder: Path, tokenizer: Tokenizer) -> list[Row]:
    files = sorted(source_folder.glob("*.py"))
    documents = [Document("notation", file.name, file.read_text()) for file in files]
    write_shard(tmp_path, "held_out", documents, tokenizer)
    maker = ExampleMaker(Shard(tmp_path, "held_out"), tokenizer)
    return [maker.row(128, np.random.default_rng(seed)) for seed in range(10)]


def written(decoder: Decoder, ids: list[int], count: int) -> list[int]:
    """What greedy decoding appends to ids, `count` of them."""
    grown = list(ids)
    for _ in range(count):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            state = decoder(torch.tensor([grown]))[-1][0, -1]
        logits = state.bfloat16() @ decoder.embed_tokens.weight.bfloat16().T
        grown.append(int(logits.argmax()))
    return grown[len(ids) :]


def test_every_middle_with_a_token_beside_its_end_mark_has_a_score(
    decoder: Decoder, rows: list[Row]
):
    scores = score_middles(decoder, rows, CPU)
    lengths = [m.end - m.start - 1 for row in rows for m in row.middles if m.end - m.start > 1]
    assert len(lengths) > 10
    assert scores.loss.shape == (len(lengths),)
    assert scores.exact.shape == scores.matched.shape == (3, len(lengths))
    assert np.array_equal(scores.exact, (scores.matched == 1).astype(float))
    assert abs(np.average(scores.loss, weights=lengths) - np.log(448)) < 0.5


@torch.no_grad()
def test_exact_is_what_greedy_decoding_writes(decoder: Decoder):
    prefix = list(range(20))
    middle = written(decoder, prefix, 3)
    right = np.asarray([*prefix, *middle, 0])
    wrong = right.copy()
    wrong[21] += 1
    at = (Middle(20, 24, "rest_of_line in call"),)
    scores = score_middles(decoder, [Row(right, 24, at), Row(wrong, 24, at)], CPU)
    assert scores.exact[-1].tolist() == [1.0, 0.0]
    assert scores.matched[-1, 0] == 1.0
    assert scores.loss[0] < scores.loss[1]


def test_an_empty_middle_has_nothing_to_score():
    row = Row(np.zeros(31, dtype=np.int64), 31, (Middle(5, 6, "nothing"), Middle(10, 15, "call")))
    assert spans(row) == [slice(9, 13)]

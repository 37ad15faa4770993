from dataclasses import replace

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from benchmarks.draft import run, table
from benchmarks.draft_cases import DraftCases, cases_of_folder, load_encoder
from benchmarks.draft_walks import END, SessionWalker, Tally, fim_walks, oracle_walks, walk
from completer.drafting.drafter import Drafter
from completer.errors import BadRequestError

LINES = "def area(width, height):\n    result = width * height + offset\n    return result\n"


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    result = Tokenizer(models.BPE())
    result.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    result.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    result.train_from_iterator([LINES], trainer)
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    result.save(str(path))
    return path


@pytest.fixture
def folder(tmp_path):
    for number in range(9):
        text = LINES.replace("area", f"area_{number}") * 30
        (tmp_path / f"module_{number}.py").write_text(text)
    return tmp_path


def cases():
    ids = np.arange(200, dtype=np.int32) % 90
    return DraftCases("toy", {"a": ids, "b": ids}, ["b"])


def test_a_copy_is_walked_in_few_steps_and_every_token_is_counted():
    (tally,) = oracle_walks(cases(), 100)
    assert tally.tokens == 168
    assert tally.tokens_per_step > 5
    assert tally.drafted >= tally.tokens - tally.steps


def test_a_walk_without_knowledge_takes_one_step_a_token():
    with Drafter(100).start([1]) as session:
        tally = walk(SessionWalker(session), [5, 9, 2, END])
    assert tally == Tally(steps=4, tokens=4, drafted=0)


def test_spans_are_produced_with_their_end(folder, tokenizer):
    encode = load_encoder(Tokenizer.from_file(str(tokenizer)))
    drawn = cases_of_folder(folder, encode, 0)
    drawn = replace(drawn, spans=drawn.spans[:5])
    tallies = fim_walks(drawn, 300, flat=False)
    wanted = [span.end - span.begin + 1 for span in drawn.spans]
    assert [tally.tokens for tally in tallies] == wanted


def test_the_benchmark_prints_its_keys(folder, tokenizer):
    result = run(corpus=folder, tokenizer=tokenizer)
    assert {"tokens", "build_tokens_per_s", "bytes_per_token", "peak_bytes_per_token"} < set(result)
    assert set(result["propose_us"]) == set(result["update_ms"]) == {"p50", "p99"}
    assert result["oracle"]["tokens_per_step"] > result["oracle"]["prompt_lookup_tokens_per_step"]
    assert result["fim_one_line"]["steps_per_completion"] >= 1
    assert table(result).row_count > 12


def test_a_folder_with_too_few_files_is_refused(tmp_path, tokenizer):
    with pytest.raises(BadRequestError, match="holds 6 out"):
        run(corpus=tmp_path, tokenizer=tokenizer)

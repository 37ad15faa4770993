from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from models.training.examples import ExampleMaker, group_weights
from models.training.shards import Document, Group, Shard, write_shard
from models.training.tokenizer import FILE, FIM_MIDDLE, REPOSITORY, mark_id


@pytest.fixture
def shard(tmp_path: Path, source_folder: Path, tokenizer: Tokenizer) -> Shard:
    files = sorted(source_folder.glob("*.py"))
    documents = [Document("notation", file.name, file.read_text()) for file in files]
    write_shard(tmp_path, "train", documents, tokenizer)
    return Shard(tmp_path, "train")


def rows(maker: ExampleMaker, count: int = 40, window: int = 512):
    return [maker.row(window, np.random.default_rng(seed)) for seed in range(count)]


def test_the_same_generator_gives_the_same_row(shard: Shard, tokenizer: Tokenizer):
    maker = ExampleMaker(shard, tokenizer)
    first, second = rows(maker, 5), rows(maker, 5)
    assert all(np.array_equal(a.ids, b.ids) for a, b in zip(first, second, strict=True))


def test_rows_are_full_but_for_a_short_rest(shard: Shard, tokenizer: Tokenizer):
    for row in rows(ExampleMaker(shard, tokenizer)):
        assert len(row.ids) == 513
        assert row.length > 513 - 64
        assert row.meant.sum() == row.length - 1


def test_middles_lie_where_rows_say(shard: Shard, tokenizer: Tokenizer):
    middle_mark, found = mark_id(tokenizer, FIM_MIDDLE), 0
    for row in rows(ExampleMaker(shard, tokenizer)):
        for middle in row.middles:
            found += 1
            assert middle_mark in row.ids[: middle.start]
            assert middle.end <= row.length
        assert row.in_middle.sum() == sum(m.end - m.start for m in row.middles)
    assert found > 20


def test_repository_context_comes_from_other_files(shard: Shard, tokenizer: Tokenizer):
    drawn = rows(ExampleMaker(shard, tokenizer, repository_share=1.0))
    texts = [tokenizer.decode(row.ids.tolist(), skip_special_tokens=False) for row in drawn]
    with_context = [text for text in texts if REPOSITORY in text]
    assert with_context
    for text in with_context:
        paths = [part.partition("\n")[0] for part in text.split(FILE)[1:]]
        assert set(paths) <= set(shard.paths)
        assert paths[-1] not in paths[:-1]


def test_without_a_share_there_is_no_repository_context(shard: Shard, tokenizer: Tokenizer):
    mark = mark_id(tokenizer, REPOSITORY)
    assert all(mark not in row.ids for row in rows(ExampleMaker(shard, tokenizer, 0.0), 20))


def test_tests_and_large_packages_weigh_less_than_their_size():
    groups = [Group("a", 0, 1, 1000), Group("b", 1, 2, 8000), Group("a/tests", 2, 3, 1000)]
    a, b, tests = group_weights(groups)
    assert a < b < 8 * a
    assert tests < a
    assert a + b + tests == pytest.approx(1)

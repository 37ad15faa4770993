from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from models.training.examples import ExampleMaker, group_weights
from models.training.shards import Document, Group, Shard, write_shard
from models.training.tokenizer import FILE, FIM_MIDDLE, REPOSITORY, mark_id
from models.training.unit_table import write_units


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


def test_the_own_path_stands_last_in_front_of_every_text(shard: Shard, tokenizer: Tokenizer):
    for row in rows(ExampleMaker(shard, tokenizer), 20):
        text = tokenizer.decode(row.ids[: row.length].tolist(), skip_special_tokens=False)
        for example in text.split("<|endoftext|>")[:-1]:
            *_, own = example.split(FILE)
            path, _, rest = own.partition("\n")
            assert path in shard.paths
            assert FIM_MIDDLE not in example or rest.startswith(
                ("<|fim_suffix|>", "<|fim_prefix|>")
            )


def test_other_files_stand_in_front_where_a_share_asks_for_them(
    shard: Shard, tokenizer: Tokenizer, tmp_path: Path
):
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    write_units(tmp_path, "train")
    seen = 0
    for row in rows(ExampleMaker.of(tmp_path, "train", repository_share=1.0)):
        text = tokenizer.decode(row.ids.tolist(), skip_special_tokens=False)
        for example in text.split("<|endoftext|>"):
            paths = [part.partition("\n")[0] for part in example.split(FILE)[1:]]
            assert set(paths[:-1]) <= set(shard.paths)
            assert not set(paths[-1:]) & set(paths[:-1])
            assert (REPOSITORY in example) == (len(paths) > 1)
            seen += REPOSITORY in example
    assert seen > 10


def test_without_a_share_no_other_file_stands_in_front(shard: Shard, tokenizer: Tokenizer):
    mark = mark_id(tokenizer, REPOSITORY)
    maker = ExampleMaker(shard, tokenizer, repository_share=0.0)
    assert all(mark not in row.ids for row in rows(maker, 20))


def test_tests_and_large_packages_weigh_less_than_their_size():
    groups = [Group("a", 0, 1, 1000), Group("b", 1, 2, 8000), Group("a/tests", 2, 3, 1000)]
    a, b, tests = group_weights(groups)
    assert a < b < 8 * a
    assert tests < a
    assert a + b + tests == pytest.approx(1)


def test_other_languages_have_the_share_that_is_asked_for():
    groups = [Group("a", 0, 1, 9000), Group("a", 1, 2, 10, "go"), Group("b", 2, 3, 500, "c")]
    assert group_weights(groups, 0.2)[1:].sum() == pytest.approx(0.2)
    assert group_weights(groups[1:], 0.2).sum() == pytest.approx(1)

from pathlib import Path

from tokenizers import Tokenizer

from models.training.shards import Caps, Document, Shard, write_shard

DOCUMENTS = [
    Document("alpha", "alpha/a.py", "import os\n"),
    Document("alpha", "alpha/b.py", "import sys\nprint(sys.path)\n"),
    Document("alpha/tests", "alpha/tests/c.py", "assert True\n"),
]


def test_documents_come_back_as_they_were(tmp_path: Path, tokenizer: Tokenizer):
    write_shard(tmp_path, "train", DOCUMENTS, tokenizer)
    shard = Shard(tmp_path, "train")
    texts = [tokenizer.decode(shard.document(i).tolist()) for i in range(len(shard))]
    assert texts == [document.text for document in DOCUMENTS]
    assert shard.paths == [document.path for document in DOCUMENTS]


def test_groups_know_their_documents(tmp_path: Path, tokenizer: Tokenizer):
    write_shard(tmp_path, "train", DOCUMENTS, tokenizer)
    shard = Shard(tmp_path, "train")
    assert [(g.package, g.tests, g.first, g.last) for g in shard.groups] == [
        ("alpha", False, 0, 2),
        ("alpha", True, 2, 3),
    ]
    assert sum(group.tokens for group in shard.groups) == shard.tokens


def test_a_shard_may_be_empty(tmp_path: Path, tokenizer: Tokenizer):
    write_shard(tmp_path, "held_out", [], tokenizer)
    assert len(Shard(tmp_path, "held_out")) == 0


def test_of_a_large_group_whole_documents_are_kept(tmp_path: Path, tokenizer: Tokenizer):
    documents = [Document("alpha", f"{i}.py", f"value_{i} = {i}\n" * 9) for i in range(20)]
    tests = [Document("alpha/tests", f"t{i}.py", f"assert {i}\n" * 9) for i in range(20)]
    write_shard(tmp_path, "all", [*documents, *tests], tokenizer)
    whole = Shard(tmp_path, "all")
    caps = Caps(package=whole.groups[0].tokens // 2, tests=whole.groups[1].tokens // 4)
    write_shard(tmp_path, "train", [*documents, *tests], tokenizer, caps)
    shard = Shard(tmp_path, "train")
    for group, cap in zip(shard.groups, (caps.package, caps.tests), strict=True):
        assert 0.8 * cap < group.tokens <= cap
    texts = {document.path: document.text for document in [*documents, *tests]}
    for i, path in enumerate(shard.paths):
        assert tokenizer.decode(shard.document(i).tolist()) == texts[path]


def test_each_language_is_a_group_of_its_own(tmp_path: Path, tokenizer: Tokenizer):
    documents = [Document("alpha", name, "x = 1\n") for name in ("a.js", "b.py", "c.py")]
    write_shard(tmp_path, "train", documents, tokenizer)
    groups = [(g.language, g.first, g.last) for g in Shard(tmp_path, "train").groups]
    assert groups == [("javascript", 0, 1), ("python", 1, 3)]

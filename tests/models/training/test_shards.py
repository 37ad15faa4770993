from pathlib import Path

from tokenizers import Tokenizer

from models.training.shards import Document, Shard, write_shard

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

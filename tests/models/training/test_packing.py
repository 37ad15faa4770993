import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from models.training.config import TrainConfig
from models.training.corpus import prepare_corpus
from models.training.packing import compress, pack, unpack
from models.training.shards import Shard


@pytest.fixture
def corpus(tiny_config: Callable[..., TrainConfig], source_folder: Path, tmp_path: Path) -> Path:
    other = tmp_path / "other"
    other.mkdir()
    for name in ("one", "two", "three"):
        lines = [f"def {name}_{i}(value):\n    return value + {i}\n" for i in range(60)]
        (other / f"{name}.py").write_text("\n".join(lines))
    return prepare_corpus(tiny_config(sources=(source_folder, other)), lambda _: None)


def texts(corpus: Path) -> dict[str, str]:
    shard = Shard(corpus, "train")
    tokenizer = Tokenizer.from_file(str(corpus / "tokenizer.json"))
    return {
        path: tokenizer.decode(shard.document(i).tolist()) for i, path in enumerate(shard.paths)
    }


def size(volume: Path) -> int:
    return sum(file.stat().st_size for file in volume.iterdir())


def test_all_volumes_together_are_the_corpus_again(corpus: Path, tmp_path: Path):
    (whole,) = pack(corpus, tmp_path / "whole", 10**6)
    most = int(0.8 * size(whole))
    volumes = pack(corpus, tmp_path / "volumes", most)
    assert len(volumes) > 1
    assert max(map(size, volumes)) <= most
    again = unpack(volumes, tmp_path / "again")
    assert texts(again) == texts(corpus)
    groups = [(g.name, g.tokens) for g in Shard(again, "train").groups]
    assert groups == [(g.name, g.tokens) for g in Shard(corpus, "train").groups]
    assert json.loads((again / "manifest.json").read_text()) == json.loads(
        (corpus / "manifest.json").read_text()
    )
    assert not [path for path in again.iterdir() if path.is_dir()]


def test_one_volume_is_a_smaller_corpus_of_the_same_packages(corpus: Path, tmp_path: Path):
    (whole,) = pack(corpus, tmp_path / "whole", 10**6)
    first, *_ = pack(corpus, tmp_path / "volumes", int(0.8 * size(whole)))
    small = unpack([first], tmp_path / "small")
    assert 0 < Shard(small, "train").tokens < Shard(corpus, "train").tokens
    assert texts(small).items() < texts(corpus).items()
    manifest = json.loads((small / "manifest.json").read_text())
    assert manifest.keys() == {"notation", "other"}
    assert sum(package["tokens"] for package in manifest.values()) == Shard(small, "train").tokens


def test_too_small_volumes_are_refused(corpus: Path, tmp_path: Path):
    with pytest.raises(ValueError, match="allow more"):
        pack(corpus, tmp_path / "volumes", 100)
    assert not (tmp_path / "volumes").exists()


def test_ids_are_packed_by_their_bytes():
    words = np.random.default_rng(0).integers(0, 8000, (50, 8)).astype(np.uint16)
    ids = words[np.random.default_rng(1).integers(0, 50, 4000)].tobytes()
    assert len(compress(ids)) < len(ids) / 8

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from models.training.config import TrainConfig
from models.training.corpus import prepare_corpus
from models.training.shards import Shard


def test_copies_are_left_out_and_the_manifest_counts_the_rest(
    tiny_config: Callable[..., TrainConfig], source_folder: Path
):
    said: list[str] = []
    corpus = prepare_corpus(tiny_config(), said.append)
    manifest = json.loads((corpus / "manifest.json").read_text())
    kept = len(list(source_folder.glob("*.py"))) // 2
    assert manifest["notation"]["files"] == len(Shard(corpus, "train")) <= kept
    assert manifest["notation"]["tokens"] == Shard(corpus, "train").tokens
    assert said == [f"{len(Shard(corpus, 'train'))} files to train on, 0 held out (no package)"]


def test_a_finished_corpus_is_kept(tiny_config: Callable[..., TrainConfig]):
    config = tiny_config()
    first = prepare_corpus(config, lambda _: None)
    written = (first / "train.bin").stat().st_mtime_ns
    assert prepare_corpus(config, lambda _: pytest.fail("prepared again")) == first
    assert (first / "train.bin").stat().st_mtime_ns == written


def test_held_out_code_enters_no_training_shard(
    tiny_config: Callable[..., TrainConfig], source_folder: Path, tmp_path: Path
):
    fork = tmp_path / "fork"
    fork.mkdir()
    (fork / "renamed.py").write_text((source_folder / "decoder.py").read_text())
    own = "\n".join(f"def own_function_{i}(value):\n    return value * {i}" for i in range(20))
    (fork / "own.py").write_text(own)
    config = replace(tiny_config(), sources=(source_folder, fork), held_out=("notation",))
    corpus = prepare_corpus(config, lambda _: None)
    assert Shard(corpus, "train").paths == ["own.py"]
    assert "decoder.py" in Shard(corpus, "held_out").paths


def test_nothing_to_train_on_is_an_error(tiny_config: Callable[..., TrainConfig], tmp_path: Path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ValueError, match="name folders with Python code"):
        prepare_corpus(replace(tiny_config(), sources=(empty,)), lambda _: None)


def test_another_runs_corpus_has_to_be_there(tiny_config: Callable[..., TrainConfig]):
    config = tiny_config()
    with pytest.raises(ValueError, match="name the corpus folder of another run"):
        prepare_corpus(replace(config, corpus=config.folder / "mistyped"), lambda _: None)


def test_a_package_is_cut_to_its_cap(tiny_config: Callable[..., TrainConfig]):
    corpus = prepare_corpus(replace(tiny_config(), package_tokens=5_000), lambda _: None)
    assert 2_000 < Shard(corpus, "train").tokens <= 5_000


def test_packages_of_a_list_that_are_missing_are_named(
    tiny_config: Callable[..., TrainConfig], tmp_path: Path
):
    (tmp_path / "names").write_text("annotated-types\nno-such-package\n")
    said: list[str] = []
    config = tiny_config(sources=(), packages=tmp_path / "names")
    corpus = prepare_corpus(replace(config, held_out=()), said.append)
    assert list(json.loads((corpus / "manifest.json").read_text())) == ["annotated-types"]
    assert said[0].endswith("their licence is not permissive: no-such-package")


def test_given_folders_are_taken_beside_what_a_list_names(
    tiny_config: Callable[..., TrainConfig], tmp_path: Path
):
    (tmp_path / "names").write_text("no-such-package\n")
    said: list[str] = []
    prepare_corpus(tiny_config(packages=tmp_path / "names"), said.append)
    assert "no-such-package" in said[0]
    assert said[0].startswith("5 files to train on")  # all of the folder's


def test_other_languages_are_groups_beside_python(
    tiny_config: Callable[..., TrainConfig], source_folder: Path, tmp_path: Path
):
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    body = "\n".join(f"function f{i}(value) {{\n  return value + {i};\n}}" for i in range(40))
    (mixed / "code.js").write_text(body)
    (mixed / "code.test.js").write_text(body.replace("function f", "function t"))
    (mixed / "code.py").write_text((source_folder / "decoder.py").read_text())
    config = tiny_config(sources=(mixed,), languages=("python", "javascript"))
    groups = Shard(prepare_corpus(config, lambda _: None), "train").groups
    assert [(g.name, g.language) for g in groups] == [
        ("mixed", "javascript"),
        ("mixed", "python"),
        ("mixed/tests", "javascript"),
    ]

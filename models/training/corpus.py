"""From packages to shards: choose and clean files, leave duplicates out, tokenize, write."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from tokenizers import Tokenizer

from models.training.cleaning import is_vendored, read_clean
from models.training.config import TrainConfig
from models.training.dedup import LineFilter
from models.training.shards import TESTS, Document, write_shard
from models.training.sources import Package, find_packages
from models.training.tokenizer import inherit_tokenizer, train_tokenizer

TEST_FOLDERS = {"test", "tests", "testing"}
TOKENIZER_SAMPLE = 4_000  # documents that the tokenizer is trained on
MANIFEST = "manifest.json"  # written last: a folder that has it is whole


def prepare_corpus(config: TrainConfig, report: Callable[[str], None]) -> Path:
    """Write tokenizer, shards (training, held out) and manifest, unless they are there already.

    Raises ValueError where no file is left to train on, and where another run's corpus is named
    that is not there.
    """
    folder = config.corpus or config.folder / "corpus"
    if (folder / MANIFEST).exists():
        return folder
    if config.corpus:
        raise ValueError(f"{folder} has no {MANIFEST}: name the corpus folder of another run")
    folder.mkdir(parents=True, exist_ok=True)
    packages, kept_back = find_packages(config.sources, config.package_paths, config.held_out)
    held_out = [document for package in kept_back for document in _documents(package)]
    admitted = LineFilter(document.text for document in held_out).admits
    documents = [d for package in packages for d in _documents(package) if admitted(d.text)]
    if not documents:
        raise ValueError("no source file is left to train on: name folders with Python code")
    names = ", ".join(package.name for package in kept_back) or "no package"
    report(f"{len(documents)} files to train on, {len(held_out)} held out ({names})")
    tokenizer = _tokenizer(config, documents)
    tokenizer.save(str(folder / "tokenizer.json"))
    write_shard(folder, "train", documents, tokenizer)
    write_shard(folder, "held_out", held_out, tokenizer)
    _write_manifest(folder, packages, documents)
    return folder


def _documents(package: Package) -> list[Document]:
    """The package's clean files, its modules first and its tests behind them."""
    return sorted(_clean_files(package), key=lambda document: (document.group, document.path))


def _clean_files(package: Package) -> Iterator[Document]:
    for file in package.files:
        path = file.relative_to(package.root)
        if not is_vendored(path) and (text := read_clean(file)):
            yield Document(_group_name(package.name, path), str(path), text)


def _group_name(package: str, path: Path) -> str:
    tests = not TEST_FOLDERS.isdisjoint(path.parts[:-1]) or path.name.startswith("test_")
    return package + TESTS if tests else package


def _tokenizer(config: TrainConfig, documents: list[Document]) -> Tokenizer:
    if config.start_from:
        return inherit_tokenizer(config.start_from)
    sample = random.Random(config.seed).sample(documents, min(TOKENIZER_SAMPLE, len(documents)))
    return train_tokenizer((document.text for document in sample), config.vocabulary)


def _write_manifest(folder: Path, packages: list[Package], documents: list[Document]) -> None:
    files = Counter(document.group.removesuffix(TESTS) for document in documents)
    manifest = {
        package.name: {"licence": package.licence, "files": files[package.name]}
        for package in packages
        if files[package.name]
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1))

"""From packages to shards: choose and clean files, leave duplicates out, tokenize, write."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from models.training.cleaning import is_vendored, read_clean
from models.training.config import TrainConfig
from models.training.dedup import LineFilter
from models.training.languages import suffixes_of
from models.training.shards import TESTS, Caps, Document, Shard, write_shard
from models.training.sources import Package, Search, find_packages, normalised, read_names
from models.training.tokenizer import inherit_tokenizer, train_tokenizer

TEST_FOLDERS = {"test", "tests", "testing", "__tests__", "spec"}
_TEST_FILE = re.compile(r"^test_|_test\.|\.(test|spec)\.")
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
    packages, kept_back = find_packages(_search(config), config.held_out)
    held_out = [document for package in kept_back for document in _documents(package)]
    admitted = LineFilter(document.text for document in held_out).admits
    documents = [d for package in packages for d in _documents(package) if admitted(d.text)]
    if not documents:
        raise ValueError("no source file is left to train on: name folders with Python code")
    report(_summary(config, packages, kept_back, len(documents), len(held_out)))
    tokenizer = _tokenizer(config, documents)
    tokenizer.save(str(folder / "tokenizer.json"))
    caps = Caps(config.package_tokens, config.tests_tokens)
    write_shard(folder, "train", documents, tokenizer, caps)
    write_shard(folder, "held_out", held_out, tokenizer)
    write_manifest(folder, {package.name: package.licence for package in packages})
    return folder


def _search(config: TrainConfig) -> Search:
    names = read_names(config.packages) if config.packages else frozenset[str]()
    suffixes = suffixes_of(config.languages)
    return Search(config.sources, config.package_paths, names, suffixes)


def _summary(
    config: TrainConfig, packages: list[Package], held: list[Package], train: int, held_out: int
) -> str:
    names = ", ".join(package.name for package in held) or "no package"
    found = {normalised(package.name) for package in (*packages, *held)}
    wanted = map(normalised, _search(config).names)
    missing = ", ".join(sorted(name for name in wanted if name not in found))
    lacking = f"; not installed, or their licence is not permissive: {missing}" if missing else ""
    return f"{train} files to train on, {held_out} held out ({names}){lacking}"


def _documents(package: Package) -> list[Document]:
    """The package's clean files, its modules first and its tests behind them."""
    return sorted(_clean_files(package), key=lambda document: (*document.kind, document.path))


def _clean_files(package: Package) -> Iterator[Document]:
    for file in package.files:
        path = file.relative_to(package.root)
        if not is_vendored(path) and (text := read_clean(file)):
            yield Document(_group_name(package.name, path), str(path), text)


def _group_name(package: str, path: Path) -> str:
    tests = not TEST_FOLDERS.isdisjoint(path.parts[:-1]) or _TEST_FILE.search(path.name)
    return package + TESTS if tests else package


def _tokenizer(config: TrainConfig, documents: list[Document]) -> Tokenizer:
    if config.start_from:
        return inherit_tokenizer(config.start_from)
    sample = random.Random(config.seed).sample(documents, min(TOKENIZER_SAMPLE, len(documents)))
    return train_tokenizer((document.text for document in sample), config.vocabulary)


def write_manifest(folder: Path, licences: Mapping[str, str]) -> None:
    """Write licence, files and tokens of every package in a corpus folder's training shard."""
    counts: dict[str, dict[str, Any]] = {}
    for group in Shard(folder, "train").groups:
        new = {"licence": licences[group.package], "files": 0, "tokens": 0}
        counted = counts.setdefault(group.package, new)
        counted["files"] += group.last - group.first
        counted["tokens"] += group.tokens
    (folder / MANIFEST).write_text(json.dumps(counts, indent=1))

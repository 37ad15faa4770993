"""A folder of small, readable source files, and runs small enough for tests."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from models.training.config import TrainConfig
from models.training.tokenizer import train_tokenizer


@pytest.fixture(scope="session")
def source_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `json` package of the standard library, twice: the second copy has other file names."""
    folder = tmp_path_factory.mktemp("sources") / "notation"
    folder.mkdir()
    for file in sorted(Path(json.__file__).parent.glob("*.py")):
        shutil.copy(file, folder / file.name)
        shutil.copy(file, folder / f"{file.stem}_copy.py")
    return folder


@pytest.fixture(scope="session")
def tokenizer(source_folder: Path) -> Tokenizer:
    texts = (file.read_text() for file in sorted(source_folder.glob("*.py")))
    return train_tokenizer(texts, 400)


@pytest.fixture
def tiny_config(tmp_path: Path, source_folder: Path) -> Callable[..., TrainConfig]:
    """Makes configs of a model of 30,000 weights; keyword arguments replace its choices."""
    config = TrainConfig(
        folder=tmp_path / "run",
        sources=(source_folder,),
        vocabulary=400,
        width=32,
        layers=3,
        heads=2,
        feed_forward=64,
        context=256,
        steps=6,
        cooldown_steps=2,
        tokens_per_step=256,
        windows=((128, 0.5), (256, 0.5)),
        warmup_steps=2,
        threads=1,
        checkpoint_every=2,
        evaluate_every=4,
        evaluation_windows=2,
    )
    return lambda **changes: replace(config, **changes)

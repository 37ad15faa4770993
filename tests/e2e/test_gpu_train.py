"""`.ci/gpu-train` from corpus to model, with a small model on the CPU."""

import email
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM

from models.training.config import TrainConfig
from models.training.corpus import prepare_corpus
from models.training.packing import pack
from models.training.shards import Shard

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / ".ci" / "gpu-train"
TINY = ("--preset", "tiny", "--device", "cpu", "--workers", "1", "--threads", "1")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder, package in zip(folders, (email, json), strict=True):
        assert package.__file__
        folder.mkdir()
        for file in sorted(Path(package.__file__).parent.glob("*.py"))[:8]:
            shutil.copy(file, folder / file.name)
    config = TrainConfig(
        folder=tmp_path / "run", sources=tuple(folders), held_out=("second",), vocabulary=400
    )
    return prepare_corpus(config, lambda _: None)


def gpu_train(kept: Path, *words: object) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHON": sys.executable, "KEPT": str(kept)}
    command = [str(SCRIPT), *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
def test_a_corpus_goes_in_volumes_and_a_model_comes_back_in_parts(corpus: Path, tmp_path: Path):
    kept, out, run = tmp_path / "kept", tmp_path / "out", tmp_path / "joined"
    (whole,) = pack(corpus, tmp_path / "whole", 10**6)
    size = sum(file.stat().st_size for file in whole.iterdir())
    packed = gpu_train(kept, "pack", corpus, tmp_path / "volumes", 0.9 * size / 2**20)
    volumes = packed.stdout.split()
    assert len(volumes) > 1, packed.stderr
    for volume in volumes:
        assert gpu_train(kept, "bring", volume).returncode == 0
    trained = gpu_train(kept, "train", out, 0.05, *TINY)
    assert trained.returncode == 0, trained.stderr
    assert Shard(kept / "run" / "corpus", "train").tokens == Shard(corpus, "train").tokens
    assert {file.name for file in out.iterdir()} == {
        "model.safetensors.000",
        "model.safetensors.sha256",
        "run.tar.gz",
    }
    assert gpu_train(kept, "join", out, run).returncode == 0
    model = AutoModelForCausalLM.from_pretrained(run / "export")
    assert model.config.num_key_value_heads == 2
    last = json.loads((run / "log.jsonl").read_text().splitlines()[-1])
    assert last["held_out_middle_loss"] > 0
    card = (run / "export" / "MODEL_CARD.md").read_text()
    assert "completer train RUN --preset tiny --minutes 0.05" in card
    assert "out: second." in card


def test_wheels_that_the_machine_lacks_are_unpacked(tmp_path: Path):
    wheel = tmp_path / "extra-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("extra.py", "x = 1\n")
    assert gpu_train(tmp_path / "kept", "bring", wheel).returncode == 0
    assert (tmp_path / "kept" / "packages" / "extra.py").read_text() == "x = 1\n"
    assert not list((tmp_path / "kept" / "volumes").iterdir())


def test_a_model_to_start_from_is_kept_apart(tmp_path: Path):
    model = tmp_path / "bundled"
    model.mkdir()
    (model / "config.json").write_text("{}")
    assert gpu_train(tmp_path / "kept", "bring", model).returncode == 0
    assert (tmp_path / "kept" / "start" / "config.json").read_text() == "{}"


def test_more_minutes_than_a_loan_allows_are_refused(tmp_path: Path):
    refused = gpu_train(tmp_path, "train", tmp_path / "out", 9)
    assert refused.returncode == 2
    assert "Train for 8 minutes at most" in refused.stderr
    asked = gpu_train(tmp_path)
    assert asked.returncode == 2
    assert ".ci/gpu-train join OUT RUN" in asked.stdout

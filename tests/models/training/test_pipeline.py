"""Whole runs: through to a model that completes, killed and resumed, branched off to cool down."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from models.training.config import Progress, TrainConfig
from models.training.pipeline import cool_down, run

WORKER = """
import pickle, sys
from models.training.pipeline import run
run(pickle.loads(sys.stdin.buffer.read()), progress=lambda _: None)
"""


def silent(_: Progress) -> None:
    pass


def weights_of(folder: Path) -> dict[str, bytes]:
    weights = load_file(folder / "model.safetensors")
    return {name: weight.float().numpy().tobytes() for name, weight in weights.items()}


def start_worker(config: TrainConfig) -> subprocess.Popen[bytes]:
    worker = subprocess.Popen([sys.executable, "-c", WORKER], stdin=subprocess.PIPE)
    assert worker.stdin is not None
    worker.stdin.write(pickle.dumps(config))
    worker.stdin.close()
    return worker


def wait_for(path: Path, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.01)


@pytest.mark.slow
def test_source_code_becomes_a_model_that_plain_transformers_completes_with(
    tiny_config: Callable[..., TrainConfig], source_folder: Path, tmp_path: Path
):
    other = tmp_path / "other"
    other.mkdir()
    body = "\n".join(f"def function_{i}(value):\n    return value + {i}\n" for i in range(60))
    (other / "code.py").write_text(body)
    reports: list[Progress] = []
    config = tiny_config(sources=(source_folder, other), held_out=("notation",), steps=60)
    folder = run(config, progress=reports.append)
    trained = [report for report in reports if report.stage == "train"]
    assert trained[-1].loss < trained[0].loss - 0.5
    assert trained[-1].step == trained[-1].steps == 62
    assert trained[-1].held_out_loss is not None
    assert trained[-1].held_out_middle_loss is not None
    assert trained[-1].tokens == 62 * 256
    figures = json.loads((config.folder / "figures.json").read_text())
    assert len(figures["512 tokens"]["exit_accuracy"]) == 3
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    prompt = tokenizer("<|fim_suffix|>\n<|fim_prefix|>def f<|fim_middle|>", return_tensors="pt")
    assert prompt["input_ids"][0, 0] == 2
    assert json.loads((folder / "config.json").read_text())["fim_layout"] == "completer-caret"
    completed = model.generate(**prompt, max_new_tokens=8, min_new_tokens=8, do_sample=False)
    assert completed.shape[1] == prompt["input_ids"].shape[1] + 8


@pytest.mark.slow
def test_a_run_killed_and_resumed_ends_with_the_same_weights(
    tiny_config: Callable[..., TrainConfig], tmp_path: Path
):
    whole = tiny_config(folder=tmp_path / "whole", steps=40, checkpoint_every=3)
    killed = tiny_config(folder=tmp_path / "killed", steps=40, checkpoint_every=3)
    assert start_worker(whole).wait(120) == 0
    worker = start_worker(killed)
    wait_for(killed.folder / "checkpoint.pt")
    os.kill(worker.pid, signal.SIGKILL)
    assert worker.wait(10) == -signal.SIGKILL
    assert not (killed.folder / "export").exists()
    assert start_worker(killed).wait(120) == 0
    assert weights_of(killed.folder / "export") == weights_of(whole.folder / "export")


def test_a_branch_cools_down_and_leaves_the_run_as_it_is(
    tiny_config: Callable[..., TrainConfig],
):
    config = tiny_config(steps=6, cooldown_steps=0)
    run(config, progress=silent)
    before = (config.folder / "checkpoint.pt").read_bytes()
    folder = cool_down(config, 4, progress=silent)
    assert folder == config.folder / "cooled-6" / "export"
    assert weights_of(folder) != weights_of(config.folder / "export")
    assert (config.folder / "checkpoint.pt").read_bytes() == before


def test_a_run_that_has_not_begun_cannot_be_cooled_down(
    tiny_config: Callable[..., TrainConfig],
):
    with pytest.raises(FileNotFoundError, match="train before cooling down"):
        cool_down(tiny_config(), 4, progress=silent)


def test_another_runs_weights_and_tokenizer_are_continued(
    tiny_config: Callable[..., TrainConfig], tmp_path: Path
):
    first = run(tiny_config(), progress=silent)
    config = tiny_config(folder=tmp_path / "second", start_from=first, steps=1, cooldown_steps=0)
    second = run(config, progress=silent)
    assert (first / "tokenizer.json").read_text() == (second / "tokenizer.json").read_text()
    assert weights_of(second).keys() == weights_of(first).keys()


def test_a_checkpoint_of_another_shape_is_refused(tiny_config: Callable[..., TrainConfig]):
    run(tiny_config(), progress=silent)
    with pytest.raises(ValueError, match="model of another shape"):
        run(tiny_config(layers=2), progress=silent)


@pytest.mark.parametrize("device", ["gpu", "cuda"])
def test_a_device_that_is_not_there_is_an_error(tiny_config: Callable[..., TrainConfig], device):
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(ValueError, match="device"):
        run(tiny_config(device=device), progress=silent)

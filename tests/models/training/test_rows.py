"""The rows of a step: the same whoever makes them; processes that end with the run."""

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
import torch

from models.training.config import TrainConfig
from models.training.corpus import prepare_corpus
from models.training.rows import batches, worker_count
from models.training.unit_table import write_units

CPU = torch.device("cpu")
KEEPS_BUSY = """
import pickle, sys, time
from models.training.rows import batches
import torch
if __name__ == "__main__":
    config, corpus = pickle.loads(sys.stdin.buffer.read())
    rows = batches(config, corpus, 0, torch.device("cpu"))
    next(rows)
    print("going", flush=True)
    while sys.argv[1] == "killed":
        time.sleep(1)
    raise RuntimeError("out of memory")
"""


def drawn(config: TrainConfig, corpus: Path, first: int = 0, count: int = 4):
    rows = batches(config, corpus, first, CPU)
    return [batch.ids for batch in islice(rows, count)]


@pytest.fixture
def corpus(tiny_config: Callable[..., TrainConfig]) -> Path:
    folder = prepare_corpus(tiny_config(), lambda _: None)
    write_units(folder, "train")
    return folder


@pytest.mark.slow
def test_processes_make_the_rows_that_the_run_itself_would(
    tiny_config: Callable[..., TrainConfig], corpus: Path
):
    alone = drawn(tiny_config(workers=0), corpus)
    assert all(map(torch.equal, drawn(tiny_config(workers=2), corpus), alone))
    assert all(map(torch.equal, drawn(tiny_config(workers=2), corpus, 2, 2), alone[2:]))
    assert not any(map(torch.equal, drawn(tiny_config(workers=0, seed=1), corpus), alone))


@pytest.mark.slow
@pytest.mark.parametrize("end", ["killed", "failed"])
def test_no_process_outlives_the_run(
    end: str, tiny_config: Callable[..., TrainConfig], corpus: Path
):
    command = [sys.executable, "-c", KEEPS_BUSY, end]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        run.stdin.write(pickle.dumps((tiny_config(workers=2), corpus)))
        run.stdin.close()
        assert run.stdout.readline() == b"going\n"
        if end == "killed":
            run.kill()
        ended = time.monotonic()
        assert run.stdout.read() == b""  # comes back when nobody holds the standard output
        assert time.monotonic() - ended < 30
    assert run.returncode == (-signal.SIGKILL if end == "killed" else 1)


def test_a_gpu_gets_a_process_for_every_core_but_one(tiny_config: Callable[..., TrainConfig]):
    cores = os.cpu_count() or 1
    assert worker_count(tiny_config(), torch.device("cuda")) == max(1, cores - 1)
    assert worker_count(tiny_config(), CPU) == 0
    assert worker_count(tiny_config(workers=3), CPU) == 3

"""The rows of every step: made ahead by processes of their own, handed over on the device."""

from __future__ import annotations

import itertools
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from models.training.batch import MIDDLE_WEIGHT, Batch, collate
from models.training.config import TrainConfig
from models.training.examples import ExampleMaker
from models.training.workers import end_with_parent, process_context

AHEAD = 2  # steps that each process makes ahead; they lie in shared memory, a megabyte each
LONGEST_WAIT = 300.0  # seconds for a process's rows, after which the run fails


class StepRows(Dataset[Batch]):
    """Item `step` is that step's batch: a function of seed and step, whoever makes it."""

    def __init__(self, config: TrainConfig, corpus: Path) -> None:
        self._config = config
        self._corpus = corpus
        self._maker: ExampleMaker | None = None  # opened by the process that uses it

    def __getitem__(self, step: int) -> Batch:
        if self._maker is None:
            share = self._config.other_languages
            self._maker = ExampleMaker.of(self._corpus, "train", other_languages=share)
        rng = np.random.default_rng((self._config.seed, step))
        lengths, shares = zip(*self._config.windows, strict=True)
        window = int(rng.choice(lengths, p=np.asarray(shares) / sum(shares)))
        count = max(1, self._config.tokens_per_step // window)
        rows = [self._maker.row(window, rng) for _ in range(count)]
        return collate(rows, MIDDLE_WEIGHT)


def batches(
    config: TrainConfig, corpus: Path, first: int, device: torch.device
) -> Generator[Batch, None, None]:
    """The batches of step `first` and all later ones, on the device.

    Closed, it ends the processes that make them. Raises RuntimeError where one of these has died.
    """
    rows = StepRows(config, corpus)
    processes = worker_count(config, device)
    if not processes:
        return (rows[step].to(device) for step in itertools.count(first))
    loader = DataLoader(
        rows,
        batch_size=None,
        sampler=itertools.count(first),
        num_workers=processes,
        prefetch_factor=AHEAD,
        pin_memory=device.type == "cuda",
        timeout=LONGEST_WAIT,
        worker_init_fn=_prepare_worker,
        multiprocessing_context=process_context(__name__),
    )
    return on_device(iter(loader), device)


def worker_count(config: TrainConfig, device: torch.device) -> int:
    """How many processes make rows; none where training itself needs all cores."""
    if config.workers is not None:
        return config.workers
    return max(1, (os.cpu_count() or 1) - 1) if device.type == "cuda" else 0


def on_device(loaded: Iterator[Batch], device: torch.device) -> Generator[Batch, None, None]:
    """Copy each batch, on a stream of its own, while the one before it is worked on.

    The training thread asks for a batch when a step is launched on the GPU, not when it is done.
    """
    if device.type != "cuda":
        yield from (batch.to(device) for batch in loaded)
        return
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    for batch in loaded:
        with torch.cuda.stream(stream):
            moved = batch.to(device)
        training = torch.cuda.current_stream(device)
        training.wait_stream(stream)
        for part in (moved.ids, moved.weights):
            part.record_stream(training)
        yield moved


def _prepare_worker(_: int) -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    end_with_parent()

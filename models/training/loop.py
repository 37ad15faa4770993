"""The training loop: steps, reports, checkpoints; all depends on seed and step only."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch._inductor.config
from tokenizers import Tokenizer
from torch import Tensor

from models.training.checkpoint import load_checkpoint, save_checkpoint
from models.training.config import Progress, TrainConfig
from models.training.curriculum import Curriculum
from models.training.evaluation import held_out_loss, held_out_rows
from models.training.examples import ExampleMaker, Row
from models.training.loss import chunk_errors
from models.training.model import Decoder, ModelShape
from models.training.objective import Objective, collate
from models.training.optimizers import Optimizers
from models.training.schedule import rate_factor, total_steps
from models.training.shards import Shard
from models.training.threads import ThreadTuner
from models.training.warm_start import load_weights

VOCABULARY_MULTIPLE = 64
REPORT_EVERY = 10  # steps


class Trainer:
    """A model in training: `run` goes on from the last checkpoint to the last step."""

    def __init__(
        self, config: TrainConfig, corpus: Path, report: Callable[[Progress], None]
    ) -> None:
        self.config = config
        self.report = report
        self.device = _device(config.device)
        tokenizer = Tokenizer.from_file(str(corpus / "tokenizer.json"))
        self.maker = ExampleMaker(Shard(corpus, "train"), tokenizer)
        self.held_out = _held_out_rows(config, corpus, tokenizer)
        self.decoder = _new_decoder(config, tokenizer)
        self.optimizers = Optimizers.of(self.decoder, config)
        self.objective = _objective(config, self.decoder)
        self.curriculum = Curriculum(config.curriculum, config.curriculum_steps)
        self.step = 0
        self._restore()

    def run(self) -> Decoder:
        """Train to the last step, with reports and checkpoints on the way."""
        last = total_steps(self.config)
        tuner = ThreadTuner(self.config.threads if self.device.type == "cpu" else 1)
        losses: list[float] = []
        since = time.monotonic()
        while self.step < last:
            with tuner:
                losses.append(self.train_step())
            if self.step % REPORT_EVERY == 0 or self.step == last:
                speed = len(losses) * self.config.tokens_per_step / (time.monotonic() - since)
                self._report(float(np.mean(losses)), speed, last)
                losses, since = [], time.monotonic()
            if self.step % self.config.checkpoint_every == 0 or self.step == last:
                self._save()
        return self.decoder

    def train_step(self) -> float:
        """One optimiser step; returns its loss in nats a token."""
        config = self.config
        rows = self._draw_rows()
        batch = collate(rows, self.device)
        loss, losses = self.objective(self.decoder, batch, self.step)
        torch.autograd.backward(loss)
        factor = rate_factor(config, self.step)
        self.optimizers.update(self.decoder, factor * config.muon_rate, factor * config.adam_rate)
        self._learn_difficulty(rows, losses.view(len(rows), -1))
        self.step += 1
        return float((losses * batch.weights).sum())

    def _draw_rows(self) -> list[Row]:
        """This step's rows, which share one window length."""
        rng = np.random.default_rng((self.config.seed, self.step))
        self.curriculum.advance(self.step)
        lengths, shares = zip(*self.config.windows, strict=True)
        window = int(rng.choice(lengths, p=np.asarray(shares) / sum(shares)))
        count = max(1, self.config.tokens_per_step // window)
        return [self.maker.row(window, rng, self.curriculum.choose) for _ in range(count)]

    def _learn_difficulty(self, rows: list[Row], losses: Tensor) -> None:
        """Tell the curriculum the mean loss of each middle; `losses [rows, window]`."""
        for row, row_losses in zip(rows, losses.cpu().numpy(), strict=True):
            for middle in row.middles:
                if middle.end > middle.start:
                    loss = row_losses[middle.start - 1 : middle.end - 1].mean()
                    self.curriculum.record(middle.category, float(loss))

    def _report(self, loss: float, speed: float, last: int) -> None:
        held_out = None
        if self.held_out and (self.step % self.config.evaluate_every == 0 or self.step == last):
            held_out = held_out_loss(self.decoder, self.held_out, self.device)
        left = (last - self.step) * self.config.tokens_per_step / speed
        progress = Progress("train", self.step, last, loss, held_out, speed, left)
        with (self.config.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(vars(progress)) + "\n")
        self.report(progress)

    def _save(self) -> None:
        state = {
            "step": self.step,
            "decoder": self.decoder.state_dict(),
            "optimizers": self.optimizers.state(),
            "difficulty": self.curriculum.difficulty,
        }
        save_checkpoint(self.config.folder, state)

    def _restore(self) -> None:
        state = load_checkpoint(self.config.folder)
        if state is None:
            return
        saved = {name: weight.shape for name, weight in state["decoder"].items()}
        if saved != {name: weight.shape for name, weight in self.decoder.state_dict().items()}:
            raise ValueError(
                f"the checkpoint in {self.config.folder} is of a model of another shape: go on "
                "with the sizes that it was started with, or name a new folder"
            )
        self.step = state["step"]
        self.decoder.load_state_dict(state["decoder"])
        self.optimizers.restore(state["optimizers"])
        self.curriculum.difficulty = state["difficulty"]


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"there is no device {name}: name cpu, cuda or cuda:N") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError("this torch finds no CUDA device: train on the cpu")
    return device


def _held_out_rows(config: TrainConfig, corpus: Path, tokenizer: Tokenizer) -> list[Row]:
    shard = Shard(corpus, "held_out")
    if not len(shard):
        return []
    window = config.windows[0][0]
    return held_out_rows(ExampleMaker(shard, tokenizer), window, config.evaluation_windows)


def _new_decoder(config: TrainConfig, tokenizer: Tokenizer) -> Decoder:
    """The decoder before its first step, the same for the same seed or starting checkpoint."""
    torch.manual_seed(config.seed)
    known = tokenizer.get_vocab_size()
    decoder = Decoder(
        ModelShape(
            vocabulary=math.ceil(known / VOCABULARY_MULTIPLE) * VOCABULARY_MULTIPLE,
            width=config.width,
            layers=config.layers,
            heads=config.heads,
            feed_forward=config.feed_forward,
            context=config.context,
        )
    )
    if config.start_from:
        load_weights(decoder, config.start_from)
    return decoder.to(config.device)


def _objective(config: TrainConfig, decoder: Decoder) -> Objective:
    stride = max(1, round(1 / config.exit_share))
    if not config.compile:
        return Objective(config.exit_weight, stride)
    torch._inductor.config.cpp.dynamic_threads = True  # the tuner changes their number
    for layer in decoder.layers:
        layer.compile()
    return Objective(config.exit_weight, stride, torch.compile(chunk_errors))

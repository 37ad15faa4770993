"""The training loop: steps, reports, checkpoints; all depends on seed and step only."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import torch
import torch._inductor.config
from tokenizers import Tokenizer
from torch import Tensor

from models.training.checkpoint import load_checkpoint, save_checkpoint
from models.training.config import Progress, TrainConfig
from models.training.evaluation import HeldOut, held_out_rows
from models.training.examples import ExampleMaker
from models.training.loss import chunk_errors
from models.training.model import Decoder, ModelShape
from models.training.objective import Objective
from models.training.optimizers import Optimizers
from models.training.rows import batches
from models.training.schedule import schedule_of
from models.training.shards import Shard
from models.training.threads import ThreadTuner
from models.training.warm_start import load_weights

LOG = "log.jsonl"  # one report a line
VOCABULARY_MULTIPLE = 64
REPORT_EVERY = 10  # steps


class Trainer:
    """A model in training: `run` goes on from the last checkpoint to the end of the schedule."""

    def __init__(
        self, config: TrainConfig, corpus: Path, report: Callable[[Progress], None]
    ) -> None:
        self.config = config
        self.report = report
        self.device = _device(config.device)
        self.held_out = _held_out(config, corpus, self.device)
        self.decoder = _new_decoder(config, corpus)
        self.optimizers = Optimizers.of(self.decoder, config)
        self.objective = _objective(config, self.decoder)
        self.schedule = schedule_of(config)
        self.step = 0
        self.seconds = 0.0  # trained, those before the last checkpoint included
        self._restore()
        self.batches = batches(config, corpus, self.step, self.device)

    def run(self) -> Decoder:
        """Train to the end, with reports and checkpoints on the way."""
        with closing(self.batches):
            self._train()
        return self.decoder

    def _train(self) -> None:
        tuner = ThreadTuner(self.config.threads if self.device.type == "cpu" else 1)
        losses: list[Tensor] = []
        began = time.monotonic() - self.seconds
        since = self.seconds
        over = self.schedule.is_over(self.step, self.seconds)
        while not over:
            with tuner:
                losses.append(self.train_step())
            self.seconds = time.monotonic() - began
            over = self.schedule.is_over(self.step, self.seconds)
            if self.step % REPORT_EVERY == 0 or over:
                loss = float(torch.stack(losses).mean())  # waits for the device
                self.seconds = time.monotonic() - began
                self._report(loss, len(losses) / (self.seconds - since), over)
                losses, since = [], time.monotonic() - began
            if self.step % self.config.checkpoint_every == 0 or over:
                self._save()

    def train_step(self) -> Tensor:
        """One optimiser step; returns its weighted loss in nats a token, on the device."""
        config = self.config
        batch = next(self.batches)
        total = torch.zeros((), device=self.device)
        for part in batch.parts(config.rows_at_a_time):
            loss, losses = self.objective(self.decoder, part, self.step)
            torch.autograd.backward(loss)
            total += (losses * part.weights.flatten()).sum()
        factor = self.schedule.factor(self.step, self.seconds)
        self.optimizers.update(self.decoder, factor, self.step)
        self.step += 1
        return total

    def _report(self, loss: float, steps_a_second: float, over: bool) -> None:
        held_out = middle = None
        if self.held_out and (self.step % self.config.evaluate_every == 0 or over):
            held_out, middle = self.held_out.losses(self.decoder)
        progress = Progress(
            "train",
            step=self.step,
            steps=self.schedule.steps,
            loss=loss,
            held_out_loss=held_out,
            held_out_middle_loss=middle,
            tokens=self.step * self.config.tokens_per_step,
            tokens_per_second=steps_a_second * self.config.tokens_per_step,
            seconds_left=self.schedule.left(self.step, self.seconds),
        )
        with (self.config.folder / LOG).open("a") as log:
            log.write(json.dumps(vars(progress)) + "\n")
        self.report(progress)

    def _save(self) -> None:
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "decoder": self.decoder.state_dict(),
            "optimizers": self.optimizers.state(),
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
        self.step, self.seconds = state["step"], state["seconds"]
        self.decoder.load_state_dict(state["decoder"])
        self.optimizers.restore(state["optimizers"])


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"there is no device {name}: name cpu, cuda or cuda:N") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError("this torch finds no CUDA device: train on the cpu")
    return device


def _held_out(config: TrainConfig, corpus: Path, device: torch.device) -> HeldOut | None:
    if not len(Shard(corpus, "held_out")):
        return None
    window = config.windows[0][0]
    rows = held_out_rows(ExampleMaker.of(corpus, "held_out"), window, config.evaluation_windows)
    return HeldOut.of(rows, device)


def _new_decoder(config: TrainConfig, corpus: Path) -> Decoder:
    """The decoder before its first step, the same for the same seed or starting checkpoint."""
    torch.manual_seed(config.seed)
    known = Tokenizer.from_file(str(corpus / "tokenizer.json")).get_vocab_size()
    decoder = Decoder(
        ModelShape(
            vocabulary=math.ceil(known / VOCABULARY_MULTIPLE) * VOCABULARY_MULTIPLE,
            width=config.width,
            layers=config.layers,
            heads=config.heads,
            feed_forward=config.feed_forward,
            context=config.context,
            key_value_heads=config.key_value_heads,
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

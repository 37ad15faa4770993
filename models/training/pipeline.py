"""A whole run: corpus, training, export; and the cooled-down branch of a run that goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from tokenizers import Tokenizer

from models.training.card import RunFacts, write_card, write_facts
from models.training.checkpoint import NAME, load_checkpoint
from models.training.config import Progress, TrainConfig
from models.training.corpus import prepare_corpus
from models.training.export import export_model
from models.training.loop import Trainer
from models.training.measure import write_figures
from models.training.run_folder import claim
from models.training.shards import Shard
from models.training.unit_table import write_units

FIGURES = "figures.json"

Report = Callable[[Progress], None]


def run(config: TrainConfig, *, progress: Report) -> Path:
    """Train to the end of the schedule, from the last checkpoint if there is one.

    Returns the exported folder, its model card in it; the figures are beside it, in
    `figures.json`. A run can be killed at any time and started again. Raises FileExistsError if its
    folder holds something else that it would write over.
    """
    claim(config.folder)
    corpus = prepare_corpus(config, lambda text: progress(Progress("corpus", message=text)))
    for name in ("train", "held_out"):
        write_units(corpus, name)
    decoder = Trainer(config, corpus, progress).run()
    tokenizer = Tokenizer.from_file(str(corpus / "tokenizer.json"))
    folder = export_model(decoder, tokenizer, config.folder / "export")
    held_out = Shard(corpus, "held_out")
    if len(held_out):
        progress(Progress("export", message="measuring on the held-out packages"))
        path, device = config.folder / FIGURES, torch.device(config.device)
        write_figures(folder, corpus, path, device, config.evaluation_windows)
    names = tuple(dict.fromkeys(group.package for group in held_out.groups))
    where = _named(corpus, config.folder)
    shown = RunFacts(config.command, where, names, config.languages, config.other_languages)
    write_facts(config.folder, shown)
    write_card(config.folder)
    return folder


def _named(corpus: Path, run: Path) -> str:
    inside = corpus.is_relative_to(run)
    return str(corpus.relative_to(run) if inside else corpus.resolve())


def cool_down(config: TrainConfig, steps: int, *, progress: Report) -> Path:
    """Branch off the last checkpoint, let the rates fall to zero within `steps`, export.

    The run itself is left as it is: it can go on, and be branched again when it is further.
    Raises FileNotFoundError for a run without a checkpoint.
    """
    state = load_checkpoint(config.folder)
    if state is None:
        raise FileNotFoundError(f"{config.folder} has no {NAME}: train before cooling down")
    branch = replace(
        config,
        folder=config.folder / f"cooled-{state['step']}",
        corpus=config.corpus or config.folder / "corpus",
        minutes=None,
        steps=state["step"],
        cooldown_steps=steps,
    )
    claim(branch.folder)
    if not (branch.folder / NAME).exists():
        shutil.copy(config.folder / NAME, branch.folder / NAME)
    return run(branch, progress=progress)

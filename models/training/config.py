"""What a training run is asked to do, and what it reports while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HELD_OUT_PACKAGES = ("rich", "click", "starlette", "anyio", "uvicorn", "httpx")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Every choice of a run; equal configs over equal sources end with equal weights.

    That holds on a CPU for a fixed number of `threads` and of steps; without the one the run takes
    as many as are faster, and a clock ends it when the time is up.
    """

    folder: Path
    """All that the run writes: corpus, checkpoint, log, export. What is there is continued."""
    command: str = "completer train RUN"
    """How the run was asked for, for the model card."""
    corpus: Path | None = None
    """The corpus folder of another run, to be used instead of `folder/corpus`."""
    sources: tuple[Path, ...] = ()
    """Folders of code; none: the standard library and the permissively licensed packages."""
    package_paths: tuple[Path, ...] = ()
    """Folders with installed packages beside those that Python itself would import."""
    packages: Path | None = None
    """A list of the installed packages to take, one name a line or the keys of a JSON object."""
    languages: tuple[str, ...] = ("python",)
    """Languages whose files are taken, as models/training/languages.py names them."""
    other_languages: float = 0.2
    """Share of the rows' examples in other languages than Python, where there are any."""
    package_tokens: int = 2_700_000
    """The most tokens that are taken of one package."""
    tests_tokens: int = 450_000
    """The most tokens that are taken of a package's tests."""
    held_out: tuple[str, ...] = HELD_OUT_PACKAGES
    """Packages that are never trained on, only measured on."""
    start_from: Path | None = None
    """A Llama checkpoint whose weights and tokenizer are continued."""

    vocabulary: int = 8192
    """Tokens of a new tokenizer."""
    width: int = 256
    layers: int = 6
    heads: int = 4
    key_value_heads: int = 2
    feed_forward: int = 704
    context: int = 2048
    """Positions that the exported model declares."""

    minutes: float | None = None
    """How long to train; in place of the steps and without them."""
    steps: int = 20_000
    """Steps until the learning rate begins to fall."""
    cooldown_steps: int = 0
    """Steps in which it falls to zero."""
    decay: float | None = None
    """Share of the minutes in which it falls; without one `decay_share` says it."""
    tokens_per_step: int = 4096
    rows_at_a_time: int = 32
    """Rows of one pass; a step of more adds up several passes."""
    windows: tuple[tuple[int, float], ...] = ((1024, 0.85), (2048, 0.15))
    """Window lengths in tokens, each with its share of the steps."""
    warmup_steps: int = 100
    muon_rate: float = 0.012
    adam_rate: float = 1.5e-3
    weight_decay: float = 0.02
    exit_weight: float = 0.2
    """What the early-exit loss counts beside the model's own; 0 leaves it out."""
    exit_share: float = 0.25
    """Share of the positions that the early-exit loss sees."""

    seed: int = 0
    device: str = "cpu"
    threads: int | None = None
    workers: int | None = None
    """Processes that make rows ahead; by default none on a CPU, and beside a GPU all cores but one.
    """
    compile: bool = False
    """Fuse the model's small operations, for which a C++ compiler has to be installed."""
    checkpoint_every: int = 50
    evaluate_every: int = 200
    evaluation_windows: int = 32

    @property
    def decay_share(self) -> float:
        """A model that is continued was at its end before: its rates fall nearly all the time."""
        return self.decay if self.decay is not None else 0.9 if self.start_from else 0.55


@dataclass(frozen=True)
class Progress:
    """One report of a run: where it stands and how fast it moves."""

    stage: str  # "corpus", "train" or "export"
    step: int = 0
    steps: int = 0  # of the whole run; 0 where a clock ends it
    loss: float = 0.0  # nats a token, mean since the last report
    held_out_loss: float | None = None
    held_out_middle_loss: float | None = None  # nats a token of a middle
    tokens: int = 0  # seen so far
    tokens_per_second: float = 0.0
    seconds_left: float = 0.0
    message: str = ""

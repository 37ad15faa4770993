"""MODEL_CARD.md: what the model was made of and how good it is, filled from measured JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

TEMPLATE = Path(__file__).with_name("MODEL_CARD.template.md")


@dataclass(frozen=True)
class CardSources:
    """The files that a card is made of; each figure in it stands in one of them."""

    config: Path  # config.json of the exported model
    manifest: Path  # manifest.json of the corpus
    figures: Path  # what `write_figures` wrote
    evaluations: tuple[Path, ...]  # `completer eval --json`, one per repository
    train_command: str
    measure_command: str
    tokens_seen: int


def write_card(sources: CardSources, path: Path) -> None:
    """Write the card of a model."""
    config, manifest, figures = (
        json.loads(file.read_text()) for file in (sources.config, sources.manifest, sources.figures)
    )
    reports = [json.loads(file.read_text()) for file in sources.evaluations]
    text = Template(TEMPLATE.read_text()).substitute(
        parameters=f"{parameter_count(config) / 1e6:.1f} M",
        layers=config["num_hidden_layers"],
        width=config["hidden_size"],
        context=f"{config['max_position_embeddings']:,}",
        vocabulary=f"{config['vocab_size']:,}",
        tokens_seen=f"{sources.tokens_seen / 1e6:.1f} M",
        train_command=sources.train_command,
        measure_command=sources.measure_command,
        losses=loss_table(figures),
        exits=exit_table(figures),
        matches=match_table(reports),
        packages=package_table(manifest),
    )
    path.write_text(text)


def parameter_count(config: dict[str, Any]) -> int:
    """Weights of a Llama shape with tied embeddings."""
    width, feed_forward = config["hidden_size"], config["intermediate_size"]
    shared = config["num_key_value_heads"] * config["head_dim"]
    layer = 2 * width * (width + shared) + 3 * width * feed_forward + 2 * width
    return int(config["vocab_size"] * width + config["num_hidden_layers"] * layer + width)


def loss_table(figures: dict[str, Any]) -> str:
    """Held-out loss by window."""
    rows = [(name, f"{f['loss']:.3f}", f"{f['middle_loss']:.3f}") for name, f in figures.items()]
    return table(("window", "nats a token", "nats a token of a middle"), rows)


def exit_table(figures: dict[str, Any]) -> str:
    """Top-choice accuracy after each layer, by window."""
    layers = len(next(iter(figures.values()))["exit_accuracy"])
    rows = [(name, *map("{:.3f}".format, f["exit_accuracy"])) for name, f in figures.items()]
    return table(("window", *(f"layer {layer}" for layer in range(1, layers + 1))), rows)


def match_table(reports: Sequence[dict[str, Any]]) -> str:
    """Exact match by repository and kind of span, each with its 95 % interval."""
    kinds = list(dict.fromkeys(kind for report in reports for kind in report["spans"]))
    rows = [
        (Path(r["repo"]).name, *(_match(r["spans"][k]) if k in r["spans"] else "" for k in kinds))
        for r in reports
    ]
    return table(("repository", *(kind.replace("_", " ") for kind in kinds)), rows)


def package_table(manifest: dict[str, Any]) -> str:
    """What the model was trained on."""
    rows = [(name, p["licence"], f"{p['files']:,}") for name, p in sorted(manifest.items())]
    return table(("package", "licence", "files"), rows)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _match(span: dict[str, Any]) -> str:
    return f"{span['exact_match']:.3f} ({span['low']:.3f} to {span['high']:.3f}, n={span['n']:,})"

"""MODEL_CARD.md: what a model was made of and how good it is, from the files of its run.

`python -m models.training.card RUN --evaluation REPORT...` writes it again with what
`completer eval --json` said about packages that the run has not seen.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from models.training.curve import draw_curve

TEMPLATE = Path(__file__).with_name("MODEL_CARD.template.md")
CARD = "MODEL_CARD.md"
PICTURE = "learning_curve.svg"
RUN = "run.json"
UNMEASURED = "<!-- exact match: not measured yet -->"


@dataclass(frozen=True)
class RunFacts:
    """What a run's folder says in `run.json`."""

    command: str
    corpus: str  # the corpus folder, from the run's folder if it is in it
    held_out: tuple[str, ...]
    languages: tuple[str, ...] = ("python",)
    other_languages: float = 0.0  # share of the examples in others than Python
    note: str = ""  # what else a reader of the card should know


def write_facts(folder: Path, facts: RunFacts) -> None:
    """Write down what the card needs to know about a run."""
    (folder / RUN).write_text(json.dumps(vars(facts), indent=1) + "\n")


def write_card(folder: Path, evaluations: Sequence[Path] = ()) -> Path:
    """Write the card of a run's exported model beside it, and the picture of its learning curve."""
    model, facts = folder / "export", RunFacts(**_read(folder / RUN))
    config, manifest = _read(model / "config.json"), _read(folder / facts.corpus / "manifest.json")
    figures = _read(folder / "figures.json") if (folder / "figures.json").exists() else {}
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    text = Template(TEMPLATE.read_text()).substitute(
        parameters=f"{parameter_count(config) / 1e6:.1f} M",
        layers=config["num_hidden_layers"],
        width=config["hidden_size"],
        heads=config["num_attention_heads"],
        key_value_heads=config["num_key_value_heads"],
        context=f"{config['max_position_embeddings']:,}",
        vocabulary=f"{config['vocab_size']:,}",
        tokens_seen=f"{log[-1]['tokens'] / 1e6:.1f} M",
        corpus_tokens=f"{sum(package['tokens'] for package in manifest.values()) / 1e6:.1f} M",
        packages=len(manifest),
        held_out=", ".join(facts.held_out) or "no package",
        languages=", ".join(facts.languages),
        shares=_shares(facts),
        train_command=facts.command,
        note=f"\n{facts.note}\n" if facts.note else "",
        curve=_curve(log, model),
        matches=match_table([_read(file) for file in evaluations]) if evaluations else UNMEASURED,
        losses=loss_table(figures),
        exits=exit_table(figures),
        data=package_table(manifest),
    )
    (model / CARD).write_text(text)
    return model / CARD


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def _shares(facts: RunFacts) -> str:
    if not {"python"} < set(facts.languages):
        return ""
    return f"; {facts.other_languages:.0%} are in other languages than Python"


def _curve(log: Sequence[dict[str, Any]], model: Path) -> str:
    if not draw_curve(log, model / PICTURE):
        return "(The learning curve is drawn where matplotlib is installed.)"
    return f"![Loss by tokens seen]({PICTURE})"


def parameter_count(config: dict[str, Any]) -> int:
    """Weights of a Llama shape with tied embeddings."""
    width, feed_forward = config["hidden_size"], config["intermediate_size"]
    shared = config["num_key_value_heads"] * config["head_dim"]
    layer = 2 * width * (width + shared) + 3 * width * feed_forward + 2 * width
    return int(config["vocab_size"] * width + config["num_hidden_layers"] * layer + width)


def loss_table(figures: dict[str, Any]) -> str:
    """Held-out loss by window."""
    if not figures:
        return "Not measured."
    rows = [(name, f"{f['loss']:.3f}", f"{f['middle_loss']:.3f}") for name, f in figures.items()]
    return table(("window", "nats a token", "nats a token of a middle"), rows)


def exit_table(figures: dict[str, Any]) -> str:
    """Top-choice accuracy after each layer, by window."""
    if not figures:
        return "Not measured."
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
    rows = [(name, p["licence"], f"{p['tokens']:,}") for name, p in sorted(manifest.items())]
    return table(("package", "licence", "tokens"), rows)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _match(span: dict[str, Any]) -> str:
    return f"{span['exact_match']:.3f} ({span['low']:.3f} to {span['high']:.3f}, n={span['n']:,})"


def main() -> None:
    """Read the command line, write the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="the folder of a finished run")
    parser.add_argument("--evaluation", type=Path, nargs="*", default=[], metavar="REPORT")
    chosen = parser.parse_args()
    print(write_card(chosen.run, chosen.evaluation))


if __name__ == "__main__":
    main()

"""Measure a finished model on a corpus's held-out packages, the same way for every model.

`python -m models.training.measure MODEL CORPUS` prints the figures as JSON.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from models.training.evaluation import evaluate, held_out_rows
from models.training.examples import ExampleMaker
from models.training.tokenizer import REPOSITORY, mark_id
from models.training.warm_start import load_decoder

CPU = torch.device("cpu")
SETTINGS = {  # name: window length in tokens, share of long examples with repository context
    "512 tokens": (512, 0.0),
    "1024 tokens": (1024, 0.0),
    "1024 tokens with repository context": (1024, 1.0),
}


def measure(
    model: Path, corpus: Path, device: torch.device = CPU, rows: int = 64
) -> dict[str, Any]:
    """Loss and exit accuracy of an exported model by setting, on `rows` windows each.

    The rows are drawn with the corpus's tokenizer and are the same for all models, so that figures
    compare; a setting whose marks the model does not know is left out.
    """
    tokenizer = Tokenizer.from_file(str(corpus / "tokenizer.json"))
    decoder = load_decoder(model, max(window for window, _ in SETTINGS.values())).to(device)
    knows_marks = mark_id(tokenizer, REPOSITORY) < decoder.shape.vocabulary
    figures = {}
    for name, (window, share) in SETTINGS.items():
        if share and not knows_marks:
            continue
        drawn = held_out_rows(ExampleMaker.of(corpus, "held_out", share), window, rows)
        figures[name] = asdict(evaluate(decoder, drawn, device))
    return figures


def write_figures(model: Path, corpus: Path, path: Path, device: torch.device, rows: int) -> None:
    """Measure a model and write what came out as JSON."""
    path.write_text(json.dumps(measure(model, corpus, device, rows), indent=1) + "\n")


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="an exported folder")
    parser.add_argument("corpus", type=Path, help="the corpus folder of a run")
    parser.add_argument("--rows", type=int, default=64, help="windows of each setting")
    parser.add_argument("--device", type=torch.device, default=CPU)
    chosen = parser.parse_args()
    print(json.dumps(measure(chosen.model, chosen.corpus, chosen.device, chosen.rows), indent=1))


if __name__ == "__main__":
    main()

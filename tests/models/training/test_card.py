import json
from pathlib import Path

from models.training.card import CardSources, parameter_count, write_card
from models.training.export import hub_config
from models.training.model import Decoder, ModelShape

SHAPE = ModelShape(vocabulary=384, width=32, layers=2, heads=4, feed_forward=64, key_value_heads=2)
SPAN = {"n": 100, "exact_match": 0.25, "low": 0.17, "high": 0.34, "edit_similarity": 0.5}
FIGURES = {"512 tokens": {"loss": 2.5, "middle_loss": 2.25, "exit_accuracy": [0.25, 0.5]}}


def sources(folder: Path) -> CardSources:
    contents = {
        "config": hub_config(SHAPE, 0),
        "manifest": {"numpy": {"licence": "bsd-3-clause", "files": 1234}},
        "figures": FIGURES,
        "rich": {"model": "m", "repo": "/somewhere/rich", "spans": {"rest_of_line": SPAN}},
    }
    for name, content in contents.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return CardSources(
        config=folder / "config.json",
        manifest=folder / "manifest.json",
        figures=folder / "figures.json",
        evaluations=(folder / "rich.json",),
        train_command="completer train",
        measure_command="completer eval --repo rich",
        tokens_seen=9_500_000,
    )


def test_every_figure_of_the_card_stands_in_its_sources(tmp_path: Path):
    write_card(sources(tmp_path), tmp_path / "MODEL_CARD.md")
    card = (tmp_path / "MODEL_CARD.md").read_text()
    assert "| rich | 0.250 (0.170 to 0.340, n=100) |" in card
    assert "| 512 tokens | 2.500 | 2.250 |" in card
    assert "| 512 tokens | 0.250 | 0.500 |" in card
    assert "| numpy | bsd-3-clause | 1,234 |" in card
    assert "9.5 M tokens" in card
    assert "$" not in card
    assert "/somewhere" not in card


def test_parameters_are_counted_as_the_model_has_them():
    counted = sum(weight.numel() for weight in Decoder(SHAPE).parameters())
    assert parameter_count(hub_config(SHAPE, 0)) == counted

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from models.training.card import (
    UNMEASURED,
    RunFacts,
    main,
    parameter_count,
    write_card,
    write_facts,
)
from models.training.curve import draw_curve
from models.training.export import hub_config
from models.training.model import Decoder, ModelShape

SHAPE = ModelShape(vocabulary=384, width=32, layers=2, heads=4, feed_forward=64, key_value_heads=2)
SPAN = {"n": 100, "exact_match": 0.25, "low": 0.17, "high": 0.34, "edit_similarity": 0.5}
FIGURES = {"512 tokens": {"loss": 2.5, "middle_loss": 2.25, "exit_accuracy": [0.25, 0.5]}}
LOG: list[dict[str, Any]] = [
    {"tokens": 4_000_000, "loss": 3.5, "held_out_loss": None, "held_out_middle_loss": None},
    {"tokens": 9_500_000, "loss": 2.5, "held_out_loss": 2.6, "held_out_middle_loss": 2.4},
]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "export").mkdir()
    (tmp_path / "corpus").mkdir()
    manifest = {"numpy": {"licence": "bsd-3-clause", "files": 12, "tokens": 1_234_567}}
    contents = {
        "export/config": hub_config(SHAPE, 0),
        "corpus/manifest": manifest,
        "figures": FIGURES,
        "rich": {"model": "m", "repo": "/somewhere/rich", "spans": {"rest_of_line": SPAN}},
    }
    for name, content in contents.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, LOG)))
    write_facts(tmp_path, RunFacts("completer train RUN --minutes 8", "corpus", ("rich",)))
    return tmp_path


def test_every_figure_of_the_card_stands_in_the_runs_files(run: Path):
    card = write_card(run, [run / "rich.json"]).read_text()
    assert "| rich | 0.250 (0.170 to 0.340, n=100) |" in card
    assert "| 512 tokens | 2.500 | 2.250 |" in card
    assert "| 512 tokens | 0.250 | 0.500 |" in card
    assert "| numpy | bsd-3-clause | 1,234,567 |" in card
    assert "9.5 M tokens of a corpus of 1.2 M in 1 packages" in card
    assert "completer train RUN --minutes 8" in card
    assert "Held\nout: rich." in card
    assert "$" not in card
    assert "/somewhere" not in card


def test_the_card_shows_the_learning_curve(run: Path):
    card = write_card(run)
    assert "(learning_curve.svg)" in card.read_text()
    picture = (run / "export" / "learning_curve.svg").read_text()
    assert "million tokens seen" in picture
    assert "held out, middles" in picture
    write_card(run)
    assert (run / "export" / "learning_curve.svg").read_text() == picture


def test_without_matplotlib_there_is_no_picture(run: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("models.training.curve.find_spec", lambda _: None)
    assert not draw_curve(LOG, run / "curve.svg")
    assert "learning_curve.svg" not in write_card(run).read_text()


def test_exact_matches_are_filled_in_later(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert UNMEASURED in write_card(run).read_text()
    words = ["card", str(run), "--evaluation", str(run / "rich.json")]
    monkeypatch.setattr(sys, "argv", words)
    main()
    card = Path(capsys.readouterr().out.strip()).read_text()
    assert UNMEASURED not in card
    assert "| rich | 0.250" in card


def test_parameters_are_counted_as_the_model_has_them():
    counted = sum(weight.numel() for weight in Decoder(SHAPE).parameters())
    assert parameter_count(hub_config(SHAPE, 0)) == counted

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.training.compare import compare, main
from models.training.config import TrainConfig
from models.training.middles import MiddleScores
from models.training.pipeline import run

MIDDLES = 300
ROWS = np.repeat(np.arange(MIDDLES // 2), 2).tolist()


def scores(loss: float, seed: int, hard: float = 0.0) -> MiddleScores:
    """Scores whose loss is `loss` on average, and `hard` more where a middle is hard."""
    rng = np.random.default_rng(seed)
    easy = np.linspace(0.0, 3.0, MIDDLES)
    losses = loss + easy + hard * (easy > 2.0) + rng.normal(0, 0.05, MIDDLES)
    right = np.stack([losses < 1.0, losses < 2.0]).astype(float)
    return MiddleScores(losses, right, right)


def test_a_difference_is_found_with_its_sign_and_an_interval_around_it():
    result = compare([scores(2.0, 1), scores(2.0, 2)], [scores(1.9, 3), scores(1.9, 4)], ROWS)
    loss = result["loss"]
    assert loss["low"] < loss["difference"] < loss["high"] < 0
    assert abs(loss["difference"] + 0.1) < 0.02
    assert np.mean(loss["by_seed"]) == pytest.approx(loss["difference"])
    assert result["exact_match"]["candidate"] > result["exact_match"]["baseline"]
    assert result["exit_token_accuracy"]["candidate"][-1] > 0


def test_hard_middles_are_counted_apart():
    result = compare([scores(2.0, 1)], [scores(2.0, 1, hard=-0.2)], ROWS)
    assert result["hard_loss"]["difference"] == pytest.approx(-0.2, abs=0.02)
    assert result["loss"]["difference"] == pytest.approx(-0.2 / 3, abs=0.01)


def test_the_same_model_twice_differs_in_nothing():
    result = compare([scores(2.0, 1)], [scores(2.0, 1)], ROWS)
    assert result["loss"]["difference"] == result["loss"]["low"] == result["loss"]["high"] == 0.0


def test_runs_are_paired():
    with pytest.raises(ValueError, match="as many candidates as baselines"):
        compare([scores(2.0, 1)], [], ROWS)


def test_trained_models_are_compared_from_the_command_line(
    tiny_config: Callable[..., TrainConfig],
    source_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    other = tmp_path / "other"
    other.mkdir()
    body = "\n".join(f"def function_{i}(value):\n    return value + {i}\n" for i in range(60))
    (other / "code.py").write_text(body)
    config = tiny_config(sources=(source_folder, other), held_out=("notation",))
    model = str(run(config, progress=lambda _: None))
    words = [str(config.folder / "corpus"), "--baseline", model, "--candidate", model]
    monkeypatch.setattr(sys, "argv", ["compare", *words, "--rows", "8"])
    main()
    result = json.loads(capsys.readouterr().out)
    assert result["middles"] > 0
    assert result["hard_exact_match"]["difference"] == 0.0

"""`completer calibrate` and `completer eval --stopping` from the command line, on a tiny model.

The model itself knows nothing; its repository says the same again and again, so that the mixture
alone makes answers right.
"""

import json
import random
from pathlib import Path

import pytest
from typer.testing import CliRunner

from completer.cli.commands import app
from models.exit_adapters import load_exit_adapters
from models.exit_gates import load_exit_gates
from models.loading import load_model
from telemetry.events import (
    Accepted,
    Hidden,
    Opportunity,
    Returned,
    SessionEnded,
    SessionStarted,
    Shown,
    Suggestion,
)
from telemetry.journal import open_recorder
from tests.tiny import save_tiny

pytestmark = pytest.mark.slow  # answers some hundreds of spans
WIDTH = 32  # of the tiny model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_tiny("llama", tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """Files that draw on the same few dozen functions, and each say something of their own."""
    rng, root = random.Random(0), tmp_path_factory.mktemp("shop")
    names = [f"{rng.getrandbits(32):08x}" for _ in range(40)]
    for number in range(24):
        known = [
            f"def get_{name}(item):\n    value_{name} = item.load(key_{name})\n"
            f"    return value_{name} + 1\n"
            for name in rng.sample(names, 12)
        ]
        own = f"def own_{number}(x):\n    return {rng.random()} * x - {rng.random()}\n"
        (root / f"module_{number}.py").write_text("\n\n".join([*known, own]), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def run(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    config = folder / "config.toml"
    config.write_text(
        f'cache_folder = "{(folder / "cache").as_posix()}"\n'
        f'calibration_folder = "{(folder / "calibration").as_posix()}"\n'
        f'[telemetry]\nfolder = "{(folder / "telemetry").as_posix()}"\n'
        "[completion]\nmax_tokens = 24\n",
        encoding="utf-8",
    )

    def call(*words: str | Path):
        common = ("--model", str(model), "--config", str(config))
        return CliRunner().invoke(app, [*map(str, words), *common])

    call.folder = folder
    return call


def succeeded(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def calibrated(run, repository):
    return succeeded(
        run("calibrate", "--repo", repository, "--n", "130", "--exit-tokens", "8000", "--json")
    )


def test_what_proves_better_is_adopted(calibrated):
    assert calibrated["mixture"]["used"]
    assert calibrated["mixture"]["low"] > 0
    stopping = calibrated["stopping"]
    assert stopping["adopted"]
    assert stopping["precision"] >= stopping["precision_all"] > 0.2
    saved = json.loads(Path(calibrated["file"]).read_text())
    assert saved["stopping"]["threshold"] == stopping["threshold"]
    assert saved["fitted"]["repositories"]
    exits = calibrated["exits"]
    assert exits["fitted"]
    folder = Path(calibrated["file"]).parent
    gates = load_exit_gates(folder / "exit_gates.safetensors", WIDTH)
    assert sorted(gates) == [each["layer"] for each in exits["gates"]]
    kept = [each["layer"] for each in exits["adapters"] if each["kept"]]
    assert sorted(load_exit_adapters(folder / "exit_adapters.safetensors", WIDTH)) == kept


def test_a_calibration_can_be_judged(run, calibrated, repository, tmp_path):
    judged = succeeded(
        run(
            *("eval", "--stopping", "--repo", repository, "--n", "20", "--seed", "3"),
            *("--plot", tmp_path / "reliability.png", "--json"),
        )
    )

    assert {"ece", "brier_skill", "n_right", "thresholds", "default_threshold"} <= set(judged)
    assert judged["default_threshold"] == calibrated["stopping"]["threshold"]
    assert judged["default_threshold"] in [each["threshold"] for each in judged["thresholds"]]
    shown = [each["shown_share"] for each in judged["thresholds"]]
    assert shown == sorted(shown, reverse=True)
    assert judged["mixture"]["exact_match_with"] > judged["mixture"]["exact_match_without"]
    assert (tmp_path / "reliability.png").read_bytes().startswith(b"\x89PNG")
    table = run("eval", "--stopping", "--repo", repository, "--n", "2")
    assert table.exit_code == 0
    assert "Brier skill" in table.stdout


def test_outcomes_refit_it_and_undo_takes_that_back(run, calibrated, model, repository):
    card = json.loads(Path(calibrated["file"]).read_text())["stopping"]["scorecard"]
    record(
        run.folder / "telemetry",
        load_model(str(model), device="cpu").identity,
        list(card["features"]),
    )
    shown = succeeded(run("calibrate", "--repo", repository, "--from-telemetry", "--json"))
    assert shown["adopted"] is None
    assert shown["after"]["n"] == 200
    assert shown["after"]["n_right"] == 50

    succeeded(run("calibrate", "--repo", repository, "--from-telemetry", "--json", "--yes"))
    refitted = json.loads(Path(calibrated["file"]).read_text())["stopping"]["scorecard"]
    assert refitted != card
    succeeded(run("calibrate", "--repo", repository, "--undo", "--json"))
    assert json.loads(Path(calibrated["file"]).read_text())["stopping"]["scorecard"] == card


def record(folder: Path, model: str, names: list[str]) -> None:
    """Two hundred suggestions, of which every fourth is accepted and the others are dismissed."""
    recorder = open_recorder(folder)
    started = SessionStarted(client="test", user="ada")
    recorder.record(started)
    for n in range(200):
        features = {name: float(n % 7) for name in names}
        opportunity = Opportunity(
            session=started.id, uri="", outcome="returned", model=model, features=features
        )
        suggestion = Suggestion(text="x")
        recorder.record(opportunity)
        recorder.record(Returned(opportunity.id, [suggestion]))
        recorder.record(Shown(suggestion.id))
        if n % 4 == 0:
            recorder.record(Accepted(suggestion.id))
        else:
            recorder.record(Hidden(suggestion.id, "esc"))
    recorder.record(SessionEnded(started.id))
    recorder.close()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("calibrate",), "0 folders are named"),
        (("calibrate", "--for-all", "--undo"), "No calibration has been adopted"),
        (("calibrate", "--for-all", "--from-telemetry"), "Nothing has been calibrated"),
    ],
)
def test_what_cannot_be_done_says_what_can(run, words, says):
    result = run(*words)

    assert result.exit_code != 0
    assert says in str(result.exception)


def test_an_uncalibrated_repository_cannot_be_judged(run, tmp_path):
    (tmp_path / "a.py").write_text("def f(value):\n    return value + 1\n" * 60, encoding="utf-8")
    result = run("eval", "--stopping", "--repo", tmp_path, "--n", "1")

    assert "completer calibrate --repo" in result.exception.hint

"""Calibrations are found by repository, adopted, and taken back; damaged ones are not trusted."""

import json
import logging
from dataclasses import replace

import pytest
import torch

from completer.calibration import Calibration, Calibrations, Mixture, write
from completer.errors import CompleterError
from completer.stopping.controller import Rule
from completer.stopping.scorecard import Scale, Scorecard
from models.exit_adapters import ExitAdapter, save_exit_adapters
from models.exit_gates import ExitGate, save_exit_gates
from models.loading import load_model
from models.source import BUNDLED
from tests.tiny import save_tiny

CARD = Scorecard(-2.0, {"tokens": Scale((3.0,), (0.5, -0.5))})
FITTED = Calibration(Rule(CARD, 0.07), Mixture(0.4), {"spans": 12})
OTHER = Calibration(None, Mixture(0.1))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load_model(str(save_tiny("llama", tmp_path_factory.mktemp("model"))), device="cpu")


@pytest.fixture
def calibrations(model, tmp_path):
    return Calibrations(model, tmp_path / "calibration")


def test_a_calibration_comes_back_from_json():
    assert Calibration.from_json(json.loads(json.dumps(FITTED.to_json()))) == FITTED
    assert Calibration.from_json(json.loads(json.dumps(OTHER.to_json()))) == OTHER


def test_a_model_has_the_same_calibrations_in_all_dtypes(tmp_path):
    folder = str(save_tiny("llama", tmp_path / "model"))
    for dtype in ("float32", "bfloat16"):
        loaded = load_model(folder, device="cpu", dtype=dtype)
        calibrations = Calibrations(loaded, tmp_path / "calibration")
        if dtype == "float32":
            calibrations.adopt(None, FITTED)

        assert calibrations.of(None) == FITTED


def test_a_repositorys_own_comes_before_that_for_all(calibrations, model, tmp_path):
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    assert calibrations.of(here) == Calibration()
    calibrations.adopt(None, OTHER)
    calibrations.adopt(here, FITTED)

    assert calibrations.of(here) == FITTED
    assert calibrations.of(elsewhere) == calibrations.of(None) == OTHER
    renamed, another = replace(model, name="another"), replace(model, digest="0" * 16)
    assert Calibrations(renamed, tmp_path / "calibration").of(here) == FITTED
    assert Calibrations(another, tmp_path / "calibration").of(here) == Calibration()


def test_what_was_fitted_to_other_weights_is_not_used_and_said_so(calibrations, tmp_path, caplog):
    file = calibrations.adopt(tmp_path, FITTED)
    write(file, replace(FITTED, weights="0" * 16))

    assert calibrations.of(tmp_path) == Calibration()
    assert "another model" in caplog.text


def test_what_was_fitted_to_somebodys_code_is_for_its_owner_alone(calibrations, tmp_path):
    calibrations.adopt(tmp_path, OTHER)
    adopted = calibrations.adopt(tmp_path, FITTED)
    save_exit_adapters(calibrations.exit_files[0], {}, {})

    files = list(adopted.parent.iterdir())
    assert len(files) == 3
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert adopted.parent.stat().st_mode & 0o777 == 0o700


def test_adopting_can_be_undone_once(calibrations, tmp_path):
    calibrations.adopt(tmp_path, OTHER)
    calibrations.adopt(tmp_path, FITTED)
    calibrations.undo(tmp_path)
    assert calibrations.of(tmp_path) == OTHER

    calibrations.undo(tmp_path)
    assert calibrations.of(tmp_path) == Calibration()
    with pytest.raises(CompleterError, match="adopted"):
        calibrations.undo(tmp_path)


@pytest.mark.parametrize(
    "damage",
    ["", "{", "[]", '{"version": 99}', '{"version": 1, "stopping": 3, "mixture": null}'],
)
def test_a_damaged_file_is_not_used_and_said_so(model, tmp_path, damage, caplog):
    Calibrations(model, tmp_path).adopt(tmp_path, FITTED).write_text(damage, encoding="utf-8")

    with caplog.at_level(logging.WARNING):
        assert Calibrations(model, tmp_path).of(tmp_path) == Calibration()
    assert "cannot be read" in caplog.text


def test_writing_leaves_nothing_beside_the_file(tmp_path):
    write(tmp_path / "c.json", FITTED)

    assert [each.name for each in tmp_path.iterdir()] == ["c.json"]


def test_the_embedded_model_brings_its_own(tmp_path):
    shipped = Calibrations(load_model(BUNDLED, device="cpu"), tmp_path).of(None)

    assert shipped.mixture is not None
    assert 0.2 < shipped.mixture.weight("python") < 0.9
    assert shipped.stopping is not None
    assert shipped.stopping.card is not None
    assert 0 < shipped.stopping.threshold < 0.1


def test_exits_are_there_once_they_were_fitted(calibrations, model):
    width = model.model.config.hidden_size
    adapters, gates = calibrations.exit_files
    assert calibrations.exit_adapters() == calibrations.exit_gates() == {}
    adapter = ExitAdapter(torch.zeros(2, width), torch.ones(width, 2))
    save_exit_adapters(adapters, {1: adapter}, {})
    save_exit_gates(gates, {1: ExitGate(torch.zeros(2, width), torch.zeros(2), 0.9, 0.8)}, {})

    assert list(calibrations.exit_adapters()) == list(calibrations.exit_gates()) == [1]
    assert calibrations.exit_gates()[1].exit_at == 0.9


def test_damaged_exits_are_not_used_and_said_so(calibrations, caplog):
    for file in calibrations.exit_files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"nonsense")

    with caplog.at_level(logging.WARNING):
        assert calibrations.exit_adapters() == calibrations.exit_gates() == {}
    assert caplog.text.count("is not used") == 2


def test_a_language_has_a_weight_of_its_own_or_that_of_all():
    mixture = Mixture(0.7, {"python": 0.4})

    assert [mixture.weight(each) for each in ("python", "go", None)] == [0.4, 0.7, 0.7]
    assert Mixture.from_json(mixture.to_json()) == mixture


@pytest.mark.parametrize(("default", "python"), [(1.5, 0.4), (0.4, -0.1)])
def test_weights_out_of_range_are_refused(default, python):
    with pytest.raises(ValueError, match="weights"):
        Mixture.from_json({"default": default, "languages": {"python": python}})

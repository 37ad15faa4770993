"""What was measured is kept per model and device, and measured again when it is damaged."""

import pytest
import torch

from completer.engine import tuning as tuning_module
from completer.serving import tuned as module
from completer.serving.tuned import tuned
from models.loading import load_model
from tests.models.quantised_cpu import needs_int8
from tests.tiny import save_tiny


@pytest.fixture
def model(tmp_path):
    return load_model(str(save_tiny("llama", tmp_path / "model")), device="cpu")


@pytest.fixture
def load(monkeypatch):
    """Lets one say whether the machine is busy; it is not, otherwise."""
    state = {"quiet": True}
    monkeypatch.setattr(module, "is_quiet", lambda: state["quiet"])
    monkeypatch.setattr(tuning_module, "is_quiet", lambda: state["quiet"])
    return state


@pytest.fixture
def measured(monkeypatch, load):
    """Counts how often anything was measured."""
    calls = []
    tune = module.tune
    monkeypatch.setattr(module, "tune", lambda *a, **k: (calls.append(1), tune(*a, **k))[1])
    return calls


def test_the_second_time_nothing_is_measured(model, measured, tmp_path):
    _, first = tuned(model, tmp_path, may_change_dtype=True)
    again, second = tuned(model, tmp_path, may_change_dtype=True)

    assert len(measured) == 1
    assert second == first
    assert again.dtype == again.model.dtype


def test_what_was_measured_on_a_busy_machine_is_measured_again_on_a_quiet_one(
    model, measured, load, tmp_path
):
    load["quiet"] = False
    for _ in range(2):
        tuned(model, tmp_path, may_change_dtype=False)
    assert len(measured) == 1

    load["quiet"] = True
    for _ in range(2):
        tuned(model, tmp_path, may_change_dtype=False)
    assert len(measured) == 2


def test_a_forced_dtype_is_another_question(model, measured, tmp_path):
    tuned(model, tmp_path, may_change_dtype=False)
    kept, tuning = tuned(model, tmp_path, may_change_dtype=False, again=True)

    assert len(measured) == 2
    assert kept.dtype == torch.float32
    assert tuning.dtype == "float32"


@needs_int8
def test_int8_stays_int8(measured, tmp_path):
    folder = str(save_tiny("llama", tmp_path / "model"))
    for _ in range(2):
        loaded = load_model(folder, device="cpu", dtype="int8")
        kept, tuning = tuned(loaded, tmp_path, may_change_dtype=False)

        assert (kept.dtype_name, tuning.dtype) == ("int8", "int8")
        assert {trial.dtype for trial in tuning.trials} == {"int8"}
        assert kept.dtype == kept.model.dtype == torch.bfloat16
    assert len(measured) == 1


def test_float16_is_found_again(measured, tmp_path):
    folder = str(save_tiny("llama", tmp_path / "model"))
    for _ in range(2):
        loaded = load_model(folder, device="cpu", dtype="float16")
        kept, _ = tuned(loaded, tmp_path, may_change_dtype=False)

        assert kept.dtype == torch.float16
    assert len(measured) == 1


def test_a_damaged_file_is_measured_anew(model, measured, tmp_path):
    tuned(model, tmp_path, may_change_dtype=False)
    (file,) = (tmp_path / "tuning").iterdir()
    file.write_text('{"dtype": "float3')
    tuned(model, tmp_path, may_change_dtype=False)

    assert len(measured) == 2
    assert file.read_text().startswith('{"dtype": "float32"')


def test_a_cache_that_cannot_be_written_is_no_error(model, tmp_path):
    (tmp_path / "tuning").write_text("a file where a folder should be")

    assert tuned(model, tmp_path, may_change_dtype=False)[1].dtype == "float32"

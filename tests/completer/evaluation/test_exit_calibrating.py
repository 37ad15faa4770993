"""Exits are fitted on files that may be used and judged on held-out ones."""

import pytest

from completer.evaluation.exit_calibrating import ExitCalibration, fit_exits
from completer.evaluation.holdout import draw_sample
from completer.evaluation.kinds import Kind
from models.loading import load_model
from tests.tiny import save_tiny


@pytest.fixture
def sample(tmp_path):
    for number in range(8):
        lines = [f"def name_{number}_{i}(value):\n    return value + {i}\n" for i in range(60)]
        (tmp_path / f"module_{number}.py").write_text("\n".join(lines), encoding="utf-8")
    return draw_sample(tmp_path, {Kind.REST_OF_LINE: 20}, seed=0)


def load(family, folder):
    return load_model(str(save_tiny(family, folder)), device="cpu", dtype="float32")


def test_usable_and_held_out_texts_are_apart(sample):
    usable = sample.usable_texts()

    assert usable
    assert sample.held_out
    assert not set(usable) & set(sample.held_out.values())


def test_every_exit_is_judged_within_the_budget(sample, tmp_path_factory):
    model = load("llama", tmp_path_factory.mktemp("llama"))
    told = []
    fitted = fit_exits(model, [sample], 6_000, lambda done, total: told.append((done, total)))

    assert isinstance(fitted, ExitCalibration)
    assert 0 < fitted.adapters.tokens <= 6_000
    depth = model.model.config.num_hidden_layers
    assert [each["layer"] for each in fitted.figures["adapters"]] == list(range(1, depth))
    for each in fitted.figures["adapters"]:
        assert each["kept"] == (each["gain_low"] > 0)
        assert each["kept"] == (each["layer"] in fitted.adapters.adapters)
    assert [each["layer"] for each in fitted.figures["gates"]] == list(range(1, depth))
    assert told[-1][0] == told[-1][1]


def test_a_model_whose_layers_cannot_be_run_one_by_one_says_so(sample, tmp_path_factory):
    model = load("starcoder2", tmp_path_factory.mktemp("starcoder2"))

    assert "no adapter" in str(fit_exits(model, [sample], 6_000, lambda done, total: None))

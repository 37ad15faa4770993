"""`completer tune` measures anew and leaves its choice where the next start finds it."""

import json

import pytest
from typer.testing import CliRunner

from completer.cli.assembly import build_model
from completer.cli.commands import app
from completer.settings import load_settings
from tests.tiny import save_tiny

pytestmark = pytest.mark.usefixtures("threads_as_before")


@pytest.fixture
def model(tmp_path, monkeypatch, device):
    """A model folder; everything is cached beside it."""
    monkeypatch.setenv("COMPLETER_CACHE_FOLDER", str(tmp_path / "cache"))
    monkeypatch.setenv("COMPLETER_MODEL__DEVICE", device.type)
    return save_tiny("llama", tmp_path / "model")


def tune(*options):
    return CliRunner().invoke(app, ["tune", *map(str, options)], catch_exceptions=False)


def test_the_choice_is_one_of_those_tried_and_is_kept(model, tmp_path):
    report = json.loads(tune("--model", model, "--json").stdout)
    choice = report["choice"]

    agreeing = [each for each in report["tried"] if each["agrees"]]
    best = min(agreeing, key=lambda each: each["completion_ms"])
    for name in ("dtype", "threads", "graphs"):
        assert choice[name] == best[name]
    settings = load_settings({"model": {"source": str(model)}}).settings
    _, found = build_model(settings)
    assert list(found.costs.milliseconds) == choice["costs"]["milliseconds"]
    assert len(list((tmp_path / "cache").rglob("*.json"))) == 1


def test_it_measures_again_what_is_kept(model, tmp_path):
    tune("--model", model, "--json")
    (file,) = (tmp_path / "cache").rglob("*.json")
    before = file.read_bytes()
    tune("--model", model, "--json")

    assert file.read_bytes() != before


def test_a_person_sees_what_was_tried(model):
    text = tune("--model", model).stdout

    assert "chosen" in text
    assert "float32" in text or "bfloat16" in text
    assert "ms of a step" in text


@pytest.mark.parametrize(
    ("words", "now"),
    [
        (("decode", "--json"), "`python -m benchmarks decode` from a checkout"),
        (("tune",), "`completer tune`"),
        ((), "`python -m benchmarks NAME` from a checkout"),
    ],
)
def test_what_was_bench_says_where_it_is(words, now):
    result = CliRunner().invoke(app, ["bench", *words])
    assert result.exit_code == 2
    assert result.stderr == f"completer: Run {now}.\n"

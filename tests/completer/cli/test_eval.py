"""`completer eval` from the command line to its JSON and its tables, on tiny models."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from completer.cli.commands import app
from tests.tiny import save_tiny

pytestmark = pytest.mark.slow  # loads and tunes a model several times

FIGURES = {
    "n", "exact_match", "low", "high", "edit_similarity", "answered", "tokens", "steps",
    "tokens_per_step", "latency_ms", "parse", "names_exist", "names_judged", "right_held_back",
}  # fmt: skip


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, Path]:
    return {
        family: save_tiny(family, tmp_path_factory.mktemp("models") / family)
        for family in ("llama", "qwen2")
    }


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    root.mkdir()
    for number in range(4):
        functions = [
            f"def price_{number}_{line}(amount):\n    total = amount * {line} + {number}\n"
            f"    return round(total, {line})\n"
            for line in range(20)
        ]
        (root / f"prices_{number}.py").write_text("\n".join(functions), encoding="utf-8")
    return root


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    cache = (tmp_path / "cache").as_posix()
    file.write_text(f'cache_folder = "{cache}"\n[completion]\nmax_tokens = 8\n', encoding="utf-8")
    return file


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["eval", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_json_has_its_keys_and_the_second_model_its_pairs(models, repository, config):
    out = run(
        "--repo", repository, "--n", 3, "--model", models["llama"], "--config", config,
        "--compare", models["qwen2"], "--json",
    )  # fmt: skip
    result = json.loads(out)

    assert result.keys() == {"model", "dtype", "repo", "spans", "by_repo", "compare"}
    assert (result["model"], result["compare"]["model"]) == ("llama", "qwen2")
    assert result["repo"] == str(repository)
    assert list(result["spans"]) == [
        "rest_of_line",
        "whole_line",
        "lines",
        "syntax_node",
    ]
    for figures in [*result["spans"].values(), *result["compare"]["spans"].values()]:
        assert figures.keys() == FIGURES
        assert figures["n"] == 3
        assert figures["low"] <= figures["exact_match"] <= figures["high"]
        assert 0 < figures["latency_ms"]["p50"] <= figures["latency_ms"]["p95"]
    assert result["by_repo"][str(repository)] == result["spans"]
    assert all(each["n"] == 3 for each in result["compare"]["paired"].values())


def test_a_second_dtype_of_one_model_is_a_second_model(models, repository, config):
    out = run(
        "--repo", repository, "--n", 2, "--kinds", "rest_of_line", "--model", models["llama"],
        "--dtype", "float32", "--compare-dtype", "bfloat16", "--config", config,
    )  # fmt: skip

    assert "llama (float32) less llama (bfloat16)" in " ".join(out.split())


def test_tables_name_kinds_and_folders(models, repository, config, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")  # where no folder is broken over two lines
    other = repository / "inner"
    other.mkdir()
    (other / "more.py").write_text("value = compute(other, value)\n" * 50, encoding="utf-8")
    out = run(
        "--repo", repository, "--repo", other, "--n", 2, "--kinds", "rest_of_line",
        "--model", models["llama"], "--config", config, "--pure",
    )  # fmt: skip

    assert out.count("rest of line") == 3  # all, and each folder
    assert "syntax node" not in out
    assert "inner" in out


def test_tables_fit_into_an_ordinary_terminal(models, repository, config):
    out = run(
        "--repo", repository, "--n", 2, "--kinds", "rest_of_line",
        "--model", models["llama"], "--config", config, "--pure",
    )  # fmt: skip

    assert "p50 p95" in out


def test_a_kind_that_does_not_exist_is_refused(repository):
    result = CliRunner().invoke(app, ["eval", "--repo", str(repository), "--kinds", "word"])
    assert result.exit_code == 2

"""`completer model`, on a stand-in for the hub."""

import json

import pytest
from typer.testing import CliRunner

from completer.cli.commands import app
from completer.settings import CONFIG_VARIABLE, load_settings
from models.errors import ModelError
from tests.gguf_files import save_gguf
from tests.hub import Repository
from tests.models.hub.conftest import home, hub  # noqa: F401  fixtures
from tests.tiny import save_tiny


@pytest.fixture
def config(home, monkeypatch):  # noqa: F811
    file = home / "config.toml"
    file.write_text(f'cache_folder = "{home / "cache"}"\n')
    monkeypatch.setenv(CONFIG_VARIABLE, str(file))
    monkeypatch.setattr("models.hub.speed._ROWS", 64)
    return file


def run(*arguments, **options):
    result = CliRunner().invoke(app, ["model", *arguments], **options)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_the_list_says_what_is_known_and_what_is_here(hub, config, tmp_path):  # noqa: F811
    save_gguf("qwen2", tmp_path / "m.gguf")
    found = tmp_path / ".lmstudio/models/org/m/m.gguf"
    found.parent.mkdir(parents=True)
    (tmp_path / "m.gguf").rename(found)

    facts = json.loads(run("list", "--json").stdout)
    shown = run("list").stdout

    assert facts["hub"]["address"] == hub.address
    assert [each["source"] for each in facts["local"]] == [str(found)]
    codestral = next(each for each in facts["known"] if each["name"] == "codestral-22b")
    assert codestral["restricted"]
    assert codestral["bfloat16_line_ms"] > codestral["int8_line_ms"] > 0
    assert "MNPL-0.1*°" in shown
    assert "org/m/m.gguf  LM Studio" in shown
    assert facts["hub"]["reachable"] == ("does not answer" not in shown)


def test_offline_the_list_says_so(config, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")

    assert "http://127.0.0.1:9) does not answer: nothing can be pulled" in run("list").stdout
    with pytest.raises(ModelError, match="cannot be reached"):
        run("pull", "mellum-4b")


def test_a_model_is_pulled_used_and_removed(hub, config, tmp_path):  # noqa: F811
    folder = save_tiny("qwen2", tmp_path / "m")
    hub.repositories["org/m"] = Repository({f.name: f.read_bytes() for f in folder.iterdir()})
    with pytest.raises(ModelError, match="org/m is not on this machine"):
        run("use", "org/m")

    assert json.loads(run("pull", "org/m", "--json").stdout)["source"] == "org/m"
    run("use", "org/m")
    assert load_settings().settings.model.source == "org/m"
    assert load_settings().settings.cache_folder == tmp_path / "cache"

    assert run("remove", "org/m", input="n\n").exit_code == 1
    assert "is gone" in run("remove", "org/m", "--yes").stdout
    with pytest.raises(ModelError, match="is not on this machine"):
        run("use", "org/m")


def test_a_file_can_be_used_and_one_that_cannot_fill_in_is_not(config, tmp_path):
    save_gguf("qwen2", tmp_path / "m.gguf")
    run("use", str(tmp_path / "m.gguf"))
    assert load_settings().settings.model.source == str(tmp_path / "m.gguf")

    save_gguf("llama", tmp_path / "n.gguf", said={"completer.fim_layout": None})
    with pytest.raises(ModelError, match="cannot fill in the middle"):
        run("use", str(tmp_path / "n.gguf"))
    run("use", "bundled")
    assert load_settings().settings.model.source == "bundled"


@pytest.mark.slow
def test_a_gguf_file_is_timed(config, tmp_path):
    save_gguf("qwen2", tmp_path / "m.gguf")

    facts = json.loads(run("bench", str(tmp_path / "m.gguf"), "--json").stdout)

    assert facts["model"] == "m.gguf"
    assert facts["line_ms"] > 0
    assert facts["threads"] >= 1

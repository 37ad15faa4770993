"""What comes from the hub and what does not; all on a stand-in for it."""

import shutil
import socket
import time
from collections import namedtuple
from pathlib import Path

import pytest
from filelock import FileLock

from models.errors import ModelError
from models.hub.fetching import pull, remove
from models.hub.local import local_models
from models.source import check_source
from tests.gguf_files import save_gguf
from tests.hub import Repository, listing
from tests.tiny import save_tiny

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = save_tiny("qwen2", tmp_path_factory.mktemp("qwen2"))
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_model_is_fetched_and_can_be_used_then(hub, files, home, monkeypatch):
    unwanted = {"modeling.py": b"raise", "pytorch_model.bin": b"pickle", "onnx/m.onnx": b"1"}
    hub.repositories["org/m"] = Repository(files | unwanted | {"README.md": b"#"})

    assert pull("org/m") == "org/m"

    fetched = {path.rsplit("/", 1)[1] for way, path, _ in hub.asked if way == "GET"}
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= fetched
    assert not fetched & {*unwanted, "README.md", "m.onnx"}
    assert [each.source for each in local_models()] == ["org/m"]
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert (Path(check_source("org/m")) / "model.safetensors").is_file()


def test_what_is_here_is_not_fetched_again(hub, files):
    hub.repositories["org/m"] = Repository(files)
    pull("org/m")
    hub.asked.clear()

    pull("org/m")

    assert [path for way, path, _ in hub.asked if way == "GET" and "/resolve/" in path] == []


def test_a_download_that_breaks_off_goes_on_where_it_was(hub, files):
    hub.repositories["org/m"] = Repository(files, cut_at={"model.safetensors": 5000})

    pull("org/m")

    ranges = [asked for _, path, asked in hub.asked if path.endswith("model.safetensors")]
    assert "bytes=5000-" in ranges


def test_a_later_run_goes_on_as_well(hub, files, home):
    hub.repositories["org/m"] = Repository(files, breaks=True, cut_at={"model.safetensors": 5000})
    with pytest.raises(ModelError, match="could not be fetched") as refused:
        pull("org/m")
    assert "goes on where it was" in refused.value.hint

    hub.repositories["org/m"].breaks = False
    hub.asked.clear()
    pull("org/m")

    assert "bytes=5000-" in [asked for _, _, asked in hub.asked]
    assert [*home.rglob("*.part"), *home.rglob("*.part.lock")] == []


def test_two_do_not_write_one_file(hub, files, home):
    hub.repositories["org/m"] = Repository(files)
    (name,) = (each["lfs"]["sha256"] for each in listing(Repository(files)) if "lfs" in each)
    blobs = home / "hub/models--org--m/blobs"
    blobs.mkdir(parents=True)
    with (
        FileLock(blobs / f"{name}.part.lock"),
        pytest.raises(ModelError, match="Another process"),
    ):
        pull("org/m")


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_file_with_another_checksum_is_thrown_away(name, hub, files):
    hub.repositories["org/m"] = Repository(files, corrupt={name})

    with pytest.raises(ModelError, match=f"{name} has another checksum"):
        pull("org/m")

    hub.repositories["org/m"].corrupt.clear()
    assert pull("org/m") == "org/m"


def test_a_model_that_asks_first_says_where(hub, files):
    hub.repositories["org/m"] = Repository(files, gated=True)

    with pytest.raises(ModelError, match="agreed to its terms") as refused:
        pull("org/m")

    assert f"{hub.address}/org/m" in refused.value.hint
    assert "HF_TOKEN" in refused.value.hint


def test_a_model_that_does_not_exist_is_told(hub):
    with pytest.raises(ModelError, match="has no model org/nothing"):
        pull("org/nothing")


def test_pickles_are_not_fetched(hub):
    hub.repositories["org/m"] = Repository({"config.json": b"{}", "pytorch_model.bin": b"1"})

    with pytest.raises(ModelError, match=r"only pickles \(pytorch_model\.bin\)"):
        pull("org/m")

    assert not any("/resolve/" in path for _, path, _ in hub.asked)


def test_weights_of_a_model_that_needs_code_of_its_own_are_not_fetched(hub, files):
    own = files | {"config.json": b'{"auto_map": {}}'}
    hub.repositories["org/m"] = Repository(own)

    with pytest.raises(ModelError, match="needs Python code of its own"):
        pull("org/m")

    assert not any(path.endswith("model.safetensors") for _, path, _ in hub.asked)


def test_of_several_gguf_files_the_most_exact_is_fetched_or_the_one_that_is_named(hub, tmp_path):
    save_gguf("qwen2", tmp_path / "m.gguf")
    data = (tmp_path / "m.gguf").read_bytes()
    names = ("m-q4_k_m.gguf", "m-q8_0.gguf", "m-q2_k.gguf")
    hub.repositories["org/m"] = Repository(dict.fromkeys(names, data))

    assert pull("org/m").endswith("m-q8_0.gguf")
    named = pull("org/m", "m-q2_k.gguf")
    assert check_source(named) == named
    with pytest.raises(ModelError, match="has no file 'm-q9\\.gguf'") as refused:
        pull("org/m", "m-q9.gguf")
    assert "m-q2_k.gguf" in refused.value.hint
    assert {each.name for each in local_models()} == {"org/m:m-q8_0.gguf", "org/m:m-q2_k.gguf"}


def test_a_full_disk_is_told_before_anything_is_fetched(hub, files, monkeypatch):
    hub.repositories["org/m"] = Repository(files)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - 1000, 1000))

    with pytest.raises(ModelError, match=r"are to be fetched, and 0\.0 GB") as refused:
        pull("org/m")

    assert "HF_HOME" in refused.value.hint
    assert not any("/resolve/" in path for _, path, _ in hub.asked)


@pytest.mark.slow
def test_that_the_hub_is_silent_is_said_within_a_second_with_what_is_here(
    home, monkeypatch, caplog
):
    caplog.set_level("INFO", "models")
    (home / ".cache/llama.cpp").mkdir(parents=True)
    (home / ".cache/llama.cpp/m.gguf").touch()
    with socket.create_server(("127.0.0.1", 0)) as mute:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{mute.getsockname()[1]}")
        started = time.time()
        with pytest.raises(ModelError, match="cannot be reached"):
            pull("org/m")

    (record,) = (each for each in caplog.records if each.name.startswith("models"))
    assert record.created - started < 1.0
    assert "does not answer so far; on this machine: m.gguf" in record.getMessage()
    assert time.time() - started < 5


def test_what_was_fetched_can_be_removed(hub, files):
    hub.repositories["org/m"] = Repository(files)
    pull("org/m")

    assert remove("org/m") >= len(files["model.safetensors"])

    assert local_models() == []
    with pytest.raises(ModelError, match="not in Hugging Face's cache"):
        remove("org/m")

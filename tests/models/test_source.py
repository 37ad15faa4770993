"""What is known of a model before torch is imported: where it is, and whether it is of use."""

import os
import socket
import subprocess
import sys
import time

import pytest

from models.errors import ModelError
from models.source import check_source, resolve_source
from tests.tiny import byte_tokenizer, tiny_model


@pytest.fixture
def folder(tmp_path):
    """A folder with a model that has no FIM marks."""
    tokenizer = byte_tokenizer()
    tiny_model("qwen2", len(tokenizer)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    return tmp_path


@pytest.fixture
def mute_hub(monkeypatch):
    """A hub that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        yield


def test_the_embedded_model_is_fine_and_torch_is_not_needed_for_that():
    code = (
        "import sys, models.source as s; s.check_source(s.BUNDLED); print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ)
    )
    assert done.stdout == "False\n", done.stderr


def test_a_tokenizer_without_marks_is_told(folder):
    with pytest.raises(ModelError, match="cannot fill in the middle"):
        check_source(str(folder))


def test_a_layout_that_does_not_exist_is_told():
    with pytest.raises(ModelError, match="no FIM layout named 'psm'"):
        check_source("bundled", "psm")


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
@pytest.mark.parametrize("content", [b"version https://git-lfs.github.com/spec/v1\n", b"", b"[]"])
def test_damaged_files_are_told(folder, name, content):
    (folder / name).write_bytes(content)
    with pytest.raises(ModelError, match=str(folder)):
        check_source(str(folder))


def test_a_hub_that_does_not_answer_is_told_soon(mute_hub):
    started = time.monotonic()
    with pytest.raises(ModelError, match=r"hub .*127\.0\.0\.1.* cannot be reached"):
        resolve_source("org/name")
    assert time.monotonic() - started < 5


def test_without_the_hub_what_was_fetched_before_is_used(mute_hub, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--org--name"
    snapshot = repository / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    (snapshot / "config.json").write_text("{}")
    (snapshot / "model.safetensors").touch()

    assert resolve_source("org/name") == str(snapshot)


def test_a_folder_of_gguf_files_says_to_name_one(tmp_path):
    (tmp_path / "m.gguf").touch()
    with pytest.raises(ModelError, match="holds GGUF files") as refused:
        check_source(str(tmp_path))
    assert "m.gguf" in refused.value.hint

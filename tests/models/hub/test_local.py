"""What other programs have fetched is found where they put it."""

import json

import pytest

from models.hub.catalogue import KNOWN, find
from models.hub.local import LocalModel, local_models
from models.hub.speed import bytes_per_second


def put(path, data=b"GGUF....."):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_nothing_is_nothing(home):
    assert local_models() == []


def test_lm_studio_ollama_and_llama_cpp_are_looked_through(home):
    studio = put(home / ".lmstudio/models/org/m/m.gguf")
    cached = put(home / ".cache/llama.cpp/c.gguf")
    blob = put(home / ".ollama/models/blobs/sha256-abc", b"GGUF")
    weights = {"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:abc"}
    manifests = home / ".ollama/models/manifests/registry.ollama.ai/library"
    put(manifests / "coder/1.5b", json.dumps({"layers": [weights]}).encode())

    assert local_models() == [
        LocalModel("org/m/m.gguf", "LM Studio", str(studio), 9),
        LocalModel("coder:1.5b", "Ollama", str(blob), 4),
        LocalModel("c.gguf", "llama.cpp", str(cached), 9),
    ]


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"[]",
        b'{"layers": 1}',
        b'{"layers": [{"mediaType": "application/vnd.ollama.image.model"}]}',
        b'{"layers": [{"mediaType": "application/vnd.ollama.image.model", "digest": "../../x"}]}',
    ],
)
def test_a_manifest_that_is_damaged_or_leads_elsewhere_is_left_out(manifest, home):
    put(home / ".ollama/models/manifests/registry.ollama.ai/library/coder/latest", manifest)
    put(home / "x")

    assert local_models() == []


def test_folders_can_be_elsewhere(home, monkeypatch):
    monkeypatch.setenv("LLAMA_CACHE", str(home / "other"))
    file = put(home / "other/m.gguf")

    assert [each.source for each in local_models()] == [str(file)]


def test_in_hugging_faces_cache_only_what_generates_text_is_offered(home):
    for name, kind in (("a", "Qwen2ForCausalLM"), ("b", "BertModel")):
        snapshot = home / f"hub/models--org--{name}/snapshots/abc"
        put(snapshot / "model.safetensors")
        put(snapshot / "config.json", json.dumps({"architectures": [kind]}).encode())
    put(home / "hub/models--org--c/snapshots/abc/model.safetensors")

    assert local_models() == [LocalModel("org/a", "Hugging Face", "org/a", 9)]


def test_names_of_the_table_and_ids_lead_to_repositories():
    assert find("qwen2.5-coder-1.5b") == ("Qwen/Qwen2.5-Coder-1.5B", None)
    assert find("qwen/qwen2.5-coder-1.5b") == ("Qwen/Qwen2.5-Coder-1.5B", None)
    assert find("org/other:m.gguf") == ("org/other", "m.gguf")
    assert len({each.name for each in KNOWN}) == len(KNOWN)
    assert {each.name for each in KNOWN if each.restricted} == {"codestral-22b", "qwen2.5-coder-3b"}


def test_a_line_takes_longer_with_more_weights_that_a_token_goes_through():
    by_name = {each.name: each for each in KNOWN}
    small, moe = by_name["qwen2.5-coder-1.5b"], by_name["qwen3-coder-30b"]

    assert small.line_ms(100e9) == pytest.approx(10 * 1.54e9 * 2 / 100e9 * 1000)
    assert small.line_ms(100e9, "int8") == small.line_ms(100e9) / 2
    assert moe.line_ms(100e9) < by_name["qwen2.5-coder-7b"].line_ms(100e9)
    assert moe.memory_gb("bfloat16") == 61


def test_bandwidth_is_measured_once(tmp_path, monkeypatch):
    monkeypatch.setattr("models.hub.speed._ROWS", 64)
    first = bytes_per_second(tmp_path / "cache")
    monkeypatch.setattr("models.hub.speed._measure", lambda: 1.0)

    assert first > 1
    assert bytes_per_second(tmp_path / "cache") == first
    (tmp_path / "cache" / "memory-bandwidth.json").write_text("[]")
    assert bytes_per_second(tmp_path / "cache") == 1

"""Checkpoints of real architectures, saved as a user has them, are loaded; others are refused."""

import json
import shutil

import pytest
import torch

from models.errors import ModelError
from models.loading import choose_device, choose_dtype, load_model, weights_digest
from tests.models.quantised_cpu import needs_int4, needs_int8
from tests.tiny import CONTEXT, FAMILIES, byte_tokenizer, save_tiny, tiny_model


@pytest.mark.parametrize("family", FAMILIES)
def test_a_saved_checkpoint_is_loaded_with_its_layout(family, tmp_path):
    loaded = load_model(str(save_tiny(family, tmp_path)), device="cpu")

    assert loaded.layout.layout.name == FAMILIES[family].layout
    assert loaded.context_tokens == CONTEXT
    assert loaded.dtype == torch.float32
    for mark in FAMILIES[family].marks:
        assert loaded.tokenizer.backend_tokenizer.token_to_id(mark) in loaded.layout.stop_ids
    end = loaded.tokenizer.backend_tokenizer.token_to_id(FAMILIES[family].end)
    assert end in loaded.layout.stop_ids


def test_the_bundled_model_says_its_layout():
    loaded = load_model(device="cpu")

    assert loaded.model.config.fim_layout == loaded.layout.layout.name
    assert loaded.layout.layout.order == "spm"


def test_what_is_fitted_to_weights_is_for_no_others(tmp_path):
    folder = save_tiny("llama", tmp_path / "one")
    one, again = (
        load_model(str(folder), device="cpu", dtype=each) for each in ("float32", "bfloat16")
    )
    assert one.digest == again.digest
    other = load_model(str(folder), device="cpu")
    with torch.no_grad():
        other.model.get_output_embeddings().weight.mul_(1.1)
    assert weights_digest(other.model) != one.digest


@needs_int4
def test_the_embedded_model_is_loaded_as_int4_in_a_third_of_its_memory():
    loaded = load_model(device="cpu", dtype="int4", own_code=False)
    whole = load_model(device="cpu", dtype="bfloat16", own_code=False)

    assert (loaded.dtype_name, loaded.dtype) == ("int4", torch.bfloat16)
    assert loaded.digest == whole.digest
    sizes = [sum(each.nbytes for each in m.model.parameters()) for m in (loaded, whole)]
    assert sizes[0] < sizes[1] / 3


@needs_int8
def test_linear_layers_are_loaded_as_int8(tmp_path):
    loaded = load_model(str(save_tiny("llama", tmp_path)), device="cpu", dtype="int8")

    assert (loaded.dtype_name, loaded.dtype) == ("int8", torch.bfloat16)
    assert {each.dtype for each in loaded.model.parameters()} == {torch.int8, torch.bfloat16}
    assert not any(each.requires_grad for each in loaded.model.parameters())


def test_context_can_be_limited(tmp_path):
    assert load_model(str(save_tiny("llama", tmp_path)), context_tokens=100).context_tokens == 100


def test_a_model_without_fim_marks_is_refused_with_what_was_looked_for(tmp_path):
    tokenizer = byte_tokenizer()
    tiny_model("qwen2", len(tokenizer)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)

    with pytest.raises(ModelError, match="cannot fill in the middle") as refusal:
        load_model(str(tmp_path))
    assert "<|fim_prefix|>" in refusal.value.hint


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"no config\.json"):
        load_model(str(tmp_path))


def test_a_path_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ModelError, match="neither a folder, nor a GGUF file, nor a hub id"):
        load_model(str(tmp_path / "nothing"))


def test_pickled_weights_are_refused(tmp_path):
    folder = save_tiny("llama", tmp_path)
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'true'\ntR.")

    with pytest.raises(ModelError, match="only pickles"):
        load_model(str(folder))


def test_a_model_that_brings_its_own_code_is_refused(tmp_path):
    folder = save_tiny("llama", tmp_path)
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModelForCausalLM": "evil.Model"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text("raise SystemExit('it ran')")

    with pytest.raises(ModelError, match="never run"):
        load_model(str(folder))


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    folder = save_tiny("llama", tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()

    with pytest.raises(ModelError, match="tokenizer"):
        load_model(str(folder))


def test_damaged_weights_are_an_error_that_names_the_folder(tmp_path):
    folder = save_tiny("llama", tmp_path / "model")
    shutil.copy(folder / "config.json", folder / "model.safetensors")

    with pytest.raises(ModelError, match="could not be loaded"):
        load_model(str(folder))


def test_unknown_devices_and_dtypes_are_refused():
    with pytest.raises(ModelError, match="not a device"):
        choose_device("toaster")
    with pytest.raises(ModelError, match="not a dtype"):
        choose_dtype("int3", torch.device("cpu"))
    with pytest.raises(ModelError, match="on a CPU"):
        choose_dtype("int8", torch.device("cuda"))


def test_a_gpu_that_is_not_there_is_refused():
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ModelError, match="no CUDA device"):
        choose_device("cuda")


def test_weights_that_do_not_fit_are_refused_with_what_to_do(tmp_path, monkeypatch):
    def to(self, *_):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    folder = save_tiny("llama", tmp_path)
    monkeypatch.setattr("transformers.modeling_utils.PreTrainedModel.to", to)
    with pytest.raises(ModelError, match="GB") as refusal:
        load_model(str(folder), device="cpu")

    assert "smaller model" in refusal.value.hint

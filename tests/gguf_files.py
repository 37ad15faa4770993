"""GGUF files of tiny random checkpoints, written as llama.cpp's converter writes them."""

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from tokenizers import Tokenizer

from tests.tiny import CONTEXT, FAMILIES, byte_tokenizer, tiny_model

KINDS = {
    "bf16": gguf.GGMLQuantizationType.BF16,
    "q8_0": gguf.GGMLQuantizationType.Q8_0,
    "q4_0": gguf.GGMLQuantizationType.Q4_0,
}
PAIRED = {"llama", "granite"}
STORED_AS = {"mistral": "llama"}
FIM = {"fim_pre": "prefix|>", "fim_suf": "suffix|>", "fim_mid": "middle|>"}


def save_gguf(
    family: str,
    path: Path,
    kind: str = "f32",
    *,
    said: dict[str, Any] | None = None,
    vocabulary: int = 0,
    **sizes: Any,
) -> Any:
    """Write a tiny model of a family; `said` changes what the metadata says.

    Returns the model with its weights rounded as they are stored.
    """
    marks = FAMILIES[family]
    tokenizer = byte_tokenizer(marks.marks, marks.end)
    model = tiny_model(family, vocabulary or len(tokenizer), **sizes)
    metadata = tokens(tokenizer.backend_tokenizer, marks.end)
    if marks.layout.startswith("completer-"):
        metadata["completer.fim_layout"] = marks.layout
    return write(path, model, metadata | (said or {}), kind)


def write(path: Path, model: Any, metadata: dict[str, Any], kind: str) -> Any:
    """Write a model; a key whose value is `None` is left out."""
    name = STORED_AS.get(model.config.model_type, model.config.model_type)
    writer = gguf.GGUFWriter(path, name)
    for key, value in (_metadata(name, model.config) | metadata).items():
        _add(writer, key, value)
    for tensor, values, weight in _weights(name, model):
        stored = add_tensor(writer, tensor, values, kind)
        if stored is not values:
            weight.copy_(torch.from_numpy(_unpaired(name, tensor, stored, model.config)))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return model


def add_tensor(writer: gguf.GGUFWriter, name: str, values: Any, kind: str) -> Any:
    """Add a tensor in a type, vectors in float32; returns what a reader finds."""
    if kind not in KINDS or values.ndim == 1:
        writer.add_tensor(name, values)
        return values
    stored = gguf.quants.quantize(values, KINDS[kind])
    writer.add_tensor(name, stored, raw_dtype=KINDS[kind])
    return gguf.dequantize(stored, KINDS[kind])


def tokens(tokenizer: Tokenizer, end: str) -> dict[str, Any]:
    """A byte-level tokenizer as metadata."""
    ids = tokenizer.get_vocab(with_added_tokens=True)
    listed = sorted(ids, key=lambda token: ids[token])
    control = {each.content for each in tokenizer.get_added_tokens_decoder().values()}
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    values: dict[str, Any] = {
        "model": "gpt2",
        "pre": "gpt-2",
        "tokens": listed,
        "token_type": [3 if token in control else 1 for token in listed],
        "merges": [each if isinstance(each, str) else " ".join(each) for each in merges] or None,
        "eos_token_id": ids[end],
    }
    for key, ending in FIM.items():
        values[f"{key}_token_id"] = next((ids[each] for each in ids if each.endswith(ending)), None)
    return {f"tokenizer.ggml.{key}": value for key, value in values.items()}


def _metadata(name: str, config: Any) -> dict[str, Any]:
    epsilon = "rms_epsilon" if hasattr(config, "rms_norm_eps") else "epsilon"
    values = {
        "context_length": CONTEXT,
        "embedding_length": config.hidden_size,
        "block_count": config.num_hidden_layers,
        "feed_forward_length": config.intermediate_size,
        "attention.head_count": config.num_attention_heads,
        "attention.head_count_kv": config.num_key_value_heads,
        f"attention.layer_norm_{epsilon}": getattr(config, "rms_norm_eps", 1e-5),
        "rope.freq_base": float(config.rope_parameters["rope_theta"]),
    }
    if (width := getattr(config, "head_dim", None)) is not None:
        values["attention.key_length"] = width
    if name == "gemma2":
        values["attention.sliding_window"] = config.sliding_window
    return {f"{name}.{key}": value for key, value in values.items()}


def _add(writer: gguf.GGUFWriter, key: str, value: Any) -> None:
    if value is None:
        return
    adders: dict[type, Any] = {
        bool: writer.add_bool,
        int: writer.add_uint32,
        str: writer.add_string,
        float: writer.add_float32,
        list: writer.add_array,
    }
    adders[type(value)](key, value)


def _weights(name: str, model: Any) -> list[tuple[str, Any, Any]]:
    """Names in the file, values as they are stored there, and the weights themselves."""
    config, found = model.config, []
    number = next(each for each, said in gguf.MODEL_ARCH_NAMES.items() if said == name)
    names = gguf.get_tensor_name_map(number, config.num_hidden_layers)
    for key, weight in model.state_dict().items():
        if key == "lm_head.weight" and config.tie_word_embeddings:
            continue
        stem, _, kind = key.rpartition(".")
        tensor, values = f"{names.get_name(stem)}.{kind}", weight.float().numpy()
        if (heads := _heads(name, tensor, config)) is not None:
            halves = values.reshape(heads, 2, -1, values.shape[-1])
            values = np.ascontiguousarray(halves.swapaxes(1, 2)).reshape(values.shape)
        if name.startswith("gemma") and stem.endswith("norm"):
            values = values + 1
        found.append((tensor, values, weight))
    return found


def _heads(name: str, tensor: str, config: Any) -> int | None:
    """How many heads a tensor has whose rows are stored as pairs."""
    if name not in PAIRED:
        return None
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    return next((count for part, count in heads.items() if f"{part}.weight" in tensor), None)


def _unpaired(name: str, tensor: str, values: Any, config: Any) -> Any:
    heads = _heads(name, tensor, config)
    if heads is None:
        return values
    return values.reshape(heads, -1, 2, values.shape[-1]).swapaxes(1, 2).reshape(values.shape)

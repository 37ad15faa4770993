"""From a GGUF file's metadata to a config as transformers has it, for the architectures below.

transformers' own reading leaves out the base and the scaling of rotary positions and the width of
heads in several of them, whose models then run and say something else; so nothing is left out here:
what is not understood is refused. Keys are those of gguf's `constants.py`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from models.errors import ModelError
from models.gguf.container import GgufFile, damaged

LAYOUT_KEY = "completer.fim_layout"
ELSEWHERE = "Use the model's safetensors weights instead."
_GEMMA2_27B_LAYERS = 46
_LONGEST_CONTEXT = 1 << 22  # tokens
_IGNORED = ("rope_freqs", "attn_rot_embd")


@dataclass(frozen=True, slots=True)
class Architecture:
    """How llama.cpp stores an architecture of transformers.

    `epsilon` is the config's name for what is added under the root of its norms. In `paired` ones
    rotary embedding goes over neighbours, so that rows of q and k are in another order; where
    `norms_from_one`, norms are stored with 1 added. `more` gives what else a config says.
    """

    model_type: str
    epsilon: str = "rms_norm_eps"
    paired: bool = False
    norms_from_one: bool = False
    more: Callable[[GgufFile, str], Mapping[str, Any]] = lambda _file, _name: {}


def _llama(file: GgufFile, name: str) -> dict[str, Any]:
    bias = {"attention_bias": "attn_output.bias", "mlp_bias": "ffn_up.bias"}
    said = {ours: f"blk.0.{tensor}" in file.tensors for ours, tensor in bias.items()}
    return said | {"sliding_window": file.get(f"{name}.attention.sliding_window", int)}


def _granite(file: GgufFile, name: str) -> dict[str, Any]:
    scales = {
        "embedding_multiplier": "embedding_scale",
        "residual_multiplier": "residual_scale",
        "attention_multiplier": "attention.scale",
        "logits_scaling": "logit_scale",
    }
    said = {ours: file.get(f"{name}.{key}", float) for ours, key in scales.items()}
    return _llama(file, name) | {ours: scale for ours, scale in said.items() if scale is not None}


def _starcoder2(file: GgufFile, _: str) -> dict[str, Any]:
    return {"use_bias": "blk.0.attn_q.bias" in file.tensors, "sliding_window": None}


def _gemma2(file: GgufFile, name: str) -> dict[str, Any]:
    window = file.get(f"{name}.attention.sliding_window", int) or 4096
    scale = _head_width(file, name)
    if file.need(f"{name}.block_count", int) == _GEMMA2_27B_LAYERS:
        scale = file.need(f"{name}.embedding_length", int) // _heads(file, name)
    return {
        "sliding_window": window,
        "query_pre_attn_scalar": scale,
        "attn_logit_softcapping": file.get(f"{name}.attn_logit_softcapping", float) or 50.0,
        "final_logit_softcapping": file.get(f"{name}.final_logit_softcapping", float) or 30.0,
    }


ARCHITECTURES = {
    "llama": Architecture("llama", paired=True, more=_llama),
    "granite": Architecture("granite", paired=True, more=_granite),
    "qwen2": Architecture("qwen2"),
    "qwen3": Architecture("qwen3"),
    "starcoder2": Architecture("starcoder2", epsilon="norm_epsilon", more=_starcoder2),
    "gemma": Architecture("gemma", norms_from_one=True),
    "gemma2": Architecture("gemma2", norms_from_one=True, more=_gemma2),
}


def architecture_of(file: GgufFile) -> Architecture:
    """Return how the file's architecture is stored; raises `ModelError` for an unknown one."""
    name = file.need("general.architecture", str)
    if file.get("split.count", int) not in (None, 0, 1):
        raise ModelError(
            f"{file.path} is one of several parts.",
            hint="Join them with `llama-gguf-split --merge FIRST_PART OUT.gguf`.",
        )
    if name not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise ModelError(
            f"{file.path} has architecture {name[:40]!r}, which is not read from GGUF.",
            hint=f"Known: {known}. {ELSEWHERE}",
        )
    return ARCHITECTURES[name]


def config_of(file: GgufFile) -> dict[str, Any]:
    """Return the config, `model_type` among it; raises `ModelError` where sizes cannot be."""
    stored, name = architecture_of(file), file.need("general.architecture", str)
    width, heads = file.need(f"{name}.embedding_length", int), _heads(file, name)
    _check_sizes(file, name, width, heads)
    epsilon = "rms_epsilon" if stored.epsilon == "rms_norm_eps" else "epsilon"
    return {
        "model_type": _model_type(file, stored),
        "vocab_size": file.tensors["token_embd.weight"].shape[0],
        "hidden_size": width,
        "intermediate_size": file.need(f"{name}.feed_forward_length", int),
        "num_hidden_layers": file.need(f"{name}.block_count", int),
        "num_attention_heads": heads,
        "num_key_value_heads": file.get(f"{name}.attention.head_count_kv", int) or heads,
        "head_dim": _head_width(file, name),
        "max_position_embeddings": file.need(f"{name}.context_length", int),
        stored.epsilon: _positive(file, f"{name}.attention.layer_norm_{epsilon}"),
        "rope_parameters": _rope(file, name),
        "tie_word_embeddings": "output.weight" not in file.tensors,
        "bos_token_id": file.get("tokenizer.ggml.bos_token_id", int),
        "eos_token_id": file.get("tokenizer.ggml.eos_token_id", int),
        "fim_layout": file.get(LAYOUT_KEY, str),
        **stored.more(file, name),
    }


def entries_of(file: GgufFile) -> dict[str, Any]:
    """Return what tells families apart that have the same marks: the config, and the names."""
    names = {"_name_or_path": file.get("general.name", str) or "", "source": str(file.path)}
    return config_of(file) | names


def _model_type(file: GgufFile, stored: Architecture) -> str:
    """llama.cpp stores Mistral's models, such as Codestral, as llama: their marks tell them."""
    tokens = file.strings("tokenizer.ggml.tokens") if stored.model_type == "llama" else []
    return "mistral" if {"[PREFIX]", "[SUFFIX]"} <= set(tokens) else stored.model_type


def weights_in(file: GgufFile) -> set[str]:
    """Names of the tensors that a model must have a place for."""
    return {name for name in file.tensors if not any(part in name for part in _IGNORED)}


def _check_sizes(file: GgufFile, name: str, width: int, heads: int) -> None:
    """Refuse sizes that the tensors deny, before anything is made in such sizes."""
    embedding = file.tensors.get("token_embd.weight")
    if embedding is None:
        raise damaged(file.path, "it has no token_embd.weight")
    if len(embedding.shape) != 2 or embedding.shape[1] != width:
        raise damaged(file.path, f"token_embd.weight is {embedding.shape}, states are {width} wide")
    layers = {each.split(".")[1] for each in file.tensors if each.startswith("blk.")}
    claimed = file.need(f"{name}.block_count", int)
    if layers != {str(number) for number in range(len(layers))} or len(layers) != claimed:
        raise damaged(file.path, f"it claims {claimed} layers and has {len(layers)}")
    keys = file.get(f"{name}.attention.head_count_kv", int) or heads
    if not 0 < keys <= heads <= width or heads % keys:
        raise damaged(file.path, f"{heads} heads with {keys} for keys cannot be")
    context = file.need(f"{name}.context_length", int)
    if not 0 < context <= _LONGEST_CONTEXT:
        raise damaged(file.path, f"a context of {context} tokens cannot be")


def _heads(file: GgufFile, name: str) -> int:
    return file.need(f"{name}.attention.head_count", int)


def _head_width(file: GgufFile, name: str) -> int:
    width = file.need(f"{name}.embedding_length", int) // max(1, _heads(file, name))
    said = file.get(f"{name}.attention.key_length", int)
    return said or file.get(f"{name}.rope.dimension_count", int) or width


def _positive(file: GgufFile, key: str) -> float:
    value = file.need(key, float)
    if not 0 < value < math.inf:
        raise damaged(file.path, f"{key} is {value}")
    return value


def _rope(file: GgufFile, name: str) -> dict[str, Any]:
    """Rotary positions; raises for a scaling whose formula is not transformers' own."""
    kind = file.get(f"{name}.rope.scaling.type", str) or "none"
    rope: dict[str, Any] = {"rope_type": "default", "rope_theta": 10_000.0}
    if f"{name}.rope.freq_base" in file.metadata:
        rope["rope_theta"] = _positive(file, f"{name}.rope.freq_base")
    if kind in ("linear", "yarn"):
        rope |= {"rope_type": kind, "factor": _positive(file, f"{name}.rope.scaling.factor")}
    if kind == "yarn":
        original = f"{name}.rope.scaling.original_context_length"
        rope["original_max_position_embeddings"] = file.need(original, int)
    rotated = file.get(f"{name}.rope.dimension_count", int)
    odd = "rope_freqs.weight" in file.tensors or rotated not in (None, _head_width(file, name))
    if kind not in ("none", "linear", "yarn") or odd:
        raise ModelError(
            f"{file.path} turns or scales its positions in a way that is not read ({kind}).",
            hint=ELSEWHERE,
        )
    return rope

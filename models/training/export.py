"""Write a trained decoder as a Hugging Face folder that plain `AutoModelForCausalLM` loads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

from models.training.layouts import LAYOUT
from models.training.model import NORM_EPS, Decoder, ModelShape
from models.training.tokenizer import END, MARKS, mark_id
from models.training.warm_start import PREFIX


def export_model(decoder: Decoder, tokenizer: Tokenizer, folder: Path) -> Path:
    """Write weights (bfloat16 safetensors), tokenizer and configs into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    end = mark_id(tokenizer, END)
    weights = folder / "model.safetensors"
    save_file(hub_weights(decoder), weights, metadata={"format": "pt"})
    weights.chmod(0o644)  # it is written for its owner only, but packaged for all
    tokenizer.encode_special_tokens = False
    tokenizer.save(str(folder / "tokenizer.json"))
    _write(folder / "config.json", hub_config(decoder.shape, end))
    _write(folder / "tokenizer_config.json", tokenizer_config(decoder.shape.context))
    _write(folder / "generation_config.json", {"eos_token_id": end, "pad_token_id": end})
    return folder


def hub_weights(decoder: Decoder) -> dict[str, torch.Tensor]:
    """The weights under their names in the Llama layout."""
    return {
        PREFIX + name: weight.detach().to("cpu", torch.bfloat16).contiguous()
        for name, weight in decoder.state_dict().items()
    }


def hub_config(shape: ModelShape, end: int) -> dict[str, Any]:
    """`config.json` of the Llama layout."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.width,
        "intermediate_size": shape.feed_forward,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.key_value_heads,
        "head_dim": shape.head_size,
        "hidden_act": "silu",
        "max_position_embeddings": shape.context,
        "rope_parameters": {"rope_type": "default", "rope_theta": shape.rope_theta},
        "rms_norm_eps": NORM_EPS,
        "tie_word_embeddings": True,
        "attention_bias": False,
        "mlp_bias": False,
        "bos_token_id": None,
        "eos_token_id": end,
        "pad_token_id": end,
        "dtype": "bfloat16",
        "fim_layout": LAYOUT,
    }


def tokenizer_config(context: int) -> dict[str, Any]:
    """`tokenizer_config.json` for `AutoTokenizer`."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END,
        "pad_token": END,
        "extra_special_tokens": [mark for mark in MARKS if mark != END],
        "model_max_length": context,
        "clean_up_tokenization_spaces": False,
    }


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")

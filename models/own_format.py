"""Models as `completer train` exports them, such as the embedded one, without transformers.

A folder counts as one where it says nothing but what `models/training/export.py` writes, or what
changes nothing: whatever else a folder may say is for transformers to understand.
"""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from models.decoder import BareDecoder, DecoderConfig
from models.tokenizer import ModelTokenizer, read_tokenizer_file

FIXED = {"model_type": "llama", "hidden_act": "silu", "attention_bias": False, "mlp_bias": False}
LAYOUT = "fim_layout"
SIZES = frozenset(field.name for field in fields(DecoderConfig)) - FIXED.keys() - {LAYOUT}
CHANGES_NOTHING = {
    *("architectures", "bos_token_id", "eos_token_id", "pad_token_id", "dtype", "torch_dtype"),
    *("transformers_version", "use_cache", "initializer_range", "attention_dropout"),
    LAYOUT,
}
TOKENIZER_CLASS = "PreTrainedTokenizerFast"
MARKS = ("eos_token", "pad_token", "extra_special_tokens")
OF_TOKENIZER = {*MARKS, "tokenizer_class", "model_max_length", "clean_up_tokenization_spaces"}


def read_config(folder: Path) -> DecoderConfig | None:
    """Return the sizes of the model in a folder; `None` where transformers has to read it."""
    config = _json(folder / "config.json")
    if not SIZES | FIXED.keys() <= config.keys() <= SIZES | FIXED.keys() | CHANGES_NOTHING:
        return None
    rope = config["rope_parameters"]
    plain_rope = isinstance(rope, dict) and rope.keys() == {"rope_type", "rope_theta"}
    is_plain = all(config[name] == value for name, value in FIXED.items())
    if not (is_plain and plain_rope and rope["rope_type"] == "default"):
        return None
    if not (folder / "model.safetensors").is_file():
        return None
    sizes = {name: config[name] for name in SIZES}
    return DecoderConfig(**sizes, fim_layout=config.get(LAYOUT))


def read_tokenizer(folder: Path) -> ModelTokenizer | None:
    """Return the tokenizer in a folder; `None` where transformers has to read it.

    Raises `ValueError` for a damaged file.
    """
    config = _json(folder / "tokenizer_config.json")
    if config.get("tokenizer_class") != TOKENIZER_CLASS or not config.keys() <= OF_TOKENIZER:
        return None
    if not (folder / "tokenizer.json").is_file():
        return None
    tokenizer = read_tokenizer_file(folder / "tokenizer.json")
    added = tokenizer.get_added_tokens_decoder()
    special = {token.content: number for number, token in added.items() if token.special}
    end = str(config.get("eos_token"))
    named = [end, config.get("pad_token"), *(config.get("extra_special_tokens") or [])]
    if not all(mark in special for mark in named):
        return None
    begin = tuple(number for number in tokenizer.encode("").ids if number != special[end])
    return ModelTokenizer(tokenizer, begin, frozenset(special.values()))


def read_decoder(folder: Path, config: DecoderConfig, dtype: torch.dtype) -> BareDecoder:
    """Read the weights in `dtype`; raises what safetensors and torch do for damaged ones."""
    decoder = BareDecoder(config)
    with safe_open(folder / "model.safetensors", "pt") as file:
        # copies: what is mapped would change with the file
        decoder.take({n: file.get_tensor(n).to(dtype, copy=True) for n in file.keys()})  # noqa: SIM118
    return decoder


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

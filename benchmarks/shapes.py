"""Models of a given shape with random weights: speed depends on shapes, and needs no download."""

import json
from collections.abc import Mapping
from typing import Any, cast

import torch
from transformers import AutoConfig
from transformers.modeling_utils import PreTrainedModel
from transformers.models.auto.modeling_auto import AutoModelForCausalLM

from completer.errors import CompleterError
from models.int8 import INT8, quantise
from models.loading import choose_dtype

Shape = Mapping[str, Any]
DEFAULT = "qwen2.5-coder-1.5b"
SHAPES: Mapping[str, Shape] = {
    "qwen2.5-coder-0.5b": {
        "model_type": "qwen2",
        "hidden_size": 896,
        "intermediate_size": 4864,
        "num_hidden_layers": 24,
        "num_attention_heads": 14,
        "num_key_value_heads": 2,
        "vocab_size": 151936,
        "tie_word_embeddings": True,
    },
    DEFAULT: {
        "model_type": "qwen2",
        "hidden_size": 1536,
        "intermediate_size": 8960,
        "num_hidden_layers": 28,
        "num_attention_heads": 12,
        "num_key_value_heads": 2,
        "vocab_size": 151936,
        "tie_word_embeddings": True,
    },
    "qwen2.5-coder-7b": {
        "model_type": "qwen2",
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "vocab_size": 152064,
        "tie_word_embeddings": False,
    },
    "tiny": {
        "model_type": "qwen2",
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": 512,
        "tie_word_embeddings": True,
    },
}


def find_shape(wanted: str) -> Shape:
    """Turn a name of `SHAPES`, or JSON with the keys of a model's config.json, into a shape.

    Raises `CompleterError` for anything else.
    """
    if wanted in SHAPES:
        return SHAPES[wanted]
    try:
        shape = json.loads(wanted)
    except ValueError:
        shape = None
    if not isinstance(shape, dict) or "model_type" not in shape:
        raise CompleterError(
            f"{wanted!r} is not a model's shape.",
            hint=f"Use {', '.join(SHAPES)}, or JSON as in a model's config.json, with model_type.",
        )
    return shape


def random_model(shape: Shape, device: torch.device, dtype: str, positions: int) -> PreTrainedModel:
    """Build a model with random weights for texts of up to `positions` tokens.

    Raises `CompleterError` where transformers has no such model, `ModelError` for a `dtype` that
    is none or cannot run on the device.
    """
    floating = choose_dtype(dtype, device)
    options = {key: value for key, value in shape.items() if key != "model_type"}
    options["max_position_embeddings"] = positions
    torch.manual_seed(0)
    try:
        config = AutoConfig.for_model(shape["model_type"], **options)
        with torch.device(device):
            model = AutoModelForCausalLM.from_config(config, dtype=floating)  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, KeyError) as error:
        raise CompleterError(
            f"No model has this shape: {error}", hint="See transformers' configuration classes."
        ) from error
    model = cast(PreTrainedModel, model.eval().requires_grad_(False))
    if dtype == INT8:
        quantise(model)
    return model


def bytes_read(model: PreTrainedModel) -> int:
    """Bytes of weights that a forward pass reads: all but an embedding that is only looked up."""
    every = sum(parameter.nbytes for parameter in model.parameters())  # what is tied counts once
    looked_up = cast(torch.Tensor, model.get_input_embeddings().weight)
    return every if model.config.tie_word_embeddings else every - looked_up.nbytes

"""Models of a given shape with random weights: speed depends on shapes, and needs no download."""

import json
from collections.abc import Mapping
from typing import Any, cast

import torch
from transformers import AutoConfig
from transformers.modeling_utils import PreTrainedModel
from transformers.models.auto.modeling_auto import AutoModelForCausalLM

from completer.errors import CompleterError
from models.loading import choose_dtype
from models.quantising import QUANTISED, quantise

Shape = Mapping[str, Any]
DEFAULT = "qwen2.5-coder-1.5b"


def _qwen2(hidden: int, inner: int, layers: int, heads: tuple[int, int], vocab: int) -> Shape:
    return {
        "model_type": "qwen2",
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads[0],
        "num_key_value_heads": heads[1],
        "vocab_size": vocab,
        "tie_word_embeddings": True,
    }


SHAPES: Mapping[str, Shape] = {
    "qwen2.5-coder-0.5b": _qwen2(896, 4864, 24, (14, 2), 151936),
    DEFAULT: _qwen2(1536, 8960, 28, (12, 2), 151936),
    "qwen2.5-coder-7b": {
        **_qwen2(3584, 18944, 28, (28, 4), 152064),
        "tie_word_embeddings": False,
    },
    "tiny": _qwen2(64, 128, 2, (4, 2), 512),
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
    if dtype in QUANTISED:
        quantise(model, dtype)
    return model


def bytes_read(model: PreTrainedModel) -> int:
    """Bytes of weights that a forward pass reads: all but an embedding that is only looked up."""
    every = sum(parameter.nbytes for parameter in model.parameters())  # what is tied counts once
    looked_up = cast(torch.Tensor, model.get_input_embeddings().weight)
    return every if model.config.tie_word_embeddings else every - looked_up.nbytes

"""Read models in Hugging Face's Llama layout: to continue them, or to measure them."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from models.training.model import Decoder, ModelShape

PREFIX = "model."  # of the weights' names in the Llama layout


def load_weights(decoder: Decoder, folder: Path) -> None:
    """Copy a model's weights into the decoder, which may know some more marks.

    A new mark starts as the mean of the known embeddings. Raises ValueError where another size
    differs.
    """
    weights, shape = _read_weights(folder), read_shape(folder)
    mine = decoder.shape
    added = mine.vocabulary - shape.vocabulary
    if added < 0 or _layer_sizes(shape) != _layer_sizes(mine):
        raise ValueError(
            f"{folder} holds a model of another shape: set the run's width, layers, heads and "
            "feed-forward size as its config.json says"
        )
    embeddings = weights["embed_tokens.weight"]
    new = embeddings.mean(0, keepdim=True).expand(added, -1)
    weights["embed_tokens.weight"] = torch.cat([embeddings, new])
    decoder.load_state_dict(weights)


def load_decoder(folder: Path, context: int) -> Decoder:
    """The model of a folder, ready for windows of at most `context` tokens."""
    decoder = Decoder(read_shape(folder, context))
    decoder.load_state_dict(_read_weights(folder))
    return decoder


def read_shape(folder: Path, context: int = 0) -> ModelShape:
    """The sizes that a folder's `config.json` names; `context`, if given, in place of its own."""
    config = json.loads((folder / "config.json").read_text())
    return ModelShape(
        vocabulary=config["vocab_size"],
        width=config["hidden_size"],
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        feed_forward=config["intermediate_size"],
        context=context or config["max_position_embeddings"],
        rope_theta=config["rope_parameters"]["rope_theta"],
        key_value_heads=config["num_key_value_heads"],
    )


def _read_weights(folder: Path) -> dict[str, Tensor]:
    weights = load_file(folder / "model.safetensors")
    return {name.removeprefix(PREFIX): weight.float() for name, weight in weights.items()}


def _layer_sizes(shape: ModelShape) -> tuple[int, ...]:
    return shape.width, shape.layers, shape.heads, shape.key_value_heads, shape.feed_forward

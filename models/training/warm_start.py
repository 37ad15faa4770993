"""Continue from a checkpoint in Hugging Face's Llama layout."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file

from models.training.model import Decoder

PREFIX = "model."


def load_weights(decoder: Decoder, folder: Path) -> None:
    """Copy a checkpoint's weights into the decoder, which may know some more marks.

    A new mark starts as the mean of the known embeddings. Raises ValueError where another size
    differs.
    """
    weights = {
        name.removeprefix(PREFIX): tensor.float()
        for name, tensor in load_file(folder / "model.safetensors").items()
    }
    embeddings = weights["embed_tokens.weight"]
    added = decoder.shape.vocabulary - len(embeddings)
    if (
        added < 0
        or json.loads((folder / "config.json").read_text())["num_hidden_layers"]
        != decoder.shape.layers
    ):
        raise ValueError(
            f"{folder} holds a model of another shape: "
            "set width, layers and vocabulary as its config.json says"
        )
    weights["embed_tokens.weight"] = torch.cat(
        [embeddings, embeddings.mean(0, keepdim=True).expand(added, -1)]
    )
    decoder.load_state_dict(weights)

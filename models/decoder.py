"""A Llama decoder's weights under the names that transformers gives them, without its code.

`models/layers.py` computes with them. Importing transformers' modelling code takes seconds and some
140 MB, ten times what the embedded model's weights do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers.modeling_utils import PreTrainedModel

    Model: TypeAlias = "PreTrainedModel | BareDecoder"
    """A model's weights with its config, with or without code of its own."""

SHAPE = (
    "model_type",
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "hidden_act",
    "max_position_embeddings",
    "rope_parameters",
    "rms_norm_eps",
    "sliding_window",
    "tie_word_embeddings",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderConfig:
    """The sizes of a `BareDecoder`, named as in `config.json`."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    max_position_embeddings: int
    rope_parameters: Mapping[str, Any]
    rms_norm_eps: float
    tie_word_embeddings: bool
    model_type: str = "llama"
    hidden_act: str = "silu"
    fim_layout: str | None = None


def shape_of(model: "Model") -> dict[str, Any]:
    """What tells models of different shapes apart, whoever has loaded them."""
    return {name: getattr(model.config, name, None) for name in SHAPE}


class BareDecoder(nn.Module):
    """The weights of a Llama model; `take` them before anything is computed."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        self.model = _Inner(config)
        self.lm_head = _linear(config.hidden_size, config.vocab_size)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.model.norm.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """What the weights are stored in that are not quantised."""
        return self.model.norm.weight.dtype

    def take(self, weights: Mapping[str, Tensor]) -> None:
        """Take over weights by their names; raises `RuntimeError` where one is missing or odd."""
        shared = self.config.tie_word_embeddings and "lm_head.weight" not in weights
        if shared and "model.embed_tokens.weight" in weights:
            weights = {**weights, "lm_head.weight": weights["model.embed_tokens.weight"]}
        self.load_state_dict(weights, strict=True, assign=True)
        if shared:
            self.lm_head.weight = self.model.embed_tokens.weight

    def get_input_embeddings(self) -> nn.Module:
        """The embedding, as transformers' models tell it."""
        return self.model.embed_tokens

    def get_output_embeddings(self) -> nn.Module:
        """The head, as transformers' models tell it."""
        return self.lm_head


class _Inner(nn.Module):
    """Everything below the head."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.embed_tokens = _Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(_Layer(config) for _ in range(config.num_hidden_layers))
        self.norm = _Norm(config.hidden_size)
        self._config = config

    def rotary_emb(self, like: Tensor, position_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines and sines [1, T, D] in the dtype of `like`, of `position_ids` [1, T]."""
        width, theta = self._config.head_dim, self._config.rope_parameters["rope_theta"]
        steps = torch.arange(0, width, 2, dtype=torch.int64, device=like.device).float()
        angles = position_ids[..., None].float() * (1.0 / theta ** (steps / width))
        both = torch.cat((angles, angles), dim=-1)
        return both.cos().to(like.dtype), both.sin().to(like.dtype)


class _Layer(nn.Module):
    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.input_layernorm = _Norm(config.hidden_size)
        self.self_attn = _Attention(config)
        self.post_attention_layernorm = _Norm(config.hidden_size)
        self.mlp = _FeedForward(config)


class _Attention(nn.Module):
    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        self.head_dim = config.head_dim
        self.scaling = config.head_dim**-0.5
        width = config.hidden_size
        queries = config.num_attention_heads * config.head_dim
        keys = config.num_key_value_heads * config.head_dim
        self.q_proj = _linear(width, queries)
        self.k_proj = _linear(width, keys)
        self.v_proj = _linear(width, keys)
        self.o_proj = _linear(queries, width)


class _FeedForward(nn.Module):
    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.gate_proj = _linear(config.hidden_size, config.intermediate_size)
        self.up_proj = _linear(config.hidden_size, config.intermediate_size)
        self.down_proj = _linear(config.intermediate_size, config.hidden_size)


class _Norm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width))


class _Embedding(nn.Embedding):
    def reset_parameters(self) -> None:
        """Leave the memory unwritten: the weights are still to come."""


class _Linear(nn.Linear):
    def reset_parameters(self) -> None:
        """Leave the memory unwritten: the weights are still to come."""


def _linear(inputs: int, outputs: int) -> nn.Linear:
    return _Linear(inputs, outputs, bias=False)

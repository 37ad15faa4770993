"""The model that is trained: a Llama-shaped decoder with Hugging Face's names of weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

NORM_EPS = 1e-6
EMBEDDING_STD = 0.02
GAIN = 0.5  # of a new matrix, over what keeps the variance of its input


@dataclass(frozen=True)
class ModelShape:
    """Sizes of the decoder; a head has `width // heads` features, the embeddings are tied.

    Heads share keys and values in `key_value_heads` groups (grouped-query attention).
    """

    vocabulary: int
    width: int = 256
    layers: int = 6
    heads: int = 4
    feed_forward: int = 704
    context: int = 2048
    rope_theta: float = 10_000.0
    key_value_heads: int = 2

    def __post_init__(self) -> None:
        if self.heads % self.key_value_heads:
            raise ValueError(
                f"{self.heads} heads cannot share {self.key_value_heads} key/value heads evenly"
            )
        if self.width % (2 * self.heads):
            raise ValueError(
                f"a width of {self.width} cannot be shared out among {self.heads} heads: each "
                "needs an even number of features"
            )

    @property
    def head_size(self) -> int:
        """Features of one head."""
        return self.width // self.heads


def rotary_tables(shape: ModelShape) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the rotary embedding (RoFormer), each `[context, head dimension]`."""
    size = shape.head_size
    frequencies = shape.rope_theta ** (-torch.arange(0, size, 2, dtype=torch.float32) / size)
    angles = torch.outer(torch.arange(shape.context, dtype=torch.float32), frequencies)
    return torch.cat([angles, angles], dim=-1).cos(), torch.cat([angles, angles], dim=-1).sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate each pair of features of `x [B, H, S, D]` by its position's angle."""
    left, right = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-right, left], dim=-1) * sin


class Attention(nn.Module):
    """Causal self-attention over `[B, S, width]`, with fewer heads of keys and values."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.head_size = shape.head_size
        self.group = shape.heads // shape.key_value_heads
        shared = shape.key_value_heads * shape.head_size
        self.sizes = [shape.width, shared, shared]
        self.q_proj = nn.Linear(shape.width, shape.width, bias=False)
        self.k_proj = nn.Linear(shape.width, shared, bias=False)
        self.v_proj = nn.Linear(shape.width, shared, bias=False)
        self.o_proj = nn.Linear(shape.width, shape.width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Mix `x [B, S, width]` along the sequence."""
        weight = torch.cat([self.q_proj.weight, self.k_proj.weight, self.v_proj.weight])
        q, k, v = (
            part.view(*part.shape[:2], -1, self.head_size).transpose(1, 2)  # [B, H, S, D]
            for part in torch.split(F.linear(x, weight), self.sizes, dim=-1)
        )
        q, k = rotate(q, cos, sin).to(v.dtype), rotate(k, cos, sin).to(v.dtype)
        k, v = k.repeat_interleave(self.group, dim=1), v.repeat_interleave(self.group, dim=1)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return cast(Tensor, self.o_proj(mixed.transpose(1, 2).flatten(2)))


class FeedForward(nn.Module):
    """The gated feed-forward block (SwiGLU)."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.width, shape.feed_forward, bias=False)
        self.up_proj = nn.Linear(shape.width, shape.feed_forward, bias=False)
        self.down_proj = nn.Linear(shape.feed_forward, shape.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Transform each position of `x [B, S, width]` by itself."""
        weight = torch.cat([self.gate_proj.weight, self.up_proj.weight])
        gate, up = F.linear(x, weight).chunk(2, dim=-1)
        return cast(Tensor, self.down_proj(F.silu(gate) * up))


class Layer(nn.Module):
    """One decoder layer: attention and feed-forward, each normalised before and added after."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.input_layernorm = nn.RMSNorm(shape.width, eps=NORM_EPS)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = nn.RMSNorm(shape.width, eps=NORM_EPS)
        self.mlp = FeedForward(shape)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Advance the residual stream `x [B, S, width]` by one layer."""
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        return cast(Tensor, x + self.mlp(self.post_attention_layernorm(x)))


class Decoder(nn.Module):
    """Embeddings, layers and the final norm; the output head is the transposed embedding matrix."""

    cos: Tensor
    sin: Tensor

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.shape = shape
        self.embed_tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width, eps=NORM_EPS)
        cos, sin = rotary_tables(shape)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        _initialise(self)

    def forward(self, ids: Tensor, exits: tuple[int, ...] = ()) -> list[Tensor]:
        """Normalised hidden states `[B, S, width]` after each depth in `exits`, then at the end.

        Every exit shares the final norm and the head, so that an exit needs no weights of its own.
        """
        cos, sin = self.cos[: ids.shape[1]], self.sin[: ids.shape[1]]
        x = self.embed_tokens(ids)
        states = []
        for depth, layer in enumerate(self.layers, start=1):
            x = layer(x, cos, sin)
            if depth in exits or depth == len(self.layers):
                states.append(self.norm(x))
        return states


def _initialise(decoder: Decoder) -> None:
    """Small random weights; what a layer adds to the stream starts smaller the more layers add."""
    nn.init.normal_(decoder.embed_tokens.weight, std=EMBEDDING_STD)
    for name, matrix in decoder.layers.named_parameters():
        if matrix.ndim == 2:
            adds = name.endswith(("o_proj.weight", "down_proj.weight"))
            terms = 2 * len(decoder.layers) if adds else 1
            nn.init.normal_(matrix, std=GAIN / math.sqrt(matrix.shape[1] * terms))

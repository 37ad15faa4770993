"""A decoder's layers as they are needed one by one: any range of them, the embedding, the head.

What the engine's lean forward pass, its early exits and the fitting of exit adapters share. It does
the arithmetic of transformers' own code on the same weights: the three attention projections and
the two of the gate are one product each, rotary tables are looked up. How tokens attend is handed
in, so that nothing here knows about caches or batches.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

import torch
from torch import Tensor
from torch.nn.functional import rms_norm, scaled_dot_product_attention, silu

from models.half_linear import linear_for
from models.int4 import Int4Linear
from models.int8 import Int8Linear
from models.int8_table import Int8Embedding, Int8Head

if TYPE_CHECKING:
    from models.decoder import Model

STATIC_ROPE = ("default", "linear", "llama3")
FAMILIES = ("llama", "qwen2", "mistral")
PIECE = 256
"""Tokens of a prompt that are widened at once on a CPU: what fits its caches, and little memory."""

StoreRows = Callable[[int, Tensor, Tensor], None]
Projection = Callable[[Tensor], Tensor]
"""Maps states [..., in] to [..., out]."""


class Attend(Protocol):
    """Attention of one layer over the tokens that are run: [1, heads, T, D] -> [1, T, heads, D]."""

    def __call__(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, *, scaling: float, window: int
    ) -> Tensor:
        """Attend; key and value are [1, kv_heads, T, D], a sliding `window` of 0 means none."""
        ...


@dataclass(frozen=True, slots=True)
class _Layer:
    """One decoder layer; `qkv` and `gate_up` are stacked along their outputs."""

    attention_norm: Tensor
    qkv: Projection
    out: Projection
    mlp_norm: Tensor
    gate_up: Projection
    down: Projection
    window: int


def why_not(model: "Model") -> str:
    """Say what of a model's architecture this file does not compute; empty when it does."""
    config: Any = model.config
    rope = getattr(config, "rope_parameters", None) or {}
    if config.model_type not in FAMILIES:
        return f"architecture {config.model_type} has no adapter (those that do: {_names()})"
    if config.hidden_act != "silu" or getattr(config, "mlp_bias", False):
        return "its feed-forward block is not the plain one of its family"
    if rope.get("rope_type", "default") not in STATIC_ROPE:
        return f"its rotary embedding ({rope['rope_type']}) changes with the length of the text"
    return ""


class DecoderLayers:
    """The layers of a model about which `why_not` has nothing to say.

    The model's own projections become views of the stacked weights: nothing is held twice.
    `positions` is the longest sequence.
    """

    def __init__(self, model: "Model", positions: int) -> None:
        inner: Any = model.model
        config: Any = model.config
        self.device = model.device
        self.dtype = model.dtype
        self._embedding = inner.embed_tokens
        self._layers = [_stack_layer(layer) for layer in inner.layers]
        self._norm = inner.norm.weight
        self._head = cast(Any, model).lm_head
        self._epsilon = config.rms_norm_eps
        self._heads = config.num_attention_heads
        self._kv_heads = config.num_key_value_heads
        self._head_dim = inner.layers[0].self_attn.head_dim
        self._scaling = inner.layers[0].self_attn.scaling
        self._rotary = inner.rotary_emb
        self._cos, self._sin = _rotary_tables(inner, positions)

    @property
    def depth(self) -> int:
        """How many layers there are."""
        return len(self._layers)

    @property
    def width(self) -> int:
        """Features of a hidden state."""
        return len(self._norm)

    def embed(self, ids: Tensor) -> Tensor:
        """Return what the first layer takes, [T, width], for `ids` [T]."""
        table = self._embedding
        return table(ids) if isinstance(table, Int8Embedding) else table.weight[ids]  # type: ignore[no-any-return]

    def run_layers(
        self, hidden: Tensor, positions: Tensor, first: int, last: int, attend: Attend
    ) -> Tensor:
        """Run layers `first` to `last` (exclusive) on `hidden` [T, width] at `positions` [T]."""
        cos, sin = self._cos[positions], self._sin[positions]  # [T, 1, D]
        for number in range(first, last):
            hidden = self._run_layer(number, hidden, cos, sin, attend)
        return hidden

    def fill_rows(
        self, hidden: Tensor, positions: Tensor, first: int, last: int, store: StoreRows
    ) -> None:
        """Compute keys and values of layers that are skipped, as if `hidden` had entered each.

        `store` gets the layer, keys and values [kv_heads, T, D].
        """
        cos, sin = self._cos[positions], self._sin[positions]
        for number in range(first, last):
            rotated, values = self._project(self._layers[number], hidden, cos, sin)
            store(number, rotated[:, self._heads :].transpose(0, 1), values.transpose(0, 1))

    def turned(self, keys: Tensor, by: int) -> Tensor:
        """Return keys [..., T, D] as they would be `by` positions further on, or back."""
        place = torch.tensor([[by]], device=self.device)
        like = torch.empty(0, device=self.device)  # in float32, whatever the weights are in
        cos, sin = _signed(*self._rotary(like, position_ids=place))
        return _rotate(keys.float(), cos[0], sin[0]).to(keys.dtype)

    def normalise(self, hidden: Tensor) -> Tensor:
        """Apply the final norm to hidden states [R, width]."""
        return self._normalise(hidden, self._norm)

    def predict(self, hidden: Tensor) -> Tensor:
        """Return the logits [R, V] that the shared head reads out of hidden states [R, width]."""
        head, states = self._head, self.normalise(hidden)
        if isinstance(head, Int8Head):
            return head(states)  # type: ignore[no-any-return]
        return linear_for(head.weight)(states, head.weight, None)

    def _run_layer(
        self, number: int, hidden: Tensor, cos: Tensor, sin: Tensor, attend: Attend
    ) -> Tensor:
        layer = self._layers[number]
        rotated, values = self._project(layer, hidden, cos, sin)
        attended = attend(
            number,
            rotated[:, : self._heads].transpose(0, 1)[None],
            rotated[:, self._heads :].transpose(0, 1)[None],
            values.transpose(0, 1)[None],
            scaling=self._scaling,
            window=layer.window,
        )
        hidden = hidden + layer.out(attended.flatten(2)[0])
        if len(hidden) <= PIECE or self.device.type != "cpu":
            return self._feed_forward(layer, hidden)
        pieces = hidden.split(PIECE)  # type: ignore[no-untyped-call]
        return torch.cat([self._feed_forward(layer, piece) for piece in pieces])

    def _feed_forward(self, layer: _Layer, hidden: Tensor) -> Tensor:
        gate, up = layer.gate_up(self._normalise(hidden, layer.mlp_norm)).chunk(2, dim=-1)
        return hidden + layer.down(silu(gate) * up)

    def _project(
        self, layer: _Layer, hidden: Tensor, cos: Tensor, sin: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return rotated queries and keys [T, heads + kv_heads, D], and values [T, kv_heads, D]."""
        normed = self._normalise(hidden, layer.attention_norm)
        qkv = layer.qkv(normed).view(len(hidden), -1, self._head_dim)
        rotating = self._heads + self._kv_heads
        return _rotate(qkv[:, :rotating], cos, sin), qkv[:, rotating:]

    def _normalise(self, hidden: Tensor, weight: Tensor) -> Tensor:
        return rms_norm(hidden, (hidden.shape[-1],), weight, self._epsilon)


def attend_window(
    layer: int, query: Tensor, key: Tensor, value: Tensor, *, scaling: float, window: int
) -> Tensor:
    """Attend among the tokens of one text that stands alone: an `Attend` without a cache."""
    length = query.shape[2]
    grouped = query.shape[1] != key.shape[1]
    if 0 < window < length:
        ones = torch.ones((length, length), dtype=torch.bool, device=query.device)
        seen = ones.tril() & ones.triu(1 - window)
        attended = scaled_dot_product_attention(
            query, key, value, attn_mask=seen, scale=scaling, enable_gqa=grouped
        )
    else:
        attended = scaled_dot_product_attention(
            query, key, value, is_causal=True, scale=scaling, enable_gqa=grouped
        )
    return attended.transpose(1, 2)


def _names() -> str:
    return ", ".join(FAMILIES)


def _rotate(heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Apply rotary positions to heads [T, H, D]."""
    turned = heads.roll(heads.shape[-1] // 2, dims=-1)
    return torch.addcmul(heads * cos, turned, sin)


def _rotary_tables(inner: Any, positions: int) -> tuple[Tensor, Tensor]:  # noqa: ANN401
    """Cosines and sines [positions, 1, D], as the model's own code computes them.

    See `_signed`.
    """
    like = inner.norm.weight[None, None]
    ids = torch.arange(positions, device=like.device)[None]
    return _signed(*inner.rotary_emb(like, position_ids=ids))


def _signed(cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines [1, T, D] as [T, 1, D], the first half of the sines negated.

    So that turning a head needs no negation.
    """
    first, second = sin[0][:, None].chunk(2, dim=-1)
    return cos[0][:, None], torch.cat((-first, second), dim=-1)


def _stack_layer(layer: Any) -> _Layer:  # noqa: ANN401  each family has a class of its own
    attention, mlp = layer.self_attn, layer.mlp
    windowed = getattr(attention, "sliding_window", None)
    if windowed is None and attention.config.model_type == "mistral":
        windowed = attention.config.sliding_window
    return _Layer(
        layer.input_layernorm.weight,
        _stack(attention.q_proj, attention.k_proj, attention.v_proj),
        _stack(attention.o_proj),
        layer.post_attention_layernorm.weight,
        _stack(mlp.gate_proj, mlp.up_proj),
        _stack(mlp.down_proj),
        windowed or 0,
    )


def _stack(*parts: Any) -> Projection:  # noqa: ANN401  nn.Linear, Int8Linear or Int4Linear
    """Make one product of several, which keep views of the stacked weights."""
    weight = torch.cat([each.weight for each in parts]) if len(parts) > 1 else parts[0].weight
    begin = 0
    for each in parts:
        end = begin + each.out_features
        each.weight.data = weight[begin:end]
        begin = end
    biases = tuple(each.bias for each in parts if each.bias is not None)
    bias = torch.cat(biases) if biases else None
    if isinstance(parts[0], Int8Linear | Int4Linear):
        return parts[0].stacked(parts, weight, bias)
    product = linear_for(weight)
    return lambda states: product(states, weight, bias)

"""A forward pass without detours for models of the Llama family.

On small models and short passes, most of the time of transformers' own forward pass is spent around
the arithmetic: a module call for every projection, tables that are computed anew, norms in seven
steps. This does the same arithmetic on the same weights: the three attention projections and the
two of the gate are one product each, rotary tables are looked up. `tuning.py` uses it only where
its results agree with the model's own code.
"""

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, rms_norm, silu
from transformers.modeling_utils import PreTrainedModel

from completer.engine.attention import PackedStep, attend_layer

STATIC_ROPE = ("default", "linear", "llama3")
FAMILIES = ("llama", "qwen2", "mistral")


@dataclass(frozen=True, slots=True)
class _Layer:
    """One decoder layer's weights; `qkv` and `gate_up` are stacked along their outputs."""

    attention_norm: Tensor
    qkv: Tensor
    qkv_bias: Tensor | None
    out: Tensor
    out_bias: Tensor | None
    mlp_norm: Tensor
    gate_up: Tensor
    down: Tensor
    window: int


def supports(model: PreTrainedModel) -> bool:
    """Whether the model's architecture is one that this file computes."""
    config: Any = model.config
    rope = getattr(config, "rope_parameters", None) or {}
    return (
        config.model_type in FAMILIES
        and config.hidden_act == "silu"
        and not getattr(config, "mlp_bias", False)
        and rope.get("rope_type", "default") in STATIC_ROPE
    )


class LeanForward:
    """Runs the packed row through a model that `supports` says yes to.

    The model's own projections become views of the stacked weights: nothing is held twice.
    """

    def __init__(self, model: PreTrainedModel, positions: int) -> None:
        inner: Any = model.model
        config: Any = model.config
        self.device = model.device
        self.dtype = model.dtype
        self._embedding = inner.embed_tokens.weight
        self._layers = [_stack_layer(layer) for layer in inner.layers]
        self._norm = inner.norm.weight
        self._head = cast(Any, model).lm_head.weight
        self._epsilon = config.rms_norm_eps
        self._heads = config.num_attention_heads
        self._kv_heads = config.num_key_value_heads
        self._head_dim = inner.layers[0].self_attn.head_dim
        self._scaling = inner.layers[0].self_attn.scaling
        self._cos, self._sin = _rotary_tables(inner, positions)

    def __call__(self, ids: Tensor, positions: Tensor, rows: Tensor, step: PackedStep) -> Tensor:
        """Return the logits [R, V] of `rows` [R] of the packed tokens `ids` [T]."""
        cos, sin = self._cos[positions], self._sin[positions]  # [T, 1, D]
        hidden = self._embedding[ids]  # [T, hidden]
        for number, layer in enumerate(self._layers):
            hidden = self._run_layer(number, layer, hidden, cos, sin, step)
        return linear(self._normalise(hidden[rows], self._norm), self._head)

    def _run_layer(
        self, number: int, layer: _Layer, hidden: Tensor, cos: Tensor, sin: Tensor, step: PackedStep
    ) -> Tensor:
        normed = self._normalise(hidden, layer.attention_norm)
        qkv = linear(normed, layer.qkv, layer.qkv_bias).view(len(hidden), -1, self._head_dim)
        rotated = _rotate(qkv[:, : self._heads + self._kv_heads], cos, sin)
        attended = attend_layer(
            number,
            rotated[:, : self._heads].transpose(0, 1)[None],
            rotated[:, self._heads :].transpose(0, 1)[None],
            qkv[:, self._heads + self._kv_heads :].transpose(0, 1)[None],
            step,
            scaling=self._scaling,
            window=layer.window,
        )
        hidden = hidden + linear(attended.flatten(2)[0], layer.out, layer.out_bias)
        gate, up = linear(self._normalise(hidden, layer.mlp_norm), layer.gate_up).chunk(2, dim=-1)
        return hidden + linear(silu(gate) * up, layer.down)

    def _normalise(self, hidden: Tensor, weight: Tensor) -> Tensor:
        return rms_norm(hidden, (hidden.shape[-1],), weight, self._epsilon)


def _rotate(heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Apply rotary positions to heads [T, H, D]."""
    first, second = heads.chunk(2, dim=-1)
    return heads * cos + torch.cat((-second, first), dim=-1) * sin


def _rotary_tables(inner: Any, positions: int) -> tuple[Tensor, Tensor]:  # noqa: ANN401
    """Cosines and sines [positions, 1, D], as the model's own code computes them."""
    weight = inner.embed_tokens.weight
    ids = torch.arange(positions, device=weight.device)[None]
    cos, sin = inner.rotary_emb(weight[:1, None], position_ids=ids)
    return cos[0][:, None], sin[0][:, None]


def _stack_layer(layer: Any) -> _Layer:  # noqa: ANN401  each family has a class of its own
    attention, mlp = layer.self_attn, layer.mlp
    qkv, qkv_bias = _stack(attention.q_proj, attention.k_proj, attention.v_proj)
    gate_up, _ = _stack(mlp.gate_proj, mlp.up_proj)
    windowed = getattr(attention, "sliding_window", None)
    if windowed is None and attention.config.model_type == "mistral":
        windowed = attention.config.sliding_window
    return _Layer(
        layer.input_layernorm.weight,
        qkv,
        qkv_bias,
        attention.o_proj.weight,
        attention.o_proj.bias,
        layer.post_attention_layernorm.weight,
        gate_up,
        mlp.down_proj.weight,
        windowed or 0,
    )


def _stack(*projections: nn.Linear) -> tuple[Tensor, Tensor | None]:
    """Stack weights and biases, and let the projections keep views of the stack."""
    weight = torch.cat([each.weight for each in projections])
    begin = 0
    for each in projections:
        end = begin + each.out_features
        each.weight.data = weight[begin:end]
        begin = end
    biases = [each.bias for each in projections if each.bias is not None]
    return weight, torch.cat(tuple(biases)) if biases else None

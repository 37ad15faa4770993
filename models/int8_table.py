"""An embedding and a head that share one table in int8, beside int4 layers.

Half of a small model's weights are its vocabulary's, and a head in bfloat16 takes as long as all
int4 layers together. A token's row has one scale; states stay in bfloat16.
"""

import torch
from torch import Tensor, nn

from models.half_linear import half_linear
from models.int8 import quantise_rows

FEW_ROWS = 3
"""Up to so many rows ATen's kernel is faster, which takes as long for each."""
WIDENED_AT_ONCE = 1 << 20  # weights: 2 MB in bfloat16, which caches hold


class Int8Embedding(nn.Module):
    """What takes the place of an `nn.Embedding`: `weight` [V, width] in int8, `scale` [V].

    `factor` is what a family (Gemma) multiplies looked up rows by, and no head.
    """

    scale: Tensor

    def __init__(self, weight: Tensor, factor: float = 1.0) -> None:
        super().__init__()
        self._factor = factor
        quantised, scale = quantise_rows(weight)
        self.weight = nn.Parameter(quantised, requires_grad=False)
        self.register_buffer("scale", scale[:, 0].bfloat16())

    def forward(self, ids: Tensor) -> Tensor:
        """Return the rows of `ids` [...], [..., width]."""
        return self.weight[ids].to(torch.bfloat16) * self.scale[ids][..., None] * self._factor


class Int8Head(nn.Module):
    """What takes the place of a head: reads logits out of states by a table's rows."""

    def __init__(self, table: Int8Embedding, bias: Tensor | None = None) -> None:
        super().__init__()
        self.weight, self.scale, self.bias = table.weight, table.scale, bias

    def forward(self, states: Tensor) -> Tensor:
        """Map states [..., width] to logits [..., V]."""
        rows = states.reshape(-1, states.shape[-1]).to(torch.bfloat16).contiguous()
        logits = self._few(rows) if len(rows) <= FEW_ROWS else self._many(rows)
        if self.bias is not None:
            logits = logits + self.bias
        return logits.to(states.dtype).view(*states.shape[:-1], -1)

    def _few(self, rows: Tensor) -> Tensor:
        return torch.ops.aten._weight_int8pack_mm(rows, self.weight, self.scale)  # type: ignore[no-any-return]

    def _many(self, rows: Tensor) -> Tensor:
        part = max(1, WIDENED_AT_ONCE // rows.shape[-1])
        begins = range(0, len(self.weight), part)
        parts = (self.weight[begin : begin + part] for begin in begins)
        products = [half_linear(rows, each.to(torch.bfloat16)) for each in parts]
        return torch.cat(products, dim=-1) * self.scale

"""An embedding and a head that share one table in int8, beside int4 layers.

Half of a small model's weights are its vocabulary's, and a head in bfloat16 takes as long as all
int4 layers together. Each group of a token's row has a scale, and so have its states' groups: both
have outliers, which one scale holds badly.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from models.few_bits import BLOCK, multiply, pack, pack_scales

GROUP = 64
MIDDLE, LARGEST = 128, 127
_SMALLEST_SCALE = 2.0**-24  # that float16 has: of a group of zeros


class Int8Embedding(nn.Module):
    """What takes the place of an `nn.Embedding`: `weight` and `scales` as `few_bits.py` packs them.

    Rows are filled up to whole blocks. `factor` is what a family (Gemma) multiplies looked up rows
    by, and no head.
    """

    scales: Tensor

    def __init__(self, weight: Tensor, factor: float = 1.0) -> None:
        super().__init__()
        self.rows, self._factor = len(weight), factor
        integers, scales = _quantise(pad(weight, (0, 0, 0, -len(weight) % BLOCK)))
        self.weight = nn.Parameter(pack(integers, 8), requires_grad=False)
        self.register_buffer("scales", pack_scales(scales))

    def forward(self, ids: Tensor) -> Tensor:
        """Return the rows of `ids` [...], [..., width]."""
        block, place = ids // BLOCK, ids % BLOCK
        packed = self.weight.view(len(self.scales), -1, BLOCK, 4)[block, :, place]
        scale = self.scales[block, :, 0, place].float() * self._factor
        groups = packed.view(*scale.shape, -1).float() - MIDDLE
        return (groups * scale[..., None]).flatten(-2).to(torch.bfloat16)


class Int8Head(nn.Module):
    """What takes the place of a head: reads logits out of states by a table's rows."""

    def __init__(self, table: Int8Embedding, bias: Tensor | None = None) -> None:
        super().__init__()
        self.weight, self._scales, self._rows = table.weight, table.scales, table.rows
        self.bias = None if bias is None else pad(bias, (0, len(table.weight) - table.rows))

    def forward(self, states: Tensor) -> Tensor:
        """Map states [..., width] to logits [..., V]."""
        return multiply(states, self.weight, self._scales, self.bias)[..., : self._rows]


def _quantise(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return `weight` [V, width] as integers of 1 to 255, and scales [V, groups, 1]."""
    groups = weight.float().view(len(weight), -1, GROUP)
    scale = (groups.abs().amax(-1, keepdim=True) / LARGEST).half().float()
    scale = scale.clamp_min(_SMALLEST_SCALE)
    integers = (groups / scale).round_().clamp_(-LARGEST, LARGEST) + MIDDLE
    return integers.view_as(weight).to(torch.uint8), scale

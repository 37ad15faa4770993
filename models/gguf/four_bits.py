"""Q4_0 as int4 layers take it: the file's own integers and scales, not rounded once more."""

from collections.abc import Callable

import gguf
import numpy as np
import torch
from torch import Tensor

from models.gguf.config import architecture_of, config_of
from models.gguf.container import GgufFile
from models.gguf.weights import halves_of, tensor_names

_BLOCK = 32  # inputs, whose scale in float16 stands before 16 bytes


def four_bits_in(file: GgufFile) -> Callable[[str], tuple[Tensor, Tensor] | None]:
    """Return what tells of a layer, by its name, the weights that a file has in 4 bits.

    That is integers [out, in] of 0 to 15, and scales and zeros [out, in / 32, 2], as
    `int4.quantise_groups` returns them; `None` for a weight of another type.
    """
    names, config, paired = tensor_names(file), config_of(file), architecture_of(file).paired

    def stored(layer: str) -> tuple[Tensor, Tensor] | None:
        tensor = file.tensors.get(f"{names.get_name(layer)}.weight")
        if tensor is None or tensor.kind != gguf.GGMLQuantizationType.Q4_0:
            return None
        blocks = np.array(file.bytes_of(tensor)).reshape(tensor.shape[0], -1, 2 + _BLOCK // 2)
        scale = torch.from_numpy(blocks[..., :2].copy().view(np.float16)).float()
        packed = torch.from_numpy(blocks[..., 2:])
        integers = torch.cat((packed & 15, packed >> 4), dim=-1).flatten(1)
        pair = integers, torch.cat((scale, torch.zeros_like(scale)), dim=-1)
        integers, scales = halves_of(layer, config, *pair) if paired else pair
        return integers, scales

    return stored

"""From a GGUF file's tensors to weights under transformers' names: dequantised, then rounded.

What a file stores in 4 or 8 bits becomes floating point here: `gguf` knows the types. float32 holds
Q4_0 and Q8_0 exactly; bfloat16 rounds them once more, int8 (`models/int8.py`, a scale for each
output where Q8_0 has one for 32 inputs) quantises them anew.
"""

import logging
import math
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import gguf
import numpy as np
import torch
from torch import Tensor

from models.decoder import BareDecoder, DecoderConfig
from models.errors import ModelError
from models.gguf.config import ELSEWHERE, architecture_of, config_of, weights_in
from models.gguf.container import GgufFile, TensorInfo, damaged
from models.memory import available_bytes

if TYPE_CHECKING:
    from models.decoder import Model

log = logging.getLogger(__name__)

EXACT = frozenset({"F32", "F16", "BF16"})
_SLAB = 1 << 19  # elements that a thread dequantises at a time
_BARE = {"attention_bias": False, "mlp_bias": False}


def load_gguf(file: GgufFile, dtype: torch.dtype, *, own_code: bool) -> "Model":
    """Read a model in `dtype`; without its `own_code` where that can be.

    Raises `ModelError` where tensors and metadata do not fit together, or do not fit into memory.
    """
    config = config_of(file)
    bare = None if own_code else _bare_config(config)
    if bare is not None:
        with torch.device("meta"):
            shapes = _shapes(BareDecoder(bare), tied=bare.tie_word_embeddings)
        decoder = BareDecoder(bare)
        decoder.take(_read(file, config, shapes, dtype))
        return decoder
    return _with_transformers(file, config, dtype)


def _bare_config(config: Mapping[str, Any]) -> DecoderConfig | None:
    plain = config["rope_parameters"]["rope_type"] == "default"
    if config["model_type"] != "llama" or not plain or not _BARE.items() <= config.items():
        return None
    names = DecoderConfig.__dataclass_fields__.keys() & config.keys()
    return DecoderConfig(**{name: config[name] for name in names})


def _with_transformers(file: GgufFile, config: Mapping[str, Any], dtype: torch.dtype) -> "Model":
    from models.with_transformers import empty_model, model_of

    empty = empty_model(config)
    tied = bool(config["tie_word_embeddings"])
    weights = _read(file, config, _shapes(empty, tied=tied), dtype)
    return model_of(empty.config, weights, dtype)


def _shapes(model: torch.nn.Module, *, tied: bool) -> dict[str, tuple[int, ...]]:
    """The weights that a model needs, a head apart that is its embedding."""
    return {
        name: tuple(weight.shape)
        for name, weight in model.state_dict().items()
        if not (tied and name == "lm_head.weight")
    }


def _read(
    file: GgufFile,
    config: Mapping[str, Any],
    shapes: Mapping[str, tuple[int, ...]],
    dtype: torch.dtype,
) -> dict[str, Tensor]:
    """Return all weights by name in their `shapes`, having checked that they are there and fit."""
    found = _tensors(file, shapes)
    _check_memory(file, shapes, dtype)
    log.info("%s: %s", file.path.name, _said(file, dtype))
    return {name: _weight(file, config, name, tensor, dtype) for name, tensor in found.items()}


def _tensors(file: GgufFile, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, TensorInfo]:
    names = tensor_names(file)
    found: dict[str, TensorInfo] = {}
    for name, shape in shapes.items():
        stem, _, kind = name.rpartition(".")
        stored = f"{names.get_name(stem)}.{kind}"
        if stored not in file.tensors:
            raise damaged(file.path, f"it has no {stored}")
        found[name] = tensor = file.tensors[stored]
        if tensor.shape != shape:
            raise damaged(file.path, f"{stored} is {tensor.shape}, and must be {shape}")
    if left := weights_in(file) - {each.name for each in found.values()}:
        raise ModelError(
            f"{file.path} has weights that its architecture has no place for: {min(left)[:60]}.",
            hint=ELSEWHERE,
        )
    return found


def tensor_names(file: GgufFile) -> gguf.TensorNameMap:
    """Map names of transformers' weights, without what stands behind the last dot, to a file's."""
    name = file.need("general.architecture", str)
    architecture = next(each for each, said in gguf.MODEL_ARCH_NAMES.items() if said == name)
    return gguf.get_tensor_name_map(architecture, file.need(f"{name}.block_count", int))


def _check_memory(
    file: GgufFile, shapes: Mapping[str, tuple[int, ...]], dtype: torch.dtype
) -> None:
    needed = sum(math.prod(shape) for shape in shapes.values()) * dtype.itemsize
    if needed > available_bytes():
        raise ModelError(
            f"{file.path} takes {needed / 1e9:.1f} GB in {str(dtype).removeprefix('torch.')},"
            f" and {available_bytes() / 1e9:.1f} GB of memory are free.",
            hint="Choose a smaller model, free memory, or set model.dtype to bfloat16 or int8.",
        )


def _said(file: GgufFile, dtype: torch.dtype) -> str:
    kinds = file.kinds()
    stored = ", ".join(f"{count} tensors in {kind}" for kind, count in kinds.most_common())
    if kinds.keys() <= EXACT:
        return stored
    how = "dequantised" if dtype == torch.float32 else "dequantised and rounded"
    return f"{stored}, {how} to {str(dtype).removeprefix('torch.')}"


def _weight(
    file: GgufFile, config: Mapping[str, Any], name: str, tensor: TensorInfo, dtype: torch.dtype
) -> Tensor:
    stored = architecture_of(file)
    if stored.norms_from_one and name.endswith("norm.weight"):
        return (_dequantised(file, tensor, torch.float32) - 1).to(dtype)
    values = _dequantised(file, tensor, dtype)
    return _halves(values, heads) if stored.paired and (heads := _heads(name, config)) else values


def halves_of(name: str, config: Mapping[str, Any], *parts: Tensor) -> tuple[Tensor, ...]:
    """Put the rows of what belongs to a weight in the order in which transformers has them."""
    heads = _heads(name, config)
    return tuple(_halves(each, heads) for each in parts) if heads else parts


def _heads(name: str, config: Mapping[str, Any]) -> int:
    """How many heads a weight has whose rows are rotated; 0 for any other."""
    key = {"q_proj": "num_attention_heads", "k_proj": "num_key_value_heads"}
    return next((int(config[heads]) for part, heads in key.items() if f".{part}" in name), 0)


def _halves(rows: Tensor, heads: int) -> Tensor:
    """Put rows [heads * D, ...] whose rotated neighbours are pairs so that these are halves."""
    pairs = rows.view(heads, -1, 2, *rows.shape[1:])
    return pairs.transpose(1, 2).reshape(rows.shape)


def _dequantised(file: GgufFile, tensor: TensorInfo, dtype: torch.dtype) -> Tensor:
    """Return a tensor in `dtype`; little more memory is used meanwhile."""
    out = torch.empty(math.prod(tensor.shape[:-1]), tensor.shape[-1], dtype=dtype)
    stored = file.bytes_of(tensor).reshape(len(out), -1)
    rows = max(1, _SLAB // tensor.shape[-1])

    def dequantise(first: int) -> None:
        values = gguf.dequantize(stored[first : first + rows], tensor.kind)
        out[first : first + rows] = torch.from_numpy(np.require(values, requirements="W"))

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        list(threads.map(dequantise, range(0, len(out), rows)))
    return out.view(tensor.shape)

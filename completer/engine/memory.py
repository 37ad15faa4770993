"""The KV pool within the memory that there is, and what a person is told when there is too little.

A GPU is shared with other programs, so that a budget says what may be used and not what is free. A
pool that does not fit is halved until it does.
"""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from completer.engine.kv_cache import KVPool, LayerShape
from completer.engine.runner import kv_layers
from completer.errors import CompleterError, OverloadedError
from models.half_linear import multiplies_in_tiles
from models.int8 import INT8
from models.memory import give_back_cached, ran_out
from models.quantising import quantised_dtype

if TYPE_CHECKING:
    from models.decoder import Model

log = logging.getLogger(__name__)
FEWEST_SLOTS = 2
SLOTS_EACH = 2  # for each sequence that may run: its own, and a text that may come back
MEGABYTE = 1 << 20


def slots_within(
    budget_bytes: int, layers: Sequence[LayerShape], capacity: int, dtype: torch.dtype
) -> int:
    """How many slots of `capacity` tokens fit into `budget_bytes`; at least two."""
    row = sum(layer.kv_heads * (layer.key_dim + layer.value_dim) for layer in layers)
    return max(FEWEST_SLOTS, budget_bytes // (row * capacity * dtype.itemsize))


def fastest_rows(model: "Model") -> torch.dtype:
    """What attention over a model's keys and values takes the least time in.

    On a CPU that is float32, which takes as little as half the time of bfloat16, but where bfloat16
    is multiplied in tiles. Beside int8 weights it is float32 there as well: so that what a token
    gets does not depend on the number of rows.
    """
    if model.device.type != "cpu":
        return model.dtype
    tiled = multiplies_in_tiles(model.dtype) and quantised_dtype(model) != INT8
    return model.dtype if tiled else torch.float32


def pool_for(model: "Model", budget_bytes: int, *, capacity: int, running: int) -> KVPool:
    """Allocate a model's pool; see `allocate_pool`.

    Rows are stored as `fastest_rows` says, where that leaves room for as many texts as run at once,
    and in the model's own dtype otherwise.
    """
    layers, dtype = kv_layers(model), fastest_rows(model)
    if slots_within(budget_bytes, layers, capacity, dtype) < running:
        dtype = model.dtype
    return allocate_pool(
        layers, budget_bytes, capacity=capacity, dtype=dtype, device=model.device, running=running
    )


def allocate_pool(
    layers: Sequence[LayerShape],
    budget_bytes: int,
    *,
    capacity: int,
    dtype: torch.dtype,
    device: torch.device,
    running: int,
) -> KVPool:
    """Allocate a pool for so many `running` sequences, of at most `budget_bytes`.

    Where memory does not suffice, it is the largest half of a half that does. Raises
    `CompleterError` when not even two slots fit.
    """
    within = slots_within(budget_bytes, layers, capacity, dtype)
    wanted = slots = max(FEWEST_SLOTS, min(within, SLOTS_EACH * running))
    while True:
        try:
            pool = KVPool(layers, slots=slots, capacity=capacity, dtype=dtype, device=device)
        except (RuntimeError, MemoryError) as error:
            if not ran_out(error):
                raise
            if slots == FEWEST_SLOTS:
                raise _no_room(device, capacity) from None
        else:
            break
        give_back_cached(device)
        slots = max(FEWEST_SLOTS, slots // 2)
    if slots < wanted:
        megabytes = pool.bytes_reserved // MEGABYTE
        log.warning(
            "%s has too little memory for engine.kv_cache_mb: %d of %d slots (%d MB) are used;"
            " set it to %d, or choose a smaller model.",
            *(device, slots, wanted, megabytes, max(1, megabytes)),
        )
    return pool


def out_of_memory(device: torch.device) -> OverloadedError:
    """What the sequences of a step are told whose memory was not there."""
    return OverloadedError(
        f"The memory of {device} has run out.",
        retry_after_s=1.0,
        hint="Lower engine.kv_cache_mb or engine.max_running, or choose a smaller model.",
    )


def _no_room(device: torch.device, capacity: int) -> CompleterError:
    return CompleterError(
        f"The memory of {device} does not even hold the keys and values of two texts of"
        f" {capacity} tokens.",
        hint="Lower model.context_tokens, choose a smaller model, or set model.device to cpu.",
    )

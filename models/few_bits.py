"""Products with weights of 4 or 8 bits in groups along the inputs, on a CPU.

States are rounded to 8 bits as they come, with a scale for each row and group. Products within a
group are of integers, exact, and groups are added up in one order: what a row gets depends on no
other row, bit for bit. Weights stay packed, for one row as for a prompt's.
"""

import ctypes
import sys
from collections.abc import Callable
from functools import cache
from typing import Any, cast

import torch
from torch import Tensor

BLOCK = 32
"""Outputs that are packed together."""
_GROUP_BYTES = 8  # of a group of states: scale and sum


def pack(integers: Tensor, bits: int) -> Tensor:
    """Pack integers [outputs, inputs] of 0 and more into uint8 [outputs, inputs * bits / 8].

    In each block of outputs, after one another: four inputs of every output, and of 4 bits the next
    four in the upper halves of the same bytes.
    """
    outputs = len(integers)
    steps = integers.to(torch.uint8).view(outputs // BLOCK, BLOCK, -1, 8 // bits, 4)
    first, *second = steps.transpose(1, 2).unbind(3)
    packed = first | second[0] << 4 if second else first
    return packed.reshape(outputs, -1).contiguous()


def pack_scales(kinds: Tensor) -> Tensor:
    """Bring scales [outputs, groups, kinds] into a kernel's order, in float16.

    Returns [outputs / BLOCK, groups, kinds, BLOCK]. Kinds are scale and, of 4 bits, zero: a weight
    is (integer - half of the range) * scale + zero.
    """
    return kinds.view(-1, BLOCK, *kinds.shape[1:]).permute(0, 2, 3, 1).contiguous().half()


def multiply(states: Tensor, weight: Tensor, scales: Tensor, bias: Tensor | None) -> Tensor:
    """Map states [..., inputs] to [..., outputs] by what `pack` and `pack_scales` return.

    Shared out to as many threads as torch's own products are.
    """
    rows = states.reshape(-1, states.shape[-1]).to(torch.bfloat16).contiguous()
    count, inputs = rows.shape
    outputs, (blocks, groups, kinds, _) = len(weight), scales.shape
    added = torch.zeros(outputs) if bias is None else bias.float()
    room = torch.empty(count * (inputs + _GROUP_BYTES * groups), dtype=torch.uint8)
    product = torch.empty(count, outputs, dtype=torch.bfloat16)
    sizes = (count, groups, inputs // groups, blocks, 4 if kinds == 2 else 8)
    state_scales = room.data_ptr()
    sums = state_scales + count * groups * _GROUP_BYTES // 2
    quantised = state_scales + count * groups * _GROUP_BYTES
    taken = (weight.data_ptr(), scales.data_ptr(), added.data_ptr(), product.data_ptr())
    _run(0, 0, *sizes, rows.data_ptr(), quantised, state_scales, sums, *taken)
    return product.view(*states.shape[:-1], outputs).to(states.dtype)


def has_kernels() -> bool:
    """Whether this processor has the instruction without which products would take seconds."""
    from llvmlite.binding import get_host_cpu_features

    features = get_host_cpu_features()
    return bool(features.get("avx512vnni") or features.get("avxvnni"))


def compile_kernels() -> None:
    """Have compiled what takes seconds on a machine's first start, before a person waits for it."""
    _kernels()


def _run(*fields: int) -> None:
    """Quantise states and multiply them; `fields` are those of the kernels' `Job`."""
    job = (ctypes.c_int64 * len(fields))(*fields)
    for kernel in _kernels():
        kernel(job)


@cache
def _kernels() -> tuple[Callable[[Any], None], ...]:
    from models.few_bits_kernel import multiply, quantise_states

    return tuple(_threaded(cast(int, each.address)) for each in (quantise_states, multiply))


def _threaded(address: int) -> Callable[[Any], None]:
    """A kernel that torch's team of threads runs at once, where that is GNU's OpenMP, on Linux.

    Another team would take its cores: threads that wait spin.
    """
    alone = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(address)
    linked = ctypes.CDLL(None) if sys.platform == "linux" else None
    team: Any = getattr(linked, "GOMP_parallel", None)

    def run(job: Any) -> None:  # noqa: ANN401  an array of ctypes
        threads = torch.get_num_threads()
        if threads > 1 and team is not None:
            team(ctypes.c_void_p(address), job, threads, 0)
        else:
            alone(job)

    return run

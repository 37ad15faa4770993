"""Products of few bits are exact sums, whichever instructions, threads and rows they come from."""

import os
import subprocess
import sys

import pytest
import torch
from llvmlite.binding import get_host_cpu_features

from models.few_bits import multiply, pack, pack_scales
from tests.models.quantised_cpu import needs_int4

pytestmark = needs_int4
HAS = get_host_cpu_features()
INPUTS, OUTPUTS = 192, 96
ELSEWHERE = """
import sys
import torch
from models.few_bits import multiply

torch.save(multiply(*torch.load(sys.argv[1] + "/in.pt")), sys.argv[1] + "/out.pt")
"""


def weights(bits, group=64):
    """Random integers [out, in], and scales [out, groups, kinds] that float16 holds."""
    torch.manual_seed(0)
    integers = torch.randint(1 << bits, (OUTPUTS, INPUTS))
    scales = torch.randn(OUTPUTS, INPUTS // group, 2 if bits == 4 else 1).half().float()
    return integers, scales


def packed(integers, scales, bits):
    return pack(integers, bits), pack_scales(scales)


def expected(states, integers, scales, bits, bias):
    """The product of what both sides are rounded to."""
    shape = scales.shape[:2]
    groups = states.float().view(len(states), shape[1], INPUTS // shape[1])
    largest = groups.abs().amax(-1, keepdim=True)
    rounded = (groups * (torch.tensor(127.0) / largest)).round().double() * (largest / 127)
    wide = (integers.view(*shape, -1) - (1 << bits - 1)) * scales.double()[..., :1]
    if bits == 4:
        wide += scales[..., 1:]
    return rounded.view_as(states) @ wide.view(integers.shape).T + bias.double()


@pytest.mark.parametrize("group", [32, 64])
@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("rows", [0, 1, 2, 7, 40])
def test_it_is_the_product_of_what_both_sides_are_rounded_to(rows, bits, group):
    integers, scales = weights(bits, group)
    states, bias = torch.randn(rows, INPUTS).bfloat16(), torch.randn(OUTPUTS)

    product = multiply(states, *packed(integers, scales, bits), bias)
    wanted = expected(states, integers, scales, bits, bias).float()
    assert product.dtype == torch.bfloat16
    torch.testing.assert_close(product.float(), wanted, rtol=2**-8, atol=1e-3)


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_row_does_not_depend_on_the_others(bits, threads):
    integers, scales = weights(bits)
    parts = packed(integers, scales, bits)
    states = (torch.randn(15, INPUTS) * torch.logspace(-3, 3, 15)[:, None]).bfloat16()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        together = multiply(states, *parts, None)
    finally:
        torch.set_num_threads(before)
    for row, product in zip(states, together, strict=True):
        assert torch.equal(multiply(row[None], *parts, None)[0], product)


def test_zeros_stay_zeros_and_the_largest_numbers_do_not_overflow():
    inputs = 1 << 14
    states = torch.stack((torch.zeros(inputs), torch.full((inputs,), -127.0))).bfloat16()
    integers = torch.full((32, inputs), 255)
    product = multiply(states, pack(integers, 8), pack_scales(torch.ones(32, 1, 1)), None)
    assert product[0].tolist() == [0.0] * 32
    assert product[1].tolist() == [float(torch.tensor(-127.0 * 127 * inputs).bfloat16())] * 32


def test_states_of_several_dimensions_are_mapped():
    integers, scales = weights(4)
    states, parts = torch.randn(2, 3, INPUTS).bfloat16(), packed(integers, scales, 4)
    flat = multiply(states.view(6, INPUTS), *parts, None)
    assert torch.equal(multiply(states, *parts, None), flat.view(2, 3, OUTPUTS))


@pytest.mark.slow
@pytest.mark.skipif(not HAS.get("avxvnni"), reason="this processor lacks AVX-VNNI")
@pytest.mark.parametrize("bits", [4, 8])
def test_processors_of_laptops_say_the_same(bits, tmp_path):
    """They have VNNI for 256 bits: compiled for these in a process of its own."""
    integers, scales = weights(bits)
    parts, states = packed(integers, scales, bits), torch.randn(15, INPUTS).bfloat16()
    torch.save([states, *parts, None], tmp_path / "in.pt")
    said = {
        "NUMBA_CPU_NAME": "haswell",
        "NUMBA_CPU_FEATURES": "+avx2,+fma,+f16c,+avxvnni",
        "NUMBA_CACHE_DIR": str(tmp_path),
    }
    subprocess.run([sys.executable, "-c", ELSEWHERE, tmp_path], check=True, env=os.environ | said)
    assert torch.equal(torch.load(tmp_path / "out.pt"), multiply(states, *parts, None))

"""Products in half precision: the same numbers, by kernels for a few numbers of rows."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.nn.functional import linear

from models import half_linear as module
from models.half_linear import ROWS, half_linear, linear_for


@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("rows", [0, 1, 2, 9, 33, 34, 255, 256, 257, 600, 1000])
def test_it_is_the_product(rows, dtype, with_bias):
    torch.manual_seed(rows)
    states, weight = torch.randn(rows, 24).to(dtype), torch.randn(40, 24).to(dtype)
    bias = torch.randn(40).to(dtype) if with_bias else None
    expected = linear(states.float(), weight.float(), None if bias is None else bias.float())

    found = half_linear(states, weight, bias)
    assert found.shape == (rows, 40)
    torch.testing.assert_close(found, expected.to(dtype), atol=0.06, rtol=0.02)


def test_only_a_few_numbers_of_rows_are_ever_asked_for(monkeypatch):
    seen = set()
    monkeypatch.setattr(
        module, "linear", lambda states, *rest: seen.add(len(states)) or linear(states, *rest)
    )
    weight = torch.randn(3, 2, dtype=torch.bfloat16)
    for rows in range(1, 1300):
        half_linear(torch.randn(rows, 2, dtype=torch.bfloat16), weight)

    assert seen == set(ROWS)


def test_steps_of_a_few_tokens_are_filled_up_by_little():
    """A quarter more at most in the steps that are made for every token."""
    for rows in range(2, 34):
        assert next(each for each in ROWS if each >= rows) <= max(rows + 1, 1.25 * rows)


def test_what_has_kernels_for_all_shapes_stays_as_it_is():
    assert linear_for(torch.zeros(1)) is linear
    assert linear_for(torch.zeros(1, dtype=torch.bfloat16)) is half_linear
    assert linear_for(torch.zeros(1, dtype=torch.bfloat16, device="meta")) is linear


GROWTH = """
import ctypes, re, torch
from models.half_linear import half_linear

def anonymous_mb():
    ctypes.CDLL(None).malloc_trim(0)
    text = open("/proc/self/smaps_rollup").read()
    return int(re.search(r"Anonymous: +(\\d+)", text)[1]) / 1024

weight = torch.randn(768, 256).bfloat16()
half_linear(torch.randn(4, 256).bfloat16(), weight)
before = anonymous_mb()
for rows in range(1, 601):
    half_linear(torch.randn(rows, 256).bfloat16(), weight)
print(anonymous_mb() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="reads /proc")
def test_prompts_of_all_lengths_leave_little_behind():
    """Where a processor multiplies in bfloat16, 600 kernels would take some 300 MB."""
    run = [sys.executable, "-c", GROWTH]
    grown = float(subprocess.run(run, capture_output=True, text=True, check=True).stdout)

    assert grown < 25

"""Zeros that take memory page by page."""

import mmap
import os
from pathlib import Path

import pytest
import torch

from completer.engine.kv_cache import KVPool, LayerShape
from completer.engine.lazy_memory import zeros

CPU = torch.device("cpu")
MEGABYTE = 1 << 20


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_they_are_zeros_that_can_be_written(dtype):
    found = zeros((2, 3, 5), dtype, CPU)
    found[1, 2] = 7

    assert (found.shape, found.dtype) == ((2, 3, 5), dtype)
    assert found.is_contiguous()
    assert found.sum() == 35


def pool_with_two_texts(slots: int) -> tuple[KVPool, int]:
    """Make a pool in which two texts of 256 tokens were computed; return the second's slot, too."""
    layers = [LayerShape(4, 64, 64)] * 8
    pool = KVPool(layers, slots=slots, capacity=2048, dtype=torch.float32, device=CPU)
    for base in (1, 2):
        slot, _ = pool.acquire([base] * 256, "me")
        for layer in range(8):
            rows = torch.ones(4, 256, 64)
            pool.write(layer, slot, 0, rows, rows)
        pool.extend(slot, [base] * 256, 0)
    return pool, slot


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_memory_comes_and_goes_with_the_rows_that_are_used():
    pool_with_two_texts(4)[0].give_back()  # what the libraries take when they are first used
    before = resident_bytes()
    pool, slot = pool_with_two_texts(16)
    row = pool.bytes_reserved // (16 * 2048)
    assert pool.bytes_reserved == 512 * MEGABYTE
    assert pool.bytes_taken == 2 * 256 * row
    assert resident_bytes() - before == pytest.approx(pool.bytes_taken, rel=0.25)

    pool.release(slot, 64)
    pool.give_back()
    assert pool.bytes_taken == (256 + 64) * row
    assert resident_bytes() - before == pytest.approx(pool.bytes_taken, rel=0.25)
    for layer in range(8):
        keys = pool.read(layer, slot, 256)[0]
        assert keys[:, :, :64].eq(1).all()
        assert keys[:, :, 64:256].eq(0).all()
    del pool, keys
    assert resident_bytes() - before < 2 * MEGABYTE


def test_what_cannot_be_reserved_is_a_lack_of_memory(monkeypatch):
    def fail(*_, **__):
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(mmap, "mmap", fail)
    with pytest.raises(MemoryError):
        zeros((4,), torch.float32, CPU)

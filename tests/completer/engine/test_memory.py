"""Too little memory: a smaller pool and a line that says what to set, never a dead engine."""

import logging

import pytest
import torch

from completer.engine.graphs import StaticPasses
from completer.engine.kv_cache import KVPool, LayerShape
from completer.engine.memory import allocate_pool, pool_for, slots_within
from completer.engine.runner import kv_layers
from completer.engine.sequence import GenerationRequest
from completer.errors import CompleterError, OverloadedError
from models.memory import ran_out
from models.quantising import quantise
from tests.completer.engine.test_attention import random_ids
from tests.tiny import tiny_model

LAYERS = [LayerShape(2, 8, 8)] * 3
ROW_BYTES = 3 * 2 * 16 * 4
CAPACITY = 64
CPU = torch.device("cpu")


@pytest.fixture
def device_with(monkeypatch):
    """Let the device have room for so many slots and no more."""

    def limit(slots):
        def zeros(shape, dtype, device):
            if shape[1] > slots:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB.")
            return torch.zeros(shape, dtype=dtype, device=device)

        monkeypatch.setattr("completer.engine.kv_cache.zeros", zeros)

    return limit


def allocate(slots, running=16):
    budget = slots * CAPACITY * ROW_BYTES
    return allocate_pool(
        LAYERS, budget, capacity=CAPACITY, dtype=torch.float32, device=CPU, running=running
    )


def test_a_budget_is_used_and_not_exceeded():
    assert slots_within(10 * CAPACITY * ROW_BYTES + 5, LAYERS, CAPACITY, torch.float32) == 10
    assert slots_within(1, LAYERS, CAPACITY, torch.float32) == 2
    assert allocate(10).bytes_reserved == 10 * CAPACITY * ROW_BYTES


def test_no_more_is_reserved_than_those_who_run_can_use():
    assert len(allocate(1000, running=16).slots) == 32
    assert len(allocate(1000, running=1).slots) == 2
    assert len(allocate(7, running=16).slots) == 7


@pytest.mark.parametrize(
    ("tiles", "quantised", "slots", "chosen"),
    [
        (False, False, 4, torch.float32),
        (False, False, 3, torch.bfloat16),
        (True, False, 4, torch.bfloat16),
        (True, True, 4, torch.float32),
    ],
    ids=["room", "too little", "tiles", "int8"],
)
def test_rows_are_what_attention_is_fastest_in_if_all_who_run_have_room(
    monkeypatch, tiles, quantised, slots, chosen
):
    monkeypatch.setattr("completer.engine.memory.multiplies_in_tiles", lambda _: tiles)
    model = tiny_model("llama", 64).to(torch.bfloat16)
    if quantised:
        quantise(model, "int8")
    budget = (
        slots * CAPACITY * sum(4 * (each.kv_heads * 2 * each.key_dim) for each in kv_layers(model))
    )

    assert pool_for(model, budget, capacity=CAPACITY, running=4).dtype == chosen


def test_a_pool_that_does_not_fit_is_halved_and_it_is_said(device_with, caplog):
    device_with(7)
    with caplog.at_level(logging.WARNING):
        pool = allocate(20)

    assert len(pool.slots) == 5
    (message,) = [record.getMessage() for record in caplog.records]
    assert "engine.kv_cache_mb" in message
    assert "5 of 20 slots" in message


def test_without_room_for_two_texts_it_is_said_what_to_do(device_with):
    device_with(1)
    with pytest.raises(CompleterError, match="two texts of 64 tokens") as refusal:
        allocate(20)
    assert "model.device" in refusal.value.hint


def test_another_error_is_not_taken_for_a_lack_of_memory(monkeypatch):
    def zeros(*_):
        raise RuntimeError("no kernel image is available")

    monkeypatch.setattr("completer.engine.kv_cache.zeros", zeros)
    with pytest.raises(RuntimeError, match="no kernel image"):
        allocate(4)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling ..."), True),
        (MemoryError(), True),
        (RuntimeError("shapes do not match"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_what_a_lack_of_memory_looks_like(error, expected):
    assert ran_out(error) == expected


def test_a_real_failed_allocation_is_recognised():
    with pytest.raises(RuntimeError) as failure:
        torch.empty(1 << 60, dtype=torch.int8)

    assert ran_out(failure.value)


def test_a_smaller_pool_forgets_and_works():
    pool = KVPool(LAYERS, slots=8, capacity=CAPACITY, dtype=torch.float32, device=CPU)
    before = pool.bytes_reserved
    slot, _ = pool.acquire([1, 2, 3], "me")
    pool.extend(slot, [1, 2, 3], 0)
    pool.release(slot, 3)
    pool.shrink()

    assert pool.bytes_reserved == before // 2
    assert pool.acquire([1, 2, 3], "me")[1] == 0
    for _ in range(4):
        pool.release(0, 0)
        pool.shrink()
    assert len(pool.slots) == 2


class ShortOfMemory:
    """A forward pass that lacks memory when it is told to."""

    def __init__(self, forward):
        self._forward = forward
        self.fails = False
        self.device, self.dtype = forward.device, forward.dtype

    def __call__(self, *arguments):
        if self.fails:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return self._forward(*arguments)


@pytest.mark.parametrize("static", [False, True], ids=["packed", "static"])
def test_a_step_without_memory_fails_its_sequences_and_the_engine_goes_on(static, make_engine):
    engine = make_engine(slots=8)
    runner = engine._runner
    runner._forward = forward = ShortOfMemory(runner._forward)
    before = runner.pool.bytes_reserved
    request = GenerationRequest(prompt=random_ids(30), max_tokens=12)
    expected = engine.generate(request).token_ids
    # A new one, since graphs that a GPU has captured do not call the forward pass.
    runner.static = StaticPasses(forward, runner.pool, prepare_after=1) if static else None
    forward.fails = True
    with pytest.raises(OverloadedError, match="memory of") as refusal:
        engine.generate(request)
    assert "engine.kv_cache_mb" in refusal.value.hint
    assert refusal.value.__cause__ is refusal.value.__context__ is None  # or tensors are kept
    forward.fails = False

    result = engine.generate(request)
    assert result.token_ids == expected
    assert result.stats.reused_tokens == 0
    assert runner.pool.bytes_reserved == before // 2

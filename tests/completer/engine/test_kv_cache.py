"""Slots keep their tokens, are shared within an owner only, and give up the oldest first."""

import pytest
import torch

from completer.engine.kv_cache import FIRST_SLOTS, KVPool, LayerShape

LAYERS = [LayerShape(2, 4, 4), LayerShape(1, 4, 2)]


@pytest.fixture
def pool() -> KVPool:
    return KVPool(LAYERS, slots=3, capacity=16, dtype=torch.float32, device=torch.device("cpu"))


def fill(pool, ids, owner="me", *, mark=1.0, busy=False):
    """Compute a sequence as the engine does, with rows that hold `mark` + the row's number."""
    slot, reused = pool.acquire(ids, owner)
    pool.extend(slot, ids[reused:], reused)
    for layer, shape in enumerate(LAYERS):
        for row in range(reused, len(ids)):
            key = torch.full((shape.kv_heads, 1, shape.key_dim), mark + row)
            value = torch.full((shape.kv_heads, 1, shape.value_dim), mark + row)
            pool.write(layer, slot, row, key, value)
    if not busy:
        pool.release(slot, len(ids))
    return slot, reused


def test_bytes_count_keys_and_values_of_all_layers(pool):
    per_row = (2 * (4 + 4) + 1 * (4 + 2)) * 4
    assert pool.bytes_reserved == 3 * 64 * per_row  # whole steps


def test_a_prompt_that_goes_on_is_continued_in_place(pool):
    first, _ = fill(pool, [1, 2, 3, 4])
    second, reused = fill(pool, [1, 2, 3, 4, 5])

    assert second == first
    assert reused == 4


def test_at_least_one_token_is_left_to_compute(pool):
    fill(pool, [1, 2, 3, 4])

    assert fill(pool, [1, 2, 3, 4])[1] == 3


def test_another_owner_shares_nothing(pool):
    fill(pool, [1, 2, 3, 4], owner="me")

    assert fill(pool, [1, 2, 3, 4], owner="you")[1] == 0


def test_rows_of_a_busy_slot_are_copied(pool):
    first, _ = fill(pool, [1, 2, 3, 4], busy=True)
    second, reused = fill(pool, [1, 2, 3, 9], mark=100.0)

    assert second != first
    assert reused == 3
    keys, values = pool.read(1, second, 4)
    assert keys[0, 0, :4, 0].tolist() == [1.0, 2.0, 3.0, 103.0]
    assert values[0, 0, :4, 0].tolist() == [1.0, 2.0, 3.0, 103.0]


def test_a_long_cached_text_is_not_overwritten_for_a_short_shared_start(pool):
    first, _ = fill(pool, [1, 2, 3, 4, 5, 6, 7, 8])
    second, reused = fill(pool, [1, 2, 30])

    assert second != first
    assert reused == 2
    assert fill(pool, [1, 2, 3, 4, 5, 6, 7, 8, 9])[1] == 8


def test_the_slot_used_longest_ago_is_overwritten(pool):
    slots = [fill(pool, [base, base + 1])[0] for base in (10, 20, 30)]
    fill(pool, [10, 11, 12])  # used again: now the second is the oldest

    assert fill(pool, [40, 41])[0] == slots[1]


def test_keep_path_moves_accepted_rows_into_place(pool):
    slot, _ = fill(pool, [1, 2, 3, 4, 5, 6])
    pool.keep_path(slot, 2, [1, 3])

    keys, _ = pool.read(0, slot, 4)
    assert keys[0, 0, :4, 0].tolist() == [1.0, 2.0, 4.0, 6.0]


def test_no_free_slot_is_an_error(pool):
    for base in (10, 20, 30):
        fill(pool, [base], busy=True)

    assert pool.free_slots == 0
    with pytest.raises(ValueError, match="empty"):
        pool.acquire([40], "me")


def test_one_owners_tokens_can_be_cleared(pool):
    fill(pool, [1, 2, 3], "me")
    slot, _ = fill(pool, [1, 2, 3], "you")
    pool.clear(lambda owner: owner == "you")

    assert not pool.slots[slot].tokens.any()
    assert fill(pool, [1, 2, 3], "you")[1] == 0
    assert fill(pool, [1, 2, 3], "me")[1] == 2


def test_clear_forgets_what_is_not_in_use(pool):
    fill(pool, [1, 2, 3])
    pool.clear()

    assert fill(pool, [1, 2, 3])[1] == 0


@pytest.fixture
def roomy_pool() -> KVPool:
    return KVPool(LAYERS, slots=20, capacity=16, dtype=torch.float32, device=torch.device("cpu"))


def test_who_comes_alone_uses_a_few_slots(roomy_pool):
    used = {fill(roomy_pool, [base, 1, 2])[0] for base in range(10, 30)}

    assert len(used) == FIRST_SLOTS


def test_slots_for_more_texts_come_into_use_with_more_that_run(roomy_pool):
    running = [fill(roomy_pool, [base], busy=True)[0] for base in range(10, 16)]
    for slot in running:
        roomy_pool.release(slot, 1)
    used = {fill(roomy_pool, [base, 1, 2])[0] for base in range(30, 80)}
    rest = [fill(roomy_pool, [base], busy=True)[0] for base in range(100, 120)]

    assert len(used) == 2 * len(running)
    assert sorted(rest) == list(range(20))


def test_what_was_used_once_is_counted_as_taken(roomy_pool):
    row = roomy_pool.bytes_reserved // (20 * 64)  # whole steps
    assert roomy_pool.bytes_taken == 0
    fill(roomy_pool, [1, 2, 3, 4, 5])
    fill(roomy_pool, [7, 8])
    fill(roomy_pool, [1, 2, 3])

    assert roomy_pool.bytes_taken == (5 + 2) * row


def test_on_a_gpu_everything_is_taken_at_once():
    pool = KVPool(LAYERS, slots=20, capacity=16, dtype=torch.float32, device=torch.device("meta"))

    assert pool.bytes_taken == pool.bytes_reserved > 0
    assert len({pool.acquire([base], "me")[0] for base in range(20)}) == 20

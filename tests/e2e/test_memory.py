"""What a real server's process takes, after its first answers and under load."""

from pathlib import Path

import pytest

from tests.e2e.memory_soak import MOST_MB, measure

pytestmark = [
    pytest.mark.slow,
    pytest.mark.alone,
    pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="reads /proc"),
]
SHORT_RUN_BYTES = 24 << 10
"""A request, in a run too short for all that is bounded to have reached its bounds: the KV pool,
the tokenizer's caches, the heap. The soak's own command measures 10,000 after 5,000."""


NOISE = 1.08
"""What other processes that share the libraries' pages do to a server's resident memory."""


async def test_a_server_takes_little_memory_and_a_request_none_of_it(tmp_path):
    first = await measure(tmp_path, 0, 0, 0)
    second = await measure(tmp_path, 2000, 600, 64)

    assert first.first_answers_mb <= MOST_MB * NOISE
    assert second.first_answers_mb <= MOST_MB * NOISE
    assert second.per_request <= SHORT_RUN_BYTES

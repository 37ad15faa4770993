"""What a cluster adds: percentiles of two servers, and who was answered where they were before."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest

from benchmarks.cluster import Outcome, serving, table


def test_the_share_at_home_is_of_all_requests():
    answered_by = defaultdict(Counter, a=Counter({"1": 9, "2": 1}), b=Counter({"2": 10}))
    figures = Outcome(ms=[10.0] * 20, answered_by=answered_by, failed=1).figures()
    assert figures["affinity"] == pytest.approx(0.95)
    assert (figures["p50_ms"], figures["p99_ms"], figures["failed"]) == (10.0, 10.0, 1)
    result = {"alone": figures, "cluster": figures, "added": {"p50_ms": 0.0, "p99_ms": 0.0}}
    assert table({"requests": 20, "people": 2, "replicas": {2: result}}).row_count == 1


@pytest.mark.slow
async def test_one_process_is_asked_as_a_cluster_is():
    from benchmarks.cluster import PORT, _ask_all

    outcome = Outcome()
    with serving(0, PORT + 2) as url:
        await _ask_all(url, outcome, 2, 2)
    assert outcome.figures()["answered"] == 4
    assert outcome.figures()["affinity"] == 1.0

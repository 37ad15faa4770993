"""What must hold of any queue holds of the simulated replicas."""

import random
from collections import Counter
from statistics import mean

import pytest

from benchmarks.replicas import Engine, Request, simulate
from benchmarks.scaling import typing

STEP_S = 0.01


def engine(**options):
    values = {"step_s": (0.0, *(STEP_S + 0.001 * n for n in range(16))), "prompt_s": 0.0001}
    values |= {"tokens_per_step": 2.0, "cold_tokens": 100, "warm_tokens": 10, "kept": 10}
    return Engine(**{**values, **options})


def poisson(rate, count, *, tokens=1, people=8, patience=None, seed=0):
    rng, now, found = random.Random(seed), 0.0, []
    for _ in range(count):
        now += rng.expovariate(rate)
        until = {} if patience is None else {"until": now + rng.expovariate(1 / patience)}
        found.append(Request(now, rng.randrange(people), tokens, **until))
    return found


ONE_BY_ONE = engine(cold_tokens=0, warm_tokens=0, max_running=1, max_waiting=10**9)
HARD_TIMES = [
    (poisson(400, 3_000, tokens=9, patience=0.1), engine(), 2),
    (poisson(2_000, 3_000, tokens=9), engine(max_waiting=5), 3),
    (typing(20, 20, seed=1), engine(kept=3), 2),
]


@pytest.mark.parametrize("affinity", [True, False])
@pytest.mark.parametrize(("requests", "made", "replicas"), HARD_TIMES)
def test_each_request_ends_once_and_not_before_it_came(requests, made, replicas, affinity):
    ended = simulate(requests, made, replicas, affinity=affinity).ended
    assert Counter(each.request for each in ended) == Counter(requests)
    assert all(each.at >= each.request.at for each in ended)
    assert all(each.at < each.request.until for each in ended if each.fate == "answered")
    assert all(each.at >= each.request.until for each in ended if each.fate == "cancelled")


def test_hard_times_have_all_fates():
    fates = Counter(e.fate for times in HARD_TIMES for e in simulate(*times).ended)
    assert min(fates[fate] for fate in ("answered", "cancelled", "refused")) > 100


@pytest.mark.parametrize(("requests", "made", "replicas"), HARD_TIMES)
def test_littles_law(requests, made, replicas):
    """As many are inside on average as come a second, times the seconds that each is inside."""
    run = simulate(requests, made, replicas)
    times = [each.at - each.request.at for each in run.ended]
    arrivals_per_s, inside = len(requests) / run.end_s, run.presence_s / run.end_s
    assert inside == pytest.approx(arrivals_per_s * mean(times), rel=1e-6)


def test_a_replica_is_busy_for_the_work_that_it_did():
    requests = poisson(60, 3_000)
    run = simulate(requests, ONE_BY_ONE, 1)
    assert run.busy_s == pytest.approx(len(requests) * STEP_S, rel=1e-6)
    assert run.busy_s < run.end_s


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.3, 0.6, 0.8])
def test_one_by_one_it_is_the_queue_that_is_known(share):
    """M/D/1: the mean wait is ρ/(2(1-ρ)) of a service time (Pollaczek and Khinchine)."""
    requests = poisson(share / STEP_S, 60_000)
    waits = [e.at - e.request.at - STEP_S for e in simulate(requests, ONE_BY_ONE, 1).ended]
    assert mean(waits) == pytest.approx(STEP_S * share / (2 * (1 - share)), rel=0.05)


def test_more_load_is_never_faster():
    means = []
    for rate in (5, 50, 200, 400, 700):
        run = simulate(poisson(rate, 2_000, tokens=9), engine(max_waiting=10**9), 2)
        means.append(mean(each.at - each.request.at for each in run.ended))
    assert means == sorted(means)
    assert means[-1] > 2 * means[0]


def test_more_replicas_are_never_slower():
    requests = poisson(400, 4_000, tokens=9)
    means = []
    for replicas in (1, 2, 4):
        run = simulate(requests, engine(max_waiting=10**9), replicas)
        means.append(mean(each.at - each.request.at for each in run.ended))
    assert means == sorted(means, reverse=True)


def test_affinity_keeps_people_where_their_keys_are():
    requests = poisson(100, 4_000, people=36)
    warm = []
    for affinity in (True, False):
        ended = simulate(requests, engine(), 4, affinity=affinity).ended
        warm.append(mean(bool(each.is_warm) for each in ended))
    assert warm[0] > warm[1] + 0.3


def test_the_same_seed_gives_the_same_figures():
    assert typing(5, 10, seed=4) == typing(5, 10, seed=4) != typing(5, 10, seed=5)
    runs = [simulate(typing(5, 10, seed=4), engine(), 2) for _ in range(2)]
    assert runs[0] == runs[1]

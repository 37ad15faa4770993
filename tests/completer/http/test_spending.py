"""How many tokens a minute a person may have computed."""

from __future__ import annotations

import httpx
import pytest

from completer.http.errors import TooManyRequestsError
from completer.http.options import HttpOptions
from completer.http.spending import MOST_PEOPLE, Spending
from completer.request import DecodeStats

HUNDRED = DecodeStats(prompt_tokens=150, reused_tokens=80, generated_tokens=30)


@pytest.fixture
def options():
    return HttpOptions(max_tokens_per_minute=3, tokens={"1": "ada", "2": "bob"})


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


def test_who_had_a_minutes_share_waits_until_it_is_made_up_for(clock):
    spending = Spending(100, clock)
    spending.check("ada")
    spending.spend("ada", HUNDRED)
    spending.spend("ada", HUNDRED)
    with pytest.raises(TooManyRequestsError) as refused:
        spending.check("ada")
    assert refused.value.retry_after_s == pytest.approx(60)
    spending.check("bob")
    clock.seconds = 61
    spending.check("ada")


def test_reused_and_cached_tokens_are_free(clock):
    spending = Spending(100, clock)
    spending.spend("ada", DecodeStats(prompt_tokens=9000, reused_tokens=8999, generated_tokens=9))
    spending.spend("ada", DecodeStats(prompt_tokens=9000, cached=True))
    spending.check("ada")


def test_without_a_limit_nothing_is_counted(clock):
    spending = Spending(None, clock)
    spending.spend("ada", HUNDRED)
    spending.check("ada")


def test_paid_debts_are_forgotten(clock):
    spending = Spending(100, clock)
    for number in range(MOST_PEOPLE):
        spending.spend(str(number), HUNDRED)
    clock.seconds = 3600
    spending.spend("ada", HUNDRED)
    assert list(spending._owed) == ["ada"]


async def test_it_is_told_over_http(client: httpx.AsyncClient, service):
    service.reply = lambda _: "one two three four five six"

    async def ask(token: str, **more: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return await client.post("/v1/completions", json={"prompt": "a", **more}, headers=headers)

    assert (await ask("1", stream=True)).status_code == 200
    refused = await ask("1")
    assert refused.status_code == 429
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert int(refused.headers["retry-after"]) >= 60
    assert (await ask("2")).status_code == 200

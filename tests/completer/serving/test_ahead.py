"""What is likely to be asked next, and that it is in nobody's way."""

import asyncio

import pytest

from completer.errors import OverloadedError
from completer.request import Choice, Completion, CompletionRequest, DecodeStats, Sampling
from completer.serving.ahead import Ahead, once_accepted

REQUEST = CompletionRequest(prefix="x = ", suffix="\n", polish=True)


def completion(text="f(1)", finish_reason="stop"):
    choice = Choice(text=text, finish_reason=finish_reason)
    return Completion(id="c", model="m", choices=(choice,), stats=DecodeStats())


def test_the_caret_of_the_next_request_stands_behind_what_was_shown():
    assert once_accepted(REQUEST, completion()) == CompletionRequest(
        prefix="x = f(1)", suffix="\n", polish=True
    )


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"polish": False}, completion()),
        ({"n": 2}, completion()),
        ({"sampling": Sampling(temperature=1.0)}, completion()),
        ({}, completion("")),
        ({}, completion(finish_reason="deadline")),
    ],
)
def test_nothing_is_decoded_ahead_where_the_same_would_not_be_asked(changes, answer):
    request = CompletionRequest(**{"prefix": "x = ", "polish": True} | changes)
    assert once_accepted(request, answer) is None


class Service:
    """Remembers what it was asked and what of that it came to answer."""

    def __init__(self):
        self.asked, self.answered = [], []

    async def __call__(self, request):
        self.asked.append(request.prefix)
        await asyncio.sleep(0.01)
        self.answered.append(request.prefix)


async def test_the_same_is_asked_once_and_something_else_instead_of_it():
    ahead, service = Ahead(), Service()
    for prefix in ("a", "a", "b"):
        ahead.start(CompletionRequest(prefix=prefix), service)
        await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    ahead.start(CompletionRequest(prefix="b"), service)
    await asyncio.sleep(0)
    assert (service.asked, service.answered) == (["a", "b"], ["b"])


async def test_what_gives_way_is_not_answered_and_may_be_asked_again():
    ahead, service = Ahead(), Service()
    for _ in range(2):
        ahead.start(REQUEST, service)
        await asyncio.sleep(0)
        ahead.give_way()
    await asyncio.sleep(0.05)
    assert (len(service.asked), service.answered) == (2, [])


async def test_an_error_is_nobodys_concern(caplog):
    async def refuse(request):
        raise OverloadedError("The queue is full.", retry_after_s=1.0)

    caplog.set_level("INFO")
    Ahead().start(REQUEST, refuse)
    await asyncio.sleep(0.01)
    assert "The queue is full." in caplog.text

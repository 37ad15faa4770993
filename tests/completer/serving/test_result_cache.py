"""Typing what is shown is answered without the model; anything else is not."""

import gc
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from completer.request import (
    Choice,
    Completion,
    CompletionRequest,
    Confidence,
    DecodeStats,
    Sampling,
)
from completer.serving.result_cache import ResultCache

REQUEST = CompletionRequest(prefix="import os\nos.", suffix="\n", path=Path("/a.py"), polish=True)


def answer(text: str, finish_reason="stop") -> Completion:
    choice = Choice(text=text, finish_reason=finish_reason, token_ids=(1, 2))
    stats = DecodeStats(prompt_tokens=9, generated_tokens=2)
    return Completion(id="1", model="m", choices=(choice,), stats=stats)


@pytest.fixture
def cache() -> ResultCache:
    cache = ResultCache(1 << 20)
    cache.put(REQUEST, "me", answer("path.join(a)"))
    return cache


def at(prefix: str, **changes: Any) -> CompletionRequest:
    return replace(REQUEST, prefix=prefix, **changes)


def test_the_answers_of_one_owner_can_be_forgotten(cache):
    alone = cache.nbytes
    cache.put(REQUEST, "you", answer("path.isdir(a)"))
    cache.forget(lambda owner: owner == "you")
    assert cache.get(REQUEST, "you") is None
    assert cache.get(REQUEST, "me").text == "path.join(a)"
    assert cache.nbytes == alone


@pytest.mark.parametrize(
    ("prefix", "rest"),
    [
        ("import os\nos.", "path.join(a)"),
        ("import os\nos.p", "ath.join(a)"),
        ("import os\nos.path.join(a", ")"),
    ],
)
def test_typing_the_completion_leaves_its_rest(cache, prefix, rest):
    found = cache.get(at(prefix), "me")

    assert found.text == rest
    assert found.stats.cached
    assert (found.stats.prompt_tokens, found.stats.reused_tokens) == (9, 9)
    assert found.stats.generated_tokens == 0


def test_a_seed_makes_no_difference_to_a_greedy_answer(cache):
    assert cache.get(at("import os\nos.", sampling=Sampling(seed=4)), "me") is not None
    assert cache.get(at("import os\nos.", sampling=Sampling(temperature=1.0)), "me") is None


@pytest.mark.parametrize(
    "prefix",
    ["import os\nos.x", "import os\nos.path.join(a)", "import os\nos", "import os\n\nos.p", "os.p"],
)
def test_any_other_text_is_not_answered(cache, prefix):
    assert cache.get(at(prefix), "me") is None


@pytest.mark.parametrize(
    "change",
    [
        {"suffix": ")\n"},
        {"path": Path("/b.py")},
        {"max_tokens": 3},
        {"multiline": True},
        {"sampling": Sampling(temperature=0.5)},
    ],
)
def test_another_question_is_not_answered(cache, change):
    assert cache.get(at("import os\nos.p", **change), "me") is None


def test_another_owner_is_not_answered(cache):
    assert cache.get(at("import os\nos.p"), "you") is None


def test_the_deadline_is_not_part_of_the_question(cache):
    assert cache.get(at("import os\nos.p", deadline_ms=5), "me")


def test_what_chance_or_the_clock_decided_is_not_remembered():
    cache = ResultCache(1 << 20)
    cache.put(replace(REQUEST, sampling=Sampling(temperature=1.0)), "me", answer("x"))
    cache.put(REQUEST, "me", answer("x", finish_reason="deadline"))
    cache.put(REQUEST, "me", answer(""))

    assert cache.nbytes == 0


def test_far_into_a_file_only_the_nearer_text_is_compared():
    cache = ResultCache(1 << 20)
    start, near = "x" * 5000, "y" * 2000
    cache.put(at(start + near), "me", answer("done"))

    assert cache.get(at(start[1:] + near + "d"), "me").text == "one"
    assert cache.get(at(start + near + "y" + "d"), "me").text == "one"
    assert cache.get(at(start + near[:-1] + "zd"), "me") is None


def test_the_least_recently_used_goes_when_room_runs_out():
    cache = ResultCache(12_000)
    requests = [at("p", path=Path(f"/{n}.py")) for n in range(10)]
    for request in requests[:3]:
        cache.put(request, "me", answer("text"))
    assert cache.get(requests[0], "me")
    for request in requests[3:6]:
        cache.put(request, "me", answer("text"))

    assert cache.nbytes <= 12_000
    assert cache.get(requests[0], "me")
    assert cache.get(requests[1], "me") is None


class Noticed(Completion):
    """An answer that notices when it is looked at."""

    looked_at = 0

    @property
    def text(self) -> str:
        Noticed.looked_at += 1
        return self.choices[0].text


def test_an_answer_is_looked_up_however_many_there_are():
    cache = ResultCache(16 << 20)
    for number in range(500):
        answered = answer("path.join(a)")
        noticed = Noticed(id="1", model="m", choices=answered.choices, stats=answered.stats)
        cache.put(at(f"x = {number}"), "me", noticed)
    before = Noticed.looked_at
    found = cache.get(at("x = 77path.j"), "me")

    assert found.text == "oin(a)"
    assert Noticed.looked_at - before < 10


def test_a_newer_answer_takes_the_place_of_an_older_one(cache):
    held = cache.nbytes
    cache.put(REQUEST, "me", answer("path.exists"))

    assert cache.get(REQUEST, "me").text == "path.exists"
    assert abs(cache.nbytes - held) < 10


PLACES = st.text("ab", max_size=6)


@settings(max_examples=300, deadline=None)
@given(
    known=st.lists(st.tuples(PLACES, st.text("ab", min_size=1, max_size=5)), max_size=5),
    prefix=PLACES,
)
def test_it_is_the_answer_that_the_least_typing_leads_from(known, prefix):
    cache = ResultCache(1 << 20)
    for place, text in known:
        cache.put(at(place), "me", answer(text))
    latest = dict(known)
    expected = next(
        (
            text[typed:]
            for typed in range(len(prefix) + 1)
            for place, text in latest.items()
            if typed < len(text)
            and place + text[:typed] == prefix
            and len(place) + typed == len(prefix)
        ),
        None,
    )
    found = cache.get(at(prefix), "me")
    assert (found and found.text) == expected


def completion_of(number: int) -> Completion:
    """An answer as a server has it: objects of its own, and how sure each of its steps was."""
    steps = tuple(
        Confidence(
            probability=number / 7,
            propensity=1.0,
            text_length=at,
            features={f"feature {n}": number * n / 3 for n in range(15)},
        )
        for at in range(12)
    )
    choice = Choice(
        text=f"text {number} " * 8,
        finish_reason="stop",
        token_ids=tuple(range(1000 + number, 1030 + number)),
        confidence=steps,
    )
    stats = DecodeStats(prompt_tokens=1000 + number, generated_tokens=30, total_ms=number / 3)
    return Completion(id=f"cmpl-{number}", model="m", choices=(choice,), stats=stats)


def test_it_counts_about_what_it_takes():
    """Its bound is one of memory, not of what somebody thought an answer to be."""
    count = 400
    tracemalloc.start()
    try:
        cache = ResultCache(1 << 30)
        before = tracemalloc.get_traced_memory()[0]
        for number in range(count):
            request = CompletionRequest(
                prefix=f"{number:09}" * 200,
                suffix=f"{number:09}" * 30,
                path=Path(f"/a/folder/{number}.py"),
                user=f"person {number}",
            )
            cache.put(request, ("workspace", number), completion_of(number))
        del request
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert 0.7 * taken < cache.nbytes < 1.5 * taken


def test_how_sure_the_whole_answer_was_is_remembered():
    cache = ResultCache(1 << 20)
    cache.put(REQUEST, "me", completion_of(3))

    assert cache.get(REQUEST, "me").confidence == completion_of(3).confidence


def test_what_came_marked_because_a_person_asked_is_not_remembered():
    cache = ResultCache(1 << 20)
    completion = answer("path.join(a")
    choice = replace(completion.choices[0], problem="does not parse")

    cache.put(REQUEST, "me", replace(completion, choices=(choice,)))

    assert cache.get(REQUEST, "me") is None

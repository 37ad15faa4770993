"""The `openai` package, unchanged, against a real server process."""

import json
import time

import httpx
import openai
import pytest

from tests.e2e.conftest import stored_acceptance

pytestmark = pytest.mark.slow

PREFIX = "import os\n\n\ndef file_size(path):\n    return os.path."
SUFFIX = "\n\n\ndef main():\n    pass\n"


@pytest.fixture(scope="module")
def client(server):
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="unused", timeout=60) as client:
        yield client


def test_models_are_listed(client):
    assert [model.id for model in client.models.list()] == ["bundled"]


def test_a_completion(client):
    answer = client.completions.create(
        model="bundled", prompt=PREFIX, suffix=SUFFIX, max_tokens=16, temperature=0
    )

    assert answer.object == "text_completion"
    assert answer.choices[0].text.strip()
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage.completion_tokens <= 16
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert "<|" not in answer.choices[0].text


def test_streaming_gives_the_same_text(client):
    options = {"model": "bundled", "prompt": PREFIX, "suffix": SUFFIX, "max_tokens": 16}
    whole = client.completions.create(**options, temperature=0)
    chunks = list(
        client.completions.create(
            **options, temperature=0, stream=True, stream_options={"include_usage": True}
        )
    )

    text = "".join(choice.text for chunk in chunks for choice in chunk.choices)
    assert text == whole.choices[0].text
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


def test_the_same_seed_gives_the_same_text(client):
    texts = [
        client.completions.create(
            model="bundled", prompt=PREFIX, max_tokens=12, temperature=1.0, seed=seed, n=2
        )
        for seed in (1, 1, 2)
    ]
    first, again, other = ([choice.text for choice in each.choices] for each in texts)

    assert first == again
    assert first != other


def test_the_same_question_again_counts_the_same_tokens(client):
    first, again = (
        client.completions.create(
            model="bundled",
            prompt="import argparse\n\nparser = argparse.Argument",
            suffix="\n",
            max_tokens=8,
            temperature=0,
        )
        for _ in range(2)
    )

    assert again.completer["stats"]["cached"]
    assert again.choices[0].text == first.choices[0].text
    assert again.usage == first.usage
    assert first.usage.prompt_tokens > 0


def test_more_tokens_than_the_model_has_room_for(client):
    answer = client.completions.create(
        model="bundled", prompt=PREFIX, max_tokens=1_000_000, temperature=0
    )

    assert answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage.total_tokens <= 2048


def test_a_text_that_is_cut_within_a_character(server):
    body = {"prompt": 'x = "\ud83d', "suffix": '\ude0a"\n', "max_tokens": 4, "user": "a\ud83d"}
    answer = httpx.post(f"{server.url}/v1/completions", content=json.dumps(body), timeout=60)

    assert answer.status_code == 200, answer.text
    assert answer.json()["usage"]["prompt_tokens"] > 0


def test_stop_strings(client):
    text = client.completions.create(
        model="bundled", prompt=PREFIX, suffix=SUFFIX, max_tokens=32, temperature=0, stop=["\n"]
    )

    assert "\n" not in text.choices[0].text


def test_errors_are_openais(client):
    with pytest.raises(openai.BadRequestError) as refusal:
        client.completions.create(model="bundled", prompt=PREFIX, max_tokens=0)
    assert "max_tokens" in str(refusal.value)


def test_a_client_that_goes_away_stops_the_decoding(server):
    request = {"prompt": PREFIX, "max_tokens": 400, "stream": True}
    with httpx.stream("POST", f"{server.url}/v1/completions", json=request, timeout=60) as answer:
        next(answer.iter_lines())
    deadline = time.monotonic() + 5
    while "completer_running 0.0" not in (metrics := httpx.get(f"{server.url}/metrics").text):
        assert time.monotonic() < deadline, metrics
        time.sleep(0.05)
    assert 'completer_completions_total{outcome="cancelled"} 1.0' in metrics


def test_a_foreign_host_is_refused(server):
    answer = httpx.get(f"{server.url}/v1/models", headers={"Host": "evil.example"})

    assert answer.status_code == 403


def test_what_was_served_is_in_the_report(client, server, home):
    answer = client.completions.create(model="bundled", prompt=PREFIX, suffix=SUFFIX, max_tokens=4)
    reply = httpx.post(
        f"{server.url}/v1/events",
        json={"type": "select", "completion_id": answer.id, "choice_index": 0},
    )
    assert reply.status_code == 200

    assert stored_acceptance(server.telemetry, home)["n"] >= 1

"""What clients send, as they send it, and what they read of the reply.

Bodies are those of the clients' usual settings; none of them names a path but Tabby's.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import pytest_asyncio

from completer.place import local_place
from completer.request import CompletionRequest
from tests.fakes import MODEL, FakeService

BEFORE, AFTER = "import os\n\n\ndef size(path):\n    return os.", "\n\n\nprint(size('a'))\n"
LINE = "    return os."
CHUNKS = [{"text": "def area(x):\n    pass\n", "time": [17, 98], "filename": "shapes.py"}]
RAW = f"<|fim_prefix|>{BEFORE}<|fim_suffix|>{AFTER}<|fim_middle|>"
CONTINUE_STOP = ["<|fim_prefix|>", "<|fim_suffix|>", "<|endoftext|>", "/src/", "#- coding: utf-8"]
TIMINGS = [
    f"{phase}_{what}"
    for phase in ("prompt", "predicted")
    for what in ("n", "ms", "per_token_ms", "per_second")
]

BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "Continue, Mistral": (
        "/v1/fim/completions",
        {
            "model": "codestral-latest",
            "prompt": BEFORE,
            "suffix": AFTER,
            "max_tokens": 4096,
            "temperature": 0.01,
            "stop": CONTINUE_STOP,
            "stream": True,
        },
    ),
    "Continue, OpenAI": (
        "/v1/completions",
        {
            "model": "qwen2.5-coder",
            "max_tokens": 4096,
            "temperature": 0.01,
            "stream": True,
            "stop": CONTINUE_STOP,
            "prompt": RAW,
        },
    ),
    "llama.vim": (
        "/infill",
        {
            "input_prefix": BEFORE.removesuffix(LINE),
            "input_suffix": AFTER,
            "input_extra": CHUNKS,
            "prompt": LINE,
            "n_predict": 128,
            "n_indent": 4,
            "top_k": 40,
            "top_p": 0.99,
            "stream": False,
            "samplers": ["top_k", "top_p", "infill"],
            "cache_prompt": True,
            "t_max_prompt_ms": 500,
            "t_max_predict_ms": 1000,
            "response_fields": [
                "content",
                *(f"timings/{name}" for name in TIMINGS),
                "truncated",
                "tokens_cached",
            ],
        },
    ),
    "llama.vscode": (
        "/infill",
        {
            "input_prefix": BEFORE.removesuffix(LINE),
            "input_suffix": AFTER,
            "input_extra": CHUNKS,
            "prompt": LINE,
            "n_predict": 128,
            "top_k": 40,
            "top_p": 0.99,
            "stream": False,
            "samplers": ["top_k", "top_p", "infill"],
            "cache_prompt": True,
            "n_indent": 4,
            "t_max_prompt_ms": 500,
            "t_max_predict_ms": 1000,
            "lora": [{"id": 0, "scale": 0.5}],
        },
    ),
    "tabby-agent": (
        "/v1/completions",
        {
            "language": "python",
            "segments": {
                "prefix": BEFORE,
                "suffix": AFTER,
                "filepath": "src/sizes.py",
                "git_url": "https://example.com/sizes.git",
                "declarations": [{"filepath": "lib.py", "body": "def lib(): ..."}],
                "relevant_snippets_from_changed_files": [
                    {"filepath": "shapes.py", "body": CHUNKS[0]["text"], "score": 0.7}
                ],
            },
            "user": "ada",
            "temperature": None,
            "mode": "standard",
        },
    ),
    "minuet": (
        "/v1/completions",
        {
            "model": "bundled",
            "stream": True,
            "max_tokens": 256,
            "top_p": 0.9,
            "prompt": f"# language: python\n# indentation: use 4 spaces for a tab\n{BEFORE}",
            "suffix": AFTER,
        },
    ),
    "Zed": (
        "/v1/completions",
        {
            "model": "qwen2.5-coder",
            "prompt": RAW,
            "max_tokens": 256,
            "stop": ["<|endoftext|>", "<|file_sep|>"],
        },
    ),
}
BETWEEN = {"prefix": BEFORE, "suffix": AFTER, "raw": False, "polish": True}
AS_IT_IS = {"prefix": RAW, "suffix": "", "raw": True, "polish": False}
SNIPPETS = ({"path": "shapes.py", "text": "def area(x):\n    pass\n"},)
INFILL = {**BETWEEN, "max_tokens": 128, "deadline_ms": 1500, "snippets": SNIPPETS}
ASKED: dict[str, dict[str, Any]] = {
    "Continue, Mistral": {**BETWEEN, "max_tokens": 4096, "stop": tuple(CONTINUE_STOP)},
    "Continue, OpenAI": {**AS_IT_IS, "max_tokens": 4096, "stop": tuple(CONTINUE_STOP)},
    "llama.vim": INFILL,
    "llama.vscode": INFILL,
    "tabby-agent": {
        **BETWEEN,
        "language": "python",
        "snippets": ({"path": "lib.py", "text": "def lib(): ..."}, *SNIPPETS),
    },
    "minuet": {
        **BETWEEN,
        "prefix": f"# language: python\n# indentation: use 4 spaces for a tab\n{BEFORE}",
        "max_tokens": 256,
    },
    "Zed": {**AS_IT_IS, "max_tokens": 256, "stop": ("<|endoftext|>", "<|file_sep|>")},
}


@pytest.fixture
def service(tmp_path):
    return FakeService(workspaces=(local_place(tmp_path),))


def asked(request: CompletionRequest) -> dict[str, Any]:
    """What is asked for, without how tokens are drawn and whose it is."""
    usual = asdict(CompletionRequest(prefix=""))
    found = {name: value for name, value in asdict(request).items() if value != usual[name]}
    for name in ("sampling", "user", "path", "workspace", "multiline", "withhold"):
        found.pop(name, None)
    return {"suffix": "", "raw": False, "polish": False, **found}


@pytest.mark.parametrize("name", BODIES)
async def test_a_clients_request_is_understood(client, service, name, tmp_path):
    path, body = BODIES[name]
    reply = await client.post(path, json=body)
    assert reply.status_code == 200, reply.text
    (request,) = service.requests
    assert asked(request) == ASKED[name]
    assert request.withhold == (name in ("llama.vim", "llama.vscode", "tabby-agent"))
    assert request.workspace == local_place(tmp_path)
    file = tmp_path / "src/sizes.py" if name == "tabby-agent" else None
    assert request.path == (file and Path(local_place(file)))


def events(reply: httpx.Response) -> list[Any]:
    *chunks, done = [line.removeprefix("data: ") for line in reply.text.split("\n\n") if line]
    assert done == "[DONE]"
    return [json.loads(chunk) for chunk in chunks]


async def test_continue_finds_a_text_in_every_chunk(client):
    mistral, plain = [
        events(await client.post(BODIES[name][0], json=BODIES[name][1]))
        for name in ("Continue, Mistral", "Continue, OpenAI")
    ]
    assert "".join(each["choices"][0]["delta"]["content"] for each in mistral) == "fake completion"
    assert "".join(each["choices"][0]["text"] for each in plain) == "fake completion"


async def test_minuet_finds_a_text_in_every_chunk(client):
    path, body = BODIES["minuet"]
    texts = [each["choices"][0]["text"] for each in events(await client.post(path, json=body))]
    assert "".join(texts) == "fake completion"


async def test_llama_vim_reads_flat_fields_of_one_compact_line(client):
    path, body = BODIES["llama.vim"]
    text = (await client.post(path, json=body)).text
    assert text.startswith('{"content":"fake completion","timings/prompt_n":')
    assert "\n" not in text
    shown = ("n", "ms", "per_second")
    wanted = {f"timings/{phase}_{what}" for phase in ("prompt", "predicted") for what in shown}
    assert json.loads(text).keys() == {"content", "truncated", "tokens_cached", *wanted}


async def test_llama_vscode_reads_nested_timings(client):
    path, body = BODIES["llama.vscode"]
    reply = (await client.post(path, json=body)).json()
    assert reply["content"] == "fake completion"
    assert {"prompt_n", "prompt_ms", "predicted_n", "predicted_ms"} <= reply["timings"].keys()


@pytest.mark.parametrize("more", [{"temperature": 0.0, "response_fields": [""]}, {"lora": []}])
async def test_extra_context_is_taken_in_before_it_is_needed(client, more):
    body = {
        "input_prefix": "",
        "input_suffix": "",
        "input_extra": CHUNKS,
        "prompt": "",
        "n_predict": 0,
        "samplers": [],
        "cache_prompt": True,
        "t_max_prompt_ms": 1,
        "t_max_predict_ms": 1,
    }
    reply = await client.post("/infill", json={**body, **more})
    assert reply.status_code == 200, reply.text


async def test_tabby_agent_reports_what_became_of_a_choice(client):
    path, body = BODIES["tabby-agent"]
    reply = (await client.post(path, json=body)).json()
    assert reply["choices"] == [{"index": 0, "text": "fake completion"}]
    event = {"completion_id": reply["id"], "choice_index": 0, "view_id": f"view-{reply['id']}-1"}
    for more in ({"type": "view"}, {"type": "select", "elapsed": 310}, {"type": "dismiss"}):
        assert (await client.post("/v1/events", json={**event, **more})).status_code == 200


async def test_zed_finds_all_that_it_requires(client):
    path, body = BODIES["Zed"]
    reply = (await client.post(path, json=body)).json()
    types = {"id": str, "object": str, "created": int, "model": str, "choices": list}
    assert all(isinstance(reply[name], kind) for name, kind in types.items())
    assert reply["choices"][0]["text"] == "fake completion"
    assert {"prompt_tokens", "completion_tokens", "total_tokens"} <= reply["usage"].keys()


@pytest_asyncio.fixture
async def package(app):
    """The `openai` package itself, in this process."""
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app))
    url = "http://127.0.0.1:8012/v1"
    async with openai.AsyncOpenAI(base_url=url, api_key="unused", http_client=http) as package:
        yield package


async def test_the_openai_package_is_answered(package, service, tmp_path):
    options: dict[str, Any] = {"model": "any", "prompt": BEFORE, "suffix": AFTER, "n": 1}
    whole = await package.completions.create(**options, max_tokens=4096, stop=None, user="ada")
    usage: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = [each async for each in await package.completions.create(**options, **usage)]
    assert whole.choices[0].text == "fake completion"
    assert "".join(part.text for chunk in chunks for part in chunk.choices) == "fake completion"
    assert chunks[-1].usage == whole.usage
    first, second = service.requests
    assert asked(first) == {**BETWEEN, "max_tokens": 4096}
    assert asked(second) == BETWEEN
    assert first.workspace == local_place(tmp_path)
    assert [model.id async for model in package.models.list()] == [MODEL]

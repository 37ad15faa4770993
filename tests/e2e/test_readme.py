"""The README's first request gives what the README says it gives."""

import json
import re
import shlex
import time
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import serving

ROOT = Path(__file__).parents[2]
COMPILED_WITHIN_S = 180.0


@pytest.mark.slow
def test_the_first_request_is_answered_as_the_readme_says(home, monkeypatch):
    monkeypatch.chdir(ROOT)
    readme = Path("README.md").read_text(encoding="utf-8")
    command = re.search(r"^curl .*?\n```", readme, re.DOTALL | re.MULTILINE)
    promised = re.search(r"text of the answer .*?```python\n(.*?)\n```", readme, re.DOTALL)
    assert command
    assert promised
    words = shlex.split(command[0].removesuffix("```").replace("\\\n", " "))
    headers = dict(words[at + 1].split(": ") for at, word in enumerate(words) if word == "-H")
    headers["X-Completer-Path"] = headers["X-Completer-Path"].replace("$PWD", str(ROOT))
    body = json.loads(Path(words[words.index("-d") + 1].removeprefix("@")).read_text())

    with serving("--workspace", "examples", env=home) as (url, _), httpx.Client() as client:

        def ask(**options):
            reply = client.post(
                url + "/v1/completions", json=body | options, headers=headers, timeout=60
            )
            return reply.raise_for_status().json()

        until = time.monotonic() + COMPILED_WITHIN_S
        tokens = 1
        while not ask(max_tokens=tokens)["completer"]["stats"]["drafted"]:
            assert time.monotonic() < until, "no drafts come"
            tokens = tokens % 60 + 1  # another question, since answers are remembered
            time.sleep(0.5)
        assert ask()["choices"][0]["text"] == promised[1]

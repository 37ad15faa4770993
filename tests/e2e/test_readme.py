"""The README's first request gives what the README says it gives."""

import json
import re
import shlex
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import COMPLETER, serving

ROOT = Path(__file__).parents[2]
LOADED_WITHIN_S = 60.0
SAVED_INDEX_S = 2.0  # until the saved index of a few files has been opened, at the latest


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
    body = json.loads(Path(words[words.index("-d") + 1].removeprefix("@")).read_text())

    subprocess.run([COMPLETER, "index", "examples"], env=home, check=True, capture_output=True)

    with serving("--workspace", "examples", env=home) as (url, _), httpx.Client() as client:

        def ask(**options):
            reply = client.post(
                url + "/v1/completions", json=body | options, headers=headers, timeout=60
            )
            return reply.raise_for_status().json()

        def complete(tokens):
            """Whether an answer has all that it can be made from."""
            facts = ask(max_tokens=tokens)["completer"]
            return facts["stats"]["drafted"] and facts["distribution"].endswith("+names")

        until, tokens = time.monotonic() + LOADED_WITHIN_S, 8
        while not complete(tokens):
            assert time.monotonic() < until, "drafts or names do not come"
            tokens = 8 + tokens % 50  # another question, since answers are remembered
            time.sleep(1)
        time.sleep(SAVED_INDEX_S)
        assert ask()["choices"][0]["text"] == promised[1]
        facts = ask()["completer"]  # the request is of the only workspace, though it names none
        assert facts["distribution"] == "model+repository+names"
        headers["X-Completer-Path"] = str(ROOT / "examples" / "shop" / "store.py")
        assert ask()["choices"][0]["text"] == promised[1]

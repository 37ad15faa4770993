"""Types through a real language server while its engine is killed, again and again.

`python -m tests.e2e.engine_killer --times 100` prints, as JSON, how long the editor was blocked,
beside what that is while none is killed, and which completions were lost: asked for, not
superseded, and without an answer 5 s after an engine was there again.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import random
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.conftest import home_of, run
from tests.e2e.language_client import Client, language_client

TEXT = "import os\n\n\ndef size_of(path):\n    return os.path.\n"
LINE, COLUMN = 4, len("    return os.path.")
LONGEST = 12
KEY_S = 0.12
UNKILLED_KEYS = 80
ANSWERED_WITHIN_S = 5.0
LAG_EVERY_S = 0.01
LONGEST_MS = 50.0
PATIENCE_S = 120.0


@dataclass
class Outcome:
    """What became of a session in which the engine was killed `kills` times."""

    kills: int = 0
    asked: int = 0
    answered: int = 0
    superseded: int = 0
    lost: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    blocked_ms: list[float] = field(default_factory=list)
    unkilled_ms: list[float] = field(default_factory=list)
    back_s: list[float] = field(default_factory=list)


class Typist:
    """A person who types and asks with every key, with a request beside that needs no engine."""

    def __init__(self, client: Client, uri: str, outcome: Outcome) -> None:
        self.client, self.uri, self.outcome = client, uri, outcome
        self.version = 1
        self.typed = ""
        self.random = random.Random(0)
        item = {"uri": uri, "languageId": "python", "version": 1, "text": TEXT}
        client.notify("textDocument/didOpen", {"textDocument": item})

    def key(self) -> queue.SimpleQueue[Any]:
        """Type a letter that no answer has, or begin the line anew, and ask at the caret."""
        self.version += 1
        goes_on = len(self.typed) < LONGEST
        end = {"line": LINE, "character": COLUMN + len(self.typed)}
        start = end if goes_on else {"line": LINE, "character": COLUMN}
        letter = self.random.choice("qzxjkvwy") if goes_on else ""
        change = {"range": {"start": start, "end": end}, "text": letter}
        self.typed = self.typed + letter if goes_on else ""
        document = {"uri": self.uri, "version": self.version}
        self.client.notify(
            "textDocument/didChange", {"textDocument": document, "contentChanges": [change]}
        )
        self.outcome.asked += 1
        return self.client.request(
            "textDocument/inlineCompletion",
            {
                "textDocument": {"uri": self.uri},
                "position": {"line": LINE, "character": COLUMN + len(self.typed)},
                "context": {"triggerKind": 2},
            },
        )

    def probe(self, stopped: threading.Event, waits_ms: list[float]) -> None:
        """Ask for what the language server answers by itself, and note how long that takes."""
        while not stopped.wait(LAG_EVERY_S):
            began = time.perf_counter()
            answer = self.client.request(
                "workspace/executeCommand", {"command": "completer.accept", "arguments": ["none"]}
            )
            with suppress(queue.Empty):
                answer.get(timeout=10)
            waits_ms.append(1000 * (time.perf_counter() - began))


def engines(environment: dict[str, str]) -> list[dict[str, Any]]:
    """What `completer status` tells."""
    told: list[dict[str, Any]] = json.loads(run("status", "--json", env=environment).stdout)
    return told


def ready_engine(environment: dict[str, str]) -> int:
    """The process id of the engine, once its model is there."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        ready = [each for each in engines(environment) if each["state"] == "ready"]
        if ready:
            return int(ready[0]["pid"])
        time.sleep(0.2)
    raise TimeoutError("no engine is ready")


def kill_while_typing(environment: dict[str, str], folder: Path, times: int) -> Outcome:
    """Type, kill the engine in the midst of it, type on until one is there again."""
    outcome = Outcome()
    with language_client(environment, folder.as_uri()) as client:
        typist = Typist(client, (folder / "typed.py").as_uri(), outcome)
        typist.key().get(timeout=PATIENCE_S)
        outcome.answered += 1
        with _probing(typist, outcome.unkilled_ms):
            for _ in range(UNKILLED_KEYS):
                time.sleep(KEY_S)
                typist.key()
        with _probing(typist, outcome.blocked_ms):
            for _ in range(times):
                _one_kill(environment, typist, outcome)
    outcome.asked -= UNKILLED_KEYS
    return outcome


@contextmanager
def _probing(typist: Typist, waits_ms: list[float]) -> Iterator[None]:
    stopped = threading.Event()
    probing = threading.Thread(target=typist.probe, args=(stopped, waits_ms), daemon=True)
    probing.start()
    yield
    stopped.set()
    probing.join()


def _one_kill(environment: dict[str, str], typist: Typist, outcome: Outcome) -> None:
    pid = ready_engine(environment)
    answers = [typist.key()]
    os.kill(pid, signal.SIGKILL)
    outcome.kills += 1
    killed = time.monotonic()
    for _ in range(4):
        time.sleep(KEY_S)
        answers.append(typist.key())
    ready_engine(environment)
    outcome.back_s.append(time.monotonic() - killed)
    for place, answer in enumerate(answers):
        _take(answer, is_last=place == len(answers) - 1, outcome=outcome)


def _take(answer: queue.SimpleQueue[Any], *, is_last: bool, outcome: Outcome) -> None:
    try:
        message = answer.get(timeout=ANSWERED_WITHIN_S)
    except queue.Empty:
        outcome.lost.append(outcome.kills)
        return
    if "error" in message:
        outcome.superseded += not is_last
        if is_last:
            outcome.errors.append(message["error"]["message"])
    else:
        outcome.answered += 1


def main() -> None:
    """Kill in a home and a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=100)
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "project"
        folder.mkdir()
        (folder / "typed.py").write_text(TEXT)
        with home_of(Path(temporary)) as environment:
            outcome = kill_while_typing(environment, folder, times)
    summary = asdict(outcome)
    for name in ("blocked_ms", "unkilled_ms"):
        waits = sorted(summary[name])
        over = sum(wait > LONGEST_MS for wait in waits)
        p99 = waits[len(waits) * 99 // 100]
        summary[name] = {"n": len(waits), "over_50": over, "p99": p99, "max": waits[-1]}
    print(json.dumps(summary, indent=1))


if __name__ == "__main__":
    main()

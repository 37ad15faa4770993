"""A `completer serve` of its own for a benchmark: started, waited for, ended."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from completer.errors import CompleterError

STARTS_WITHIN_S = 300.0  # the first start on a device measures it
PROGRAM = "from completer.cli.app import main; main()"


class ServerFailedError(CompleterError):
    """A server did not start, or does not answer as one of ours does."""


@contextmanager
def running_server(
    arguments: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator[str]:
    """Run `completer serve` until the block ends; yields its address once its model is there.

    It is for this machine, and needs no person's token.
    Raises `ServerFailedError`, with the end of what it printed to `log`.
    """
    alone = {
        "COMPLETER_SERVER__HOST": "127.0.0.1",
        "COMPLETER_SERVER__TOKENS": str(log.with_name("no-tokens.json")),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  this program itself
            [sys.executable, "-c", PROGRAM, "serve", "--port", "0", *arguments],
            env={**environment, **alone},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield _wait_until_ready(process, log)
    finally:
        process.terminate()
        process.wait(30)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a server's process has used: memory in bytes, processor time in seconds."""

    resident_bytes: int
    cpu_seconds: float


def usage(metrics: str) -> Usage:
    """Read from the text of a server's `/metrics` what it uses; zeros where it does not tell."""
    found = {
        sample.name: sample.value
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
        if not sample.labels
    }
    return Usage(
        int(found.get("process_resident_memory_bytes", 0)),
        found.get("process_cpu_seconds_total", 0.0),
    )


def model_state(url: str) -> str:
    """Whether the model of a server is there. Raises `ServerFailedError` if nothing answers."""
    try:
        state: str = httpx.get(f"{url}/health", timeout=10).json().get("model", "ready")
    except (httpx.HTTPError, ValueError, AttributeError) as error:
        raise ServerFailedError(
            f"No server answers at {url}: {error}", hint="Start one with `completer serve`."
        ) from error
    return state


def _wait_until_ready(process: "subprocess.Popen[bytes]", log: Path) -> str:
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        found = re.search(r"http://[\d.]+:\d+", log.read_text(errors="replace"))
        if found and _is_ready(found.group()):
            return found.group()
        time.sleep(0.2)
    printed = log.read_text(errors="replace").strip().splitlines()[-10:]
    raise ServerFailedError("The server did not start.", hint="\n  ".join(printed))


def _is_ready(url: str) -> bool:
    """Whether a server's model is there."""
    try:
        return model_state(url) == "ready"
    except ServerFailedError:
        return False

"""What decoding ahead brings to a person who accepts, and what it costs everybody else.

Two services on the same weights take turns, one of which decodes ahead. A completion is asked for
and read for a moment. Then either it is accepted, and the next one is asked for behind it; or,
without any wait, somebody else asks for another one.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from benchmarks.contest import percentiles
from benchmarks.spans import Span
from completer.evaluation.speculation import MAX_TOKENS
from completer.request import CompletionRequest
from completer.serving.service import LocalService

READING_S = 0.75  # from here on a suggestion counts as read


@dataclass(slots=True)
class _Seen:
    """What was measured with one service: ms of wall clock, ms of processor, answers at hand."""

    next_ms: list[float] = field(default_factory=list)
    other_ms: list[float] = field(default_factory=list)
    reading_cpu_ms: list[float] = field(default_factory=list)
    at_hand: int = 0


async def measure_accepting(
    services: dict[str, LocalService], spans: Sequence[Span]
) -> dict[str, Any]:
    """Accept a completion at each span; `services` are called `without` and `with`."""
    seen = {name: _Seen() for name in services}
    for number, span in enumerate(spans):
        other = _request(spans[number - 1], user=f"other {number}")
        names = list(services) if number % 2 else list(reversed(services))
        for name in names:
            await _accept(services[name], seen[name], _request(span, user="one"))
            await _interrupt(services[name], seen[name], _request(span, user="two"), other)
            services[name].forget()
    ratios = np.array(seen["with"].other_ms) / np.array(seen["without"].other_ms)
    return {
        "accepted": len(seen["with"].next_ms),
        "others_median_ratio": round(float(np.median(ratios)), 4),
        **{name: _summary(each) for name, each in seen.items()},
    }


async def _accept(service: LocalService, seen: _Seen, request: CompletionRequest) -> None:
    """Read for a while, accept, and wait for the next completion."""
    shown = await service.complete(request)
    worked = time.process_time()
    await asyncio.sleep(READING_S)
    seen.reading_cpu_ms.append(1000 * (time.process_time() - worked))
    if shown.text:
        behind = replace(request, prefix=request.prefix + shown.text)
        started = time.perf_counter()
        answer = await service.complete(behind)
        seen.next_ms.append(1000 * (time.perf_counter() - started))
        seen.at_hand += answer.stats.cached


async def _interrupt(
    service: LocalService, seen: _Seen, request: CompletionRequest, other: CompletionRequest
) -> None:
    """Let somebody else ask the moment a completion has been shown."""
    await service.complete(request)
    await asyncio.sleep(0.005)  # what is decoded ahead has begun
    started = time.perf_counter()
    await service.complete(other)
    seen.other_ms.append(1000 * (time.perf_counter() - started))


def _request(span: Span, user: str) -> CompletionRequest:
    return CompletionRequest(
        prefix=span.prefix,
        suffix=span.suffix,
        path=span.path,
        user=user,
        max_tokens=MAX_TOKENS,
        multiline=False,
        polish=True,
    )


def _summary(seen: _Seen) -> dict[str, Any]:
    return {
        "next_ms": percentiles(seen.next_ms, 50, 95),
        "others_ms": percentiles(seen.other_ms, 50, 95),
        "at_hand_share": round(seen.at_hand / max(1, len(seen.next_ms)), 4),
        "cpu_ms_while_reading": percentiles(seen.reading_cpu_ms, 50, 95),
    }

"""What `completer model bench` measures: lines of a few usual functions, each asked for once."""

import asyncio
from statistics import median
from typing import Any

from completer.cli.assembly import build_model, build_service
from completer.request import Completion, CompletionRequest
from completer.serving.service import LocalService
from completer.settings import Settings

NAMES = ("size", "name", "total", "first", "count", "path", "owner", "width", "parent")


def time_lines(settings: Settings) -> dict[str, Any]:
    """Load the model, ask for a line in each of nine texts, and return medians.

    Times are milliseconds; the first line warms up and does not count.
    """
    model, tuning = build_model(settings, own_code=False)
    service = build_service(model, tuning, settings)
    try:
        answers = [asyncio.run(_line(service, name)) for name in NAMES][1:]
    finally:
        service.close()
    stats = [each.stats for each in answers]
    return {
        "model": model.name,
        "dtype": tuning.dtype,
        "threads": tuning.threads,
        "load_ms": model.load_ms,
        "line_ms": median(each.prefill_ms + each.decode_ms for each in stats),
        "tokens": median(each.generated_tokens for each in stats),
        "steps": median(each.steps for each in stats),
    }


async def _line(service: LocalService, name: str) -> Completion:
    request = CompletionRequest(
        prefix=f"class Item:\n    def get_{name}(self):\n        return self.",
        suffix=f"\n\n    def set_{name}(self, value):\n        pass\n",
        multiline=False,
        withhold=False,
        polish=True,
        trigger="manual",
    )
    return await service.complete(request)

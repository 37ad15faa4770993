"""What the engine is asked for a request."""

from dataclasses import replace

import pytest

from completer.cli.assembly import build_service
from completer.request import CompletionRequest
from models.loading import load_model
from models.source import BUNDLED
from tests.completer.serving.test_service import NO_TUNING, settings


@pytest.mark.slow
async def test_a_bracket_that_the_editor_closes_keeps_what_was_computed(tmp_path):
    service = build_service(load_model(BUNDLED, device="cpu"), NO_TUNING, settings(tmp_path))
    above = "".join(f"def half_{number}(a):\n    return a / 2\n\n\n" for number in range(20))
    asked = CompletionRequest(
        prefix=above + "total = half_1",
        suffix="\n\nprint(total)\n",
        language="python",
        deadline_ms=60_000.0,
    )
    await service.complete(asked)
    opened = await service.complete(
        replace(asked, prefix=asked.prefix + "(", suffix=")" + asked.suffix)
    )
    changed = await service.complete(replace(asked, suffix=" + 1" + asked.suffix))
    service.close()

    assert opened.stats.prompt_tokens - opened.stats.reused_tokens < 8
    assert changed.stats.prompt_tokens - changed.stats.reused_tokens > 200
